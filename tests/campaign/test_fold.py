"""The fold: pure, and honest about what the events say."""

from dataclasses import replace

import pytest

from campaign.config import campaign_to_toml
from campaign.errors import JournalError
from campaign.events import (
    Answered,
    Asked,
    At,
    AttemptStarted,
    CampaignOpened,
    Decided,
    Finished,
    Included,
    Noted,
    Observed,
    PhaseChanged,
    Resumed,
    SettingsChanged,
    StepDone,
    StepFailed,
    StepIntended,
    Suggested,
    VialGivenUp,
)
from campaign.fold import fold, fold_all
from campaign.steps import Dose, Look
from tests.campaign.paper_bench import spec

POINT = {"x": 1.0, "y": 2.0}
STEPS = (Dose("A1", "red", 100.0, 50.0), Look("A1", 100.0))
OPENED = CampaignOpened("paper", campaign_to_toml(spec()), None, 7, True, "0.1", ("A1", "A2"))
SUGGESTED = Suggested(1, POINT, 3.0, 0.5, 0.1, "why not", "ucb")
ACCEPTED = Decided(1, POINT, "accept", "strategy", "", 3.0, 0.5)
STARTED = AttemptStarted(1, 1, "A1", STEPS)
IN_WORK = (OPENED, SUGGESTED, ACCEPTED, STARTED)
DOSED = (StepIntended(1, 1, 0, STEPS[0]), StepDone(1, 1, 0, {"volume_ul": 98.0}))
LOOKED = (StepIntended(1, 1, 1, STEPS[1]), StepDone(1, 1, 1, {"level": 3.0}, "images/a.jpg", "00"))
OBSERVED = Observed(1, 1, POINT, 4.5, 0.1)


def test_opening():
    state = fold_all([OPENED])
    assert (state.spec, state.seed, state.simulated, state.phase) == (spec(), 7, True, "Idle")
    assert state.vials == {"A1": "clean", "A2": "clean"}
    assert state.events == 1
    assert fold_all([]) is None


def test_an_experiment():
    state = fold_all((OPENED, SUGGESTED))
    assert state.waiting == SUGGESTED
    assert (state.experiments[0].status, state.experiments[0].mean) == ("suggested", 3.0)
    state = fold_all((*IN_WORK, DOSED[0]))
    assert state.waiting is None
    assert (state.step, state.step_index, state.step_count) == (STEPS[0], 0, 2)
    assert state.vials["A1"] == "in_use"
    assert state.attempt.intended == 0
    state = fold_all((*IN_WORK, *DOSED, *LOOKED))
    assert state.dosed_ul == {"red": 98.0}
    assert state.attempt.done == ({"volume_ul": 98.0}, {"level": 3.0})
    assert (state.experiments[0].image, state.experiments[0].reading) == ("images/a.jpg", {"level": 3.0})
    state = fold(state, OBSERVED)
    (row,) = state.observed
    assert (row.status, row.value, row.value_sd, row.slot, row.attempt) == ("done", 4.5, 0.1, "A1", 1)
    assert state.vials["A1"] == "done"
    assert (state.attempt, state.step, state.step_count) == (None, None, 0)
    assert state.open_experiment is None
    assert state.made == 1


def test_pure():
    state = fold_all(IN_WORK)
    before = replace(state)
    first, second = fold(state, DOSED[0]), fold(state, DOSED[0])
    assert first == second
    assert state == before


def test_override_and_skip():
    state = fold_all((OPENED, SUGGESTED, replace(ACCEPTED, action="skip", by="person")))
    assert (state.experiments, state.waiting, state.skipped) == ((), None, (POINT,))
    other = {"x": 2.0, "y": 2.0}
    state = fold(state, SUGGESTED)
    state = fold(state, Decided(1, other, "override", "person", "", 9.0, 1.0))
    row = state.experiments[0]
    assert (row.point, row.source, row.mean, state.skipped) == (other, "person", 9.0, ())


