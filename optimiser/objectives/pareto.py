"""Pareto fronts and the volume that they dominate, as pure functions of arrays of gains (larger is better).

Y is (n, k): n rows, k objectives. Replicates are averaged before (`Results.averages`).
"""

import math

import numpy as np
import numpy.typing as npt

from optimiser.space import Array


def non_dominated(Y: Array) -> npt.NDArray[np.bool_]:
    """(n,): which rows no other row beats in one objective while losing in none. Equal rows are all kept.

    A row with NaN is never part of the front and beats nothing.
    """
    Y = np.asarray(Y, dtype=float)
    out = np.zeros(len(Y), dtype=bool)
    left = np.flatnonzero(~np.isnan(Y).any(axis=1))
    # in this order no row is beaten by a later one
    left = left[np.lexsort(-Y[left].T[::-1])] if len(left) else left
    while len(left):
        first = left[0]
        out[first] = True
        beaten = (Y[left] <= Y[first]).all(axis=1) & (Y[left] < Y[first]).any(axis=1)
        left = left[1:][~beaten[1:]]
    return out


def hypervolume(Y: Array, reference: Array) -> float:
    """The volume above `reference` (k,) that the rows dominate, in the product of the objectives' units. Exact.

    For two objectives a sum of strips; beyond, what each row adds to those after it (While, Bradstreet and Barone,
    IEEE Trans. Evol. Comput. 16, 86 (2012)): quick for tens of rows, even of six objectives.
    Raises ValueError for text, NaN or infinity and for a volume beyond what a number can hold.
    """
    Y, reference = finite_rows(Y, reference)
    if not len(Y):
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        span = (Y - reference).max(axis=0)
        volume = _volume((Y - reference) / span)
        # exponents apart, so that a large unit and a small one do not overflow on the way
        mantissas, exponents = np.frexp([volume, *span.tolist()])
        out = float(np.ldexp(np.prod(mantissas), exponents.sum()))
    if not math.isfinite(out) or (out == 0.0 < volume):
        raise ValueError(
            "the volume is too large or too small for a number; divide each objective by its range first"
        )
    return out


def finite_rows(Y: Array, reference: Array) -> tuple[Array, Array]:
    """Both as numbers, without the rows that are not above the reference everywhere. Raises ValueError."""
    try:
        Y, reference = np.asarray(Y, dtype=float), np.asarray(reference, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError("gains must be numbers; leave failed measurements out") from error
    if Y.ndim != 2 or reference.shape != Y.shape[1:] or not Y.shape[1]:
        raise ValueError(f"gains are {Y.shape} and the reference {reference.shape}; give (n, k) and (k,)")
    if not (np.isfinite(Y).all() and np.isfinite(reference).all()):
        raise ValueError("gains and reference must be finite; leave failed measurements out")
    return Y[(reference < Y).all(axis=1)], reference


def _volume(Y: Array) -> float:
    """Above zero."""
    Y = Y[non_dominated(Y)]
    if Y.shape[1] == 1:
        return float(Y.max(initial=0.0))
    if Y.shape[1] == 2:
        Y = Y[np.argsort(-Y[:, 1], kind="stable")]
        return float(np.maximum.accumulate(Y[:, 0]) @ (Y[:, 1] - np.append(Y[1:, 1], 0.0)))
    Y = Y[np.argsort(Y[:, -1], kind="stable")]
    total = 0.0
    for i, row in enumerate(Y):
        # the later rows are as high in the last objective, so what they share with this one has its height
        shared = _volume(np.minimum(Y[i + 1 :, :-1], row[:-1])) if i + 1 < len(Y) else 0.0
        total += float(row[-1]) * (float(np.prod(row[:-1])) - shared)
    return total


def boxes(Y: Array, reference: Array) -> tuple[Array, Array]:
    """What lies above the reference and is not yet dominated, cut into boxes that do not overlap.

    Lower and upper corners, (b, k) each; upper ones may be infinite. Two objectives give n + 1 strips (Emmerich,
    Deutz and Klinkenberg, CEC 2011), each further one slices those along it: about n^2 / 2 boxes for three.
    """
    Y, reference = finite_rows(Y, reference)
    lower, upper = _boxes(Y[non_dominated(Y)], reference)
    return lower, upper


def _boxes(Y: Array, reference: Array) -> tuple[Array, Array]:
    k = len(reference)
    if k == 1:
        return np.maximum(Y.max(axis=0, keepdims=True, initial=-np.inf), reference), np.full((1, 1), np.inf)
    Y = Y[np.argsort(-Y[:, -1], kind="stable")]
    tops, bottoms = np.append(np.inf, Y[:, -1]), np.append(Y[:, -1], reference[-1])
    lower, upper = [], []
    for i, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
        if top > bottom:
            inside = Y[:i, :-1]
            low, high = _boxes(inside[non_dominated(inside)], reference[:-1])
            lower.append(np.column_stack([low, np.full(len(low), bottom)]))
            upper.append(np.column_stack([high, np.full(len(high), top)]))
    return np.vstack(lower), np.vstack(upper)
