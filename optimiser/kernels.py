"""Correlation functions: how alike the values at two points are, by their squared distance in lengthscales.

Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), section 4.2.1.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from optimiser.space import Array

Name = Literal["matern12", "matern32", "matern52", "rbf"]
NU: dict[Name, float] = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5, "rbf": np.inf}
ROOT3, ROOT5 = 3.0**0.5, 5.0**0.5
NEAR = 1e-12


@dataclass(frozen=True)
class Correlation:
    """Of the smoothness `name`; 1 at distance 0."""

    name: Name = "matern52"

    def value(self, squared: Array) -> Array:
        """Correlation at squared distances, of any shape."""
        if self.name == "rbf":
            return np.asarray(np.exp(-0.5 * squared))
        r = np.sqrt(squared)
        if self.name == "matern12":
            return np.asarray(np.exp(-r))
        if self.name == "matern32":
            r *= ROOT3
            return np.asarray((1.0 + r) * np.exp(-r))
        r *= ROOT5
        out = r * (1.0 / 3.0)
        out += 1.0
        out *= r
        out += 1.0
        np.negative(r, out=r)
        out *= np.exp(r, out=r)
        return np.asarray(out)

    def both(self, squared: Array) -> tuple[Array, Array]:
        """Correlation and its derivative by the squared distance."""
        if self.name == "rbf":
            k = np.exp(-0.5 * squared)
            return k, -0.5 * k
        r = np.sqrt(squared)
        if self.name == "matern12":
            k = np.exp(-r)
            return k, -0.5 * k / np.maximum(r, NEAR)
        if self.name == "matern32":
            r *= ROOT3
            decay = np.exp(-r)
            return (1.0 + r) * decay, -1.5 * decay
        r *= ROOT5
        slope = np.exp(-r)
        k = (1.0 + r + r * r / 3.0) * slope
        r += 1.0
        slope *= r
        slope *= -5.0 / 6.0
        return k, slope

    def sklearn(self, lengthscales: Array, bounds: tuple[float, float]) -> Any:
        """The same as a scikit-learn kernel."""
        from sklearn.gaussian_process.kernels import RBF, Matern

        if self.name == "rbf":
            return RBF(lengthscales, bounds)
        return Matern(lengthscales, bounds, nu=NU[self.name])


def squared_distances(A: Array, B: Array) -> Array:
    """(m, n) squared distances between the rows of A (m, d) and of B (n, d)."""
    out: Array = A @ B.T
    out *= -2.0
    out += (A * A).sum(axis=1)[:, None]
    out += (B * B).sum(axis=1)[None]
    return np.maximum(out, 0.0, out=out)
