"""What has been seen so far. Immutable; `tell` returns a new history."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from optimiser.given import amiss, check_count, shown
from optimiser.parameters import Point, check_named, finite
from optimiser.point_checks import check_kinds
from optimiser.space import SearchSpace

Origin = Literal["measured", "simulated"]
Label = Literal["measured", "failed", "infeasible", "outlier"]
TRIES = 2
"""A point whose experiment failed is offered once more; after so many failures it is taken for infeasible."""

Direction = Literal["maximise", "minimise"]

NEAR = 0.02
"""Failures closer than this part of every parameter's range are failures of one point."""

ROUNDED = 1e-3
"""A value typed in with few digits may be off by this part of its parameter's range."""


@dataclass(frozen=True)
class Observation:
    """A point and its value, in the objective's unit.

    label: what the scientist makes of it, changeable at any time (`History.relabel`). Only `measured` teaches the
    surrogate. `failed` says nothing about the point, which may be tried again (a value of None means failed unless
    told otherwise); `infeasible` says that it cannot be made, which the strategies learn; `outlier` is ignored.
    sd: standard deviation of this value, if known, on top of the noise that all values share.
    """

    point: Point
    value: float | None
    sd: float | None = None
    origin: Origin = "measured"
    label: Label = "measured"

    def __post_init__(self) -> None:
        check_named(self.point)
        for what, word, known in (("origin", self.origin, Origin), ("label", self.label, Label)):
            if word not in get_args(known):
                raise ValueError(f"the {what} is {shown(word)}; choose one of {', '.join(get_args(known))}")
        if self.value is None and self.label == "measured":
            object.__setattr__(self, "label", "failed")
        if self.value is not None and not finite(self.value):
            instead = "give a finite number, or None for a failed experiment"
            raise ValueError(f"the value is {amiss(self.value, instead)}")
        if self.sd is not None and not (finite(self.sd) and self.sd >= 0):
            instead = "give a finite number from 0 up, or None"
            raise ValueError(f"the standard deviation is {amiss(self.sd, instead)}")
        for name, x in self.point.items():
            if not isinstance(x, str) and not finite(x):
                raise ValueError(f"{name} is {shown(x)}; a measured point needs finite numbers")


@dataclass(frozen=True)
class History:
    """All observations of one campaign, the points asked for but not yet told, and the seed."""

    space: SearchSpace
    direction: Direction = "maximise"
    seed: int = 0
    observations: tuple[Observation, ...] = ()
    pending: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise ValueError(f"the direction is {shown(self.direction)}; choose maximise or minimise")
        check_count("the seed is", self.seed, 0)

    def tell(self, observation: Observation) -> "History":
        """A new history with the observation, its point no longer pending. Raises SpaceError.

        The point may lie out of bounds, as those measured before a bound was narrowed do.
        """
        check_kinds(self.space.parameters, observation.point)
        left = list(self.pending)
        done = self._asked_as(observation.point)
        if done is not None:
            del left[done]
        return replace(self, observations=(*self.observations, observation), pending=tuple(left))

    def _asked_as(self, point: Point) -> int | None:
        """Which pending point it is: the same, or the nearest that a value rounded on the way may stand for."""
        if point in self.pending:
            return self.pending.index(point)
        if not self.pending:
            return None
        apart = np.abs(self.space.encode(self.pending) - self.space.encode([point])).max(axis=1)
        nearest = int(apart.argmin())
        return nearest if apart[nearest] <= ROUNDED else None

    def with_pending(self, point: Point) -> "History":
        check_kinds(self.space.parameters, point)
        return replace(self, pending=(*self.pending, point))

    @cached_property
    def usable(self) -> tuple[Observation, ...]:
        """What the surrogate learns from."""
        return tuple(o for o in self.observations if o.value is not None and o.label == "measured")

    @cached_property
    def infeasible(self) -> tuple[Point, ...]:
        """Points that cannot be made: said to be infeasible, or failed too often, they or their near neighbours."""
        failed = [o.point for o in self.observations if o.label == "failed"]
        X = self.space.encode(failed)
        near = (np.abs(X[:, None] - X[None]).max(axis=2, initial=0.0) <= NEAR).sum(axis=1)
        points = [o.point for o in self.observations if o.label == "infeasible"]
        points += [p for p, count in zip(failed, near, strict=True) if count >= TRIES]
        out = {self.space.key(p): p for p in points}
        return tuple(out.values())

    @cached_property
    def tried(self) -> frozenset[tuple[float | str, ...]]:
        """Keys of all points measured, infeasible or pending: these are not offered again. What was only simulated
        may be measured."""
        measured = (o.point for o in self.usable if o.origin == "measured")
        points = (*measured, *self.infeasible, *self.pending)
        return frozenset(map(self.space.key, points))

    def relabel(self, index: int, label: Label) -> "History":
        """A new history in which observation `index` (from 0, in order) is something else. Raises ValueError."""
        if not 0 <= index < len(self.observations):
            raise ValueError(f"there is no observation {index}; there are {len(self.observations)}")
        old = self.observations[index]
        if label == "measured" and old.value is None:
            raise ValueError("an experiment without a value cannot count as measured; give it its value first")
        seen = (*self.observations[:index], replace(old, label=label), *self.observations[index + 1 :])
        return replace(self, observations=seen)

    def rng(self) -> np.random.Generator:
        """The same for the same seed and counts, so that a replay suggests the same points."""
        return np.random.default_rng([self.seed, len(self.observations), len(self.pending)])
