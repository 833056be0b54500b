"""Colour charts under random lamps and cameras that the correction knows nothing of."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tests.vision.chart_scenes import Camera, chart_light, draw_chart_scene, random_camera, seen_by
from vision.chart import correction_from_chart, correction_from_grey, correction_of, find_chart
from vision.chart_reference import GREYS, LAB_D50, reference_rgb
from vision.colour import delta_e00_array, linear, linear_rgb_to_lab
from vision.correction import ChartError, Correction, load_correction

Image = npt.NDArray[np.uint8]
TRUE_LAB = linear_rgb_to_lab(np.maximum(reference_rgb(), 0))


def as_corners(points: npt.NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in points)


def patch_codes(camera: Camera, light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """8-bit codes (n, 3), RGB, that the scene's camera gives to plain colours where the lamp is even."""
    rng = np.random.default_rng(camera.seed)
    _spend(camera, rng)
    return 255 * seen_by(camera, light, rng)


def _spend(camera: Camera, rng: np.random.Generator) -> None:
    """Draw what the scene draws before it comes to the camera."""
    rng.uniform(0.2, 0.6)
    if camera.clutter:
        raise ValueError("only for scenes without clutter")
    rng.uniform(-1, 1, (4, 2))
    rng.uniform(0, 2 * np.pi)


@pytest.mark.parametrize("seed", range(12))
def test_colours_after_the_correction(seed: int) -> None:
    camera = replace(random_camera(seed), clutter=False, uneven=0.0)
    image, _ = draw_chart_scene(camera)
    made = correction_from_chart(image)
    others = np.random.default_rng(seed).uniform(0.03, 0.8, (50, 3))  # colours that are on no chart
    codes = np.clip(np.rint(patch_codes(camera, others)), 0, 255).astype(np.uint8)
    true = linear_rgb_to_lab(others)
    after = delta_e00_array(made.lab(linear(codes)), true)
    white = linear(np.clip(patch_codes(camera, np.ones((1, 3))), 0, 255).astype(np.uint8))
    before = delta_e00_array(linear_rgb_to_lab(linear(codes) / white), true)
    assert np.median(after) < min(2.0, np.median(before))
    assert made.mean_de00 is not None
    assert made.mean_de00 < 1.5


@pytest.mark.parametrize("seed", range(6))
def test_a_chart_among_other_things(seed: int) -> None:
    camera = replace(random_camera(100 + seed), turn=[0.1, np.pi, np.pi / 2, -np.pi / 2, 0.6, 2.6][seed])
    image, corners = draw_chart_scene(replace(camera, scale=0.5))
    found = np.array(find_chart(image))
    nearest = np.linalg.norm(found[:, None] - corners[None], axis=2).min(axis=1)
    assert nearest.max() < 10  # of patches about 60 px wide
    assert correction_from_chart(image).mean_de00 < 1.5


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_corners_that_begin_elsewhere_are_turned(turn: int) -> None:
    image, corners = draw_chart_scene(Camera(seed=3))
    upright = correction_from_chart(image, as_corners(corners))
    turned = correction_from_chart(image, as_corners(np.roll(corners, turn, axis=0)))
    np.testing.assert_allclose(turned.matrix, upright.matrix, atol=0.02)


def test_a_large_picture_of_a_chart() -> None:
    image, corners = draw_chart_scene(Camera(seed=3))
    large = cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    found = np.array(find_chart(large))
    nearest = np.linalg.norm(found[:, None] - ((corners + 0.5) * 5 - 0.5)[None], axis=2).min(axis=1)
    assert nearest.max() < 50  # of patches about 300 px wide


def test_shade_across_the_chart_is_taken_out() -> None:
    image, corners = draw_chart_scene(Camera(seed=4, uneven=0.25))
    assert correction_from_chart(image, as_corners(corners)).mean_de00 < 1.5


def test_clipped_patches_are_left_out() -> None:
    image, corners = draw_chart_scene(Camera(seed=5, gains=(1.15, 1.1, 1.0), uneven=0.0))
    made = correction_from_chart(image, as_corners(corners))
    assert "white" in made.left_out
    assert made.mean_de00 < 1.5


REFUSED = {
    "no chart found": (Camera(scale=0.03), False),
    "overexposed": (Camera(gains=(4.0, 4.0, 4.0)), True),
    "too dark": (Camera(gains=(0.03, 0.03, 0.03)), True),
    "too unevenly": (Camera(uneven=0.6, gains=(0.5, 0.5, 0.5), scale=0.9, tilt=0.0), True),
    "mirrored": (Camera(mirrored=True), True),
    "do not fit|not the 24-patch": (Camera(covered=(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15)), True),
}


@pytest.mark.parametrize("says", REFUSED)
def test_bad_charts_are_refused_with_their_reason(says: str) -> None:
    camera, given = REFUSED[says]
    image, corners = draw_chart_scene(camera)
    with pytest.raises(ChartError, match=says):
        correction_from_chart(image, as_corners(corners) if given else None)


@pytest.mark.parametrize("image", [np.zeros((480, 640, 3), np.uint8), np.full((12, 9, 3), 200, np.uint8)])
def test_pictures_without_a_chart(image: Image) -> None:
    with pytest.raises(ChartError, match="no chart found"):
        correction_from_chart(image)


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        (((0, 0), (9, 0), (9, 9)), "four corners"),
        (((0, 0), (50, 50), (50, 0), (0, 50)), "once round"),
        (((0, 0), (9, 0), (9, 6), (0, 6)), "move nearer"),
        (((-5, 0), (50, 0), (50, 50), (0, 50)), "not wholly"),
        (((0, 0), (float("nan"), 0), (50, 50), (0, 50)), "four corners"),
    ],
)
def test_corners_that_hold_no_chart(corners: tuple[tuple[float, float], ...], says: str) -> None:
    with pytest.raises(ChartError, match=says):
        correction_from_chart(np.full((100, 100, 3), 90, np.uint8), corners)


