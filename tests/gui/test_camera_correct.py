"""The eye corrected by hand: dragged, nudged with keys, kept in a real journal or in one's own folder."""

from dataclasses import replace

import cv2
import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from campaign import codec
from campaign.correction import correction_mistakes
from campaign.events import Asked, Corrected
from campaign.journal import Journal
from campaign.opening import JOURNAL
from campaign.spec import CampaignSpec
from gui.facts import Facts
from gui.notices import notice
from gui.panels.camera import CameraCard
from gui.panels.camera_correct import CHOICES, Corrector
from gui.theme import DARK, LIGHT
from gui.wiring import Wiring
from tests.gui import states
from tests.gui.conftest import MakeWindow
from tests.gui.test_camera import FRAME, reading
from vision.reading import Layer

LONG_MS = 90_000


@pytest.fixture(autouse=True)
def _every_move_counts():
    """A test's mouse is faster than a hand."""
    limit = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOption("mouseRateLimit", 0)
    yield
    pg.setConfigOption("mouseRateLimit", limit)


@pytest.fixture
def card(qtbot: QtBot) -> CameraCard:
    made = CameraCard()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    made.resize(1000, 760)
    made.show()
    made.show_state(states.colour_state(waiting=False))
    made.show_frame(FRAME, reading())
    return made


def opened(qtbot: QtBot, card: CameraCard) -> Corrector:
    """The corrector, its picture as large as it stays."""
    qtbot.mouseClick(card.correct, Qt.MouseButton.LeftButton)
    corrector: Corrector = card.findChildren(Corrector)[-1]
    qtbot.waitUntil(lambda: corrector.plot.viewRect().contains(QPointF(300.0, 220.0)))
    QApplication.processEvents()
    return corrector


def at(corrector: Corrector, x: float, y: float) -> QPoint:
    """A place of the picture in the view's viewport."""
    scene = corrector.plot.mapViewToScene(QPointF(x, y))
    return corrector.view.mapFromScene(scene)


def drag(corrector: Corrector, start: tuple[float, float], end: tuple[float, float]) -> None:
    """With the mouse, from one place of the picture to another, in steps as a hand does."""
    viewport = corrector.view.viewport()
    a, b = at(corrector, *start), at(corrector, *end)
    QTest.mouseMove(viewport, a)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, a)
    for n in range(1, 9):
        place = QPointF(a + (b - a) * n / 8)
        move = QMouseEvent(
            QMouseEvent.Type.MouseMove, place, viewport.mapToGlobal(place), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(viewport, move)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, b)


def test_the_level_line_and_the_box_are_dragged_and_saved(qtbot: QtBot, card: CameraCard) -> None:
    corrector = opened(qtbot, card)
    assert "The eye said: vial C1, level 22.6" in corrector.said.text()
    assert corrector.seen() == Corrected(None, "C1", (258.0, 88.0, 382.0, 432.0), "liquid", 220.0)
    drag(corrector, (300.0, 220.0), (300.0, 260.0))
    assert corrector.surface.row == pytest.approx(260.0, abs=2.0)
    drag(corrector, (382.0, 150.0), (402.0, 150.0))
    assert corrector.box.box[2] == pytest.approx(402.0, abs=2.0)
    assert corrector.box.box[0] == 258.0
    with qtbot.waitSignal(card.corrected) as told:
        qtbot.mouseClick(corrector.save, Qt.MouseButton.LeftButton)
    assert told.args is not None
    seen, image = told.args
    assert (seen.state, seen.slot) == ("liquid", "C1")
    assert seen.surface_row == pytest.approx(260.0, abs=2.0)
    assert np.array_equal(image, FRAME)
    assert not card.correct.isChecked()


