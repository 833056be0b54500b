"""A table says where one may measure, not where the best must lie: a peak between rows, and the nearest row."""

import numpy as np
import numpy.typing as npt

from optimiser.kernels import squared_distances
from optimiser.maximise import Score
from optimiser.space import Array

TOP = 24
NEIGHBOURS = 12
PARTS = (1 / 6, 1 / 3, 1 / 2)


def nearest_to_peak(
    score: Score, table: Array, left: npt.NDArray[np.intp], lengthscales: Array, rng: np.random.Generator
) -> int:
    """Row number, among `left`, nearest to where the score is largest on and between all rows of the table.

    table: (m, d), encoded. Looked at are the best rows, measured or not, and the way from each of them to its
    nearest rows, so that nothing outside what the rows span is believed in (a mixture stays a mixture). Near is
    meant in lengthscales (d,). Ties are broken at random.
    """
    order = rng.permutation(len(table))
    worth = score(table)[order]
    top = table[order[np.argsort(-worth, kind="stable")[:TOP]]]
    scaled = table / lengthscales
    apart = squared_distances(top / lengthscales, scaled)
    count = min(NEIGHBOURS + 1, len(table))
    near = table[np.argpartition(apart, count - 1, axis=1)[:, :count]]
    between = [(top[:, None] * (1 - part) + near * part).reshape(-1, table.shape[1]) for part in PARTS]
    X = np.vstack([top, *between])
    peak = X[int(score(X).argmax())]
    far = squared_distances((peak / lengthscales)[None], scaled[left])[0]
    return int(rng.choice(left[far <= far.min() + 1e-12]))
