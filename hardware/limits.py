"""What no caller can get round: full vials, empty syringes, the ends of the travel, and a stop in force."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from hardware.devices import NeedsReadying, Pump, PumpAbilities, PumpRange, Stage, StageRange, Traffic
from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.fluidics import Delivery
from hardware.spec import NOZZLES_UP_MM, RackSpec
from hardware.toml_file import did_you_mean

ON_SLOT_MM = 0.5
SAME_PLACE_MM = 0.02
UNWOUND_S = 0.2


class Station:
    """The place under the nozzles: which vial stands there, how full it is, who pours and who moves."""

    def __init__(self, stage: Stage, rack: RackSpec, latch: threading.Event) -> None:
        self.rack = rack
        self.latch = latch
        self._stage = stage
        self._lock = threading.Lock()
        self._contents_ul = dict.fromkeys(rack.slots, 0.0)
        self._pouring: set[str] = set()
        self._moving = False

    def slot_now(self) -> str | None:
        """The slot at the station, None between slots. Raises HardwareError while the position is unknown."""
        x, y, _ = self._stage.position_mm()
        slot = self.rack.nearest(x, y)
        slot_x, slot_y = self.rack.position_mm(slot)
        return slot if abs(x - slot_x) <= ON_SLOT_MM and abs(y - slot_y) <= ON_SLOT_MM else None

    def contents_ul(self, slot: str) -> float:
        with self._lock:
            return self._contents_ul[self.known(slot)]

    def set_contents(self, slot: str, volume_ul: float) -> None:
        if not 0 <= volume_ul <= self.rack.vial.capacity_ul:
            raise OutOfRangeError(slot, f"a vial of {self.rack.vial.capacity_ul:g} µL cannot hold {volume_ul:g} µL")
        with self._lock:
            self._contents_ul[self.known(slot)] = volume_ul

    def known(self, slot: str) -> str:
        if slot not in self._contents_ul:
            raise OutOfRangeError("rack", f"has no slot {slot!r}{did_you_mean(slot, self._contents_ul)}")
        return slot

    def check_running(self, device: str) -> None:
        if self.latch.is_set():
            raise StoppedError(device, "everything is stopped; release the stop before going on")

    def release(self) -> None:
        """Release the stop. Raises HardwareError while something that began before it has not ended."""
        with self._lock:
            if busy := sorted(self._pouring) + ["stage"] * self._moving:
                left = f"{', '.join(busy)} has not come to its end since the stop"
                raise HardwareError("rig", f"{left}; wait a little, or start the program anew")
            self.latch.clear()

    @contextmanager
    def pouring(
        self, role: str, volume_ul: float, left_ul: Callable[[], float], into: str | None = None
    ) -> Iterator[None]:
        """Book `volume_ul` into the vial at the station before it flows, and correct the book by what flowed.

        into: the slot that must be there. From the question until the end of the dose the stage stands.
        """
        with self._standing_for(role):
            slot = self.slot_now()
            if into is not None and slot != into:
                stands = f"slot {slot}" if slot else "no slot"
                raise OutOfRangeError(role, f"{stands} is under the nozzles, not {into}; move there first")
            self._book(role, slot, volume_ul)
            before_ul = left_ul()
            try:
                yield
            finally:
                with self._lock:
                    if slot is not None:
                        self._contents_ul[slot] += before_ul - left_ul() - volume_ul

    @contextmanager
    def expelling(self, role: str) -> Iterator[None]:
        """While a pump makes a movement of its own, which may push liquid out: not into a vial."""
        with self._standing_for(role):
            slot = None
            with suppress(HardwareError):  # nobody knows what is under the nozzles, and a person has said go on
                slot = self.slot_now()
            if slot is not None:
                under = f"vial {slot} is under the nozzles"
                raise OutOfRangeError(role, f"making it ready may push liquid out, and {under}; move it away first")
            yield

    @contextmanager
    def _standing_for(self, role: str) -> Iterator[None]:
        """The stage stands, and this pump does nothing else."""
        with self._lock:
            self.check_running(role)
            if self._moving:
                raise HardwareError(role, "the stage is moving; dispense when it stands")
            if role in self._pouring:
                raise HardwareError(role, "is still delivering; wait or stop it first")
            self._pouring.add(role)
        try:
            yield
        finally:
            with self._lock:
                self._pouring.discard(role)

    def _book(self, role: str, slot: str | None, volume_ul: float) -> None:
        if slot is None:
            return
        with self._lock:
            full = self._contents_ul[slot] + volume_ul
            if full > self.rack.vial.fill_limit_ul + 1e-6:
                limit = f"above its fill limit of {self.rack.vial.fill_limit_ul:g} µL"
                raise OutOfRangeError(role, f"{volume_ul:g} µL would fill vial {slot} to {full:g} µL, {limit}")
            self._contents_ul[slot] = full

    @contextmanager
    def moving(self) -> Iterator[None]:
        with self._lock:
            self.check_running("stage")
            if self._moving:
                raise HardwareError("stage", "is still moving; wait or stop it first")
            if self._pouring:
                raise HardwareError("stage", f"{', '.join(sorted(self._pouring))} still dispenses; wait for it")
            self._moving = True
        try:
            yield
        finally:
            with self._lock:
                self._moving = False


class LimitedPump:
    """A pump that refuses, before a byte is sent, what would overfill a vial or run a syringe dry."""

    def __init__(self, pump: Pump, station: Station) -> None:
        self._pump = pump
        self._station = station

    @property
    def name(self) -> str:
        return self._pump.name

    @property
    def range(self) -> PumpRange:
        return self._pump.range

    @property
    def abilities(self) -> PumpAbilities:
        return self._pump.abilities

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._pump.traffic

    @property
    def left_ul(self) -> float:
        return self._pump.left_ul

    def loaded(self, volume_ul: float) -> None:
        self._pump.loaded(volume_ul)

    def open(self) -> None:
        self._pump.open()

    def identify(self) -> str:
        return self._pump.identify()

    def about(self) -> Mapping[str, str]:
        return self._pump.about()

    @property
    def port_now(self) -> str | None:
        return self._pump.port_now if isinstance(self._pump, Delivery) else None

    def select(self, port: str) -> None:
        self._station.check_running(self.name)
        self._piped("valve to turn").select(port)

    @property
    def primed(self) -> bool:
        return not isinstance(self._pump, Delivery) or self._pump.primed

    def filled(self) -> None:
        """Book that the tubing is full, as after priming by hand."""
        self._piped("tubing to fill").filled()

    @property
    def unready(self) -> str:
        return self._pump.unready if isinstance(self._pump, NeedsReadying) else ""

    def make_ready(self) -> None:
        """As the pump does it, but not over a vial: how much comes out is known only of priming."""
        self._station.check_running(self.name)
        pump = self._piped("movement of its own to make")
        if pump.pump_unready:
            with self._station.expelling(self.name):
                pump.make_ready()
        elif not pump.primed:
            self.prime()

    def prime(self, rate_ul_s: float | None = None) -> float:
        """Fill the tubing; returns what went through it, in µL. All of it counts for the vial at the station."""
        self._station.check_running(self.name)
        pump = self._piped("tubing to fill")
        with self._station.pouring(self.name, pump.dead_volume_ul, lambda: pump.left_ul):
            return pump.prime(rate_ul_s)

    def discard(self, volume_ul: float, rate_ul_s: float | None = None) -> float:
        """Push `volume_ul` to waste; returns what went there, in µL."""
        self._station.check_running(self.name)
        return self._piped("port to waste").discard(volume_ul, rate_ul_s)

    def _piped(self, what: str) -> Delivery:
        if not isinstance(self._pump, Delivery):
            raise OutOfRangeError(self.name, f"has no {what}")
        return self._pump

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        return self.pour(None, volume_ul, rate_ul_s)

    def pour(self, slot: str | None, volume_ul: float, rate_ul_s: float) -> float:
        """As `dispense`, but only if `slot` stands at the station."""
        self._check(volume_ul, rate_ul_s)
        if volume_ul > self.left_ul + 1e-6:
            left = f"only {self.left_ul:.0f} µL are left"
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL asked, {left}; refill it and say so")
        with self._station.pouring(self.name, volume_ul, lambda: self._pump.left_ul, slot):
            return self._pump.dispense(volume_ul, rate_ul_s)

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        self._check(volume_ul, rate_ul_s)
        return self._pump.aspirate(volume_ul, rate_ul_s)

    def stop(self) -> None:
        self._pump.stop()

    def close(self) -> None:
        self._pump.close()

    def _check(self, volume_ul: float, rate_ul_s: float) -> None:
        self._station.check_running(self.name)
        limits = self.range
        if not limits.min_volume_ul <= volume_ul <= limits.capacity_ul:
            span = f"{limits.min_volume_ul:.3g} to {limits.capacity_ul:g} µL"
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL is outside what it can deliver, {span}")
        if not limits.min_rate_ul_s <= rate_ul_s <= limits.max_rate_ul_s:
            span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
            raise OutOfRangeError(self.name, f"{rate_ul_s:g} µL/s is outside what it can do, {span}")


class LimitedStage:
    """A stage that does not move under a pouring nozzle, beyond its travel, while stopped, or with nozzles down."""

    def __init__(self, stage: Stage, station: Station) -> None:
        self._stage = stage
        self._station = station
        self._cut, self._stands = threading.Event(), threading.Event()
        self._stands.set()

    @property
    def name(self) -> str:
        return self._stage.name

    @property
    def travel_mm(self) -> tuple[float, float, float]:
        return self._stage.travel_mm

    @property
    def range(self) -> StageRange:
        return self._stage.range

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._stage.traffic

    @property
    def homed(self) -> bool:
        return self._stage.homed

    def open(self) -> None:
        self._stage.open()

    def identify(self) -> str:
        return self._stage.identify()

    def about(self) -> Mapping[str, str]:
        return self._stage.about()

    def unlock(self) -> None:
        """Out of an alarm without homing, on the word of a person who has looked at the stage."""
        self._station.check_running(self.name)
        if (unlock := getattr(self._stage, "unlock", None)) is None:
            raise HardwareError(self.name, "has no alarm lock to release; home it")
        unlock()

    def home(self) -> None:
        self._station.check_running(self.name)
        with self._station.moving():
            self._stage.home()

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        """Nozzles up, then travel in X and Y, then down to `z_mm`; without `z_mm` they stay up.

        On the spot only Z moves. Each leg has the driver's deadline, and a stop ends them all.
        """
        self._station.check_running(self.name)
        for axis, value, travel in zip(
            "XYZ", (x_mm, y_mm, 0.0 if z_mm is None else z_mm), self.travel_mm, strict=True
        ):
            if not 0 <= value <= travel:
                raise OutOfRangeError(self.name, f"{axis} {value:g} mm is outside its travel, 0 to {travel:g} mm")
        with self._station.moving():
            self._cut.clear()
            self._stands.clear()
            try:
                for leg_mm in self._legs_mm(x_mm, y_mm, z_mm):
                    if self._cut.is_set():
                        raise StoppedError(self.name, "stopped on its way")
                    self._station.check_running(self.name)
                    self._stage.move_to(*leg_mm)
            finally:
                self._stands.set()

    def _legs_mm(self, x_mm: float, y_mm: float, z_mm: float | None) -> Iterator[tuple[float, ...]]:
        here_mm = self._stage.position_mm()
        x_now, y_now, _ = (min(max(at, 0.0), end) for at, end in zip(here_mm, self.travel_mm, strict=True))
        travels = max(abs(x_mm - here_mm[0]), abs(y_mm - here_mm[1])) > SAME_PLACE_MM
        if travels and abs(here_mm[2] - NOZZLES_UP_MM) > SAME_PLACE_MM:
            yield x_now, y_now, NOZZLES_UP_MM
        if travels or z_mm is None:
            yield x_mm, y_mm
        if z_mm is not None and not (travels and abs(z_mm - NOZZLES_UP_MM) <= SAME_PLACE_MM):
            yield x_mm, y_mm, z_mm

    def position_mm(self) -> tuple[float, float, float]:
        return self._stage.position_mm()

    def stop(self) -> None:
        """Also between two legs: one that had just begun is stopped again."""
        self._cut.set()
        self._stage.stop()
        if not self._stands.wait(UNWOUND_S):
            self._stage.stop()

    def close(self) -> None:
        self._stage.close()
