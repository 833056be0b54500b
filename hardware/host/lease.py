"""The lease: the program says every tenth of a second that it is alive, and the owner stops everything when not."""

import os
import sys
import threading
import time
from collections.abc import Callable

BEAT_S = 0.1
_LOOK_S = 0.02


class Lease:
    """Calls `expired(why)` once each time the program was silent for `lease_s`, and when its process is gone."""

    def __init__(self, lease_s: float, expired: Callable[[str], None]) -> None:
        self._lease_s = lease_s
        self._expired = expired
        self._beat_s = time.monotonic()
        self._parent = os.getppid()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lease", daemon=True)

    def begin(self) -> None:
        self._beat_s = time.monotonic()
        self._thread.start()

    def beat(self) -> None:
        self._beat_s = time.monotonic()

    def end(self) -> None:
        self._ended.set()

    def _watch(self) -> None:
        late = False
        while not self._ended.wait(_LOOK_S):
            if sys.platform != "win32" and os.getppid() != self._parent:
                self._expired("the program has ended")
                return
            silent_s = time.monotonic() - self._beat_s
            if silent_s <= self._lease_s:
                late = False
            elif not late:
                late = True
                self._expired(f"the program has not answered for {silent_s:.1f} s")
