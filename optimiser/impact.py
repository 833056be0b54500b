"""How much the strategy helps: against what random search would have found by the same experiment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimiser.history import Direction
from optimiser.space import Array

if TYPE_CHECKING:
    from optimiser.surrogate import Posterior


@dataclass(frozen=True, eq=False)
class Band:
    """Best-so-far of random search after 1, 2, ... n experiments: quarter, middle and three-quarter quantile."""

    low: Array
    median: Array
    high: Array


def random_band(
    source: "Posterior | Array", n: int, direction: Direction = "maximise", low: float = 0.25, high: float = 0.75
) -> Band:
    """The band of random search over n experiments, between the quantiles `low` and `high`.

    source: the values of a whole candidate table, drawn without putting back (exact); or a posterior, whose mean
    over an even draw of the space stands for the truth (its own direction is used).
    """
    if isinstance(source, np.ndarray):
        pool, put_back = np.asarray(source, dtype=float), False
    else:
        direction = source.direction
        pool, put_back = _simulated(source), True
    pool = np.sort(pool[np.isfinite(pool)])
    if not len(pool):
        raise ValueError("there are no finite values to draw from; measure something first")
    if direction == "minimise":
        pool = -pool[::-1]
    N = len(pool)
    rank = np.arange(1, N + 1)
    chance = np.zeros(N)  # log P(the best of i draws is at most the k-th smallest)
    found = np.empty((3, n))
    for i in range(n):
        if put_back or i < N:
            gone = 0 if put_back else i
            with np.errstate(divide="ignore"):
                chance = chance + np.log(np.maximum(rank - gone, 0) / (N - gone))
        at = np.searchsorted(chance, np.log([low, 0.5, high]) - 1e-12)
        found[:, i] = pool[np.minimum(at, N - 1)]
    return Band(*found) if direction == "maximise" else Band(*-found[::-1])


def _simulated(posterior: "Posterior") -> Array:
    X = posterior.space.sample_encoded(4096, np.random.default_rng(0))
    return posterior.predict_encoded(X)[0]


def times_faster(best_so_far: Array, band: Band, direction: Direction = "maximise") -> float | None:
    """Experiments that random search needs on the median for today's best, divided by those really made.

    None while random search does not get there within the band.
    """
    best = np.asarray(best_so_far, dtype=float)
    if not len(best):
        return None
    up = 1.0 if direction == "maximise" else -1.0
    made = int(np.argmax(up * best >= up * best[-1])) + 1
    there = np.flatnonzero(up * band.median >= up * best[-1])
    return float((there[0] + 1) / made) if len(there) else None
