"""What has been seen so far. Immutable; `tell` returns a new history."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from optimiser.parameters import Point, check_names
from optimiser.space import SearchSpace

Origin = Literal["measured", "simulated"]
Direction = Literal["maximise", "minimise"]


@dataclass(frozen=True)
class Observation:
    """A point and its value. value None: the experiment failed (the point is not offered again).

    include: False keeps it on record but out of the surrogate.
    """

    point: Point
    value: float | None
    sd: float | None = None
    origin: Origin = "measured"
    include: bool = True

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"the value is {self.value}; give a finite number, or None for a failed experiment")
        if self.sd is not None and not (math.isfinite(self.sd) and self.sd >= 0):
            raise ValueError(f"the standard deviation is {self.sd}; give a finite number from 0 up, or None")
        for name, x in self.point.items():
            if not isinstance(x, str) and not math.isfinite(x):
                raise ValueError(f"{name} is {x}; a measured point needs finite numbers")


@dataclass(frozen=True)
class History:
    """All observations of one campaign, the points asked for but not yet told, and the seed."""

    space: SearchSpace
    direction: Direction = "maximise"
    seed: int = 0
    observations: tuple[Observation, ...] = ()
    pending: tuple[Point, ...] = ()

    def tell(self, observation: Observation) -> "History":
        """A new history with the observation, its point no longer pending."""
        check_names(self.space.names, observation.point)
        left = list(self.pending)
        if observation.point in left:
            left.remove(observation.point)
        return replace(self, observations=(*self.observations, observation), pending=tuple(left))

    def with_pending(self, point: Point) -> "History":
        check_names(self.space.names, point)
        return replace(self, pending=(*self.pending, point))

    @property
    def usable(self) -> tuple[Observation, ...]:
        """What the surrogate learns from: not failed, not excluded."""
        return tuple(o for o in self.observations if o.value is not None and o.include)

    @property
    def tried(self) -> frozenset[tuple[float | str, ...]]:
        """Keys of all points measured, failed or pending: these are not offered again."""
        points = (*(o.point for o in self.observations), *self.pending)
        return frozenset(map(self.space.key, points))

    def rng(self) -> np.random.Generator:
        """The same for the same seed and counts, so that a replay suggests the same points."""
        return np.random.default_rng([self.seed, len(self.observations), len(self.pending)])
