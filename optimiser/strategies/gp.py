"""Bayesian optimisation: a Gaussian process and an acquisition function."""

from dataclasses import dataclass, field

import numpy as np

from optimiser import untested
from optimiser.acquisition import Acquisition, Policy, Turns
from optimiser.between import nearest_to_peak
from optimiser.given import check_count, shown
from optimiser.history import History
from optimiser.maximise import maximise
from optimiser.reason import explain
from optimiser.space import Array, Point
from optimiser.strategies import modelled
from optimiser.strategies.modelled import Known, Weighted
from optimiser.suggestion import Suggestion
from optimiser.surrogate import Model, Posterior, fit


@dataclass(frozen=True)
class GPStrategy:
    """`initial` experiments spread over the space, then the point of largest acquisition.

    unit: the objective's, for the words of the reason.
    """

    acquisition: Policy = field(default_factory=Turns)
    initial: int = 5
    model: Model = field(default_factory=Model)
    unit: str = ""

    def __post_init__(self) -> None:
        policy = self.acquisition
        if isinstance(policy, type) or not (hasattr(policy, "at") and hasattr(policy, "between")):
            raise ValueError(f"the acquisition is {shown(policy)}; give a policy, as EI() or UCB(1.0)")
        check_count("the number of initial experiments is", self.initial, 0)

    def ask(self, history: History, n: int = 1, posterior: Posterior | None = None) -> tuple[Suggestion, ...]:
        """n different points that know of each other and of the pending ones.

        posterior: `fit(history)` when the caller has it already; it saves the fit and changes nothing.
        """

        def fitted() -> Posterior:
            return modelled.of(history, posterior) if posterior else fit(history, model=self.model)

        return modelled.ask(history, n, self.initial, fitted, self._next)

    def _next(self, known: Known, rng: np.random.Generator) -> Suggestion:
        history, belief, space = known.history, known.belief, known.history.space
        acquisition = self.acquisition.at(history)
        at = _Worth(acquisition, belief, known.best)
        unit = 1.0 if acquisition.logarithmic else belief.scale
        worth = Weighted(at.rank, at.slope, known.feasibility, unit)
        table = space.listed if space.candidates is not None and self.acquisition.between(history) else None
        left = untested.rows(table, history.tried) if table is not None else np.array([], dtype=np.intp)
        if table is not None and len(left):
            row = nearest_to_peak(worth.rank, table.X, left, belief.lengthscales, rng)
            point: Point = table.points[row]
        else:
            point = maximise(worth.rank, history, rng, slope=worth.slope)
        mean, sd = belief.predict([point])
        value = acquisition.value(mean, sd, known.best, history.direction)
        m, s = float(mean[0]), float(sd[0])
        reason = explain(acquisition, history, belief, point, m, s, known.best, self.unit)
        return Suggestion(point, m, s, float(value[0]), reason.sentence, acquisition.name)


@dataclass(frozen=True, eq=False)
class _Worth:
    """The acquisition function over the belief."""

    acquisition: Acquisition
    belief: Posterior
    best: float

    def rank(self, X: Array) -> Array:
        mean, sd = self.belief.predict_encoded(X)
        return self.acquisition.rank(mean, sd, self.best, self.belief.direction)

    def slope(self, X: Array) -> tuple[Array, Array]:
        mean, sd, d_mean, d_sd = self.belief.gradient(X)
        worth, by_mean, by_sd = self.acquisition.slope(mean, sd, self.best, self.belief.direction)
        return worth, by_mean[:, None] * d_mean + by_sd[:, None] * d_sd
