"""Ten doses weighed, a rack by two corners, a self-test: each into a file, on the virtual bench."""

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from gui.panels.devices import DevicesPage
from gui.wiring import Wiring
from hardware.labware import rack_from_corners
from hardware.rig_file import load_rig
from tests.gui.conftest import MakeWindow
from tests.gui.test_devices import SHIPPED, click, on_devices, until
from tests.hardware.test_labware import a_plate


def homed(qtbot: QtBot, wiring: Wiring) -> None:
    wiring.session.by_hand("Homing the stage", "home")
    until(qtbot, lambda: wiring.session.homed and not wiring.session.facts.busy and not wiring.facts.busy)


def drive(qtbot: QtBot, wiring: Wiring, page: DevicesPage, x_mm: float, y_mm: float) -> None:
    wiring.session.by_hand("Moving the stage", "move_to", x_mm, y_mm, 0.0)
    until(qtbot, lambda: not wiring.session.facts.busy and not wiring.facts.busy)
    until(qtbot, lambda: page.rack.stage.digits[0].text() == f"{x_mm:.2f}" and page.rack.first.isEnabled())


@pytest.fixture
def rig_file(tmp_path: Path) -> Path:
    made = tmp_path / "mine.toml"
    made.write_text(f"# my own words\n{SHIPPED.read_text(encoding='utf-8')}", encoding="utf-8")
    return made


def test_ten_doses_are_weighed_with_enter_and_space_and_go_into_the_rig_file(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, rig_file: Path, qtlog: Any
) -> None:
    wiring, page = on_devices(qtbot, make_window, colour, rig_file)
    homed(qtbot, wiring)
    tab = page.calibrate
    page.tabs.setCurrentWidget(tab)
    until(qtbot, tab.dose.isEnabled)
    tab.dose.setFocus()
    for number in range(10):
        until(qtbot, lambda: tab.dose.isEnabled() and tab.dose.hasFocus())
        assert f"Dose {number + 1} of 10" in tab.now.text()
        volume_ul = 200.0 if number < 5 else 500.0
        qtbot.keyClick(tab.dose, Qt.Key.Key_Space)
        until(qtbot, lambda: not tab.going and isinstance(QApplication.focusWidget(), QLineEdit))
        until(qtbot, lambda n=number: f"Weigh dose {n + 1}" in tab.now.text())
        cell = QApplication.focusWidget()
        qtbot.keyClicks(cell, f"{volume_ul * 0.98 * 0.9982 + (number % 3 - 1) * 0.4:.1f}")
        qtbot.keyClick(cell, Qt.Key.Key_Return)
    until(qtbot, lambda: tab.count.text() == "10 of 10 weighed")
    assert "All doses are weighed" in tab.now.text()
    assert not [record for record in qtlog.records if "editing" in record.message]
    assert tab.result.figures["factor"].text().startswith("0.98")
    assert tab.result.figures["repeatability"].text() != "–"
    click(qtbot, tab.save)
    until(qtbot, lambda: not tab.going)
    assert page.again.isVisible()
    saved = load_rig(rig_file).pumps["red"]
    assert saved.factor == pytest.approx(0.981, abs=0.005)
    text = rig_file.read_text(encoding="utf-8")
    assert text.startswith("# my own words")
    assert "# 10 weighed doses" in text
    assert "# New Era NE-1000 with 60 mL syringes" in text
    click(qtbot, page.again)
    until(qtbot, lambda: wiring.facts.rig is not None and wiring.facts.rig.pumps["red"].factor == saved.factor)
    assert wiring.facts.simulated


