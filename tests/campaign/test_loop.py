"""A campaign from start to end on a bench made of paper, with real files and real threads."""

import threading

import pytest

from campaign.decide import build_strategy
from campaign.errors import CampaignError
from campaign.events import (
    AttemptStarted,
    Decided,
    Finished,
    Observed,
    PhaseChanged,
    SettingsChanged,
    StepDone,
    StepIntended,
    Suggested,
)
from campaign.executor import Outcome
from campaign.fold import fold_all, fold_entries
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.measure_executor import FunctionExecutor
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.steps import Dose, Look
from optimiser.parameters import SpaceError
from optimiser.space import Categorical, SearchSpace
from tests.campaign.paper_bench import (
    PATIENCE_S,
    STEPS_EACH,
    Gate,
    PaperBench,
    Watch,
    begin,
    journaled,
    kinds,
    of,
    spec,
)


def test_to_the_end(opened, tmp_path):
    bench = PaperBench()
    campaign = opened(bench)
    assert campaign.state.phase == "Idle"
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    state = campaign.state
    assert state.phase == "Complete"
    assert state.why == "the budget of 4 experiments is used"
    assert [e.status for e in state.experiments] == ["done"] * 4
    assert [e.slot for e in state.experiments] == ["A1", "A2", "A3", "A4"]
    assert len(bench.performed) == 4 * STEPS_EACH
    assert sum(v == "clean" for v in state.vials.values()) == 20
    events = journaled(tmp_path)
    assert kinds(events)[:4] == ["campaign_opened", "phase_changed", "suggested", "decided"]
    one = ["suggested", "decided", "attempt_started", *["step_intended", "step_done"] * STEPS_EACH, "observed"]
    assert kinds(events)[2 : 2 + len(one)] == one
    assert kinds(events)[-2:] == ["finished", "phase_changed"]
    for e in state.experiments:
        assert e.value == pytest.approx((e.point["x"] - 1) ** 2 + (e.point["y"] - 2) ** 2)
        assert 0 <= e.started_s <= e.ended_s <= state.seconds
    assert state.dosed_ul["red"] == pytest.approx(sum(100 * e.point["x"] for e in state.experiments))


def test_the_live_state_is_the_fold_of_the_journal(opened, tmp_path):
    campaign = opened()
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    with Journal.open(tmp_path / "journal.sqlite", readonly=True) as journal:
        assert fold_entries(journal.entries()) == campaign.state
    assert fold_all(journaled(tmp_path)).experiments[0].value == campaign.state.experiments[0].value


def test_each_intent_is_on_the_disk_before_the_step_is_done(opened, tmp_path):
    seen = []

    def before(step):
        with Journal.open(tmp_path / "journal.sqlite", readonly=True) as journal:
            seen.append(list(journal.events())[-1])

    bench = PaperBench(before=before)
    campaign = opened(bench, spec(budget=1))
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    assert [e.step for e in seen] == bench.performed
    assert all(isinstance(e, StepIntended) for e in seen)


def test_listeners_hear_of_what_is_on_the_disk_and_a_failing_one_stops_nothing(opened, tmp_path, caplog):
    campaign = opened()
    written = []

    def check(event, state):
        with Journal.open(tmp_path / "journal.sqlite", readonly=True) as journal:
            written.append(event in list(journal.events()))

    def fail(event, state):
        raise RuntimeError("listener is broken")

    campaign.listen(fail)
    campaign.listen(check)
    unlisten = campaign.listen(lambda event, state: pytest.fail("was taken away"))
    unlisten()
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Complete"
    assert len(written) == campaign.state.events - 1
    assert all(written)
    assert "listener is broken" in caplog.text


def test_same_seed_same_points(tmp_path):
    def points(folder, seed):
        folder.mkdir()
        gp = spec(budget=7, strategy=StrategySpec("gp", initial=4))
        with begin(folder, PaperBench(), gp, seed) as campaign:
            campaign.start()
            assert campaign.wait(PATIENCE_S)
            return [dict(e.point) for e in campaign.state.experiments], campaign.model.incumbent()

    first, best = points(tmp_path / "a", 5)
    assert points(tmp_path / "b", 5)[0] == first
    assert points(tmp_path / "c", 6)[0] != first
    finished = of(journaled(tmp_path / "a"), Finished)[0]
    assert dict(finished.best_point) == dict(best.point)
    assert finished.best_mean == pytest.approx(best.mean)
    assert finished.best_sd == pytest.approx(best.sd)


