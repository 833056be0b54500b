"""One vial, read from scenes whose contents are known."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.vision.scenes import BLUE, RED, YELLOW, Scene, render
from vision.calibration import VialView
from vision.colour import delta_e00
from vision.reader import read_frame, read_vial
from vision.reading import Doubt

LEVEL_MM = 0.3


def random_scene(rng: np.random.Generator, **fixed: object) -> Scene:
    dyes = rng.dirichlet([1, 1, 1]) @ np.array([RED, YELLOW, BLUE]) * rng.uniform(0.05, 1.2)
    lamp = rng.uniform(0.4, 0.9) * rng.uniform(0.85, 1, 3)
    free: dict[str, object] = {
        "seed": int(rng.integers(1 << 30)),
        "volume_ul": rng.uniform(200, 6500),
        "absorbance": tuple(float(a) for a in dyes),
        "lamp_bgr": tuple(float(v) for v in lamp),
        "uneven": rng.uniform(0, 0.15),
        "noise": rng.uniform(0.4, 2.5),
        "blur_px": rng.uniform(0.4, 1.3),
        "drops": int(rng.integers(0, 8)),
    }
    return Scene(**(free | fixed))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", range(30))
def test_dyed_and_clear_liquids(number: int) -> None:
    rng = np.random.default_rng(number)
    scene = random_scene(rng, **({"absorbance": (0.0, 0.0, 0.0)} if number % 3 == 0 else {}))
    reading = read_vial(render(scene), scene.view)
    assert reading.state == "liquid"
    assert reading.present is True
    assert reading.level_mm == pytest.approx(scene.level_mm, abs=LEVEL_MM)
    assert reading.volume_ul == pytest.approx(scene.volume_ul, abs=LEVEL_MM * scene.view.ul_per_mm)
    assert reading.lab is not None
    assert reading.level_sd_mm is not None
    assert 0 < reading.level_sd_mm < 0.5
    assert 0 < reading.confidence <= 1


@pytest.mark.parametrize("number", range(15))
def test_an_empty_vial_is_never_liquid(number: int) -> None:
    scene = random_scene(np.random.default_rng(1000 + number), volume_ul=0.0)
    reading = read_vial(render(scene), scene.view)
    assert (reading.state, reading.volume_ul, reading.surface_row) == ("empty", 0.0, None)


@pytest.mark.parametrize("number", range(10))
def test_no_vial_between_neighbours(number: int) -> None:
    scene = random_scene(np.random.default_rng(2000 + number), vial=False)
    reading = read_vial(render(scene), scene.view)
    assert (reading.state, reading.present, reading.volume_ul) == ("no_vial", False, None)
    assert Doubt.NO_VIAL in reading.doubt


def test_clear_water_over_a_dye_is_two_phase_and_its_own_surface_is_found() -> None:
    scene = Scene(volume_ul=2000, lower_ul=1500, lower_absorbance=BLUE)
    reading = read_vial(render(scene), scene.view)
    assert reading.state == "two_phase"
    assert reading.level_mm == pytest.approx(scene.level_mm, abs=LEVEL_MM)
    upper, lower = reading.layers
    assert lower.top_row == pytest.approx(430 - 1500 / scene.view.ul_per_mm * 8, abs=4)
    assert delta_e00(upper.lab, (100, 0, 0)) < 2
    assert reading.lab is None


def test_colour_follows_beer_lambert_whatever_the_lamp() -> None:
    expected = None
    for lamp in ((0.85, 0.85, 0.85), (0.5, 0.65, 0.8), (0.4, 0.4, 0.4)):
        scene = Scene(absorbance=RED, lamp_bgr=lamp)
        lab = read_vial(render(scene), scene.view).lab
        assert lab is not None
        expected = expected or lab
        assert delta_e00(lab, expected) < 0.7


def test_colour_repeats() -> None:
    labs = [read_vial(render(replace(Scene(absorbance=YELLOW), seed=s)), Scene().view).lab for s in range(6)]
    assert max(delta_e00(lab, labs[0]) for lab in labs if lab) < 0.5


def test_expectation_does_not_move_a_surface_that_is_seen() -> None:
    scene = Scene(absorbance=RED)
    image = render(scene)
    seen = read_vial(image, scene.view)
    assert read_vial(image, scene.view, expected_ul=6000.0).surface_row == seen.surface_row


def test_an_empty_reference_takes_the_glass_away() -> None:
    scene = Scene()
    empty = render(replace(scene, volume_ul=0.0, seed=9))
    reading = read_vial(render(scene), scene.view, empty=empty)
    assert reading.level_mm == pytest.approx(scene.level_mm, abs=LEVEL_MM)
    assert read_vial(render(replace(scene, volume_ul=0.0)), scene.view, empty=empty).state == "empty"


def test_black_and_burnt_frames_are_refused() -> None:
    view = Scene().view
    black = read_vial(np.zeros((480, 640, 3), np.uint8), view)
    assert (black.state, black.doubt) == ("unknown", Doubt.DARK)
    burnt = read_vial(np.full((480, 640, 3), 255, np.uint8), view)
    assert (burnt.state, burnt.doubt) == ("unknown", Doubt.SATURATED)


def test_a_box_that_is_not_in_the_picture_is_unknown() -> None:
    image, view = render(Scene()), Scene().view
    for box in ((600.0, 10.0, 800.0, 400.0), (float("nan"), 0.0, 10.0, 10.0), (300.0, 300.0, 200.0, 100.0)):
        reading = read_vial(image, replace(view, box_px=box))
        assert reading.state == "unknown"
        assert Doubt.OUT_OF_FRAME in reading.doubt
    assert read_vial(image, replace(view, white_px=(700.0, 0.0, 720.0, 40.0))).state == "unknown"


def test_a_frame_is_read_as_its_vials_one_by_one() -> None:
    scene = Scene(absorbance=RED)
    image, view = render(scene), scene.view
    away = replace(view, box_px=(2000.0, 0.0, 2100.0, 300.0))
    first, second = read_frame(image, [view, away], expected_ul=[3000.0, None])
    assert first == read_vial(image, view, expected_ul=3000.0)
    assert second.state == "unknown"
    with pytest.raises(ValueError, match="one for each"):
        read_frame(image, [view], expected_ul=[])


def test_bottom_fill_and_cap_are_told() -> None:
    scene = Scene(absorbance=RED)
    reading = read_vial(render(scene), scene.view)
    assert reading.bottom_row == scene.base_row
    assert reading.fill == pytest.approx(scene.level_mm / (scene.height_mm - 1), abs=0.02)
    assert reading.cap is False
    capped = render(scene)
    x0, y0, x1, _ = (round(edge) for edge in scene.view.box_px)
    capped[y0 : y0 + 60, x0 + 4 : x1 - 4] = (40, 90, 30)
    reading = read_vial(capped, scene.view)
    assert (reading.state, reading.cap) == ("liquid", True)
    assert read_vial(render(replace(scene, volume_ul=0.0)), scene.view).fill == 0.0


def test_without_a_patch_the_panel_beside_the_vial_is_white() -> None:
    scene = Scene(absorbance=RED)
    image = render(scene)
    told, found = read_vial(image, scene.view), read_vial(image, replace(scene.view, white_px=None))
    assert found.state == "liquid"
    assert found.surface_row == pytest.approx(told.surface_row, abs=0.2)
    assert told.lab is not None
    assert found.lab is not None
    assert delta_e00(told.lab, found.lab) < 1


def test_other_arrays_are_a_clear_error() -> None:
    with pytest.raises(ValueError, match="uint8 BGR"):
        read_vial(np.zeros((10, 10), np.uint8), Scene().view)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)
boxes = st.tuples(*[st.one_of(st.floats(-20, 60), numbers)] * 4)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(
    image=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=48).map(lambda s: (*s, 3))),
    box=boxes,
    white=st.one_of(st.none(), boxes),
    base=st.one_of(st.floats(-5, 50), numbers),
    scale=st.one_of(st.floats(0.1, 20), numbers),
    bore=st.one_of(st.floats(0.1, 20), numbers),
    expected=st.one_of(st.none(), numbers),
)
def test_nothing_crashes_it(
    image: np.ndarray,
    box: tuple[float, float, float, float],
    white: tuple[float, float, float, float] | None,
    base: float,
    scale: float,
    bore: float,
    expected: float | None,
) -> None:
    before = image.copy()
    reading = read_vial(image, VialView(box, base, scale, bore, 1000.0, white), expected_ul=expected)
    assert 0 <= reading.confidence <= 1
    assert np.array_equal(image, before)
    for value in (reading.level_mm, reading.volume_ul, reading.surface_row, reading.clarity, *(reading.lab or ())):
        assert value is None or np.isfinite(value)


@pytest.mark.benchmark
def test_one_vial_costs_less_than_three_canny_passes_over_the_frame() -> None:
    scene = Scene(absorbance=RED)
    image, ours, plain = render(scene), [], []
    for _ in range(40):
        start = time.process_time()
        read_vial(image, scene.view)
        middle = time.process_time()
        cv2.Canny(image, 50, 150)
        ours.append(middle - start)
        plain.append(time.process_time() - middle)
    assert np.median(ours) < 3 * np.median(plain)
