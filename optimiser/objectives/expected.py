"""What a point is expected to add to the Pareto front, from the beliefs about each objective there.

The objectives' beliefs are independent normal ones: mean and sd, (m, k), in the objectives' units. The expected
hypervolume improvement is the sum, over the boxes not yet dominated, of the product of what each objective is
expected to reach into the box: exact for any goal. For two objectives this is the closed form over strips
(Emmerich, Deutz and Klinkenberg, CEC 2011; Yang, Emmerich, Deutz and Bäck, J. Global Optim. 75, 3 (2019)). Where
there would be too many boxes it is a mean over fixed quasi-random samples, as Daulton, Balandat and Bakshy (NeurIPS
2020) do it, of the hypervolume as a mean over directions (Zhang and Golovin, ICML 2020), which needs no boxes.

Logarithms throughout (Ament et al., NeurIPS 2023), so that points far from the front can still be told apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import qmc

from optimiser.acquisition import EI
from optimiser.objectives.objective import Objective
from optimiser.objectives.pareto import boxes, finite_rows, hypervolume, non_dominated
from optimiser.space import Array

LEAST = float(np.finfo(float).tiny)
MOST_BOXES = 1500
SAMPLES = 512
BLOCK = 1 << 21
NOTHING = -1e5
"""Below the logarithm of any improvement that a sample shows."""
ROOM = 0.1


def reference_point(objectives: Sequence[Objective], gains: Array) -> Array:
    """(k,): gains from which on a point counts, given those of what was measured, (p, k).

    The threshold where there is one; for a window one width outside it (a gain cannot pass its threshold); else the
    worst of the Pareto front minus 10 % of the range of what was measured.
    """
    front = gains[non_dominated(gains)]
    out = []
    for j, objective in enumerate(objectives):
        if objective.goal == "window":
            low, high = objective.edges
            out.append(low - high)
        elif objective.threshold is not None:
            out.append(objective.threshold)
        else:
            worst = float(front[:, j].min())
            out.append(worst - (ROOM * float(np.ptp(gains[:, j])) or ROOM * abs(worst) or 1.0))
    return np.array(out)


def log_reach(objective: Objective, mean: Array, sd: Array, edges: Array) -> Array:
    """(m, e): logarithm of how far the gain is expected to pass each edge, E[max(gain - edge, 0)].

    mean, sd: (m,), of the objective's value. edges: (e,), gains; an infinite one is never passed.
    """
    sd = np.maximum(sd, LEAST)[:, None]
    open_ = np.isfinite(edges)
    bounded = objective.goal in ("target", "window")
    edge = np.where(open_, np.minimum(edges, 0.0) if bounded else edges, 0.0)
    if not bounded:
        out = _log_h(_ratio(objective.gain(mean)[:, None] - edge, sd))
    else:
        # E = integral from the edge to 0 of P(gain > g): of the normal distribution between window and g. The
        # side of the window's middle makes no difference, and the far side is kept the smaller part.
        low, high = objective.edges
        half = high / 2 - low / 2
        away = np.abs(mean - (low / 2 + high / 2))[:, None]
        room, near, far = _ratio(-edge, sd), _ratio(half - away, sd), _ratio(-half - away, sd)
        most = _log_h(near + room)
        share = 1.0 - np.exp(_log_h(near) - most) - np.exp(_log_h(far) - most) + np.exp(_log_h(far - room) - most)
        with np.errstate(divide="ignore"):
            out = most + np.log(np.where(edge < 0, np.maximum(share, 0.0), 0.0))
    return np.where(open_, out + np.log(sd), -np.inf)


def chance_above(objective: Objective, mean: Array, sd: Array, edges: Array) -> Array:
    """(m, e): probability that the gain is above each edge."""
    sd = np.maximum(sd, LEAST)[:, None]
    edge = np.where(np.isfinite(edges), edges, 0.0)
    if objective.goal in ("maximise", "minimise"):
        out = ndtr(_ratio(objective.gain(mean)[:, None] - edge, sd))
    else:
        low, high = objective.edges
        inside = ndtr(_ratio(high - edge - mean[:, None], sd)) - ndtr(_ratio(low + edge - mean[:, None], sd))
        out = np.where(edge < 0, inside, 0.0)
    return np.where(np.isfinite(edges), out, np.where(edges > 0, 0.0, 1.0))


def chance_all_met(objectives: Sequence[Objective], mean: Array, sd: Array) -> Array:
    """(m,): probability that the true values meet every threshold; 1 where there is none."""
    out = np.ones(len(mean))
    for j, objective in enumerate(objectives):
        if objective.threshold is not None:
            just_below = np.array(
                [np.nextafter(objective.threshold, -np.inf)]
            )  # inside a window no gain is above 0
            out *= chance_above(objective, mean[:, j], sd[:, j], just_below)[:, 0]
    return out


@dataclass(frozen=True, eq=False)
class HypervolumeImprovement:
    """Of a new point over what is known.

    gains: (p, k), of what is known. reference: (k,), see `reference_point`. Raises ValueError for text, NaN, inf.
    """

    objectives: tuple[Objective, ...]
    gains: Array
    reference: Array

    @cached_property
    def _front(self) -> Array:
        above, _ = finite_rows(self.gains, self.reference)
        return above[non_dominated(above)]

    @cached_property
    def _boxes(self) -> tuple[Array, Array]:
        return boxes(self._front, self.reference)

    @cached_property
    def exact(self) -> bool:
        """Whether boxes are used; about n^(k-1) / (k-1)! of them for n points on the front."""
        return math.comb(len(self._front) + len(self.reference) - 1, len(self.reference) - 1) <= MOST_BOXES

    def log_expected(self, mean: Array, sd: Array) -> Array:
        """(m,): logarithm of the expected improvement, in the product of the objectives' units.

        From samples, points of which no sample improves anything come after all others, the nearest first.
        """
        rows = max(1, BLOCK // ((len(self._boxes[0]) if self.exact else SAMPLES) * len(self.reference)))
        one = self._exactly if self.exact else self._sampled
        parts = [one(mean[at : at + rows], sd[at : at + rows]) for at in range(0, len(mean), rows)]
        return np.concatenate(parts) if parts else np.empty(0)

    @cached_property
    def log_volume(self) -> float:
        """Logarithm of the volume that is dominated now, in the same unit; minus infinity for none."""
        if not len(self._front):
            return -math.inf
        span = np.maximum((self._front - self.reference).max(axis=0), LEAST)
        if self.exact:
            volume = hypervolume((self._front - self.reference) / span, np.zeros(len(span)))
        else:
            volume = _sphere(len(span)) * float((self._samples[2] ** len(span)).mean())
        return math.log(max(volume, LEAST)) + float(np.log(span).sum())

    def chance(self, mean: Array, sd: Array) -> Array | None:
        """(m,): probability of extending the front at all; None where there are too many boxes to tell."""
        if not self.exact:
            return None
        lower, upper = self._boxes
        out = np.ones((len(mean), len(lower)))
        for j, objective in enumerate(self.objectives):
            at = [chance_above(objective, mean[:, j], sd[:, j], corner[:, j]) for corner in (lower, upper)]
            out *= at[0] - at[1]
        return np.asarray(out.sum(axis=1))

    def _exactly(self, mean: Array, sd: Array) -> Array:
        lower, upper = self._boxes
        total = np.zeros((len(mean), len(lower)))
        for j, objective in enumerate(self.objectives):
            edges, at = np.unique(np.concatenate([lower[:, j], upper[:, j]]), return_inverse=True)
            reach = log_reach(objective, mean[:, j], sd[:, j], edges)
            from_, to = reach[:, at[: len(lower)]], reach[:, at[len(lower) :]]
            with np.errstate(divide="ignore", invalid="ignore"):
                part = from_ + np.log(-np.expm1(np.minimum(to - from_, 0.0)))
            total += np.where(from_ > -np.inf, part, -np.inf)
        return np.asarray(logsumexp(total, axis=1))

    def _sampled(self, mean: Array, sd: Array) -> Array:
        k = len(self.reference)
        normal, direction, best, span = self._samples
        reach = np.full((len(mean), SAMPLES), np.inf)
        for j, objective in enumerate(self.objectives):
            gain = objective.gain(mean[:, j, None] + sd[:, j, None] * normal[:, j])
            reach = np.minimum(reach, (gain - self.reference[j]) / span[j] / direction[:, j])
        more = np.maximum(reach, 0.0) ** k - best**k
        volume = np.maximum(more, 0.0).mean(axis=1) * _sphere(k)
        nearest = np.maximum((reach - best).max(axis=1), -1e4)
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(volume > 0, np.log(volume) + np.log(span).sum(), NOTHING + nearest))

    @cached_property
    def _samples(self) -> tuple[Array, Array, Array, Array]:
        """Standard normal values and directions, (s, k); how far the front reaches in each, (s,); units, (k,)."""
        k = len(self.reference)
        normal, direction = _fixed(k)
        known = self._front if len(self._front) else self.gains
        span = np.maximum(np.abs(known - self.reference).max(axis=0), LEAST)
        best = np.zeros(SAMPLES)
        for row in (self._front - self.reference) / span:
            best = np.maximum(best, (row / direction).min(axis=1))
        return normal, direction, best, span


@cache
def normal_samples(k: int, n: int) -> Array:
    """(n, k): the same quasi-random standard normal values at each call; n a power of two."""
    uniform = qmc.Sobol(k, scramble=True, seed=0).random(n)
    return np.asarray(ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)))


def _sphere(k: int) -> float:
    """Volume of the part of the unit sphere where all k coordinates are positive."""
    return float(math.pi ** (k / 2) / (2**k * math.gamma(k / 2 + 1)))


def _fixed(k: int) -> tuple[Array, Array]:
    both = normal_samples(2 * k, SAMPLES)
    direction = np.maximum(np.abs(both[:, k:]), 1e-9)
    return both[:, :k], direction / np.linalg.norm(direction, axis=1, keepdims=True)


def _log_h(z: Array) -> Array:
    """log(phi(z) + z * Phi(z)): of the expected improvement in units of sd."""
    flat = z.ravel()
    return EI().rank(flat, np.ones(len(flat)), 0.0, "maximise").reshape(z.shape)


def _ratio(apart: Array, sd: Array) -> Array:
    """In units of sd, within what can be squared."""
    with np.errstate(over="ignore"):
        return np.asarray(np.clip(apart / sd, -1e140, 1e140))
