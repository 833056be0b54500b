"""All points of a space one by one, where they are few enough: the rows of a table, or every combination that keeps
the rules.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimiser.parameters import SAME, Categorical, Continuous, Parameter, Point, clean
from optimiser.polytope import Array

if TYPE_CHECKING:
    from optimiser.space import SearchSpace

MOST = 20_000
"""Combinations, those that break a rule included, up to which they are gone through."""


@dataclass(frozen=True, eq=False)
class Listed:
    """X: (m, d), the points encoded. rows: the numbers of the points that count as the same experiment, by key."""

    points: tuple[Point, ...]
    X: Array
    rows: Mapping[tuple[float | str, ...], tuple[int, ...]]


def everything(space: "SearchSpace") -> Listed | None:
    """None when there are too many points, or no end of them."""
    if space.candidates is not None:
        return Listed(space.candidates, space.encoded_candidates, space.candidate_rows)
    values: list[list[float | str]] = [_values(p) for p in space.parameters]
    if math.prod(map(len, values)) > MOST or not all(values):
        return None
    points: list[Point] = [dict(zip(space.names, row, strict=True)) for row in itertools.product(*values)]
    X = space.encode(points)
    kept = space.keeps(X) if space.limited else np.ones(len(points), dtype=bool)
    if space.mixture is not None:
        total = np.array([sum(float(p[n]) for n in space.mixture.names) for p in points])
        kept &= np.abs(total - space.mixture.total) <= SAME * space.mixture.total
    chosen = np.flatnonzero(kept)
    left = tuple(points[i] for i in chosen)
    return Listed(left, X[chosen], {space.key(p): (i,) for i, p in enumerate(left)})


def _values(p: Parameter) -> list[float | str]:
    """Every value of a parameter; none for one that has no end of them."""
    if isinstance(p, Categorical):
        return list(p.choices)
    if isinstance(p, Continuous):
        return [p.low] if p.low == p.high else []
    if p.count >= MOST:
        return []
    return [clean(p.low + k * p.step) for k in range(p.count + 1)]