class TestRules:
    def test_target(self, opened):
        campaign = opened(what=spec(budget=100, stop=StopSpec(budget=100, target=30.0)))
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        assert campaign.state.phase == "Complete"
        assert "the target of 30 is reached" in campaign.state.why
        assert campaign.state.made < 100

    def test_no_gain(self, opened):
        campaign = opened(what=spec(stop=StopSpec(budget=100, no_gain=3)))
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        values = [e.value for e in campaign.state.experiments]
        assert values.index(min(values)) == len(values) - 4
        assert campaign.state.why == "3 experiments brought nothing better"

    def test_every_candidate_tried(self, tmp_path):
        space = SearchSpace((Categorical("solvent", ("water", "toluene", "hexane")),))
        objective = ObjectiveSpec("function", "f", "maximise")
        what = CampaignSpec("solvents", space, objective, stop=StopSpec(budget=10))
        executor = FunctionExecutor(lambda solvent: float(len(solvent)))
        with Campaign(what, executor, Journal.create(tmp_path / "j.sqlite")) as campaign:
            campaign.start()
            assert campaign.wait(PATIENCE_S)
            assert campaign.state.phase == "Complete"
            assert campaign.state.why == "every point that can be made has been tried"
            assert campaign.state.made == 3

    def test_failed_experiments_count_for_the_budget(self, opened):
        def before(step):
            return Outcome({}) if isinstance(step, Dose) else None

        campaign = opened(PaperBench(before=before))
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        assert [e.status for e in campaign.state.experiments] == ["failed"] * 4
        assert campaign.state.observed == ()

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_a_value_that_is_no_number_is_a_failed_experiment(self, opened, value):
        bench = PaperBench()
        bench.value = lambda point, outcomes: (value, None)
        campaign = opened(bench, spec(budget=1))
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        assert campaign.state.experiments[0].status == "failed"
        assert "no finite number" in campaign.state.experiments[0].note


class TestDecisions:
    @pytest.fixture
    def waiting(self, opened):
        campaign = opened(what=spec(mode="approve"))
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.waiting is not None)
        return campaign, watch

    def test_nothing_is_done_before_it_is_approved(self, waiting):
        campaign, watch = waiting
        assert not campaign.wait(0.05)
        assert not watch._of(AttemptStarted)
        campaign.decide("accept", why="looks good")
        done = watch.heard(Observed)
        decided = watch.heard(Decided)
        assert (decided.by, decided.why, decided.action) == ("person", "looks good", "accept")
        assert done.point == decided.point == watch.heard(Suggested).point

    def test_override(self, waiting):
        campaign, watch = waiting
        campaign.decide("override", {"x": 1.0, "y": 2.0}, "I know better")
        assert watch.heard(Observed).value == pytest.approx(0.0)
        assert campaign.state.experiments[0].source == "person"

    @pytest.mark.parametrize(
        ("point", "complaint"),
        [
            ({"x": 9.0, "y": 0.0}, "x = 9 is outside"),
            ({"x": 1.0}, "y"),
            ({"x": float("nan"), "y": 1.0}, "x is nan; give a number"),
        ],
    )
    def test_an_impossible_override_is_refused_and_changes_nothing(self, waiting, point, complaint):
        campaign, _ = waiting
        before = campaign.state
        with pytest.raises(SpaceError, match=complaint):
            campaign.decide("override", point)
        with pytest.raises(CampaignError, match="needs a point"):
            campaign.decide("override")
        with pytest.raises(CampaignError, match="is no decision"):
            campaign.decide("maybe")
        assert campaign.state == before

    def test_skip_asks_for_another_point(self, waiting):
        campaign, watch = waiting
        first = watch.heard(Suggested)
        campaign.decide("skip")
        second = watch.heard(Suggested, 2)
        assert second.experiment == first.experiment == 1
        assert second.point != first.point
        assert watch.until(lambda s: s.waiting is not None).skipped == (first.point,)
        campaign.decide("accept")
        assert watch.heard(Observed).point == second.point

    def test_one_decision_per_suggestion(self, waiting):
        """A double click does not accept the suggestion after."""
        campaign, watch = waiting
        both = threading.Event()
        campaign._desk.post(lambda: both.wait(PATIENCE_S))  # neither click is served before the other
        campaign.decide("accept")
        campaign.decide("accept")
        both.set()
        watch.until(lambda s: s.waiting is not None and s.waiting.experiment == 2)
        assert len(watch._of(Decided)) == 1

    def test_decide_when_nothing_waits(self, opened):
        with pytest.raises(CampaignError, match="no suggestion waits"):
            opened().decide("accept")

    def test_changing_to_automatic_accepts_what_waits(self, waiting):
        campaign, watch = waiting
        campaign.change(spec(mode="automatic"), "enough seen")
        watch.until(lambda s: s.phase == "Complete")
        assert campaign.state.made == 4

    def test_decide_while_held(self, waiting):
        campaign, watch = waiting
        campaign.pause()
        watch.until(lambda s: s.phase == "Held")
        campaign.decide("accept")
        watch.heard(Decided)
        assert campaign.wait(PATIENCE_S)
        assert not watch._of(AttemptStarted)
        campaign.resume()
        watch.heard(Observed)

    def test_a_new_beta_gives_a_new_suggestion(self, opened):
        gp = spec(mode="approve", strategy=StrategySpec("gp", "ucb", beta=0.0, initial=1))
        campaign = opened(what=gp)
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.waiting is not None)
        campaign.decide("override", {"x": 1.5, "y": 1.5})
        greedy = watch.until(lambda s: s.waiting is not None and s.waiting.experiment == 2).waiting
        campaign.change(
            spec(mode="approve", strategy=StrategySpec("gp", "ucb", beta=9.0, initial=1)), "more curiosity"
        )
        curious = watch.until(lambda s: s.waiting is not None and s.waiting is not greedy).waiting
        assert curious.experiment == 2
        assert curious.sd > greedy.sd

    def test_what_is_decided_while_it_is_asked_for_again_stays_decided(self, waiting, monkeypatch):
        campaign, watch = waiting
        asked, free = threading.Event(), threading.Event()
        strategy = build_strategy(StrategySpec("random"))

        class Slow:
            def ask(self, history, n=1):
                asked.set()
                assert free.wait(PATIENCE_S)
                return strategy.ask(history, n)

        with monkeypatch.context() as patched:
            patched.setattr("campaign.decide.build_strategy", lambda spec, unit: Slow())
            campaign.change(spec(mode="approve", strategy=StrategySpec("random", initial=2)), "asks again")
            assert asked.wait(PATIENCE_S)
            point = campaign.state.waiting.point
            campaign.decide("accept")
            watch.heard(Decided)
        free.set()
        assert watch.heard(Observed).point == point
        watch.until(lambda s: s.waiting is not None)
        assert [e.experiment for e in watch._of(Suggested)] == [1, 2]


