"""Where experiments can be made: learned from those that could not be made against those that were measured.

A Gaussian process behind a probit, by Laplace's approximation (Rasmussen and Williams 2006, section 3.4), whose
prior mean says "can be made unless shown otherwise". Strategies multiply what a point is worth with the probability
(Gelbart et al., UAI 2014). By itself that is too weak: once the best that can be made is known, nothing else there
is worth much, and most suggestions fall where nothing can be made. So `log_weight` falls steeply below even odds.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr, ndtri

from optimiser.history import History
from optimiser.kernels import Correlation, squared_distances
from optimiser.space import Array

TRUST = 0.9
"""How probable it is before any experiment that a point can be made."""

VARIANCE = 9.0
"""Of the latent function: large enough that a few neighbours outweigh the prior."""

CENTRE = float(ndtri(TRUST)) * (1.0 + VARIANCE) ** 0.5
EVEN = 0.5
STEEP = 100.0
"""How fast `log_weight` falls below even odds: by 10 more for each 0.1 of probability."""

LENGTH_BOUNDS = (0.05, 100.0)
LENGTH_NOISE = 0.1
MOST_OF_A_KIND = 100
FARTHEST = 10.0
"""Encoded values are kept within this, so that a point far outside the space does no harm."""

MATERN = Correlation("matern52")
TINY = 1e-300
_ROOT5 = 5.0**0.5
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Feasibility:
    """What was learned about where experiments can be made. Quick to ask, stateless, deterministic.

    X (n, d), encoded: the points it learned from; made (n,): +1 for one that was made, -1 for one that cannot be.
    lengthscales (d,): in parts of each parameter's range.
    """

    X: Array
    made: Array
    lengthscales: Array

    @classmethod
    def learn(cls, history: History) -> "Feasibility | None":
        """From all labels that the history has now; None when nothing is infeasible: every point counts as sure."""
        if not history.infeasible:
            return None
        good = [o.point for o in history.usable]
        X = np.clip(history.space.encode([*good, *history.infeasible]), -FARTHEST, FARTHEST)
        made = np.concatenate([np.ones(len(good)), -np.ones(len(history.infeasible))])
        return cls(X, made, _lengthscales(X, made))

    def probability(self, X: Array) -> Array:
        """(m, d) encoded rows to (m,), from 0 to 1: how probable it is that each can be made."""
        k = VARIANCE * MATERN.value(squared_distances(X / self.lengthscales, self.X / self.lengthscales))
        mean, variance = self._latent(k)
        return np.asarray(ndtr(mean / np.sqrt(1.0 + variance)))

    def gradient(self, x: Array) -> Array:
        """(d,) encoded point to (d,): how the probability changes with each encoded column."""
        weights, root = self._mode
        apart = (x - self.X) / self.lengthscales
        r = _ROOT5 * np.sqrt((apart * apart).sum(axis=1))
        decay = VARIANCE * np.exp(-r)
        k = (1.0 + r + r * r / 3.0) * decay
        slope = -5.0 / 3.0 * ((1.0 + r) * decay)[:, None] * apart / self.lengthscales
        mean, variance = (float(v[0]) for v in self._latent(k[None]))
        spread = np.sqrt(1.0 + variance)
        z = mean / spread
        by_variance = -2.0 * ((root @ k) @ (root @ slope))
        change = (weights @ slope) / spread - 0.5 * z * by_variance / spread**2
        return np.asarray(np.exp(-0.5 * z * z - _HALF_LOG_2PI) * change)

    def log_weight(self, X: Array) -> Array:
        """(m, d) encoded rows to (m,), 0 or less: to be added to a logarithmic acquisition (log-EI, log-PI)."""
        p = self.probability(X)
        return np.asarray(np.log(np.maximum(p, TINY)) - STEEP * np.maximum(EVEN - p, 0.0))

    def log_weight_gradient(self, x: Array) -> Array:
        """(d,) encoded point to (d,): how `log_weight` changes with each encoded column."""
        p = float(self.probability(x[None])[0])
        return (1.0 / max(p, TINY) + (STEEP if p < EVEN else 0.0)) * self.gradient(x)

    def _latent(self, k: Array) -> tuple[Array, Array]:
        """Mean and variance of the latent function from covariances (m, n) with what it learned from."""
        weights, root = self._mode
        V = k @ root.T
        return CENTRE + k @ weights, np.maximum(VARIANCE - (V * V).sum(axis=1), 0.0)

    @cached_property
    def _mode(self) -> tuple[Array, Array]:
        """Weights of the points at the latent function's mode, and a root of what they take off the variance.

        Newton's method; the probit's logarithm is concave, so that there is one mode.
        """
        S = self.X / self.lengthscales
        K = VARIANCE * MATERN.value(squared_distances(S, S))
        f = np.full(len(K), CENTRE)
        for _ in range(100):
            z = self.made * f
            pull = np.exp(-0.5 * z * z - _HALF_LOG_2PI - log_ndtr(z))
            curvature = pull * (pull + z)
            root = np.sqrt(np.maximum(curvature, 0.0))
            L = cholesky(np.eye(len(K)) + root[:, None] * K * root, lower=True, check_finite=False)
            b = curvature * (f - CENTRE) + self.made * pull
            weights = b - root * cho_solve((L, True), root * (K @ b), check_finite=False)
            before, f = f, CENTRE + K @ weights
            if np.abs(f - before).max() < 1e-9:
                break
        return weights, solve_triangular(L, np.diag(root), lower=True, check_finite=False)


def _lengthscales(X: Array, made: Array) -> Array:
    """The most probable ones when the labels are regressed, under log-normal priors that grow with the dimension.

    As good as those of Laplace's evidence at a fraction of its time. Of many points an even choice of each kind
    decides.
    """
    kinds = [np.flatnonzero(made == kind) for kind in (-1.0, 1.0)]
    chosen = np.concatenate([rows[:: -(-len(rows) // MOST_OF_A_KIND) or 1] for rows in kinds])
    X, y = X[chosen], made[chosen] - 1.0
    n, d = X.shape
    centre = 0.5 * np.log(d) - 0.7
    squared = ((X[:, None, :] - X[None, :, :]) ** 2).transpose(2, 0, 1)

    def cost(theta: Array) -> tuple[float, Array]:
        inverse = np.exp(-2.0 * theta)
        r = _ROOT5 * np.sqrt(np.tensordot(inverse, squared, 1))
        decay = np.exp(-r)
        K = (1.0 + r + r * r / 3.0) * decay
        K[np.diag_indices(n)] += LENGTH_NOISE
        L = cholesky(K, lower=True, check_finite=False)
        alpha = cho_solve((L, True), y, check_finite=False)
        W = np.outer(alpha, alpha) - cho_solve((L, True), np.eye(n), check_finite=False)
        evidence = -0.5 * float(y @ alpha) - float(np.log(np.diag(L)).sum())
        slope = 5.0 / 6.0 * inverse * (squared.reshape(d, -1) @ (W * (1.0 + r) * decay).reshape(-1))
        z = theta - centre
        return 0.5 * float(z @ z) - evidence, z - slope

    found = minimize(
        cost, np.full(d, centre), jac=True, method="L-BFGS-B", bounds=[tuple(np.log(LENGTH_BOUNDS))] * d,
        options={"maxiter": 15},
    )  # fmt: skip
    return np.asarray(np.exp(found.x))
