"""The space bar sets nothing going that a person did not choose: what loses the focus hands it to no button."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from gui.main_window import MainWindow
from gui.wiring import Wiring
from tests.gui.conftest import MakeWindow
from tests.gui.test_devices import SHIPPED, click, on_devices, until


def space(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Space)


def connected(qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec) -> Wiring:
    wiring = make_window(course)
    qtbot.waitActive(wiring.window)
    wiring.session.connect(course)
    until(qtbot, lambda: wiring.window.actions_["start"].isEnabled())
    return wiring


def with_button(page: QWidget) -> tuple[QWidget, QPushButton]:
    """A part of a page with a button that has the focus."""
    part = QWidget(page)
    button = QPushButton("Do it", part)
    QVBoxLayout(part).addWidget(button)
    part.resize(200, 60)
    part.show()
    button.setFocus()
    assert button.hasFocus()
    return part, button


@pytest.mark.parametrize("how", ["disabled", "hidden", "part disabled", "part hidden", "gone"])
def test_a_button_that_goes_hands_the_focus_to_no_other(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec, how: str
) -> None:
    wiring = connected(qtbot, make_window, course)
    window = wiring.window
    window.show_page("devices")
    part, button = with_button(window.devices_page)
    match how:
        case "disabled":
            button.setEnabled(False)
        case "hidden":
            button.hide()
        case "part disabled":
            part.setEnabled(False)
        case "part hidden":
            part.hide()
        case "gone":
            button.deleteLater()
    until(qtbot, lambda: QApplication.focusWidget() not in (None, button))
    focus = QApplication.focusWidget()
    assert focus is not None
    assert not isinstance(focus, QAbstractButton)
    assert focus in (part, window.devices_page)
    space(qtbot, window)
    qtbot.wait(50)
    assert wiring.state.phase == "Idle"
    assert not wiring.session.facts.starting
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is not focus, "the Tab key goes on from there"


def test_a_window_that_comes_to_the_front_again_gives_no_button_the_focus(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    wiring = connected(qtbot, make_window, course)
    window = wiring.window
    other = QWidget()
    qtbot.addWidget(other)
    _, button = with_button(window.run_page)
    other.show()
    other.activateWindow()
    qtbot.waitActive(other)
    button.hide()
    window.activateWindow()
    until(qtbot, window.isActiveWindow)
    until(qtbot, lambda: QApplication.focusWidget() is not None)
    assert not isinstance(QApplication.focusWidget(), QAbstractButton)


def test_going_to_another_page_presses_nothing_there(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    wiring = connected(qtbot, make_window, course)
    window = wiring.window
    for page in ("setup", "devices", "manual", "run"):
        window.show_page(page)
        assert not isinstance(QApplication.focusWidget(), QAbstractButton), page
    for tab in range(window.devices_page.tabs.count()):
        window.show_page("devices")
        window.devices_page.tabs.setCurrentIndex(tab)
        assert not isinstance(QApplication.focusWidget(), QAbstractButton), tab


def test_a_question_of_the_campaign_takes_no_space_bar(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    window = connected(qtbot, make_window, course).window
    window.show_page("devices")
    _, button = with_button(window.devices_page)
    from gui.notices import Choice, Notice

    chosen: list[str] = []
    window.banner.chosen.connect(chosen.append)
    window.banner.show_notice(Notice("warn", "What now?", (Choice("answer:repeat", "Repeat", filled=True),)))
    button.setEnabled(False)
    space(qtbot, window)
    assert chosen == []
    window.banner.buttons[0].setFocus()
    window.banner.show_notice(Notice("warn", "And now?", (Choice("answer:repeat", "Repeat", filled=True),)))
    space(qtbot, window)
    assert chosen == []


def test_use_in_the_rig_file_and_then_space_starts_nothing(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    wiring, page = on_devices(qtbot, make_window, colour, mine)
    qtbot.waitActive(wiring.window)
    until(qtbot, lambda: wiring.window.actions_["start"].isEnabled())
    page.tabs.setCurrentWidget(page.calibrate)
    tab = page.calibrate
    for _ in range(10):
        tab.add_dose(("red", 200.0))
        tab.table.item(tab.table.rowCount() - 1, 2).setText("196.0")  # type: ignore[union-attr]
    tab.save.setFocus()
    click(qtbot, tab.save)
    for _ in range(5):
        space(qtbot, wiring.window)
        qtbot.wait(20)
    until(qtbot, lambda: not tab.going)
    space(qtbot, wiring.window)
    qtbot.wait(50)
    assert wiring.state.phase == "Idle"
    assert not wiring.session.facts.starting
    assert not tab.save.hasFocus()


def test_a_paused_campaign_goes_on_by_the_space_bar_where_it_is_run_and_not_where_things_are_done_by_hand(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    slow = replace(course, mode="approve")
    wiring = connected(qtbot, make_window, slow)
    window = wiring.window
    wiring.do("start")
    until(qtbot, lambda: wiring.state.phase == "Running")
    for page in ("devices", "manual"):
        window.show_page(page)
        if wiring.state.phase == "Running":
            space(qtbot, window)
            until(qtbot, lambda: wiring.state.phase == "Held")
        space(qtbot, window)
        qtbot.wait(100)
        assert wiring.state.phase == "Held"
    assert "on the page Run" in window.status.notes.toolTip() + window.status.notes.text()
    window.show_page("run")
    space(qtbot, window)
    until(qtbot, lambda: wiring.state.phase == "Running")
