"""What sits on the glass or closes it: drops, fog, foam, labels and print, lamps' reflections, caps."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from hardware.virtual.optics.backdrop import soft
from hardware.virtual.optics.body import Body
from hardware.virtual.optics.contents import Bench, Random, noise
from hardware.virtual.optics.medium import lit, panel_bgr
from hardware.virtual.optics.specimen import Cap, Label, Shine

Floats = npt.NDArray[np.float32]
_TEXTURE = 10
"""px per mm of a label's texture."""


def relief(bench: Bench, body: Body, random: Random) -> tuple[Floats, Floats]:
    """By how much drops and fog on the inner wall above the contents turn each ray, rad: sideways and up."""
    specimen, k = bench.specimen, bench.sight.px_per_mm
    height = np.zeros_like(body.v)
    low, high = specimen.filled_mm + specimen.foam_mm + 0.5, bench.vessel.shoulder_mm + 1.0
    if high <= low or (specimen.drops == 0 and specimen.fog <= 0):
        return height, height
    for _ in range(specimen.drops):
        angle = random.uniform(-1.25, 1.25)
        at_u, at_v = math.sin(angle) * bench.vessel.outer_mm / 2, random.uniform(low, high)
        wide = specimen.drop_mm * random.lognormal(0, 0.4)
        tall = wide * (1 + max(0.0, random.normal(0, 0.35)))
        _drop(height, body, at_u, at_v, wide * max(0.4, math.cos(angle)), tall, k)
    if specimen.fog > 0:
        grain = random.uniform(0.16, 0.35) * k
        mist = np.maximum(noise(random, body.v.shape, grain) - 0.2, 0)
        patchy = soft(noise(random, body.v.shape, 6 * k), -1.5, 1.0)
        height += specimen.fog * 0.22 * mist * patchy * soft(body.front, low, low + 2)
    gap = soft(body.front, low - 0.3, low) * (1 - soft(body.front, high, high + 2))
    up, across = np.gradient(height * gap, 1 / k)
    turn, lift = np.clip(0.4 * across, -0.9, 0.9), np.clip(0.4 * up, -0.9, 0.9)
    return np.asarray(turn, np.float32), np.asarray(lift, np.float32)


def _drop(height: Floats, body: Body, u: float, v: float, wide: float, tall: float, k: float) -> None:
    middle = body.v.shape[1] // 2, body.v.shape[0] // 2
    column = round(middle[0] + (u - float(body.u[middle[1], middle[0]])) * k)
    row = round(middle[1] - (v - float(body.v[middle[1], middle[0]])) * k)
    reach_x, reach_y = math.ceil(wide * k) + 1, math.ceil(tall * k) + 1
    rows = slice(max(0, row - reach_y), max(0, row + reach_y + 1))
    columns = slice(max(0, column - reach_x), max(0, column + reach_x + 1))
    square = ((body.u[rows, columns] - u) / wide) ** 2 + ((body.v[rows, columns] - v) / tall) ** 2
    height[rows, columns] = np.maximum(height[rows, columns], 0.75 * wide * np.sqrt(np.clip(1 - square, 0, 1)))


def haze(bench: Bench, body: Body, seen: Floats, random: Random) -> Floats:
    """Fine fog scatters: it veils what is behind."""
    specimen = bench.specimen
    if specimen.fog <= 0:
        return seen
    low = specimen.filled_mm + specimen.foam_mm + 0.5
    where = soft(body.front, low, low + 3) * (
        1 - soft(body.front, bench.vessel.shoulder_mm, bench.vessel.height_mm)
    )
    veil = (specimen.fog * 0.6 * where * (0.8 + 0.2 * noise(random, body.v.shape, 20)))[..., None]
    own = 0.55 * panel_bgr(bench.backdrop) + 0.35 * bench.backdrop.front_light
    return np.asarray(seen * (1 - veil) + own * veil, np.float32)


def foam(bench: Bench, body: Body, seen: Floats, random: Random) -> Floats:
    """Bubbles on the liquid: bright cells with dark walls, ragged at the top."""
    specimen, k = bench.specimen, bench.sight.px_per_mm
    if specimen.foam_mm <= 0:
        return seen
    level = specimen.liquid_mm + body.u * math.tan(bench.sight.lean)
    ragged = level + specimen.foam_mm * (1 + 0.18 * noise(random, (1, body.v.shape[1]), 1.6 * k))
    where = bench.sight.cover(body.front - level) * bench.sight.cover(ragged - body.front)
    seeds = np.full(body.v.shape, 255, np.uint8)
    count = int(body.v.size / (k * 0.7) ** 2)
    seeds[random.integers(0, body.v.shape[0], count), random.integers(0, body.v.shape[1], count)] = 0
    away = cv2.distanceTransform(seeds, cv2.DIST_L2, 5) / k
    cells = 0.62 + 0.5 * np.exp(-((away / 0.12) ** 2)) + 0.35 * np.clip(away, 0, 1) - 0.3 * soft(away, 0.35, 0.7)
    own = (0.62 * panel_bgr(bench.backdrop) + 0.7 * bench.backdrop.front_light) * (cells * lit(body.share))[
        ..., None
    ]
    cover = (0.92 * where)[..., None]
    return np.asarray(seen * (1 - cover) + own * cover, np.float32)


