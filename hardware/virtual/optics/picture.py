"""One picture of one setting: backdrop, neighbours, the vial, the sensor."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hardware.virtual.optics import backdrop, clutter, contents, sensor
from hardware.virtual.optics.body import Body, air, base, body_of, floor_of, panel_distance, part_below
from hardware.virtual.optics.contents import Bench
from hardware.virtual.optics.sight import plane, sight
from hardware.virtual.optics.specimen import Setting, Specimen

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]


def render(specimen: Specimen, setting: Setting) -> Image:
    """The picture (h, w, 3) uint8 BGR, the same for the same arguments."""
    lens = setting.lens
    x, y = plane(lens, slice(0, lens.height), slice(0, lens.width))
    light = backdrop.light(setting.backdrop, x, y)
    for offset_mm, neighbour in setting.neighbours:
        paint(light, neighbour, setting, offset_mm)
    paint(light, specimen, setting, 0.0)
    if setting.needle_mm is not None:
        _needle(light, x, y, setting.needle_mm, setting.backdrop.front_light)
    return sensor.expose(light, lens, np.random.default_rng(setting.seed))


def paint(picture: Floats, specimen: Specimen, setting: Setting, offset_mm: float) -> None:
    """One vial into the linear picture."""
    vessel = specimen.vessel
    if not specimen.present:
        return
    above = 0.0 if specimen.cap is None else specimen.cap.above_mm + 2
    seen = sight(setting.lens, vessel, offset_mm, specimen.lean_deg, above)
    if seen is None:
        return
    random = np.random.default_rng(specimen.seed)
    bench = Bench(seen, vessel, setting.backdrop, panel_distance(setting.backdrop, seen), specimen)
    body = body_of(seen, vessel)
    region = picture[seen.rows, seen.columns]
    light = _inside(bench, body, random)
    cover = _outside(bench, body)
    if specimen.label is not None:
        light = clutter.stick(bench, body, light, specimen.label)
    light = clutter.reflect(bench, body, light, setting.shine, random)
    region *= (1 - cover)[..., None]
    region += light * cover[..., None]
    if specimen.cap is not None:
        clutter.close(bench, body, region, specimen.cap)


def _inside(bench: Bench, body: Body, random: np.random.Generator) -> Floats:
    """Everything within the outline but what sticks to its outside."""
    specimen, vessel, k = bench.specimen, bench.vessel, bench.sight.px_per_mm
    turn, lift = clutter.relief(bench, body, random)
    dewy = replace(body, turn=turn, lift=lift)
    light = air(dewy, vessel, bench.backdrop, bench.distance_mm)
    light = clutter.haze(bench, body, light, random)
    index = 1.0
    if specimen.phases:
        index = specimen.phases[0].index
        light = contents.fill(bench, body, light)
    light = clutter.foam(bench, body, light, random)
    foot = base(body, vessel, bench.backdrop, bench.distance_mm)
    floor = floor_of(body, vessel)
    back = bench.sight.back(body.depth, index)
    below = part_below(floor - body.front, floor - back, k)[..., None]
    light = light * (1 - below) + foot * below
    for distance, strong in ((floor - body.front, 0.45), (floor - back, 0.2)):
        line = np.exp(-(((distance - 0.08) / 0.14) ** 2))[..., None]
        light = light * (1 - strong * (0.5 if specimen.phases else 1.0) * line)
    return np.asarray(light, np.float32)


def _outside(bench: Bench, body: Body) -> Floats:
    """Cover of the glass over the backdrop, with the rim's lines drawn into it."""
    vessel, sight_ = bench.vessel, bench.sight
    across = np.sqrt(np.clip(1 - body.share**2, 0, 1))
    far = sight_.back(np.asarray(body.half * across, np.float32))
    rim = vessel.height_mm - np.minimum(body.outer, far)
    foot = body.outer + vessel.base_mm
    return sight_.cover(np.minimum(np.minimum(body.half - np.abs(body.u), rim), foot))


def _needle(light: Floats, x: Floats, y: Floats, tip_mm: float, front_light: float) -> None:
    """A steel needle that hangs in from above."""
    share = np.clip(x / 0.8, -1, 1)
    cover = np.clip((0.8 - np.abs(x)) * 8 + 0.5, 0, 1) * np.clip((y - tip_mm) * 8 + 0.5, 0, 1)
    face = 0.08 + front_light * (0.5 * np.exp(-(((share + 0.3) / 0.2) ** 2)) + 0.25 * np.sqrt(1 - share**2))
    light *= (1 - cover)[..., None]
    light += (cover * face)[..., None]
