"""Acquisition functions: what a point is worth trying. Larger is better, whatever the direction.

`value` is the textbook formula. `rank` orders points in the same way where `value` would underflow to nothing:
the logarithm of the expected improvement (Ament et al., NeurIPS 2023), of the probability of improvement. `slope`
is `rank` with its derivatives by mean and sd, from which `Posterior.gradient` makes the gradient by the point.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from optimiser.given import amiss
from optimiser.history import Direction, History
from optimiser.parameters import finite
from optimiser.space import Array

HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
TINY = 1e-300
FAR = -200.0


class Acquisition(Protocol):
    """mean, sd: of the true value, any shape. best: the value to beat. All in the objective's unit.

    logarithmic: whether `rank` is the logarithm of a worth, not a worth in the objective's unit.
    """

    @property
    def name(self) -> str: ...

    @property
    def logarithmic(self) -> bool: ...

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array: ...

    def rank(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array: ...

    def slope(self, mean: Array, sd: Array, best: float, direction: Direction) -> tuple[Array, Array, Array]:
        """Rank, its derivative by the mean, its derivative by the sd."""
        ...


class Policy(Protocol):
    """What acquisition function to use, given what has been seen. Every acquisition function is its own policy.

    between: whether its peak is looked for between the rows of a candidate table too (`between.nearest_to_peak`).
    """

    @property
    def name(self) -> str: ...

    def at(self, history: History) -> Acquisition: ...

    def between(self, history: History) -> bool: ...


class Always:
    """A policy that is one acquisition function, whatever has been seen."""

    def at(self, history: History) -> Self:
        del history
        return self

    def between(self, history: History) -> bool:
        del history
        return False


def sign(direction: Direction) -> float:
    return 1.0 if direction == "maximise" else -1.0


@dataclass(frozen=True)
class UCB(Always):
    """Upper confidence bound, mean + beta * sd (for a minimum: -(mean - beta * sd))."""

    beta: float = 1.0
    name: str = "ucb"

    def __post_init__(self) -> None:
        if not (finite(self.beta) and self.beta >= 0):
            raise ValueError(f"beta is {amiss(self.beta, 'give a finite number from 0 up (1 is the usual one)')}")

    @property
    def logarithmic(self) -> bool:
        return False

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        del best
        return sign(direction) * mean + self.beta * sd

    rank = value

    def slope(self, mean: Array, sd: Array, best: float, direction: Direction) -> tuple[Array, Array, Array]:
        worth = self.value(mean, sd, best, direction)
        return worth, np.full_like(worth, sign(direction)), np.full_like(worth, self.beta)


@dataclass(frozen=True)
class Schedule:
    """UCB whose beta grows slowly with the number of observations t, so that no region is given up for ever.

    Srinivas et al. (ICML 2010), theorem 1, for a space of |D| points: beta_t = 2 log(|D| t^2 pi^2 / (6 delta)); for
    a continuous one of dimension d Brochu et al. (2010), eq. 5: 2 log(t^(d/2+2) pi^2 / (3 delta)). Our beta, as in
    the lecture, is the square root of theirs. share: the part of it that is used; theory's own is 1, and large.
    """

    delta: float = 0.1
    share: float = 1.0
    name: str = "ucb-schedule"

    def __post_init__(self) -> None:
        if not (finite(self.delta) and 0 < self.delta < 1):
            raise ValueError(f"delta is {amiss(self.delta, 'give the chance to be wrong, between 0 and 1')}")
        if not (finite(self.share) and 0 < self.share <= 1):
            raise ValueError(f"share is {amiss(self.share, 'give a part above 0, at most 1')}")

    def at(self, history: History) -> UCB:
        t = max(1, len(history.usable))
        size = history.space.size
        if np.isfinite(size):
            beta = 2 * (np.log(size) + 2 * np.log(t) + np.log(np.pi**2 / (6 * self.delta)))
        else:
            d = len(history.space.parameters)
            beta = 2 * ((d / 2 + 2) * np.log(t) + np.log(np.pi**2 / (3 * self.delta)))
        return UCB(self.share * float(np.sqrt(beta)), self.name)

    def between(self, history: History) -> bool:
        del history
        return False


@dataclass(frozen=True)
class EI(Always):
    """Expected improvement over `best`: gain * Phi(z) + sd * phi(z), z = gain / sd (Jones et al. 1998, eq. 15)."""

    name: str = "ei"

    @property
    def logarithmic(self) -> bool:
        return True

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        gain = sign(direction) * (mean - best)
        z = _z(gain, sd)
        out = gain * ndtr(z) + sd * np.exp(-0.5 * z * z - HALF_LOG_2PI)
        return np.where(sd > 0, out, np.maximum(gain, 0.0))

    def rank(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        return log_ei(mean, sd, best, direction)

    def slope(self, mean: Array, sd: Array, best: float, direction: Direction) -> tuple[Array, Array, Array]:
        z = _z(sign(direction) * (mean - best), sd)
        log = log_h(z)
        sd = np.maximum(sd, TINY)
        by_z = np.where(z < FAR, _fraction(z, 2), np.exp(np.minimum(log_ndtr(z) - log, 700.0)))
        return log + np.log(sd), sign(direction) * by_z / sd, (1.0 - by_z * z) / sd


@dataclass(frozen=True)
class PI(Always):
    """Probability of improvement over `best`: Phi(z) (Kushner 1964)."""

    name: str = "pi"

    @property
    def logarithmic(self) -> bool:
        return True

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        return np.asarray(ndtr(_z(sign(direction) * (mean - best), sd)), dtype=float)

    def rank(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        return np.asarray(log_ndtr(_z(sign(direction) * (mean - best), sd)), dtype=float)

    def slope(self, mean: Array, sd: Array, best: float, direction: Direction) -> tuple[Array, Array, Array]:
        z = _z(sign(direction) * (mean - best), sd)
        log = np.asarray(log_ndtr(z), dtype=float)
        with np.errstate(over="ignore"):
            near = np.exp(np.minimum(-0.5 * z * z - HALF_LOG_2PI - log, 700.0))
        by_z = np.where(z < FAR, _fraction(z, 1), near)
        sd = np.maximum(sd, TINY)
        return log, sign(direction) * by_z / sd, -by_z * z / sd


@dataclass(frozen=True)
class Uncertainty(Always):
    """Largest uncertainty, the sd: active learning, to know the whole space rather than its best point."""

    name: str = "uncertainty"

    @property
    def logarithmic(self) -> bool:
        return False

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        del mean, best, direction
        return np.asarray(sd, dtype=float)

    rank = value

    def slope(self, mean: Array, sd: Array, best: float, direction: Direction) -> tuple[Array, Array, Array]:
        del best, direction
        return np.asarray(sd, dtype=float), np.zeros_like(mean), np.ones_like(sd)


@dataclass(frozen=True)
class Turns:
    """Expected improvement, UCB, and UCB with its peak looked for between the rows of a table: one after the other.

    They err in different ways: EI looks about, UCB with a small beta homes in, and the third does not pass over a
    good place that lies between rows. Measured on nine tables, no one of them alone finds the best row as soon.
    """

    beta: float = 1.0
    name: str = "turns"

    def __post_init__(self) -> None:
        UCB(self.beta)

    def at(self, history: History) -> Acquisition:
        return EI() if self._turn(history) == 1 else UCB(self.beta)

    def between(self, history: History) -> bool:
        return self._turn(history) == 0

    def _turn(self, history: History) -> int:
        return (len(history.observations) + len(history.pending)) % 3


def log_ei(mean: Array, sd: Array, best: float, direction: Direction) -> Array:
    """Logarithm of the expected improvement, exact where the improvement itself underflows."""
    return log_h(_z(sign(direction) * (mean - best), sd)) + np.log(np.maximum(sd, TINY))


def log_h(z: Array) -> Array:
    """log(phi(z) + z * Phi(z)) for any z."""
    z = np.asarray(z, dtype=float)
    near = np.maximum(z, -1.0)
    out = np.log(np.exp(-0.5 * near * near - HALF_LOG_2PI) + near * ndtr(near))
    far = z < -1.0
    if far.any():
        t = -z[far]
        with np.errstate(divide="ignore"):
            rest = np.log(erfcx(t / np.sqrt(2.0)) * t) + 0.5 * np.log(np.pi / 2)
        tail = np.where(t < 1e5, np.log(-np.expm1(np.minimum(rest, -1e-300))), -2.0 * np.log(t))
        out[far] = -0.5 * t * t - HALF_LOG_2PI + tail
    return np.asarray(out)


def _fraction(z: Array, k: int) -> Array:
    """Below FAR, where the difference of two logarithms loses its digits: the slope of log Phi (k = 1) and of log_h
    (k = 2), as continued fractions (Abramowitz & Stegun, 26.2.14)."""
    t = np.maximum(-z, -FAR)
    return np.asarray(t + k / (t + (k + 1) / t))


def _z(gain: Array, sd: Array) -> Array:
    """gain / sd, within what can be squared."""
    with np.errstate(over="ignore"):
        return np.asarray(np.clip(gain / np.maximum(sd, TINY), -1e150, 1e150))
