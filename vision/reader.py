"""The pipeline that reads one vial: frame, presence, column, surface, colour, doubt."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vision import level, photograph, presence
from vision.background import inside
from vision.calibration import VialView
from vision.colour import Floats, transmitted_lab
from vision.column import MIDDLES, SIDES, Column, take_column
from vision.profile import FLOOR_SD_MM
from vision.quality import frame_doubt
from vision.reading import Doubt, Lab, Layer, State, VialReading

Image = npt.NDArray[np.uint8]

HANGS = 0.15
"""The band darker than the columns beside it by this absorbance: a nozzle hangs in."""
MENISCUS_MM = 0.5
BASE_MM = 0.6
"""Refraction of the glass base reaches this far above the inner bottom."""
RIM_MM = 2.0
SURE = 4.0
"""An explanation that beats its rival by less than this is no answer."""


def read_vial(
    image: Image, view: VialView, *, empty: Image | None = None, expected_ul: float | None = None
) -> VialReading:
    """Read the vial that `view` describes.

    empty: a picture of the same slot with an empty vial, which takes the glass's own lines away.
    expected_ul: what was dosed; it may break a tie but never moves a line that is seen.
    Raises ValueError when `image` is no (h, w, 3) uint8 array. What cannot be read is a value: see `doubt`.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a picture is (h, w, 3) uint8 BGR, not {image.shape} {image.dtype}")
    cut = inside(view.box_px, image.shape) if usable(view, image.shape) else None
    if cut is None:
        return unknown(view, Doubt.OUT_OF_FRAME)
    doubt = frame_doubt(image[cut[1] : cut[3], cut[0] : cut[2]])
    if doubt & (Doubt.DARK | Doubt.SATURATED):
        return unknown(view, doubt)
    column = take_column(image, view) if view.white_px is not None or view.scaled else None
    if column is None and view.white_px is None:
        return photograph.read_photograph(image, view, doubt)
    if column is None:
        return unknown(view, doubt | Doubt.NO_EDGE)
    there = presence.present(column.across, column.left, column.left + view.box_px[2] - view.box_px[0])
    if not there:
        return absent(view, doubt, sure=there is False and view.white_px is not None)
    if column.glare > 0.05:
        doubt |= Doubt.GLARE
    reference = None if empty is None or empty.shape != image.shape else take_column(empty, view)
    return read_column(view, column, reference, expected_ul, doubt)


def usable(view: VialView, shape: tuple[int, ...]) -> bool:
    """Box and base are numbers, and the whole box (but for a pixel) is in the picture."""
    x0, y0, x1, y1 = view.box_px
    if not np.all(np.isfinite([*view.box_px, view.base_row])) or x1 - x0 < 8 or y1 - y0 < 16:
        return False
    return x0 >= -1 and y0 >= -1 and x1 <= shape[1] + 1 and y1 <= shape[0] + 1 and y0 < view.base_row <= y1 + 1


def read_column(
    view: VialView, column: Column, empty: Column | None, expected_ul: float | None, doubt: Doubt
) -> VialReading:
    """Explain the column and put the numbers to it."""
    scale = view.px_per_mm if view.scaled else None
    k = scale or (view.base_row - view.box_px[1]) / 45.0
    parts = column.parts if empty is None else column.parts - empty.parts
    first = top_node(view, k) - column.top
    first = max(first, below_nozzle(column, first))
    last = min(parts.shape[1], round(view.base_row - column.top - BASE_MM * k))
    meniscus = max(2, round(MENISCUS_MM * k))
    if last - first < 6 * meniscus:
        return unknown(view, doubt | Doubt.OUT_OF_FRAME)
    row = None if expected_ul is None else view.expected_row(expected_ul)
    expected = None if row is None else row - column.top
    found = level.explain(parts, first, last, meniscus, expected, least=meniscus + 2)
    if found.gap < SURE:
        return unknown(view, doubt | Doubt.AMBIGUOUS, present=True)
    confidence = (1 - float(np.exp(-found.gap / 12))) * (0.6 if doubt else 1.0)
    if found.surface is None:
        return reading(view, "empty", doubt, confidence, present=True)
    row = found.surface + column.top
    doubt |= Doubt.FULL if found.surface < first + 2 * meniscus else Doubt.NONE
    state: State = "liquid" if found.boundary is None else "two_phase"
    edges = [found.surface, *([] if found.boundary is None else [found.boundary]), last + BASE_MM * k]
    layers, clarity = [], None
    for top, bottom in pairwise(edges):
        inset = meniscus + 1
        rows = slice(round(top) + inset, max(round(top) + inset + 1, round(bottom) - inset))
        pixels = middle(column)[rows]
        lab = colour(pixels, found.air)
        layers.append(Layer(top + column.top, bottom + column.top, lab))
    if found.liquid is not None:
        clarity = float(np.clip(10 ** -np.min(found.liquid - found.air), 0, 1))
    mm = None if scale is None else view.level_mm(row)
    volume = None if scale is None else view.volume(view.level_mm(row), found.surface_sd / scale)
    return VialReading(
        box_px=view.box_px,
        state=state,
        present=True,
        surface_row=row,
        surface_sd_px=found.surface_sd,
        level_mm=mm,
        level_sd_mm=None if scale is None else float(np.hypot(found.surface_sd / scale, FLOOR_SD_MM)),
        volume_ul=None if volume is None else volume[0],
        volume_sd_ul=None if volume is None else volume[1],
        layers=tuple(layers),
        lab=layers[0].lab if len(layers) == 1 else None,
        clarity=clarity,
        doubt=doubt,
        confidence=confidence,
    )


