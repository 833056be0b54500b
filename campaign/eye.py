"""Looking at the vial at the station: several frames, unfit ones taken again, one fused reading."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from campaign.events import Json
from campaign.guard import why_doubted
from hardware.devices import Camera, Image
from hardware.errors import HardwareError
from hardware.spec import RigSpec
from vision.calibration import VialView
from vision.quality import frame_doubt
from vision.reader import read_vial
from vision.reading import Doubt, Lab, VialReading

FRAMES = 3
RETAKES = 2
UNFIT = Doubt.DARK | Doubt.SATURATED | Doubt.FROZEN


@dataclass(frozen=True, eq=False)
class Sight:
    """A fused reading, the frame nearest to it, and the Lab of every frame that gave one."""

    reading: VialReading
    image: Image
    labs: tuple[Lab, ...]
    frames: int

    @property
    def why(self) -> str:
        """Why the reading is in doubt, in words."""
        return why_doubted(self.reading.doubt)

    def record(self) -> dict[str, Json]:
        """The reading as JSON."""
        r = self.reading
        return {
            "state": r.state,
            "present": r.present,
            "level_mm": r.level_mm,
            "volume_ul": r.volume_ul,
            "volume_sd_ul": r.volume_sd_ul,
            "lab": None if r.lab is None else list(r.lab),
            "lab_frames": [list(lab) for lab in self.labs],
            "clarity": r.clarity,
            "doubt": [flag.name for flag in Doubt if flag in r.doubt and flag.name],
            "confidence": r.confidence,
            "frames": self.frames,
        }


class Eye:
    """A camera and where the vial stands in its picture."""

    def __init__(self, rig: RigSpec, camera: Camera | None) -> None:
        self._camera = camera
        self._last: Image | None = None
        self._view = None
        if rig.view is not None:
            vial = rig.rack.vial
            self._view = VialView(
                rig.view.box_px,
                rig.view.base_row,
                rig.view.px_per_mm,
                vial.bore_mm,
                vial.capacity_ul,
                rig.view.white_px,
                vial.profile,
            )

    def look(self, *, empty: Image | None = None, expected_ul: float | None = None, frames: int = FRAMES) -> Sight:
        """Photograph the vial `frames` times and fuse the readings by their medians. Raises HardwareError.

        A black, overexposed or repeated frame is taken again, at most `RETAKES` times in all; one that stays so
        is kept and its doubt tells. A frame that an earlier look saw already is repeated too, and no evidence: it
        gives no colour.
        """
        if self._camera is None or self._view is None:
            raise HardwareError("camera", "the rig has no camera, or no view of the vial in its picture")
        images: list[Image] = []
        readings: list[VialReading] = []
        retakes = 0
        while len(images) < frames:
            image = self._camera.capture().image
            unfit = frame_doubt(image, self._last) & UNFIT
            self._last = image
            if unfit and retakes < RETAKES:
                retakes += 1
                continue
            reading = read_vial(image, self._view, empty=empty, expected_ul=expected_ul)
            images.append(image)
            readings.append(replace(reading, doubt=reading.doubt | unfit))
        fused, nearest = fuse(readings)
        labs = tuple(r.lab for r in readings if r.lab is not None)
        if Doubt.FROZEN in fused.doubt:
            fused, labs = replace(fused, lab=None), ()
        return Sight(fused, images[nearest], labs, frames)


def fuse(readings: Sequence[VialReading]) -> tuple[VialReading, int]:
    """One reading from several of the same vial, and the index of the one nearest to it.

    The state that most frames saw wins; numbers are medians over the frames that saw it; a doubt counts when
    half of all frames have it, and FROZEN when one has.
    """
    state = Counter(r.state for r in readings).most_common(1)[0][0]
    same = [i for i, r in enumerate(readings) if r.state == state]
    levels = [(i, r.level_mm) for i in same if (r := readings[i]).level_mm is not None]
    nearest = same[0]
    if levels:
        middle = float(np.median([level for _, level in levels if level is not None]))
        nearest = min(levels, key=lambda pair: abs((pair[1] or 0.0) - middle))[0]
    doubt = Doubt.NONE
    for flag in Doubt:
        count = sum(flag in r.doubt for r in readings)
        if 2 * count >= len(readings) or (flag is Doubt.FROZEN and count):
            doubt |= flag
    kept = [readings[i] for i in same]
    labs = [r.lab for r in kept if r.lab is not None]
    lab = np.median(np.array(labs), axis=0) if labs else None
    fused = replace(
        readings[nearest],
        level_mm=_median([r.level_mm for r in kept]),
        volume_ul=_median([r.volume_ul for r in kept]),
        clarity=_median([r.clarity for r in kept]),
        lab=None if lab is None else (float(lab[0]), float(lab[1]), float(lab[2])),
        doubt=doubt,
        confidence=_median([r.confidence for r in kept]) or 0.0,
    )
    return fused, nearest


def _median(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.median(known)) if known else None
