"""The process of one camera: it decodes, watches and puts every frame into shared memory for the program.

A process of its own, so that a decoder that hangs or crashes can neither hold up a stop nor take the ports with it.
"""

import logging
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from hardware.devices import Frame
from hardware.drivers import module_of
from hardware.host.lease import Lease
from hardware.host.messages import Channel, ChannelClosedError, Message, told
from hardware.host.owner import channel_of_this_process
from hardware.spec import CameraSpec

if TYPE_CHECKING:
    from hardware.host.frames import FrameWriter

log = logging.getLogger(__name__)
SLOTS = 24
"""Frames kept: 0.8 s at 30 per second, for a program that was held up."""
ASKED = frozenset({"capture", "identify", "about", "health"})


class Eye:
    """One camera for one program, until either ends."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._camera: Any = None
        self._writer: FrameWriter | None = None

    def serve(self) -> None:
        while (message := self._channel.receive()) is not None:
            match message.get("do"):
                case "beat":
                    self._send({"beat": True})
                case "close":
                    break
                case "open" | "call":
                    work = self._open if message["do"] == "open" else self._call
                    threading.Thread(target=self._answer, args=(message, work), daemon=True).start()
        if self._camera is not None:
            self._camera.close()
        if self._writer is not None:
            self._writer.close()

    def _answer(self, message: Message, work: Any) -> None:
        answer: Message
        try:
            answer = {"value": work(message)}
        except Exception as error:  # noqa: BLE001  whatever it is must reach the program
            answer = {"error": told(error)}
        self._send({"answer": message.get("op"), **answer})

    def _open(self, message: Message) -> object:
        spec = TypeAdapter(CameraSpec).validate_python(message["camera"])
        module = module_of(spec.kind)
        settings = TypeAdapter(module.Settings).validate_python(dict(spec.settings))
        camera = module.Driver("camera", spec, settings, speed=1.0, latch=threading.Event())
        camera.listen(self._show)
        self._camera = camera
        camera.open()
        return None

    def _show(self, frame: Frame) -> None:
        """In the reader's thread, for each frame."""
        from hardware.host.frames import FrameWriter

        if self._writer is None or not self._writer.fits(frame):
            before, self._writer = self._writer, FrameWriter.for_frame(frame, SLOTS)
            self._send({"ring": self._writer.describe()})
            if before is not None:
                before.close()
        self._writer.put(frame)
        self._send({"frame": frame.number})

    def _call(self, message: Message) -> object:
        what, arguments = str(message["what"]), message["arguments"]
        if self._camera is None or what not in ASKED or not isinstance(arguments, list):
            raise ValueError(f"no {what!r} to ask of the camera")
        asked = getattr(self._camera, what)
        value = asked(*arguments) if callable(asked) else asked
        return value.number if isinstance(value, Frame) else value

    def _send(self, message: Message) -> None:
        with suppress(ChannelClosedError):  # the program is gone: `serve` ends by itself
            self._channel.send(message)


def main() -> None:
    """Serve the program that started this process."""
    logging.basicConfig(level=logging.ERROR, format="camera: %(message)s")
    Lease(lambda _: None, lambda: os._exit(0)).begin()  # only to notice that the program is gone
    Eye(channel_of_this_process()).serve()
    os._exit(0)  # a network camera may hold its thread for seconds
