"""The optimiser's thread: fits the surrogate and asks the strategy, one after the other, on one BLAS thread."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from campaign.errors import CampaignError
from campaign.insight import Insight, hours_each, think
from campaign.spec import StrategySpec
from campaign.state import CampaignState
from campaign.worker import Worker
from campaign.worth import policy
from optimiser.history import History, Observation
from optimiser.space import ExhaustedError
from optimiser.suggestion import Strategy, Suggestion

if TYPE_CHECKING:
    from optimiser.surrogate import Posterior

log = logging.getLogger(__name__)
ModelListener = Callable[["Posterior | None"], None]
InsightListener = Callable[[Insight | None], None]


def build_strategy(spec: StrategySpec, unit: str = "") -> Strategy:
    """The strategy that a campaign file names. unit: the objective's, for the words of its reasons.

    scikit-learn is loaded here, not earlier: it is slow.
    """
    if spec.kind == "random":
        from optimiser.strategies.random import RandomStrategy

        return RandomStrategy()
    from optimiser.strategies.gp import GPStrategy
    from optimiser.strategies.thompson import ThompsonStrategy

    worth = policy(spec.acquisition, spec.beta)
    if worth is None:
        return ThompsonStrategy(spec.initial, unit)
    return GPStrategy(worth, initial=spec.initial, unit=unit)


def history_of(state: CampaignState) -> History:
    """What the optimiser may know: experiments that are over, in order. What is in work or was skipped is pending;
    a suggestion that waits for a decision is not, so that it can be asked for again. What a rehearsal
    reads are the measurements of its bench: simulated, to the optimiser, is what stands beside measured values."""
    over = [e for e in state.experiments if e.over]
    waiting = state.waiting.experiment if state.waiting is not None else 0
    pending = [e.point for e in state.experiments if not e.over and e.number != waiting]
    return History(
        space=state.spec.space,
        direction=state.spec.objective.direction,
        seed=state.seed,
        observations=tuple(Observation(e.point, e.value, e.value_sd, label=e.label) for e in over),
        pending=(*pending, *state.skipped),
    )


class Mind:
    """`ask` and `fit` return at once; their futures are done on the optimiser's thread."""

    def __init__(self) -> None:
        self._worker = Worker("aliquot-optimiser")
        self._fitted: tuple[tuple[Observation, ...], Posterior | None] | None = None
        self._listeners: tuple[Callable[[Any], None], ...] = ()
        self._insight_listeners: tuple[Callable[[Any], None], ...] = ()
        self.model: Posterior | None = None
        self.failures = 0
        """How often in a row the strategy failed and a point was drawn instead."""

    def listen(self, function: ModelListener) -> Callable[[], None]:
        self._listeners = (*self._listeners, function)

        def unlisten() -> None:
            self._listeners = tuple(f for f in self._listeners if f is not function)

        return unlisten

    def listen_insight(self, function: InsightListener) -> Callable[[], None]:
        """Called on the optimiser's thread a moment after each fit; None while there is no model."""
        self._insight_listeners = (*self._insight_listeners, function)

        def unlisten() -> None:
            self._insight_listeners = tuple(f for f in self._insight_listeners if f is not function)

        return unlisten

    def fit(self, state: CampaignState) -> "Future[None]":
        """Fit, keep the posterior as `model`, tell the listeners. What there is to say of it is reckoned after what
        has been asked for in the meantime, so that no experiment waits for it."""
        return self._worker.submit(self._fit_and_tell, state)

    def ask(self, strategy: StrategySpec, history: History, unit: str = "") -> "Future[Suggestion]":
        """The next point, feasible whatever the strategy says. The future raises ExhaustedError if none is left.
        unit: the objective's."""
        return self._worker.submit(self._ask, strategy, history, unit)

    def close(self) -> None:
        self._worker.close(timeout_s=2.0)

    def _fit_and_tell(self, state: CampaignState) -> None:
        history = history_of(state)
        self.model = self._posterior(history)
        _tell(self._listeners, self.model)
        if self.model is None:
            _tell(self._insight_listeners, None)
        else:
            self._worker.submit(self._think, self.model, history, state)

    def _think(self, model: "Posterior", history: History, state: CampaignState) -> None:
        from optimiser.blas import one_thread

        if model is not self.model:  # another fit came in between, and will be followed by its own
            return
        insight = None
        try:
            with one_thread():
                insight = think(history, model, state.spec, hours_each(state))
        except Exception:
            log.exception("there is no advice")
        _tell(self._insight_listeners, insight)

    def _posterior(self, history: History) -> "Posterior | None":
        from optimiser.blas import one_thread
        from optimiser.surrogate import FitError, fit

        if self._fitted is not None and self._fitted[0] == history.usable:
            return self._fitted[1]
        posterior = None
        try:
            with one_thread():
                posterior = fit(history)
        except FitError as error:
            log.info("no model: %s", error)
        self._fitted = (history.usable, posterior)
        return posterior

    def _ask(self, strategy: StrategySpec, history: History, unit: str) -> Suggestion:
        from optimiser.blas import one_thread

        try:
            with one_thread():
                suggestion = self._asked(strategy, history, unit)
            if not history.space.contains(suggestion.point):
                raise CampaignError(f"it suggested {dict(suggestion.point)}, which cannot be made")  # noqa: TRY301
        except ExhaustedError:
            raise
        except Exception as error:
            log.exception("the strategy failed")
            self.failures += 1
            return self._instead(history, error)
        self.failures = 0
        return suggestion

    def _asked(self, spec: StrategySpec, history: History, unit: str) -> Suggestion:
        strategy = build_strategy(spec, unit)
        if spec.kind == "gp" and len(history.observations) + len(history.pending) >= spec.initial:
            from optimiser.strategies.gp import GPStrategy
            from optimiser.strategies.thompson import ThompsonStrategy

            posterior = self._posterior(history)
            if isinstance(strategy, GPStrategy | ThompsonStrategy):
                return strategy.ask(history, 1, posterior)[0]
        return strategy.ask(history, 1)[0]

    def _instead(self, history: History, error: Exception) -> Suggestion:
        from optimiser.strategies.random import RandomStrategy

        (suggestion,) = RandomStrategy().ask(history, 1)
        return replace(suggestion, reason=f"The strategy failed ({error}), so this point is drawn evenly instead.")


def _tell(listeners: tuple[Callable[[Any], None], ...], news: object) -> None:
    for listener in listeners:
        try:
            listener(news)
        except Exception:
            log.exception("a listener to the model failed")
