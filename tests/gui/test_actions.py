"""The table of commands, the keys that work everywhere, and the palette."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence, QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QMainWindow, QSpinBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.actions import COMMANDS, Actions, Situation, command, tip
from gui.keys import InputFilter
from gui.widgets.palette import KeyList, Palette, fits


def test_every_command_has_a_name_of_its_own_a_tip_and_readable_keys() -> None:
    names = [c.name for c in COMMANDS]
    assert len(set(names)) == len(names)
    keys = [QKeySequence(k).toString() for c in COMMANDS for k in c.keys]
    assert all(keys)
    assert len(set(keys)) == len(keys)
    assert all(c.tip for c in COMMANDS)
    assert tip(command("pause")).endswith("(Space)")


def test_stop_all_is_never_disabled(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    actions = Actions(window)
    for phase in ("Idle", "Running", "Held", "Aborted", "Complete", None):
        actions.show_situation(Situation(phase, looking_only=True))  # type: ignore[arg-type]
        assert actions["stop_all"].isEnabled()


@pytest.mark.parametrize(
    ("phase", "enabled"),
    [
        ("Idle", {"start"}),
        ("Running", {"pause", "stop_after"}),
        ("Held", {"resume", "stop_after"}),
        ("Aborted", set()),
        ("Complete", {"start"}),
    ],
)
def test_each_phase_allows_what_makes_sense(qtbot: QtBot, phase: str, enabled: set[str]) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    actions = Actions(window)
    actions.show_situation(Situation(phase, ready=True))  # type: ignore[arg-type]
    of_interest = {"start", "pause", "resume", "stop_after"}
    assert {name for name in of_interest if actions[name].isEnabled()} == enabled


def test_a_question_is_answered_before_the_campaign_is_resumed(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    actions = Actions(window)
    actions.show_situation(Situation("Held", asked=True))
    assert not actions["resume"].isEnabled()


class Keyed:
    """A window with a text field and the filter, and what the filter said."""

    def __init__(self, qtbot: QtBot, qapp: QApplication) -> None:
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.line, self.combo, self.spin = QLineEdit(), QComboBox(), QSpinBox()
        self.combo.addItems(["a", "b", "c"])
        self.plain = QWidget()
        self.plain.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self.window)
        for widget in (self.line, self.combo, self.spin, self.plain):
            layout.addWidget(widget)
        self.now_s = 100.0
        self.filter = InputFilter(self.window, lambda: self.now_s)
        qapp.installEventFilter(self.filter)
        self.said: list[str] = []
        for name in ("stop_all", "space", "enter"):
            getattr(self.filter, name).connect(lambda name=name: self.said.append(name))
        self.window.show()
        qtbot.waitActive(self.window).__enter__()
        self.plain.setFocus()


@pytest.fixture
def keyed(qtbot: QtBot, qapp: QApplication) -> Keyed:
    made = Keyed(qtbot, qapp)
    yield made  # type: ignore[misc]
    qapp.removeEventFilter(made.filter)


@pytest.mark.parametrize("field", ["plain", "line"])
def test_stop_all_keys_work_in_every_field(qtbot: QtBot, keyed: Keyed, field: str) -> None:
    widget = getattr(keyed, field)
    widget.setFocus()
    qtbot.keyClick(widget, Qt.Key.Key_Pause)
    qtbot.keyClick(widget, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert keyed.said == ["stop_all", "stop_all"]


def test_escape_counts_twice_within_six_tenths_of_a_second_and_once_per_press(qtbot: QtBot, keyed: Keyed) -> None:
    qtbot.keyClick(keyed.line, Qt.Key.Key_Escape)
    assert keyed.said == []
    keyed.now_s += 0.7
    qtbot.keyClick(keyed.line, Qt.Key.Key_Escape)
    assert keyed.said == []
    keyed.now_s += 0.3
    qtbot.keyClick(keyed.plain, Qt.Key.Key_Escape)
    assert keyed.said == ["stop_all"]
    keyed.now_s += 0.3
    qtbot.keyClick(keyed.plain, Qt.Key.Key_Escape)
    assert keyed.said == ["stop_all"]


def test_space_and_enter_are_text_in_a_field_and_commands_elsewhere(qtbot: QtBot, keyed: Keyed) -> None:
    keyed.line.setFocus()
    qtbot.keyClick(keyed.line, Qt.Key.Key_Space)
    qtbot.keyClick(keyed.line, Qt.Key.Key_Return)
    assert keyed.said == []
    assert keyed.line.text() == " "
    keyed.plain.setFocus()
    qtbot.keyClick(keyed.plain, Qt.Key.Key_Space)
    qtbot.keyClick(keyed.plain, Qt.Key.Key_Return)
    assert keyed.said == ["space", "enter"]


def test_the_wheel_changes_nothing_without_the_focus(qtbot: QtBot, keyed: Keyed, qapp: QApplication) -> None:
    def turn(widget: QWidget) -> None:
        middle = QPointF(widget.rect().center())
        qapp.sendEvent(
            widget,
            QWheelEvent(
                middle, QPointF(widget.mapToGlobal(middle.toPoint())), QPoint(0, -120), QPoint(0, -120),
                Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            ),
        )  # fmt: skip

    keyed.plain.setFocus()
    turn(keyed.combo)
    turn(keyed.spin)
    assert (keyed.combo.currentIndex(), keyed.spin.value()) == (0, 0)
    keyed.combo.setFocus()
    turn(keyed.combo)
    assert keyed.combo.currentIndex() == 1


def test_the_palette_finds_by_letters_and_triggers(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.show()
    actions = Actions(window)
    palette = Palette(window, actions)
    assert palette.list.currentRow() == -1
    with qtbot.waitSignal(actions.wanted) as wanted:
        qtbot.keyClicks(palette.line, "drk")
        qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert wanted.args == ["theme_dark"]
    assert fits("stpall", "Stop all")
    assert not fits("xyz", "Stop all")


def test_the_list_of_keys_names_every_command_that_has_one(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    assert {"Stop all", "Pause", "Find a command…"} <= {label.text() for label in KeyList(window).words}
