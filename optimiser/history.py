"""What has been seen so far. Immutable; `tell` returns a new history."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from optimiser.space import SearchSpace

Origin = Literal["measured", "simulated"]
Direction = Literal["maximise", "minimise"]


@dataclass(frozen=True)
class Observation:
    """A point and its value. value None: the experiment failed (the point is not offered again).

    include: False keeps it on record but out of the surrogate.
    """

    point: Mapping[str, float | str]
    value: float | None
    sd: float | None = None
    origin: Origin = "measured"
    include: bool = True


@dataclass(frozen=True)
class History:
    """All observations of one campaign, the points asked for but not yet told, and the seed."""

    space: SearchSpace
    direction: Direction = "maximise"
    seed: int = 0
    observations: tuple[Observation, ...] = ()
    pending: tuple[Mapping[str, float | str], ...] = ()

    def tell(self, observation: Observation) -> "History":
        """A new history with the observation, its point no longer pending."""
        left = list(self.pending)
        if observation.point in left:
            left.remove(observation.point)
        return replace(self, observations=(*self.observations, observation), pending=tuple(left))

    def with_pending(self, point: Mapping[str, float | str]) -> "History":
        return replace(self, pending=(*self.pending, point))
