"""One function drawn from the posterior, that can be asked anywhere, of any number of points, with its gradient.

Matheron's rule: a function of the prior, corrected by how it misses the observations (Wilson et al., ICML 2020).
The function of the prior is a sum of waves whose frequencies are drawn from the kernel's spectral density (Rahimi
and Recht 2007): a normal for the RBF, a multivariate t with 2 nu degrees of freedom for a Matern of smoothness nu.
Many draws have the posterior's mean and covariance, however few the waves are, since each has waves of its own.
"""

from dataclasses import dataclass

import numpy as np

from optimiser.kernels import NU, squared_distances
from optimiser.posterior import Posterior
from optimiser.regressor import BIAS
from optimiser.space import Array

WAVES = 512
BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Drawn:
    """A function, in standardised units: the objective's value is belief.offset + belief.scale * value.

    frequencies (WAVES, d), by lengthscales; waves (2, WAVES): the weights of their cosines and sines.
    weights (n,): of the observations, which correct the waves.
    """

    belief: Posterior
    frequencies: Array
    waves: Array
    weights: Array

    def value(self, X: Array) -> Array:
        """(m, d) encoded rows to (m,)."""
        seen = self.belief.X / self.belief.lengthscales
        S, out = X / self.belief.lengthscales, np.empty(len(X))
        rows = max(1, BLOCK // (WAVES + len(seen)))
        for at in range(0, len(X), rows):
            part = S[at : at + rows]
            k = self.belief.correlation.value(squared_distances(part, seen))
            out[at : at + rows] = _prior(self.frequencies, self.waves, part) + k @ self.weights
        return out

    def slope(self, X: Array) -> tuple[Array, Array]:
        """(m, d) encoded rows to the values (m,), and their gradients by the encoded columns (m, d)."""
        lengths = self.belief.lengthscales
        apart = (X[:, None] - self.belief.X[None]) / lengths
        k, by_squared = self.belief.correlation.both(np.einsum("mnd,mnd->mn", apart, apart))
        angle = X / lengths @ self.frequencies.T
        cosine, sine = np.cos(angle), np.sin(angle)
        a, b = self.waves
        steep = (b * cosine - a * sine) @ self.frequencies
        steep += 2.0 * np.einsum("mn,mnd->md", by_squared * self.weights, apart)
        return cosine @ a + sine @ b + k @ self.weights, steep / lengths


def draw(belief: Posterior, rng: np.random.Generator) -> Drawn:
    """One function of what `belief` holds possible."""
    n, d = belief.X.shape
    frequencies = rng.normal(size=(WAVES, d))
    nu = NU[belief.correlation.name]
    if np.isfinite(nu):
        frequencies /= np.sqrt(rng.chisquare(2 * nu, size=(WAVES, 1)) / (2 * nu))
    waves = rng.normal(size=(2, WAVES)) / np.sqrt(WAVES)
    would_be = _prior(frequencies, waves, belief.X / belief.lengthscales) + rng.normal(size=n) * np.sqrt(
        belief.noise
    )
    if belief.simulated is not None:
        would_be += belief.simulated * (rng.normal() * np.sqrt(BIAS))
    inverse, _ = belief.factor
    return Drawn(belief, frequencies, waves, inverse.T @ (inverse @ (belief.y - would_be)))


def _prior(frequencies: Array, waves: Array, S: Array) -> Array:
    """The sum of the waves at rows in lengthscales."""
    angle = S @ frequencies.T
    out: Array = np.cos(angle) @ waves[0]
    out += np.sin(angle, out=angle) @ waves[1]
    return out
