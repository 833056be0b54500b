"""Volumes and rates in the steps and pulses of a Cavro pump, and what it can do in them."""

import math
from dataclasses import dataclass

from hardware.devices import PumpRange
from hardware.errors import OutOfRangeError


@dataclass(frozen=True)
class Scale:
    """steps, pulses: of a whole stroke, as positions and speeds count. slowest, fastest: in pulses per second."""

    name: str
    capacity_ul: float
    steps: int
    pulses: int
    slowest: int
    fastest: int

    @property
    def step_ul(self) -> float:
        return self.capacity_ul / self.steps

    @property
    def range(self) -> PumpRange:
        ul_per_pulse = self.capacity_ul / self.pulses
        return PumpRange(
            capacity_ul=self.capacity_ul,
            min_volume_ul=self.step_ul,
            min_rate_ul_s=self.slowest * ul_per_pulse,
            max_rate_ul_s=self.fastest * ul_per_pulse,
            step_ul=self.step_ul,
        )

    def steps_of(self, volume_ul: float) -> int:
        """To the nearest step. Raises OutOfRangeError."""
        if not math.isfinite(volume_ul) or volume_ul < self.step_ul * (1 - 1e-9):
            smallest = f"the smallest volume, {self.step_ul:.3g} µL"
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL is below {smallest}")
        if volume_ul > self.capacity_ul * (1 + 1e-9):
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL is more than the syringe holds")
        return round(volume_ul / self.step_ul)

    def pulses_of(self, rate_ul_s: float) -> int:
        """To the nearest pulse per second. Raises OutOfRangeError."""
        limits = self.range
        if not limits.min_rate_ul_s <= rate_ul_s <= limits.max_rate_ul_s:
            span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
            raise OutOfRangeError(self.name, f"{rate_ul_s:g} µL/s is outside what the pump can do, {span}")
        return round(rate_ul_s / self.capacity_ul * self.pulses)

    def lasts_s(self, steps: int, pulses_s: int) -> float:
        return steps / self.steps * self.pulses / pulses_s

    def part(self, start: int, target: int, steps: int) -> str:
        """How much of a move was made, in words."""
        asked = f"{abs(target - start) * self.step_ul:.4g} µL"
        if not min(start, target) <= steps <= max(start, target):
            return f"an unknown part of {asked}"
        return f"{abs(steps - start) * self.step_ul:.4g} of {asked}"
