"""Spin box, combo, slider and a row of buttons of which one is down, each with its accessible name."""

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QDoubleSpinBox, QHBoxLayout, QPushButton, QSlider, QWidget


class NumberBox(QDoubleSpinBox):
    """A comma is a decimal point too: Qt alone takes 1,5 for 15."""

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        return super().validate(text.replace(",", "."), at)

    def valueFromText(self, text: str) -> float:  # noqa: N802
        return super().valueFromText(text.replace(",", "."))


def spin(name: str) -> QDoubleSpinBox:
    """A spin box that reports when the typing is done, digits on the right."""
    made = NumberBox()
    made.setAccessibleName(name)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    made.setKeyboardTracking(False)
    return made


def combo(name: str, tip: str = "") -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(tip or name)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made


def explain(box: QComboBox, sentences: Iterable[str]) -> None:
    """A sentence on each choice, told where the mouse rests on it and by a screen reader."""
    for i, sentence in enumerate(sentences):
        for role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            box.setItemData(i, sentence, role)


class QuietSlider(QSlider):
    def __init__(self, name: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setMinimumHeight(28)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Toggle(QWidget):
    """Buttons side by side, exactly one of them down."""

    chosen = Signal(str)

    def __init__(self, name: str, choices: dict[str, str]) -> None:
        super().__init__()
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for key, words in choices.items():
            button = QPushButton(words)
            button.setCheckable(True)
            button.setStyleSheet("padding: 4px 8px;")
            button.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self.group.addButton(button)
            self.buttons[key] = button
            row.addWidget(button)
        self.fit()

    def fit(self) -> None:
        """No button is narrower than its words; call it when the text size has changed."""
        for button in self.buttons.values():
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(button.text()) + 22)

    @property
    def value(self) -> str:
        return next((key for key, button in self.buttons.items() if button.isChecked()), "")

    def set_value(self, key: str) -> None:
        """Show a choice without telling anybody."""
        self.buttons[key].setChecked(True)
