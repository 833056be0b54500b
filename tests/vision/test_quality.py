"""Frames that are not fit to be read."""

import cv2
import numpy as np
import pytest

from tests.vision.scenes import RED, Scene, render
from vision.quality import frame_doubt
from vision.reading import Doubt

FRAME = render(Scene(absorbance=RED))


def test_a_good_frame_has_no_doubt() -> None:
    assert frame_doubt(FRAME) is Doubt.NONE
    assert frame_doubt(FRAME, render(Scene(absorbance=RED, seed=1))) is Doubt.NONE


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
    assert frame_doubt(FRAME, FRAME.copy()) == Doubt.FROZEN
