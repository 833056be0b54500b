"""Plates from above: one real photograph under many disturbances, and plates that the tests draw."""

import csv
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tests.vision.plate_scenes import DYES, WATER, PlateScene, draw_plate_scene
from vision.colour import delta_e00_array
from vision.picture import load_image
from vision.plate import PlateReading, read_plate, well_name
from vision.plate_grid import PlateError, corners_from_markers, grid_from_corners
from vision.plate_look import draw_plate, plate_lines, plate_to_json
from vision.reading import Doubt

SHARED = Path(__file__).parents[3] / "shared" / "vision"
photograph = pytest.mark.skipif(not (SHARED / "plate.jpg").exists(), reason="the photographs are not here")
Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Contents = dict[tuple[int, int], tuple[int, int, int]]


def read(image: Image, corners: Floats, rows: int = 8, columns: int = 12, **more: object) -> PlateReading:
    return read_plate(image, [(float(x), float(y)) for x, y in corners], rows, columns, **more)


@pytest.fixture(scope="module")
def real() -> tuple[Image, Floats, dict[str, dict[str, str]]]:
    with (SHARED / "plate_wells.csv").open() as lines:
        wells = {row["well"]: row for row in csv.DictReader(lines)}
    corners = np.array([[float(wells[w][k]) for k in "xy"] for w in ("A1", "A12", "H12", "H1")])
    return load_image(SHARED / "plate.jpg"), corners, wells


def tally(reading: PlateReading, wells: dict[str, dict[str, str]]) -> Counter[str]:
    truth = {name: "filled" if row["filled"] == "1" else "empty" for name, row in wells.items()}
    judged = ((w.state, truth[w.name]) for w in reading.wells)
    return Counter("unknown" if s == "unknown" else "right" if s == t else "wrong" for s, t in judged)


@photograph
def test_real_plate_with_its_corners_alone(real: tuple[Image, Floats, dict[str, dict[str, str]]]) -> None:
    image, corners, wells = real
    reading = read(image, corners)
    assert tally(reading, wells) == {"right": 96}
    lab = [[float(wells[w.name][k]) for k in ("L_median_ring5_11px", "a", "b")] for w in reading.wells]
    off = delta_e00_array(np.array([w.lab for w in reading.wells]), np.array(lab))
    assert np.median(off) < 1.2
    assert off.max() < 5


def gamma(image: Image, power: float) -> Image:
    return np.uint8(255 * (image / 255.0) ** power + 0.5)


def scaled(image: Image, gains: npt.ArrayLike) -> Image:
    return np.clip(image * np.asarray(gains), 0, 255).astype(np.uint8)


def noisy(image: Image, sd: float) -> Image:
    noise = np.random.default_rng(0).normal(0, sd, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def lit(image: Image, from_x: float, from_y: float) -> Image:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] / np.array(image.shape[:2])[:, None, None]
    return scaled(image, (1 - from_x * x - from_y * y)[..., None])


LOOKS = {
    "gamma 0.6": lambda image: gamma(image, 0.6),
    "gamma 1.6": lambda image: gamma(image, 1.6),
    "bluish": lambda image: scaled(image, (1.2, 1.0, 0.75)),
    "reddish": lambda image: scaled(image, (0.7, 1.0, 1.2)),
    "dark": lambda image: scaled(image, 0.4),
    "bright": lambda image: scaled(image, 1.25),
    "blur": lambda image: cv2.GaussianBlur(image, (0, 0), 3),
    "noise": lambda image: noisy(image, 10),
    "lamp at the left": lambda image: lit(image, 0.5, 0),
    "lamp above": lambda image: lit(image, 0, 0.5),
}


@photograph
@pytest.mark.parametrize("look", LOOKS)
def test_real_plate_in_another_light(look: str, real: tuple[Image, Floats, dict[str, dict[str, str]]]) -> None:
    image, corners, wells = real
    found = tally(read(LOOKS[look](image), corners), wells)
    assert found["wrong"] <= 1  # H2 is empty but stained
    assert found["right"] >= 94


