"""What the tabs of the Devices page share: a card, a request, and whether the rig may be used now."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from gui.style import mark
from gui.theme import CONTROL_PX, GRID_PX, Theme
from gui.widgets.card import Card

RIG_FILES = "Rig files (*.toml)"


class DevicesTab(QWidget):
    """`wanted` carries the name of a method of DeviceWork and its values; `aside` too, for what does not wait for
    the end of anything. `moved` is for the session: what is done in words, the act and its values."""

    wanted = Signal(str, tuple)
    aside = Signal(str, tuple)
    moved = Signal(str, str, tuple)

    def __init__(self, title: str) -> None:
        super().__init__()
        self.card = Card(title)
        self.refused: str | None = "Opening the rig…"
        self.going = ""
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, GRID_PX, 0, 0)
        self.row.setSpacing(GRID_PX)
        self.row.addWidget(self.card)

    @property
    def free(self) -> bool:
        """Whether the rig may be used, and nothing is going on."""
        return self.refused is None and not self.going

    def ask(self, what: str, *values: Any) -> None:
        self.wanted.emit(what, values)

    def allow(self, refused: str | None) -> None:
        """Why the rig may not be used now, or None when it may."""
        if refused != self.refused:
            self.refused = refused
            self.fit()

    def begun(self, what: str) -> None:
        """A request of this page is under way."""
        self.going = what
        self.fit()

    def ended(self) -> None:
        """The last request has come to its end."""
        self.going = ""
        self.fit()

    def fit(self) -> None:
        """Enable what may be used."""

    def able(self, *buttons: QPushButton, when: bool = True) -> None:
        """Enable what needs the rig; a tool tip says why not."""
        for each in buttons:
            each.setEnabled(when and self.free)
            each.setToolTip(self.refused if self.refused and not self.going else str(each.property("tip")))

    def set_theme(self, theme: Theme) -> None:
        self.card.set_theme(theme)


class IntoRigFile:
    """A button that puts a result into the rig file; a rig that comes with Aliquot is saved as a file first."""

    def __init__(self, parent: QWidget, made: QPushButton) -> None:
        self._parent, self.button = parent, made
        self._has_file = False

    def show_file(self, path: Path | None) -> None:
        """The rig file in use; None for a rig that comes with Aliquot."""
        self._has_file = path is not None
        self.button.setText("Use in the rig file" if self._has_file else "Save as a rig file…")
        self.button.setAccessibleName(self.button.text())

    def ask(self) -> tuple[bool, Path | None]:
        """Whether to go on, and the new file when there must be one."""
        if self._has_file:
            return True, None
        path, _ = QFileDialog.getSaveFileName(self._parent, "Save the rig as a file", "rig.toml", RIG_FILES)
        return bool(path), Path(path) if path else None


def typewriter(theme: Theme) -> QFont:
    """For the text of files."""
    font = QFont("monospace")
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPixelSize(theme.px(12))
    return font


def button(text: str, tip: str, *, filled: bool = False, height: int = CONTROL_PX) -> QPushButton:
    made = QPushButton(text)
    made.setProperty("tip", tip)
    made.setToolTip(tip)
    made.setAccessibleName(text)
    made.setAccessibleDescription(tip)
    made.setMinimumHeight(height)
    if height > CONTROL_PX:  # the style sheet's own least height would win
        made.setStyleSheet(f"min-height: {height - 10}px;")
    if filled:
        mark(made, "filled")
    return made


def table(name: str, columns: tuple[str, ...], wide: int) -> QTableWidget:
    """A table to read; the column `wide` takes what room is left."""
    made = QTableWidget(0, len(columns))
    made.setAccessibleName(name)
    made.setHorizontalHeaderLabels(columns)
    made.verticalHeader().hide()
    made.verticalHeader().setDefaultSectionSize(CONTROL_PX)
    made.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    made.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    made.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
    made.setTabKeyNavigation(False)
    made.setWordWrap(False)
    made.setShowGrid(False)
    header = made.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)
    return made


def add_row(to: QTableWidget, *texts: str) -> int:
    """Append; long texts are in the tool tip too."""
    row = to.rowCount()
    to.insertRow(row)
    for column, text in enumerate(texts):
        item = QTableWidgetItem(text)
        item.setToolTip(text)
        to.setItem(row, column, item)
    return row