def test_the_keys_move_by_a_pixel_and_esc_gives_it_up(qtbot: QtBot, card: CameraCard) -> None:
    corrector = opened(qtbot, card)
    qtbot.mouseClick(corrector.picks["Surface"], Qt.MouseButton.LeftButton)
    qtbot.keyClick(corrector.view.viewport(), Qt.Key.Key_Down)
    qtbot.keyClick(corrector.view.viewport(), Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert corrector.surface.row == 231.0
    qtbot.mouseClick(corrector.picks["Box"], Qt.MouseButton.LeftButton)
    qtbot.keyClick(corrector.view.viewport(), Qt.Key.Key_Left)
    assert corrector.box.box == (257.0, 88.0, 381.0, 432.0)
    with qtbot.assertNotEmitted(card.corrected), qtbot.waitSignal(corrector.gone):
        qtbot.keyClick(corrector, Qt.Key.Key_Escape)
    assert not card.correct.isChecked()


def test_the_frozen_picture_does_not_follow_the_camera(qtbot: QtBot, card: CameraCard) -> None:
    corrector = opened(qtbot, card)
    card.show_state(states.colour_state(14, waiting=False))
    card.show_frame(np.zeros_like(FRAME), None)
    assert (corrector.image == 200).all()
    assert corrector.seen().slot == "C1"
    assert corrector.seen().surface_row == 220.0


def test_lines_are_those_of_the_state(qtbot: QtBot, card: CameraCard) -> None:
    corrector = opened(qtbot, card)
    for state in CHOICES:
        corrector.state.setCurrentIndex(CHOICES.index(state))
        seen = corrector.seen()
        assert correction_mistakes(seen) == ()
        assert corrector.save.isEnabled()
        assert corrector.surface.isVisible() == (seen.surface_row is not None)
        assert corrector.boundaries[0].isVisible() == bool(seen.boundary_rows) == corrector.count.isEnabled()
    corrector.state.setCurrentIndex(CHOICES.index("two_phase"))
    corrector.count.setValue(3)
    assert len(corrector.seen().boundary_rows) == 3
    corrector.boundaries[1].place(100.0)
    corrector.boundaries[1].changed.emit()
    assert corrector.problem.text() == "A boundary lies above the surface."
    assert not corrector.save.isEnabled()


def test_it_begins_where_the_eye_ended(qtbot: QtBot, card: CameraCard) -> None:
    layers = (
        Layer(220.0, 300.0, (1.0, 2.0, 3.0)),
        Layer(300.0, 360.0, (1.0, 2.0, 3.0)),
        Layer(360.0, 425.0, (1.0, 2.0, 3.0)),
    )
    card.show_frame(FRAME, reading(state="two_phase", layers=layers))
    assert opened(qtbot, card).seen().boundary_rows == (300.0, 360.0)
    card.correct.click()
    card.show_frame(FRAME, None)
    corrector = opened(qtbot, card)
    assert corrector.said.text() == "The eye said: nothing."
    assert correction_mistakes(corrector.seen()) == ()


@pytest.mark.parametrize("theme", [LIGHT, DARK, replace(DARK, scale=1.6)], ids=["light", "dark", "160 %"])
def test_nothing_is_cut_off(qtbot: QtBot, card: CameraCard, theme) -> None:
    card.set_theme(theme)
    corrector = opened(qtbot, card)
    for button in (*corrector.picks.values(), corrector.save, corrector.cancel):
        assert button.width() >= button.minimumSizeHint().width()
    assert card.rect().contains(corrector.geometry())


def test_an_open_question_says_what_the_correction_means() -> None:
    state = states.colour_state(waiting=False)
    number = len(state.experiments)
    seen = {"state": "liquid", "surface_row": 220.0, "volume_ul": 3990.0}
    corrected = replace(state.experiments[-1], corrected=seen)
    asked = Asked(number, "4000 µL were dosed into C1, and 3100 µL are seen.", ("go on", "new vial"))
    state = replace(state, phase="Held", question=asked, experiments=(*state.experiments[:-1], corrected))
    shown = notice(state, Facts())
    assert shown is not None
    assert shown.text.startswith(
        f"{asked.question} By your correction it is liquid, 3990 µL. What was measured stays"
    )
    assert [c.name for c in shown.choices] == ["answer:go on", "answer:new vial"]


def journaled(wiring: Wiring) -> list[Corrected]:
    folder = wiring.facts.folder
    assert folder is not None
    with Journal.open(folder / JOURNAL, readonly=True) as journal:
        assert journal.verify() is None
        assert journal.check_images() == ()
        return [e for e in journal.events() if isinstance(e, Corrected)]


def ready(qtbot: QtBot, wiring: Wiring, card: CameraCard) -> None:
    """The live picture is there, with what the eye sees."""
    wiring.session.connect(wiring.state.spec)
    qtbot.waitUntil(lambda: bool(card.seen.readings), timeout=LONG_MS)


def test_in_a_campaign_it_stands_in_the_journal(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, tmp_path
) -> None:
    spec = replace(colour, mode="approve")
    wiring = make_window(spec, speed=50.0, out=tmp_path / "out")
    card = wiring.window.run_page.camera
    ready(qtbot, wiring, card)
    qtbot.waitUntil(lambda: wiring.facts.link == "ready", timeout=LONG_MS)
    wiring.do("start")
    qtbot.waitUntil(lambda: wiring.showing.waiting, timeout=LONG_MS)
    card.correct.click()
    corrector = wiring.window.findChild(Corrector)
    assert isinstance(corrector, Corrector)
    corrector.state.setCurrentIndex(CHOICES.index("liquid"))
    with qtbot.assertNotEmitted(wiring.window.keys.enter):  # it saves, and never decides about an experiment
        qtbot.keyClick(corrector.view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: card.saved.text() == "saved", timeout=LONG_MS)
    (event,) = journaled(wiring)
    assert event.state == "liquid"
    assert event.eye is not None
    assert event.volume_ul is not None
    picture = cv2.imread(str(tmp_path / "out" / event.image))
    assert picture.shape == (480, 640, 3)
    assert "You corrected the eye for" in wiring.window.run_page.log.text.toPlainText()
    assert "Saved: " in wiring.window.status.notes.full


def test_without_a_campaign_it_goes_into_ones_own_folder(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, own_folder
) -> None:
    wiring = make_window(colour, speed=50.0)
    wiring.window.show_page("manual")
    card = wiring.window.manual_page.camera
    ready(qtbot, wiring, card)
    card.correct.click()
    corrector = wiring.window.findChild(Corrector)
    assert isinstance(corrector, Corrector)
    corrector.state.setCurrentIndex(CHOICES.index("gel"))
    corrector.save.click()
    qtbot.waitUntil(lambda: card.saved.text() == "saved", timeout=LONG_MS)
    (line,) = (own_folder / "corrections.jsonl").read_text().splitlines()
    event = codec.decode(line)
    assert isinstance(event, Corrected)
    assert (event.experiment, event.state, event.simulated) == (None, "gel", True)
    assert (own_folder / event.image).is_file()


def test_what_cannot_be_kept_is_told(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, own_folder
) -> None:
    (own_folder / "corrections").write_text("in the way")
    wiring = make_window(colour, speed=50.0)
    wiring.window.show_page("manual")
    card = wiring.window.manual_page.camera
    ready(qtbot, wiring, card)
    with qtbot.waitSignal(wiring.bridge.told, timeout=LONG_MS) as told:
        wiring.session.correct(Corrected(None, None, (250.0, 80.0, 390.0, 440.0), "empty", None), FRAME)
    assert told.args is not None
    assert told.args[0] == "fail"
    assert told.args[1].startswith("The correction is not saved:")
