"""Whether the window itself stands still: a thread beside it sees that its clock does not tick, and writes it down.

Devices do not depend on the window: their ports have an owner of their own, which stops them when the whole program
falls silent. This is for the case that only the window's thread hangs.
"""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

log = logging.getLogger(__name__)
STALLED_S = 30.0
TICK_MS = 500


class StallWatch(QObject):
    """Made in the GUI thread. `stalled` tells, once the window lives again, for how many seconds it did not."""

    stalled = Signal(float)

    def __init__(
        self, parent: QObject, limit_s: float = STALLED_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._limit_s, self._clock = limit_s, clock
        self._ticked_s = clock()
        self._thread = threading.get_ident()
        self._closing = threading.Event()
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        threading.Thread(target=self._look, name="aliquot-stall", daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._timer.stop()

    def _tick(self) -> None:
        before, self._ticked_s = self._ticked_s, self._clock()
        if (stood_s := self._ticked_s - before) > self._limit_s:
            log.warning("the window goes on after %.0f s", stood_s)
            self.stalled.emit(stood_s)

    def _look(self) -> None:
        told_s = None
        while not self._closing.wait(min(1.0, self._limit_s / 4)):
            ticked_s = self._ticked_s
            if self._clock() - ticked_s > self._limit_s and told_s != ticked_s:
                told_s = ticked_s
                frame = sys._current_frames().get(self._thread)
                where = "".join(traceback.format_stack(frame)) if frame is not None else "unknown\n"
                log.warning("the window has stood still for %.0f s, in:\n%s", self._limit_s, where)
