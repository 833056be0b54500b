"""Straight travel with limited velocity and acceleration."""

import math
from dataclasses import dataclass
from functools import cached_property

Point = tuple[float, float, float]


def along(a: Point, b: Point, fraction: float) -> Point:
    """The point at `fraction` of the way from a to b."""
    return (
        a[0] + (b[0] - a[0]) * fraction,
        a[1] + (b[1] - a[1]) * fraction,
        a[2] + (b[2] - a[2]) * fraction,
    )


def axis_limited(a: Point, b: Point, limits: Point) -> float:
    """The largest value along the line a to b (velocity or acceleration) that keeps every axis within its own."""
    length = math.dist(a, b)
    parts = [limit * length / abs(q - p) for p, q, limit in zip(a, b, limits, strict=True) if abs(q - p) > 1e-9]
    return min(parts, default=max(limits))


@dataclass(frozen=True)
class Travel:
    """From `start` (at velocity `v0_mm_s`) to a stand at `target`: speed up, cruise, brake."""

    start: Point
    target: Point
    t0_s: float
    v_max_mm_s: float
    accel_mm_s2: float
    v0_mm_s: float = 0.0

    @cached_property
    def length_mm(self) -> float:
        return math.dist(self.start, self.target)

    @cached_property
    def _phases(self) -> tuple[float, float, float, float]:
        """Peak velocity, and how long speeding up, cruising and braking last."""
        a, v0 = self.accel_mm_s2, self.v0_mm_s
        peak = max(v0, min(self.v_max_mm_s, math.sqrt(a * self.length_mm + v0 * v0 / 2)))
        if peak <= 0.0:
            return 0.0, 0.0, 0.0, 0.0
        cruise_mm = self.length_mm - (2 * peak * peak - v0 * v0) / (2 * a)
        return peak, (peak - v0) / a, max(0.0, cruise_mm) / peak, peak / a

    @cached_property
    def end_s(self) -> float:
        return self.t0_s + sum(self._phases[1:])

    def velocity_mm_s(self, t_s: float) -> float:
        peak, up_s, cruise_s, down_s = self._phases
        t = t_s - self.t0_s
        if t <= 0.0 or t >= up_s + cruise_s + down_s:
            return 0.0
        if t < up_s:
            return self.v0_mm_s + self.accel_mm_s2 * t
        if t < up_s + cruise_s:
            return peak
        return peak - self.accel_mm_s2 * (t - up_s - cruise_s)

    def position(self, t_s: float) -> Point:
        peak, up_s, cruise_s, down_s = self._phases
        t = t_s - self.t0_s
        if t >= up_s + cruise_s + down_s or self.length_mm == 0.0:
            return self.target
        if t <= 0.0:
            return self.start
        if t < up_s:
            done = self.v0_mm_s * t + self.accel_mm_s2 * t * t / 2
        else:
            done = self.v0_mm_s * up_s + self.accel_mm_s2 * up_s * up_s / 2 + peak * min(t - up_s, cruise_s)
            braking = max(0.0, t - up_s - cruise_s)
            done += peak * braking - self.accel_mm_s2 * braking * braking / 2
        return along(self.start, self.target, min(1.0, done / self.length_mm))

    def braked(self, t_s: float) -> "Travel":
        """The travel that a feed hold at `t_s` makes of it: straight on, to a stand as soon as possible."""
        here, v = self.position(t_s), self.velocity_mm_s(t_s)
        left_mm = math.dist(here, self.target)
        brake_mm = min(left_mm, v * v / (2 * self.accel_mm_s2))
        stand = along(here, self.target, brake_mm / left_mm) if left_mm > 0 else here
        return Travel(here, stand, t_s, max(v, 1e-9), self.accel_mm_s2, v)
