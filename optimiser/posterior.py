"""The posterior: what the surrogate believes everywhere. Quick to ask; all answers in the objective's unit."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dpotrf, dtrtri

from optimiser.history import Direction
from optimiser.kernels import Correlation, squared_distances
from optimiser.parameters import SAME
from optimiser.regressor import BIAS
from optimiser.space import Array, Point, SearchSpace

LEAST = 1e-12
"""Least variance of a prediction, in standardised units: rounding alone makes less."""
BLOCK = 1 << 16
FARTHEST = 10.0
"""Encoded values are kept within this: distances to a point measured far out of bounds would lose their digits."""


def encoded(space: SearchSpace, points: Sequence[Point]) -> Array:
    """(m, d), as `space.encode`, no farther from the space than the surrogate can tell."""
    return np.clip(space.encode(points), -FARTHEST, FARTHEST)


@dataclass(frozen=True)
class Incumbent:
    """The best so far: the measured point with the best posterior mean, and how often it was measured."""

    point: Point
    mean: float
    sd: float
    n: int


@dataclass(frozen=True, eq=False)
class Posterior:
    """X: (n, d), encoded. y: (n,), standardised: the objective's value is offset + scale * y.

    lengthscales: (d,), by encoded column (`space.columns`), in parts of the parameter's range.
    noise: (n,), standardised variance of each observation. evidence: log marginal likelihood with priors.
    measured: the points of the rows of X. simulated: (n,), which rows are simulated; None when none is.
    """

    space: SearchSpace
    direction: Direction
    X: Array
    y: Array
    lengthscales: Array
    noise: Array
    offset: float
    scale: float
    theta: Array
    evidence: float
    measured: tuple[Point, ...] = ()
    correlation: Correlation = field(default_factory=Correlation)
    simulated: npt.NDArray[np.bool_] | None = None

    @cached_property
    def factor(self) -> tuple[Array, Array]:
        """Inverse of the covariance's Cholesky factor (n, n), lower; and the weights of the observations (n,)."""
        S = self.X / self.lengthscales
        K = self.correlation.value(squared_distances(S, S))
        K[np.diag_indices(len(K))] = 1.0 + self.noise
        if self.simulated is not None:
            K += BIAS * np.outer(self.simulated, self.simulated)
        L, info = dpotrf(K, lower=1, clean=1)
        if info:
            raise LinAlgError("the covariance matrix is not positive definite")
        inverse, _ = dtrtri(L, lower=1, overwrite_c=1)
        return inverse, inverse.T @ (inverse @ self.y)

    @cached_property
    def _scaled(self) -> Array:
        return np.asarray(self.X / self.lengthscales)

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one reading, in the objective's unit."""
        return self.scale * float(np.exp(self.theta[len(self.lengthscales)] / 2))

    def predict(self, points: Sequence[Point]) -> tuple[Array, Array]:
        """Mean and standard deviation of the true value (without the noise of a reading) at each point."""
        return self.predict_encoded(encoded(self.space, points))

    def predict_encoded(self, X: Array) -> tuple[Array, Array]:
        """The same for rows of `space.encode`: (m, d) to (m,) and (m,)."""
        inverse, weights = self.factor
        S = X / self.lengthscales
        mean, variance = np.empty(len(X)), np.empty(len(X))
        rows = max(64, BLOCK // len(self.y))
        for at in range(0, len(X), rows):
            part = slice(at, at + rows)
            k = self.correlation.value(squared_distances(S[part], self._scaled))
            mean[part] = k @ weights
            V = dtrmm(1.0, inverse, k.T, lower=1, overwrite_b=1)
            variance[part] = 1.0 - np.einsum("ij,ij->j", V, V)
        return self.offset + self.scale * mean, self.scale * np.sqrt(np.maximum(variance, LEAST))

    def mean_encoded(self, X: Array) -> Array:
        """The mean alone at encoded rows (m, d), in a fraction of the time."""
        k = self.correlation.value(squared_distances(X / self.lengthscales, self._scaled))
        return np.asarray(self.offset + self.scale * (k @ self.factor[1]))

    def gradient(self, X: Array) -> tuple[Array, Array, Array, Array]:
        """Mean and sd at encoded rows (m, d), and their gradients by the encoded columns, (m, d) each."""
        inverse, weights = self.factor
        apart = X[:, None, :] - self.X[None]
        inner = apart / self.lengthscales**2
        k, slope = self.correlation.both(np.einsum("mnd,mnd->mn", apart, inner))
        V = k @ inverse.T
        variance = 1.0 - np.einsum("ij,ij->i", V, V)
        sd = np.sqrt(np.maximum(variance, LEAST))
        d_mean = 2.0 * np.einsum("mn,mnd->md", slope * weights, inner)
        d_sd = -2.0 * np.einsum("mn,mnd->md", slope * (V @ inverse), inner) / sd[:, None]
        d_sd[variance <= LEAST] = 0.0
        return self.offset + self.scale * (k @ weights), self.scale * sd, self.scale * d_mean, self.scale * d_sd

    def covariance(self, points: Sequence[Point]) -> tuple[Array, Array]:
        """Joint mean (m,) and covariance (m, m) of the true values at the points."""
        inverse, weights = self.factor
        S = encoded(self.space, points) / self.lengthscales
        k = self.correlation.value(squared_distances(S, self._scaled))
        V = k @ inverse.T
        prior = self.correlation.value(squared_distances(S, S))
        return self.offset + self.scale * (k @ weights), self.scale**2 * (prior - V @ V.T)

    def draw(self, points: Sequence[Point], n: int, rng: np.random.Generator) -> Array:
        """(n, m): n functions drawn from the posterior, at the m points."""
        unit = replace(self, offset=0.0, scale=1.0)
        vars(unit)["factor"] = self.factor
        mean, covariance = unit.covariance(points)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return np.asarray(self.offset + self.scale * (mean + rng.normal(size=(n, len(mean))) @ root.T))

    def leave_one_out(self) -> tuple[Array, Array]:
        """What is predicted of each observation from all the others, and the sd of that reading (its noise in it).

        Rasmussen & Williams (2006), eq. 5.12.
        """
        inverse, weights = self.factor
        precision = np.einsum("ij,ij->j", inverse, inverse)
        mean = self.y - weights / precision
        return self.offset + self.scale * mean, self.scale / np.sqrt(precision)

    def incumbent(self) -> Incumbent | None:
        """Best posterior mean at a measured point: a lucky reading does not become the headline."""
        return self._incumbent

    @cached_property
    def _incumbent(self) -> Incumbent | None:
        rows = np.arange(len(self.measured))
        if self.simulated is not None:
            rows = rows[~self.simulated[: len(rows)]]
        if not len(rows):
            return None
        believed = (self.y - self.noise * self.factor[1])[rows]  # the mean there, without a prediction
        best = int(rows[believed.argmax() if self.direction == "maximise" else believed.argmin()])
        mean, sd = self.predict_encoded(self.X[[best]])
        same = (np.abs(self.X[rows] - self.X[best]).max(axis=1) <= SAME).sum()
        return Incumbent(self.measured[best], float(mean[0]), float(sd[0]), int(same))

    def believing(self, points: Sequence[Point]) -> "Posterior":
        """As if the points had been measured and had given their mean (Ginsbourger's kriging believer, 2010).

        One row of the Cholesky factor is appended for each, O(n^2), instead of factoring anew.
        """
        out = self
        for x in encoded(self.space, points) if len(points) else ():
            out = out._with_row(x)
        return out

    def _with_row(self, x: Array) -> "Posterior":
        inverse, weights = self.factor
        n = len(self.y)
        s = x / self.lengthscales
        k = self.correlation.value(squared_distances(s[None], self._scaled))[0]
        noise = float(np.exp(self.theta[len(self.lengthscales)])) + 1e-10
        below = inverse @ k
        corner = np.sqrt(max(1.0 + noise - float(below @ below), noise))
        grown = np.zeros((n + 1, n + 1), order="F")
        grown[:n, :n] = inverse
        grown[n, :n] = -(below @ inverse) / corner
        grown[n, n] = 1.0 / corner
        out = replace(
            self,
            X=np.vstack([self.X, x]),
            y=np.append(self.y, k @ weights),
            noise=np.append(self.noise, noise),
            simulated=None if self.simulated is None else np.append(self.simulated, False),
        )
        vars(out)["factor"] = (grown, np.append(weights, 0.0))
        return out
