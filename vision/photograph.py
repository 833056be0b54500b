"""Read one vessel in a photograph of which only the box is known: no panel, no white, any background.

Whatever is lacking is None or a doubt; nothing here raises for what a picture shows.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vision.calibration import VialView
from vision.colour import Floats
from vision.photograph_column import ROWS, Column, look_column
from vision.photograph_evidence import Segments, describe
from vision.photograph_explain import Explanation, confidence, explain, named
from vision.photograph_layers import boundary_of
from vision.reading import Doubt, Lab, Layer, State, VialReading

Image = npt.NDArray[np.uint8]

SURE, CLEAR = 0.36, 0.7
"""Least confidence of an answer, and of one that no other line makes ambiguous."""
SURE_BOUNDARY, SURE_CAP = 0.33, 0.5
BOTTOM = 0.975
"""Height of the inner bottom in the box, from its top: in two vessels of three within 2 %, which is nearer than any
line near the base, for the glass of the base shows several."""
SD_SHARE = 0.011
"""Standard deviation of a surface that is the right line, of the box's height: two of three photographed menisci
and foams, annotated at the front contact line, are read nearer than this."""
GLARE_SHARE = 0.05
INSET = 5
"""Rows at both ends of a layer that its colour is not taken from."""


def read_photograph(image: Image, view: VialView, doubt: Doubt) -> VialReading:
    """The most probable surface and the layers under it, or unknown with its doubt. Colours are as photographed."""
    column = look_column(image, view.box_px)
    if column is None:
        return told(view, "unknown", doubt | Doubt.OUT_OF_FRAME, 0.0)
    if not column.places:
        return told(view, "unknown", doubt | Doubt.NO_EDGE, 0.0)
    lines = describe(column)
    table = named(lines)
    found = explain(table, column.places)
    doubt |= Doubt.GLARE if glare(column) > GLARE_SHARE else Doubt.NONE
    sure = confidence(table, found)
    if sure < SURE:
        return told(view, "unknown", doubt | Doubt.AMBIGUOUS, 0.0)
    doubt |= Doubt.AMBIGUOUS if sure < CLEAR else Doubt.NONE
    place = found.places[found.best]
    surface, bottom = refined(column, place), bottom_of(view, place)
    layer = boundary_of(column, Segments(column.lab), lines, place, bottom)
    edges = [surface, bottom]
    state: State = "liquid"
    if layer is not None and layer[1] >= SURE_BOUNDARY:
        edges.insert(1, refined(column, found.places[layer[0]]))
        state = "liquid+solid" if layer[2] else "two_phase"
    cap = cap_of(found, place)
    if cap is not None and place - cap < 0.04 * ROWS:
        doubt |= Doubt.FULL
    return filled(view, column, state, edges, cap, doubt | Doubt.NO_WHITE, sure)


def filled(
    view: VialView, column: Column, state: State, edges: list[float], cap: float | None, doubt: Doubt, sure: float
) -> VialReading:
    """The reading of a vessel whose layers end at the canonical rows `edges`, top to bottom."""
    unit = (view.box_px[3] - view.box_px[1]) / ROWS
    rows = [view.box_px[1] + e * unit - 0.5 for e in edges]
    labs = [layer_lab(column, a, b) for a, b in pairwise(edges)]
    rim = 0.0 if cap is None else cap
    found = replace(
        told(view, state, doubt, sure),
        surface_row=rows[0],
        surface_sd_px=max(0.5, SD_SHARE * ROWS * unit),
        layers=tuple(Layer(a, b, lab) for (a, b), lab in zip(pairwise(rows), labs, strict=True)),
        lab=labs[0] if len(labs) == 1 else None,
        bottom_row=rows[-1],
        fill=float(np.clip((edges[-1] - edges[0]) / max(1.0, edges[-1] - rim), 0, 1)),
        cap=cap is not None,
    )
    return scaled(view, found)


def refined(column: Column, place: int) -> float:
    """The row of a line to a part of a row: the peak of a parabola through its strongest kind."""
    near = slice(max(0, place - 2), place + 3)
    kind = int(np.abs(column.scores.vote[:3, near]).max(axis=1).argmax())
    size = np.abs(column.scores.strength[kind])
    at = near.start + int(size[near].argmax())
    if not 0 < at < ROWS - 1:
        return float(at)
    left, middle, right = size[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return at + (float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0)


def bottom_of(view: VialView, surface: float) -> float:
    """Canonical row of the inner bottom: where the view has it, or where it usually is."""
    high = view.box_px[3] - view.box_px[1]
    row = (view.base_row - view.box_px[1]) / high * ROWS if view.scaled else BOTTOM * ROWS
    return max(row, surface + 1.0)


def cap_of(found: Explanation, surface: int) -> float | None:
    """Canonical row of the cap's lower edge; None where there is probably no cap."""
    share = found.cap[:-1] * (np.array(found.places) < surface)
    if share.sum() < SURE_CAP:
        return None
    return float(found.places[int(share.argmax())])


def layer_lab(column: Column, top: float, bottom: float) -> Lab:
    """CIELAB as photographed: median of the layer, away from its ends and the walls."""
    inset = min(INSET, max(0.0, (bottom - top) / 2 - 1))
    first = min(round(top + inset), ROWS - 1)
    part: Floats = column.lab[first : max(first + 1, round(bottom - inset)), 4:-4]
    light, a, b = np.median(part.reshape(-1, 3), axis=0) * column.contrast
    return float(light), float(a), float(b)


def glare(column: Column) -> float:
    """Share of burnt pixels."""
    return float(np.mean(column.lab[..., 0] * column.contrast > 99.5))


def scaled(view: VialView, found: VialReading) -> VialReading:
    """Level in mm and volume, where the view has a scale."""
    if found.surface_row is None or found.surface_sd_px is None or not view.scaled:
        return found
    mm, sd = view.level_mm(found.surface_row), found.surface_sd_px / view.px_per_mm
    volume, volume_sd = view.volume(mm, sd) or (None, None)
    return replace(found, level_mm=mm, level_sd_mm=sd, volume_ul=volume, volume_sd_ul=volume_sd)


def told(view: VialView, state: State, doubt: Doubt, confidence: float) -> VialReading:
    """A reading without a surface; an unknown one has no numbers."""
    return VialReading(
        box_px=view.box_px,
        state=state,
        present=None if state == "unknown" else True,
        surface_row=None,
        surface_sd_px=None,
        level_mm=None,
        level_sd_mm=None,
        volume_ul=None,
        volume_sd_ul=None,
        layers=(),
        lab=None,
        clarity=None,
        doubt=doubt,
        confidence=confidence,
    )
