"""The whole column explained at once: where the surface is, if there is one, and what lies below it.

A conditional logit (McFadden 1974) over "empty" and every line that is seen; then one over "one phase" and every
line below the surface; then liquid or solid for each layer. The weights are in `vision.column_weights`; what they
give are probabilities, and `vision.confidence` makes them as true as they sound.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vision.calibration import VialView
from vision.cap import below_cap
from vision.colour import Floats
from vision.column import MIDDLES, SIDES, Column
from vision.column_weights import BOUNDARY, KIND, SURFACE
from vision.hypotheses import NAMES, Rows, Seen, features, rows_of
from vision.layer_trees import BOUNDARY_TREES, KIND_TREES
from vision.layers import BOUNDARY_NAMES, KIND_NAMES, boundary_features, kind_features, roughness
from vision.level import middle_row, refine, row_sigma
from vision.surface_trees import SURFACE_TREES
from vision.trees import Trees

MENISCUS_MM = 0.5
BASE_MM = 0.2
"""So far above the inner bottom the rows are read: nearer to it the glass base shows."""
RIM_MM = 2.0
HANGS = 0.15
"""The band darker than the columns beside it by this absorbance: a nozzle hangs in."""
SAME = 0.015
"""Lines within this share of the column's height are one surface."""
_SURFACE = np.array([SURFACE[name] for name in NAMES])
_BOUNDARY = np.array([BOUNDARY[name] for name in BOUNDARY_NAMES])
_KIND = np.array([KIND[name] for name in KIND_NAMES])
_SURFACE_TREES = Trees.read(SURFACE_TREES)
_BOUNDARY_TREES = Trees.read(BOUNDARY_TREES)
_KIND_TREES = Trees.read(KIND_TREES)


@dataclass(frozen=True)
class Window:
    """Rows of the column between brim and base, half height of the meniscus in rows, px per mm."""

    first: int
    last: int
    meniscus: int
    px_per_mm: float

    @property
    def readable(self) -> bool:
        return self.last - self.first >= 6 * self.meniscus


@dataclass(frozen=True)
class Layered:
    """A layer between two rows of the column, and whether it is a solid."""

    top: float
    bottom: float
    solid: bool


@dataclass(frozen=True)
class Explanation:
    """layers: from the surface down, none when empty. top_sd: of the topmost row, px. air: absorbance (3,) above.
    chances: of the surface (or of "empty"), of the number of layers, and of their kinds. rows: what was explained.
    """

    layers: tuple[Layered, ...]
    top_sd: float
    air: Floats
    chances: tuple[float, float, float]
    rows: Rows


def window_of(view: VialView, column: Column) -> Window:
    """Between the shoulder, where the straight part of the vial is brim-full (or the rim, where the capacity is not
    known, or the cap, or the nozzle that hangs in), and the refraction of the base."""
    k = view.px_per_mm if view.scaled else (view.base_row - view.box_px[1]) / 45.0
    top = view.box_px[1] + RIM_MM * k
    if view.shape is not None and np.isfinite(view.capacity_ul) and view.capacity_ul > 0:
        top = max(top, view.base_row - view.shape.height_at(view.capacity_ul) * k)
    first = max(0, round(top) - column.top, below_cap(column, k))
    last = min(column.bands.shape[1], round(view.base_row - column.top - BASE_MM * k))
    return Window(max(first, below_nozzle(column, first)), last, max(2, round(MENISCUS_MM * k)), k)


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


def look_at(column: Column, empty: Column | None, window: Window, expected: float | None) -> tuple[Rows, Seen]:
    """Rows and candidates. empty: an empty vial in the same place. expected: row of the column that was dosed."""
    bands = column.bands if empty is None else column.bands - empty.bands
    rows = rows_of(bands, window.first, window.last)
    parts = bands[MIDDLES, window.first : window.last]
    at = None if expected is None else expected - window.first
    return rows, features(rows, parts, window.meniscus, window.px_per_mm, at)


def explain(column: Column, empty: Column | None, window: Window, expected: float | None = None) -> Explanation:
    """The most probable explanation of what lies in `window`."""
    rows, seen = look_at(column, empty, window, expected)
    chance = softmax(seen.features @ _SURFACE + _SURFACE_TREES.score(seen.features))
    best = int(chance.argmax())
    if best == 0:
        air = np.median(rows.colour, axis=0)
        return Explanation((), 0.0, air, (float(chance[0]), 1.0, 1.0), rows)
    m, n = window.meniscus, len(rows.colour)
    at = seen.places[best - 1]
    near = [i + 1 for i, p in enumerate(seen.places) if abs(p - at) <= max(2 * m, SAME * n)]
    air = middle_row(rows.colour[: max(1, at - m)])
    liquid = middle_row(rows.colour[min(n - 1, at + m) :])
    row, sd = refine(rows.colour, at, air, liquid, m, row_sigma(rows.colour))
    rough = roughness(column.absorbance[window.first : window.last])
    below, table = boundary_features(rows, seen.strength, rough, at, seen.places, m, window.px_per_mm, seen.noise)
    split = softmax(table @ _BOUNDARY + _BOUNDARY_TREES.score(table))
    cut = int(split.argmax())
    edges = [at, *([] if cut == 0 else [below[cut - 1]]), n]
    kinds = np.array(
        [kind_features(rows, rough, a, b, m, window.px_per_mm, seen.noise) for a, b in pairwise(edges)]
    )
    solid = [sigmoid(z) for z in kinds @ _KIND + _KIND_TREES.score(kinds)]
    if len(solid) > 1:  # liquid rests on a solid, not the other way round
        solid[0] = 0.0
    sure = float(np.prod([max(p, 1 - p) for p in solid]))
    tops = [row, *(float(e) for e in edges[1:])]
    layers = tuple(
        Layered(a + window.first, b + window.first, p > 0.5) for a, b, p in zip(tops, tops[1:], solid, strict=False)
    )
    return Explanation(layers, sd, air, (float(chance[near].sum()), float(split[cut]), sure), rows)


def softmax(score: Floats) -> Floats:
    """Probabilities that sum to 1."""
    grown = np.exp(score - score.max())
    return np.asarray(grown / grown.sum())


def sigmoid(score: float) -> float:
    """Probability of a logit."""
    return float(1 / (1 + np.exp(-np.clip(score, -30, 30))))
