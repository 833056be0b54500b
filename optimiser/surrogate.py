"""The surrogate: a Gaussian process with a Matern-5/2 kernel, one lengthscale per encoded column.

Hyperparameters are the most probable ones (MAP) under log-normal priors whose lengthscale grows with the square
root of the dimension (Hvarfner et al., ICML 2024); the amplitude is that of the standardised values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from optimiser.history import Direction, History
from optimiser.space import Array, Point, SearchSpace

ROOT5 = 5.0**0.5
LENGTH_BOUNDS = (0.025, 1e3)
NOISE_BOUNDS = (1e-6, 7.0)
NOISE_PRIOR = (-4.0, 1.0)
LENGTH_SPREAD = 1.0


class FitError(RuntimeError):
    """The surrogate cannot be fitted to what has been observed; the message says why."""


@dataclass(frozen=True)
class Incumbent:
    """The best so far: the measured point with the best posterior mean, and how often it was measured."""

    point: Point
    mean: float
    sd: float
    n: int


def matern(squared: Array) -> Array:
    """Correlation at squared scaled distances."""
    r = ROOT5 * np.sqrt(squared)
    out: Array = (1.0 + r + r * r / 3.0) * np.exp(-r)
    return out


class MapRegressor(GaussianProcessRegressor):  # type: ignore[misc]
    """scikit-learn's regressor whose marginal likelihood carries the priors, with a faster analytic gradient.

    Without priors it equals the parent's for Matern-5/2 + white noise.
    """

    def log_marginal_likelihood(
        self, theta: Array | None = None, eval_gradient: bool = False, clone_kernel: bool = True
    ) -> Any:
        if theta is None:
            return super().log_marginal_likelihood(theta, eval_gradient, clone_kernel)
        value, gradient = self._evidence(np.asarray(theta, dtype=float))
        prior, slope = self.log_prior(theta)
        return (value + prior, gradient + slope) if eval_gradient else value + prior

    def log_prior(self, theta: Array) -> tuple[float, Array]:
        """Log density of lengthscales and noise variance, up to a constant, and its gradient."""
        d = len(theta) - 1
        centre = np.append(np.full(d, np.log(d) / 2), NOISE_PRIOR[0])
        spread = np.append(np.full(d, LENGTH_SPREAD), NOISE_PRIOR[1])
        z = (theta - centre) / spread
        return float(-(z @ z) / 2 - theta.sum()), -z / spread - 1.0

    def _evidence(self, theta: Array) -> tuple[float, Array]:
        y = self.y_train_
        n = len(y)
        inverse = np.exp(-2 * theta[:-1])
        noise = float(np.exp(theta[-1]))
        r = ROOT5 * np.sqrt(np.tensordot(inverse, self._squared, 1))
        decay = np.exp(-r)
        K = (1.0 + r + r * r / 3.0) * decay
        K[np.diag_indices(n)] += noise + self.alpha
        try:
            L = cholesky(K, lower=True, check_finite=False)
        except LinAlgError:
            return -np.inf, np.zeros_like(theta)
        alpha = cho_solve((L, True), y, check_finite=False)
        W = np.outer(alpha, alpha) - cho_solve((L, True), np.eye(n), check_finite=False)
        value = -0.5 * float(y @ alpha) - float(np.log(np.diag(L)).sum()) - 0.5 * n * np.log(2 * np.pi)
        slope = (W * (1.0 + r) * decay).reshape(-1)
        by_length = 5.0 / 6.0 * inverse * (self._squared.reshape(len(inverse), -1) @ slope)
        return value, np.append(by_length, 0.5 * noise * np.trace(W))

    @cached_property
    def _squared(self) -> Array:
        """(d, n, n): squared differences per encoded column."""
        X = self.X_train_
        out: Array = np.ascontiguousarray((X[:, None, :] - X[None, :, :]).transpose(2, 0, 1) ** 2)
        return out


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the surrogate believes; quick to ask. Values are in the objective's unit.

    lengthscales: by encoded column (`space.columns`), in parts of the parameter's range.
    evidence: log marginal likelihood with priors.
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

    @cached_property
    def _factor(self) -> tuple[Array, Array]:
        """Inverse of the Cholesky factor, and the weights of the observations."""
        S = self.X / self.lengthscales
        K = matern(_squared_distances(S, S))
        K[np.diag_indices(len(K))] += self.noise
        L = cholesky(K, lower=True, check_finite=False)
        inverse = solve_triangular(L, np.eye(len(L)), lower=True, check_finite=False)
        return inverse, inverse.T @ (inverse @ self.y)

    def predict(self, points: Sequence[Point]) -> tuple[Array, Array]:
        """Mean and standard deviation of the true value (without the noise of a reading) at each point."""
        return self.predict_encoded(self.space.encode(points))

    def predict_encoded(self, X: Array) -> tuple[Array, Array]:
        """The same for rows of `space.encode`."""
        inverse, weights = self._factor
        k = matern(_squared_distances(X / self.lengthscales, self.X / self.lengthscales))
        V = k @ inverse.T
        variance = np.maximum(1.0 - (V * V).sum(axis=1), 1e-12)
        return self.offset + self.scale * (k @ weights), self.scale * np.sqrt(variance)

    def incumbent(self) -> Incumbent | None:
        """Best posterior mean at a measured point: a lucky reading does not become the headline."""
        return self._incumbent

    @cached_property
    def _incumbent(self) -> Incumbent | None:
        if not self.measured:
            return None
        mean, sd = self.predict(self.measured)
        best = int(mean.argmax() if self.direction == "maximise" else mean.argmin())
        keys = list(map(self.space.key, self.measured))
        return Incumbent(self.measured[best], float(mean[best]), float(sd[best]), keys.count(keys[best]))

    def believing(self, points: Sequence[Point], at_best: float | None = None) -> "Posterior":
        """As if the points had been measured and had given their mean (Ginsbourger's kriging believer).

        at_best: believe in nothing better than this value, for experiments that failed.
        """
        if not points:
            return self
        X = self.space.encode(points)
        mean, _ = self.predict_encoded(X)
        if at_best is not None:
            mean = np.minimum(mean, at_best) if self.direction == "maximise" else np.maximum(mean, at_best)
        return replace(
            self,
            X=np.vstack([self.X, X]),
            y=np.append(self.y, (mean - self.offset) / self.scale),
            noise=np.append(self.noise, np.full(len(X), np.exp(self.theta[-1]))),
        )


def fit(history: History, warm: Posterior | None = None) -> Posterior:
    """The posterior after all usable observations. Raises FitError.

    warm: an earlier posterior whose hyperparameters are tried as one more start.
    """
    seen = history.usable
    if not seen:
        raise FitError("nothing has been measured yet")
    values = np.array([o.value for o in seen], dtype=float)
    size = float(np.abs(values).max()) or 1.0
    offset = float((values / size).mean()) * size
    scale = float(((values - offset) / size).std()) * size
    if not scale > 1e-12 * size:
        scale = size
    y = (values - offset) / scale
    X = history.space.encode([o.point for o in seen])
    own = np.array([(o.sd or 0.0) / scale for o in seen]) ** 2
    d = X.shape[1]
    anything = (1e-9, 1e9)  # `_Starts` keeps the bounds
    kernel = Matern(np.ones(d), anything, nu=2.5) + WhiteKernel(0.01, anything)
    model = MapRegressor(kernel, alpha=own + 1e-10, optimizer=_Starts(d, warm), copy_X_train=False)
    try:
        model.fit(X, y)
    except (LinAlgError, ValueError) as error:
        raise FitError(f"the surrogate could not be fitted: {error}") from error
    theta = np.asarray(model.kernel_.theta)
    return Posterior(
        space=history.space,
        direction=history.direction,
        X=X,
        y=y,
        lengthscales=np.exp(theta[:-1]),
        noise=own + 1e-10 + np.exp(theta[-1]),
        offset=offset,
        scale=scale,
        theta=theta,
        evidence=float(model.log_marginal_likelihood_value_),
        measured=tuple(o.point for o in seen),
    )


@dataclass(frozen=True)
class _Starts:
    """L-BFGS from the priors' mode, the warm start and the best of a few fixed draws from the prior."""

    d: int
    warm: Posterior | None
    draws: int = 12
    keep: int = 2

    def __call__(self, objective: Any, initial: Array, bounds: Array) -> tuple[Array, float]:
        del initial, bounds
        rng = np.random.default_rng(self.d)
        centre = np.append(np.full(self.d, np.log(self.d) / 2), NOISE_PRIOR[0])
        spread = np.append(np.full(self.d, LENGTH_SPREAD), NOISE_PRIOR[1])
        low, high = np.log(np.array([LENGTH_BOUNDS] * self.d + [NOISE_BOUNDS])).T
        drawn = np.clip(centre + spread * rng.normal(size=(self.draws, self.d + 1)), low, high)
        costs = [objective(theta, eval_gradient=False) for theta in drawn]
        starts = [centre - spread**2, *drawn[np.argsort(costs)[: self.keep]]]
        if self.warm is not None and len(self.warm.theta) == self.d + 1:
            starts.append(self.warm.theta)
        found = [
            minimize(objective, np.clip(s, low, high), jac=True, bounds=list(zip(low, high, strict=True)))
            for s in starts
        ]
        best = min(found, key=lambda result: float(result.fun))
        return np.asarray(best.x), float(best.fun)


def _squared_distances(A: Array, B: Array) -> Array:
    out = (A * A).sum(axis=1)[:, None] + (B * B).sum(axis=1)[None] - 2.0 * (A @ B.T)
    return np.asarray(np.maximum(out, 0.0))