def stick(bench: Bench, body: Body, seen: Floats, label: Label) -> Floats:
    """A paper label or print on the outer front wall."""
    angle = np.degrees(np.arcsin(body.share)) - label.turn_deg
    wide = math.radians(label.span_deg) * bench.vessel.outer_mm / 2
    tall = label.high_mm - label.low_mm
    size = max(8, round(wide * _TEXTURE)), max(8, round(tall * _TEXTURE))
    ink = _lettering(label, size)
    column = (angle / label.span_deg + 0.5) * size[0] - 0.5
    row = (label.high_mm - body.outer) / tall * size[1] - 0.5
    inked = cv2.remap(ink, np.asarray(column, np.float32), np.asarray(row, np.float32), cv2.INTER_AREA)[..., None]
    if label.paper is None:
        own = np.array(label.ink, np.float32) * (bench.backdrop.front_light + 0.1) * 1.2
        return np.asarray(seen * (1 - 0.9 * inked) + own * 0.9 * inked, np.float32)
    k = bench.sight.px_per_mm
    edge_x = (
        (label.span_deg / 2 - np.abs(angle)) / label.span_deg * wide * np.sqrt(np.clip(1 - body.share**2, 0.02, 1))
    )
    edge_y = tall / 2 - np.abs(body.outer - (label.high_mm + label.low_mm) / 2)
    cover = np.clip(np.minimum(edge_x, edge_y) * k + 0.5, 0, 1)[..., None]
    light = bench.backdrop.front_light * lit(body.share)[..., None] + 0.12 * panel_bgr(bench.backdrop)
    paper = light * (np.array(label.paper, np.float32) * (1 - inked) + np.array(label.ink, np.float32) * inked)
    return np.asarray(seen * (1 - cover) + paper * cover, np.float32)


def _lettering(label: Label, size: tuple[int, int]) -> Floats:
    """Ink, 0..1, (rows, columns)."""
    ink = np.zeros((size[1], size[0]), np.uint8)
    if label.graduated:
        for i in range(0, size[1], max(12, size[1] // 12)):
            long = 0.5 if (i // max(12, size[1] // 12)) % 5 == 0 else 0.28
            cv2.line(ink, (size[0] // 4, i), (size[0] // 4 + int(long * size[0]), i), 255, 3)
    lines = label.text.split("\n")
    scale = min(0.8 * size[0] / max(1, max(len(line) for line in lines)) / 20, 0.75 * size[1] / len(lines) / 32)
    for i, line in enumerate(lines):
        at = int(0.10 * size[0]), int(size[1] * (i + 0.75) / len(lines))
        cv2.putText(
            ink, line, at, cv2.FONT_HERSHEY_SIMPLEX, max(0.3, scale), 255, max(2, round(2 * scale)), cv2.LINE_AA
        )
    return np.asarray(ink * np.float32(1 / 255), np.float32)


def reflect(bench: Bench, body: Body, seen: Floats, shine: Shine, random: Random) -> Floats:
    """Lamps and windows mirrored in the outer glass."""
    body_top = bench.vessel.shoulder_mm
    upright = soft(body.v, shine.low * body_top - 0.5, shine.low * body_top + 1.5)
    upright = upright * (1 - soft(body.v, shine.high * body_top - 1.5, shine.high * body_top + 0.5))
    added = np.zeros_like(body.v)
    for place, width, bright in shine.streaks:
        waver = 0.004 * np.sin(body.v / 7 + place * 9)
        streak = soft(width - np.abs(body.share - place - waver), -0.015, 0.02)
        added += bright * streak * upright * (0.85 + 0.15 * np.sin(body.v / 5 + 9 * place))
    if shine.glare is not None:
        across, up, radius = shine.glare
        away = np.hypot(body.u - across, (body.v - up) * 0.7) / radius
        added += 1.6 * np.exp(-(away**4)) + 0.15 * np.exp(-((away / 2.2) ** 2))
    speckle = 1 + 0.04 * noise(random, (body.v.shape[0], 1), 12)
    return np.asarray(seen + (added * speckle)[..., None], np.float32)


def close(bench: Bench, body: Body, picture: Floats, cap: Cap) -> None:
    """The cap, over glass and backdrop alike; `picture` is changed."""
    radius = cap.wide * bench.vessel.outer_mm / 2
    tilt = math.radians(cap.tilt_deg)
    up = body.v - bench.vessel.height_mm
    u = body.u * math.cos(tilt) + up * math.sin(tilt)
    w = -body.u * math.sin(tilt) + up * math.cos(tilt)
    share = np.clip(u / radius, -1, 1)
    across = np.sqrt(1 - share**2)
    rise = (bench.vessel.height_mm - bench.sight.eye_mm) / bench.sight.distance_mm
    low = -(cap.tall_mm - cap.above_mm) + rise * radius * across
    high = cap.above_mm + abs(rise) * radius * across * (1 if rise > 0 else -1)
    top = np.maximum(high, cap.above_mm - min(rise, 0) * radius * across)
    k = bench.sight.px_per_mm
    cover = np.clip(np.minimum(np.minimum(w - low, top - w), radius - np.abs(u)) * k + 0.5, 0, 1)
    light = bench.backdrop.front_light + 0.10 * float(panel_bgr(bench.backdrop).mean())
    face = 0.40 + 0.60 * across + 0.25 * np.exp(-(((share + 0.45) / 0.12) ** 2))
    if cap.ribs:
        ribbed = soft(cap.above_mm - w, 0.7, 1.1) * soft(w - low, 0.4, 0.8)
        face = face * (1 + 0.20 * ribbed * np.sin(np.arcsin(share) * 46))
    face = face * (1 - 0.35 * soft(0.5 - (w - low), 0, 0.5)) + 0.35 * soft(w - high, -0.2, 0.4)
    colour = np.array(cap.colour, np.float32) * (light * face)[..., None]
    picture *= (1 - cover)[..., None]
    picture += colour * cover[..., None]
