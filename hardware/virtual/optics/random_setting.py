"""Random cameras, lamps, panels and neighbours."""

import math
from dataclasses import replace

import numpy as np

from hardware.virtual.optics.random_specimen import random_specimen
from hardware.virtual.optics.sight import pixel
from hardware.virtual.optics.specimen import Backdrop, Box, Kind, Lens, Pattern, Setting, Shine, Specimen, Vessel

Random = np.random.Generator
_PATTERNS: tuple[Kind, ...] = ("upright", "slanted", "level")


def random_setting(random: Random, specimen: Specimen, dark: bool) -> Setting:
    vessel = specimen.vessel
    tall = vessel.height_mm + vessel.base_mm + 2
    k = 480 * random.uniform(0.62, 0.86) / tall
    lens = Lens(
        px_per_mm=k,
        axis_column=320 + random.uniform(-60, 60),
        foot_row=480 - random.uniform(0.05, 0.10) * 480 - vessel.base_mm * k,
        height_mm=random.uniform(-0.1, 1.15) * vessel.height_mm,
        distance_mm=math.exp(random.uniform(math.log(220), math.log(800))),
        roll_deg=float(np.clip(random.normal(0, 0.6), -2, 2)),
        blur_px=abs(random.normal(0.75, 0.25)) + (random.uniform(0.5, 1.6) if random.random() < 0.08 else 0) + 0.3,
        motion_px=random.uniform(1.5, 5) if random.random() < 0.05 else 0.0,
        motion_deg=random.uniform(-90, 90),
        vignette=random.uniform(0, 0.25),
        noise=random.uniform(0.4, 2.6),
        sharpen=random.uniform(0.2, 0.9) if random.random() < 0.35 else 0.0,
        jpeg=int(random.integers(55, 97)) if random.random() < 0.85 else 0,
    )
    backdrop = _dark(random) if dark else _panel(random, vessel)
    white = (
        random.uniform(0.32, 0.9) / (backdrop.level * max(backdrop.colour))
        if not dark
        else random.uniform(0.8, 1.6)
    )
    balance = random.uniform(0.86, 1.0, 3)
    streaks = tuple(
        (
            random.uniform(-0.85, 0.85),
            random.uniform(0.01, 0.06),
            random.uniform(0.03, 0.30) * backdrop.front_light / 0.3,
        )
        for _ in range(random.integers(1, 4))
    )
    glare = None
    if random.random() < 0.06:
        glare = (
            random.uniform(-0.4, 0.4) * vessel.outer_mm,
            random.uniform(0.2, 0.9) * vessel.shoulder_mm,
            random.uniform(0.8, 2.0),
        )
    shine = Shine(streaks, random.uniform(0.0, 0.3), random.uniform(0.6, 1.0), glare)
    pitch = vessel.outer_mm * random.uniform(1.6, 2.3)
    sides = [s for s in (-1, 1) if random.random() < 0.45]
    lens = replace(lens, gain=(white * balance[0], white * balance[1], white * balance[2]))
    beside = tuple((s * pitch, replace(_neighbour(random, vessel), lean_deg=random.normal(0, 0.5))) for s in sides)
    needle = None
    if specimen.cap is None and random.random() < 0.08:
        needle = max(specimen.filled_mm + 4, vessel.height_mm * random.uniform(0.8, 1.1))
    return Setting(lens, backdrop, shine, beside, needle, int(random.integers(2**31)))


def _neighbour(random: Random, vessel: Vessel) -> Specimen:
    state = str(random.choice(["empty", "liquid", "two_phase", "solid"], p=[0.25, 0.55, 0.12, 0.08]))
    return replace(random_specimen(random, vessel, state), fog=0.0)


def _panel(random: Random, vessel: Vessel) -> Backdrop:
    narrow = random.random() < 0.3
    wide = vessel.outer_mm * (random.uniform(1.7, 3.0) if narrow else random.uniform(3.5, 8.0))
    tint = 1 - random.uniform(0, 0.45 if random.random() < 0.25 else 0.12, 3)
    pattern = None
    if random.random() < 0.12:
        kind = _PATTERNS[random.choice(3, p=[0.7, 0.22, 0.08])]
        pattern = Pattern(
            kind,
            random.uniform(1.6, 4.0),
            random.uniform(0.3, 0.8),
            vessel.outer_mm * random.uniform(0.8, 1.05),
        )
    lit_floor = random.random() < 0.3
    grey = random.uniform(0.2, 0.6) if lit_floor else random.uniform(0.015, 0.12)
    dim = random.uniform(0.01, 0.20)
    return Backdrop(
        distance_mm=random.uniform(25, 160),
        colour=(float(tint[0]), float(tint[1]), float(tint[2])),
        level=random.uniform(0.4, 0.9),
        left_mm=-wide * random.uniform(0.85, 1.15),
        right_mm=wide * random.uniform(0.85, 1.15),
        top_mm=vessel.height_mm + random.uniform(6, 60),
        bottom_mm=random.uniform(-30, -2 - vessel.base_mm),
        uneven=(random.normal(0, 0.05), random.normal(0, 0.05), abs(random.normal(0, 0.03))),
        room=(dim * random.uniform(0.8, 1.2), dim, dim * random.uniform(0.8, 1.2)),
        floor=(grey * random.uniform(0.9, 1.1), grey, grey * random.uniform(0.9, 1.1)),
        floor_mm=-vessel.base_mm + random.uniform(-0.3, 0.4),
        front_light=random.uniform(0.08, 0.55),
        pattern=pattern,
    )


def _dark(random: Random) -> Backdrop:
    dim = random.uniform(0.004, 0.02)
    return Backdrop(
        distance_mm=random.uniform(40, 160),
        level=dim,
        left_mm=-150,
        right_mm=150,
        top_mm=120,
        room=(dim, dim, dim),
        floor=(dim, dim, dim),
        side_light=random.uniform(0.3, 0.9),
        front_light=random.uniform(0.05, 0.3),
    )


def white_patch(random: Random, box: Box, setting: Setting) -> Box:
    """A patch of bare panel on the side that has room."""
    wide, tall = box[2] - box[0], box[3] - box[1]
    limits = [pixel(setting.lens, x, 10)[0] for x in (setting.backdrop.left_mm + 2, setting.backdrop.right_mm - 2)]
    taken = {1 if offset > 0 else -1 for offset, _ in setting.neighbours}
    room_left = box[0] - max(limits[0], 0)
    room_right = min(limits[1], setting.lens.width - 1) - box[2]
    side = 1 if (room_right - (1e3 if 1 in taken else 0)) >= (room_left - (1e3 if -1 in taken else 0)) else -1
    room = room_right if side > 0 else room_left
    gap = 0.08 * wide + 3
    span = min(0.3 * wide if side in taken else 0.5 * wide, room - gap - 2)
    low = box[1] + tall * random.uniform(0.25, 0.4)
    high = box[1] + tall * random.uniform(0.75, 0.9)
    start = box[2] + gap if side > 0 else box[0] - gap - span
    return start, low, start + max(span, 4), high