def test_a_weight_that_is_none_is_told_and_a_cleared_one_is_left_out(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    tab = make_window(colour).window.devices_page.calibrate
    tab.show_rig(load_rig(SHIPPED))
    for weight in ("199.0", "199.4", "199,2", "oops"):
        tab.add_dose(("red", 200.0))
        item = tab.table.item(tab.table.rowCount() - 1, 2)
        assert item is not None
        item.setText(weight)
    assert "'oops' is no weight" in tab.result.advice.text()
    assert not tab.save.isEnabled()
    item = tab.table.item(3, 2)
    assert item is not None
    item.setText("")
    assert tab.count.text() == "3 of 10 weighed"
    assert tab.result.figures["factor"].text().startswith("0.99")


def test_a_rack_by_two_corners_goes_into_the_rig_file(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, rig_file: Path
) -> None:
    wiring, page = on_devices(qtbot, make_window, colour, rig_file)
    page.tabs.setCurrentWidget(page.rack)
    homed(qtbot, wiring)
    drive(qtbot, wiring, page, 14.0, 16.0)
    click(qtbot, page.rack.first)
    assert "Now drive to the last vial" in page.rack.told.text()
    drive(qtbot, wiring, page, 133.0, 89.5)
    click(qtbot, page.rack.last)
    assert "turned by" in page.rack.told.text()
    place = page.rack.map.place("B3")
    qtbot.mouseClick(page.rack.map, Qt.MouseButton.LeftButton, pos=place.toPoint())
    until(qtbot, lambda: page.rack.map.slot_at_station == "B3")
    until(qtbot, lambda: page.rack.save.isEnabled() and not wiring.facts.busy)
    click(qtbot, page.rack.save)
    until(qtbot, lambda: not page.rack.going)
    rig = load_rig(rig_file)
    wanted = rack_from_corners((14.0, 16.0), (133.0, 89.5), 4, 6, rig.rack.vial)
    assert rig.rack.position_mm("D6") == pytest.approx((133.0, 89.5), abs=0.01)
    assert rig.rack.pitch_mm == wanted.pitch_mm
    assert "# Level of 4000 µL" in rig_file.read_text(encoding="utf-8")


def test_a_rack_from_a_labware_file_is_named_in_the_rig_file(
    qtbot: QtBot,
    make_window: MakeWindow,
    colour: CampaignSpec,
    rig_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, page = on_devices(qtbot, make_window, colour, rig_file)
    page.tabs.setCurrentWidget(page.rack)
    elsewhere = tmp_path / "downloads"
    elsewhere.mkdir()
    labware = elsewhere / "plate.json"
    labware.write_text(json.dumps(a_plate(4, 6, dx=19.0, dy=19.0)), encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(labware), ""))
    click(qtbot, page.rack.file)
    until(qtbot, lambda: page.rack.save.isEnabled())
    assert "pitch_mm = 19.0" in page.rack.text.toPlainText()
    click(qtbot, page.rack.save)
    until(qtbot, lambda: not page.rack.going)
    rack = load_rig(rig_file).rack
    assert (rack.pitch_mm, rack.a1_mm, rack.vial.capacity_ul) == (19.0, (15.0, 15.0), 3400.0)
    assert 'labware = "plate.json"' in rig_file.read_text(encoding="utf-8")
    assert (tmp_path / "plate.json").exists()


def test_a_shipped_rig_is_saved_as_a_file_first(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring, page = on_devices(qtbot, make_window, colour)
    page.tabs.setCurrentWidget(page.rack)
    homed(qtbot, wiring)
    assert page.rack.save.text() == "Save as a rig file…"
    for corner, at in ((page.rack.first, (15.0, 15.0)), (page.rack.last, (134.0, 87.0))):
        drive(qtbot, wiring, page, *at)
        click(qtbot, corner)
    file = tmp_path / "copy.toml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    click(qtbot, page.rack.save)
    until(qtbot, lambda: not page.rack.going)
    assert load_rig(file).name == "Virtual bench"
    assert page.rack.save.text() == "Use in the rig file"
    assert SHIPPED.read_text(encoding="utf-8") != file.read_text(encoding="utf-8")


def test_the_check_asks_before_anything_moves_and_makes_a_table(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = on_devices(qtbot, make_window, colour, speed=20.0)
    tab = page.check
    page.tabs.setCurrentWidget(tab)
    click(qtbot, tab.start)
    until(qtbot, lambda: tab.yes.isVisible())
    assert "May the stage home?" in tab.question.text()
    rows = tab.table.rowCount()
    click(qtbot, tab.yes)
    until(qtbot, lambda: tab.table.rowCount() > rows)

    def refused_to_the_end() -> bool:
        if tab.no.isVisible():
            click(qtbot, tab.no)
        return not tab.going

    until(qtbot, refused_to_the_end)
    results = {item.text() for row in range(tab.table.rowCount()) if (item := tab.table.item(row, 0)) is not None}
    assert results <= {"ok", "warn", "skipped"}
    assert "skipped" in results
    file = tmp_path / "check.md"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    click(qtbot, tab.save)
    until(qtbot, file.exists)
    until(qtbot, lambda: not tab.going)
    text = file.read_text(encoding="utf-8")
    assert "| device | what | result | detail |" in text
    assert "$I" in text or "VER" in text, "the exchange log is there too"


def test_stop_all_in_a_check_is_not_released_by_it(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    wiring, page = on_devices(qtbot, make_window, colour, speed=20.0)
    page.tabs.setCurrentWidget(page.check)
    click(qtbot, page.check.start)
    until(qtbot, lambda: page.check.yes.isVisible())
    wiring.session.stop_all()
    until(qtbot, lambda: not page.check.going)
    assert wiring.facts.latched
    assert wiring.session._lab.rig is not None
    assert wiring.session._lab.rig.stopped
