"""The one notice under the top bar: what a person must know or decide. Never a pop-up."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from gui.icons import pixmap
from gui.notices import Choice, Notice
from gui.style import mark
from gui.theme import CONTROL_PX, GRID_PX, PADDING_PX, Theme
from gui.widgets.action_button import HoldButton
from gui.widgets.field import Line

_SHAPES = {"ok": "check", "run": "info", "warn": "warn", "fail": "warn", "muted": "info"}


NUMBER_PX = 120
_EDITORS = (QLineEdit, QAbstractSpinBox, QComboBox)


class Banner(QFrame):
    """`chosen` carries the name of the choice, "answer:" and what was typed for a number; of a choice that is held,
    its name, a colon and the moment of the press."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setAccessibleName("Notice")
        self._notice: Notice | None = None
        self._theme: Theme | None = None
        self._icon = QLabel()
        self.text = QLabel(wordWrap=True)
        self.buttons: list[QPushButton] = []
        self.number = Line("The value", self._number_changed, number=True)
        self.number.setFixedWidth(NUMBER_PX)
        self.number.returnPressed.connect(self._enter)
        self._number_for = ""
        self._unit = QLabel()
        self.enter = QPushButton("Enter")
        mark(self.enter, "filled")
        self.enter.setMinimumHeight(CONTROL_PX)
        self.enter.setAccessibleName("Enter the value")
        self.enter.clicked.connect(self._enter)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(PADDING_PX, GRID_PX, PADDING_PX, GRID_PX)
        self._row.setSpacing(GRID_PX)
        self._row.addWidget(self._icon)
        self._row.addWidget(self.text, 1)
        for widget in (self.number, self._unit, self.enter):
            self._row.addWidget(widget)
            widget.hide()
        self.hide()

    def show_notice(self, notice: Notice | None) -> None:
        if notice == self._notice:
            return
        self._notice = notice
        self._build()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._build()

    def _build(self) -> None:
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []
        if self._notice is None or self._theme is None:
            self._number_for = ""
            self.setVisible(False)
            return
        new_number = self._notice.number_for not in ("", self._number_for)
        tone = getattr(self._theme, self._notice.tone)
        self._icon.setPixmap(pixmap(_SHAPES[self._notice.tone], tone, 22))
        self.text.setText(self._notice.text)
        self.setStyleSheet(
            f"QFrame#banner {{ background: {self._theme.raised}; border: none;"
            f" border-left: 4px solid {tone}; border-bottom: 1px solid {self._theme.border}; }}"
        )
        self._ask_number(self._notice)
        before: QWidget = self.enter if self._notice.number_unit is not None else self.text
        for choice in self._notice.choices:
            button = self._button(choice, tone)
            self._row.addWidget(button)
            button.show()
            self.buttons.append(button)
            QWidget.setTabOrder(before, button)
            before = button
        self.setAccessibleDescription(self._notice.text)
        self.setVisible(True)
        if new_number and not isinstance(self.window().focusWidget(), _EDITORS):
            self.number.setFocus()

    def _ask_number(self, notice: Notice) -> None:
        """What was typed stays while the same number is asked for, so that a slip can be put right."""
        asked = notice.number_unit is not None
        if notice.number_for != self._number_for:
            self._number_for = notice.number_for
            self.number.clear()
        self._unit.setText(notice.number_unit or "")
        for widget in (self.number, self.enter):
            widget.setVisible(asked)
        self._unit.setVisible(bool(notice.number_unit))
        self.number.setAccessibleDescription(notice.text if asked else "")
        self._number_changed()

    def _number_changed(self) -> None:
        self.enter.setEnabled(bool(self.number.text().strip()))

    def _enter(self) -> None:
        if typed := self.number.text().strip():
            self.chosen.emit(f"answer:{typed}")

    def _button(self, choice: Choice, tone: str) -> QPushButton:
        if choice.hold:
            button: QPushButton = HoldButton(choice.text, tone)
            assert isinstance(button, HoldButton)  # noqa: S101  # for the type checker
            button.held.connect(lambda began, name=choice.name: self.chosen.emit(f"{name}:{began}"))
        else:
            button = QPushButton(choice.text)
            button.clicked.connect(lambda _=False, name=choice.name: self.chosen.emit(name))
        button.setMinimumHeight(CONTROL_PX)
        button.setAccessibleName(choice.text)
        if choice.filled:
            mark(button, "filled")
        return button
