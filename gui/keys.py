"""What must work, or must not happen, wherever the focus is. One filter on the application, since each costs.

Keys: Stop all, Space, Enter. The wheel scrolls the page; it changes a spin box or a combo box only while that has
the focus.
"""

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

TWICE_WITHIN_S = 0.6
SAME_PRESS_S = 0.02
_WATCHED = frozenset(
    (QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride, QEvent.Type.Wheel)
)


class InputFilter(QObject):
    """Esc twice within 0.6 s counts presses, not deliveries: Qt hands one press to a widget and its parents."""

    stop_all = Signal()
    space = Signal()
    enter = Signal()

    def __init__(self, window: QWidget, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(window)
        self._window = window
        self._clock = clock
        self._escaped_s = float("-inf")
        self._pressed_s = float("-inf")
        self._escape_down = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        kind = event.type()
        if kind not in _WATCHED:
            return False
        if kind == QEvent.Type.Wheel:
            stray = isinstance(watched, QAbstractSpinBox | QComboBox) and not watched.hasFocus()
            if stray:
                event.ignore()
            return stray
        if not isinstance(event, QKeyEvent) or not isinstance(watched, QWidget):
            return False
        key = event.key()
        if kind == QEvent.Type.KeyRelease:
            if key == Qt.Key.Key_Escape and not event.isAutoRepeat():
                self._escape_down = False
            return False
        if event.isAutoRepeat():
            return False
        if kind == QEvent.Type.ShortcutOverride:
            if key == Qt.Key.Key_Escape:
                self._escape()
            return False
        if key == Qt.Key.Key_Pause or (
            key == Qt.Key.Key_Period and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self.stop_all.emit()
            return True
        return self._page_key(watched, event, key)

    def _escape(self) -> None:
        now = self._clock()
        if self._escape_down and now - self._pressed_s < SAME_PRESS_S:
            return
        self._pressed_s = now
        twice = now - self._escaped_s <= TWICE_WITHIN_S
        self._escape_down = True
        self._escaped_s = float("-inf") if twice else now
        if twice:
            self.stop_all.emit()

    def _page_key(self, watched: QWidget, event: QKeyEvent, key: int) -> bool:
        focus = QApplication.focusWidget()
        if event.modifiers() not in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier):
            return False
        if watched.window() is not self._window or QApplication.activePopupWidget() is not None:
            return False
        if key == Qt.Key.Key_Space and not takes_text(focus) and not isinstance(focus, QAbstractButton):
            self.space.emit()
            return True
        enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not takes_enter(focus) and not owns_enter(watched):
            self.enter.emit()
            return True
        return False


def takes_text(widget: QWidget | None) -> bool:
    """Whether a letter typed there is text."""
    return isinstance(widget, QLineEdit | QAbstractSpinBox | QComboBox | QTextEdit | QPlainTextEdit)


def takes_enter(widget: QWidget | None) -> bool:
    return takes_text(widget) or isinstance(widget, QAbstractButton | QAbstractItemView)


def owns_enter(widget: QWidget | None) -> bool:
    """Whether it lies in a card that has an Enter of its own, as its property `ownEnter` says."""
    while widget is not None and not widget.property("ownEnter"):
        widget = widget.parentWidget()
    return widget is not None
