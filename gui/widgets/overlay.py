"""A card in the middle of the window, over its page; it blocks nothing, and Stop all stays in sight."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QWidget

from gui.style import mark

TOP_PX = 72


class Overlay(QFrame):
    """Gone with Esc."""

    def __init__(self, window: QWidget, name: str) -> None:
        super().__init__(window)
        self._window = window
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(name)
        mark(self, "card")

    def open(self, width: int | None = None, height: int | None = None) -> None:
        """Show it above the page and take the keys."""
        hint = self.sizeHint()
        self.resize(width or hint.width(), height or hint.height())
        self.move((self._window.width() - self.width()) // 2, TOP_PX)
        self.show()
        self.raise_()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
