"""What is painted over the picture: told by line and word, never by colour alone; nothing where nothing is seen."""

import numpy as np
import pytest
from PySide6.QtGui import QImage

from gui.panels.camera import CameraCard
from gui.panels.camera_overlay import tag
from gui.theme import DARK, LIGHT
from tests.gui.test_camera import reading
from vision.reading import Doubt, Layer

WHITE = np.full((480, 640, 3), 255, np.uint8)
X0, Y0, X1, Y1 = 258, 88, 382, 432


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def card(qtbot, request):
    made = CameraCard()
    qtbot.addWidget(made)
    made.resize(900, 620)
    made.set_theme(request.param)
    made.show()
    return made


def inked(card, given=None) -> np.ndarray:
    """Which pixels of the picture are painted over, in the picture's own rows and columns."""
    card.show_frame(WHITE, given)
    grabbed = card.view.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    flat = np.frombuffer(grabbed.constBits(), np.uint8).reshape(grabbed.height(), grabbed.bytesPerLine())
    rows, columns = np.mgrid[0:480, 0:640]
    whole = card.image.mapRectToParent(card.image.boundingRect())
    corner, far = (card.box.mapViewToDevice(p) for p in (whole.topLeft(), whole.bottomRight()))
    scale = (far.x() - corner.x()) / 640
    y = np.clip((corner.y() + (rows + 0.5) * scale).astype(int), 0, grabbed.height() - 1)
    x = np.clip((corner.x() + (columns + 0.5) * scale).astype(int), 0, grabbed.width() - 1)
    return flat[y, x] < 230


def test_a_picture_without_a_reading_stays_clean(card):
    assert not inked(card).any()
    assert not inked(card, []).any()


def test_the_surface_reaches_out_of_the_frame(card):
    seen = inked(card, reading())
    assert seen[218:223, X0 - 20].any()
    assert seen[218:223, (X0 + X1) // 2].any()
    assert not seen[225:400, (X0 + X1) // 2].any()
    assert not inked(card, reading(surface_row=None))[200:240, X0 - 20].any()


def test_a_surface_that_is_not_sure_has_a_wider_bracket(card):
    right = slice(X1 + 10, X1 + 40)
    sure, wide = inked(card, reading(surface_sd_px=0.2)), inked(card, reading(surface_sd_px=8.0))
    assert not sure[200:210, right].any()
    assert wide[203:207, right].any()
    assert wide[233:238, right].any()


def test_in_doubt_the_frame_is_dashed_and_the_reason_is_written(card):
    sure, unsure = inked(card, reading()), inked(card, reading(doubt=Doubt.GLARE))
    side = slice(X0 - 2, X0 + 3)
    whole, dashes = sure[240:420, side].any(axis=1), unsure[240:420, side].any(axis=1)
    assert whole.all()
    assert 0.3 < dashes.mean() < 0.9
    assert tag(reading(doubt=Doubt.GLARE), None)[-1] == "glare"
    assert tag(reading(confidence=0.3), None)[-1] == "unsure"


def test_only_corners_where_no_vial_stands(card):
    for given in (reading(present=False, state="no_vial", surface_row=None), reading(doubt=Doubt.MOVED)):
        seen = inked(card, given)
        assert seen[Y1 - 3 : Y1 + 3, X0 + 2 : X0 + 6].any()
        assert not seen[150:350].any()
        assert tag(given, None) == ("no vial",)


def test_layers_are_dashed_apart_and_named(card):
    layers = (Layer(220.0, 330.0, (90.0, 0.0, 80.0)), Layer(330.0, 425.0, (40.0, 0.0, -50.0)))
    seen = inked(card, reading(layers=layers, state="two_phase"))
    across = seen[327:334, X0 + 10 : X1 - 10].any(axis=0)
    assert 0.3 < across.mean() < 0.95
    for middle in (275, 377):  # swatch and word, right of the frame
        assert seen[middle - 5 : middle + 5, X1 + 4 : X1 + 60].any()


def test_words():
    assert tag(reading(), 2) == ("2  22.6 ±0.2\u202fmm", "97\u202f% sure")
    assert tag(reading(cap=True, state="empty"), None) == ("empty", "97\u202f% sure", "capped")


def test_small_pictures_have_lines_and_no_words(card):
    card.resize(300, 220)
    inside = inked(card, reading())
    assert inside[210:230, X0 - 20 : X0].any()
    assert not inside[20:70, X0:X1].any()


def test_numbers_that_are_none_paint_nothing(card):
    nan = float("nan")
    assert not inked(card, reading(box_px=(nan, 0.0, 1.0, 2.0))).any()
    inked(card, reading(surface_row=nan, surface_sd_px=nan, layers=(Layer(nan, 1.0, (1.0, 2.0, nan)),) * 2))
