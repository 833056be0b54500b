"""What the rendered pictures show must follow from what stands before the camera."""

from dataclasses import replace

import numpy as np
import pytest

from hardware.virtual.optics.cylinder import seen_through, trace
from hardware.virtual.optics.picture import render
from hardware.virtual.optics.random_case import random_case, random_scene
from hardware.virtual.optics.specimen import Backdrop, Cap, Lens, Pattern, Phase, Setting, Specimen
from hardware.virtual.optics.truth import truth_of

QUIET = Lens(noise=0.0, jpeg=0, blur_px=0.4, vignette=0.0)
STILL = Setting(lens=QUIET)


def filled(mm: float, **how: object) -> Specimen:
    return Specimen(phases=(Phase(mm, {"blue": 1.0, "water": 9.0}),), **how)


def column(specimen: Specimen, setting: Setting = STILL) -> np.ndarray:
    """Red light down the axis, rows from the top."""
    truth = truth_of(specimen, setting, None)
    middle = round((truth.box_px[0] + truth.box_px[2]) / 2)
    return render(specimen, setting)[:, middle - 3 : middle + 4, 2].astype(float).mean(axis=1)


def test_a_seed_draws_the_same_picture_twice_and_another_seed_another():
    (first, truth), (again, same), (other, _) = random_case(3), random_case(3), random_case(4)
    assert np.array_equal(first, again)
    assert truth == same
    assert not np.array_equal(first, other)
    assert first.shape == (480, 640, 3)
    assert first.dtype == np.uint8


@pytest.mark.parametrize("height_mm", [6.0, 15.0, 27.0])
def test_the_surface_is_seen_where_the_truth_says_it_is(height_mm):
    specimen = filled(height_mm)
    level = Setting(lens=replace(QUIET, height_mm=height_mm))  # so that its near and far edge are one line
    truth = truth_of(specimen, level, None)
    seen = column(specimen, level)
    row = round(truth.surface_row)
    assert seen[row - 12 : row - 6].mean() - seen[row + 12 : row + 20].mean() > 20
    assert np.argmax(-np.diff(seen[row - 10 : row + 11])) == pytest.approx(10, abs=3)
    assert truth.volume_ul == pytest.approx(specimen.vessel.ul_per_mm * height_mm)


def test_more_liquid_stands_higher_in_proportion():
    rows = [truth_of(filled(mm), STILL, None).surface_row for mm in (10.0, 20.0, 30.0)]
    truth = truth_of(filled(10.0), STILL, None)
    assert rows[0] - rows[1] == pytest.approx(rows[1] - rows[2])
    assert (truth.base_row - rows[0]) / truth.px_per_mm == pytest.approx(10.0)


def test_liquid_shows_what_is_behind_it_with_left_and_right_exchanged_and_air_does_not():
    place = np.array([-0.3, 0.3], np.float32)
    for inside, sign in ((1.0, 1), (1.333, -1)):
        turn, _, _ = trace(0.12, 1.5, inside).at(place)
        x = seen_through(np.asarray(place * 8.5), turn, 60.0)
        assert np.all(np.sign(x) == sign * np.sign(place)), inside


def test_a_dark_right_half_of_the_panel_is_seen_on_the_left_through_the_liquid():
    half_dark = Setting(lens=QUIET, backdrop=Backdrop(right_mm=0.0, room=(0.01, 0.01, 0.01)))
    clear = Specimen(phases=(Phase(18.0),))
    image = render(clear, half_dark)[..., 1].astype(float)
    truth = truth_of(clear, half_dark, None)
    middle = round((truth.box_px[0] + truth.box_px[2]) / 2)
    for row, brighter_left in ((round(truth.surface_row) - 60, True), (round(truth.surface_row) + 60, False)):
        left, right = image[row, middle - 30 : middle - 10].mean(), image[row, middle + 10 : middle + 30].mean()
        assert bool(left > right + 40) is brighter_left
        assert bool(right > left + 40) is not brighter_left


