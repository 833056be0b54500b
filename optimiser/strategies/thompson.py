"""Thompson sampling: believe one function that fits the measurements, drawn at random, and try its best point."""

from dataclasses import dataclass, field

import numpy as np

from optimiser import thompson
from optimiser.acquisition import UCB, sign
from optimiser.given import check_count
from optimiser.history import History
from optimiser.maximise import maximise
from optimiser.reason import explain
from optimiser.space import Array
from optimiser.strategies import modelled
from optimiser.strategies.modelled import Known, Weighted
from optimiser.suggestion import Suggestion
from optimiser.surrogate import Model, Posterior, fit

WHY = "One of the many functions that fit the measurements is best here."


@dataclass(frozen=True)
class ThompsonStrategy:
    """`initial` experiments spread over the space, then the best point of a function drawn from the posterior.

    Each of n suggestions has a function of its own. unit: the objective's, for the words of the reason.
    """

    initial: int = 5
    unit: str = ""
    model: Model = field(default_factory=Model)

    def __post_init__(self) -> None:
        check_count("the number of initial experiments is", self.initial, 0)

    def ask(self, history: History, n: int = 1, posterior: Posterior | None = None) -> tuple[Suggestion, ...]:
        """n different points that know of each other and of the pending ones; `acquisition` is the drawn function's
        value, its negative for a minimum.

        posterior: `fit(history)` when the caller has it already; it saves the fit and changes nothing.
        """

        def fitted() -> Posterior:
            return modelled.of(history, posterior) if posterior else fit(history, model=self.model)

        return modelled.ask(history, n, self.initial, fitted, self._next)

    def _next(self, known: Known, rng: np.random.Generator) -> Suggestion:
        history, belief = known.history, known.belief
        drawn = thompson.draw(belief, rng)
        up = sign(history.direction)

        def worth(X: Array) -> Array:
            return up * drawn.value(X)

        def slope(X: Array) -> tuple[Array, Array]:
            value, steep = drawn.slope(X)
            return up * value, up * steep

        weighted = Weighted(worth, slope, known.feasibility)
        point = maximise(weighted.rank, history, rng, slope=weighted.slope)
        mean, sd = belief.predict([point])
        m, s = float(mean[0]), float(sd[0])
        value = up * (belief.offset + belief.scale * float(drawn.value(history.space.encode([point]))[0]))
        reason = explain(UCB(), history, belief, point, m, s, known.best, self.unit)
        return Suggestion(point, m, s, value, f"{WHY} {reason.sentence}", "thompson")
