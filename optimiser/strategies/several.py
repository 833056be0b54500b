"""Several objectives: a Gaussian process for each, and what a point is worth to all of them together.

`HypervolumeStrategy` maps out the trade-off (the Pareto front), `DesirabilityStrategy` looks for the one best
compromise. Both are stateless: the same results give the same suggestions. Points pending or chosen earlier in the
batch are believed to give what is expected of them (Ginsbourger's kriging believer, 2010).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimiser.blas import one_thread
from optimiser.feasibility import Feasibility
from optimiser.given import amiss, check_count
from optimiser.maximise import maximise
from optimiser.objectives.desirability import Desirability
from optimiser.objectives.expected import (
    LEAST,
    NOTHING,
    HypervolumeImprovement,
    chance_above,
    chance_all_met,
    reference_point,
)
from optimiser.objectives.objective import Objective
from optimiser.objectives.results import Results
from optimiser.parameters import finite
from optimiser.reason import beside, figures, in_percent, share_in_percent
from optimiser.space import Array, ExhaustedError, Point
from optimiser.strategies.initial import ASKED, InitialStrategy, spread
from optimiser.suggestion import Suggestion
from optimiser.surrogate import FitError, Posterior, fit

Worth = Callable[[Array, Array], Array]
"""Beliefs (m, k), (m, k) to the logarithm of what each row is worth, (m,)."""
Words = Callable[[Array, Array], tuple[float, str]]
"""Beliefs (1, k), (1, k) at one point to the acquisition's value there, and it in words."""


@dataclass(frozen=True)
class Belief:
    """About one objective at a suggested point, in its unit."""

    objective: Objective
    mean: float
    sd: float


@dataclass(frozen=True)
class SeveralSuggestion(Suggestion):
    """beliefs: about each objective; none while there are no surrogates. mean and sd are None.

    all_met: chance that the true values meet every threshold; None without thresholds.
    """

    beliefs: tuple[Belief, ...] = ()
    all_met: float | None = None


@dataclass(frozen=True)
class Beliefs:
    """A surrogate for each objective."""

    models: tuple[Posterior, ...]

    def at(self, X: Array) -> tuple[Array, Array]:
        """Means and standard deviations, (m, k), at encoded rows."""
        both = [model.predict_encoded(X) for model in self.models]
        return np.column_stack([mean for mean, _ in both]), np.column_stack([sd for _, sd in both])

    def believing(self, points: tuple[Point, ...]) -> "Beliefs":
        return Beliefs(tuple(model.believing(points) for model in self.models)) if points else self


Plan = Callable[[Array], tuple[Worth, Words]]
"""Means (p, k) at the points measured and then at those believed in, to what to maximise and its words."""


@dataclass(frozen=True)
class HypervolumeStrategy:
    """`initial` points spread over the space, then the largest expected growth of the dominated volume.

    The front is that of the posterior means at the measured points, so that a lucky reading does not hold it up.
    """

    initial: int = 5
    name: str = "hypervolume"

    def __post_init__(self) -> None:
        check_count("the number of initial experiments is", self.initial, 0)

    def ask(self, results: Results, n: int = 1) -> tuple[Suggestion, ...]:
        """n different feasible points. Raises ExhaustedError when nothing untested is left."""

        def plan(known: Array) -> tuple[Worth, Words]:
            gains = results.gains(known)
            better = HypervolumeImprovement(results.objectives, gains, reference_point(results.objectives, gains))
            return better.log_expected, lambda mean, sd: _growth(better, mean, sd)

        return _ask(results, n, self.initial, self.name, plan)


@dataclass(frozen=True)
class DesirabilityStrategy:
    """`initial` points spread over the space, then the largest expected desirability + beta * sd of it."""

    initial: int = 5
    beta: float = 1.0
    name: str = "desirability"

    def __post_init__(self) -> None:
        check_count("the number of initial experiments is", self.initial, 0)
        if not (finite(self.beta) and self.beta >= 0):
            raise ValueError(f"beta is {amiss(self.beta, 'give a finite number from 0 up (1 is the usual one)')}")

    def ask(self, results: Results, n: int = 1) -> tuple[Suggestion, ...]:
        """n different feasible points. Raises ExhaustedError when nothing untested is left."""

        def plan(known: Array) -> tuple[Worth, Words]:
            wanted = Desirability.of(results.objectives, results.averages.gains)
            best = float(wanted.whole(known[: len(results.averages.points)]).max())

            def worth(mean: Array, sd: Array) -> Array:
                out = wanted.expected(mean, sd, self.beta)
                return np.where(out > 0, np.log(np.maximum(out, LEAST)), NOTHING + np.maximum(out, NOTHING))

            def words(mean: Array, sd: Array) -> tuple[float, str]:
                value = max(0.0, float(wanted.expected(mean, sd)[0]))
                return value, f"a desirability of {value:.2f} is expected, the best so far has {best:.2f}"

            return worth, words

        return _ask(results, n, self.initial, self.name, plan)