@pytest.mark.parametrize(("eye_mm", "lower"), [(60.0, True), (-25.0, False)])
def test_the_far_edge_of_the_surface_is_above_the_near_one_when_seen_from_above_and_below_it_from_below(
    eye_mm, lower
):
    lens = replace(QUIET, height_mm=eye_mm, distance_mm=200.0)
    setting = Setting(lens=lens)
    specimen = filled(18.0, meniscus_mm=0.3)
    truth = truth_of(specimen, setting, None)
    axis = lens.foot_row - 18.0 * lens.px_per_mm
    assert (truth.surface_row > axis) is lower
    seen = column(specimen, setting)
    far = round(2 * axis - truth.surface_row)
    beyond = seen[far - 12 : far - 4].mean() if lower else seen[far + 6 : far + 12].mean()
    between = seen[min(far, round(truth.surface_row)) + 6 : max(far, round(truth.surface_row)) - 5]
    assert len(between) > 3
    assert abs(float(np.median(between)) - beyond) < 60


def test_cloudy_liquid_hides_the_pattern_behind_it():
    def contrast(scatter: float) -> float:
        setting = Setting(lens=QUIET, backdrop=Backdrop(pattern=Pattern(pitch_mm=2.0)))
        specimen = Specimen(phases=(Phase(25.0, scatter_per_mm=scatter),))
        truth = truth_of(specimen, setting, None)
        row, middle = round(truth.surface_row) + 60, round((truth.box_px[0] + truth.box_px[2]) / 2)
        strip = (
            render(specimen, setting)[row - 5 : row + 6, middle - 30 : middle + 31, 1].astype(float).mean(axis=0)
        )
        return float(np.ptp(strip))

    assert contrast(0.0) > 2 * contrast(0.02) > 4 * contrast(0.2)


def test_truth_tells_states_layers_and_caps_apart():
    water, bed = Phase(8.0), Phase(4.0, solid=True)
    states = {
        "no_vial": Specimen(present=False),
        "empty": Specimen(),
        "liquid": Specimen(phases=(water,)),
        "two_phase": Specimen(phases=(Phase(5.0, index=1.4), water)),
        "liquid+solid": Specimen(phases=(bed, water), cap=Cap()),
        "solid": Specimen(phases=(bed,)),
    }
    for state, specimen in states.items():
        truth = truth_of(specimen, STILL, None)
        assert truth.state == state
        assert (truth.surface_row is not None) == (state in ("liquid", "two_phase", "liquid+solid"))
        assert len(truth.boundary_rows) == (1 if state in ("two_phase", "liquid+solid", "solid") else 0)
        assert truth.cap is (state == "liquid+solid")


def test_clear_water_is_white_and_stronger_dye_is_darker():
    def lightness(*parts: float) -> float:
        phase = Phase(10.0, {"blue": parts[0], "water": 1.0})
        return truth_of(Specimen(phases=(phase,)), STILL, None).phases[0].lab[0]

    assert lightness(0.0) == pytest.approx(100.0, abs=0.1)
    assert lightness(0.0) > lightness(0.05) > lightness(0.3) > lightness(1.0)


def test_random_scenes_keep_the_promised_shares_and_stay_in_the_picture():
    truths = [random_scene(seed)[2] for seed in range(600)]
    share = {
        state: np.mean([t.state == state for t in truths]) for state in ("no_vial", "empty", "liquid", "two_phase")
    }
    assert share["no_vial"] == pytest.approx(0.08, abs=0.035)
    assert share["empty"] == pytest.approx(0.17, abs=0.05)
    assert share["liquid"] == pytest.approx(0.50, abs=0.06)
    assert share["two_phase"] == pytest.approx(0.12, abs=0.04)
    assert np.mean([bool(t.hidden) for t in truths]) <= 0.03
    assert np.mean(["dark_field" in t.tags for t in truths]) <= 0.08
    for t in truths:
        x0, y0, x1, y1 = t.box_px
        assert 0 <= x0 < x1 <= 640
        assert 0 <= y0 < t.base_row <= y1 <= 480
        if t.white_px is not None:
            assert 0 <= t.white_px[0] < t.white_px[2] <= 640
        if t.surface_row is not None:
            assert y0 < t.surface_row < t.base_row
