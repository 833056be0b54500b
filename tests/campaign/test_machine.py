"""A person who presses anything at any time, faults and crashes: what holds always."""

import tempfile
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from campaign.decide import Mind
from campaign.desk import AT_REST
from campaign.errors import CampaignError
from campaign.events import Answered, Asked, PhaseChanged, StepIntended
from campaign.executor import Outcome, ToType
from campaign.fold import fold_entries
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.state import CampaignState
from campaign.steps import Dose, Step
from campaign.transitions import TABLE
from hardware.errors import HardwareError
from tests.campaign.paper_bench import PATIENCE_S, PaperBench, begin, spec

WAYS = {(old, new) for (old, _), new in TABLE.items()}
FAULTS = (None, "mismatch", "not_done", "unknown", "stopped")


def answers(question: Asked) -> tuple[str, ...]:
    """A number, if one is asked for, another that is refused, and the choices."""
    return question.choices if question.number_unit is None else ("7.5 mS", "12", *question.choices)


def rests(state: CampaignState) -> bool:
    return (
        state.phase in AT_REST or state.phase == "Idle" or (state.phase == "Running" and state.waiting is not None)
    )


class Person(RuleBasedStateMachine):
    """No rule has a precondition and none draws from the state: what is drawn never hangs on a thread's speed."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.folder = Path(self.place.name)
        self.fault: tuple[str | None, int] = (None, 0)

    @initialize(typed=st.booleans())
    def start(self, typed) -> None:
        asked = ToType("what does the probe show?", "mS", 0.0, 9.0) if typed else None
        self.bench = PaperBench(slots=("A1", "A2", "A3"), before=self.before, typed=asked)
        self.campaign = begin(self.folder, self.bench, spec(budget=5, mode="approve"))
        self.press(self.campaign.start)

    def before(self, step: Step) -> Outcome | None:
        kind, countdown = self.fault
        self.fault = (kind, countdown - 1)
        if kind is None or countdown != 0:
            return None
        if kind == "mismatch":
            data = {"volume_ul": step.volume_ul, "stock": step.stock} if isinstance(step, Dose) else {}
            return Outcome(data, mismatch="it looks wrong")
        raise HardwareError("paper", "fault", kind)

    @property
    def state(self):
        return self.campaign.state

    def settle(self) -> None:
        """Everything that was asked for is done, and the campaign waits for a person."""
        self.served()
        self.served()  # a suggestion that is asked for again is now with the optimiser
        self.campaign._mind._worker.submit(int).result(PATIENCE_S)
        self.served()
        while True:
            seen = self.at_rest()
            self.served()  # events that are kept together are shown one by one: the question after the hold
            if self.at_rest() == seen:
                return

    def at_rest(self) -> CampaignState:
        desk = self.campaign._desk
        with desk._changed:  # a rearm serves others while it waits for the bench: it is done when it is counted
            assert desk._changed.wait_for(lambda: desk._served == desk._posted and rests(desk.state), PATIENCE_S), (
                desk.state.phase,
                desk.state.why,
            )
        return self.state

    def served(self) -> None:
        served = threading.Event()
        self.campaign._desk.post(served.set)
        assert served.wait(PATIENCE_S)

    def press(self, command, *arguments) -> None:
        """Any command at any time: done or refused, never anything else."""
        try:
            command(*arguments)
        except CampaignError:
            return
        self.settle()

    @rule(times=st.integers(1, 6))
    def go_on(self, times) -> None:
        """What a person does who wants the campaign to come to its end."""
        for _ in range(times):
            state = self.state
            if state.question is not None:
                self.press(self.campaign.answer, answers(state.question)[0])
            elif state.waiting is not None and state.phase == "Running":
                self.press(self.campaign.decide, "accept")
            else:
                command = {"Idle": "start", "Held": "resume", "Aborted": "rearm"}.get(state.phase)
                if command is not None:
                    self.press(getattr(self.campaign, command))

    @rule(command=st.sampled_from(["start", "pause", "resume", "rearm"]))
    def command(self, command) -> None:
        self.press(getattr(self.campaign, command))

    @rule()
    def stop_all(self) -> None:
        self.press(self.campaign.stop_all)

    @rule(action=st.sampled_from(["accept", "skip", "override"]), x=st.floats(0, 5), y=st.floats(0, 5))
    def decide(self, action, x, y) -> None:
        self.press(self.campaign.decide, action, {"x": x, "y": y})

    @rule(which=st.integers(0, 5))
    def answer(self, which) -> None:
        question = self.state.question
        if question is not None:
            options = answers(question)
            self.press(self.campaign.answer, options[which % len(options)])

    @rule(kind=st.sampled_from(FAULTS), after=st.integers(0, 6))
    def break_something(self, kind, after) -> None:
        self.fault = (kind, after)

    @rule()
    def note(self) -> None:
        self.press(self.campaign.note, 1, "a note")

    @rule(label=st.sampled_from(["measured", "failed", "infeasible", "outlier"]))
    def label(self, label) -> None:
        self.press(self.campaign.label, 1, label)

    @rule()
    def open_again(self) -> None:
        if self.state.phase in ("Complete", "Stopped"):
            return
        self.campaign.close()
        self.bench.stopped.clear()
        self.campaign = Campaign.reopen(Journal.open(self.folder / "journal.sqlite"), self.bench)
        assert self.state.phase == "Held"

    @rule()
    def stop(self) -> None:
        if self.state.made >= 2:
            self.press(self.campaign.stop)

    @invariant()
    def the_journal_is_whole_and_says_what_is_shown(self) -> None:
        with Journal.open(self.folder / "journal.sqlite", readonly=True) as journal:
            assert journal.verify() is None
            entries = list(journal.entries())
        assert fold_entries(entries) == self.state
        events = [entry.event for entry in entries]
        changes = [e for e in events if isinstance(e, PhaseChanged)]
        assert {(e.old, e.new) for e in changes} <= WAYS
        assert all(a.new == b.old for a, b in pairwise(changes))
        self.no_dose_is_given_twice(events)

    def no_dose_is_given_twice(self, events) -> None:
        """In one rack, an aliquot is intended a second time only if it was refused the first time."""
        refused = {
            (e.experiment, e.attempt, e.index)
            for e in events
            if e.kind == "step_failed" and e.outcome == "not_done"
        }
        given = set()
        rack = 0
        for event in events:
            if isinstance(event, Answered) and event.choice == "fresh rack":
                rack += 1
            if isinstance(event, StepIntended) and isinstance(event.step, Dose):
                key = (rack, event.step.slot, event.step.stock)
                assert key not in given, key
                if (event.experiment, event.attempt, event.index) not in refused:
                    given.add(key)

    def teardown(self) -> None:
        self.campaign.close()
        self.place.cleanup()


@pytest.fixture(autouse=True)
def no_surrogate(monkeypatch):
    monkeypatch.setattr(Mind, "_posterior", lambda mind, history: None)


@pytest.mark.timeout(300)
def test_person():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Person,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
