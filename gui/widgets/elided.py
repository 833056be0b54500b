"""One line of text that never asks for more room than there is."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from gui.style import mark


class Elided(QLabel):
    """One line that ends in dots when it does not fit; the tool tip has all of it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._full = ""
        mark(self, kind)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def say(self, text: str) -> None:
        if text != self._full:
            self._full = text
            self.setToolTip(text)
            self._fit()

    @property
    def full(self) -> str:
        return self._full

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        fits = QFontMetrics(self.font()).elidedText(self._full, Qt.TextElideMode.ElideRight, max(0, self.width()))
        self.setText(fits)
