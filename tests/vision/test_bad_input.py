"""Whatever is handed to the eye, it answers or says in words what is wrong; it never falls over."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aliquot
from tests.vision.scenes import RED, Scene, render
from vision.calibration import VialView
from vision.look import look_image, reading_to_json
from vision.reader import read_vial

FRAME = render(Scene(absorbance=RED))
NUMBER = st.one_of(
    st.floats(-80, 720),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e30, -1e30, 5e-324, 2.0**31, 2.0**63]),
)
BOX = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER)


@settings(deadline=None, max_examples=150)
@given(BOX, NUMBER, NUMBER, NUMBER, NUMBER, st.none() | BOX)
def test_any_view_gives_a_reading(
    box: tuple[float, ...], base: float, scale: float, bore: float, capacity: float, white: tuple[float, ...] | None
) -> None:
    reading = read_vial(FRAME, VialView(box, base, scale, bore, capacity, white))
    json.dumps(reading_to_json(reading), allow_nan=False)
    assert 0.0 <= reading.confidence <= 1.0
    assert reading.state != "unknown" or reading.doubt


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(["noise", "even", "stripes"]),
    st.integers(0, 255),
)
def test_any_picture_gives_a_reading(seed: int, high: int, wide: int, kind: str, level: int) -> None:
    image = np.full((high, wide, 3), level, np.uint8)
    if kind == "noise":
        image = np.random.default_rng(seed).integers(0, 256, image.shape, dtype=np.uint8)
    elif kind == "stripes":
        image[seed % 3 :: 3] = 255 - level
    whole = (0.0, 0.0, float(wide), float(high))
    for white in (None, (0.0, 0.0, 4.0, 4.0)):
        view = VialView(whole, high - 1.0, 2.0, 10.0, 5000.0, white)
        json.dumps(reading_to_json(read_vial(image, view)), allow_nan=False)


@pytest.mark.parametrize(
    "image",
    [FRAME[..., 0], FRAME.astype(np.uint16), FRAME.astype(np.float32), np.dstack([FRAME, FRAME[..., :1]])],
    ids=["grey", "16-bit", "float", "alpha"],
)
def test_an_array_of_another_kind_is_a_clear_error(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 BGR"):
        read_vial(image, Scene().view)


def test_files_of_other_depths_are_read_as_the_same_picture(tmp_path: Path) -> None:
    box = [Scene().view.box_px]
    for name, picture in {
        "8.png": FRAME,
        "16.png": FRAME.astype(np.uint16) * 257,
        "alpha.png": np.dstack([FRAME, np.full(FRAME.shape[:2], 255, np.uint8)]),
    }.items():
        cv2.imwrite(str(tmp_path / name), picture)
    told = [look_image(tmp_path / name, box)[0] for name in ("8.png", "16.png", "alpha.png")]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"not a picture at all"])
def test_the_command_says_which_file_and_why(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(aliquot.main(["look", str(path)]))
    assert ended.value.code not in (0, None)
    told = capsys.readouterr().err
    assert "broken.jpg" in told
    assert "Traceback" not in told