@photograph
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("degrees", [-10, 10])
@pytest.mark.parametrize("click_px", [0, 3])
def test_real_plate_from_elsewhere(
    scale: float, degrees: float, click_px: float, real: tuple[Image, Floats, dict[str, dict[str, str]]]
) -> None:
    image, corners, wells = real
    rng = np.random.default_rng(round(abs(degrees + 7 * scale)))
    height, width = image.shape[:2]
    quad = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    turned = cv2.transform(quad[None], cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale))[0]
    moved = turned + rng.uniform(-0.05, 0.05, (4, 2)) * width * scale
    moved += 0.05 * width - moved.min(axis=0)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), moved.astype(np.float32))
    size = tuple(int(v) for v in moved.max(axis=0) + 0.05 * width)
    seen = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    clicks = cv2.perspectiveTransform(corners[None], matrix)[0] + rng.normal(0, max(click_px * scale, 1e-9), (4, 2))
    found = tally(read(seen, clicks), wells)
    assert found["right"] >= 95
    assert found["wrong"] == 0


def contents(rows: int, columns: int, share: float, seed: int, pool: npt.ArrayLike = DYES) -> Contents:
    rng, dyes = np.random.default_rng(seed), np.asarray(pool)
    cells = [(row, column) for row in range(rows) for column in range(columns) if rng.random() < share]
    return {cell: tuple(int(v) for v in dyes[rng.integers(len(dyes))]) for cell in cells}


def counted(reading: PlateReading, scene: PlateScene) -> Counter[str]:
    truth = {
        (r, c): "filled" if (r, c) in scene.contents else "empty"
        for r in range(scene.rows)
        for c in range(scene.columns)
    }
    judged = ((w.state, truth[w.row, w.column]) for w in reading.wells)
    return Counter("unknown" if s == "unknown" else "right" if s == t else "wrong" for s, t in judged)


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.95])
@pytest.mark.parametrize(("rows", "columns", "radius"), [(4, 6, 0.41), (6, 8, 0.42), (8, 12, 0.37), (16, 24, 0.39)])
def test_drawn_plates(rows: int, columns: int, radius: float, share: float) -> None:
    for seed, bench in enumerate([(200, 195, 190), (60, 65, 70)]):
        size = (1280, 960) if rows > 8 else (800, 600)
        inside = contents(rows, columns, share, seed)
        scene = PlateScene(rows, columns, inside, bench, radius=radius, square=rows > 8, size=size, seed=seed)
        image, corners = draw_plate_scene(scene)
        clicks = corners + np.random.default_rng(seed).normal(0, 2, (4, 2))
        reading = read(image, clicks, rows, columns)
        found = counted(reading, scene)
        assert found["wrong"] == 0
        assert found["right"] >= 0.95 * rows * columns
        true = grid_from_corners([tuple(c) for c in corners], rows, columns).centres().reshape(-1, 2)
        assert np.abs(np.array([w.centre_px for w in reading.wells]) - true).max() < 4.5


FEW_ROWS = [(2, 3, (800, 600)), (3, 4, (800, 600)), (2, 12, (1600, 400))]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rows", "columns", "size"), FEW_ROWS)
def test_dark_wells_do_not_draw_their_neighbours_to_them(
    rows: int, columns: int, size: tuple[int, int], seed: int
) -> None:
    first = {(0, column): (200, 60, 40) for column in range(columns)}
    scene = PlateScene(rows, columns, first, size=size, seed=seed, radius=0.41 if columns < 6 else 0.37)
    image, corners = draw_plate_scene(scene)
    reading = read(image, corners, rows, columns)
    assert counted(reading, scene) == {"right": rows * columns}
    true = grid_from_corners([tuple(c) for c in corners], rows, columns)
    off = np.array([w.centre_px for w in reading.wells]) - true.centres().reshape(-1, 2)
    assert np.linalg.norm(off, axis=1).max() < 0.5 * true.pitch_px().min()


def test_a_full_plate_is_full_or_unknown() -> None:
    scene = PlateScene(contents=contents(8, 12, 1.0, 3))
    found = counted(read(*draw_plate_scene(scene)), scene)
    assert found["wrong"] == 0
    assert found["right"] >= 0.75 * 96


def test_colourless_wells_are_unknown_without_the_empty_plate_and_filled_with_it() -> None:
    scene = PlateScene(contents=contents(8, 12, 0.5, 5, [WATER]), seed=2)
    image, corners = draw_plate_scene(scene)
    before, _ = draw_plate_scene(PlateScene(seed=2))
    assert counted(read(image, corners), scene)["wrong"] == 0
    assert counted(read(image, corners, empty=before), scene) == {"right": 96}


