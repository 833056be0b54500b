"""Bayesian optimisation: a Gaussian process and an acquisition function."""

from dataclasses import dataclass, field

import numpy as np

from optimiser import untested
from optimiser.acquisition import Acquisition, Policy, Turns
from optimiser.between import nearest_to_peak
from optimiser.feasibility import Feasibility
from optimiser.history import History
from optimiser.maximise import maximise
from optimiser.reason import explain
from optimiser.space import Array, ExhaustedError, Point
from optimiser.strategies.initial import InitialStrategy, spread
from optimiser.suggestion import Suggestion
from optimiser.surrogate import FitError, Model, Posterior, fit


@dataclass(frozen=True)
class GPStrategy:
    """`initial` experiments spread over the space, then the point of largest acquisition.

    unit: the objective's, for the words of the reason.
    """

    acquisition: Policy = field(default_factory=Turns)
    initial: int = 5
    model: Model = field(default_factory=Model)
    unit: str = ""

    def ask(self, history: History, n: int = 1, posterior: Posterior | None = None) -> tuple[Suggestion, ...]:
        """n different points that know of each other and of the pending ones.

        posterior: `fit(history)` when the caller has it already; it saves the fit and changes nothing.
        """
        known = len(history.observations) + len(history.pending)
        first = min(n, max(0, self.initial - known))
        out = InitialStrategy().ask(history, first) if first else ()
        if first == n:
            return out
        rng = history.rng()
        for s in out:
            history = history.with_pending(s.point)
        try:
            belief = (posterior or fit(history, model=self.model)).believing(history.pending)
        except FitError as error:
            why = f"There is no surrogate ({error}), so this point is spread out from the others instead."
            points = spread(history, n - first, rng)
            return (*out, *(Suggestion(p, None, None, None, why, "initial") for p in points))
        incumbent = belief.incumbent()
        best = incumbent.mean if incumbent else belief.offset
        feasibility = Feasibility.learn(history)
        for _ in range(n - first):
            try:
                suggestion = self._next(
                    _Worth(self.acquisition.at(history), belief, feasibility, best), history, rng
                )
            except ExhaustedError:
                if not out:
                    raise
                break
            out = (*out, suggestion)
            history = history.with_pending(suggestion.point)
            belief = belief.believing((suggestion.point,))
        return out

    def _next(self, worth: "_Worth", history: History, rng: np.random.Generator) -> Suggestion:
        space, belief = history.space, worth.belief
        left = untested.rows(space, history.tried)
        if space.candidates is not None and len(left) and self.acquisition.between(history):
            row = nearest_to_peak(worth.rank, space.encoded_candidates, left, belief.lengthscales, rng)
            point: Point = space.candidates[row]
        else:
            point = maximise(worth.rank, history, rng, slope=worth.slope)
        mean, sd = belief.predict([point])
        value = worth.acquisition.value(mean, sd, worth.best, history.direction)
        m, s = float(mean[0]), float(sd[0])
        reason = explain(worth.acquisition, history, belief, point, m, s, worth.best, self.unit)
        return Suggestion(point, m, s, float(value[0]), reason.sentence, worth.acquisition.name)


@dataclass(frozen=True, eq=False)
class _Worth:
    """The acquisition function over the belief, weighted with the chance that the point can be made at all."""

    acquisition: Acquisition
    belief: Posterior
    feasibility: Feasibility | None
    best: float

    @property
    def _unit(self) -> float:
        return 1.0 if self.acquisition.logarithmic else self.belief.scale

    def rank(self, X: Array) -> Array:
        mean, sd = self.belief.predict_encoded(X)
        worth = self.acquisition.rank(mean, sd, self.best, self.belief.direction)
        if self.feasibility is None:
            return worth
        return np.asarray(worth / self._unit + self.feasibility.log_weight(X))

    def slope(self, X: Array) -> tuple[Array, Array]:
        mean, sd, d_mean, d_sd = self.belief.gradient(X)
        worth, by_mean, by_sd = self.acquisition.slope(mean, sd, self.best, self.belief.direction)
        slope = by_mean[:, None] * d_mean + by_sd[:, None] * d_sd
        if self.feasibility is None:
            return worth, slope
        weight = self.feasibility.log_weight(X)
        steep = np.array([self.feasibility.log_weight_gradient(x) for x in X])
        return worth / self._unit + weight, slope / self._unit + steep
