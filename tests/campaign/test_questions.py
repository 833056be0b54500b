"""A campaign that is paused, and one that needs a person."""

import pytest

from campaign.errors import CampaignError, TransitionError
from campaign.events import (
    Asked,
    Finished,
    StepIntended,
)
from campaign.executor import Outcome
from campaign.steps import CheckVial, Dose, Look, Move
from hardware.errors import HardwareError, OutOfRangeError
from tests.campaign.paper_bench import PATIENCE_S, Gate, PaperBench, Watch, journaled, of, spec


class TestPause:
    def test_takes_effect_after_the_step_and_goes_on_in_the_same_vial(self, opened):
        gate = Gate(Dose)
        bench = PaperBench(before=gate)
        campaign = opened(bench, spec(budget=1))
        watch = Watch(campaign)
        campaign.start()
        assert gate.reached.wait(PATIENCE_S)
        campaign.pause()
        watch.until(lambda s: s.phase == "Holding")
        assert not campaign.wait(0.01)
        gate.open.set()
        assert campaign.wait(PATIENCE_S)
        assert campaign.state.phase == "Held"
        assert bench.dosed == [("A1", "red")]
        campaign.resume()
        watch.until(lambda s: s.phase == "Complete")
        assert bench.dosed == [("A1", "red"), ("A1", "blue")]

    def test_commands_that_are_not_allowed_say_why(self, opened):
        campaign = opened()
        for command in (campaign.pause, campaign.resume, campaign.rearm):
            with pytest.raises(TransitionError, match="the campaign is idle: only"):
                command()
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        for command in (campaign.start, campaign.stop, campaign.pause):
            with pytest.raises(TransitionError, match="the campaign is complete: "):
                command()

    def test_start_is_refused_with_everything_that_stands_in_the_way(self, opened):
        campaign = opened(PaperBench(mistakes=("no pump for green", "the rack is too small")))
        with pytest.raises(CampaignError, match="no pump for green\nthe rack is too small"):
            campaign.start()
        assert campaign.state.phase == "Idle"


