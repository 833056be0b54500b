"""The eye's running commentary on the live picture, a few times a second. What counts is read by the campaign."""

import logging
import threading
from collections.abc import Callable

from hardware.devices import Frame
from hardware.errors import HardwareError
from hardware.spec import RigSpec
from vision.reading import VialReading

log = logging.getLogger(__name__)
EVERY_S = 0.15


class LiveEye:
    """A thread of its own from construction to `close`; `tell` is called there, with None for no picture."""

    def __init__(
        self, rig: RigSpec, latest: Callable[[], Frame | None], tell: Callable[[VialReading | None], None]
    ) -> None:
        self._latest = latest
        self._tell = tell
        self._rig = rig
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._look, name="aliquot-live-eye", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(2.0)

    def _look(self) -> None:
        from campaign.eye import correction_of, view_of  # in this thread: OpenCV takes a while to load
        from vision.reader import read_vial

        view = view_of(self._rig)
        if view is None or self._rig.camera is None:
            return
        try:
            correction = correction_of(self._rig)
        except HardwareError:
            log.exception("the live picture is read without its colours")
            correction = None

        seen = -1
        while not self._closing.wait(EVERY_S):
            frame = self._latest()
            if frame is None or frame.number == seen:
                continue
            seen = frame.number
            try:
                image = frame.image if correction is None else correction.corrected(frame.image)
                self._tell(read_vial(image, view))
            except ValueError:
                log.exception("the live picture cannot be read")
                return
