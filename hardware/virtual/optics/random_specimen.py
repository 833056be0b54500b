"""Random vials: glass, contents, caps, labels, and what clings to the wall."""

import math
from dataclasses import replace

import numpy as np

from hardware.virtual.optics.medium import true_lab
from hardware.virtual.optics.specimen import BGR, Backdrop, Cap, Label, Phase, Specimen, Vessel

Random = np.random.Generator
_DYES = ("red", "yellow", "blue", "green", "orange", "magenta", "cyan", "violet", "black")
_CAPS: tuple[BGR, ...] = (
    (0.85, 0.86, 0.86),
    (0.03, 0.03, 0.03),
    (0.35, 0.35, 0.36),
    (0.45, 0.16, 0.05),
    (0.12, 0.35, 0.08),
)
_CAPS_RARE: tuple[BGR, ...] = ((0.06, 0.06, 0.55), (0.6, 0.6, 0.62), (0.05, 0.45, 0.6))
_SOLIDS: tuple[BGR, ...] = (
    (0.9, 0.9, 0.9),
    (0.75, 0.85, 0.9),
    (0.25, 0.40, 0.55),
    (0.08, 0.18, 0.35),
    (0.10, 0.10, 0.11),
    (0.15, 0.55, 0.75),
    (0.55, 0.40, 0.20),
)


def random_vessel(random: Random) -> Vessel:
    outer = random.uniform(10, 28)
    height = outer * random.uniform(1.9, 3.4)
    neck = random.uniform(0.62, 0.92)
    shoulder = height - max(6.0, 0.5 * outer) * random.uniform(0.9, 1.4)
    straight = random.random() < 0.12
    return Vessel(
        outer_mm=outer,
        wall_mm=random.uniform(0.8, 1.3) * (0.7 + 0.02 * outer),
        height_mm=height,
        shoulder_mm=height - 4.0 if straight else shoulder,
        base_mm=random.uniform(0.9, 3.0) * (0.6 + 0.02 * outer),
        neck=0.985 if straight else neck,
        heel_mm=random.uniform(0.6, 2.0) * (0.5 + 0.03 * outer),
        threads=not straight and random.random() < 0.7,
        index=random.uniform(1.47, 1.52),
    )


def _dye(random: Random, bore_mm: float) -> dict[str, float]:
    """A mixture that is neither black nor unseen through that bore, or water."""
    if random.random() < 0.22:
        return {"water": 1.0}
    names = random.choice(_DYES, size=1 if random.random() < 0.6 else 2, replace=False)
    strength = 10 ** random.uniform(-1.7, 0.1) * 12 / bore_mm
    shares = random.dirichlet(np.ones(len(names)))
    dyes = {str(n): float(strength * s) for n, s in zip(names, shares, strict=True)}
    return {**dyes, "water": max(0.2, 1 - sum(dyes.values())) + 1.0}


def _scatter(random: Random, bore_mm: float) -> float:
    """Reduced scattering per mm: mostly clear, some cloudy, some milk."""
    kind = random.random()
    if kind < 0.80:
        return 0.0
    return float(10 ** (random.uniform(-2.4, -1.4) if kind < 0.90 else random.uniform(-1.4, 0.5))) * 15 / bore_mm


def _liquid(random: Random, vessel: Vessel, height_mm: float) -> Phase:
    index = random.choice([1.333, 1.36, 1.42], p=[0.6, 0.3, 0.1])
    return Phase(height_mm, _dye(random, vessel.bore_mm), float(index), _scatter(random, vessel.bore_mm))


def _bed(random: Random, height_mm: float, dry: bool) -> Phase:
    albedo = _SOLIDS[random.integers(len(_SOLIDS))]
    tone = random.uniform(0.8, 1.1)
    return Phase(
        height_mm,
        solid=True,
        albedo=(albedo[0] * tone, albedo[1] * tone, albedo[2] * tone),
        rough_mm=random.uniform(0.05, 0.5) * (1.4 if dry else 1.0),
        slope=random.normal(0, 0.18 if dry else 0.05),
        grain_mm=random.uniform(0.12, 0.7 if dry else 0.35),
    )


def _differs(a: Phase, b: Phase, vessel: Vessel, setting: Backdrop) -> bool:
    return math.dist(true_lab(a, vessel, setting), true_lab(b, vessel, setting)) > 8


