"""Mixtures as arrays: points whose components lie between bounds and sum to a total. No component is dropped."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def project(X: Array, low: Array, high: Array, total: float) -> Array:
    """The nearest point with low <= x <= high and sum total, for each row, distance measured in the bounds' ranges.

    Bisection on the multiplier of the sum; the rounding left goes to the component with most room.
    """
    free = high > low
    weight = np.where(free, high - low, 1.0) ** 2
    if not free.any():
        return np.tile(low, (len(X), 1))
    all_high = ((X - high) / weight)[:, free].min(axis=1)
    all_low = ((X - low) / weight)[:, free].max(axis=1)
    for _ in range(70):
        middle = (all_high + all_low) / 2
        heavy = np.clip(X - middle[:, None] * weight, low, high).sum(axis=1) > total
        all_high, all_low = np.where(heavy, middle, all_high), np.where(heavy, all_low, middle)
    return _settle(np.clip(X - ((all_high + all_low) / 2)[:, None] * weight, low, high), low, high, total)


def _settle(X: Array, low: Array, high: Array, total: float) -> Array:
    """Move the rounding left in the sum onto the component farthest from its bounds."""
    rows = np.arange(len(X))
    column = np.argmax(np.minimum(X - low, high - X), axis=1)
    X[rows, column] = np.clip(X[rows, column] + total - X.sum(axis=1), low[column], high[column])
    return X


def to_steps(X: Array, low: Array, high: Array, step: float, total: float) -> Array:
    """Whole steps above `low` that keep the total, by largest remainder. Rows must already sum to the total."""
    steps = (X - low) / step
    most = np.rint((high - low) / step)
    whole = np.minimum(np.floor(steps + 1e-9), most)
    missing = np.rint((total - low.sum()) / step) - whole.sum(axis=1)
    rest = np.where(whole < most, steps - whole, -1.0)
    rank = np.argsort(np.argsort(-rest, axis=1, kind="stable"), axis=1, kind="stable")
    whole += rank < missing[:, None]
    out: Array = low + whole * step
    return out


def draw(n: int, low: Array, high: Array, total: float, rng: np.random.Generator) -> Array:
    """n points spread evenly over the mixture.

    A flat Dirichlet when no upper bound can bind; else repeated even transfers between two components, which
    need no rejection however small the feasible part is.
    """
    spare = total - low.sum()
    k = len(low)
    if (high >= low + spare).all():
        out: Array = low + spare * rng.dirichlet(np.ones(k), n)
        return _settle(out, low, np.maximum(high, low + spare), total)
    room = (high - low).sum()
    X = np.tile(low + (high - low) * (spare / room if room > 0 else 0.0), (n, 1))
    rows = np.arange(n)
    for _ in range(12 * k):
        i = rng.integers(0, k, n)
        j = (i + rng.integers(1, k, n)) % k
        give = np.minimum(high[i] - X[rows, i], X[rows, j] - low[j])
        take = np.minimum(X[rows, i] - low[i], high[j] - X[rows, j])
        amount = -take + (give + take) * rng.random(n)
        X[rows, i] = np.clip(X[rows, i] + amount, low[i], high[i])
        X[rows, j] = np.clip(X[rows, j] - amount, low[j], high[j])
    return _settle(X, low, high, total)


def count(steps: list[int], sum_of_steps: int) -> int:
    """In how many ways do components of at most `steps` steps each add up to `sum_of_steps`?"""
    ways = [1] + [0] * sum_of_steps
    for most in steps:
        running, after = 0, []
        for s in range(sum_of_steps + 1):
            running += ways[s] - (ways[s - most - 1] if s > most else 0)
            after.append(running)
        ways = after
    return ways[sum_of_steps]
