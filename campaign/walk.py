"""From one experiment to the next, on the campaign's thread. What comes next is read off the state alone, so that a
campaign that is picked up again goes the same way."""

import concurrent.futures
import logging
import math
from typing import TYPE_CHECKING

from campaign.attempt import AttemptWalk
from campaign.choices import FAIL, FRESH_RACK, RETRY
from campaign.decide import Mind, history_of
from campaign.desk import Desk
from campaign.events import AttemptStarted, Decided, Finished, Observed, Suggested, VialGivenUp
from campaign.executor import Executor, Outcome
from campaign.hands import Hands
from campaign.rules import best, why_stop
from campaign.state import Attempt, CampaignState, Experiment
from hardware.errors import HardwareError
from optimiser.space import ExhaustedError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from campaign.journal import Journal

log = logging.getLogger(__name__)
FAILURES_IN_A_ROW = 3


class Walk:
    def __init__(self, desk: Desk, executor: Executor, journal: "Journal", hands: Hands, mind: Mind) -> None:
        self._desk = desk
        self._executor = executor
        self._mind = mind
        self._attempts = AttemptWalk(desk, journal, hands)
        self._fit: Future[None] | None = None
        self._asked_with: object = None
        self._spec = desk.state.spec

    def answer(self, choice: str) -> None:
        self._attempts.answer(choice)

    @property
    def only_to_type(self) -> bool:
        """Whether the vial in work waits for nothing but a number that a person types."""
        attempt, question = self._desk.state.attempt, self._desk.state.question
        if attempt is None or (question is not None and question.number_unit is None):
            return False
        return self._attempts.left_to_type(attempt)

    def advance(self) -> None:
        """Do the one thing that comes next. Raises Leave when the campaign is to end."""
        state = self._desk.state
        if state.attempt is not None:
            self._finish_left_over(state.attempt)
        elif state.waiting is not None:
            self._decide(state, state.waiting)
        elif (experiment := state.open_experiment) is not None:
            self._make(state, experiment)
        elif (why := self._why_stop()) is not None:
            self._complete(why)
        else:
            self._suggest()

    def fit(self) -> None:
        """Have the surrogate fitted to what is known now."""
        self._fit = self._mind.fit(self._desk.state)

    def finish(self) -> Finished:
        """The last event, in the words of the state."""
        state = self._desk.state
        top = best(state, self._mind.model)
        point, mean, sd = (top.point, top.mean, top.sd) if top is not None else (None, None, None)
        return Finished(state.why, state.made, point, mean, sd, state.seconds)

    def wait_for_fit(self, patience_s: float | None = None) -> None:
        """Raises Leave when the campaign is to end before; with `patience_s` just waits so long at most."""
        if self._fit is None:
            return
        if patience_s is None:
            self._desk.wait_for(self._fit, self._until_leaving)
        else:
            concurrent.futures.wait([self._fit], patience_s)

    def _until_leaving(self) -> float | None:
        return 0.0 if self._desk.leaving() else None

    def _why_stop(self) -> str | None:
        if self._desk.state.spec.stop.target is not None:
            self.wait_for_fit()
        return why_stop(self._desk.state, self._mind.model)

    def _complete(self, why: str) -> None:
        self._desk.pause_point()
        self._desk.record(*self._desk.moves("complete", why=why))
        self.wait_for_fit()
        self._desk.record(self.finish(), *self._desk.moves("done", why=why))

    def _suggest(self) -> None:
        state = self._desk.state
        history = history_of(state)
        future = self._mind.ask(state.spec.strategy, history, state.spec.objective.unit)
        try:
            suggestion = self._desk.wait_for(future, self._until_leaving)
        except ExhaustedError:
            self._complete("every point that can be made has been tried")
            return
        if self._desk.state.waiting != state.waiting:  # decided while it was asked for again
            return
        self._asked_with = (state.spec.strategy, history.observations)
        self._desk.record(
            Suggested(
                state.made + 1, suggestion.point, suggestion.mean, suggestion.sd, suggestion.acquisition,
                suggestion.reason, suggestion.strategy,
            )
        )  # fmt: skip
        if self._mind.failures >= FAILURES_IN_A_ROW and self._desk.state.phase == "Running":
            self._mind.failures = 0
            why = f"the strategy failed {FAILURES_IN_A_ROW} times in a row. {suggestion.reason}"
            self._desk.record(*self._desk.to_held(why))

    def _decide(self, state: CampaignState, waiting: Suggested) -> None:
        if state.spec.mode == "automatic":
            self._desk.record(
                Decided(waiting.experiment, waiting.point, "accept", "strategy", "", waiting.mean, waiting.sd)
            )  # fmt: skip
        elif self._asked_with not in (None, (state.spec.strategy, history_of(state).observations)):
            self._suggest()  # strategy or observations have changed since
        else:
            self._desk.serve()

    def _make(self, state: CampaignState, experiment: Experiment) -> None:
        if state.spec is not self._spec:
            self._spec = state.spec
            self._executor.change(state.spec)
        slot = None
        if state.vials:
            slot = next((s for s, status in state.vials.items() if status == "clean"), None)
            if slot is None:
                question = "No clean vial is left. Put in a fresh rack: every slot with a clean, empty vial."
                self._attempts.ask(question, {FRESH_RACK: ()})
                self._executor.fresh_rack()
                return
        try:
            steps = self._executor.plan(experiment.point, slot)
        except (ValueError, HardwareError) as error:
            failed = Observed(experiment.number, experiment.attempt, experiment.point, None, None, str(error))
            question = f"Experiment {experiment.number} cannot be made: {error}."
            self._attempts.ask(question, {RETRY: (), FAIL: (failed,)})
            return
        self._desk.record(AttemptStarted(experiment.number, experiment.attempt + 1, slot, steps))
        if self._attempts.walk():
            self._observe(experiment.number)
        if self._desk.state.open_experiment is None:
            self.fit()

    def _observe(self, number: int) -> None:
        """The attempt's steps are all done."""
        state = self._desk.state
        experiment, attempt = state.experiments[number - 1], state.attempt
        if attempt is None:
            return
        try:
            value, sd = self._value(experiment, attempt)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            log.exception("no value for experiment %d", number)
            self._desk.record(self._observed(experiment, attempt, None, None, f"no value: {error!r}"))
            return
        self._desk.record(self._observed(experiment, attempt, value, sd, ""))

    def _value(self, experiment: Experiment, attempt: Attempt) -> tuple[float | None, float | None]:
        return self._executor.value(experiment.point, [Outcome(data) for data in attempt.done])

    def _observed(
        self, experiment: Experiment, attempt: Attempt, value: float | None, sd: float | None, note: str
    ) -> Observed:
        if value is not None and not math.isfinite(value):
            value, sd, note = None, None, f"the value was no finite number ({value})"
        elif value is None and not note:
            note = _note(attempt) or "no value"
        if sd is not None and not (math.isfinite(sd) and sd >= 0):
            sd = None
        return Observed(experiment.number, attempt.number, experiment.point, value, sd, note)

    def _finish_left_over(self, attempt: Attempt) -> None:
        """A vial in work that an earlier session left: its value if everything was done, else it is given up."""
        experiment = self._desk.state.experiments[attempt.experiment - 1]
        if len(attempt.done) == len(attempt.steps):
            try:
                value, sd = self._value(experiment, attempt)
            except (ValueError, KeyError, TypeError, ArithmeticError):
                log.exception("what was recorded of experiment %d gives no value", experiment.number)
                value = sd = None
            if value is not None and math.isfinite(value):
                self._desk.record(self._observed(experiment, attempt, value, sd, ""))
                self.fit()
                return
        elif self._attempts.left_to_type(attempt):
            if self._attempts.walk():
                self._observe(attempt.experiment)
            if self._desk.state.open_experiment is None:
                self.fit()
            return
        doubt = self._desk.state.in_doubt
        why = f"nobody knows whether this was carried out: {doubt}" if doubt else "it was left unfinished"
        self._desk.record(VialGivenUp(attempt.experiment, attempt.number, attempt.slot, why))


def _note(attempt: Attempt) -> str:
    """Why there is no value, if a step said so."""
    notes = [n for data in attempt.done if isinstance(n := data.get("note"), str)]
    return notes[-1] if notes else ""
