"""Buttons that stand for a command, and one that must be held."""

from PySide6.QtCore import QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget

from gui.style import mark
from gui.theme import CONTROL_PX
from hardware.latch import moment

HOLD_MS = 1000


class ActionButton(QPushButton):
    """Text (unless another is given), tip, icon and enabled state follow the action; `show_action` swaps it."""

    def __init__(self, action: QAction, text: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self._action: QAction | None = None
        self.setMinimumHeight(CONTROL_PX)
        self.setIconSize(QSize(16, 16))
        self.clicked.connect(self._trigger)
        self.show_action(action)

    def show_action(self, action: QAction) -> None:
        if action is self._action:
            return
        if self._action is not None:
            self._action.changed.disconnect(self._follow)
        self._action = action
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        if self._action is None:
            return
        self.setText(self._text or self._action.text())
        self.setToolTip(self._action.toolTip())
        self.setAccessibleName(self._action.text())
        self.setAccessibleDescription(self._action.statusTip())
        filled = self.property("kind") == "filled"
        self.setIcon(QIcon() if filled else self._action.icon())
        self.setEnabled(self._action.isEnabled())

    def fill(self, filled: bool) -> None:
        """Whether this is the next sensible act of the page."""
        mark(self, "filled" if filled else "plain")
        self._follow()

    def _trigger(self) -> None:
        if self._action is not None:
            self._action.trigger()


class HoldButton(QPushButton):
    """Acts after it was held down for a second (mouse, or the space bar); a fill shows how far.

    `held` carries the `latch.moment` at which the press began."""

    held = Signal(object)

    def __init__(self, text: str, fill: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._fill = QColor(fill)
        self._fill.setAlpha(110)
        self._gone_ms = self._began = 0
        self._timer = QTimer(self, interval=40)
        self._timer.timeout.connect(self._tick)
        self.setMinimumHeight(CONTROL_PX)
        self.setToolTip("Hold for one second")
        self.pressed.connect(self._begin)
        self.released.connect(self._end)

    def _begin(self) -> None:
        if not self._timer.isActive():
            self._gone_ms, self._began = 0, moment()
            self._timer.start()

    def _end(self) -> None:
        if self.isDown():
            return
        self._timer.stop()
        self._gone_ms = 0
        self.update()

    def _tick(self) -> None:
        self._gone_ms += self._timer.interval()
        self.update()
        if self._gone_ms >= HOLD_MS:
            self._timer.stop()
            self._gone_ms = 0
            self.held.emit(self._began)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if self._gone_ms:
            painter = QPainter(self)
            share = min(1.0, self._gone_ms / HOLD_MS)
            painter.fillRect(QRectF(1, 1, (self.width() - 2) * share, self.height() - 2), self._fill)
            painter.end()
