"""One number for several objectives: Derringer and Suich's desirability (J. Qual. Technol. 12, 214 (1980)).

Each objective's desirability rises in a straight line from 0 to 1: from `Objective.worthless`, or else the worst
measured, to its threshold, or else a fifth of the measured range beyond the best measured (so that without a
threshold nothing is ever quite good enough). The whole is their weighted geometric mean: 0 when one is worthless, 1
when all thresholds are met.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimiser.objectives.expected import LEAST, normal_samples
from optimiser.objectives.objective import Objective
from optimiser.space import Array

BEYOND = 0.2
SAMPLES = 256
BLOCK = 1 << 21
FARTHEST = 1e100


@dataclass(frozen=True, eq=False)
class Desirability:
    """nothing, everything: (k,), gains of desirability 0 and 1."""

    objectives: tuple[Objective, ...]
    nothing: Array
    everything: Array

    @staticmethod
    def of(objectives: Sequence[Objective], gains: Array) -> "Desirability":
        """By the rule above, from the gains (p, k) of what was measured, p at least 1."""
        nothing, everything = [], []
        for j, objective in enumerate(objectives):
            worst, best = float(gains[:, j].min()), float(gains[:, j].max())
            spread = (best - worst) or abs(best) or 1.0
            full = objective.threshold if objective.threshold is not None else best + BEYOND * spread
            zero = worst
            if objective.worthless is not None:
                distance = objective.goal != "maximise"
                zero = -objective.worthless if distance else objective.worthless
            if zero >= full:
                # already beyond the threshold, or beyond all that was measured
                zero, full = (full - spread, full) if objective.worthless is None else (zero, zero + spread)
            nothing.append(zero)
            everything.append(full)
        return Desirability(tuple(objectives), np.array(nothing), np.array(everything))

    def each(self, values: Array) -> Array:
        """(m, k): desirability of each value, in the objectives' units, from 0 to 1. NaN stays NaN."""
        return np.clip(self._unbounded(values), 0.0, 1.0)

    def whole(self, values: Array) -> Array:
        """(m,): weighted geometric mean of `each`, from 0 to 1."""
        return self._mean(self.each(values))

    def expected(self, mean: Array, sd: Array, beta: float = 0.0) -> Array:
        """(m,): expected `whole` plus beta standard deviations of it, for beliefs (m, k), by fixed samples.

        Where all samples are worthless the result is negative: by how much they fall short.
        """
        normal = normal_samples(len(self.objectives), SAMPLES)
        rows = max(1, BLOCK // (SAMPLES * len(self.objectives)))
        out = np.empty(len(mean))
        for at in range(0, len(mean), rows):
            part = slice(at, at + rows)
            drawn = mean[part, None, :] + sd[part, None, :] * normal
            free = self._unbounded(drawn)
            whole = self._mean(np.clip(free, 0.0, 1.0))
            short = np.minimum(free, 0.0).sum(axis=2).mean(axis=1)
            score = whole.mean(axis=1) + beta * whole.std(axis=1)
            out[part] = np.where(score > 0, score, short)
        return out

    def _unbounded(self, values: Array) -> Array:
        gains = np.stack([o.gain(values[..., j]) for j, o in enumerate(self.objectives)], axis=-1)
        with np.errstate(over="ignore"):
            share = (gains - self.nothing) / np.maximum(self.everything - self.nothing, LEAST)
        return np.clip(share, -FARTHEST, FARTHEST)

    def _mean(self, each: Array) -> Array:
        weights = np.array([o.weight for o in self.objectives])
        weights = weights / weights.max()
        with np.errstate(divide="ignore"):
            return np.asarray(np.exp(np.log(each) @ (weights / weights.sum())))
