"""What no caller can get round: full vials, empty syringes, the ends of the travel, and a stop in force."""

import threading
from collections.abc import Iterator, Mapping

from hardware.devices import NeedsReadying, Pump, PumpAbilities, PumpRange, Stage, StageRange, Traffic
from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.fluidics import Delivery
from hardware.spec import NOZZLES_UP_MM
from hardware.station import Station

SAME_PLACE_MM = 0.02
UNWOUND_S = 0.2
MARGIN = 1.2
"""What is allowed for a pump that is slower than it was told."""


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
        with self._station.at_rest(self.name):
            self._pump.loaded(volume_ul)

    def open(self) -> None:
        self._pump.open()
        self._station.found(self.name)

    def identify(self) -> str:
        told = self._pump.identify()
        self._station.found(self.name)
        return told

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
        dead_ul = pump.dead_volume_ul
        with self._station.pouring(self.name, dead_ul, self._lasts_s(dead_ul, rate_ul_s), lambda: pump.left_ul):
            return pump.prime(rate_ul_s)

    def discard(self, volume_ul: float, rate_ul_s: float | None = None) -> float:
        """Push `volume_ul` to waste; returns what went there, in µL."""
        pump = self._piped("port to waste")
        worst_ul = max(0.0, pump.left_ul - volume_ul)
        with self._station.standing_for(self.name, self._lasts_s(volume_ul, rate_ul_s), worst_ul):
            return pump.discard(volume_ul, rate_ul_s)

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
        lasts_s = self._lasts_s(volume_ul, rate_ul_s)
        with self._station.pouring(self.name, volume_ul, lasts_s, lambda: self._pump.left_ul, slot):
            return self._pump.dispense(volume_ul, rate_ul_s)

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        self._check(volume_ul, rate_ul_s)
        with self._station.standing_for(self.name, self._lasts_s(volume_ul, rate_ul_s)):
            return self._pump.aspirate(volume_ul, rate_ul_s)

    def stop(self) -> None:
        self._pump.stop()

    def close(self) -> None:
        self._pump.close()

    def _lasts_s(self, volume_ul: float, rate_ul_s: float | None) -> float:
        return MARGIN * volume_ul / (rate_ul_s or max(self.range.min_rate_ul_s, self.range.max_rate_ul_s / 2))

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

    @property
    def unready(self) -> str:
        return self._stage.unready if isinstance(self._stage, NeedsReadying) else ""

    def make_ready(self) -> None:
        """Its own way to know where it stands, on the word of a person who has read `unready`."""
        self._station.check_running(self.name)
        if not isinstance(self._stage, NeedsReadying):
            raise HardwareError(self.name, "has nothing to make ready; home it")
        with self._station.moving():
            self._stage.make_ready()

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
