"""What a person makes of experiments that are over: notes, and labels that the model follows."""

import threading

import pytest

from campaign.codec import decode, encode
from campaign.decide import history_of
from campaign.errors import CampaignError, JournalError
from campaign.events import Included, Labelled, Noted, Observed, Suggested
from campaign.executor import Outcome
from campaign.fold import fold, fold_all
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.narrate import best_so_far, in_words
from campaign.spec import StrategySpec
from campaign.steps import Dose
from tests.campaign.paper_bench import PATIENCE_S, PaperBench, Watch, journaled, of, spec
from tests.campaign.test_fold import DOSED, IN_WORK, LOOKED, OBSERVED, OPENED, POINT

DONE = (*IN_WORK, *DOSED, *LOOKED, OBSERVED)
FAILED = (*IN_WORK, Observed(1, 1, POINT, None, None, "no"))


def labels_of(*events) -> list[str]:
    return [e.label for e in fold_all(events).experiments]


@pytest.fixture
def over(opened):
    """A campaign of three experiments with a surrogate, at its end; the second dose of the third was lost."""
    doses = []

    def before(step):
        if isinstance(step, Dose):
            doses.append(step)
            return Outcome({}) if len(doses) == 6 else None
        return None

    campaign = opened(PaperBench(before=before), spec(budget=3, strategy=StrategySpec("gp", initial=2)))
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    assert [e.status for e in campaign.state.experiments] == ["done", "done", "failed"]
    return campaign


class TestFold:
    def test_an_experiment_without_a_value_has_failed_unless_told_otherwise(self):
        assert labels_of(*DONE) == ["measured"]
        assert labels_of(*FAILED) == ["failed"]
        assert labels_of(*FAILED, Labelled(1, "infeasible")) == ["infeasible"]
        assert not fold_all(FAILED).experiments[0].include

    def test_the_newest_label_counts_and_going_back_leaves_no_trace(self):
        state = fold_all(DONE)
        moved = fold(state, Labelled(1, "outlier"))
        assert not moved.experiments[0].include
        assert fold(moved, Labelled(1, "measured")).experiments == state.experiments

    def test_a_journal_with_ticks_is_still_read(self):
        assert labels_of(*DONE, Included(1, False)) == ["outlier"]
        assert labels_of(*DONE, Included(1, False), Included(1, True)) == ["measured"]
        assert labels_of(*FAILED, Included(1, False), Included(1, True)) == ["failed"]
        assert labels_of(*IN_WORK, Included(1, False), OBSERVED) == ["outlier"]

    def test_what_cannot_count_is_refused(self):
        with pytest.raises(JournalError, match="experiment 1 has no value"):
            fold_all((*FAILED, Labelled(1, "measured")))
        with pytest.raises(JournalError, match="there is no experiment 2"):
            fold_all((*DONE, Labelled(2, "outlier")))

    def test_in_the_journal(self):
        event = Labelled(4, "infeasible")
        assert decode(encode(event)) == event
        with pytest.raises(JournalError, match="label"):
            decode(encode(event).replace("infeasible", "odd"))


class TestHistory:
    def test_the_optimiser_is_told_each_label(self):
        state = fold_all(DONE)
        for label in ("failed", "infeasible", "outlier", "measured"):
            state = fold(state, Labelled(1, label))
            (seen,) = history_of(state).observations
            assert (seen.label, seen.value) == (label, 4.5)
        assert history_of(state).usable

    def test_a_failed_point_may_be_made_again_and_an_infeasible_one_not(self):
        failed = fold_all(FAILED)
        space = failed.spec.space
        assert space.key(POINT) not in history_of(failed).tried
        infeasible = history_of(fold(failed, Labelled(1, "infeasible")))
        assert space.key(POINT) in infeasible.tried
        assert infeasible.infeasible == (POINT,)


class TestCampaign:
    def test_notes(self, over):
        watch = Watch(over)
        over.note(2, "bubbles")
        watch.heard(Noted)
        assert over.state.experiments[1].note == "bubbles"
        with pytest.raises(CampaignError, match="there is no experiment 9; there are 3"):
            over.note(9, "")

    def test_the_model_follows_a_label_there_and_back(self, over):
        told, fitted = [], threading.Semaphore(0)
        over.listen_model(lambda model: (told.append(model), fitted.release()))
        before = over.model.predict([POINT])
        over.label(2, "outlier")
        assert fitted.acquire(timeout=PATIENCE_S)
        assert len(told[-1].measured) == 1
        assert not over.state.experiments[1].include
        over.label(2, "measured")
        assert fitted.acquire(timeout=PATIENCE_S)
        assert told[-1].predict([POINT])[0] == pytest.approx(before[0], rel=1e-9)

    def test_several_at_once_are_fitted_once_and_what_changes_nothing_is_not_recorded(self, over, tmp_path):
        fitted = threading.Semaphore(0)
        over.listen_model(lambda model: fitted.release())
        over.label((1, 2, 3), "infeasible")
        assert fitted.acquire(timeout=PATIENCE_S)
        over.label([1, 3], "infeasible")
        over.label(1, "outlier")
        assert fitted.acquire(timeout=PATIENCE_S)
        assert not fitted.acquire(blocking=False)
        expected = [Labelled(1, "infeasible"), Labelled(2, "infeasible"), Labelled(3, "infeasible")]
        assert of(journaled(tmp_path), Labelled) == [*expected, Labelled(1, "outlier")]
        assert best_so_far(over.state) is None

    @pytest.mark.parametrize(
        ("numbers", "label", "why"),
        [
            (3, "measured", "experiment 3 is without a value and cannot count as measured; choose failed"),
            ((1, 3), "measured", "experiment 3 is without a value"),
            (9, "outlier", "there is no experiment 9; there are 3"),
            (1, "odd", "'odd' is no label; choose measured, failed, infeasible, outlier"),
        ],
    )
    def test_a_wrong_label_is_refused_with_a_sentence(self, over, numbers, label, why):
        before = over.state
        with pytest.raises(CampaignError, match=why):
            over.label(numbers, label)
        assert over.state == before

    def test_an_experiment_that_is_not_over_has_no_label_yet(self, opened):
        campaign = opened(what=spec(mode="approve"))
        watch = Watch(campaign)
        campaign.start()
        watch.heard(Suggested)
        with pytest.raises(CampaignError, match="experiment 1 is not over yet; label it when there is a result"):
            campaign.label(1, "infeasible")

    def test_opened_again_the_labels_are_there(self, tmp_path):
        bench = PaperBench()
        with Campaign(spec(budget=3), bench, Journal.create(tmp_path / "j.sqlite")) as campaign:
            watch = Watch(campaign)
            campaign.start()
            watch.heard(Observed)
            campaign.label(1, "infeasible")
            watch.heard(Labelled)
            campaign.pause()
        with Campaign.reopen(Journal.open(tmp_path / "j.sqlite"), bench) as campaign:
            assert campaign.state.experiments[0].label == "infeasible"
            assert history_of(campaign.state).observations[0].label == "infeasible"


def test_in_words():
    state = fold_all((OPENED,))
    words = in_words(state, Labelled(7, "measured"))
    assert words == "     experiment 7 labelled “counts”: the model learns from its value"
