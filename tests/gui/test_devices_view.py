"""The vial's place in the picture: drawn over the virtual camera's picture, and into the rig file."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from campaign.eye import view_of
from campaign.rack_sight import board_of
from campaign.spec import CampaignSpec
from gui import view_work
from gui.models.view_draft import ViewDraft, inner_bottom, white_beside
from gui.panels.devices_view import ViewTab
from gui.theme import DARK
from hardware.rig_file import RigFileError, load_rig
from hardware.spec import RigSpec, VialSpec
from resources import path
from tests.campaign.test_rack_sight import STAND, rig_with
from tests.gui.conftest import MakeWindow
from tests.gui.test_devices import click, on_devices, until
from tests.gui.test_devices_weigh import rig_file  # noqa: F401  a fixture
from tests.vision.rack_scenes import photograph
from vision.picture import load_image
from vision.profile import Profile
from vision.reader import unknown
from vision.reading import Doubt

SHIPPED = load_rig(path("rigs/virtual.toml"))
VIAL = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0)
DRAFT = ViewDraft((265.6, 62.4, 374.4, 446.4), 440.0, (384.0, 270.0, 410.0, 420.0), 17.0, 60.0)


def test_scale_and_inner_bottom_follow_from_the_box_and_the_vial() -> None:
    assert DRAFT.px_per_mm == pytest.approx(6.4)
    assert replace(DRAFT, scale_by="diameter").px_per_mm == pytest.approx(6.4)
    assert inner_bottom(DRAFT.box, VIAL) == pytest.approx(440.0)
    assert DRAFT.spec(VIAL) == SHIPPED.view
    assert DRAFT.warning() == ""
    assert "by diameter 5.44" in replace(DRAFT, outer_mm=20.0).warning()


def test_a_new_white_patch_stands_beside_the_vial_in_the_picture() -> None:
    for box in (DRAFT.box, (10.0, 50.0, 110.0, 440.0), (520.0, 50.0, 630.0, 440.0)):
        white = white_beside(box, (640, 480))
        assert 0 <= white[0] < white[2] <= 640
        assert not replace(DRAFT, box=box, white=white).mistakes(VIAL)


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (replace(DRAFT, base_row=50.0), "inner bottom"),
        (replace(DRAFT, white=(300.0, 100.0, 330.0, 200.0)), "over the vial"),
        (replace(DRAFT, fills=((1000.0, 5.7), (1000.0, 5.7))), "must be seen higher"),
        (replace(DRAFT, fills=((1000.0, 1.0), (9000.0, 10.0))), "check the vial's bore"),
        (replace(DRAFT, fills=((1000.0, 22.0), (4000.0, 5.0))), "must be seen higher"),
        (replace(DRAFT, fills=((0.0, 0.0), (0.0, 0.0))), "type how much"),
        (replace(DRAFT, fills=((0.0, 5.0), (4000.0, 22.0))), "type how much"),
        (replace(DRAFT, base_row=200.0), "inner bottom"),
        (replace(DRAFT, box=(265.6, 62.4, 273.6, 446.4)), "shape of this vial"),
        (replace(DRAFT, box=(-0.5, -0.5, 639.5, 479.5)), "shape of this vial"),
    ],
)
def test_mistakes_are_told(draft: ViewDraft, said: str) -> None:
    assert said in " ".join(draft.mistakes(VIAL))
    with pytest.raises(ValueError, match=said):
        draft.spec(VIAL)


def test_two_fills_in_any_order_make_a_volume_scale() -> None:
    truth = Profile.cylinder(15.0)
    fills = tuple((1.05 * truth.volume_at(mm) - 20.0, mm) for mm in (25.0, 6.0))
    volume = replace(DRAFT, fills=fills).volume(VIAL)
    assert volume is not None
    assert volume.factor == pytest.approx(1.05, abs=1e-4)
    assert volume.offset_ul == pytest.approx(-20.0, abs=0.1)
    assert 0 < volume.factor_sd < 0.02


@pytest.fixture
def tab(qtbot: QtBot) -> ViewTab:
    made = ViewTab()
    qtbot.addWidget(made)
    made.set_theme(DARK)
    made.resize(1180, 640)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_without_rig_or_picture_nothing_can_be_used(tab: ViewTab) -> None:
    assert "No rig" in tab.picture.empty.text()
    assert not any(each.isEnabled() for each in (tab.take, tab.propose, tab.save, tab.keys, tab.white))
    tab.show_rig(replace(SHIPPED, camera=None))
    assert "no camera" in tab.picture.empty.text()
    assert not tab.take.isEnabled()
    tab.show_rig(SHIPPED)
    assert tab.take.isEnabled()
    assert not tab.save.isEnabled()


def test_arrow_keys_move_what_was_chosen(tab: ViewTab) -> None:
    tab.show_rig(SHIPPED)
    tab.show_picture(np.full((480, 640, 3), 200, np.uint8))
    tab.window().activateWindow()
    before = tab.draft()
    tab.keys.buttons["bottom"].click()
    QTest.keyClick(tab.picture.view, Qt.Key.Key_Up)
    assert tab.draft() == replace(before, base_row=before.base_row - 1)
    tab.keys.buttons["box"].click()
    QTest.keyClick(tab.picture.view, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert tab.draft().box[2] == before.box[2] + 1
    assert tab.draft().by_diameter == pytest.approx(before.by_diameter + 1 / 17)
    tab.keys.buttons["white"].click()
    QTest.keyClick(tab.picture.view, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(tab.picture.view, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert "over the vial" in tab.told.text()
    assert not tab.save.isEnabled()


def test_one_of_the_proposed_boxes_is_taken_by_a_click_or_from_the_list(tab: ViewTab) -> None:
    tab.show_rig(replace(SHIPPED, view=None))
    tab.show_picture(np.full((480, 640, 3), 200, np.uint8))
    boxes = [(20.0, 60.0, 120.0, 450.0), (270.0, 60.0, 370.0, 450.0), (500.0, 60.0, 600.0, 450.0)]
    tab.show_vials(boxes)
    assert tab.draft().box == boxes[1], "the one in the middle"
    assert tab.which.currentText() == "Box 2"
    assert tab.draft().base_row == pytest.approx(inner_bottom(boxes[1], SHIPPED.rack.vial))
    port = tab.picture.view
    at = port.mapFromScene(tab.picture.port.mapViewToScene(QPointF(550.0, 200.0)))
    QTest.mouseClick(port.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert tab.draft().box == boxes[2]
    tab.which.setCurrentIndex(0)
    tab.which.activated.emit(0)
    assert tab.draft().box == boxes[0]


def at_station(rig: RigSpec, slot: str, *, homed: bool = True) -> Any:
    """What the set-up asks of an open rig."""
    return SimpleNamespace(
        spec=rig, stage=SimpleNamespace(homed=homed, position_mm=lambda: (*rig.rack.position_mm(slot), 0.0))
    )


def test_markers_on_the_rack_tell_the_station_s_view(tab: ViewTab) -> None:
    rig = rig_with()
    image = photograph(board_of(rig), STAND)
    (boxes, view), said = view_work.vials(at_station(rig, "B2"), image)
    assert view is not None
    assert boxes == [view.box_px]
    assert "where B2 is" in said
    assert ("moved by" in said) == (rig.view is not None)
    x0, y0, x1, y1 = view.box_px
    kept = replace(view, box_px=(x0 + 12, y0, x1 + 12, y1), colours="colours.json")
    (_, again), said = view_work.vials(at_station(replace(rig, view=kept), "B2"), image)
    assert "the camera has moved by 12 px" in said
    assert again is not None
    assert again.colours == "colours.json"
    tab.show_rig(rig)
    tab.show_picture(image)
    tab.show_vials(boxes, view)
    assert tab.draft().box == pytest.approx(view.box_px, abs=0.6)
    assert tab.draft().base_row == pytest.approx(view.base_row, abs=0.6)
    assert tab.white.isChecked() == (view.white_px is not None)


def test_the_picture_of_a_real_camera_is_kept_beside_the_rig_file(rig_file: Path) -> None:  # noqa: F811
    assert SHIPPED.view is not None
    image = np.full((480, 640, 3), (10, 20, 30), np.uint8)
    view_work.save_view(replace(SHIPPED, simulated=True), SHIPPED.view, image, rig_file)
    assert load_rig(rig_file).view == SHIPPED.view
    view_work.save_view(replace(SHIPPED, simulated=False), SHIPPED.view, image, rig_file)
    view = load_rig(rig_file).view
    assert view is not None
    assert Path(view.picture).parent == rig_file.parent
    assert np.array_equal(load_image(view.picture), image)


def test_a_view_that_cannot_be_saved_leaves_the_old_one_with_its_picture(rig_file: Path) -> None:  # noqa: F811
    assert SHIPPED.view is not None
    rig, old = replace(SHIPPED, simulated=False), np.full((480, 640, 3), 60, np.uint8)
    view_work.save_view(rig, SHIPPED.view, old, rig_file)
    with pytest.raises(RigFileError):
        view_work.save_view(rig, replace(SHIPPED.view, px_per_mm=-1.0), old + 100, rig_file)
    view = load_rig(rig_file).view
    assert view is not None
    assert view.px_per_mm == SHIPPED.view.px_per_mm
    assert np.array_equal(load_image(view.picture), old)


@pytest.mark.parametrize(("code", "why"), [(3, "black"), (255, "overexposed")])
def test_a_picture_that_shows_nothing_is_told_and_not_kept(rig_file: Path, code: int, why: str) -> None:  # noqa: F811
    assert SHIPPED.view is not None
    image = np.full((480, 640, 3), code, np.uint8)
    camera: Any = SimpleNamespace(camera=SimpleNamespace(capture=lambda: SimpleNamespace(image=image)))
    assert why in view_work.picture(camera)[1]
    with pytest.raises(ValueError, match=why):
        view_work.save_view(replace(SHIPPED, simulated=False), SHIPPED.view, image, rig_file)
    assert not list(rig_file.parent.glob("*.png"))


@pytest.mark.parametrize("width", [640, 1920, 2592, 3840])
def test_a_large_picture_is_drawn_with_fewer_pixels_each_where_it_was(tab: ViewTab, width: int) -> None:
    tab.show_rig(SHIPPED)
    image = np.zeros((width * 3 // 4, width, 3), np.uint8)
    image[:, 300:] = 255
    tab.show_picture(image)
    picture = tab.picture
    drawn = picture.image.image
    assert picture.size_px == (width, width * 3 // 4)
    assert drawn.shape[1] <= 1920
    first = int(np.argmax(drawn[-1, :, 0] > 0))
    where = picture.image.mapToParent(QPointF(first + 0.5, 0.5))
    assert where.x() == pytest.approx(300, abs=1e-6)


def test_a_level_that_the_eye_does_not_see_is_no_figure_until_the_line_is_dragged(tab: ViewTab) -> None:
    image = np.full((480, 640, 3), 200, np.uint8)
    tab.show_rig(SHIPPED)
    tab.show_picture(image)
    tab.fills.setChecked(True)
    for box, value in zip((*tab.volumes, *tab.levels), (1.0, 4.0, 5.8, 22.9), strict=True):
        box.setValue(value)
    assert tab.save.isEnabled()
    spec = tab.draft().spec(SHIPPED.rack.vial)
    view = view_of(replace(SHIPPED, view=spec))
    assert view is not None
    tab.show_level((image, unknown(view, Doubt.GLARE)))
    assert tab.picture.level.isVisible()
    assert tab.levels[0].value() == 0.0
    assert not tab.save.isEnabled()
    tab.picture.level.place(tab.picture.bottom.row - 6.4 * 5.8)
    tab.picture.levelled.emit()
    assert tab.levels[0].value() == pytest.approx(5.8)
    assert tab.save.isEnabled()


def test_what_is_typed_for_two_fills_is_asked_for_at_once(tab: ViewTab) -> None:
    tab.show_rig(SHIPPED)
    tab.show_picture(np.full((480, 640, 3), 200, np.uint8))
    assert tab.save.isEnabled()
    tab.fills.click()
    assert not tab.save.isEnabled()
    assert "type how much" in tab.told.text()


def test_a_picture_that_comes_when_the_rig_is_closed_is_not_shown(tab: ViewTab) -> None:
    tab.show_rig(SHIPPED)
    tab.show_rig(None)
    tab.show_picture(np.full((480, 640, 3), 200, np.uint8))
    assert tab.picture.empty.isVisible()
    assert not tab.propose.isEnabled()


@pytest.mark.parametrize(
    ("chosen", "kind", "written"),
    [
        ("markers", "PDF (*.pdf)", "markers.pdf"),
        ("markers", "SVG (*.svg)", "markers.svg"),
        ("my.svg", "", "my.svg"),
    ],
)
def test_a_marker_sheet_without_an_ending_gets_that_of_its_kind(
    tab: ViewTab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, kind: str, written: str
) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    tab.wanted.connect(lambda what, values: asked.append((what, values)))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / chosen), kind))
    tab._save_sheet()
    assert asked == [("save_marker_sheet", (tmp_path / written,))]


def test_where_the_markers_do_not_tell_it_boxes_are_looked_for_and_why_is_said() -> None:
    rig = rig_with()
    plain = np.full((720, 1280, 3), 200, np.uint8)
    for homed, why in ((False, "Home the stage"), (True, "marker")):
        (boxes, view), said = view_work.vials(at_station(rig, "B2", homed=homed), plain)
        assert (boxes, view) == ([], None)
        assert why in said
        assert "No vial was found" in said


def test_a_view_is_drawn_on_the_bench_s_picture_and_goes_into_the_rig_file(
    qtbot: QtBot,
    make_window: MakeWindow,
    colour: CampaignSpec,
    rig_file: Path,  # noqa: F811
) -> None:
    wiring, page = on_devices(qtbot, make_window, colour, rig_file)
    tab = page.view
    page.tabs.setCurrentWidget(tab)
    until(qtbot, lambda: tab.picture.size_px == (640, 480) and not tab.going)
    click(qtbot, tab.propose)
    until(qtbot, lambda: not tab.going)
    assert "found" in page.words.text()
    tab.picture.draw((266.0, 62.0, 374.0, 446.0), 440.0, (384.0, 270.0, 410.0, 420.0))
    tab.picture.changed.emit()
    tab.fills.setChecked(True)
    click(qtbot, tab.reads[1])
    until(qtbot, lambda: not tab.going and tab.picture.level.isVisible())
    for box, value in zip((*tab.volumes, *tab.levels), (1.0, 4.0, 5.8, 22.9), strict=True):
        box.setValue(value)
    assert "times the vial's own volume" in tab.volume.text()
    until(qtbot, lambda: tab.save.isEnabled() and not wiring.facts.busy)
    page._refused = "A campaign is using the rig."
    click(qtbot, tab.save)
    until(qtbot, lambda: not tab.going)
    assert "mine.toml has it" in page.words.text(), "whatever else may be said"
    view = load_rig(rig_file).view
    assert view is not None
    assert (view.box_px, view.base_row) == ((266.0, 62.0, 374.0, 446.0), 440.0)
    assert view.px_per_mm == pytest.approx(6.4)
    assert view.volume is not None
    assert view.volume.factor == pytest.approx(0.993, abs=0.001)
    page.opened.emit(rig_file)
    until(qtbot, lambda: not tab.save.isEnabled())
    until(qtbot, lambda: tab.save.isEnabled() and not tab.going)
    assert tab.draft().box == view.box_px, "the page that is shown has a picture again by itself"


def test_a_marker_sheet_is_saved(
    qtbot: QtBot,
    make_window: MakeWindow,
    colour: CampaignSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, page = on_devices(qtbot, make_window, colour)
    page.tabs.setCurrentWidget(page.view)
    until(qtbot, lambda: not page.view.going)
    sheet = tmp_path / "none" / "markers.pdf"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(sheet), ""))
    click(qtbot, page.view.sheet)
    until(qtbot, lambda: not page.view.going and "Choose another folder" in page.words.text())
    assert "Errno" not in page.words.text()
    sheet = tmp_path / "markers.pdf"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(sheet), ""))
    click(qtbot, page.view.sheet)
    until(qtbot, lambda: not page.view.going and sheet.exists())
    assert sheet.read_bytes().startswith(b"%PDF-")
    assert "Print it at 100" in page.words.text()


def test_it_fits_the_smallest_screen_with_all_that_it_can_show(tab: ViewTab) -> None:
    tab.show_rig(SHIPPED)
    tab.set_theme(replace(DARK, scale=1.6))
    tab.show_picture(np.full((480, 640, 3), 200, np.uint8))
    tab.show_vials([(20.0, 60.0, 120.0, 450.0), (270.0, 60.0, 370.0, 300.0)])
    assert tab.told.text()
    assert tab.which.isVisible()
    assert tab.minimumSizeHint().width() <= 1160