def _phases(random: Random, vessel: Vessel, state: str) -> tuple[Phase, ...]:
    room = vessel.shoulder_mm
    if state in ("no_vial", "empty"):
        return ()
    if state == "solid":
        return (_bed(random, room * random.uniform(0.15, 0.6), True),)
    full = room * random.uniform(0.12, 0.93)
    if random.random() < 0.012:
        full = room * random.uniform(1.02, 1.10)
    if state == "liquid":
        return (_liquid(random, vessel, max(full, 2.5)),)
    full = max(full, 0.3 * room)
    lower = (
        full * random.uniform(0.25, 0.7)
        if state == "two_phase"
        else min(full * 0.6, room * random.uniform(0.06, 0.3))
    )
    top = _liquid(random, vessel, full - lower)
    if state == "liquid+solid":
        return _bed(random, lower, False), replace(top, scatter_per_mm=min(top.scatter_per_mm, 0.02))
    for _ in range(40):
        below = replace(_liquid(random, vessel, lower), index=float(random.uniform(1.37, 1.46)))
        if _differs(below, top, vessel, Backdrop()):
            break
    return below, top


def _cap(random: Random) -> Cap:
    colours = _CAPS if random.random() < 0.85 else _CAPS_RARE
    crooked = random.random() < 0.15
    return Cap(
        colour=colours[random.integers(len(colours))],
        tall_mm=random.uniform(6, 12),
        above_mm=random.uniform(0.8, 2.0),
        wide=random.uniform(0.85, 1.04),
        tilt_deg=random.normal(0, 4) if crooked else random.normal(0, 0.5),
        ribs=random.random() < 0.75,
    )


def _label(random: Random, vessel: Vessel, filled_mm: float) -> Label:
    """A sticker, mostly turned aside or clear of the surface, or print."""
    letters = "ABCDEFGHKLMNPRSTX"
    words = [
        "".join(random.choice(list(letters), 2)) + f"-{random.integers(1, 99)}",
        f"{random.integers(1, 60)} mg",
        "H2O 5 mL",
    ]
    text = "\n".join(words[: random.integers(1, 4)])
    room = vessel.shoulder_mm
    printed = random.random() < 0.45
    low = random.uniform(0.08, 0.5) * room
    high = low + random.uniform(0.2, 0.45) * room
    turn, span = random.uniform(35, 80) * random.choice([-1, 1]), random.uniform(60, 130)
    aside = abs(turn) - span / 2 > 15
    if not printed and not aside and low - 2 < filled_mm < high + 2 and random.random() < 0.9:
        turn = math.copysign(span / 2 + random.uniform(16, 30), turn)
    ink: BGR = (0.9, 0.9, 0.9) if printed and random.random() < 0.6 else (0.06, 0.05, 0.05)
    if printed:
        return Label(low, high, turn * 0.8, random.uniform(35, 60), None, ink, text, random.random() < 0.4)
    paper = (0.85, 0.88, 0.88) if random.random() < 0.7 else (0.25, 0.75, 0.85)
    return Label(low, min(high, room), turn, span, paper, ink, text)


def random_specimen(random: Random, vessel: Vessel, state: str) -> Specimen:
    phases = _phases(random, vessel, state)
    filled = sum(p.height_mm for p in phases)
    liquid = bool(phases) and not phases[-1].solid
    wet = liquid or (state == "empty" and random.random() < 0.35)
    deep = liquid and filled > 8 and len(phases) == 1
    vortex = deep and random.random() < 0.06
    return Specimen(
        vessel=vessel,
        present=state != "no_vial",
        phases=phases,
        cap=_cap(random) if random.random() < (0.30 if state == "empty" else 0.40) else None,
        label=_label(random, vessel, filled) if random.random() < 0.22 else None,
        meniscus_mm=random.uniform(0.35, 1.1),
        drops=int(random.integers(2, 40)) if wet and random.random() < 0.35 else 0,
        drop_mm=random.uniform(0.25, 0.9),
        fog=random.uniform(0.2, 0.9) if wet and random.random() < 0.10 else 0.0,
        foam_mm=random.uniform(0.8, 5.0) if liquid and not vortex and random.random() < 0.06 else 0.0,
        vortex_mm=random.uniform(1.5, min(8.0, 0.5 * filled)) if vortex else 0.0,
        stir_bar=vortex or (deep and random.random() < 0.04),
        lean_deg=float(np.clip(random.normal(0, 0.7), -2.5, 2.5)),
        seed=int(random.integers(2**31)),
    )
