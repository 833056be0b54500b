"""Looking at the vial at the station: five to fifteen frames, unfit ones refused, one fused reading."""

import math
from collections import deque
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from queue import Empty, SimpleQueue

import numpy as np

from campaign.events import Json
from campaign.guard import why_doubted, why_refused
from campaign.rack_sight import scale_of
from hardware.devices import Camera, Frame, Image
from hardware.errors import HardwareError
from hardware.spec import RigSpec
from vision.calibration import VialView
from vision.correction import ChartError, Correction, load_correction
from vision.fusion import FEWEST, Dosed, Fused, fuse
from vision.picture import ImageError, load_image
from vision.quality import UNFIT, FrameFacts, fingerprint, frame_facts
from vision.reader import read_vial, unknown
from vision.reading import Doubt, Lab, VialReading
from vision.surroundings import Surroundings

MOST_FRAMES = 15
NEXT_FRAME_S = 2.0
REMEMBERED = 64
"""Frames by which a repeated one is known."""
DOSE_SD, DOSE_SD_UL = 0.01, 10.0
"""Standard deviation of what pumps deliver into a vial: a part of it, and a drop that hangs or falls."""
SAME_LIGHT = 0.05


@dataclass(frozen=True, eq=False)
class Sight:
    """A fused reading as seen, the frame nearest to it, and the Lab of every fit frame that gave one."""

    fused: Fused
    image: Image
    labs: tuple[Lab, ...]

    @property
    def reading(self) -> VialReading:
        return self.fused.reading

    @property
    def why(self) -> str:
        """Why the reading is in doubt and which frames were refused, in words."""
        refused = why_refused(self.fused)
        return f"{why_doubted(self.reading.doubt)}{f' ({refused})' if refused else ''}"

    def record(self) -> dict[str, Json]:
        """The reading as JSON."""
        r, fused = self.reading, self.fused
        return {
            "state": r.state,
            "present": r.present,
            "level_mm": r.level_mm,
            "level_sd_mm": r.level_sd_mm,
            "volume_ul": r.volume_ul,
            "volume_sd_ul": r.volume_sd_ul,
            "lab": None if r.lab is None else list(r.lab),
            "lab_frames": [list(lab) for lab in self.labs],
            "clarity": r.clarity,
            "doubt": [flag.name for flag in Doubt if flag in r.doubt and flag.name],
            "confidence": r.confidence,
            "frames": fused.frames,
            "taken": fused.taken,
            "agreement": fused.agreement,
            "refused": dict(fused.refused),
            "likely_ul": fused.likely_ul,
            "likely_sd_ul": fused.likely_sd_ul,
            "surprise_sd": fused.surprise_sd,
        }


def view_of(rig: RigSpec) -> VialView | None:
    """Where the vial at the station stands in the picture; None for a rig without a view."""
    if rig.view is None:
        return None
    vial, view = rig.rack.vial, rig.view
    return VialView(
        box_px=view.box_px,
        base_row=view.base_row,
        px_per_mm=view.px_per_mm,
        bore_mm=vial.bore_mm,
        capacity_ul=vial.capacity_ul,
        white_px=view.white_px,
        profile=vial.profile,
        scale=scale_of(rig),
    )


def _loaded(picture: str, shape: tuple[int, ...]) -> Image:
    """The picture of the set-up. Raises HardwareError for none, or one of another size than the camera's."""
    try:
        image = load_image(picture)
    except ImageError as error:
        raise HardwareError(
            "camera", f"the picture of its set-up: {error}; draw the view anew", "not_done"
        ) from error
    if image.shape != shape:
        (high, wide), (was_high, was_wide) = shape[:2], image.shape[:2]
        sizes = f"its pictures are {wide} x {high} pixels, and {was_wide} x {was_high} where its view was drawn"
        raise HardwareError("camera", f"{sizes}; give it that size again, or draw the view anew", "not_done")
    return image


def correction_of(rig: RigSpec) -> Correction | None:
    """The colour correction that the rig's view names. Raises HardwareError for a file that is none."""
    if rig.view is None or not rig.view.colours:
        return None
    try:
        return load_correction(rig.view.colours)
    except ChartError as error:
        raise HardwareError(
            "camera", f"its colours: {error}; save them anew with `aliquot chart`", "not_done"
        ) from error


