"""What is drawn: on a copy, inside the picture, never by colour alone."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.vision.scenes import RED, Scene, render
from vision.overlay import caption, draw
from vision.reader import read_vial
from vision.reading import Doubt, Layer, VialReading
from vision.words import colour_word


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


def test_a_doubtful_frame_is_dashed_and_a_cap_is_a_bar(seen: tuple[np.ndarray, VialReading]) -> None:
    image, reading = seen
    blank = np.full_like(image, 128)
    x0, y0, _, _ = (round(v) for v in reading.box_px)

    def marked(**changes: object) -> np.ndarray:
        return (draw(blank, [replace(reading, **changes)], words=False) != 128).any(axis=2)

    side = slice(y0 + 10, y0 + 200)
    assert marked()[side, x0].all()
    assert 0.3 < marked(doubt=Doubt.GLARE)[side, x0].mean() < 0.95
    assert not marked(doubt=Doubt.MOVED)[side, x0].all()
    assert marked(cap=True)[: y0 + 9].sum() > marked()[: y0 + 9].sum()
    assert "capped" in caption(replace(reading, cap=True))
    assert "unsure" in caption(replace(reading, confidence=0.2))


def test_layers_are_dashed_apart_and_named(seen: tuple[np.ndarray, VialReading]) -> None:
    image, reading = seen
    blank = np.full_like(image, 128)
    top, x1 = round(reading.surface_row or 0), round(reading.box_px[2])
    layers = (Layer(top, top + 60, (90.0, 0.0, 80.0)), Layer(top + 60, top + 120, (40.0, 0.0, -50.0)))
    two = draw(blank, [replace(reading, layers=layers)])
    assert 0.3 < (two[top + 60, x1 - 90 : x1 - 10] != 128).any(axis=1).mean() < 0.95
    yellow, blue = (two[middle, x1 + 8].astype(int) for middle in (top + 30, top + 90))
    assert yellow[0] < yellow[2]
    assert blue[0] > blue[2]
    assert (two[top + 80 : top + 100, x1 + 16 : x1 + 40] > 200).any()
    assert (colour_word(layers[0].lab), colour_word(layers[1].lab)) == ("yellow", "blue")


@pytest.mark.parametrize(
    ("lab", "word"),
    [
        ((95.0, 0.0, 1.0), "clear"), ((50.0, 2.0, 3.0), "grey"), ((10.0, 0.0, 0.0), "dark"),
        ((53.2, 80.1, 67.2), "red"), ((75.0, 24.0, 79.0), "orange"), ((97.1, -21.6, 94.5), "yellow"),
        ((46.2, -51.7, 49.9), "green"), ((91.1, -48.1, -14.1), "cyan"), ((32.3, 79.2, -107.9), "blue"),
        ((60.3, 98.2, -60.8), "purple"), ((60.0, 60.0, -5.0), "pink"),
    ],
)  # fmt: skip
def test_colours_have_plain_names(lab: tuple[float, float, float], word: str) -> None:
    assert colour_word(lab) == word


def test_broken_numbers_draw_nothing(seen: tuple[np.ndarray, VialReading]) -> None:
    image, reading = seen
    lost = replace(reading, box_px=(math.nan, 0.0, 1.0, 2.0))
    assert np.array_equal(draw(image, [lost]), image)
    draw(image, [replace(reading, surface_row=math.inf, surface_sd_px=math.nan), replace(reading, surface_row=1e9)])
