"""What lies between a plunger and the vial: calibration, backlash, tubing, and a valve with strokes from a bottle.

Volumes above this line are true ones, those below it are what the pump is told: true = factor * commanded +
offset_ul, from weighed doses (`hardware.calibration`). A plunger that turns round first takes up `backlash_ul`
without moving liquid; the slack left is followed through every stroke, also through one that was cut short. A dose
above one stroke is drawn and delivered in equal strokes, and what the bottle holds is booked by what left the
nozzle or went to waste. Nothing is sent twice; what a stroke that failed may have delivered counts in full, as the
driver books it.
"""

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from hardware.devices import NeedsReadying, Pump, PumpAbilities, PumpRange, Traffic, Valved
from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.spec import PumpSpec

_DUST_UL = 1e-6


class Cut(threading.Event):
    """Set while everything is stopped (`latch`), or while this pump is: the driver starts nothing then.

    A driver forgets a stop when its next command begins; this one holds for the whole dose, so that a stop between
    two strokes prevents the second.
    """

    def __init__(self, latch: threading.Event) -> None:
        super().__init__()
        self._latch = latch

    def is_set(self) -> bool:
        return super().is_set() or self._latch.is_set()


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
        self._working = threading.Lock()
        self._plain = (spec.factor, spec.offset_ul, spec.backlash_ul) == (1.0, 0.0, 0.0)
        self._strokes = spec.bottle_ul > 0
        self._primed = spec.dead_volume_ul == 0
        self._bottle_ul = spec.bottle_ul
        self._slack_ul = 0.0  # of the plunger before it pushes; it is taken to have been pushed last
        self._apart_ul = 0.0  # what the true volume left exceeds the plunger's by: offsets and slack
        if not self._strokes and pump.left_ul > pump.range.capacity_ul / spec.factor:
            pump.loaded(pump.range.capacity_ul / spec.factor)  # its full syringe holds no more for pushing further
        if self._strokes and not (isinstance(pump, Valved) and {"draw", "deliver"} <= spec.ports.keys()):
            raise HardwareError(pump.name, "a bottle needs a pump with a valve, and its ports draw and deliver")

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
        if self._strokes:
            return self._bottle_ul
        return max(0.0, self._spec.factor * self._pump.left_ul + self._apart_ul)

    def loaded(self, volume_ul: float) -> None:
        """Book that the bottle, or the syringe, now holds `volume_ul`. Of a syringe no more is believed than the
        plunger can push out by the calibration."""
        if not self._strokes:
            if not 0 <= volume_ul <= self._pump.range.capacity_ul:
                self._pump.loaded(volume_ul)  # says why
            self._pump.loaded(min(volume_ul / self._spec.factor, self._pump.range.capacity_ul))
            self._apart_ul = 0.0
            return
        if not 0 <= volume_ul <= self._spec.bottle_ul:
            raise OutOfRangeError(self.name, f"a {self._spec.bottle_ul:g} µL bottle cannot hold {volume_ul:g} µL")
        self._bottle_ul = volume_ul

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
        self._cut.clear()
        self._pump.open()

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

    def filled(self) -> None:
        """Book that the tubing is full, as after priming by hand."""
        self._primed = True

    @property
    def unready(self) -> str:
        if isinstance(self._pump, NeedsReadying) and self._pump.unready:
            return self._pump.unready
        if self._primed:
            return ""
        dead, what = self._spec.dead_volume_ul, self._spec.stock or self.name
        return f"its tubing is not filled: priming pushes {dead:g} µL of {what} out of the nozzle"

    @property
    def dead_volume_ul(self) -> float:
        return self._spec.dead_volume_ul

    @property
    def ready_expels_ul(self) -> float:
        """The most that `make_ready` can push out, wherever to."""
        if isinstance(self._pump, NeedsReadying) and self._pump.unready:
            return self._pump.range.capacity_ul
        return 0.0 if self._primed else self._spec.dead_volume_ul

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
                expelled_ul = max(0.0, before_ul - self._pump.left_ul)
                self._moved(self._spec.factor * expelled_ul, -expelled_ul)
                self._slack_ul = 0.0  # whatever it did ended by pushing

    def prime(self, rate_ul_s: float | None = None) -> float:
        """Fill the tubing: push its dead volume towards the nozzle; returns what went that way, in µL.

        All of it is booked as having left, though at first only air does: what stands under the nozzle may get it.
        """
        dead_ul = self._spec.dead_volume_ul
        if dead_ul == 0:
            return 0.0
        with self._doing():
            pushed_ul = self._deliver(dead_ul, self._rate(rate_ul_s), "deliver")
            self._primed = True
            return pushed_ul

    def discard(self, volume_ul: float, rate_ul_s: float | None = None) -> float:
        """Push `volume_ul` out through the port "waste"; returns what went there, in µL. Raises as `dispense`."""
        if "waste" not in self._spec.ports or not isinstance(self._pump, Valved):
            raise OutOfRangeError(self.name, "has no port to waste; give it under `ports` in the rig file")
        with self._doing():
            return self._deliver(volume_ul, self._rate(rate_ul_s), "waste")

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
            f, before_ul = self._spec.factor, self._pump.left_ul
            told_ul = volume_ul / f + self._spec.backlash_ul - self._slack_ul
            room_ul = self._pump.range.capacity_ul - before_ul
            if not told_ul <= room_ul + _DUST_UL:
                raise OutOfRangeError(
                    self.name, f"{volume_ul:g} µL asked, only {f * room_ul:.4g} µL room in the syringe"
                )
            self._port("draw")
            return self._draw(told_ul, self._told_rate(rate_ul_s))

    def _deliver(self, volume_ul: float, rate_ul_s: float, use: Literal["deliver", "waste"]) -> float:
        """In as many equal strokes as it takes. The sum of what they gave is true whatever ended them."""
        f, offset_ul = self._spec.factor, self._spec.offset_ul
        count = self._count(volume_ul, rate_ul_s)
        told_ul = (volume_ul / count - offset_ul) / f
        if not self._strokes and not told_ul + self._slack_ul <= self._pump.left_ul + _DUST_UL:
            can_ul = max(0.0, f * (self._pump.left_ul - self._slack_ul) + offset_ul)
            raise OutOfRangeError(
                self.name, f"{volume_ul:g} µL asked, only {can_ul:.4g} µL left in the syringe; refill it"
            )
        given: list[float] = []
        try:
            for _ in range(count):
                if self._strokes:
                    self._fill(told_ul, self._told_rate(rate_ul_s))
                self._port(use)
                self._push(told_ul, self._told_rate(rate_ul_s), given)
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
        if not self._strokes:
            return 1
        if volume_ul > self._bottle_ul + _DUST_UL:
            raise OutOfRangeError(
                self.name, f"{volume_ul:g} µL asked, only {self._bottle_ul:.4g} µL left in the bottle"
            )
        stroke_ul = (
            self._spec.factor * (self._pump.range.capacity_ul - self._spec.backlash_ul) + self._spec.offset_ul
        )
        if stroke_ul <= 0:
            raise OutOfRangeError(self.name, "its backlash and offset are larger than its syringe; correct them")
        return max(1, math.ceil(volume_ul / stroke_ul - 1e-9))

    def _fill(self, told_ul: float, rate_ul_s: float) -> None:
        """Draw what the next stroke needs beyond what the syringe holds, and no more."""
        pump, before_ul = self._pump.range, self._pump.left_ul
        if before_ul >= told_ul + self._slack_ul - _DUST_UL:
            return
        wanted_ul = min(told_ul + self._spec.backlash_ul + self._least_ul, pump.capacity_ul)  # more: for rounding
        if pump.capacity_ul - before_ul < self._least_ul:
            return  # it is full but for less than a step
        self._port("draw")
        self._draw(max(wanted_ul - before_ul, self._least_ul), rate_ul_s)

    # the plunger, in the pump's own volumes

    def _draw(self, told_ul: float, rate_ul_s: float) -> float:
        self._go_on()
        before_ul = self._pump.left_ul
        try:
            drawn_ul = self._pump.aspirate(told_ul, rate_ul_s)
        except BaseException:
            self._drew(self._pump.left_ul - before_ul, self._pump.left_ul - before_ul)
            raise
        return self._drew(drawn_ul, self._pump.left_ul - before_ul)

    def _drew(self, counted_ul: float, booked_ul: float) -> float:
        lost_ul = min(max(counted_ul, 0.0), self._spec.backlash_ul - self._slack_ul)
        self._slack_ul += lost_ul
        true_ul = self._spec.factor * (counted_ul - lost_ul)
        if not self._plain:
            self._apart_ul += true_ul - self._spec.factor * booked_ul
        return true_ul

    def _push(self, told_ul: float, rate_ul_s: float, given: list[float]) -> None:
        """One stroke; what it gave is added to `given`, also when it fails."""
        self._go_on()
        before_ul = self._pump.left_ul
        wanted_ul = told_ul + self._slack_ul
        if self._strokes and before_ul < wanted_ul <= before_ul + self._least_ul:
            wanted_ul = before_ul
        try:
            pushed_ul = self._pump.dispense(wanted_ul, rate_ul_s)
        except BaseException:
            booked_ul = before_ul - self._pump.left_ul
            given.append(self._pushed(booked_ul, booked_ul))
            raise
        given.append(self._pushed(pushed_ul, before_ul - self._pump.left_ul))

    def _pushed(self, counted_ul: float, booked_ul: float) -> float:
        lost_ul = min(max(counted_ul, 0.0), self._slack_ul)
        self._slack_ul -= lost_ul
        liquid_ul = counted_ul - lost_ul
        true_ul = max(0.0, self._spec.factor * liquid_ul + self._spec.offset_ul) if liquid_ul > 0 else 0.0
        self._moved(true_ul, -booked_ul)
        return true_ul

    def _moved(self, true_ul: float, booked_ul: float) -> None:
        """Book that `true_ul` has left, where the pump booked that its syringe holds `booked_ul` more."""
        if self._strokes:
            self._bottle_ul = max(0.0, self._bottle_ul - true_ul)
        elif not self._plain:
            self._apart_ul -= true_ul + self._spec.factor * booked_ul

    def _told(self, error: HardwareError, given_ul: float, volume_ul: float, count: int) -> HardwareError:
        """The error in true volumes, and with what is known of the whole dose and not only of its last stroke."""
        if self._plain and count == 1 and not self._strokes:
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

    def _go_on(self) -> None:
        if self._cut.is_set():
            raise StoppedError(self.name)

    def _port(self, use: Literal["draw", "deliver", "waste"]) -> None:
        if use in self._spec.ports:
            self._turn(self._spec.ports[use])

    def _turn(self, port: str) -> None:
        self._go_on()
        if not isinstance(self._pump, Valved):
            raise OutOfRangeError(self.name, f"has no valve to turn to {port}")
        if self._pump.port_now != port:
            self._pump.select(port)

    def _rate(self, rate_ul_s: float | None) -> float:
        limits = self.range
        return rate_ul_s if rate_ul_s is not None else max(limits.min_rate_ul_s, limits.max_rate_ul_s / 2)

    def _told_rate(self, rate_ul_s: float) -> float:
        limits = self._pump.range
        return min(max(rate_ul_s / self._spec.factor, limits.min_rate_ul_s), limits.max_rate_ul_s)

    @property
    def _least_ul(self) -> float:
        """The least that the plunger can be told to move."""
        return max(self._pump.range.step_ul, self._pump.range.min_volume_ul)

    def _check_rate(self, rate_ul_s: float) -> None:
        limits = self.range
        if not limits.min_rate_ul_s * (1 - 1e-9) <= rate_ul_s <= limits.max_rate_ul_s * (1 + 1e-9):
            span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
            raise OutOfRangeError(self.name, f"{rate_ul_s:g} µL/s is outside what it can do, {span}")
