"""What lies between a pump and the vial: calibration, backlash, tubing, and a valve with strokes from a bottle.

Volumes above this line are true ones, those below it are what the pump is told (`hardware.plunger`). A dose above
one stroke is drawn and delivered in equal strokes, and what the bottle holds is booked by what left the nozzle or
went to waste. Nothing is sent twice; what a stroke that failed may have delivered counts as the driver books it, in
full where nobody knows.
"""

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from hardware.devices import NeedsReadying, Pump, PumpAbilities, PumpRange, Traffic, Valved
from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.plunger import Cut, Plunger
from hardware.spec import PumpSpec

_DUST_UL = 1e-6


def for_driver(spec: PumpSpec) -> PumpSpec:
    """The spec as the driver may know it. One that knew both would turn its valve from waste back to the nozzle."""
    if "waste" not in spec.ports:
        return spec
    return replace(spec, ports={use: port for use, port in spec.ports.items() if use != "deliver"})


class Delivery:
    """A pump as its spec describes it. With a spec that says nothing more than kind, port and syringe it is that
    pump and no more.

    cut: the latch that the driver was given, so that both obey the same stop.
    """

    def __init__(self, pump: Pump, spec: PumpSpec, cut: Cut) -> None:
        self._pump, self._spec, self._cut = pump, spec, cut
        self._plunger = Plunger(pump, spec, cut)
        self._working = threading.Lock()
        self._strokes = spec.bottle_ul > 0
        self._primed = spec.dead_volume_ul == 0
        self._bottle_ul = spec.bottle_ul
        if self._strokes and not (isinstance(pump, Valved) and {"draw", "deliver"} <= spec.ports.keys()):
            raise HardwareError(pump.name, "a bottle needs a pump with a valve, and its ports draw and deliver")
        if not self._strokes and pump.left_ul > pump.range.capacity_ul / spec.factor:
            self._plunger.loaded(pump.range.capacity_ul)  # a full syringe holds no more for being pushed further

    # what it is

    @property
    def name(self) -> str:
        return self._pump.name

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._pump.traffic

    @property
    def abilities(self) -> PumpAbilities:
        return self._pump.abilities

    @property
    def range(self) -> PumpRange:
        """In true volumes. capacity_ul: the largest dose, which with a bottle is not bound to one stroke."""
        pump, f, offset_ul = self._pump.range, self._spec.factor, self._spec.offset_ul
        most_ul = min(pump.capacity_ul, f * pump.capacity_ul + min(offset_ul, 0.0))
        fastest = f * pump.max_rate_ul_s
        return replace(
            pump,
            capacity_ul=self._spec.bottle_ul if self._strokes else most_ul,
            min_volume_ul=f * pump.min_volume_ul + max(offset_ul, 0.0),
            min_rate_ul_s=f * pump.min_rate_ul_s,
            max_rate_ul_s=min(fastest, self._spec.max_rate_ul_s or fastest),
            step_ul=f * pump.step_ul,
        )

    @property
    def left_ul(self) -> float:
        """True volume left: in the bottle and what was drawn from it, or in the syringe."""
        return self._bottle_ul if self._strokes else self._plunger.left_ul

    def loaded(self, volume_ul: float) -> None:
        """Book that the bottle, or the syringe, now holds `volume_ul`."""
        if not self._strokes:
            self._plunger.loaded(volume_ul)
        elif 0 <= volume_ul <= self._spec.bottle_ul:
            self._bottle_ul = volume_ul
        else:
            raise OutOfRangeError(self.name, f"a {self._spec.bottle_ul:g} µL bottle cannot hold {volume_ul:g} µL")

    def identify(self) -> str:
        return self._pump.identify()

    def about(self) -> Mapping[str, str]:
        spec, told = self._spec, dict(self._pump.about())
        if (spec.factor, spec.offset_ul) != (1.0, 0.0):
            told["calibration"] = f"true = {spec.factor:g} × commanded {spec.offset_ul:+g} µL"
        if spec.backlash_ul:
            told["backlash"] = f"{spec.backlash_ul:g} µL at each reversal"
        if spec.dead_volume_ul:
            told["tubing"] = f"{spec.dead_volume_ul:g} µL, {'primed' if self._primed else 'not primed'}"
        if self._strokes:
            told["bottle"] = f"{self._bottle_ul:g} of {spec.bottle_ul:g} µL left"
        return told

    def open(self) -> None:
        """Raises OutOfRangeError when max_rate_ul_s of the rig file is no rate of the pump, as it now tells."""
        self._cut.clear()
        self._pump.open()
        said, pump, f = self._spec.max_rate_ul_s, self._pump.range, self._spec.factor
        least, most = f * pump.min_rate_ul_s, f * pump.max_rate_ul_s
        if said is not None and not least * (1 - 1e-9) <= said <= most * (1 + 1e-9):
            self._pump.close()
            does = f"with diameter_mm = {self._spec.diameter_mm:g} this pump does {least:.3g} to {most:.4g} µL/s"
            raise OutOfRangeError(self.name, f"max_rate_ul_s = {said:g} cannot be: {does}; correct the rig file")

    def close(self) -> None:
        self._pump.close()

    def stop(self) -> None:
        """Stop the stroke under way and prevent the next. Any thread, no lock."""
        self._cut.set()
        self._pump.stop()

    # valve

    @property
    def port_now(self) -> str | None:
        return self._pump.port_now if isinstance(self._pump, Valved) else None

    def select(self, port: str) -> None:
        with self._doing():
            self._turn(port)

    # made ready, and primed

    @property
    def primed(self) -> bool:
        """Whether the tubing is known to be full."""
        return self._primed

    @property
    def dead_volume_ul(self) -> float:
        return self._spec.dead_volume_ul

    def filled(self) -> None:
        """Book that the tubing is full, as after priming by hand."""
        self._primed = True

    @property
    def pump_unready(self) -> str:
        """Why the pump itself is not ready, whatever its tubing is; empty when it is."""
        return self._pump.unready if isinstance(self._pump, NeedsReadying) else ""

    @property
    def unready(self) -> str:
        if self.pump_unready or self._primed:
            return self.pump_unready
        dead, what = self._spec.dead_volume_ul, self._spec.stock or self.name
        return f"its tubing is not filled: priming pushes {dead:g} µL of {what} towards the nozzle"

    def make_ready(self) -> None:
        """What `unready` says, one thing at a time: the pump's own movement first, then the tubing."""
        if not (isinstance(self._pump, NeedsReadying) and self._pump.unready):
            if not self._primed:
                self.prime()
            return
        with self._doing():
            before_ul = self._pump.left_ul
            try:
                self._pump.make_ready()
            finally:
                self._book(self._plunger.expelled(before_ul - self._pump.left_ul))

    def prime(self, rate_ul_s: float | None = None) -> float:
        """Fill the tubing: push its dead volume towards the nozzle; returns what went that way, in µL.

        All of it is booked as having left, though at first only air does: what stands under the nozzle may get it.
        """
        if self._spec.dead_volume_ul == 0:
            return 0.0
        with self._doing():
            pushed_ul = self._deliver(self._spec.dead_volume_ul, rate_ul_s or self._easy_ul_s, "deliver")
            self._primed = True
            return pushed_ul

    def discard(self, volume_ul: float, rate_ul_s: float | None = None) -> float:
        """Push `volume_ul` out through the port "waste"; returns what went there, in µL. Raises as `dispense`."""
        if "waste" not in self._spec.ports or not isinstance(self._pump, Valved):
            raise OutOfRangeError(self.name, "has no port to waste; give it under `ports` in the rig file")
        with self._doing():
            return self._deliver(volume_ul, rate_ul_s or self._easy_ul_s, "waste")

    # doses

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        """`volume_ul` out of the nozzle; returns the true volume by what the pump counted, in µL."""
        if not self._primed:
            raise HardwareError(self.name, f"{self.unready}; prime it, or say that it is filled")
        with self._doing():
            return self._deliver(volume_ul, rate_ul_s, "deliver")

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        """`volume_ul` into the syringe, through the port "draw" if it has a valve; returns the true volume."""
        with self._doing():
            self._check_rate(rate_ul_s)
            room_ul = self._pump.range.capacity_ul - self._pump.left_ul
            told_ul = volume_ul / self._spec.factor + self._spec.backlash_ul - self._plunger.slack_ul
            if not told_ul <= room_ul + _DUST_UL:
                room = f"only {self._spec.factor * room_ul:.4g} µL room in the syringe"
                raise OutOfRangeError(self.name, f"{volume_ul:g} µL asked, {room}")
            self._port("draw")
            return self._plunger.draw(told_ul, self._plunger.told_rate_ul_s(rate_ul_s))

    def _deliver(self, volume_ul: float, rate_ul_s: float, use: Literal["deliver", "waste"]) -> float:
        """In as many equal strokes as it takes. The sum of what they gave is true whatever ended them."""
        count = self._count(volume_ul, rate_ul_s)
        told_ul, told_ul_s = self._plunger.told_ul(volume_ul / count), self._plunger.told_rate_ul_s(rate_ul_s)
        given: list[float] = []
        try:
            for _ in range(count):
                if self._strokes and not self._plunger.has(told_ul):
                    self._port("draw")
                    self._plunger.fill_up_to(told_ul, told_ul_s)
                self._port(use)
                before = len(given)
                try:
                    self._plunger.push(told_ul, told_ul_s, given)
                finally:
                    self._book(sum(given[before:]))
        except HardwareError as error:
            told = self._told(error, sum(given), volume_ul, count)
            if told is error:
                raise
            raise told from error
        return sum(given)

    def _count(self, volume_ul: float, rate_ul_s: float) -> int:
        """How many strokes. Raises OutOfRangeError before anything is sent."""
        self._check_rate(rate_ul_s)
        limits = self.range
        if not limits.min_volume_ul - _DUST_UL <= volume_ul <= limits.capacity_ul + _DUST_UL:
            span = f"{limits.min_volume_ul:.3g} to {limits.capacity_ul:g} µL"
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL is outside what it can deliver, {span}")
        can_ul, where = (self._bottle_ul, "bottle") if self._strokes else (self._plunger.can_push_ul, "syringe")
        if volume_ul > can_ul + _DUST_UL:
            left = f"only {can_ul:.4g} µL left in the {where}"
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL asked, {left}; refill it and say so")
        if not self._strokes:
            return 1
        stroke_ul = (
            self._spec.factor * (self._pump.range.capacity_ul - self._spec.backlash_ul) + self._spec.offset_ul
        )
        if stroke_ul <= 0:
            raise OutOfRangeError(self.name, "its backlash and offset are larger than its syringe; correct them")
        return max(1, math.ceil(volume_ul / stroke_ul - 1e-9))

    def _book(self, true_ul: float) -> None:
        """So much has left the bottle for good."""
        if self._strokes:
            self._bottle_ul = max(0.0, self._bottle_ul - true_ul)

    def _told(self, error: HardwareError, given_ul: float, volume_ul: float, count: int) -> HardwareError:
        """The error in true volumes, and with what is known of the whole dose and not only of its last stroke."""
        if self._plunger.plain and count == 1 and not self._strokes:
            return error
        if isinstance(error, StoppedError):
            return StoppedError(self.name, f"stopped after {given_ul:.6g} of {volume_ul:g} µL")
        if given_ul > 0:
            if error.outcome == "not_done":
                error.outcome = "unknown"  # of the whole: part of it was delivered, so it must not be sent again
            error.message += f"; {given_ul:.6g} of {volume_ul:g} µL are booked as delivered"
            error.args = (f"{error.device}: {error.message}",)
        return error

    # small print

    @contextmanager
    def _doing(self) -> Iterator[None]:
        if not self._working.acquire(blocking=False):
            raise HardwareError(self.name, "is still delivering; wait or stop it first")
        try:
            self._cut.clear()
            yield
        finally:
            self._working.release()

    def _port(self, use: Literal["draw", "deliver", "waste"]) -> None:
        if use in self._spec.ports:
            self._turn(self._spec.ports[use])

    def _turn(self, port: str) -> None:
        if self._cut.is_set():
            raise StoppedError(self.name)
        if not isinstance(self._pump, Valved):
            raise OutOfRangeError(self.name, f"has no valve to turn to {port}")
        if self._pump.port_now != port:
            self._pump.select(port)

    @property
    def _easy_ul_s(self) -> float:
        limits = self.range
        return max(limits.min_rate_ul_s, limits.max_rate_ul_s / 2)

    def _check_rate(self, rate_ul_s: float) -> None:
        limits = self.range
        if not limits.min_rate_ul_s * (1 - 1e-9) <= rate_ul_s <= limits.max_rate_ul_s * (1 + 1e-9):
            span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
            raise OutOfRangeError(self.name, f"{rate_ul_s:g} µL/s is outside what it can do, {span}")
