"""Text that wraps and always has the height that it needs, within a layout that keeps the sizes of the others."""

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy

from gui.style import mark
from gui.widgets.card import Wrapped


class Paragraph(Wrapped):
    """least: lines that are kept free even for a shorter text, so that nothing below moves when it changes."""

    def __init__(self, text: str = "", kind: str = "", *, least: int = 1, most: int = 0) -> None:
        super().__init__(text)
        self._least, self._most = least, most
        if kind:
            mark(self, kind)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def say(self, text: str, kind: str | None = None) -> None:
        if kind is not None:
            mark(self, kind)
        if text != self.text():
            self.setText(text)
            self.setToolTip(text if self._most else "")
            self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(0, self._least * self.fontMetrics().lineSpacing() + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return self.sizeHint()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        """Only on the screen: a page that is not shown has no width yet, and would ask for a great height."""
        if not self.isVisible():
            return
        line = self.fontMetrics().lineSpacing()
        flags = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextExpandTabs)
        room = self.fontMetrics().boundingRect(0, 0, max(40, self.width()), 10_000, flags, self.text())
        wanted = max(room.height(), self._least * line)
        if self._most:
            wanted = min(wanted, self._most * line)
        if wanted + 2 != self.height():
            self.setFixedHeight(wanted + 2)
