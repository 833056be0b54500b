"""A person's corrections: journaled with their picture, told, and read anew by the eye of today."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aliquot
from campaign import corrected_frames
from campaign.codec import decode, encode
from campaign.corrected_frames import keep_alone, keep_picture, places, rate
from campaign.correction import correction_mistakes, said_of_question, say_correction
from campaign.errors import CampaignError, JournalError
from campaign.events import Asked, AttemptStarted, Corrected, Observed
from campaign.fold import fold, fold_all
from campaign.journal import Journal
from campaign.narrate import in_words
from tests.campaign.paper_bench import PATIENCE_S, Watch, journaled, of
from tests.campaign.test_fold import DOSED, IN_WORK, LOOKED, OBSERVED, OPENED, STEPS
from tests.vision.scenes import RED, Scene, render
from vision.picture import ImageError
from vision.score import Truth
from vision.words import STATES

SCENE = Scene(absorbance=RED)
IMAGE = render(SCENE)
BOX = SCENE.view.box_px
SEEN = Corrected(1, "A1", BOX, "liquid", SCENE.surface_row)


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    monkeypatch.setattr("campaign.opening.campaigns_folder", lambda: tmp_path / "own" / "campaigns")
    return tmp_path / "own"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"box_px": BOX[:3]}, "four numbers"),
        ({"box_px": (float("nan"), *BOX[1:])}, "four numbers"),
        ({"surface_row": float("inf")}, "every row one"),
        ({"box_px": (10.0, 10.0, 12.0, 400.0)}, "smaller than 8 pixels"),
        ({"surface_row": 1.0}, "row 1 is outside the box"),
        ({"surface_row": None}, "liquid needs surface"),
        ({"state": "empty"}, "empty has no surface"),
        ({"state": "odd"}, "'odd' is no state"),
        ({"boundary_rows": (SCENE.surface_row + 9,)}, "liquid has no boundary"),
        ({"state": "two_phase", "boundary_rows": (SCENE.surface_row - 9,)}, "lies above the surface"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(changes, says):
    assert correction_mistakes(SEEN) == ()
    wrong = replace(SEEN, **changes)
    assert says in "; ".join(correction_mistakes(wrong))
    with pytest.raises(JournalError, match="a correction that cannot be"):
        fold_all((*IN_WORK, wrong))


rows = st.one_of(st.floats(), st.floats(0, 500), st.sampled_from([0.0, 100.0, 250.0, 400.0]))


@given(
    st.builds(
        Corrected, st.none(), st.none(),
        st.just((0.0, 0.0, 90.0, 400.0)) | st.lists(rows, min_size=3, max_size=5).map(tuple),
        st.sampled_from([*STATES, "odd"]), st.none() | rows, st.lists(rows, max_size=3).map(tuple),
    )
)  # fmt: skip
def test_whatever_is_said_what_is_kept_can_be_scored(event):
    if not correction_mistakes(event):
        band = None if event.surface_row is None else (event.surface_row, event.surface_row)
        truth = Truth("a.png", 0, event.box_px, event.state, band, event.boundary_rows)
        assert truth.height_px >= 8.0
        assert fold_all((OPENED, decode(encode(event)))) is not None


class TestFold:
    def test_no_value_follows_it(self):
        done = fold_all((*IN_WORK, *DOSED, *LOOKED, OBSERVED))
        after = fold(done, replace(SEEN, volume_ul=3100.0))
        assert replace(after.experiments[0], corrected=None) == done.experiments[0]
        assert after.experiments[0].corrected["volume_ul"] == 3100.0

    def test_what_comes_after_in_the_vial_ends_it(self):
        seen = fold_all((*IN_WORK, SEEN))
        assert seen.experiments[0].corrected["state"] == "liquid"
        assert fold(fold(seen, DOSED[0]), DOSED[1]).experiments[0].corrected is None
        assert fold(seen, AttemptStarted(1, 2, "A2", STEPS)).experiments[0].corrected is None

    def test_outside_of_an_experiment_it_only_stands_in_the_journal(self):
        state = fold_all((OPENED, replace(SEEN, experiment=None)))
        assert (state.experiments, state.events) == ((), 2)
        with pytest.raises(JournalError, match="there is no experiment 1"):
            fold_all((OPENED, SEEN))

    def test_an_open_question_is_not_answered_by_it(self):
        asked = Asked(1, "100 µL were dosed and 60 µL are seen.", ("go on",))
        state = fold_all((*IN_WORK, asked))
        assert said_of_question(state) == ""
        state = fold(state, replace(SEEN, volume_ul=99.6))
        assert state.question == asked
        said = said_of_question(state)
        assert said == (
            "By your correction it is liquid, 100 µL. What was measured stays as it is; the answer is yours."
        )


def test_in_words():
    event = replace(
        SEEN, slot="B4", surface_row=220.4, volume_ul=3100.2, eye={"state": "two_phase", "surface_y": 250}
    )
    said = "vial B4: liquid, surface at row 220, 3100 µL; the eye said two phases, row 250"
    assert say_correction(event) == said
    told = in_words(fold_all((OPENED,)), event)
    assert told == f"     corrected by a person: {said}. What was measured stays as it is"
    empty = Corrected(None, None, BOX, "no_vial", None)
    assert say_correction(empty) == "the vial: no vial; the eye said nothing"


def test_the_picture_and_what_the_eye_said_of_it(tmp_path):
    kept = keep_picture(SEEN, IMAGE, SCENE.view, tmp_path)
    assert np.array_equal(cv2.imread(str(tmp_path / kept.image)), IMAGE)
    assert kept.eye["state"] == "liquid"
    assert kept.eye["surface_y"] == pytest.approx(SCENE.surface_row, abs=3)
    expected = SCENE.view.volume(SCENE.view.level_mm(SCENE.surface_row), 0.0)
    assert kept.volume_ul == pytest.approx(expected[0], abs=0.1)
    assert decode(encode(kept)) == kept
    x0, y0, x1, y1 = BOX
    beside = replace(SEEN, box_px=(x0 + 300, y0, x1 + 300, y1))
    assert keep_picture(beside, IMAGE, SCENE.view, tmp_path).eye is None


class TestCampaign:
    @pytest.fixture
    def over(self, opened):
        campaign = opened()
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        return campaign

    def test_it_is_in_the_journal_and_the_model_is_not_told(self, over, tmp_path):
        watch = Watch(over)
        before = [e.value for e in over.state.experiments]
        kept = keep_picture(replace(SEEN, experiment=2), IMAGE, SCENE.view, tmp_path)
        over.correct(kept)
        watch.heard(Corrected)
        assert of(journaled(tmp_path), Corrected) == [kept]
        assert [e.value for e in over.state.experiments] == before
        assert len(of(journaled(tmp_path), Observed)) == len(before)
        over.close()
        with Journal.open(tmp_path / "journal.sqlite", readonly=True) as journal:
            assert journal.verify() is None
            assert journal.check_images() == ()
            (tmp_path / kept.image).write_bytes(b"another")
            assert "is not the picture that was taken" in journal.check_images()[0]

    def test_a_wrong_one_is_refused_with_a_sentence(self, over):
        with pytest.raises(CampaignError, match="liquid needs surface"):
            over.correct(replace(SEEN, surface_row=None))
        with pytest.raises(CampaignError, match="there is no experiment 9"):
            over.correct(replace(SEEN, experiment=9))


class TestRate:
    def test_a_journal_and_the_lines_of_no_campaign(self, own, tmp_path):
        with Journal.create(tmp_path / "journal.sqlite") as journal:
            wrong = keep_picture(replace(SEEN, surface_row=BOX[1] + 20), IMAGE, SCENE.view, tmp_path)
            right = keep_picture(SEEN, IMAGE, SCENE.view, tmp_path)
            journal.append(*IN_WORK, wrong, right)
        keep_alone(replace(SEEN, experiment=None, slot=None), IMAGE, SCENE.view)
        rated = rate(places(tmp_path))
        found = rated.camera.score
        assert (rated.damage, len(rated.camera.readings), found.vessels) == ((), 1, 1)  # the newest word counts
        assert found.within_percent(2.0) == 100.0
        assert found.state_right == 1
        assert len(rate(places(own)).camera.readings) == 1
        assert len(rate(corrected_frames.everything()).camera.readings) == 1
        json.dumps(found.to_json(), allow_nan=False)

    def test_the_virtual_bench_is_rated_apart(self, own):
        keep_alone(SEEN, IMAGE, SCENE.view)
        other = replace(SEEN, simulated=True, surface_row=BOX[1] + 20)
        keep_alone(other, np.ascontiguousarray(IMAGE // 2 * 2), SCENE.view)
        rated = rate(places(own))
        assert [part.score.within_percent(2.0) for part in (rated.camera, rated.bench)] == [100.0, 0.0]

    def test_damage_is_told_and_hides_nothing(self, own):
        whole = keep_alone(SEEN, IMAGE, SCENE.view)
        lines = own / "corrections.jsonl"
        text = lines.read_text()
        lost, escaped = text.replace(whole.image, "corrections/lost.png"), text.replace(whole.image, "../x.png")
        changed = text.replace(whole.image_sha256, "00")
        odd = encode(replace(whole, surface_row=1.0)) + "\n"
        observed = encode(OBSERVED) + "\n"
        lines.write_bytes(b"\xff\xfe\n" + (lost + escaped + odd + observed + changed + text + text[:50]).encode())
        again = keep_alone(SEEN, IMAGE, SCENE.view)  # after a line that a crash cut off
        assert again == whole
        rated = rate([lines])
        assert rated.camera.score.vessels == 1
        told = "\n".join(rated.damage)
        for says in (
            "line 1 is no text", "lost.png", "line 3: its picture '../x.png' is not beside it",
            "line 4: row 1 is outside the box", "line 5 is no correction: observed", "line 8 is not readable",
        ):  # fmt: skip
            assert says in told
        assert len(rated.damage) == 6

    def test_a_picture_that_was_changed_is_no_evidence(self, own):
        kept = keep_alone(SEEN, IMAGE, SCENE.view)
        (own / kept.image).write_bytes(cv2.imencode(".png", IMAGE[::-1])[1].tobytes())
        rated = rate(places(own))
        assert rated.camera.score.vessels == 0
        assert "is not the picture that was corrected" in rated.damage[0]

    def test_a_damaged_journal_is_told(self, tmp_path):
        (tmp_path / "journal.sqlite").write_bytes(b"no database at all" * 99)
        assert "no journal of Aliquot" in rate(places(tmp_path)).damage[0]
        with pytest.raises(FileNotFoundError, match="holds no corrections"):
            places(tmp_path / "nowhere")

    def test_a_wrong_correction_is_not_kept(self, own):
        with pytest.raises(ImageError, match="liquid needs surface"):
            keep_alone(replace(SEEN, surface_row=None), IMAGE, None)
        assert not own.exists()


def test_the_command(own, capsys):
    assert aliquot.main(["look", "--score"]) == 0
    assert "No corrected pictures yet" in capsys.readouterr().out
    keep_alone(SEEN, IMAGE, SCENE.view)
    assert aliquot.main(["look", "--score"]) == 0
    told = capsys.readouterr().out
    assert "The eye of today on 1 corrected picture, of the camera:" in told
    assert "of the virtual bench" not in told
    assert "State: 1 of 1 vessel called rightly." in told
    assert aliquot.main(["look", "--score", str(own), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    camera = record["camera"]
    assert (camera["pictures"], camera["within_2_percent"], record["damage"]) == (1, 100.0, [])
    assert record["virtual_bench"]["pictures"] == 0
    with (own / "corrections.jsonl").open("a") as lines:
        lines.write("{\n")
    assert aliquot.main(["look", "--score", str(own / "corrections.jsonl")]) == 1
    assert "line 2 is not readable" in capsys.readouterr().err
    assert aliquot.main(["look"]) == 2
    assert "which picture?" in capsys.readouterr().err