class TestQuestions:
    def held_by(self, opened, before, budget=1, **more):
        bench = PaperBench(before=before, **more)
        campaign = opened(bench, spec(budget=budget))
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.question is not None and s.phase == "Held")
        return campaign, watch, bench

    def once(self, kind, act):
        left = [act]

        def before(step):
            return left.pop()() if isinstance(step, kind) and left else None

        return before

    def mismatch(self, kind):
        return self.once(kind, lambda: Outcome({}, mismatch="The level in A1 is wrong."))

    def raising(self, kind, error):
        def act():
            raise error

        return self.once(kind, act)

    def test_mismatch_go_on(self, opened):
        campaign, watch, _ = self.held_by(opened, self.mismatch(Look))
        question = campaign.state.question
        assert question.question == "The level in A1 is wrong."
        assert question.choices == ("retry", "go on", "new vial", "fail")
        with pytest.raises(CampaignError, match="answer first: The level"):
            campaign.resume()
        with pytest.raises(CampaignError, match="choose one of retry, go on, new vial, fail"):
            campaign.answer("perhaps")
        campaign.answer("go on")
        watch.until(lambda s: s.phase == "Complete")
        assert campaign.state.experiments[0].value is not None
        with pytest.raises(CampaignError, match="nothing is asked"):
            campaign.answer("go on")

    def test_mismatch_retry_looks_again_in_the_same_vial(self, opened):
        campaign, watch, bench = self.held_by(opened, self.mismatch(Look))
        campaign.answer("retry")
        watch.until(lambda s: s.phase == "Complete")
        assert [type(s) for s in bench.performed] == [Move, CheckVial, Dose, Dose, Look, Look]
        assert len(bench.dosed) == len(set(bench.dosed)) == 2
        assert campaign.state.experiments[0].attempt == 2
        assert campaign.state.experiments[0].slot == "A1"

    def test_mismatch_new_vial(self, opened):
        campaign, watch, _ = self.held_by(opened, self.mismatch(CheckVial))
        campaign.answer("new vial")
        watch.until(lambda s: s.phase == "Complete")
        assert campaign.state.vials["A1"] == "given_up"
        assert campaign.state.experiments[0].slot == "A2"

    def test_mismatch_fail(self, opened):
        campaign, watch, _ = self.held_by(opened, self.mismatch(Look))
        campaign.answer("fail")
        watch.until(lambda s: s.phase == "Complete")
        assert campaign.state.experiments[0].status == "failed"
        assert campaign.state.experiments[0].note == "The level in A1 is wrong."

    def test_a_dose_that_was_done_is_never_offered_again(self, opened):
        campaign, _, _ = self.held_by(opened, self.mismatch(Dose))
        assert campaign.state.question.choices == ("go on", "new vial", "fail")

    def test_a_refused_step_may_be_done_again(self, opened):
        campaign, watch, bench = self.held_by(
            opened, self.raising(Dose, OutOfRangeError("red", "syringe is empty"))
        )
        assert campaign.state.question.question == (
            "red: syringe is empty. Not done: "
            f"dose {100 * campaign.state.experiments[0].point['x']:g} µL of red into A1 (experiment 1)."
        )
        campaign.answer("retry")
        watch.until(lambda s: s.phase == "Complete")
        assert bench.dosed == [("A1", "red"), ("A1", "blue")]

    @pytest.mark.parametrize("outcome", ["unknown", "stopped"])
    def test_an_unknown_outcome_costs_the_vial(self, opened, tmp_path, outcome):
        campaign, watch, bench = self.held_by(
            opened, self.raising(Dose, HardwareError("red", "no answer", outcome))
        )
        assert campaign.state.vials["A1"] == "given_up"
        assert campaign.state.question.choices == ("repeat", "fail")
        campaign.answer("repeat")
        watch.until(lambda s: s.phase == "Complete")
        assert bench.dosed == [("A2", "red"), ("A2", "blue")]
        intents = [e for e in of(journaled(tmp_path), StepIntended) if isinstance(e.step, Dose)]
        assert [(e.attempt, e.step.slot) for e in intents] == [(1, "A1"), (2, "A2"), (2, "A2")]

    def test_a_bench_that_raises_anything_else_is_not_trusted(self, opened):
        campaign, _, _ = self.held_by(opened, self.raising(Dose, ZeroDivisionError("oops")))
        assert "may or may not have been done" in campaign.state.question.question
        assert campaign.state.vials["A1"] == "given_up"

    def test_fault_then_fail(self, opened):
        campaign, watch, _ = self.held_by(opened, self.raising(Dose, HardwareError("red", "no answer", "unknown")))
        campaign.answer("fail")
        watch.until(lambda s: s.phase == "Complete")
        assert campaign.state.experiments[0].status == "failed"
        assert campaign.state.vials["A1"] == "given_up"

    def test_a_point_that_cannot_be_made(self, opened):
        bench = PaperBench()

        def refuse(point, slot):
            raise ValueError("the vial would overflow")

        bench.plan = refuse
        campaign = opened(bench, spec(budget=1))
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.question is not None)
        assert "Experiment 1 cannot be made: the vial would overflow" in campaign.state.question.question
        del bench.plan
        campaign.answer("fail")
        watch.until(lambda s: s.phase == "Complete")
        assert [e.status for e in campaign.state.experiments] == ["failed", "done"]

    def test_a_fresh_rack(self, opened, tmp_path):
        bench = PaperBench(slots=("A1", "A2"))
        campaign = opened(bench, spec(budget=4))
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.question is not None and s.phase == "Held")
        assert campaign.state.question.choices == ("fresh rack",)
        campaign.answer("fresh rack")
        watch.until(lambda s: s.phase == "Complete")
        assert [e.slot for e in campaign.state.experiments] == ["A1", "A2", "A1", "A2"]
        assert bench.racks == 2
        assert len(of(journaled(tmp_path), Asked)) == 1

    def test_stop_while_something_is_asked(self, opened):
        campaign, watch, _ = self.held_by(opened, self.mismatch(Look))
        campaign.stop()
        watch.until(lambda s: s.phase == "Stopped")
        assert campaign.state.question is None
        assert campaign.state.vials["A1"] == "given_up"
        watch.heard(Finished)


def test_empty_syringes_are_refilled_and_the_step_is_done_again(opened):
    asked = []

    def before(step):
        if isinstance(step, Move) and not asked:
            asked.append(step)
            return Outcome({}, mismatch="Refill: red has 10 µL.", refill=True)
        return None

    bench = PaperBench(before=before)
    campaign = opened(bench, spec(budget=2))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.phase == "Held")
    assert campaign.state.question.choices == ("refilled", "go on", "new vial", "fail")
    campaign.answer("refilled")
    watch.until(lambda s: s.phase == "Complete")
    assert bench.refills == 1
    assert [e.slot for e in campaign.state.experiments] == ["A1", "A2"]
