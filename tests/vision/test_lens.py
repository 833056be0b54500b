"""A lens measured from pictures of a board, and the file it is kept in."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.rack_scenes import LENS, Stand, photograph
from vision.lens import Lens, LensError, calibrate_lens
from vision.lens_file import LensFileError, lens_to_toml, load_lens, parse_lens
from vision.rack_markers import ChessBoard, Image, Sighting

BOARD = ChessBoard()


@cache
def pictures() -> tuple[Image, ...]:
    places = np.random.default_rng(1)

    def between(low: float, high: float) -> float:
        return float(places.uniform(low, high))

    return tuple(
        photograph(
            BOARD,
            Stand(
                between(-30, 30),
                between(-30, 30),
                between(-20, 20),
                (between(-190, 30), between(-130, -60), between(300, 450)),
            ),
            seed=seed,
        )
        for seed in range(10)
    )


def test_the_lens_that_took_the_pictures_is_found() -> None:
    lens = calibrate_lens(pictures(), BOARD)
    assert lens.focal_px == pytest.approx(LENS.focal_px, rel=0.003)
    assert lens.centre_px == pytest.approx(LENS.centre_px, abs=2)
    assert lens.rms_px < 0.15
    assert lens.views == 10
    corner = np.array([[[20.0, 20.0]]])
    bent = cv2.undistortPoints(corner, lens.matrix, lens.coefficients)
    true = cv2.undistortPoints(corner, LENS.matrix, LENS.coefficients)
    assert np.abs(bent - true).max() * 1150 < 1.5


def reasons(*images: Image) -> str:
    with pytest.raises(LensError) as told:
        calibrate_lens(images, BOARD)
    return str(told.value)


def test_too_few_views() -> None:
    assert "seen well in 2 of 3 pictures" in reasons(*pictures()[:2], np.zeros((720, 1280, 3), np.uint8))
    assert "seen well in 0 of 0" in reasons()


def test_pictures_of_different_sizes() -> None:
    assert "640 x 360, 1280 x 720" in reasons(pictures()[0], pictures()[0][::2, ::2])


def test_a_board_that_was_in_the_middle_only_and_never_tilted() -> None:
    straight = (photograph(BOARD, Stand(shift_mm=(-90.0 + x, -100, 500)), seed=x) for x in range(0, 12, 2))
    told = reasons(*straight)
    assert "in each corner" in told
    assert "tilt the board" in told


def test_a_board_that_is_bent() -> None:
    rows, columns = np.mgrid[0:720, 0:1280].astype(np.float32)
    wavy = [
        cv2.remap(p, columns + 6 * np.sin(rows / 60 + n), rows, cv2.INTER_LINEAR) for n, p in enumerate(pictures())
    ]
    assert "is the sheet flat" in reasons(*wavy)


def test_one_picture_in_which_the_board_moved_is_left_out() -> None:
    rows, columns = np.mgrid[0:720, 0:1280].astype(np.float32)
    shaken = cv2.remap(pictures()[5], columns + 3 * np.sin(rows / 40), rows, cv2.INTER_LINEAR)
    lens = calibrate_lens((*pictures()[:5], shaken, *pictures()[6:]), BOARD)
    assert lens.views == 9
    assert lens.focal_px == pytest.approx(LENS.focal_px, rel=0.005)


def test_views_of_one_row_of_corners_are_passed_over() -> None:
    whole = [BOARD.see(picture) for picture in pictures()]
    row = np.isclose(whole[1].points_mm[:, 0], BOARD.square_mm)
    line = Sighting(whole[1].points_mm[row], whole[1].points_px[row], tuple(np.array(whole[1].ids)[row].tolist()))
    assert len(line) == 8

    class Board(ChessBoard):
        """Of the last pictures a hand leaves one row to be seen."""

        def see(self, image: Image) -> Sighting:
            return line if image is pictures()[1] else ChessBoard.see(self, image)

    assert calibrate_lens(pictures(), Board()).views == 9


# the file

numbers = st.floats(-0.1, 0.1)
focal = st.floats(6e3, 5e4)
lenses = st.builds(
    Lens,
    st.tuples(st.integers(500, 8000), st.integers(500, 8000)),
    st.tuples(focal, focal),
    st.tuples(st.floats(0, 499), st.floats(0, 499)),
    st.tuples(numbers, numbers, numbers, numbers, numbers),
    st.floats(0, 2),
    st.integers(0, 99),
)


@given(lenses)
def test_what_is_written_is_read(lens: Lens) -> None:
    assert parse_lens(lens_to_toml(lens)) == lens


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lens.toml"
    path.write_text(lens_to_toml(LENS), encoding="utf-8")
    assert load_lens(path) == LENS
    with pytest.raises(LensFileError, match="No such file"):
        load_lens(tmp_path / "other.toml")
    path.write_bytes(b"format = 1 # \xff")
    with pytest.raises(LensFileError, match="UTF-8"):
        load_lens(path)
    path.write_bytes(b"#" * 200_000)
    with pytest.raises(LensFileError, match="100 kB"):
        load_lens(path)


def test_every_mistake_is_told_at_once() -> None:
    text = 'format = 2\nsize = [1280, 720]\nfocal_px = [0, 1150]\nsize_px = [1280, 720]\nviews = -1\nrms_px = "a"\n'
    with pytest.raises(LensFileError) as told:
        parse_lens(text)
    assert told.value.mistakes == (
        'size: is not known here; did you mean "size_px"?',
        "centre_px: is missing",
        "format: expected 1, got 2",
        "focal_px: expected two numbers above 0 and at most 128000",
        "rms_px: expected a number from 0 on",
        "views: expected a whole number from 0 on",
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("652.0", "-99.0", "centre_px: -99, 348 is not in"),
        ("-0.11", "1e11", "a corner would go"),
        ("1150.0", "1e-200", "no lens has"),
    ],
)
def test_figures_of_no_camera(old: str, new: str, says: str) -> None:
    with pytest.raises(LensFileError, match=says):
        parse_lens(lens_to_toml(LENS).replace(old, new))


values = st.one_of(
    st.integers(), st.floats(), st.text(max_size=5), st.booleans(), st.lists(st.floats(), max_size=6), st.none()
)
_KEYS = ("format", "size_px", "focal_px", "centre_px", "distortion", "rms_px", "views", "x")


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(_KEYS), values))
def test_any_table_is_a_lens_or_refused(table: dict) -> None:
    text = tomlkit.dumps({k: v for k, v in table.items() if v is not None})
    try:
        lens = parse_lens(text)
    except LensFileError:
        return
    assert np.isfinite(lens.matrix).all()


@given(st.text(max_size=80))
def test_any_text_is_a_lens_or_refused(text: str) -> None:
    with pytest.raises(LensFileError):
        parse_lens(text)
