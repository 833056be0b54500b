"""The lease: the program says every tenth of a second that it is alive, and the owner stops everything when not."""

import math
import os
import sys
import threading
import time
from collections.abc import Callable

BEAT_S = 0.1
_LOOK_S = 0.02


class Lease:
    """Watches over the program from `begin` on.

    `expired(why)` is called once each time it was silent for longer than its lease, or nobody could have heard it:
    this process was held up, the computer slept. `gone()` is called when the program's process has ended; a pipe
    that one of its children still holds open does not tell.
    """

    def __init__(self, expired: Callable[[str], object], gone: Callable[[], object]) -> None:
        self._lease_s = math.inf
        self._expired, self._gone = expired, gone
        self._beat_s = time.monotonic()
        self._late = False
        self._parent = os.getppid()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lease", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def counts(self, lease_s: float) -> None:
        """From now on the program may be silent for so long."""
        self._beat_s = time.monotonic()
        self._lease_s = lease_s

    def beat(self) -> None:
        self._beat_s = time.monotonic()

    def again(self) -> None:
        """What was stopped is released: a program that is still silent is to be told of anew."""
        self._late = False

    def end(self) -> None:
        self._ended.set()

    def _watch(self) -> None:
        looked_s, asleep_s = time.monotonic(), _asleep_s()
        while not self._ended.wait(_LOOK_S):
            if sys.platform != "win32" and os.getppid() != self._parent:
                self._gone()
                return
            now_s, slept_s = time.monotonic(), _asleep_s() - asleep_s
            why = self._why(now_s - self._beat_s, now_s - looked_s, slept_s)
            if why:
                self._expired(why)
            looked_s, asleep_s = time.monotonic(), asleep_s + slept_s

    def _why(self, silent_s: float, held_s: float, slept_s: float) -> str:
        silent = silent_s > self._lease_s
        news, self._late = silent and not self._late, silent
        if slept_s > self._lease_s:
            return f"the computer slept for {slept_s:.0f} s"
        if held_s > self._lease_s:
            return f"the process that owns the ports was held up for {held_s:.1f} s"
        return f"the program has not answered for {silent_s:.1f} s" if news else ""


def _asleep_s() -> float:
    """How long the computer has slept, from some time on. On Windows `time.monotonic` goes on meanwhile."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC) - time.monotonic()
    return 0.0
