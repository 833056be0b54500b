"""What follows from the `$` settings of GRBL 1.1 and grblHAL, and where the stage's own zero lies in machine space.

Source: gnea/grbl, doc/markdown/settings.md, and grbl/limits.c, grbl/system.c for the machine space. Without
HOMING_FORCE_SET_ORIGIN (letter Z in [OPT:], bit 3 of $22 in grblHAL) it reaches from -$13x to 0 on every axis,
whichever end has the switch, and homing ends one pull-off $27 before that switch. With it, homing ends at 0.
grblHAL/core, machine_limits.c, for its own soft limits.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from hardware.dialects.grbl import Axes, Build

SLOWEST_MM_MIN = 1.0
"""GRBL raises any slower feed to this (MINIMUM_FEED_RATE)."""


@dataclass(frozen=True)
class Told:
    """The settings as the controller told them; empty while it has not. Axes by their number: 0 is X."""

    values: Mapping[int, float] = field(default_factory=dict)
    build: Build = field(default_factory=Build)

    def __bool__(self) -> bool:
        return bool(self.values)

    def flag(self, number: int, bit: int = 0) -> bool:
        return bool(int(self.values.get(number, 0)) >> bit & 1)

    @property
    def inches(self) -> bool:
        return self.flag(13)

    @property
    def soft_limits(self) -> bool:
        return self.flag(20)

    @property
    def hard_limits(self) -> bool:
        return self.flag(21)

    @property
    def homing(self) -> bool:
        return self.flag(22)

    @property
    def ends_at_zero(self) -> bool:
        """Whether homing ends at machine zero."""
        return "Z" in self.build.options or (self.build.firmware != "GRBL" and self.flag(22, 3))

    def homes_low(self, axis: int) -> bool:
        """Whether the switch that homing looks for is at the low end of the axis."""
        return self.flag(23, axis)

    @property
    def pull_off_mm(self) -> float:
        return self.values.get(27, 0.0)

    def step_mm(self, axis: int) -> float | None:
        steps = self.values.get(100 + axis, 0.0)
        return 1 / steps if steps > 0 else None

    def fastest_mm_min(self, axis: int) -> float | None:
        return self.values.get(110 + axis) or None

    def accel_mm_s2(self, axis: int) -> float | None:
        return self.values.get(120 + axis) or None

    def travel_mm(self, axis: int) -> float | None:
        return self.values.get(130 + axis) or None

    def window_mm(self, axis: int) -> tuple[float, float] | None:
        """Lowest and highest machine coordinate; None when it is not known. With hard limits grblHAL keeps a
        pull-off away from its switches."""
        travel = self.travel_mm(axis)
        if travel is None:
            return None
        off_mm = self.pull_off_mm if self.build.firmware != "GRBL" and self.hard_limits else 0.0
        if not self.ends_at_zero:
            return off_mm - travel, 0.0 - off_mm
        return (0.0, travel - off_mm) if self.homes_low(axis) else (off_mm - travel, 0.0)

    def brakes_s(self, feed_mm_min: float) -> float:
        """How long its slowest axis takes to stand from that speed, or from its own highest."""
        longest_s = 0.0
        for axis in range(len(self.build.axes) or 3):
            if accel_mm_s2 := self.accel_mm_s2(axis):
                fastest = min(feed_mm_min, self.fastest_mm_min(axis) or feed_mm_min)
                longest_s = max(longest_s, fastest / 60 / accel_mm_s2)
        return longest_s

    def lasts_s(self, by_mm: Mapping[int, float], feed_mm_min: float) -> float:
        """How long a straight move takes: as slow as its slowest axis, with speeding up and braking."""
        length_mm = math.hypot(*by_mm.values())
        feed_mm_min = max(feed_mm_min, SLOWEST_MM_MIN)
        lasts = 60 * length_mm / feed_mm_min
        up_s = 0.0
        for axis, mm in by_mm.items():
            fastest = self.fastest_mm_min(axis) or feed_mm_min
            lasts = max(lasts, 60 * abs(mm) / fastest)
            up_s = max(up_s, min(fastest, feed_mm_min) / 60 / (self.accel_mm_s2(axis) or 1e9))
        return lasts + 2 * up_s


@dataclass(frozen=True)
class Frame:
    """Where the stage's zero lies in machine coordinates, and which way each of its axes counts."""

    zero_mm: Axes
    sign: Axes
    name: str

    def stage_mm(self, machine_mm: Axes) -> Axes:
        return tuple((m - z) * s for m, z, s in zip(machine_mm, self.zero_mm, self.sign, strict=False))

    def machine_mm(self, axis: int, stage_mm: float) -> float:
        return self.zero_mm[axis] + self.sign[axis] * stage_mm


def frame_of(told: Told, home_mm: Axes, offset_mm: Axes, origin: str) -> Frame:
    """The stage's own coordinates, from where homing ended.

    "work": zero as a person has set it in G54, with the directions of the machine. "home": zero is where homing
    ended, and positions grow away from the switches. "auto": "work" once any offset is set, else "home".
    """
    is_set = any(abs(mm) > 5e-4 for mm in offset_mm)
    if origin == "work" or not told or (origin == "auto" and is_set):
        return Frame(offset_mm, tuple(1.0 for _ in offset_mm), "work coordinates (G54)")
    sign = tuple(1.0 if told.homes_low(axis) else -1.0 for axis in range(len(home_mm)))
    return Frame(home_mm, sign, "from where homing ended")
