"""Several frames, one reading: order is nothing, one bad frame moves little, and a dose hides nothing."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.fusion import FEWEST, Dosed, fuse
from vision.quality import FrameFacts
from vision.reading import Doubt, State, VialReading

UL_PER_MM = 177.0
FIT = FrameFacts(Doubt.NONE)


def reading(
    level_mm: float | None = 20.0, *, state: State = "liquid", confidence: float = 0.9, doubt: Doubt = Doubt.NONE
) -> VialReading:
    known = level_mm is not None
    return VialReading(
        (0, 0, 100, 400), state, None if state == "unknown" else True,
        400 - 6 * level_mm if known else None, 0.5 if known else None,
        level_mm, 0.1 if known else None,
        UL_PER_MM * level_mm if known else None, UL_PER_MM * 0.1 if known else None,
        (), (50.0, 1.0, 2.0) if known else None, None, doubt, confidence,
    )  # fmt: skip


def unknown() -> VialReading:
    return reading(None, state="unknown", confidence=0.0)


levels = st.floats(19.9, 20.1)
good = st.builds(lambda mm, c: reading(mm, confidence=c), levels, st.floats(0.0, 1.0))
anything = st.one_of(
    st.builds(
        lambda mm, c, s: reading(mm, confidence=c, state=s),
        st.floats(0, 45), st.floats(0, 1), st.sampled_from(["liquid", "two_phase", "liquid+solid"]),
    ),
    st.builds(unknown),
    st.builds(lambda c: reading(0.0, state="empty", confidence=c), st.floats(0, 1)),
)  # fmt: skip
doses = st.one_of(st.none(), st.builds(Dosed, st.floats(0, 8000), st.floats(5, 100)))


@given(st.lists(good, min_size=4, max_size=4), anything, doses, st.integers(0, 4))
def test_one_bad_frame_in_five_moves_the_level_by_no_more_than_half_a_millimetre(frames, bad, dosed, at):
    frames.insert(at, bad)
    fused = fuse(frames, [FIT] * 5, dosed)
    assert fused.reading.state == "liquid"
    assert fused.reading.level_mm == pytest.approx(20.0, abs=0.5)
    assert fused.reading.confidence <= max(0.995, max(f.confidence for f in frames))


@given(st.lists(st.tuples(anything, st.booleans()), min_size=1, max_size=15), doses, st.randoms())
def test_the_order_of_the_frames_is_nothing(frames, dosed, random):
    def told(pairs):
        facts = [FIT if fit else FrameFacts(Doubt.DARK) for _, fit in pairs]
        return fuse([r for r, _ in pairs], facts, dosed, fewest=1)

    shuffled = list(frames)
    random.shuffle(shuffled)
    one, other = told(frames), told(shuffled)
    numbers = ("level_mm", "volume_ul", "surface_row", "confidence", "volume_sd_ul")
    assert (one.reading.state, one.reading.doubt, one.refused) == (
        other.reading.state, other.reading.doubt, other.refused
    )  # fmt: skip
    assert [getattr(one.reading, n) for n in numbers] == [getattr(other.reading, n) for n in numbers]
    assert (one.agreement, one.likely_ul) == (other.agreement, other.likely_ul)


@given(st.lists(anything, min_size=5, max_size=15), doses)
def test_frames_of_one_camera_do_not_make_each_other_sure(frames, dosed):
    fused = fuse(frames, [FIT] * len(frames))
    assert fused.reading.confidence <= max(f.confidence for f in frames)
    if fused.reading.level_sd_mm is not None:
        assert fused.reading.level_sd_mm >= 0.1


@pytest.mark.parametrize("reason", [Doubt.FROZEN, Doubt.DARK, Doubt.SATURATED, Doubt.CAMERA_MOVED, Doubt.EXPOSURE])
def test_refused_frames_are_counted_and_no_evidence(reason):
    frames = [reading(20.0)] * 5 + [reading(40.0)] * 6
    fused = fuse(frames, [FIT] * 5 + [FrameFacts(reason)] * 6)
    assert fused.reading.level_mm == 20.0
    assert fused.refused == {reason.name: 6}
    assert fused.reading.doubt is Doubt.NONE
    assert fused.settled


def test_too_few_fit_frames_are_unknown_with_the_reason():
    fused = fuse(
        [reading()] * 15, [FIT] * (FEWEST - 1) + [FrameFacts(Doubt.FROZEN)] * 10 + [FrameFacts(Doubt.DARK)]
    )
    assert (fused.reading.state, fused.reading.level_mm, fused.reading.lab) == ("unknown", None, None)
    assert fused.reading.doubt == Doubt.FROZEN
    assert fused.refused == {"DARK": 1, "FROZEN": 10}
    assert not fused.settled


def test_frames_that_disagree_are_not_settled_and_less_sure():
    fused = fuse([reading(20.0)] * 3 + [reading(10.0)] * 2, [FIT] * 5)
    assert fused.reading.level_mm == 20.0
    assert not fused.settled
    assert Doubt.AMBIGUOUS in fused.reading.doubt
    assert fused.reading.confidence == pytest.approx(0.9 * 3 / 5)


def test_the_spread_between_frames_is_in_the_deviation():
    near = fuse([reading(20.0 + d) for d in (-0.01, 0, 0, 0, 0.01)], [FIT] * 5).reading
    wide = fuse([reading(20.0 + d) for d in (-0.4, -0.2, 0, 0.2, 0.4)], [FIT] * 5).reading
    assert near.level_sd_mm == pytest.approx(0.1, abs=0.01)
    assert wide.level_sd_mm == pytest.approx(math.hypot(0.1, 0.2 * 1.4826 * 1.2533 / math.sqrt(5)), rel=0.01)
    assert wide.volume_sd_ul == pytest.approx(UL_PER_MM * wide.level_sd_mm, rel=0.01)


def test_what_was_dosed_breaks_a_tie():
    frames = [reading(20.0)] * 3 + [reading(10.0)] * 3
    for mm in (20.0, 10.0):
        assert fuse(frames, [FIT] * 6, Dosed(mm * UL_PER_MM, 40.0)).reading.level_mm == mm


def test_what_was_dosed_sharpens_a_reading_that_agrees_and_leaves_what_is_seen():
    seen_ul = 20.0 * UL_PER_MM
    fused = fuse([reading(20.0)] * 5, [FIT] * 5, Dosed(seen_ul + 30, 20.0))
    assert fused.reading.volume_ul == pytest.approx(seen_ul)
    assert seen_ul < fused.likely_ul < seen_ul + 30
    assert fused.likely_sd_ul < min(20.0, fused.reading.volume_sd_ul)
    assert fused.reading.confidence > 0.9
    assert not fused.surprising


@given(st.floats(100, 3500), st.sampled_from([-1, 1]))
def test_a_disagreement_is_never_hidden(off_ul, sign):
    seen_ul = 20.0 * UL_PER_MM
    fused = fuse([reading(20.0)] * 5, [FIT] * 5, Dosed(seen_ul + sign * off_ul, 20.0))
    assert fused.reading.volume_ul == pytest.approx(seen_ul)
    assert fused.surprising
    assert fused.likely_ul is None
    assert fused.reading.confidence < 0.9


@given(
    st.lists(
        st.builds(
            lambda mm, c: reading(mm, confidence=c), st.sampled_from([math.nan, math.inf, 20.0]), st.floats()
        ),
        min_size=5, max_size=9,
    ),
    doses,
)  # fmt: skip
def test_what_is_no_number_is_no_level_and_makes_nothing_sure(frames, dosed):
    fused = fuse(frames, [FIT] * len(frames), dosed)
    assert fused.reading.level_mm in (None, pytest.approx(20.0))
    assert fused.reading.volume_ul is None or math.isfinite(fused.reading.volume_ul)
    assert 0.0 <= fused.reading.confidence <= 1.0


def test_a_confidence_that_is_no_number_is_none_at_all():
    assert fuse([reading(confidence=math.nan)] * 5, [FIT] * 5).reading.confidence == 0.0


def test_too_few_frames_of_which_none_is_refused_are_unknown_for_no_made_up_reason():
    fused = fuse([reading()] * 3, [FIT] * 3)
    assert (fused.reading.state, fused.reading.doubt, fused.refused) == ("unknown", Doubt.NONE, {})


@pytest.mark.parametrize(
    "dosed", [(math.nan, 20.0), (math.inf, 20.0), (-5.0, 20.0), (100.0, 0.0), (100.0, math.nan)]
)
def test_what_is_no_volume_was_not_dosed(dosed):
    with pytest.raises(ValueError, match="no volume"):
        Dosed(*dosed)


def test_frames_without_facts_are_refused():
    with pytest.raises(ValueError, match="cannot be fused"):
        fuse([], [])
    with pytest.raises(ValueError, match="cannot be fused"):
        fuse([reading()], [])


def test_doubts_of_half_the_frames_count():
    frames = [replace(reading(), doubt=Doubt.GLARE)] * 3 + [reading()] * 2
    assert fuse(frames, [FIT] * 5).reading.doubt == Doubt.GLARE
    assert fuse(frames[2:] + [reading()] * 2, [FIT] * 5).reading.doubt is Doubt.NONE
