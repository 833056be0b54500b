"""A card: a titled panel with a rounded border, the unit of every page."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui.style import mark
from gui.theme import DARK, GRID_PX, PADDING_PX, Theme


class Wrapped(QLabel):
    """Text that wraps in the height it is given. A label whose height follows its width makes box layouts forget
    the smallest sizes of their other parts."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return False


def label(text: str = "", kind: str = "", *, wrap: bool = False, name: str = "") -> QLabel:
    """A label dressed by the style sheet; a wrapped one never asks for more width than it is given."""
    made = Wrapped(text) if wrap else QLabel(text)
    if kind:
        mark(made, kind)
    if name:
        made.setObjectName(name)
    return made


class Card(QFrame):
    """`header` takes controls to the right of the title; `body` takes what the card shows."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        mark(self, "card")
        self.setAccessibleName(title)
        self.theme: Theme = DARK
        self.title = label(title, "cardTitle")
        self.header = QHBoxLayout()
        self.header.setSpacing(GRID_PX)
        self.header.addWidget(self.title)
        self.header.addStretch(1)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(PADDING_PX, GRID_PX, PADDING_PX, GRID_PX)
        self.body.setSpacing(GRID_PX)
        self.body.addLayout(self.header)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme


class Empty(Wrapped):
    """What a panel says while it has nothing to show."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        mark(self, "muted")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
