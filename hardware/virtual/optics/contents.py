"""Liquids and solids in the vial: layers, the surface as a mirror, menisci, the stirred funnel, the stirrer."""

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from hardware.virtual.optics.body import Body, air, floor_of, part_below, rows_of, shown
from hardware.virtual.optics.cylinder import grazing_mirror, wedge_turn
from hardware.virtual.optics.medium import panel_bgr, through, tube_of
from hardware.virtual.optics.sight import Sight
from hardware.virtual.optics.specimen import Backdrop, Phase, Specimen, Vessel

Floats = npt.NDArray[np.float32]
Random = np.random.Generator


@dataclass(frozen=True)
class Bench:
    """What every part of the drawing needs."""

    sight: Sight
    vessel: Vessel
    backdrop: Backdrop
    distance_mm: float
    specimen: Specimen


def noise(random: Random, shape: tuple[int, int], grain_px: float) -> Floats:
    """Smooth noise of unit variance, grains about `grain_px` wide."""
    grain = max(1.0, grain_px)
    small = random.standard_normal((math.ceil(shape[0] / grain) + 2, math.ceil(shape[1] / grain) + 2), np.float32)
    return np.asarray(cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def rough_top(phase: Phase, share: Floats, half_mm: float, seed: int) -> Floats:
    """How far a solid's top stands above its mean height, mm, across the vial."""
    random = np.random.default_rng(seed)
    place = np.linspace(-1, 1, 65)
    bumps = sum(
        random.normal() / (i + 1) * np.sin((i + 1) * 2.2 * place + random.uniform(0, 6.3)) for i in range(7)
    )
    return np.asarray(
        np.interp(share, place, phase.rough_mm * np.asarray(bumps)) + phase.slope * share * half_mm, np.float32
    )


def layer(bench: Bench, body: Body, phase: Phase, lift: Floats, y: Floats, seed: int) -> Floats:
    """The vial as if that phase filled it."""
    tube = tube_of(bench.vessel, phase.index)
    seen, chord = shown(body, tube, bench.backdrop, bench.distance_mm, lift, y)
    funnel = bench.specimen.vortex_mm
    if funnel > 0 and not phase.solid:
        seen, chord = _funnel(bench, body, seen, chord, phase.index)
    passes, own = through(phase, chord, body.share, bench.backdrop)
    if phase.solid:
        random = np.random.default_rng(seed)
        grains = 1 + 0.16 * noise(random, body.v.shape, phase.grain_mm * bench.sight.px_per_mm)
        grains = grains + 0.05 * noise(random, body.v.shape, 4 * phase.grain_mm * bench.sight.px_per_mm)
        own = own * np.clip(grains, 0.3, 1.7)[..., None]
    mixed = np.asarray(seen * passes + own, np.float32)
    if bench.specimen.stir_bar and not phase.solid:
        mixed = _stirrer(bench, body, phase, chord, mixed)
    return mixed


def _funnel(bench: Bench, body: Body, seen: Floats, chord: Floats, index: float) -> tuple[Floats, Floats]:
    """Air in the middle of a stirred liquid: a diverging lens with a dark edge."""
    top, deep = bench.specimen.liquid_mm, bench.specimen.vortex_mm
    height = body.v
    radius = bench.vessel.bore_mm / 2 * np.sqrt(np.clip((height - top + deep) / deep, 0, 1))
    place = np.abs(body.u) / index / np.maximum(radius, 1e-3)
    within = np.clip((1 - place) * radius * bench.sight.px_per_mm + 0.5, 0, 1) * (height < top)
    mirrored = place * index > 0.97
    clear = 1 - 0.25 * place**2
    shade = np.where(mirrored, 0.25 + 0.5 * np.clip(place, 0, 1) ** 8, clear)
    chord = chord - within * 2 * radius * np.sqrt(np.clip(1 - np.minimum(place, 1) ** 2, 0, 1))
    return np.asarray(seen * (1 - within * (1 - shade))[..., None], np.float32), np.maximum(chord, 0)


def _stirrer(bench: Bench, body: Body, phase: Phase, chord: Floats, mixed: Floats) -> Floats:
    """A white bar on the bottom, seen through half of the liquid."""
    thick, long = 1.3, 0.36 * bench.vessel.bore_mm
    off = np.hypot(np.maximum(np.abs(body.u / 1.2) - long + thick, 0), body.v - thick - 0.1)
    cover = bench.sight.cover(np.asarray(thick - off, np.float32))[..., None]
    passes, own = through(phase, np.asarray(chord * 0.5), body.share, bench.backdrop)
    light = bench.backdrop.front_light + 0.12 * panel_bgr(bench.backdrop)
    round_ = 0.55 + 0.45 * np.clip((body.v - 0.1) / (2 * thick), 0, 1)
    bar = 0.9 * light * round_[..., None] * passes + own
    return np.asarray(mixed * (1 - cover) + bar * cover, np.float32)


def fill(bench: Bench, body: Body, empty: Floats) -> Floats:
    """The vial with its contents, above the base; `empty`: what the air shows."""
    specimen, phases = bench.specimen, bench.specimen.phases
    top = phases[-1]
    level = specimen.filled_mm
    tan = math.tan(bench.sight.lean)
    highest = level + 1.5 + 2.5 * top.rough_mm + abs(top.slope) * bench.vessel.bore_mm
    reach = bench.vessel.bore_mm / bench.sight.distance_mm * abs(level - bench.sight.eye_mm) + abs(tan) * 12
    here = rows_of(body.v < highest + reach)
    if here is None:
        return empty
    part, dry = body.cut(here), empty[here]
    zero = np.zeros_like(part.v)
    seen_back = bench.sight.back(body.depth, top.index)[here]
    column = _column(bench, part, zero, seen_back)
    edge = level + part.u * tan
    if top.solid:
        edge = edge + rough_top(top, part.share, bench.vessel.bore_mm / 2, specimen.seed)
    from_above = level < bench.sight.eye_mm
    back = part.back if from_above else seen_back
    in_front, behind = edge - part.front, edge - back
    below = part_below(in_front, behind, bench.sight.px_per_mm)
    wet = bench.sight.cover(np.minimum(in_front, behind))
    cross = np.clip(bench.sight.cover(np.maximum(in_front, behind)) - wet, 0, 1)
    between = 1.12 * column if top.solid else _mirror(bench, part, top, column, dry, below, from_above, edge)
    found = dry * (1 - wet - cross)[..., None] + column * wet[..., None] + between * cross[..., None]
    if not top.solid:
        found = _meniscus(bench, part, top, found, in_front, np.where(in_front < 0, behind, -1))
    result = empty.copy()
    result[here] = found
    return result


def _column(bench: Bench, part: Body, zero: Floats, seen_back: Floats) -> Floats:
    """All layers below the surface."""
    specimen, phases = bench.specimen, bench.specimen.phases
    k = bench.sight.px_per_mm
    heel = np.clip((part.front - floor_of(part, bench.vessel)) / bench.vessel.heel_mm, 0, 1)
    index = bench.vessel.index / phases[0].index
    lift = -wedge_turn(np.asarray(np.radians(70) * (1 - heel), np.float32), index) * (heel < 1)
    column = layer(bench, part, phases[0], np.asarray(lift, np.float32), part.y, specimen.seed + 7)
    height = 0.0
    for i, (lower, upper) in enumerate(pairwise(phases)):
        height += lower.height_mm
        edge = height + part.u * math.tan(bench.sight.lean)
        if lower.solid:
            edge = edge + rough_top(lower, part.share, bench.vessel.bore_mm / 2, specimen.seed + i)
        below = part_below(edge - part.front, edge - seen_back, k)[..., None]
        above = layer(bench, part, upper, zero, part.y, specimen.seed + 8 + i)
        column = above * (1 - below) + column * below
        if not lower.solid:
            strong = 0.12 + 0.5 * min(1.0, abs(lower.index - upper.index) / 0.1)
            for distance, share in ((edge - part.front, 1.0), (edge - seen_back, 0.6)):
                line = np.exp(-(((distance - 0.12) / 0.16) ** 2)) - 0.25 * np.exp(-(((distance + 0.25) / 0.2) ** 2))
                column = column * (1 - strong * share * line[..., None])
    return np.asarray(column, np.float32)


def _mirror(
    bench: Bench, part: Body, top: Phase, column: Floats, dry: Floats, below: Floats, from_above: bool, edge: Floats
) -> Floats:
    """The surface between its front and back edge: from above it mirrors the more the flatter one looks, from below
    it mirrors all."""
    y = np.asarray(2 * edge - part.y, np.float32)
    if not from_above:
        return layer(bench, part, top, np.zeros_like(part.v), y, bench.specimen.seed + 3)
    rise = np.asarray((bench.sight.eye_mm - edge) / bench.sight.distance_mm, np.float32)
    share = grazing_mirror(rise, top.index)[..., None]
    mirrored = air(part, bench.vessel, bench.backdrop, bench.distance_mm, y) + 0.08 * bench.backdrop.side_light
    passed = column * below[..., None] + dry * (1 - below[..., None])
    return np.asarray(mirrored * share + passed * (1 - share), np.float32)


def _meniscus(bench: Bench, part: Body, top: Phase, found: Floats, in_front: Floats, behind: Floats) -> Floats:
    """Where the liquid climbs the wall it is a prism that looks down: a dark band below each contact line."""
    rise = bench.specimen.meniscus_mm
    for distance, share in ((behind, 0.7), (in_front, 1.0)):
        here = rows_of((distance > -0.2) & (distance < rise + 0.2))
        if here is None:
            continue
        climb = np.clip(distance[here] / rise, 0, 1)
        angle = np.asarray(np.radians(30 + 60 * np.sqrt(climb)), np.float32)
        small = part.cut(here)
        seen = layer(bench, small, top, -wedge_turn(angle, top.index), small.y, bench.specimen.seed + 4)
        # the steeper the film is met, the more of the light it turns away
        bow = np.sin(np.pi * climb)
        # the curved film somewhere mirrors the lamps beside
        seen = seen * (1 - 0.4 * bow)[..., None] + (0.45 * bench.backdrop.side_light * bow**2)[..., None]
        cover = share * bench.sight.cover(distance[here]) * bench.sight.cover(rise - distance[here])
        found[here] += (seen - found[here]) * cover[..., None]
    return found
