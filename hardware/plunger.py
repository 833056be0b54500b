"""A plunger with backlash and a calibration: what the pump counts, and what truly flows.

true = factor * counted + offset_ul for a dose, factor * counted for what is drawn in. A plunger that turns round
first takes up `backlash_ul` without moving liquid; the slack is followed through every movement, also through one
that was cut short. It is taken to have pushed last when the pump is opened.
"""

import threading

from hardware.devices import Pump
from hardware.errors import OutOfRangeError, StoppedError
from hardware.spec import PumpSpec


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


class Plunger:
    """The pump's own volumes ("told") on one side, true ones on the other."""

    def __init__(self, pump: Pump, spec: PumpSpec, cut: Cut) -> None:
        self._pump, self._cut = pump, cut
        self._factor, self._offset_ul, self._backlash_ul = spec.factor, spec.offset_ul, spec.backlash_ul
        self.plain = (spec.factor, spec.offset_ul, spec.backlash_ul) == (1.0, 0.0, 0.0)
        self.slack_ul = 0.0
        self._apart_ul = 0.0  # by what the true volume left exceeds the plunger's: offsets and slack

    @property
    def left_ul(self) -> float:
        """True volume in the syringe."""
        return max(0.0, self._factor * self._pump.left_ul + self._apart_ul)

    @property
    def can_push_ul(self) -> float:
        """True volume of the largest dose that the syringe still has."""
        pushed_ul = self._pump.left_ul - self.slack_ul
        return max(0.0, self._factor * pushed_ul + self._offset_ul) if pushed_ul > 0 else 0.0

    @property
    def least_ul(self) -> float:
        """The least that it can be told to move."""
        return max(self._pump.range.step_ul, self._pump.range.min_volume_ul)

    def told_ul(self, true_ul: float) -> float:
        """What to tell the pump for a dose, slack not counted."""
        return (true_ul - self._offset_ul) / self._factor

    def told_rate_ul_s(self, true_ul_s: float) -> float:
        limits = self._pump.range
        return min(max(true_ul_s / self._factor, limits.min_rate_ul_s), limits.max_rate_ul_s)

    def loaded(self, true_ul: float) -> None:
        """Book that the syringe holds `true_ul`, of which no more is believed than can be pushed out."""
        capacity_ul = self._pump.range.capacity_ul
        if not 0 <= true_ul <= capacity_ul:
            raise OutOfRangeError(self._pump.name, f"a {capacity_ul:g} µL syringe cannot hold {true_ul:g} µL")
        self._pump.loaded(min(true_ul / self._factor, capacity_ul))
        self._apart_ul = 0.0

    def expelled(self, counted_ul: float) -> float:
        """It pushed out `counted_ul` in a movement of the pump's own; returns the true volume."""
        self.slack_ul = 0.0
        return self._factor * max(0.0, counted_ul)

    def draw(self, told_ul: float, rate_ul_s: float) -> float:
        """Backlash counted in; returns the true volume."""
        self._go_on()
        before_ul = self._pump.left_ul
        drawn_ul: float | None = None
        try:
            drawn_ul = self._pump.aspirate(told_ul, rate_ul_s)
        finally:
            booked_ul = self._pump.left_ul - before_ul
            true_ul = self._drew(drawn_ul if drawn_ul is not None else booked_ul)
            self._correct(true_ul - self._factor * booked_ul)
        return true_ul

    def fill_up_to(self, told_ul: float, rate_ul_s: float) -> None:
        """Draw what a push of `told_ul` needs beyond what is there; a step more, against rounding."""
        capacity_ul, before_ul = self._pump.range.capacity_ul, self._pump.left_ul
        wanted_ul = min(told_ul + self._backlash_ul + self.least_ul, capacity_ul)
        self.draw(max(wanted_ul - before_ul, self.least_ul), rate_ul_s)

    def has(self, told_ul: float) -> bool:
        """Whether a push of `told_ul` is there, or but for less than a step that no longer fits in."""
        pump = self._pump
        full = pump.range.capacity_ul - pump.left_ul < self.least_ul
        return pump.left_ul >= told_ul + self.slack_ul - 1e-6 or full

    def push(self, told_ul: float, rate_ul_s: float, given: list[float]) -> None:
        """One stroke out; the true volume is added to `given`, also when it fails: what the pump booked."""
        self._go_on()
        before_ul = self._pump.left_ul
        wanted_ul = told_ul + self.slack_ul
        if not self.plain and before_ul < wanted_ul <= before_ul + self.least_ul:
            wanted_ul = before_ul
        pushed_ul: float | None = None
        try:
            pushed_ul = self._pump.dispense(wanted_ul, rate_ul_s)
        finally:
            booked_ul = before_ul - self._pump.left_ul
            true_ul = self._pushed(pushed_ul if pushed_ul is not None else booked_ul)
            self._correct(self._factor * booked_ul - true_ul)
            given.append(true_ul)

    def _pushed(self, counted_ul: float) -> float:
        lost_ul = min(max(counted_ul, 0.0), self.slack_ul)
        self.slack_ul -= lost_ul
        liquid_ul = counted_ul - lost_ul
        return max(0.0, self._factor * liquid_ul + self._offset_ul) if liquid_ul > 0 else 0.0

    def _drew(self, counted_ul: float) -> float:
        lost_ul = min(max(counted_ul, 0.0), self._backlash_ul - self.slack_ul)
        self.slack_ul += lost_ul
        return self._factor * (counted_ul - lost_ul)

    def _correct(self, apart_ul: float) -> None:
        if not self.plain:
            self._apart_ul += apart_ul

    def _go_on(self) -> None:
        if self._cut.is_set():
            raise StoppedError(self._pump.name)
