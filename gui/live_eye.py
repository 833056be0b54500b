"""The eye's running commentary on the live picture, a few times a second. What counts is read by the campaign."""

import logging
import threading
from collections.abc import Callable

from hardware.devices import Frame
from hardware.spec import RigSpec
from vision.calibration import VialView
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
        self._view = view_of(rig)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._look, name="aliquot-live-eye", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(2.0)

    def _look(self) -> None:
        if self._view is None:
            return
        from vision.reader import read_vial

        seen = -1
        while not self._closing.wait(EVERY_S):
            frame = self._latest()
            if frame is None or frame.number == seen:
                continue
            seen = frame.number
            try:
                self._tell(read_vial(frame.image, self._view))
            except ValueError:
                log.exception("the live picture cannot be read")
                return


def view_of(rig: RigSpec) -> VialView | None:
    """Where the vial at the station stands in the picture; None for a rig without a view."""
    if rig.view is None or rig.camera is None:
        return None
    vial = rig.rack.vial
    view = rig.view
    return VialView(
        view.box_px, view.base_row, view.px_per_mm, vial.bore_mm, vial.capacity_ul, view.white_px, vial.profile
    )
