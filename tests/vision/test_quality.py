"""Frames that are not fit to be read."""

import cv2
import numpy as np
import pytest

from hardware.virtual.render import still_life
from tests.vision.scenes import RED, Scene, render
from tests.vision.test_virtual_camera import SPEC, VIEW
from vision.quality import FrameFacts, fingerprint, frame_doubt, frame_facts
from vision.reading import Doubt
from vision.surroundings import Surroundings

FRAME = render(Scene(absorbance=RED))


def test_a_good_frame_has_no_doubt() -> None:
    assert frame_doubt(FRAME) is Doubt.NONE
    assert frame_facts(FRAME, earlier=[fingerprint(render(Scene(absorbance=RED, seed=1)))]).doubt is Doubt.NONE


@pytest.mark.parametrize(
    ("image", "doubt"),
    [
        (np.zeros((48, 64, 3), np.uint8), Doubt.DARK),
        (np.full((48, 64, 3), 255, np.uint8), Doubt.SATURATED),
        (cv2.GaussianBlur(FRAME, (0, 0), 6), Doubt.BLUR),
        (np.empty((0, 10, 3), np.uint8), Doubt.OUT_OF_FRAME),
    ],
)
def test_bad_frames(image: np.ndarray, doubt: Doubt) -> None:
    assert frame_doubt(image) == doubt


def test_a_frame_equal_to_the_last_bit_is_frozen() -> None:
    facts = frame_facts(FRAME, earlier=[b"another", fingerprint(FRAME.copy())])
    assert facts.refused == Doubt.FROZEN
    changed = FRAME.copy()
    changed[3, 5, 1] ^= 1
    assert not frame_facts(changed, earlier=[fingerprint(FRAME)]).refused


def bench(slot: str, seed: int, **contents: dict[str, float] | None) -> np.ndarray:
    """The station's frame of the virtual bench; `contents` by slot."""
    rack: dict[str, dict[str, float] | None] = {f"B{n}": {} for n in range(1, 7)}
    return still_life(SPEC, {**rack, **contents}, slot, seed=seed)


REFERENCE = Surroundings.of(bench("B3", 1), VIEW.box_px, VIEW.white_px)
FILLED = bench("B3", 2, B3={"red dye": 900.0, "water": 2000.0})
OTHERS = [
    FILLED, bench("B2", 3, B2={"blue dye": 4000.0}, B1={"yellow dye": 2000.0}, B3={"red dye": 3000.0}),
    bench("B1", 4), bench("B6", 5, B5={"blue dye": 5000.0}), bench("B4", 6, B3=None, B5=None, B4={"water": 1000.0}),
]  # fmt: skip


def shifted(image: np.ndarray, right: float, down: float) -> np.ndarray:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return np.asarray(cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


def lit(image: np.ndarray, factor: float) -> np.ndarray:
    """With the sensor's signal larger by the factor."""
    return np.clip(image * factor, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("image", OTHERS)
def test_other_slots_and_other_fills_are_the_same_camera_in_the_same_light(image: np.ndarray) -> None:
    facts = frame_facts(image, REFERENCE)
    assert facts.refused is Doubt.NONE
    assert facts.gain == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("way", [(6, 0), (-6, 0), (0, 6), (0, -6), (4, 4.5), (-3, 2), (-12, 5)])
def test_a_camera_that_has_moved_is_told_with_its_shift(way: tuple[float, float]) -> None:
    facts = frame_facts(shifted(FILLED, *way), REFERENCE)
    assert facts.refused == Doubt.CAMERA_MOVED
    assert facts.shift_px == pytest.approx(way, abs=1.0)


@pytest.mark.parametrize("way", [(0.5, 0), (0, -0.7), (0.7, 0.7)])
def test_a_tremble_is_no_move(way: tuple[float, float]) -> None:
    assert not frame_facts(shifted(FILLED, *way), REFERENCE).refused


@pytest.mark.parametrize("factor", [1.4, 1.15, 0.85, 0.6])
def test_another_exposure_is_told(factor: float) -> None:
    assert Doubt.EXPOSURE in frame_facts(lit(FILLED, factor), REFERENCE).refused
    without_patch = Surroundings.of(bench("B3", 1), VIEW.box_px)
    assert Doubt.EXPOSURE in frame_facts(lit(FILLED, factor), without_patch).refused


def test_light_that_is_expected_is_no_change() -> None:
    darker = lit(FILLED, 0.8)
    gain = frame_facts(darker, REFERENCE).gain
    assert gain is not None
    assert not frame_facts(darker, REFERENCE, gain=gain).refused
    assert frame_facts(FILLED, REFERENCE, gain=gain).refused == Doubt.EXPOSURE


def test_a_picture_of_another_size_is_of_another_view() -> None:
    assert frame_facts(FILLED[::2, ::2], REFERENCE) == FrameFacts(Doubt.CAMERA_MOVED)
    with pytest.raises(ValueError, match="reference"):
        REFERENCE.shift_px(FILLED[::2, ::2])


@pytest.mark.parametrize("factor", [0.7, 1.5, 3.0])
def test_a_picture_in_which_nothing_is_found_again_is_of_a_camera_that_has_moved(factor: float) -> None:
    matrix = cv2.getRotationMatrix2D((320, 240), 30, factor)
    elsewhere = cv2.warpAffine(FILLED, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    assert Doubt.CAMERA_MOVED in frame_facts(np.asarray(elsewhere, np.uint8), REFERENCE).refused


def test_what_has_no_structure_tells_nothing() -> None:
    plain = np.full((480, 640, 3), 128, np.uint8)
    nothing = Surroundings.of(plain, VIEW.box_px)
    assert nothing.shift_px(plain) is None
    black = Surroundings.of(np.zeros_like(plain), VIEW.box_px)
    assert black.gain(plain) is None
