"""A camera that another process reads; its frames come through shared memory."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hardware.devices import Frame, Traffic
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError
from hardware.host.line import Line, OwnerLostError
from hardware.host.messages import Message
from hardware.spec import CameraSpec

if TYPE_CHECKING:
    from hardware.host.frames import FrameReader

log = logging.getLogger(__name__)
ANSWER_S = 5.0
OPEN_S = 30.0
AGAIN_S = 2.0
"""Between two tries to start the process again."""
HUNG_S = 15.0
"""Loading its decoder keeps the process from answering, for seconds on a cold disk."""


class HostedCamera:
    """`open` it, then ask; should its process die it is started again, until `close`."""

    def __init__(self, name: str, spec: CameraSpec) -> None:
        self.name = name
        self._spec = spec
        self._line: Line | None = None
        self._newest: Line | None = None
        """It becomes `_line` once its camera is open: nothing is asked of it before."""
        self._ring: FrameReader | None = None
        self._number = 0
        self._last: Frame | None = None
        self._tried_s = 0.0
        self._opening = threading.Lock()
        self._unwanted = threading.Event()
        self._listeners: list[Callable[[Frame], None]] = []

    def open(self) -> None:
        """Raises NotConnectedError in the driver's words."""
        self._unwanted.clear()
        self._open()

    def _open(self) -> None:
        with self._opening:
            if self._unwanted.is_set() or (self._line is not None and not self._line.dead):
                return
            self._tried_s = time.monotonic()
            self._newest = line = Line(self.name, "hardware.host.eye", self._heard, self._lost, HUNG_S)
            try:
                line.ask({"do": "open", "camera": dataclasses.asdict(self._spec)}, OPEN_S)
            except HardwareError:
                line.close()
                raise
            if self._unwanted.is_set():
                line.close()
            self._line = line

    def _lost(self, why: str) -> None:
        log.warning("the process of %s %s", self.name, why)
        threading.Thread(target=self._again, name=f"{self.name} again", daemon=True).start()

    def _again(self) -> None:
        """A live picture asks nothing, and should come back all the same."""
        while not self._unwanted.wait(AGAIN_S) and self._line is not None and self._line.dead:
            with suppress(HardwareError):
                self._open()

    def close(self) -> None:
        self._unwanted.set()
        for line in (self._newest, self._line):
            if line is not None:
                line.close()
        ring, self._ring = self._ring, None
        if ring is not None:
            ring.close()

    def stop(self) -> None:
        """A camera moves nothing."""

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return ()

    @property
    def health(self) -> str:
        """As the driver's: "live", "late 1.2 s", "frozen picture", "black", "no picture"."""
        return str(self._ask("health"))

    def identify(self) -> str:
        return str(self._ask("identify"))

    def about(self) -> Mapping[str, str]:
        told: Mapping[str, str] = self._ask("about")
        return told

    def listen(self, function: Callable[[Frame], None]) -> Callable[[], None]:
        """Call `function` with every frame, in the line's thread; it must be quick. Returns what ends it."""
        self._listeners.append(function)
        return lambda: self._listeners.remove(function)

    def capture(self, timeout_s: float = 5.0) -> Frame:
        end_s = time.monotonic() + timeout_s
        while True:
            asked_s = time.monotonic()
            number = int(self._ask("capture", timeout_s, patience_s=timeout_s + 1.0))
            ring = self._ring
            frame = ring.get(number) if ring is not None else None
            if frame is None and ring is not None:  # overtaken on the way: a still newer one is as good
                newest = ring.latest()
                frame = newest if newest is not None and newest.taken_s >= asked_s else None
            if frame is not None:
                return frame
            if time.monotonic() >= end_s:
                raise DeviceTimeoutError(self.name, "the picture came and was overtaken; this program is too slow")

    def latest(self) -> Frame | None:
        """The newest frame; the same object until there is a newer one."""
        ring, last = self._ring, self._last
        if ring is not None and (last is None or last.number != self._number):
            self._last = ring.latest() or last
        return self._last

    def _ask(self, what: str, *arguments: object, patience_s: float = ANSWER_S) -> Any:
        line = self._line
        if line is None or line.dead:
            if time.monotonic() - self._tried_s < AGAIN_S:
                raise NotConnectedError(self.name, f"its process {line.dead if line else 'is not started'}")
            self._open()
            line = self._line
        if line is None or self._unwanted.is_set():
            raise NotConnectedError(self.name, "is closed")
        try:
            return line.ask({"do": "call", "what": what, "arguments": list(arguments)}, patience_s)
        except OwnerLostError as error:
            raise NotConnectedError(self.name, f"its process {error.message}") from error

    def _heard(self, message: Message) -> None:
        if isinstance(ring := message.get("ring"), dict):
            from hardware.host.frames import FrameReader

            before = self._ring
            try:
                self._ring = FrameReader(ring, alone=True)
            except OSError:  # replaced by a still larger one, of which we shall hear
                self._ring = None
            if before is not None:
                before.close()
        elif isinstance(number := message.get("frame"), int):
            self._number = number
            if self._listeners and self._ring is not None and (frame := self._ring.get(number)) is not None:
                for function in tuple(self._listeners):
                    function(frame)