def top_node(view: VialView, px_per_mm: float) -> int:
    """Image row above which no surface can be: the shoulder, where the straight part of the vial is brim-full,
    or the rim where the capacity is not known."""
    rim = view.box_px[1] + RIM_MM * px_per_mm
    if view.shape is None or not (np.isfinite(view.capacity_ul) and view.capacity_ul > 0):
        return round(rim)
    return round(max(rim, view.base_row - view.shape.height_at(view.capacity_ul) * px_per_mm))


def below_nozzle(column: Column, first: int) -> int:
    """Row where the view of the liquid begins: below a nozzle that hangs in from above. Liquid is as dark beside
    the band as in it; a nozzle is not."""
    grey = column.bands.mean(axis=2)
    rows = np.median(grey[MIDDLES], axis=0) - np.median(grey[list(SIDES)], axis=0)
    hanging = np.convolve(rows > HANGS, np.ones(5) / 5, mode="same") > 0.5
    if not hanging[: first + 5].any():
        return first
    clear = np.flatnonzero(~hanging[first:])
    return first + int(clear[0]) + 8 if len(clear) else first


def middle(column: Column) -> Floats:
    """(rows, columns, 3) of the middle band."""
    width = column.absorbance.shape[1]
    begin = round(0.32 * width)
    return np.asarray(column.absorbance[:, begin : max(begin + 3, round(0.68 * width))], np.float64)


def colour(absorbance: Floats, glass: Floats) -> Lab:
    """Lab of what the liquid transmits: the glass that the air above shows is taken off."""
    tint = np.clip(glass - glass.mean(), -level.AIR_TINT, level.AIR_TINT)
    pixels = absorbance.reshape(-1, 3) - np.clip(glass.mean(), 0, level.AIR_MOST) - tint
    return transmitted_lab(np.minimum(10.0**-pixels, 1.0))


def reading(view: VialView, state: State, doubt: Doubt, confidence: float, *, present: bool | None) -> VialReading:
    """A reading without a surface. An empty vial holds 0; an unknown one has no numbers."""
    none = state == "empty"
    sized = none and view.scaled
    volume = view.volume(0.0, BASE_MM) if sized else None
    return VialReading(
        box_px=view.box_px,
        state=state,
        present=present,
        surface_row=None,
        surface_sd_px=None,
        level_mm=0.0 if none else None,
        level_sd_mm=BASE_MM if sized else None,
        volume_ul=0.0 if none else None,
        volume_sd_ul=None if volume is None else volume[1],
        layers=(),
        lab=None,
        clarity=None,
        doubt=doubt,
        confidence=confidence,
    )


def unknown(view: VialView, doubt: Doubt, *, present: bool | None = None) -> VialReading:
    """No answer, and why."""
    return reading(view, "unknown", doubt, 0.0, present=present)


def absent(view: VialView, doubt: Doubt, *, sure: bool) -> VialReading:
    """No vial in the slot; with something upright in the wrong place, not even that is sure."""
    if not sure:
        return unknown(view, doubt | Doubt.AMBIGUOUS | Doubt.MOVED)
    return reading(view, "no_vial", doubt | Doubt.NO_VIAL, 0.95, present=False)