def test_dilutions_fade_into_unknown_never_into_empty() -> None:
    wells = {}
    for row, dye in enumerate(DYES):
        for column in range(8):
            light = (dye / 235.0) ** (0.5**column)
            wells[row, column] = tuple(int(v) for v in np.minimum(235 * light, 255))
    scene = PlateScene(contents=wells, seed=4)
    reading = read(*draw_plate_scene(scene))
    assert counted(reading, scene)["wrong"] == 0
    assert all(w.state == "filled" for w in reading.wells if w.row < 6 and w.column < 3)
    assert all(w.state == "empty" for w in reading.wells if (w.row, w.column) not in wells)


def test_a_plate_of_water_alone_is_not_called_empty() -> None:
    scene = PlateScene(contents=contents(8, 12, 1.0, 6, [WATER]))
    reading = read(*draw_plate_scene(scene))
    assert counted(reading, scene)["wrong"] == 0
    assert all(Doubt.AMBIGUOUS in well.doubt for well in reading.wells)
    assert "colourless" in " ".join(reading.notes)


def test_white_makes_colours_independent_of_the_lamp() -> None:
    scene = PlateScene(contents=contents(8, 12, 0.5, 7), noise=0.5, uneven=0.0)
    image, corners = draw_plate_scene(scene)
    corner = (2.0, 2.0, 22.0, 22.0)
    one = read(image, corners, white_px=corner)
    other = read(scaled(image, (0.9, 0.8, 0.95)), corners, white_px=corner)
    difference = delta_e00_array(np.array([w.lab for w in one.wells]), np.array([w.lab for w in other.wells]))
    assert np.median(difference) < 1
    assert not any(Doubt.NO_WHITE in w.doubt for w in one.wells)
    with pytest.raises(ValueError, match="no box in the picture"):
        read(image, corners, white_px=(2000, 0, 2010, 10))
    with pytest.raises(ValueError, match="overexposed"):
        read(np.full_like(image, 255), corners, white_px=corner)
    with pytest.raises(ValueError, match="too dark"):
        read(np.zeros_like(image), corners, white_px=corner)


def test_a_plate_partly_out_of_the_picture_is_unknown_there() -> None:
    scene = PlateScene(contents=contents(8, 12, 0.5, 8))
    image, corners = draw_plate_scene(scene)
    cut = round(float(corners[0, 0]) + 60)
    reading = read(np.ascontiguousarray(image[:, cut:]), corners - (cut, 0))
    lost = [w for w in reading.wells if Doubt.OUT_OF_FRAME in w.doubt]
    assert lost
    assert all((w.state, w.lab, w.confidence) == ("unknown", None, 0.0) for w in lost)


@pytest.mark.parametrize(
    ("corners", "rows", "columns", "says"),
    [
        ([(0, 0), (110, 0), (110, 70)], 8, 12, "four corners"),
        ([(0, 0), (110, 0), (110, 70), (float("nan"), 70)], 8, 12, "four corners"),
        ([(0, 0), (0, 70), (110, 70), (110, 0)], 8, 12, "anticlockwise"),
        ([(0, 0), (50, 0), (100, 0), (150, 0)], 8, 12, "no quadrilateral"),
        ([(0, 70), (0, 0), (110, 0), (110, 70)], 8, 12, "do not fit"),
        ([(0, 0), (11, 0), (11, 7), (0, 7)], 8, 12, "nearer"),
        ([(0, 0), (110, 0), (110, 70), (0, 70)], 1, 12, "2 rows"),
        ([(0, 0), (110, 0), (110, 70), (0, 70)], 400, 12, "at most"),
    ],
)
def test_corners_that_make_no_plate(corners: list[tuple[float, float]], rows: int, columns: int, says: str) -> None:
    with pytest.raises(PlateError, match=says):
        grid_from_corners(corners, rows, columns)


def test_corners_in_reading_order() -> None:
    round_, reading = [(0, 0), (110, 0), (110, 70), (0, 70)], [(0, 0), (110, 0), (0, 70), (110, 70)]
    assert grid_from_corners(round_, 8, 12) == grid_from_corners(reading, 8, 12)


