"""What strategies with a surrogate share: when it begins, what is done without it, batches, and feasibility."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimiser.blas import one_thread
from optimiser.feasibility import Feasibility
from optimiser.given import check_count
from optimiser.history import History
from optimiser.maximise import Score, Slope
from optimiser.space import Array, ExhaustedError
from optimiser.strategies.initial import ASKED, InitialStrategy, spread
from optimiser.suggestion import Suggestion
from optimiser.surrogate import FitError, Posterior


@dataclass(frozen=True, eq=False)
class Known:
    """What a suggestion is chosen from.

    history: with the pending points and those chosen earlier in the batch. belief: as if these had been measured.
    feasibility: None when every point can be made. best: the value to beat.
    """

    history: History
    belief: Posterior
    feasibility: Feasibility | None
    best: float


@dataclass(frozen=True, eq=False)
class Weighted:
    """A worth with its gradient, weighted with the chance that the point can be made at all.

    unit: what the worth is divided by to stand beside the logarithm of that chance.
    """

    worth: Score
    gradient: Slope
    feasibility: Feasibility | None
    unit: float = 1.0

    def rank(self, X: Array) -> Array:
        worth = self.worth(X)
        if self.feasibility is None:
            return worth
        return np.asarray(worth / self.unit + self.feasibility.log_weight(X))

    def slope(self, X: Array) -> tuple[Array, Array]:
        worth, slope = self.gradient(X)
        if self.feasibility is None:
            return worth, slope
        weight = self.feasibility.log_weight(X)
        steep = np.array([self.feasibility.log_weight_gradient(x) for x in X])
        return worth / self.unit + weight, slope / self.unit + steep


def of(history: History, posterior: Posterior) -> Posterior:
    """The posterior, if it is that of this history. Raises ValueError."""
    points = tuple(o.point for o in history.usable)
    if posterior.measured != points or posterior.direction != history.direction:
        raise ValueError("the posterior was fitted to other observations; leave it out, or give fit(history)")
    return posterior


@one_thread()
def ask(
    history: History,
    n: int,
    initial: int,
    fitted: Callable[[], Posterior],
    choose: Callable[[Known, np.random.Generator], Suggestion],
) -> tuple[Suggestion, ...]:
    """n different points that know of each other and of the pending ones: first those that make up `initial`.

    fitted: the posterior after the usable observations; FitError spreads the points out instead, and says why.
    Raises ExhaustedError when nothing untested is left.
    """
    check_count(ASKED, n, 1)
    known = len(history.observations) + len(history.pending)
    first = min(n, max(0, initial - known))
    out = InitialStrategy().ask(history, first) if first else ()
    if first == n:
        return out
    rng = history.rng()
    for s in out:
        history = history.with_pending(s.point)
    try:
        belief = fitted().believing(history.pending)
    except FitError as error:
        why = f"There is no surrogate ({error}), so this point is spread out from the others instead."
        points = spread(history, n - first, rng)
        return (*out, *(Suggestion(p, None, None, None, why, "initial") for p in points))
    incumbent = belief.incumbent()
    best = incumbent.mean if incumbent else belief.offset
    feasibility = Feasibility.learn(history)
    for _ in range(n - first):
        try:
            suggestion = choose(Known(history, belief, feasibility, best), rng)
        except ExhaustedError:
            if not out:
                raise
            break
        out = (*out, suggestion)
        history = history.with_pending(suggestion.point)
        if len(out) < n:
            belief = belief.believing((suggestion.point,))
    return out
