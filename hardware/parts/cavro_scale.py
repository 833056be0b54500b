"""Volumes and rates in the steps and pulses of a Cavro pump, and what it can do in them."""

from dataclasses import dataclass

from hardware.devices import PumpRange


@dataclass(frozen=True)
class Scale:
    """steps, pulses: of a whole stroke, as positions and speeds count. slowest, fastest: in pulses per second."""

    capacity_ul: float
    steps: int
    pulses: int
    slowest: int
    fastest: int

    @property
    def range(self) -> PumpRange:
        return PumpRange(
            capacity_ul=self.capacity_ul,
            min_volume_ul=self.ul(1),
            min_rate_ul_s=self.slowest * self.capacity_ul / self.pulses,
            max_rate_ul_s=self.fastest * self.capacity_ul / self.pulses,
            step_ul=self.ul(1),
        )

    def ul(self, steps: int) -> float:
        return self.capacity_ul * steps / self.steps

    def steps_of(self, volume_ul: float) -> int:
        return round(volume_ul / self.capacity_ul * self.steps)

    def pulses_of(self, rate_ul_s: float) -> int:
        """Per second."""
        return round(rate_ul_s / self.capacity_ul * self.pulses)

    def lasts_s(self, steps: int, pulses_s: int) -> float:
        return steps / self.steps * self.pulses / pulses_s

    def part(self, start: int, target: int, steps: int) -> str:
        """How much of a move was made, in words."""
        asked = f"{self.ul(abs(target - start)):.4g} µL"
        if not min(start, target) <= steps <= max(start, target):
            return f"an unknown part of {asked}"
        return f"{self.ul(abs(steps - start)):.4g} of {asked}"
