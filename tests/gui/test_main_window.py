"""The frame: sizes, pages, themes, tab order, accessible names."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from gui.theme import DARK, LIGHT
from tests.gui.conftest import MakeWindow


def test_it_fits_a_small_screen_in_every_page(qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec) -> None:
    window = make_window(colour).window
    window.resize(1176, 714)
    for page in ("setup", "run", "manual"):
        window.show_page(page)
        assert window.minimumSizeHint().width() <= 1176
        assert window.minimumSizeHint().height() <= 714
        assert (window.width(), window.height()) == (1176, 714)


def test_pages_have_keys_and_the_rail_follows(qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec) -> None:
    wiring = make_window(course)
    for name, page in (("go_setup", "setup"), ("go_manual", "manual"), ("go_run", "run")):
        wiring.window.actions_[name].trigger()
        assert wiring.window.page == page
        assert wiring.window.rail.buttons[page].isChecked()
    assert wiring.window.actions_["go_manual"].shortcut().toString() == "Ctrl+3"


def test_colours_switch_live_and_text_grows(qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec) -> None:
    wiring = make_window(course, theme="dark")
    window = wiring.window

    def ground() -> str:
        return window.status.grab().toImage().pixelColor(2, 3).name().upper()

    assert ground() == DARK.panel
    wiring.do("theme_light")
    assert ground() == LIGHT.panel
    height = window.status.height()
    wiring.do("text_larger")
    wiring.do("text_larger")
    assert window.status.height() > height
    wiring.do("text_normal")
    assert window.status.height() == height


def test_every_control_has_an_accessible_name_and_can_be_reached(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    window = make_window(colour).window
    controls = [
        w
        for kind in (QAbstractButton, QLineEdit, QAbstractSpinBox, QComboBox)
        for w in (*window.findChildren(kind),)
        if not isinstance(w.parent(), QAbstractSpinBox | QComboBox) and not w.objectName().startswith("qt_")
    ]
    assert len(controls) > 40
    nameless = [
        f"{type(w).__name__} in {type(w.parent()).__name__}" for w in controls if not _name(w) and not _inner(w)
    ]
    assert nameless == []


def _name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text


def _inner(widget: QWidget) -> bool:
    """Parts that Qt makes itself: scroll buttons of tab bars, corners of tables."""
    return type(widget).__module__.startswith("PySide6") and type(widget.parent()).__name__ in (
        "QTabBar", "QTableView", "QHeaderView",
    )  # fmt: skip


def test_tab_walks_through_the_set_up_form_in_reading_order(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    window = make_window(course).window
    window.show_page("setup")
    form = window.setup_page
    with qtbot.waitActive(window):
        window.activateWindow()
    form.name.setFocus()
    seen: list[QWidget] = [form.name]
    for _ in range(6):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        seen.append(window.focusWidget())
    row = form.parameters.rows[0]
    assert seen[:5] == [form.name, form.about, row.name, row.kind, row.low]


@pytest.mark.parametrize("text", ["format = 1\nname = 'x'\n", "no toml at all ["])
def test_a_broken_campaign_file_is_told_and_changes_nothing(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec, tmp_path: object, text: str
) -> None:
    from pathlib import Path

    wiring = make_window(course)
    broken = Path(str(tmp_path)) / "broken.toml"
    broken.write_text(text, encoding="utf-8")
    wiring.open(broken)
    assert "broken.toml cannot be used" in wiring.window.banner.text.text()
    assert wiring.window.setup_page.spec == course
