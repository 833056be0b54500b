"""What a virtual Grbl drives: the bench's stage, or plungers of its syringes. Positions are those of the motors."""

import math
from collections.abc import Mapping
from typing import Protocol

from hardware.virtual.grbl_settings import Axes
from hardware.virtual.motion import axis_limited
from hardware.virtual.syringe import Direction
from hardware.virtual.world import SWITCH_MM, World


class Mechanics(Protocol):
    """Motors and what hangs on them."""

    def here(self) -> Axes: ...
    def go(self, target: Axes, v_mm_s: float | None, fastest_mm_s: Axes, accel_mm_s2: Axes) -> None:
        """Straight to a place, as fast as the slowest axis allows, and no faster than `v_mm_s`."""
        ...

    def brake(self) -> None: ...
    def halt(self) -> None: ...
    def moves(self) -> bool: ...
    def ends_in_s(self) -> float: ...
    def velocity_mm_s(self) -> float: ...
    def switches(self) -> str:
        """Letters of the axes that stand on a limit switch."""
        ...

    def switch_mm(self, axis: int, *, low: bool) -> float:
        """Where the switch at that end of an axis closes."""
        ...

    def lost_mm(self) -> Axes:
        """How far motors that are cut off in motion coast past their count."""
        ...


class StageMechanics:
    """The stage of the bench; a switch just beyond each end of its travel. ways: -1 for a motor that turns against
    the positions of the stage."""

    def __init__(self, world: World, ways: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> None:
        self._world, self._ways = world, ways

    def here(self) -> Axes:
        return tuple(at * way for at, way in zip(self._world.stage_mm(), self._ways, strict=True))

    def go(self, target: Axes, v_mm_s: float | None, fastest_mm_s: Axes, accel_mm_s2: Axes) -> None:
        here = self._world.stage_mm()
        x, y, z = (at * way for at, way in zip(target, self._ways, strict=True))
        xs, ys, zs = fastest_mm_s
        xa, ya, za = accel_mm_s2
        v = axis_limited(here, (x, y, z), (xs, ys, zs))
        accel = axis_limited(here, (x, y, z), (xa, ya, za))
        self._world.start_stage((x, y, z), v if v_mm_s is None else min(v, v_mm_s), accel)

    def brake(self) -> None:
        self._world.brake_stage()

    def halt(self) -> None:
        self._world.halt_stage()

    def moves(self) -> bool:
        return self._world.stage_moves()

    def ends_in_s(self) -> float:
        return self._world.stage_ends_in_s()

    def velocity_mm_s(self) -> float:
        return self._world.stage_velocity_mm_s()

    def switches(self) -> str:
        return self._world.switches()

    def switch_mm(self, axis: int, *, low: bool) -> float:
        return -SWITCH_MM if low else self._world.spec.stage.travel_mm[axis] + SWITCH_MM

    def lost_mm(self) -> Axes:
        return tuple(mm * way for mm, way in zip(self._world.lost_steps_mm(), self._ways, strict=True))


class Plunger:
    """One syringe on an axis. sign: +1 when larger positions push."""

    def __init__(self, role: str, ul_per_mm: float, sign: float) -> None:
        self.role, self.ul_per_mm, self.sign = role, ul_per_mm, sign


class PlungerMechanics:
    """Plungers are slow: they are at their speed at once. At the end of its barrel one stalls; its motor counts on.

    Whoever homes presses it against that end: the switch closes there.
    """

    def __init__(self, world: World, axes: int, plungers: Mapping[int, Plunger]) -> None:
        self._world, self._axes, self._plungers = world, axes, plungers
        self._start: Axes = (0.0,) * axes
        self._target: Axes = self._start
        self._from_s = self._until_s = 0.0

    def here(self) -> Axes:
        span_s = self._until_s - self._from_s
        part = 1.0 if span_s <= 0 else (self._world.clock.now_s() - self._from_s) / span_s
        part = min(max(part, 0.0), 1.0)
        return tuple(a + (b - a) * part for a, b in zip(self._start, self._target, strict=True))

    def go(self, target: Axes, v_mm_s: float | None, fastest_mm_s: Axes, accel_mm_s2: Axes) -> None:  # noqa: ARG002
        here = self.here()
        by = tuple(b - a for a, b in zip(here, target, strict=True))
        lasts_s = max(abs(mm) / fastest for mm, fastest in zip(by, fastest_mm_s, strict=True))
        if v_mm_s is not None:
            lasts_s = max(lasts_s, math.hypot(*by) / v_mm_s)
        self._start, self._target = here, target
        self._from_s = self._world.clock.now_s()
        self._until_s = self._from_s + lasts_s
        for axis, plunger in self._plungers.items():
            volume_ul = abs(by[axis]) * plunger.ul_per_mm
            if volume_ul > 0 and lasts_s > 0:
                way: Direction = "infuse" if by[axis] * plunger.sign > 0 else "withdraw"
                self._world.start_pump(plunger.role, way, volume_ul / lasts_s, volume_ul)

    def brake(self) -> None:
        self.halt()

    def halt(self) -> None:
        self._start = self._target = self.here()
        self._until_s = self._from_s
        for plunger in self._plungers.values():
            self._world.stop_pump(plunger.role)

    def moves(self) -> bool:
        return self._world.clock.now_s() < self._until_s

    def ends_in_s(self) -> float:
        left_s = self._until_s - self._world.clock.now_s()
        return left_s if left_s > 0 else math.inf

    def velocity_mm_s(self) -> float:
        span_s = self._until_s - self._from_s
        return math.dist(self._start, self._target) / span_s if self.moves() else 0.0

    def switches(self) -> str:
        return ""

    def switch_mm(self, axis: int, *, low: bool) -> float:
        plunger = self._plungers.get(axis)
        if plunger is None:
            return self.here()[axis]
        left_ul = self._world.left_ul(plunger.role)
        pushes = low == (plunger.sign < 0)
        room_ul = left_ul if pushes else self._world.spec.pumps[plunger.role].capacity_ul - left_ul
        return self.here()[axis] + (-1 if low else 1) * 1.05 * room_ul / plunger.ul_per_mm

    def lost_mm(self) -> Axes:
        return (0.0,) * self._axes
