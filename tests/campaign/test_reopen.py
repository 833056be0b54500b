"""After the program was killed: nothing lost, nothing done twice, and the doubt named."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.decide import Mind
from campaign.errors import CampaignError, JournalError
from campaign.events import (
    AttemptStarted,
    Finished,
    Observed,
    PhaseChanged,
    Resumed,
    StepDone,
    StepIntended,
    Suggested,
    VialGivenUp,
)
from campaign.executor import Outcome
from campaign.fold import fold_entries
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.narrate import in_words
from campaign.spec import StrategySpec
from campaign.steps import Dose, Look, Move
from hardware.errors import OutOfRangeError
from tests.campaign.paper_bench import PATIENCE_S, Gate, PaperBench, Watch, begin, journaled, spec

HOUSE = Path(__file__).resolve().parents[2]


def cut(folder, target, wanted):
    """A copy of a journal as it was on the disk right after the last event for which `wanted` holds."""
    target.mkdir()
    with Journal.open(folder / "journal.sqlite", readonly=True) as whole:
        events = list(whole.events())
    last = max(i for i, event in enumerate(events) if wanted(event))
    with Journal.create(target / "journal.sqlite") as journal:
        journal.append(*events[: last + 1])
    return target


@pytest.fixture
def whole(tmp_path):
    """The folder of a campaign that came to its end."""
    folder = tmp_path / "whole"
    folder.mkdir()
    with begin(folder, PaperBench(), spec(budget=3), seed=4) as campaign:
        campaign.start()
        assert campaign.wait(PATIENCE_S)
    return folder


def reopen(folder, bench=None):
    return Campaign.reopen(Journal.open(folder / "journal.sqlite"), bench or PaperBench())


def intended(index, experiment=2):
    return lambda e: isinstance(e, StepIntended) and (e.experiment, e.index) == (experiment, index)


def done(index, experiment=2):
    return lambda e: isinstance(e, StepDone) and (e.experiment, e.index) == (experiment, index)


def test_a_step_in_doubt_is_named_and_its_vial_given_up(whole, tmp_path):
    folder = cut(whole, tmp_path / "cut", intended(3))
    bench = PaperBench()
    campaign = reopen(folder, bench)
    state = campaign.state
    y_ul = 100 * state.experiments[1].point["y"]
    assert state.phase == "Held"
    assert state.in_doubt == f"dose {y_ul:g} µL of blue into A2 (experiment 2)"
    assert state.in_doubt in state.why
    given_up = "vial A2 is given up and the experiment is repeated in a clean one"
    assert given_up in state.why
    assert given_up in in_words(state, Resumed(state.in_doubt))
    assert in_words(state, Resumed(None)).endswith("in doubt: nothing")
    assert bench.performed == []
    assert not [e for e in journaled(folder) if isinstance(e, VialGivenUp)]
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.phase == "Complete")
    assert bench.dosed == [("A3", "red"), ("A3", "blue"), ("A4", "red"), ("A4", "blue")]
    state = campaign.state
    assert state.in_doubt is None
    assert (state.experiments[1].slot, state.experiments[1].attempt) == ("A3", 2)
    assert state.vials["A2"] == "given_up"
    campaign.close()
    events = journaled(folder)
    assert [e.in_doubt for e in events if isinstance(e, Resumed)] == [
        f"dose {y_ul:g} µL of blue into A2 (experiment 2)"
    ]


@pytest.mark.parametrize("index", range(4))
def test_between_two_steps_nothing_is_in_doubt_but_the_vial_is_not_trusted(whole, tmp_path, index):
    campaign = reopen(cut(whole, tmp_path / "cut", done(index)))
    assert (campaign.state.phase, campaign.state.in_doubt) == ("Held", None)
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.phase == "Complete")
    assert campaign.state.experiments[1].slot == "A3"
    assert watch.heard(VialGivenUp).why == "it was left unfinished"
    campaign.close()


def test_all_steps_done_and_not_observed_gives_the_value_from_the_record(whole, tmp_path):
    campaign = reopen(cut(whole, tmp_path / "cut", done(4)))
    watch = Watch(campaign)
    campaign.resume()
    observed = watch.heard(Observed)
    watch.until(lambda s: s.phase == "Complete")
    point = observed.point
    assert observed.value == pytest.approx((point["x"] - 1) ** 2 + (point["y"] - 2) ** 2)
    assert campaign.state.experiments[1].slot == "A2"
    assert not watch._of(VialGivenUp)
    campaign.close()


@pytest.mark.parametrize("broken", ["none", "raises"])
def test_a_record_that_gives_no_value_is_repeated(whole, tmp_path, broken):
    bench = PaperBench()
    value, calls = bench.value, []

    def once(point, outcomes):
        calls.append(point)
        if len(calls) > 1:
            return value(point, outcomes)
        if broken == "raises":
            raise KeyError("lab")
        return None, None

    bench.value = once
    campaign = reopen(cut(whole, tmp_path / "cut", done(4)), bench)
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.phase == "Complete")
    assert campaign.state.experiments[1].slot == "A3"
    campaign.close()


def test_a_suggestion_without_decision_is_offered_again(tmp_path):
    first = tmp_path / "a"
    first.mkdir()
    campaign = begin(first, PaperBench(), spec(mode="approve"))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.waiting is not None)
    campaign.decide("skip")
    suggested = watch.heard(Suggested, 2)
    campaign.close()
    campaign = reopen(first)
    assert campaign.state.waiting == suggested
    assert len(campaign.state.skipped) == 1
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.phase == "Running")
    campaign.decide("accept")
    assert watch.heard(Observed).point == suggested.point
    campaign.close()


def test_the_same_points_are_suggested_as_without_a_crash(tmp_path):
    gp = spec(budget=7, strategy=StrategySpec("gp", initial=3))
    first = tmp_path / "a"
    first.mkdir()
    with begin(first, PaperBench(), gp, seed=1) as campaign:
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        points = [dict(e.point) for e in campaign.state.experiments]
    folder = cut(first, tmp_path / "b", lambda e: isinstance(e, Observed) and e.experiment == 4)
    with reopen(folder) as campaign:
        watch = Watch(campaign)
        campaign.resume()
        watch.until(lambda s: s.phase == "Complete")
        assert [dict(e.point) for e in campaign.state.experiments] == points


def test_the_bench_learns_what_was_done_before(whole, tmp_path):
    bench = PaperBench()
    campaign = reopen(cut(whole, tmp_path / "cut", intended(3)), bench)
    doses = [(s.slot, s.stock, data is not None) for s, data in bench.remembered if isinstance(s, Dose)]
    assert doses == [("A1", "red", True), ("A1", "blue", True), ("A2", "red", True), ("A2", "blue", False)]
    assert len(bench.remembered) == 9
    campaign.close()


def test_what_was_refused_is_not_remembered_and_a_fresh_rack_empties_vials_not_syringes(tmp_path):
    left = [OutOfRangeError("red", "no")]

    def before(step):
        if isinstance(step, Dose) and step.slot == "A1" and left:
            raise left.pop()

    campaign = begin(tmp_path, PaperBench(slots=("A1", "A2"), before=before), spec(budget=3))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.question is not None and s.phase == "Held")
    campaign.answer("new vial")
    watch.until(lambda s: s.question is not None and s.question.choices == ("fresh rack",) and s.phase == "Held")
    campaign.close()
    bench = PaperBench(slots=("A1", "A2"))
    campaign = reopen(tmp_path, bench)
    assert [s.slot for s, _ in bench.remembered if isinstance(s, Dose)] == ["A2", "A2"]
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.question is not None and s.phase == "Held")
    assert campaign.state.question.choices == ("fresh rack",), "asked again: nobody answered"
    campaign.answer("fresh rack")
    watch.until(lambda s: s.phase == "Complete")
    campaign.close()
    bench = PaperBench(slots=("A1", "A2"))
    reopen(tmp_path, bench).close()
    told = [s.slot if isinstance(s, Dose) else "-" for s, data in bench.remembered if "seen" not in (data or {})]
    assert told == ["A2", "A2", "-", "A1", "A1", "A2", "A2"]


def test_a_vial_about_which_a_question_was_open_is_given_up(tmp_path):
    def before(step):
        return Outcome({}, mismatch="The level is wrong.") if isinstance(step, Look) and step.slot == "A1" else None

    campaign = begin(tmp_path, PaperBench(before=before), spec(budget=2))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.question is not None and s.phase == "Held")
    campaign.close()
    campaign = reopen(tmp_path)
    assert campaign.state.question is None
    assert campaign.state.vials["A1"] == "given_up"
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.phase == "Complete")
    assert campaign.state.experiments[0].slot == "A2"
    campaign.close()


@pytest.mark.parametrize("phase", ["Idle", "Running", "Holding", "Stopping", "Aborting", "Aborted", "Completing"])
def test_whatever_it_was_doing_it_is_held_and_can_go_on(whole, tmp_path, phase):
    folder = tmp_path / "cut"
    if phase in ("Idle", "Running", "Completing"):
        kind = {"Idle": lambda e: e.kind == "campaign_opened", "Running": intended(0)}
        ended = lambda e: isinstance(e, PhaseChanged) and e.new == "Completing"  # noqa: E731
        cut(whole, folder, kind.get(phase, ended))
    else:
        cut(whole, folder, done(2))
        with Journal.open(folder / "journal.sqlite") as journal:
            journal.append(PhaseChanged("Running", phase, "as it was"))
    campaign = reopen(folder)
    assert campaign.state.phase == "Held"
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.phase == "Complete")
    assert campaign.state.made == 3
    campaign.close()


def test_a_campaign_that_has_ended_stays_ended(whole):
    campaign = reopen(whole)
    assert campaign.state.phase == "Complete"
    with pytest.raises(CampaignError):
        campaign.resume()
    campaign.note(1, "later thought")
    assert campaign.wait(PATIENCE_S)
    campaign.close()
    assert len([e for e in journaled(whole) if isinstance(e, Finished)]) == 1
    with Journal.open(whole / "journal.sqlite", readonly=True) as journal:
        assert fold_entries(journal.entries()).experiments[0].note == "later thought"


def test_another_rack_is_refused(whole):
    with pytest.raises(CampaignError, match="begun on a rack with 24 slots, this bench has 2"):
        reopen(whole, PaperBench(slots=("A1", "A2")))


def test_a_damaged_journal_is_refused_and_untouched(whole):
    import sqlite3

    path = whole / "journal.sqlite"
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER no_update")
    raw.execute("UPDATE events SET body = replace(body, 'A1', 'A6') WHERE number = 5")
    raw.commit()
    raw.close()
    journal = Journal.open(path)
    with pytest.raises(JournalError, match=r"record 5 \(attempt_started\) was changed .* begin a new campaign"):
        Campaign.reopen(journal, PaperBench())
    journal.close()


def test_two_programs_cannot_go_on_with_one_campaign(tmp_path):
    campaign = begin(tmp_path, PaperBench())
    with pytest.raises(JournalError, match=f"another Aliquot .process {os.getpid()}"):
        reopen(tmp_path)
    campaign.close()
    reopen(tmp_path).close()


def test_pause_and_close_in_the_middle_then_go_on(tmp_path):
    gate = Gate(Move, 2)
    bench = PaperBench(before=gate)
    campaign = begin(tmp_path, bench, spec(budget=2))
    campaign.start()
    assert gate.reached.wait(PATIENCE_S)
    campaign.pause()
    gate.open.set()
    assert campaign.wait(PATIENCE_S)
    campaign.close()
    campaign = reopen(tmp_path, bench)
    watch = Watch(campaign)
    campaign.resume()
    watch.until(lambda s: s.phase == "Complete")
    assert len(set(bench.dosed)) == len(bench.dosed)
    campaign.close()


class TestKilled:
    """kill -9 of a real process, at chosen and at random moments; the truth is written by its bench."""

    BUDGET = 3

    def child(self, folder, moment=0):
        command = [sys.executable, "-m", "tests.campaign.kill_child", str(folder), str(self.BUDGET), str(moment)]
        return subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def check(self, folder):
        events = journaled(folder)
        assert [e.experiment for e in events if isinstance(e, Observed)] == [1, 2, 3]
        assert len([e for e in events if isinstance(e, Finished)]) == 1
        truth = [line.split() for line in (folder / "truth.txt").read_text().splitlines()]
        given = [(slot, stock) for slot, stock, _ in truth]
        assert len(given) == len(set(given)), "dosed twice"
        steps = [s for e in events if isinstance(e, AttemptStarted) for s in e.steps]
        planned = {(s.slot, s.stock): s.volume_ul for s in steps if isinstance(s, Dose)}
        steps = [e.step for e in events if isinstance(e, StepIntended)]
        intents = {(s.slot, s.stock) for s in steps if isinstance(s, Dose)}
        for slot, stock, volume_ul in truth:
            assert (slot, stock) in intents, "dosed without an intent"
            assert float(volume_ul) == pytest.approx(planned[slot, stock])
        with Journal.open(folder / "journal.sqlite", readonly=True) as journal:
            state = fold_entries(journal.entries())
        for e in state.experiments:
            dosed = {stock: float(ul) / 100 for slot, stock, ul in truth if slot == e.slot}
            assert e.value == pytest.approx((dosed["red"] - 1) ** 2 + (dosed["blue"] - 2) ** 2)

    def to_the_end(self, folder):
        child = self.child(folder)
        said, errors = child.communicate(timeout=100)
        assert child.returncode == 0, said + errors

    @pytest.mark.parametrize("moments", [(9, 30, 17, 41), (14, 15, 16, 18), (1, 2, 3, 26), (24, 33, 12, 28)])
    def test_at_chosen_moments(self, tmp_path, moments):
        """Each count is of journal writes and steps since the program began."""
        for moment in moments:
            child = self.child(tmp_path, moment)
            said, errors = child.communicate(timeout=100)
            assert child.returncode != 0, "it ended before it was killed: " + said + errors
            assert not errors, errors
        self.to_the_end(tmp_path)
        self.check(tmp_path)

    @pytest.mark.parametrize("seed", [1, 2])
    def test_at_random_moments(self, tmp_path, seed):
        chance = random.Random(seed)
        for _ in range(5):
            child = self.child(tmp_path)
            for _ in range(chance.randint(0, 6)):
                child.stdout.readline()
            child.kill()
            child.communicate()
        self.to_the_end(tmp_path)
        self.check(tmp_path)

    def test_at_every_event(self, whole, tmp_path, monkeypatch):
        """All cuts of the journal, without the price of a process for each."""
        monkeypatch.setattr(Mind, "_posterior", lambda mind, history: None)
        with Journal.open(whole / "journal.sqlite", readonly=True) as journal:
            events = list(journal.events())
        for n in range(1, len(events)):
            folder = tmp_path / f"cut{n}"
            folder.mkdir()
            with Journal.create(folder / "journal.sqlite") as journal:
                journal.append(*events[:n])
            maybe = [e.step for e in events[: n + 1] if isinstance(e, StepIntended)]
            bench = PaperBench(dosed=[(s.slot, s.stock) for s in maybe if isinstance(s, Dose)])
            with reopen(folder, bench) as campaign:
                watch = Watch(campaign)
                if not campaign.state.finished:
                    campaign.resume()
                watch.until(lambda s: s.phase == "Complete")
                assert campaign.state.made == 3
            assert len(bench.dosed) == len(set(bench.dosed)), n
            shutil.rmtree(folder)
