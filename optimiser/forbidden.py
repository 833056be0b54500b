"""Keep-out regions as arrays: which points lie inside, where they leave, what is left of a line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimiser.constraints import KeepOut
from optimiser.parameters import SAME, Categorical, Continuous, Parameter, Stepped
from optimiser.polytope import Array, Bools

Ints = npt.NDArray[np.intp]
MARGIN = 3 * SAME
OUT = 2.0
"""A place outside the range of every parameter, which lies between 0 and 1."""
NEVER = (OUT, OUT, 1.0, OUT)
"""The edges of a range that no value lies in: all of the parameter's range is outside."""


@dataclass(frozen=True, eq=False)
class Forbidden:
    """One keep-out region over numbers U (n, q) as parts of their ranges and choices C (n, c) by number.

    A number lies inside from `low` to `high`; `below` and `above` are the nearest values outside, beyond 0 or 1
    when there are none. choices: for a categorical parameter by its column of C, whether each choice lies inside.
    """

    columns: Ints
    low: Array
    high: Array
    below: Array
    above: Array
    choices: tuple[tuple[int, Bools], ...]

    def holds(self, U: Array, C: Ints) -> Bools:
        """Which rows lie inside."""
        u = U[:, self.columns]
        return np.asarray(((u >= self.low) & (u <= self.high)).all(axis=1) & self._chosen(C))

    def _chosen(self, C: Ints) -> Bools:
        out = np.ones(len(C), dtype=bool)
        for column, inside in self.choices:
            out &= inside[C[:, column]]
        return out

    def shadow(self, U: Array, C: Ints, D: Array) -> tuple[Array, Array]:
        """From where to where each line U + t D runs inside; from inf to inf where it does not."""
        u, d = U[:, self.columns], D[:, self.columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = (self.low - u) / d, (self.high - u) / d
        flat = np.abs(d) < 1e-12
        inside = (u >= self.low) & (u <= self.high)
        start = np.where(flat, np.where(inside, -np.inf, np.inf), np.minimum(one, other)).max(
            axis=1, initial=-np.inf
        )
        end = np.where(flat, np.inf, np.maximum(one, other)).min(axis=1, initial=np.inf)
        met = (start < end) & self._chosen(C)
        return np.where(met, start, np.inf), np.where(met, end, np.inf)


def compiled(keep_out: KeepOut, parameters: Sequence[Parameter]) -> Forbidden:
    """The region over the parameters; numbers and choices are counted apart, each in the parameters' order."""
    numbers = [p for p in parameters if not isinstance(p, Categorical)]
    words = [p for p in parameters if isinstance(p, Categorical)]
    columns, edges = [], []
    for i, p in enumerate(numbers):
        if p.name in keep_out.region:
            columns.append(i)
            low, high = (float(v) for v in keep_out.region[p.name])
            edges.append(_edges(p, low, high))
    choices = tuple(
        (i, np.array([c in keep_out.region[p.name] for c in p.choices], dtype=bool))
        for i, p in enumerate(words)
        if p.name in keep_out.region
    )
    low_, high_, below, above = np.array(edges, dtype=float).reshape(-1, 4).T
    return Forbidden(np.array(columns, dtype=np.intp), low_, high_, below, above, choices)


def _edges(p: Continuous | Stepped, low: float, high: float) -> tuple[float, float, float, float]:
    """low, high, below, above of a range, as parts of the parameter's range."""
    if p.high == p.low:
        return (-OUT, OUT, -OUT, OUT) if low <= p.low <= high else NEVER
    start, end = ((v / 2 - p.low / 2) / (p.high / 2 - p.low / 2) for v in (low, high))
    start, end = max(start, -OUT), min(end, OUT)
    if isinstance(p, Continuous):
        inner, outer = (start - 1e-9, end + 1e-9), (start - MARGIN, end + MARGIN)
    else:
        first, last = math.ceil(start * p.count - SAME), math.floor(end * p.count + SAME)
        if first > last:
            return NEVER
        # what lies nearer to a step inside than to one outside would be rounded into the region
        inner = ((first - 0.5) / p.count - 1e-9, (last + 0.5) / p.count + 1e-9)
        outer = ((first - 1) / p.count, (last + 1) / p.count)
    low, high = (-OUT if inner[0] <= 0 else inner[0]), (OUT if inner[1] >= 1 else inner[1])
    below, above = (outer[0] if outer[0] >= 0 else -OUT), (outer[1] if outer[1] <= 1 else OUT)
    return (low, high, below, above) if start <= 1 and end >= 0 else NEVER


def free_pieces(
    regions: Sequence[Forbidden], U: Array, C: Ints, D: Array, low: Array, high: Array
) -> tuple[Array, Array]:
    """What the regions leave of each line U + t D from low to high: beginnings and lengths of its pieces."""
    shadows = [r.shadow(U, C, D) for r in regions]
    start = np.clip(np.stack([s for s, _ in shadows], axis=1), low[:, None], high[:, None])
    end = np.clip(np.stack([e for _, e in shadows], axis=1), low[:, None], high[:, None])
    order = np.argsort(start, axis=1)
    start, end = np.take_along_axis(start, order, axis=1), np.take_along_axis(end, order, axis=1)
    begin = np.hstack([low[:, None], np.maximum.accumulate(end, axis=1)])
    return begin, np.maximum(np.hstack([start, high[:, None]]) - begin, 0.0)


def draw_along(begin: Array, length: Array, rng: np.random.Generator) -> tuple[Array, Ints]:
    """An even draw from the pieces of each line, and the number of the piece it lies in; -1 where none is left."""
    filled = np.cumsum(length, axis=1)
    want = rng.random(len(length)) * filled[:, -1]
    piece = np.minimum((filled < want[:, None]).sum(axis=1), length.shape[1] - 1)
    rows = np.arange(len(length))
    t = begin[rows, piece] + want - (filled[rows, piece] - length[rows, piece])
    left = filled[:, -1] > 0
    return np.where(left, t, 0.0), np.where(left, piece, -1)
