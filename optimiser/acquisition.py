"""Acquisition functions: what a point is worth trying. Larger is better, whatever the direction.

`value` is the textbook formula. `rank` orders points in the same way where `value` would underflow to nothing:
the logarithm of the expected improvement (Ament et al., NeurIPS 2023), of the probability of improvement.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from optimiser.history import Direction
from optimiser.space import Array

HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
TINY = 1e-300


class Acquisition(Protocol):
    """best: the value to beat, in the objective's unit."""

    @property
    def name(self) -> str: ...

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array: ...

    def rank(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array: ...


def sign(direction: Direction) -> float:
    return 1.0 if direction == "maximise" else -1.0


@dataclass(frozen=True)
class UCB:
    """Upper confidence bound, mean + beta * sd (for a minimum: -(mean - beta * sd))."""

    beta: float = 1.0
    name: str = "ucb"

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        del best
        return sign(direction) * mean + self.beta * sd

    rank = value


@dataclass(frozen=True)
class EI:
    """Expected improvement over `best`: gain * Phi(z) + sd * phi(z), z = gain / sd."""

    name: str = "ei"

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        gain = sign(direction) * (mean - best)
        z = _z(gain, sd)
        out = gain * ndtr(z) + sd * np.exp(-0.5 * z * z - HALF_LOG_2PI)
        return np.where(sd > 0, out, np.maximum(gain, 0.0))

    def rank(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        return log_ei(mean, sd, best, direction)


@dataclass(frozen=True)
class PI:
    """Probability of improvement over `best`: Phi(z)."""

    name: str = "pi"

    def value(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        return np.asarray(ndtr(_z(sign(direction) * (mean - best), sd)), dtype=float)

    def rank(self, mean: Array, sd: Array, best: float, direction: Direction) -> Array:
        return np.asarray(log_ndtr(_z(sign(direction) * (mean - best), sd)), dtype=float)


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


def _z(gain: Array, sd: Array) -> Array:
    """gain / sd, within what can be squared."""
    with np.errstate(over="ignore"):
        return np.asarray(np.clip(gain / np.maximum(sd, TINY), -1e150, 1e150))
