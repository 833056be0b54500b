"""What the panels draw, as arrays: one parameter or two against the surrogate's belief, the others held."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimiser.space import Array, Categorical, Point, SearchSpace, SpaceError
from optimiser.surrogate import Posterior


@dataclass(frozen=True, eq=False)
class Slice:
    """x: values of the parameter; mean and sd are NaN where no mixture with that amount exists."""

    name: str
    x: Array
    mean: Array
    sd: Array


@dataclass(frozen=True, eq=False)
class Map:
    """mean[i, j] belongs to y[i] and x[j]; NaN where `feasible` is False."""

    x_name: str
    y_name: str
    x: Array
    y: Array
    mean: Array
    sd: Array
    feasible: npt.NDArray[np.bool_]


def slice_1d(posterior: Posterior, name: str, at: Point, n: int = 101) -> Slice:
    """Belief along one parameter. In a mixture the other components share the rest in the proportions of `at`."""
    x = axis(posterior.space, name, n)
    mean, sd, _ = _along(posterior, {name: x}, at)
    return Slice(name, x, mean, sd)


def map_2d(posterior: Posterior, x_name: str, y_name: str, at: Point, n: int = 48) -> Map:
    """Belief over two parameters; the components of a mixture that are not shown share what is left."""
    if x_name == y_name:
        raise SpaceError(f"both axes are {x_name}; choose two different parameters")
    x, y = axis(posterior.space, x_name, n), axis(posterior.space, y_name, n)
    X, Y = np.meshgrid(x, y)
    mean, sd, ok = _along(posterior, {x_name: X.ravel(), y_name: Y.ravel()}, at)
    shape = (len(y), len(x))
    return Map(x_name, y_name, x, y, mean.reshape(shape), sd.reshape(shape), ok.reshape(shape))


def axis(space: SearchSpace, name: str, n: int) -> Array:
    """n values of a parameter from its low to its high bound."""
    p = space.parameter(name)
    if isinstance(p, Categorical):
        raise SpaceError(f"{name} is categorical; a curve needs a parameter with numbers")
    return np.linspace(p.low, p.high, n)


def _along(posterior: Posterior, moved: dict[str, Array], at: Point) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    space = posterior.space
    rows = len(next(iter(moved.values())))
    X = np.tile(space.encode([at]), (rows, 1))
    for name, values in moved.items():
        X[:, space.blocks[name].start] = _encoded(space, name, values)
    ok = np.ones(rows, dtype=bool)
    if space.mixture is not None and set(moved) & set(space.mixture.names):
        ok = _share(space, X, moved, at)
    if space.candidates is None:
        ok &= space.keeps(X)
    mean, sd = np.full(rows, np.nan), np.full(rows, np.nan)
    if ok.any():
        mean[ok], sd[ok] = posterior.predict_encoded(X[ok])
    return mean, sd, ok


def _share(space: SearchSpace, X: Array, moved: dict[str, Array], at: Point) -> npt.NDArray[np.bool_]:
    """Fill the components not shown, in proportion, so that the total holds; which rows can be made.

    The total is the mixture's own, or that of `at` for a table whose rows only roughly reach it.
    """
    mixture = space.mixture
    assert mixture is not None  # noqa: S101  the caller has looked
    total = sum(float(at[n]) for n in mixture.names) if space.candidates is not None else mixture.total
    shown = [n for n in mixture.names if n in moved]
    hidden = [n for n in mixture.names if n not in moved]
    left = total - np.sum([moved[n] for n in shown], axis=0)
    slack = 1e-9 * total
    if not hidden:
        return np.asarray(np.abs(left) <= slack)
    old = np.array([float(at[n]) for n in hidden])
    part = old / old.sum() if old.sum() > 0 else np.full(len(old), 1 / len(old))
    ok = left >= -slack
    for name, fraction in zip(hidden, part, strict=True):
        amount = np.maximum(left, 0.0) * fraction
        p = space.parameter(name)
        if not isinstance(p, Categorical):
            ok &= (amount >= p.low - slack) & (amount <= p.high + slack)
        X[:, space.blocks[name].start] = _encoded(space, name, amount)
    return np.asarray(ok)


def _encoded(space: SearchSpace, name: str, values: Array) -> Array:
    p = space.parameter(name)
    if isinstance(p, Categorical):
        raise SpaceError(f"{name} is categorical; a curve needs a parameter with numbers")
    return np.asarray((values - p.low) / ((p.high - p.low) or 1.0))
