"""Pictures from anywhere: hostile files, hostile boxes, the predictions' form."""

import json
import math
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.scenes import RED, Scene, render
from vision.look import load_slots, look_image, look_slots, reading_to_json
from vision.picture import ImageError, decode_image, header_size, load_image
from vision.reader import read_vial


def encoded(kind: str, image: np.ndarray) -> bytes:
    return cv2.imencode(kind, image)[1].tobytes()


SMALL = np.random.default_rng(0).integers(0, 255, (24, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
def test_kinds_of_pictures(kind: str) -> None:
    data = encoded(kind, SMALL)
    assert header_size(data) == (16, 24)
    assert decode_image(data).shape == (24, 16, 3)


@pytest.mark.parametrize(
    "image",
    [SMALL[..., 0], SMALL.astype(np.uint16) * 257, np.dstack([SMALL, SMALL[..., :1]])],
    ids=["grey", "16", "alpha"],
)
def test_other_depths_become_bgr(image: np.ndarray) -> None:
    found = decode_image(encoded(".png", image))
    assert (found.shape, found.dtype) == ((24, 16, 3), np.uint8)


def png_header(width: int, height: int) -> bytes:
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (png_header(30_000, 30_000), "million"),
        (png_header(0, 10), "0 x 10"),
        (png_header(10, 10), "damaged"),
        (encoded(".jpg", SMALL)[:-40], "cut off"),
        (encoded(".png", SMALL)[:-40], "cut off"),
        (b"\xff\xd8\xff", "cut off"),
    ],
)
def test_hostile_files_are_a_clear_error(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=says) as caught:
        load_image(path)
    assert "picture.png" in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ImageError, match="cannot be opened"):
            load_image(path)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([".png", ".jpg", ".bmp", ".tiff", ".webp"]), st.integers(0, 2000), st.binary(max_size=12))
def test_damage_is_a_picture_or_an_image_error(kind: str, at: int, patch: bytes) -> None:
    data = encoded(kind, SMALL)
    at %= len(data)
    try:
        image = decode_image((data[:at] + patch + data[at + len(patch) :])[: len(data) if patch else at])
    except ImageError:
        return
    assert image.ndim == 3


def test_boxes_that_are_none_give_unknown(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    path.write_bytes(encoded(".png", SMALL))
    boxes = [(math.nan, 0.0, 1.0, 1.0), (-50.0, -50.0, -10.0, -10.0), (0.0, 0.0, 1e30, 1e30), (5.0, 5.0, 5.0, 5.0)]
    assert [r.state for r in look_image(path, boxes)] == ["unknown"] * 4


def test_slots_to_predictions(tmp_path: Path) -> None:
    scene = Scene(absorbance=RED)
    x0, y0, x1, y1 = scene.view.box_px
    (tmp_path / "a.png").write_bytes(encoded(".png", render(scene)))
    slots = tmp_path / "slots.csv"
    slots.write_text(f"file,vessel,x0,y0,x1,y1,note\na.png,3,{x0},{y0},{x1},{y1},x\na.png,4,nan,0,1,1,\n")
    found = json.loads(json.dumps(look_slots([tmp_path / "a.png"], load_slots(slots)), allow_nan=False))
    first, second = found["a.png"]
    assert (first["vessel"], second["vessel"]) == (3, 4)
    assert first["bbox"] == pytest.approx(scene.view.box_px)
    assert first["level_mm"] is None
    assert second["state"] == "unknown"
    with pytest.raises(ImageError, match="does not name"):
        look_slots([tmp_path / "b.png"], load_slots(slots))


@pytest.mark.parametrize(
    ("text", "says"),
    [("file,vessel\n", "x0"), ("file,vessel,x0,y0,x1,y1\na.png,1,2,3,x,5\n", "line 2"), ("", "missing")],
)
def test_wrong_lists_of_slots(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "slots.csv"
    path.write_text(text)
    with pytest.raises(ImageError, match=says):
        load_slots(path)


def test_reading_to_json_holds_no_nan() -> None:
    scene = Scene(absorbance=RED)
    found = reading_to_json(read_vial(render(scene), scene.view))
    json.dumps(found, allow_nan=False)
    assert found["state"] == "liquid"
    assert found["surface_y"] == pytest.approx(scene.surface_row, abs=3)
    assert found["doubt"] == []
