"""A value that a person reads and types: asked for, checked, kept, asked for again after a crash."""

import io

import pytest

from campaign.errors import CampaignError
from campaign.events import Answered, Asked, Observed, StepDone, VialGivenUp
from campaign.executor import Outcome, ToType
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.measure_executor import TypedExecutor
from campaign.result import HeldError, to_the_end
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.terminal import ask_person
from optimiser.space import Continuous, SearchSpace
from tests.campaign.paper_bench import PaperBench, Watch, begin, journaled, of, spec

ASKED = ToType("Read the probe", "mS/cm", 0.0, 200.0)
HELD = ("Held",)


def asks(state):
    return state.phase == "Held" and state.question is not None and state.question.number_unit is not None


def ended(state):
    return state.phase == "Complete"


def test_the_number_that_is_typed_is_the_value(tmp_path):
    with begin(tmp_path, PaperBench(typed=ASKED), spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        for typed in ("12.5", "3e1 mS/cm"):
            state = watch.until(lambda s, typed=typed: asks(s) and len(s.observed) == (typed != "12.5"))
            assert (state.question.question, state.question.lowest) == ("Read the probe", 0.0)
            assert state.question.choices == ("new vial", "fail")
            campaign.answer(typed)
        state = watch.until(ended)
    assert [e.value for e in state.experiments] == [12.5, 30.0]
    done = of(journaled(tmp_path), StepDone)[-1]
    assert done.data == {"value": 30.0, "unit": "mS/cm", "typed": "3e1 mS/cm"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [("12,5", "decimals with a point"), ("12 mV", "is in mV"), ("999", "between 0 and 200"), ("", "is no number"),
     ("nan", "is no number"), ("retry", "is no number")],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_and_asked_for_still(tmp_path, typed, said):
    with begin(tmp_path, PaperBench(typed=ASKED), spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        watch.until(asks)
        with pytest.raises(CampaignError, match=said):
            campaign.answer(typed)
        assert asks(campaign.state)
    assert not of(journaled(tmp_path), Answered)


def test_no_number_is_taken_where_a_choice_is_asked_for(tmp_path):
    bench = PaperBench(before=lambda step: Outcome({}, mismatch="odd"))
    with begin(tmp_path, bench, spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.question is not None and s.phase == "Held")
        with pytest.raises(CampaignError, match="choose one of"):
            campaign.answer("12.5")


def test_a_vial_that_broke_before_it_was_read_is_made_again(tmp_path):
    bench = PaperBench(typed=ASKED)
    with begin(tmp_path, bench, spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        watch.until(asks)
        campaign.answer("new vial")
        state = watch.until(lambda s: asks(s) and s.experiments[0].attempt == 2)
        assert state.vials["A1"] == "given_up"
        campaign.answer("fail")
        watch.until(lambda s: s.experiments[0].status == "failed")


def test_after_a_crash_the_number_is_asked_for_again_and_nothing_is_dosed_twice(tmp_path):
    """XRD takes until tomorrow: the program may end meanwhile."""
    bench = PaperBench(typed=ASKED)
    with begin(tmp_path, bench, spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        watch.until(asks)
        dosed = list(bench.dosed)
    with Campaign.reopen(Journal.open(tmp_path / "journal.sqlite"), bench) as campaign:
        watch = Watch(campaign)
        assert campaign.state.in_doubt is None
        campaign.resume()
        watch.until(asks)
        campaign.answer("7")
        state = watch.until(lambda s: s.experiments[0].status == "done")
    assert state.experiments[0].value == 7.0
    assert bench.dosed[: len(dosed)] == dosed
    assert not of(journaled(tmp_path), VialGivenUp)
    assert len([d for d in bench.dosed if d[0] == "A1"]) == 2


def test_stop_all_while_a_number_is_asked_for(tmp_path):
    with begin(tmp_path, PaperBench(typed=ASKED), spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        watch.until(asks)
        campaign.stop_all()
        state = watch.until(lambda s: s.phase == "Aborted")
        assert state.question is None
        with pytest.raises(CampaignError, match="nothing is asked"):
            campaign.answer("7")
        campaign.rearm()
        watch.until(lambda s: s.phase == "Held")
        campaign.resume()
        watch.until(asks)
        campaign.answer("7")
        state = watch.until(lambda s: s.experiments[0].status == "done")
    assert state.experiments[0].slot == "A1", "the vial was ready, and is measured"
    assert not of(journaled(tmp_path), VialGivenUp)


def test_ctrl_c_while_a_number_is_asked_for_keeps_the_vial_also_for_the_next_session(tmp_path):
    bench = PaperBench(typed=ASKED)
    with begin(tmp_path, bench, spec(budget=2)) as campaign:

        def interrupts(asked):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            to_the_end(campaign, tmp_path / "journal.sqlite", person=interrupts)
        assert campaign.state.phase == "Aborted"
    bench.stopped.clear()
    with Campaign.reopen(Journal.open(tmp_path / "journal.sqlite"), bench) as campaign:
        watch = Watch(campaign)
        campaign.resume()
        watch.until(asks)
        campaign.answer("7")
        state = watch.until(lambda s: s.experiments[0].status == "done")
    assert state.experiments[0].slot == "A1"


def test_stop_all_before_a_campaign_that_was_picked_up_goes_on_keeps_the_vial_that_waits_for_its_number(tmp_path):
    bench = PaperBench(typed=ASKED)
    with begin(tmp_path, bench, spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        watch.until(asks)
    with Campaign.reopen(Journal.open(tmp_path / "journal.sqlite"), bench) as campaign:
        watch = Watch(campaign)
        campaign.stop_all()
        state = watch.until(lambda s: s.phase == "Aborted")
        assert state.vials["A1"] == "in_use"
        campaign.rearm()
        watch.until(lambda s: s.phase == "Held")
        campaign.resume()
        watch.until(asks)
        campaign.answer("7")
        state = watch.until(lambda s: s.experiments[0].status == "done")
    assert state.experiments[0].slot == "A1"


def test_a_vial_whose_level_was_in_question_is_given_up_by_stop_all_as_ever(tmp_path):
    odd = iter([None, None, None, None, Outcome({}, mismatch="the level is odd")])
    bench = PaperBench(typed=ASKED, before=lambda step: next(odd, None))
    with begin(tmp_path, bench, spec(budget=2)) as campaign:
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.question is not None and s.question.question == "the level is odd")
        campaign.stop_all()
        state = watch.until(lambda s: s.phase == "Aborted")
    assert state.vials["A1"] == "given_up"


def test_a_campaign_without_any_bench_tells_the_recipe_and_takes_the_number(tmp_path):
    space = SearchSpace((Continuous("T", 20, 80, "°C"), Continuous("acid", 0, 5, "mL")))
    what = CampaignSpec(
        "kettle", space, ObjectiveSpec("typed", "yield", "maximise", "%"), StrategySpec("random", initial=1),
        StopSpec(budget=2),
    )  # fmt: skip
    with Campaign(what, TypedExecutor(what), Journal.create(tmp_path / "journal.sqlite")) as campaign:
        watch = Watch(campaign)
        campaign.start()
        for number in (1, 2):
            question = watch.until(lambda s, n=number: asks(s) and len(s.experiments) == n).question
            assert question.question.startswith("Make this: T ")
            assert question.question.endswith(" mL. Then type its yield")
            assert "°C" in question.question
            assert question.choices == ("repeat", "fail")
            campaign.answer(str(10 * number))
        state = watch.until(ended)
    assert not state.simulated
    assert [e.value for e in of(journaled(tmp_path), Observed)] == [10.0, 20.0]


class Typist(io.StringIO):
    def isatty(self):
        return True


def test_at_the_terminal_a_number_or_a_choice_is_typed(monkeypatch, capsys):
    asked = Asked(3, "Read the probe", ("new vial", "fail"), None, "mS/cm", 0.0, 200.0)
    for typed, expected in (("12,5\n300\n12.5\n", "12.5"), ("f\n", "fail"), ("", None)):
        monkeypatch.setattr("sys.stdin", Typist(typed))
        assert ask_person(asked) == expected
    said = capsys.readouterr().err
    assert "Read the probe [a number in mS/cm / new vial / fail] > " in said
    assert "decimals with a point" in said
    assert "between 0 and 200" in said


def test_where_nobody_can_type_the_campaign_is_held_and_says_what_it_waits_for(tmp_path):
    with begin(tmp_path, PaperBench(typed=ASKED), spec(budget=2)) as campaign:
        with pytest.raises(HeldError, match=r"Read the probe \[a number in mS/cm / new vial / fail\]") as held:
            to_the_end(campaign, tmp_path / "journal.sqlite")
        assert f"out={str(tmp_path)!r}, resume=True, person=" in held.value.__notes__[0]
        assert campaign.state.phase == "Held"


def test_what_a_person_saw_is_answered_and_decided_and_nothing_that_came_in_its_place(tmp_path):
    with begin(tmp_path, PaperBench(typed=ASKED), spec(budget=3, mode="approve")) as campaign:
        watch = Watch(campaign)
        campaign.start()
        first = watch.until(lambda s: s.waiting is not None).waiting
        campaign.decide("skip", shown=first)
        second = watch.until(lambda s: s.waiting not in (None, first)).waiting
        with pytest.raises(CampaignError, match="another suggestion waits by now"):
            campaign.decide("accept", shown=first)
        campaign.decide("accept", shown=second)
        asked = watch.until(asks).question
        campaign.answer("12.5", asked)
        third = watch.until(lambda s: s.waiting not in (None, first, second)).waiting
        campaign.decide("accept", shown=third)
        watch.until(asks)
        with pytest.raises(CampaignError, match="is no answer to what is asked by now"):
            campaign.answer("12.5", asked)
        assert [e.value for e in campaign.state.experiments] == [12.5, None]