def frames_from_now(camera: Camera) -> Generator[Frame, None, None]:
    """Frames that were exposed after this call, as they come. Raises HardwareError when none come.

    Only of the first must the camera make sure, which takes some frames' time; what comes after it is newer still.
    """
    news: SimpleQueue[Frame] = SimpleQueue()
    leave = camera.listen(news.put)
    try:
        frame = camera.capture()
        yield frame
        while True:
            try:
                newer = news.get(timeout=NEXT_FRAME_S)
            except Empty:
                yield (frame := camera.capture())  # it says in its own words why none comes, or has one
                continue
            # numbers begin anew when the camera is opened anew
            if (newer.taken_s, newer.number) > (frame.taken_s, frame.number):
                yield (frame := newer)
    finally:
        leave()


class Eye:
    """A camera and where the vial stands in its picture.

    The picture in which the view was drawn is the reference, or else the first fit frame: against it a moved camera
    is told. Light may drift from look to look; a sudden change is told once, and is what is expected from then on.
    """

    def __init__(self, rig: RigSpec, camera: Camera | None) -> None:
        self._camera = camera
        self._view = view_of(rig)
        self._reference: Surroundings | None = None
        self._gain: float | None = None
        self._picture = rig.view.picture if rig.view is not None else ""
        self._rig = rig
        self._earlier: deque[bytes] = deque(maxlen=REMEMBERED)

    def look(self, *, empty: Image | None = None, expected_ul: float | None = None) -> Sight:
        """Photograph the vial until five fit frames agree, at most fifteen times, and fuse them.

        A black, overexposed or repeated frame, one of a moved camera and one in a changed light is no evidence: it
        is refused and counted with its reason. Where fit frames are too few the state is unknown, and why is told.
        Raises HardwareError, ValueError for an `expected_ul` that is no volume.
        """
        if self._camera is None or self._view is None:
            raise HardwareError("camera", "the rig has no camera, or no view of the vial in its picture")
        sd_ul = math.hypot(DOSE_SD * (expected_ul or 0.0), DOSE_SD_UL)
        dosed = None if expected_ul is None else Dosed(expected_ul, sd_ul)
        blank = None if empty is None else self._coloured(empty)
        images: list[Image] = []
        readings: list[VialReading] = []
        facts: list[FrameFacts] = []
        with closing(frames_from_now(self._camera)) as frames:
            for frame in frames:
                fact = self._judge(frame.image)
                images.append(frame.image)
                facts.append(fact)
                readings.append(
                    unknown(self._view, fact.doubt)
                    if fact.refused
                    else read_vial(self._coloured(frame.image), self._view, empty=blank, expected_ul=expected_ul)
                )
                if len(images) < FEWEST:
                    continue
                fused = fuse(readings, facts, dosed)
                if fused.settled or len(images) >= MOST_FRAMES:
                    break
        self._adapt(facts)
        known = fused.reading.lab is not None
        fit = [r for r, fact in zip(readings, facts, strict=True) if not fact.refused]
        labs = tuple(r.lab for r in fit if r.lab is not None) if known else ()
        return Sight(fused, images[fused.nearest], labs)

    @cached_property
    def _correction(self) -> Correction | None:
        return correction_of(self._rig)

    def _coloured(self, image: Image) -> Image:
        return image if self._correction is None else self._correction.corrected(image)

    def _judge(self, image: Image) -> FrameFacts:
        if self._picture:
            self._refer(_loaded(self._picture, image.shape))
            self._picture = ""
        facts = frame_facts(image, self._reference, gain=self._gain, earlier=self._earlier)
        self._earlier.append(fingerprint(image))
        if self._gain is None and not facts.refused:
            self._gain = facts.gain
        if self._reference is None and not facts.refused:
            self._refer(image)
            self._gain = 1.0
        return facts

    def _refer(self, image: Image) -> None:
        if self._view is not None:
            self._reference = Surroundings.of(image, self._view.box_px, self._view.white_px)

    def _adapt(self, facts: list[FrameFacts]) -> None:
        """Expect the light of this look in the next one; a new light only when it was the same in most frames."""
        fit = [f.gain for f in facts if f.gain is not None and not f.refused]
        other = [f.gain for f in facts if f.gain is not None and f.doubt & UNFIT == Doubt.EXPOSURE]
        if len(fit) >= FEWEST:
            self._gain = float(np.median(fit))
        elif 2 * len(other) > len(facts) and np.std(other) < SAME_LIGHT * np.mean(other):
            self._gain = float(np.median(other))
