"""Random scenes with known truth: light, camera, vial, colour, fill and what disturbs, one per seed."""

import math

import numpy as np
import numpy.typing as npt

from hardware.virtual.optics.picture import render
from hardware.virtual.optics.random_setting import random_setting, white_patch
from hardware.virtual.optics.random_specimen import random_specimen, random_vessel
from hardware.virtual.optics.specimen import Setting, Specimen, Truth
from hardware.virtual.optics.truth import box_of, truth_of

Image = npt.NDArray[np.uint8]
_STATES = (
    ("no_vial", 0.08),
    ("empty", 0.17),
    ("liquid", 0.50),
    ("two_phase", 0.12),
    ("liquid+solid", 0.08),
    ("solid", 0.05),
)


def random_case(seed: int) -> tuple[Image, Truth]:
    """A picture, 640 x 480, and what is true of it; the same for the same seed."""
    specimen, setting, truth = random_scene(seed)
    return render(specimen, setting), truth


def random_scene(seed: int) -> tuple[Specimen, Setting, Truth]:
    """What `random_case` draws, before it is drawn."""
    random = np.random.default_rng([seed, 20])
    vessel = random_vessel(random)
    state = str(random.choice([s for s, _ in _STATES], p=[p for _, p in _STATES]))
    specimen = random_specimen(random, vessel, state)
    dark = random.random() < 0.06
    setting = random_setting(random, specimen, dark)
    box = box_of(specimen, setting.lens)
    white = None if dark else white_patch(random, box, setting)
    return specimen, setting, truth_of(specimen, setting, white, _tags(specimen, setting, dark), _hidden(specimen))


def _hidden(specimen: Specimen) -> str:
    vessel, level = specimen.vessel, specimen.filled_mm
    if not specimen.present or not specimen.phases:
        return ""
    if level > vessel.shoulder_mm:
        return "full"
    if specimen.cap is not None and level > vessel.height_mm - specimen.cap.tall_mm + specimen.cap.above_mm - 1:
        return "cap"
    label = specimen.label
    if label is not None and label.paper is not None and label.low_mm - 1 < level < label.high_mm + 1:
        nearest = abs(label.turn_deg) - label.span_deg / 2
        return "label" if nearest < math.degrees(math.asin(0.1)) else ""
    return ""


def _tags(specimen: Specimen, setting: Setting, dark: bool) -> tuple[str, ...]:
    said = {
        "dark_field": dark,
        "drops": specimen.drops > 0,
        "fog": specimen.fog > 0,
        "foam": specimen.foam_mm > 0,
        "vortex": specimen.vortex_mm > 0,
        "label": specimen.label is not None and specimen.label.paper is not None,
        "print": specimen.label is not None and specimen.label.paper is None,
        "glare": setting.shine.glare is not None,
        "pattern": setting.backdrop.pattern is not None,
        "motion": setting.lens.motion_px > 0,
        "blur": setting.lens.blur_px > 1.7,
        "needle": setting.needle_mm is not None,
        "neighbours": bool(setting.neighbours),
        "lean": abs(specimen.lean_deg) > 1,
        "crooked_cap": specimen.cap is not None and abs(specimen.cap.tilt_deg) > 2,
    }
    return tuple(tag for tag, holds in said.items() if holds)
