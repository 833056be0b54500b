"""The place under the nozzles: which vial stands there and how full it is by the books, who pours and who moves."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hardware.devices import Stage
from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, StoppedError
from hardware.latch import Latch
from hardware.spec import RackSpec
from hardware.toml_file import did_you_mean

ON_SLOT_MM = 0.5
OWN_MOVEMENT_S = 60.0
"""The longest that a pump is taken to need for a movement of its own."""


class Station:
    """What all pumps and the stage of one rig have to agree on. Any thread; its lock is held for no exchange."""

    def __init__(self, stage: Stage, rack: RackSpec, latch: Latch) -> None:
        self.rack = rack
        self.latch = latch
        self._stage = stage
        self._lock = threading.Lock()
        self.booked: Callable[[], None] = lambda: None
        """Called after a dose is booked and before it flows: a copy of the books is never behind the vials."""
        self._contents_ul = dict.fromkeys(rack.slots, 0.0)
        self._at_work: dict[str, str | None] = {}  # pumps, and the slot into which each of them pours
        self._worst_left_ul: dict[str, float] = {}
        self._lost: dict[str, float] = {}  # pumps whose connection broke while they pushed, and until when they may
        self._moving = False

    def slot_now(self) -> str | None:
        """The slot at the station, None clear of all vials. Raises HardwareError while the position is unknown, and
        OutOfRangeError near a vial's edge: what falls there may be in it or beside it."""
        x, y, _ = self._stage.position_mm()
        slot = self.rack.nearest(x, y)
        slot_x, slot_y = self.rack.position_mm(slot)
        if abs(x - slot_x) <= ON_SLOT_MM and abs(y - slot_y) <= ON_SLOT_MM:
            return slot
        off_mm = math.hypot(x - slot_x, y - slot_y)
        if off_mm <= self.rack.vial.outer_mm / 2 + ON_SLOT_MM:
            where = f"the nozzles are {off_mm:.2g} mm from the middle of vial {slot}"
            raise OutOfRangeError("stage", f"{where}; bring it to the station, or move clear of it")
        return None

    def contents_ul(self, slot: str) -> float:
        with self._lock:
            return self._contents_ul[self.known(slot)]

    def set_contents(self, slot: str, volume_ul: float) -> None:
        if not 0 <= volume_ul <= self.rack.vial.capacity_ul:
            raise OutOfRangeError(slot, f"a vial of {self.rack.vial.capacity_ul:g} µL cannot hold {volume_ul:g} µL")
        with self._lock:
            if slot in self._at_work.values():
                raise HardwareError(slot, "is being filled just now; say what it holds when that has ended")
            self._contents_ul[self.known(slot)] = float(volume_ul)

    def worst_left_ul(self) -> dict[str, float]:
        """Of the pumps at work: what each has left should this process end now, and nobody know how far it came."""
        with self._lock:
            return dict(self._worst_left_ul)

    def known(self, slot: str) -> str:
        if slot not in self._contents_ul:
            raise OutOfRangeError("rack", f"has no slot {slot!r}{did_you_mean(slot, self._contents_ul)}")
        return slot

    def check_running(self, device: str) -> None:
        if self.latch.is_set():
            raise StoppedError(device, "everything is stopped; release the stop before going on")

    def release(self, asked: int) -> None:
        """Release the stops before the moment `asked`. Raises HardwareError while something that began before has
        not ended, StoppedError when there was a stop since: nothing is released then."""
        with self._lock:
            if busy := sorted(self._at_work) + ["stage"] * self._moving:
                left = f"{', '.join(busy)} has not come to its end since the stop"
                raise HardwareError("rig", f"{left}; wait a little, or start the program anew")
            if not self.latch.release(asked):
                raise StoppedError("rig", "was stopped again meanwhile")

    @contextmanager
    def pouring(
        self, role: str, volume_ul: float, lasts_s: float, left_ul: Callable[[], float], into: str | None = None
    ) -> Iterator[None]:
        """Book `volume_ul` into the vial at the station before it flows, and correct the book by what flowed.

        into: the slot that must be there. From the question until the end of the dose the stage stands.
        """
        with self.standing_for(role, lasts_s):
            slot = self.slot_now()
            if into is not None and slot != into:
                stands = f"slot {slot}" if slot else "no slot"
                raise OutOfRangeError(role, f"{stands} is under the nozzles, not {into}; move there first")
            before_ul = left_ul()
            self._book(role, slot, volume_ul, before_ul)
            try:
                self.booked()
                yield
            finally:
                with self._lock:
                    if slot is not None:
                        self._contents_ul[slot] += before_ul - left_ul() - volume_ul

    @contextmanager
    def expelling(self, role: str) -> Iterator[None]:
        """While a pump makes a movement of its own, which may push liquid out: not into a vial."""
        with self.standing_for(role, OWN_MOVEMENT_S):
            slot = None
            try:
                slot = self.slot_now()
            except OutOfRangeError:
                raise
            except HardwareError:
                pass  # nobody knows what is under the nozzles, and a person has said go on
            if slot is not None:
                under = f"vial {slot} is under the nozzles"
                raise OutOfRangeError(role, f"making it ready may push liquid out, and {under}; move it away first")
            yield

    @contextmanager
    def standing_for(self, role: str, lasts_s: float, worst_left_ul: float | None = None) -> Iterator[None]:
        """The stage stands, and this pump does nothing else.

        lasts_s: how long it moves liquid. Should its connection break meanwhile, the stage stands until that time
        is over or the pump is `found` again.
        """
        with self._lock:
            self.check_running(role)
            if self._moving:
                raise HardwareError(role, "the stage is moving; dispense when it stands")
            self._begin(role)
            if worst_left_ul is not None:
                self._worst_left_ul[role] = worst_left_ul
        try:
            if worst_left_ul is not None:
                self.booked()
            yield
        except NotConnectedError as error:
            if error.outcome == "unknown":
                with self._lock:
                    self._lost[role] = time.monotonic() + lasts_s
            raise
        finally:
            self._end(role)

    def found(self, role: str) -> None:
        """It answers again, and connecting has stopped it."""
        with self._lock:
            self._lost.pop(role, None)

    @contextmanager
    def at_rest(self, role: str) -> Iterator[None]:
        """This pump does nothing, and begins nothing meanwhile; also while everything is stopped."""
        with self._lock:
            self._begin(role)
        try:
            yield
        finally:
            self._end(role)

    def _begin(self, role: str) -> None:
        if role in self._at_work:
            raise HardwareError(role, "is still delivering; wait or stop it first")
        self._at_work[role] = None

    def _end(self, role: str) -> None:
        with self._lock:
            self._at_work.pop(role, None)
            self._worst_left_ul.pop(role, None)

    def _book(self, role: str, slot: str | None, volume_ul: float, left_ul: float) -> None:
        with self._lock:
            self._worst_left_ul[role] = max(0.0, left_ul - volume_ul)
            if slot is None:
                return
            full = self._contents_ul[slot] + volume_ul
            if full > self.rack.vial.fill_limit_ul + 1e-6:
                limit = f"above its fill limit of {self.rack.vial.fill_limit_ul:g} µL"
                raise OutOfRangeError(role, f"{volume_ul:g} µL would fill vial {slot} to {full:g} µL, {limit}")
            self._contents_ul[slot] = full
            self._at_work[role] = slot

    @contextmanager
    def moving(self) -> Iterator[None]:
        with self._lock:
            self.check_running("stage")
            if self._moving:
                raise HardwareError("stage", "is still moving; wait or stop it first")
            if self._at_work:
                raise HardwareError("stage", f"{', '.join(sorted(self._at_work))} still dispenses; wait for it")
            for role, until_s in self._lost.items():
                if (wait_s := until_s - time.monotonic()) > 0:
                    may = f"{role} was lost while it pushed and may go on for {wait_s:.0f} s"
                    raise HardwareError("stage", f"{may}, into whatever comes under it; connect it again, or wait")
            self._moving = True
        try:
            yield
        finally:
            with self._lock:
                self._moving = False