def test_stop_ends_after_the_step(opened, tmp_path):
    gate = Gate(Dose, 3)
    campaign = opened(PaperBench(before=gate))
    campaign.start()
    assert gate.reached.wait(PATIENCE_S)
    campaign.stop("lunch")
    gate.open.set()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Stopped"
    events = journaled(tmp_path)
    assert kinds(events)[-5:] == ["phase_changed", "step_done", "vial_given_up", "finished", "phase_changed"]
    finished = of(events, Finished)[0]
    assert (finished.experiments, finished.why) == (1, "lunch")
    assert finished.best_mean == pytest.approx(campaign.state.experiments[0].value)


class TestChange:
    def test_live(self, opened, tmp_path):
        gate = Gate(Look)
        bench = PaperBench(before=gate)
        campaign = opened(bench, spec(budget=2))
        campaign.start()
        assert gate.reached.wait(PATIENCE_S)
        campaign.change(spec(budget=3), "one more")
        gate.open.set()
        assert campaign.wait(PATIENCE_S)
        assert campaign.state.made == 3
        assert of(journaled(tmp_path), SettingsChanged)[0].why == "one more"
        assert [r.stop.budget for r in bench.revisions] == [3]

    def test_what_would_make_observations_meaningless_is_refused(self, opened):
        campaign = opened()
        other = SearchSpace((Categorical("a", ("b", "c")),))
        now = spec()
        for changed, name in (
            (CampaignSpec("paper", other, now.objective), "search space"),
            (CampaignSpec("paper", now.space, ObjectiveSpec("function", "yield", "maximise")), "objective"),
        ):
            with pytest.raises(CampaignError, match=f"the {name} cannot change"):
                campaign.change(changed, "")
        assert campaign.state.spec == now


def test_pictures_are_kept_beside_the_journal(opened, tmp_path):
    import cv2
    import numpy as np

    picture = np.full((20, 30, 3), 200, dtype=np.uint8)

    def before(step):
        return Outcome({"seen": True}, frame=picture) if isinstance(step, Look) else None

    campaign = opened(PaperBench(before=before), spec(budget=1))
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    image = campaign.state.experiments[0].image
    assert image == "images/0001-1-04.jpg"
    assert cv2.imread(str(tmp_path / image)).shape == picture.shape
    assert campaign.state.experiments[0].reading == {"seen": True}
    with Journal.open(tmp_path / "journal.sqlite", readonly=True) as journal:
        assert journal.check_images() == ()


def test_closed_while_running_it_is_held_in_the_journal(tmp_path, monkeypatch):
    gate = Gate(Dose)
    campaign = begin(tmp_path, PaperBench(before=gate))
    campaign.start()
    assert gate.reached.wait(PATIENCE_S)
    post = campaign._desk.post
    # the step ends after the closing has begun, however slow that is
    monkeypatch.setattr(
        campaign._desk, "post", lambda work: (post(work), campaign._desk.closing and gate.open.set())
    )
    campaign.close()
    events = journaled(tmp_path)
    assert isinstance(of(events, StepDone)[-1], StepDone)
    assert events[-1] == PhaseChanged("Holding", "Held", "the program was closed")
    assert campaign.wait(0)
