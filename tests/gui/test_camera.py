"""The camera card: picture, overlay, words, and what it says without a picture."""

import numpy as np
import pytest

from gui.panels.camera import CameraCard, words
from gui.theme import LIGHT
from tests.gui import states
from vision.reading import Doubt, VialReading


def reading(**changes) -> VialReading:
    values = {
        "box_px": (258.0, 88.0, 382.0, 432.0), "state": "liquid", "present": True, "surface_row": 220.0,
        "surface_sd_px": 0.5, "level_mm": 22.63, "level_sd_mm": 0.1, "volume_ul": 3100.0, "volume_sd_ul": 40.0,
        "layers": (), "lab": (62.0, 28.0, 48.0), "clarity": 0.93, "doubt": Doubt.NONE, "confidence": 0.97,
    }  # fmt: skip
    return VialReading(**{**values, **changes})


@pytest.fixture
def card(qtbot):
    made = CameraCard()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    made.resize(384, 262)
    made.show()
    return made


FRAME = np.full((480, 640, 3), 200, np.uint8)


def test_words():
    assert words(reading(), "B4") == "vial B4, level 22.6\u202fmm"
    assert words(reading(state="empty", level_mm=None), "B4") == "vial B4, empty"
    assert words(reading(present=False, state="no_vial"), "B4") == "no vial"
    assert words(reading(doubt=Doubt.GLARE), None) == "vial, level 22.6\u202fmm, glare"


def test_without_a_picture_it_says_so(card):
    assert not card.has_picture
    assert "No picture yet" in card.empty.text()
    card.show_frame(None)
    assert "does not answer" in card.empty.text()


def test_a_picture_with_what_the_eye_sees(card):
    card.show_state(states.colour_state(waiting=False))
    card.show_frame(FRAME, reading())
    assert card.has_picture
    assert card.sees.text() == "level\nvial C1\n97\u202f% sure"
    assert card.level_digits.text() == "22.6\u202fmm"
    assert card.seen.readings == (reading(),)
    assert card.correct.isEnabled()


def test_colours_are_not_swapped(card):
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 255
    card.show_frame(blue)
    assert card.image.image[0, 0].tolist() == [0, 0, 255]


def test_no_level_without_one(card):
    card.show_frame(FRAME, reading(state="empty", level_mm=0.0))
    assert card.level_digits.text() == ""
    card.show_frame(FRAME, None)
    assert card.seen.readings == ()
    assert card.sees.text() == ""


def test_several_vials_have_a_line_each(card):
    card.show_frame(FRAME, [reading(), reading(state="empty"), reading(present=False, state="no_vial")])
    assert card.sees.text() == "1  22.6 ±0.2\u202fmm\n2  empty\n3  no vial"


def test_the_picture_begins_at_the_centre_of_its_first_pixel(card):
    card.show_frame(FRAME)
    assert card.image.boundingRect().isValid()
    assert card.image.mapRectToParent(card.image.boundingRect()).getRect() == (-0.5, -0.5, 640.0, 480.0)


def test_a_stopped_stream_is_noticed(card, monkeypatch):
    card.show_frame(FRAME)
    later_s = card._times[-1] + 10
    monkeypatch.setattr("gui.panels.camera.monotonic", lambda: later_s)
    card._check()
    assert not card.has_picture
    assert not card.correct.isEnabled()
    assert "No new picture" in card.empty.text()