def test_a_vial_given_up_and_another_attempt():
    state = fold_all((*IN_WORK, DOSED[0], StepFailed(1, 1, 0, "lost", "unknown"), VialGivenUp(1, 1, "A1", "lost")))
    assert state.vials == {"A1": "given_up", "A2": "clean"}
    assert state.experiments[0].status == "given_up"
    assert state.open_experiment is state.experiments[0]
    state = fold(state, AttemptStarted(1, 2, "A2", STEPS))
    assert (state.experiments[0].slot, state.experiments[0].attempt) == ("A2", 2)
    failed = fold(state, replace(OBSERVED, attempt=2, value=None, note="no"))
    assert (failed.experiments[0].status, failed.experiments[0].note, failed.vials["A2"]) == (
        "failed",
        "no",
        "done",
    )


def test_an_attempt_that_goes_on_in_the_same_vial_keeps_what_was_done():
    state = fold_all((*IN_WORK, *DOSED, *LOOKED, AttemptStarted(1, 2, "A1", STEPS, first=1)))
    assert state.attempt.done == ({"volume_ul": 98.0},)
    assert state.step_index == 1


def test_questions():
    asked = Asked(1, "what now?", ("go on",))
    assert fold_all((OPENED, asked)).question == asked
    assert fold_all((OPENED, asked, Answered(1, "go on"))).question is None
    assert fold_all((OPENED, asked, Resumed(None))).question is None
    assert fold_all((OPENED, asked, PhaseChanged("Held", "Stopping", ""))).question is None
    assert fold_all((OPENED, asked, PhaseChanged("Running", "Holding", ""))).question == asked


def test_fresh_rack():
    state = fold_all((*IN_WORK, VialGivenUp(1, 1, "A1", ""), Answered(1, "fresh rack")))
    assert state.vials == {"A1": "clean", "A2": "clean"}


def test_the_rest():
    done = (*IN_WORK, *DOSED, *LOOKED, OBSERVED)
    state = fold_all(
        (*done, Noted(1, "hm"), Included(1, False), SettingsChanged(campaign_to_toml(spec(budget=9)), ""))
    )
    assert (state.experiments[0].note, state.experiments[0].include, state.spec.stop.budget) == ("hm", False, 9)
    assert fold_all((*IN_WORK, DOSED[0], Resumed("dose"))).in_doubt == "dose"
    assert fold_all((*IN_WORK, Resumed("dose"), VialGivenUp(1, 1, "A1", ""))).in_doubt is None
    state = fold_all(
        (*done, Finished("budget", 1, POINT, 4.0, 0.1, 3.0), PhaseChanged("Completing", "Complete", "b"))
    )
    assert (state.finished, state.phase, state.why) == (True, "Complete", "b")


def test_seconds_are_those_of_the_monotonic_clocks_of_all_sessions():
    times = [(0, 100.0), (9e9, 101.5), (3, 103.0)]
    state = None
    for event, at in zip((OPENED, SUGGESTED, ACCEPTED), times, strict=True):
        state = fold(state, event, At(*at))
    assert state.seconds == pytest.approx(3.0)
    state = fold(state, Resumed(None), At(10, 5.0))
    state = fold(state, STARTED, At(11, 7.0))
    assert state.seconds == pytest.approx(5.0)
    assert state.experiments[0].started_s == pytest.approx(3.0)
    assert (state.opened, state.last) == (At(0, 100.0), At(11, 7.0))


@pytest.mark.parametrize(
    "events",
    [
        (SUGGESTED,),
        (OPENED, OPENED),
        (OPENED, replace(SUGGESTED, experiment=2)),
        (OPENED, OBSERVED),
        (OPENED, DOSED[0]),
        (OPENED, Noted(3, "")),
        (*IN_WORK, replace(DOSED[0], attempt=2)),
        (*IN_WORK, LOOKED[1]),
        (OPENED, SUGGESTED, ACCEPTED, AttemptStarted(1, 1, "A1", STEPS, first=1)),
    ],
)
def test_events_that_cannot_follow_are_refused(events):
    with pytest.raises(JournalError):
        fold_all(events)
