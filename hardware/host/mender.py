"""Devices whose cable was out are connected again by themselves once it is in.

They are found by serial number and asked who they are, nothing else. A stage is then to be homed, and nothing that
was under way is sent again.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from hardware.devices import Device
from hardware.errors import HardwareError

log = logging.getLogger(__name__)
TRY_S = 1.0


class Mender:
    """`lost` says which are out, and why. changed: called when that changes. busy: asked before a try."""

    def __init__(
        self, devices: Mapping[str, Device], busy: Callable[[], bool], changed: Callable[[], None]
    ) -> None:
        self._devices, self._busy, self._changed = devices, busy, changed
        self._lost: dict[str, str] = {}
        self._news = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._mend, name="mends", daemon=True).start()

    @property
    def lost(self) -> Mapping[str, str]:
        return dict(self._lost)

    def note(self, role: str, why: str) -> None:
        """A command found this device disconnected."""
        if role in self._devices:
            self._lost[role] = why
            self._changed()
            self._news.set()

    def end(self) -> None:
        self._ended.set()
        self._news.set()

    def _mend(self) -> None:
        while not self._ended.is_set():
            self._news.wait()
            if self._ended.wait(TRY_S):
                return
            for role in tuple(self._lost):
                if not self._busy():
                    self._try(role)
            if not self._lost:
                self._news.clear()

    def _try(self, role: str) -> None:
        try:
            said = self._devices[role].identify()
        except HardwareError as error:
            self._lost[role] = error.message
        except Exception:  # a driver's bug must not end the mending of the others
            log.exception("%s could not be asked", role)
        else:
            log.warning("%s is connected again: %s", role, said)
            self._lost.pop(role, None)
            self._changed()
