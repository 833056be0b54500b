"""Hearing messages one after another until a deadline, and at once no longer when told to stop."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from hardware.errors import DeviceTimeoutError, StoppedError
from hardware.wire import Link

SLICE_S = 0.05
MOST_STRAY = 64


def heard(link: Link, end: bytes, deadline_s: float, cut: Callable[[], bool]) -> Iterator[bytes]:
    """Every message until the deadline, without its end. Ends only by an exception.

    Raises DeviceTimeoutError at the deadline or after 64 messages that the caller did not want, StoppedError
    within 0.05 s of `cut()` becoming true, NotConnectedError, ReplyError for bytes without an end.
    """
    for _ in range(MOST_STRAY):
        message: bytes | None = None
        while message is None:
            if cut():
                raise StoppedError(link.device)
            now = time.monotonic()
            if now + SLICE_S >= deadline_s:
                message = link.read_until(end, deadline_s)
            else:
                with suppress(DeviceTimeoutError):
                    message = link.read_until(end, now + SLICE_S)
        yield message
    raise DeviceTimeoutError(link.device, f"{link.port} carries much, but not the answer", "unknown")
