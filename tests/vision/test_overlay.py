"""What is drawn: on a copy, inside the picture, never by colour alone."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.vision.scenes import RED, Scene, render
from vision.overlay import caption, draw
from vision.reader import read_vial
from vision.reading import Doubt, VialReading


@pytest.fixture(scope="module")
def seen() -> tuple[np.ndarray, VialReading]:
    scene = Scene(absorbance=RED)
    image = render(scene)
    return image, read_vial(image, scene.view)


def test_a_new_picture(seen: tuple[np.ndarray, VialReading]) -> None:
    image, reading = seen
    before = image.copy()
    drawn = draw(image, [reading])
    assert np.array_equal(image, before)
    assert drawn.shape == image.shape
    row = round(reading.surface_row or 0)
    assert np.any(drawn[row] != image[row])
    assert np.array_equal(draw(image, []), image)


def test_words_say_state_level_volume_confidence_and_doubt(seen: tuple[np.ndarray, VialReading]) -> None:
    _, reading = seen
    words = " ".join(caption(replace(reading, doubt=Doubt.GLARE | Doubt.BLUR)))
    for word in ("liquid", "%", "mm", "uL", "glare", "blur"):
        assert word in words


def test_without_colour_the_states_still_differ(seen: tuple[np.ndarray, VialReading]) -> None:
    image, reading = seen
    blank = np.full_like(image, 128)
    states = [
        reading,
        replace(reading, surface_row=None, state="empty"),
        replace(reading, surface_row=None, state="no_vial", present=False),
    ]
    lines = [(draw(blank, [r], words=False) != 128).any(axis=2).sum() for r in states]
    assert len(set(lines)) == 3


def test_broken_numbers_draw_nothing(seen: tuple[np.ndarray, VialReading]) -> None:
    image, reading = seen
    lost = replace(reading, box_px=(math.nan, 0.0, 1.0, 2.0))
    assert np.array_equal(draw(image, [lost]), image)
    draw(image, [replace(reading, surface_row=math.inf, surface_sd_px=math.nan), replace(reading, surface_row=1e9)])