def test_corners_that_lie_beside_the_chart() -> None:
    image, corners = draw_chart_scene(Camera(seed=3))
    with pytest.raises(ChartError, match="corners elsewhere"):
        correction_from_chart(image, as_corners(corners + 40))


def test_reference_agrees_with_the_edition_before() -> None:
    before = cv2.ccm.ColorCorrectionModel(np.full((24, 1, 3), 0.5), cv2.ccm.COLORCHECKER_MACBETH)
    before.setColorSpace(cv2.ccm.COLOR_SPACE_SRGB)
    before.setCcmType(cv2.ccm.CCM_LINEAR)
    before.compute()
    published = linear_rgb_to_lab(np.maximum(before.getRefLinearRGB().reshape(24, 3), 0))
    apart = delta_e00_array(TRUE_LAB, published)
    assert np.median(apart) < 1.2
    assert apart.max() < 4
    assert np.hypot(*TRUE_LAB[GREYS, 1:].T).max() < 3.3  # the greys stay grey under Bradford
    np.testing.assert_allclose(TRUE_LAB[GREYS, 0], LAB_D50[GREYS, 0], atol=0.2)


def test_a_grey_patch_balances_white() -> None:
    image = np.full((40, 60, 3), (90, 120, 150), np.uint8)
    made = correction_from_grey(image, (5, 5, 30, 30), reflectance=0.18)
    assert made.mean_de00 is None
    assert np.ptp(made.corrected(image)[20, 20].astype(int)) <= 1
    np.testing.assert_allclose(made.light(linear(image[0, 0, ::-1])), 0.18, atol=1e-4)
    for bad, says in (((70, 0, 80, 9), "no box"), ((0, 0, 0, 0), "no box")):
        with pytest.raises(ChartError, match=says):
            correction_from_grey(image, bad)
    with pytest.raises(ChartError, match="overexposed"):
        correction_from_grey(np.full_like(image, 255), (0, 0, 9, 9))
    with pytest.raises(ChartError, match="too dark"):
        correction_from_grey(np.zeros_like(image), (0, 0, 9, 9))
    with pytest.raises(ChartError, match="reflects"):
        correction_from_grey(image, (0, 0, 9, 9), reflectance=0)


@pytest.mark.parametrize("columns", [3, 6])
def test_a_picture_is_corrected_as_its_patches_are(columns: int) -> None:
    rng = np.random.default_rng(columns)
    matrix = np.eye(3, columns) + rng.uniform(-0.1, 0.1, (3, columns))
    made = Correction(tuple(float(v) for v in matrix.reshape(-1)), power=1.1)
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    light = np.clip(made.light(linear(image[..., ::-1])), 0, 1)
    codes = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(made.corrected(image)[..., ::-1] - codes).max() < 1


def test_a_correction_is_saved_and_loaded(tmp_path: Path) -> None:
    image, _ = draw_chart_scene(Camera(seed=6))
    made = correction_from_chart(image)
    made.save(tmp_path / "camera.json")
    assert load_correction(tmp_path / "camera.json") == made


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "a rig"}, "no colour correction"),
        ({"matrix": [1, 2, 3]}, "9 or 18"),
        ({"matrix": [1, 0, 0, 0, 1, 0, 0, 0, float("nan")]}, "no number"),
        ({"matrix": [1.0] * 9}, "all colours one"),
        ({"matrix": "123456789"}, "lists"),
        ({"matrix": [10**400, 0, 0, 0, 1, 0, 0, 0, 1]}, "no number"),
        ({"matrix": [True, 0, 0, 0, 1, 0, 0, 0, 1]}, "no number"),
        ({"left_out": 7}, "lists"),
        ({"power": 9}, "power"),
        ({"power": None}, "no number"),
        ({"mean_de00": "good"}, "no number"),
    ],
)
def test_saved_corrections_that_are_none(change: dict[str, object], says: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    Correction((1.0, 0, 0, 0, 1, 0, 0, 0, 1)).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ChartError, match=says):
        load_correction(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read as a colour correction; save it anew"),
        ("[" * 100_000, "cannot be read"),
        ("{" + "1" * 5000, "cannot be read"),
        ('{"kind": ' + "1" * 5000 + "}", "cannot be read"),
        ("[" + "1," * 100_000 + "1]", "no colour correction"),
        ("[1, 2]", "no colour correction"),
        ('{"kind": "aliquot colour correction"}', "matrix is missing"),
        ('{"kind": "aliquot colour correction", "matrx": []}', "is 'matrx' meant for it"),
    ],
)
def test_files_that_are_no_correction(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_text(text)
    with pytest.raises(ChartError, match=says):
        correction_of(path)
    with pytest.raises(ChartError, match="cannot be read"):
        load_correction(tmp_path / "nowhere.json")


def test_a_saved_correction_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    made = Correction((1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    made.save(tmp_path / "camera.txt")
    assert correction_of(tmp_path / "camera.txt") == made


def test_the_flat_chart_is_what_the_reference_says() -> None:
    codes = np.clip(
        np.rint(255 * seen_by(Camera(mixing=0, gains=(1, 1, 1)), chart_light(), np.random.default_rng(0))), 0, 255
    )
    flat = cv2.copyMakeBorder(
        codes[..., ::-1].astype(np.uint8), 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(150, 150, 150)
    )
    made = correction_from_chart(flat)
    np.testing.assert_allclose(np.array(made.matrix[:9]).reshape(3, -1)[:, :3], np.eye(3), atol=0.05)
