"""The one door between threads: the only QObject that other threads touch.

States and models are latest-wins: while the window has not taken the last one, a newer one replaces it, so a
campaign at a thousand times real speed cannot flood the window. Events come one by one.
"""

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

TOGETHER_MS = 30
"""What comes within so short a time is painted once."""
_LATEST = ("state", "model", "insight", "facts", "reading", "position")


class Bridge(QObject):
    """`post_*` and `tell_device` from any thread; the signals come in the thread that made the bridge.

    Qt owns it, through its parent: a worker may drop the last Python reference, and an object of Qt that ends in
    another thread than its own takes the program with it. After `end` nothing is told any more.
    """

    state_changed = Signal(object)
    event_happened = Signal(object)
    model_changed = Signal(object)
    insight_changed = Signal(object)
    facts_changed = Signal(object)
    reading_changed = Signal(object)
    position_changed = Signal(object)
    opened = Signal(object)
    told = Signal(str, str)
    hand_told = Signal(str)
    corrected = Signal(str)
    device_told = Signal(str, object)
    plugged = Signal(object)
    report_ready = Signal(str)
    closed = Signal()
    _wake = Signal()
    _happened = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._ended = False
        self._waiting: dict[str, Any] = {}
        self._deliver: dict[str, Callable[[Any], None]] = {
            name: getattr(self, f"{name}_changed").emit for name in _LATEST
        }
        self._soon = QTimer(self, singleShot=True, interval=TOGETHER_MS)
        self._soon.timeout.connect(self._take)
        self._wake.connect(self._soon.start, Qt.ConnectionType.QueuedConnection)
        self._happened.connect(self.event_happened, Qt.ConnectionType.QueuedConnection)

    def post_state(self, state: object) -> None:
        self._post("state", state)

    def post_model(self, posterior: object) -> None:
        self._post("model", posterior)

    def post_insight(self, insight: object) -> None:
        self._post("insight", insight)

    def post_facts(self, facts: object) -> None:
        self._post("facts", facts)

    def post_reading(self, reading: object) -> None:
        self._post("reading", reading)

    def post_position(self, position_mm: object) -> None:
        self._post("position", position_mm)

    def post_event(self, event: object, state: object) -> None:
        """What a campaign's listener calls."""
        self._happened.emit(event)
        self._post("state", state)

    def tell_device(self, what: str, payload: object) -> None:
        if not self._ended:
            self.device_told.emit(what, payload)

    def tell_plugged(self, change: object) -> None:
        if not self._ended:
            self.plugged.emit(change)

    def end(self) -> None:
        """The last word: all that stood behind the window is closed."""
        self._ended = True
        self.closed.emit()

    def _post(self, name: str, value: object) -> None:
        with self._lock:
            sleeping = not self._waiting
            self._waiting[name] = value
        if sleeping and not self._ended:
            self._wake.emit()

    def _take(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for name, value in waiting.items():
            self._deliver[name](value)