@one_thread()
def _ask(results: Results, n: int, initial: int, name: str, plan: Plan) -> tuple[Suggestion, ...]:
    check_count(ASKED, n, 1)
    history = results.experiments
    first = min(n, max(0, initial - len(results.rows) - len(results.pending)))
    out: tuple[Suggestion, ...] = InitialStrategy().ask(history, first) if first else ()
    if first == n:
        return out
    rng = history.rng()
    chosen = tuple(s.point for s in out)
    try:
        beliefs = _fitted(results)
    except FitError as error:
        why = f"There is no surrogate ({error}), so this point is spread out from the others instead."
        points = spread(history, n - first, rng, chosen)
        return (*out, *(Suggestion(p, None, None, None, why, "initial") for p in points))
    possible = Feasibility.learn(history)
    beliefs = beliefs.believing((*results.pending, *chosen))
    for _ in range(n - first):
        known, _ = beliefs.at(results.space.encode((*results.averages.points, *results.pending, *chosen)))
        worth, words = plan(known)

        def score(X: Array, worth: Worth = worth, beliefs: Beliefs = beliefs) -> Array:
            out = worth(*beliefs.at(X))
            return out if possible is None else out + possible.log_weight(X)

        try:
            point = maximise(score, history, rng, chosen)
        except ExhaustedError:
            if not out:
                raise
            break
        out = (*out, _suggestion(results, beliefs, possible, point, name, words))
        chosen = (*chosen, point)
        beliefs = beliefs.believing((point,))
    return out


def _fitted(results: Results) -> Beliefs:
    if not results.averages.points:
        raise FitError("no point has a value of every objective yet")
    models = []
    for objective in results.objectives:
        try:
            models.append(fit(results.history(objective)))
        except FitError as error:
            raise FitError(f"{objective.name}: {error}") from error
    return Beliefs(tuple(models))


def _suggestion(
    results: Results, beliefs: Beliefs, possible: Feasibility | None, point: Point, name: str, words: Words
) -> SeveralSuggestion:
    X = results.space.encode([point])
    mean, sd = beliefs.at(X)
    here = tuple(Belief(o, float(m), float(s)) for o, m, s in zip(results.objectives, mean[0], sd[0], strict=True))
    value, why = words(mean, sd)
    said = [", ".join(map(_expected, here)), _improves(results, mean, sd), why]
    all_met = None
    if any(o.threshold is not None for o in results.objectives):
        all_met = float(chance_all_met(results.objectives, mean, sd)[0])
        said.append(f"all targets are met with {in_percent(all_met)}")
    if possible is not None:
        said.append(f"it can be made with {in_percent(float(possible.probability(X)[0]))}")
    return SeveralSuggestion(point, None, None, value, f"Expected {'; '.join(said)}.", name, here, all_met)


def _improves(results: Results, mean: Array, sd: Array) -> str:
    """Which objective is most likely to become better than anything measured."""
    best = results.averages.gains.max(axis=0)
    chances = [
        float(chance_above(o, mean[:, j], sd[:, j], best[j : j + 1])[0, 0])
        for j, o in enumerate(results.objectives)
    ]
    most = int(np.argmax(chances))
    if chances[most] < 0.05:
        return "hardly better than the best in any one objective, but a compromise between them"
    return f"most likely to improve {results.objectives[most].name} ({in_percent(chances[most])})"


def _growth(better: HypervolumeImprovement, mean: Array, sd: Array) -> tuple[float, str]:
    """The expected improvement, in the product of the objectives' units, and it in words."""
    log_gain = float(better.log_expected(mean, sd)[0])
    chance = better.chance(mean, sd)
    said = "" if chance is None else f", and the front grows with {in_percent(float(chance[0]))}"
    with np.errstate(over="ignore"):
        gain = float(np.exp(log_gain))
        if better.log_volume == -np.inf:
            return gain, f"nothing measured is above all thresholds yet{said}"
        share = float(np.exp(log_gain - better.log_volume))
    return gain, f"the dominated volume grows by {share_in_percent(share)} of what it is{said}"


def _expected(belief: Belief) -> str:
    unit = f" {belief.objective.unit}" if belief.objective.unit else ""
    return f"{belief.objective.name} {beside(belief.mean, belief.sd)} ± {figures(belief.sd, 2)}{unit}"
