"""What pump drivers keep beside their protocol: the book of what is left, and the way of a stop past a delivery."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hardware.devices import PumpRange
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.wire import Link

STOP_S = 0.5
"""Within this a stop is confirmed, or said not to be."""
_LOCK_S = 0.3
_SLACK_UL = 1e-6


def check_range(device: str, limits: PumpRange, volume_ul: float, rate_ul_s: float) -> None:
    """Raises OutOfRangeError for what the pump cannot do, and for what is no number."""
    if not limits.min_volume_ul <= volume_ul <= limits.capacity_ul:
        span = f"{limits.min_volume_ul:.3g} to {limits.capacity_ul:g} µL"
        raise OutOfRangeError(device, f"{volume_ul:g} µL is outside what it can deliver, {span}")
    if not limits.min_rate_ul_s <= rate_ul_s <= limits.max_rate_ul_s:
        span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
        raise OutOfRangeError(device, f"{rate_ul_s:g} µL/s is outside what it can do, {span}")


def connect(link: Link, greet: Callable[[], None]) -> None:
    """Open `link` and make sure who answers; once more should the cable have been out with nobody noticing."""
    was_open = link.is_open
    link.open()
    try:
        greet()
    except HardwareError:
        lost = was_open and not link.is_open
        link.close()
        if not lost:
            raise
        connect(link, greet)


class Book:
    """What the vessel (a syringe, a bottle) holds by what went out and in; full when the pump is opened first."""

    def __init__(self, device: str, vessel: str, capacity_ul: float) -> None:
        self._device, self._vessel, self._capacity_ul = device, vessel, capacity_ul
        self.left_ul = capacity_ul

    def loaded(self, volume_ul: float) -> None:
        """Raises OutOfRangeError for more than the vessel holds."""
        if not 0 <= volume_ul <= self._capacity_ul:
            whole = f"a {self._capacity_ul:g} µL {self._vessel} cannot hold {volume_ul:g} µL"
            raise OutOfRangeError(self._device, whole)
        self.left_ul = volume_ul

    def check(self, volume_ul: float, *, drawn: bool) -> None:
        """Raises OutOfRangeError unless `volume_ul` can go out, or be drawn in."""
        room_ul = self._capacity_ul - self.left_ul if drawn else self.left_ul
        if not volume_ul <= room_ul + _SLACK_UL:
            what = "room in" if drawn else "left in"
            found = f"{volume_ul:g} µL asked, only {room_ul:.4g} µL {what} the {self._vessel}"
            raise OutOfRangeError(self._device, found)

    def moved(self, volume_ul: float, *, drawn: bool) -> None:
        change = volume_ul if drawn else -volume_ul
        self.left_ul = min(max(self.left_ul + change, 0.0), self._capacity_ul)


class Halting:
    """One delivery at a time, and a stop that waits for none."""

    def __init__(self, device: str, link: Link, latch: threading.Event) -> None:
        self._device, self._link, self._latch = device, link, latch
        self._halt, self._standing = threading.Event(), threading.Event()
        self._working = threading.Lock()
        self._worker = 0
        self._stops: list[object] = []
        self.sent_s = 0.0
        """When the last stop had left, on the monotonic clock."""

    def halted(self) -> bool:
        return self._halt.is_set() or self._latch.is_set()

    def cuts(self) -> bool:
        """Whether a stop ends an exchange of this thread.

        One of a delivery for good, any other only while the stop itself needs the line: a pump that is stopped may
        be asked, and connected again, which stops it once more.
        """
        return self.halted() if self._worker == threading.get_ident() else bool(self._stops)

    def pause(self, wait_s: float) -> bool:
        """Sleep, but not through a stop; whether there is one."""
        self._halt.wait(wait_s)
        return self.halted()

    def stands(self) -> bool:
        """Whether the stop that cut a delivery short has ended, confirmed or not; waits a second for it."""
        return self._standing.wait(1.0)

    @contextmanager
    def delivering(self) -> Iterator[None]:
        if not self._working.acquire(blocking=False):
            raise HardwareError(self._device, "is still delivering; wait or stop it first")
        try:
            self._halt.clear()
            self._standing.clear()
            self._worker = threading.get_ident()
            yield
        finally:
            self._worker = 0
            self._working.release()

    @contextmanager
    def nothing_ran_yet(self) -> Iterator[None]:
        """Whatever fails in here, no liquid has moved."""
        try:
            yield
        except (DeviceTimeoutError, NotConnectedError, ReplyError, StoppedError) as error:
            if self.halted():
                raise StoppedError(self._device, "stopped before it began") from error
            error.outcome = "not_done"
            raise

    def stop(self, urgent: bytes, confirm: Callable[[float], None]) -> None:
        """Send `urgent` at once; then, as soon as the line is ours, `confirm(deadline_s)` that all stands."""
        deadline_s = time.monotonic() + STOP_S
        mine = object()
        self._stops.append(mine)
        self._halt.set()
        self._standing.clear()
        try:
            self._link.send_urgent(urgent)
            self.sent_s = time.monotonic()
            if not self._link.lock.acquire(timeout=_LOCK_S):
                self._link.send_urgent(urgent)
                raise DeviceTimeoutError(self._device, "the stop was sent but not confirmed", "unknown")
            try:
                confirm(deadline_s)
            finally:
                self._link.lock.release()
        finally:
            self._stops.remove(mine)
            self._standing.set()
