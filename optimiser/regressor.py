"""scikit-learn's Gaussian process with the most probable hyperparameters (MAP) instead of the most likely ones.

Log-normal priors whose lengthscale grows with the square root of the dimension (Hvarfner et al., ICML 2024); the
amplitude is that of the standardised values. Marginal likelihood and its gradient: Rasmussen & Williams (2006),
eq. 5.8 and 5.9, here over the pairs of one triangle only, which is what makes a fit quick.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel

from optimiser.kernels import Correlation
from optimiser.space import Array

LENGTH_BOUNDS = (0.025, 1e3)
NOISE_BOUNDS = (1e-6, 7.0)
NOISE_PRIOR = (-4.0, 1.0)
SIMULATED_PRIOR = (-2.0, 1.0)
LENGTH_SPREAD = 0.8
BIAS = 4.0
"""Prior variance of what all simulated values are off by, beyond the difference of the means."""
ANYTHING = (1e-9, 1e9)  # `Starts` keeps the bounds
JITTER = 1e-10
HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))
CLOSE: Any = {"ftol": 1e-5, "maxiter": 40}
ROUGH: Any = {"ftol": 1e-4, "maxiter": 10}


class MapRegressor(GaussianProcessRegressor):  # type: ignore[misc]
    """`kernel`: a correlation with a lengthscale per column, plus WhiteKernel (`MapRegressor.kernel_for`).

    Without priors the evidence equals the parent's. With simulated rows theta has one more entry, the logarithm of
    the variance that they have on top of the noise of all, and their common offset is integrated out.
    """

    @staticmethod
    def kernel_for(correlation: Correlation, d: int) -> Any:
        return correlation.sklearn(np.ones(d), ANYTHING) + WhiteKernel(0.01, ANYTHING)

    def fit(self, X: Array, y: Array, simulated: npt.NDArray[np.bool_] | None = None) -> Self:
        """X: (n, d). y: (n,), standardised. simulated: (n,). Raises LinAlgError, ValueError."""
        self.take(X, y, simulated)
        self.kernel_ = self.kernel.clone_with_theta(self.kernel.theta)
        self._y_train_mean, self._y_train_std = np.zeros(1), np.ones(1)
        theta = np.asarray(self.kernel_.theta)
        if self.simulated_ is not None:
            theta = np.append(theta, SIMULATED_PRIOR[0])
        if self.optimizer is not None:
            theta = self.optimizer(self, theta)
        self.theta_ = theta
        self.kernel_.theta = theta[: self.n_features_in_ + 1]
        L, self.alpha_ = self._factor(theta)[:2]
        self.L_ = np.tril(L)
        self.log_marginal_likelihood_value_ = self._likelihood(L, self.alpha_) + self.log_prior(theta)[0]
        return self

    def take(self, X: Array, y: Array, simulated: npt.NDArray[np.bool_] | None = None) -> Self:
        """Only take the data of `fit`: enough for asking `log_marginal_likelihood` at any theta."""
        self.__dict__.pop("_pairs", None)
        self.X_train_, self.y_train_ = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        self.n_features_in_ = self.X_train_.shape[1]
        self.simulated_ = simulated if simulated is not None and simulated.any() else None
        return self

    def log_marginal_likelihood(
        self, theta: Array | None = None, eval_gradient: bool = False, clone_kernel: bool = True
    ) -> Any:
        """With the log density of the priors at theta; the gradient is by theta."""
        del clone_kernel  # no kernel object is made for an evaluation
        if theta is None:
            return self.log_marginal_likelihood_value_
        theta = np.asarray(theta, dtype=float)
        value, gradient = self._evidence(theta, eval_gradient)
        prior, slope = self.log_prior(theta)
        return (value + prior, gradient + slope) if eval_gradient else value + prior

    def log_prior(self, theta: Array) -> tuple[float, Array]:
        """Log density of lengthscales and variances, up to a constant, and its gradient by theta."""
        centre, spread = priors(self.n_features_in_, len(theta))
        z = (theta - centre) / spread
        return float(-(z @ z) / 2 - theta.sum()), -z / spread - 1.0

    def _factor(self, theta: Array) -> tuple[Array, Array, Array, npt.NDArray[np.intp]]:
        """Cholesky factor (its lower triangle), weights, and of each pair of the triangle the slope and place."""
        d, n = self.n_features_in_, len(self.y_train_)
        place, squared, both = self._pairs
        k, slope = self._correlation.both(np.exp(-2 * theta[:d]) @ squared)
        K = np.zeros(n * n)
        K[place] = k if both is None else k + BIAS * both
        diagonal = 1.0 + np.exp(theta[d]) + self.alpha
        if self.simulated_ is not None:
            diagonal = diagonal + self.simulated_ * (BIAS + np.exp(theta[d + 1]))
        K[:: n + 1] = diagonal
        L, info = dpotrf(K.reshape((n, n), order="F"), lower=1, clean=0, overwrite_a=1)
        if info:
            raise LinAlgError("the covariance matrix is not positive definite; widen the noise")
        weights, _ = dpotrs(L, self.y_train_, lower=1)
        return L, weights, slope, place

    def _evidence(self, theta: Array, eval_gradient: bool) -> tuple[float, Array]:
        """The gradient is 0 when it is not asked for: it takes most of the time."""
        d, n, squared = self.n_features_in_, len(self.y_train_), self._pairs[1]
        try:
            L, weights, slope, place = self._factor(theta)
        except LinAlgError:
            return -np.inf, np.zeros_like(theta)
        value = self._likelihood(L, weights)
        if not eval_gradient:
            return value, np.zeros_like(theta)
        inverse, _ = dpotri(L, lower=1, overwrite_c=1)
        W = np.multiply.outer(weights, weights).ravel()
        W -= inverse.ravel(order="F")
        slope *= W[place]
        gradient = np.empty_like(theta)
        gradient[:d] = -2.0 * np.exp(-2 * theta[:d]) * (squared @ slope)
        diagonal = W[:: n + 1]
        gradient[d] = 0.5 * np.exp(theta[d]) * diagonal.sum()
        if self.simulated_ is not None:
            gradient[d + 1] = 0.5 * np.exp(theta[d + 1]) * diagonal[self.simulated_].sum()
        return value, gradient

    def _likelihood(self, L: Array, weights: Array) -> float:
        fits = float(self.y_train_ @ weights)
        return -0.5 * fits - float(np.log(L.diagonal()).sum()) - len(self.y_train_) * HALF_LOG_2PI

    @cached_property
    def _pairs(self) -> tuple[npt.NDArray[np.intp], Array, Array | None]:
        """Of the lower triangle: places in the matrix column by column, squared differences (d, pairs), and 1
        where both rows are simulated."""
        X, n = self.X_train_, len(self.X_train_)
        j, i = np.triu_indices(n, 1)
        both = None if self.simulated_ is None else (self.simulated_[i] & self.simulated_[j]).astype(float)
        T = np.ascontiguousarray(X.T)
        return i + j * n, (T[:, i] - T[:, j]) ** 2, both

    @cached_property
    def _correlation(self) -> Correlation:
        nu = getattr(self.kernel.k1, "nu", np.inf)
        return Correlation({0.5: "matern12", 1.5: "matern32", 2.5: "matern52"}.get(nu, "rbf"))  # type: ignore[arg-type]


@cache
def priors(d: int, size: int) -> tuple[Array, Array]:
    """Centre and spread of the normal priors of the logarithms: d lengthscales, the noise, the simulated noise."""
    rest = (NOISE_PRIOR, SIMULATED_PRIOR)[: size - d]
    centre = np.append(np.full(d, np.log(d) / 2), [c for c, _ in rest])
    return centre, np.append(np.full(d, LENGTH_SPREAD), [s for _, s in rest])


def _uphill(
    model: MapRegressor, start: Array, low: Array, high: Array, options: Any, step: Array | float = 1.0
) -> Any:
    """L-BFGS on log evidence and priors; `x` of the answer is theta. step: how far a unit goes in each of theta."""

    def cost(z: Array) -> tuple[float, Array]:
        value, slope = model.log_marginal_likelihood(start + step * z, eval_gradient=True)
        return -value, -step * slope

    limits = list(zip((low - start) / step, (high - start) / step, strict=True))
    done = minimize(cost, np.zeros_like(start), jac=True, bounds=limits, options=options)
    done.x = np.clip(start + step * np.asarray(done.x), low, high)
    return done


@dataclass(frozen=True)
class Starts:
    """L-BFGS from the priors' mode, the warm start and the best of a few fixed draws from the prior.

    Of many rows a part is fitted first, from fewer starts, and the whole from the best of them.
    """

    warm: Array | None = None
    draws: int = 12
    part: int = 60
    few: int = 40

    def __call__(self, model: MapRegressor, theta: Array) -> Array:
        d, n = model.n_features_in_, len(model.y_train_)
        centre, spread = priors(d, len(theta))
        low, high = np.log(np.array([LENGTH_BOUNDS] * d + [NOISE_BOUNDS] * (len(theta) - d))).T
        small = self._part(model) if n > self.part else model
        drawn = np.clip(centre + spread * np.random.default_rng(d).normal(size=(self.draws, len(theta))), low, high)
        costs = [-small.log_marginal_likelihood(t) for t in drawn]
        keep = 2 if n < self.few else 1  # of few points the evidence has several tops
        starts = [centre - spread**2, *drawn[np.argsort(costs)[:keep]]]
        if self.warm is not None and len(self.warm) == len(theta):
            starts.append(self.warm)
        options = CLOSE if small is model else ROUGH
        found = [_uphill(small, np.clip(s, low, high), low, high, options) for s in starts]
        best = min(found, key=lambda result: float(result.fun))
        top = np.asarray(best.x)
        if small is model:
            return top
        curvature = np.diag(best.hess_inv.todense()) * len(small.y_train_) / n
        return np.asarray(_uphill(model, top, low, high, ROUGH, np.sqrt(np.clip(curvature, 1e-4, 4.0))).x)

    def _part(self, model: MapRegressor) -> MapRegressor:
        """The same model on every so-many-th row, those with the largest values among them."""
        n = len(model.y_train_)
        rows = np.union1d(
            np.linspace(0, n - 1, self.part * 3 // 4).round().astype(int),
            np.argsort(-np.abs(model.y_train_))[: self.part // 4],
        )
        alpha = model.alpha if np.ndim(model.alpha) == 0 else np.asarray(model.alpha)[rows]
        small = MapRegressor(model.kernel, alpha=alpha, optimizer=None)
        return small.take(
            model.X_train_[rows],
            model.y_train_[rows],
            None if model.simulated_ is None else model.simulated_[rows],
        )