def test_corners_from_markers() -> None:
    page = np.full((600, 800, 3), 255, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    places = {7: (40, 40), 3: (680, 40), 9: (680, 480), 1: (40, 480)}
    for number, (x, y) in places.items():
        page[y : y + 80, x : x + 80] = cv2.aruco.generateImageMarker(dictionary, number, 80)[..., None]
    quad = np.array([(0, 0), (800, 0), (800, 600), (0, 600)], np.float32)
    seen = np.array([(20, 30), (770, 10), (790, 580), (10, 560)], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, seen)
    image = cv2.warpPerspective(page, matrix, (800, 600), borderValue=(255, 255, 255))
    found = corners_from_markers(image, [7, 3, 9, 1], inset=(0.1, 0.2))
    wells = np.array([[(143.5, 167.5), (655.5, 167.5), (655.5, 431.5), (143.5, 431.5)]])
    np.testing.assert_allclose(found, cv2.perspectiveTransform(wells, matrix)[0], atol=0.3)
    with pytest.raises(PlateError, match="marker 8 is not seen"):
        corners_from_markers(image, [7, 3, 9, 8])
    with pytest.raises(PlateError, match="four different"):
        corners_from_markers(image, [7, 3, 9, 9])
    with pytest.raises(PlateError, match="an inset is a share"):
        corners_from_markers(image, [7, 3, 9, 1], inset=(float("nan"), 0.0))
    with pytest.raises(ValueError, match="from 0 to 49"):
        corners_from_markers(image, [7, 3, 9, 50])
    twice = image.copy()
    twice[260:340, 360:440] = cv2.aruco.generateImageMarker(dictionary, 7, 80)[..., None]
    with pytest.raises(PlateError, match="marker 7 is not seen, or more than once"):
        corners_from_markers(twice, [7, 3, 9, 1])
    with pytest.raises(PlateError, match="seen: none"):
        corners_from_markers(np.full_like(image, 90), [7, 3, 9, 1])


def test_an_empty_plate_that_cannot_be_it() -> None:
    image, corners = draw_plate_scene(PlateScene(contents=contents(8, 12, 0.5, 8)))
    with pytest.raises(ValueError, match="the same picture"):
        read(image, corners, empty=image.copy())
    for seen, before in ((image, np.zeros_like(image)), (np.zeros_like(image), np.ones_like(image))):
        reading = read(seen, corners, empty=before)
        assert all((w.state, w.confidence) == ("unknown", 0.0) and Doubt.DARK in w.doubt for w in reading.wells)
        assert "take the picture brighter" in " ".join(reading.notes)


@pytest.mark.parametrize(("shift_px", "refused"), [(4, False), (16, True), (30, True)])
def test_an_empty_plate_from_elsewhere(shift_px: float, refused: bool) -> None:
    scene = PlateScene(contents=contents(8, 12, 0.5, 5, [WATER]), seed=2)  # wells lie 52 px apart
    image, corners = draw_plate_scene(scene)
    before, _ = draw_plate_scene(PlateScene(seed=2))
    move = np.array([(1, 0, shift_px), (0, 1, 0)], np.float64)
    moved = cv2.warpAffine(before, move, (800, 600), borderMode=cv2.BORDER_REPLICATE)
    if refused:
        with pytest.raises(ValueError, match="px elsewhere"):
            read(image, corners, empty=moved)
    else:
        assert counted(read(image, corners, empty=moved), scene)["wrong"] == 0


@pytest.mark.parametrize("code", [0, 255])
def test_a_picture_that_shows_nothing_tells_nothing(code: int) -> None:
    image, corners = draw_plate_scene(PlateScene())
    assert {w.state for w in read(np.full_like(image, code), corners).wells} == {"unknown"}


def test_corners_elsewhere_are_refused_or_not_believed() -> None:
    image, corners = draw_plate_scene(PlateScene(contents=contents(8, 12, 0.5, 8)))
    with pytest.raises(PlateError, match="are the corners pixels of its 800 x 600"):
        read(image, corners + 3000)
    noise = np.random.default_rng(0).integers(0, 256, image.shape, np.uint8)
    reading = read(noise, corners)
    assert max(w.confidence for w in reading.wells) <= 0.6
    assert "not known" in reading.notes[0]


def test_what_is_told_and_drawn() -> None:
    scene = PlateScene(4, 6, contents(4, 6, 0.5, 9), radius=0.41)
    image, corners = draw_plate_scene(scene)
    reading = read(image, corners, 4, 6)
    lines = plate_lines(reading)
    assert lines[1].split()[0] == "A"
    assert any(line.startswith("A1 ") for line in lines)
    wells = json.loads(json.dumps(plate_to_json(reading)))["wells"]
    assert [w["well"] for w in wells[:3]] == ["A1", "A2", "A3"]
    assert reading["B2"].row == 1
    drawn = draw_plate(image, reading)
    assert drawn.shape == image.shape
    assert (drawn != image).any()
    assert [well_name(row, 0) for row in (0, 25, 26)] == ["A1", "Z1", "AA1"]
