"""A caption over an editor that can be outlined as bad, and the line of sentences that says why."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from gui.style import mark
from gui.theme import CONTROL_PX

Raw = str | int | float | bool | list[object] | dict[str, object]


def read(text: str) -> Raw:
    """What was typed, as a campaign file would hold it: a whole number, a number, or the text itself."""
    stripped = text.strip()
    for kind in (int, float):
        try:
            return kind(stripped)
        except ValueError:
            continue
    return stripped


def shown(value: object) -> str:
    """A value of a campaign file, as it is typed."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)


class Line(QLineEdit):
    """A one-line editor; `number` aligns it right."""

    def __init__(self, name: str, changed: Callable[[], None], *, number: bool = False, width: int = 0) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMinimumHeight(CONTROL_PX)
        if number:
            self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if width:
            self.setMaximumWidth(width)
        self.textEdited.connect(lambda _: changed())


class Field(QWidget):
    """place: where the value stands in a campaign file ("stop.budget")."""

    def __init__(self, place: str, caption: str, editor: QWidget, tip: str = "") -> None:
        super().__init__()
        self.place = place
        self.editor = editor
        head = QLabel(caption)
        mark(head, "caption")
        head.setBuddy(editor)
        if not editor.accessibleName():
            editor.setAccessibleName(caption)
        self._tip = tip
        editor.setToolTip(tip)
        editor.setAccessibleDescription(tip)
        editor.setMinimumHeight(CONTROL_PX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(head)
        column.addWidget(editor)
        self.caption = caption
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def set_tip(self, tip: str) -> None:
        """Another explanation, as soon as nothing is wrong with the value."""
        if self.editor.toolTip() == self._tip:
            self.editor.setToolTip(tip)
        self._tip = tip
        self.editor.setAccessibleDescription(tip)

    def say(self, sentence: str | None) -> None:
        """Outline the editor; the tool tip says why. None: all is well."""
        mark(self.editor, "bad" if sentence else "plain")
        self.editor.setToolTip(sentence or self._tip)


class Sentences(QLabel):
    """What is wrong in a card, a line per field, below the fields."""

    def __init__(self) -> None:
        super().__init__(wordWrap=True)
        mark(self, "bad")
        self.hide()

    def say(self, lines: Iterable[str]) -> None:
        text = "\n".join(lines)
        self.setText(text)
        self.setVisible(bool(text))


def choose(combo: QComboBox, key: object) -> None:
    """Show the entry that holds `key`, telling nobody."""
    combo.blockSignals(True)
    combo.setCurrentIndex(max(0, combo.findData(key)))
    combo.blockSignals(False)
