"""What the tabs of the Devices page share: a card, a request, and whether the rig may be used now."""

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QPushButton, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from gui.style import mark
from gui.theme import CONTROL_PX, GRID_PX, Theme
from gui.widgets.card import Card


class DevicesTab(QWidget):
    """`wanted` carries the name of a method of DeviceWork and its values."""

    wanted = Signal(str, tuple)

    def __init__(self, title: str) -> None:
        super().__init__()
        self.card = Card(title)
        self.refused: str | None = "Opening the rig…"
        self.going = False
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        column.addWidget(self.card)

    def ask(self, what: str, *values: Any) -> None:
        self.going = True
        self.fit()
        self.wanted.emit(what, values)

    def allow(self, refused: str | None) -> None:
        """Why the rig may not be used now, or None when it may."""
        if refused != self.refused:
            self.refused = refused
            self.fit()

    def ended(self) -> None:
        """The last request has come to its end."""
        self.going = False
        self.fit()

    def fit(self) -> None:
        """Enable what may be used."""

    def set_theme(self, theme: Theme) -> None:
        self.card.set_theme(theme)


def button(text: str, tip: str, *, filled: bool = False) -> QPushButton:
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setAccessibleName(text)
    made.setMinimumHeight(CONTROL_PX)
    if filled:
        mark(made, "filled")
    return made


def table(name: str, columns: tuple[str, ...], wide: int) -> QTableWidget:
    """A table to read; the column `wide` takes what room is left."""
    made = QTableWidget(0, len(columns))
    made.setAccessibleName(name)
    made.setHorizontalHeaderLabels(columns)
    made.verticalHeader().hide()
    made.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    made.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    made.setWordWrap(False)
    made.setShowGrid(False)
    header = made.horizontalHeader()
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
