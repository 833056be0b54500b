"""What fills a vial below its surface: one phase or one above another, liquid or solid.

The boundary competes with "one phase" as the surface competes with "empty"; then each layer is a liquid or a
solid. A solid lets nothing through, is grainy, has a rough top and no meniscus; a liquid absorbs along its chord,
so that its sides are lighter than its middle, and shows the panel's ends at its walls.
"""

import numpy as np

from vision.colour import Floats
from vision.column import Singles
from vision.hypotheses import Rows, tint
from vision.level import CODE, middle_row

BOUNDARY_NAMES = (
    "bias", "line", "colour step", "sides change", "bands change", "colour apart", "local share", "colour gain",
    "sides gain", "above mixed", "below mixed", "height", "depth", "dark line", "stronger", "at base",
    "rough below", "rough step", "darker below", "returns", "tinted below", "rough at base", "darker at base",
    "local at base", "none: colour mixed", "none: sides mixed", "none: strongest",
)  # fmt: skip
OF_BOUNDARY = 24
KIND_NAMES = (
    "bias",
    "dark",
    "rough",
    "rougher",
    "sides",
    "sides even",
    "tint",
    "rough top",
    "height",
    "lens",
    "opaque",
    "mixed",
)


def roughness(absorbance: Singles) -> Floats:
    """(rows,): how grainy the middle columns are, in units of what one 8-bit step is at that absorbance.

    The mixed second difference: edges that run along rows or columns, as those of surfaces and of the lens that a
    full vial is, do not count.
    """
    width = absorbance.shape[1]
    grey = absorbance[:, round(0.32 * width) : round(0.68 * width)].mean(axis=2)
    rows, columns = grey.shape
    if rows < 6 or columns < 6:
        return np.zeros(rows)
    mixed = np.abs(grey[2:, 2:] - grey[2:, :-2] - grey[:-2, 2:] + grey[:-2, :-2])
    step = CODE * 10 ** (np.clip(grey[2:, 2:], 0, 3) / 2.4)
    found = np.zeros(rows)
    found[1:-1] = np.minimum(mixed / step, 30).mean(axis=1)
    found[0], found[-1] = found[1], found[-2]
    return found


def _misfit(values: Floats, noise: float) -> float:
    """Scatter about a straight line, log of units of noise."""
    n = len(values)
    if n < 4:
        return 0.0
    x = np.arange(n) - (n - 1) / 2
    slope = (x @ values) / (x @ x)
    rest = values - values.mean(axis=0) - x[:, None] * slope
    return float(np.log1p((rest**2).mean() / noise**2) / 2)


def boundary_features(
    rows: Rows,
    strength: Floats,
    rough: Floats,
    surface: int,
    places: list[int],
    m: int,
    px_per_mm: float,
    noise: float,
) -> tuple[list[int], Floats]:
    """Candidates below `surface`, and (1 + candidates, len(BOUNDARY_NAMES)), "one phase" first."""
    n = len(rows.colour)
    start = min(n - 2, surface + m)
    inside = [p for p in places if surface + 3 * m < p < n - 2 * m]
    colour, sides = rows.colour[start:], rows.sides[start:]
    none = np.zeros(len(BOUNDARY_NAMES))
    whole = _misfit(colour, noise), _misfit(sides, 2 * noise)
    strongest = max((strength[p] for p in inside), default=0.0)
    none[OF_BOUNDARY:] = [*whole, np.log1p(strongest)]
    table = [none]
    reach = 4 * m
    both = np.hstack([rows.colour, rows.sides])
    after_each = [middle_row(both[min(n - 1, p + m) : p + 5 * m]) for p in inside]
    for i, p in enumerate(inside):
        before = slice(max(start, p - m - reach), max(start + 1, p - m + 1))
        after = slice(min(n - 1, p + m), p + m + reach)
        upper, lower = slice(start, max(start + 1, p - m)), slice(min(n - 1, p + m), n)
        step = middle_row(rows.colour[after]) - middle_row(rows.colour[before])
        apart = middle_row(rows.colour[lower]) - middle_row(rows.colour[upper])
        side = middle_row(rows.sides[after]) - middle_row(rows.sides[before])
        band = middle_row(rows.bands[after]) - middle_row(rows.bands[before])
        channel = int(np.abs(apart).argmax())
        share = float(np.clip(step[channel] / apart[channel], -0.5, 1.5)) if abs(apart[channel]) > 0.01 else 0.0
        mixed = _misfit(rows.colour[upper], noise), _misfit(rows.colour[lower], noise)
        side_mixed = _misfit(rows.sides[upper], 2 * noise), _misfit(rows.sides[lower], 2 * noise)
        weight = (p - start) / max(1, n - start)
        at = rows.colour[max(0, p - m) : p + m + 1].mean(axis=1).max()
        ends = max(float(rows.colour[before].mean(axis=1).max()), float(middle_row(rows.colour[after]).mean()))
        grain = float(np.median(rough[lower])), float(np.median(rough[upper]))
        foot = max(0.0, 1 - (n - p) / px_per_mm / 3)
        above = middle_row(both[before])
        row = np.zeros(len(BOUNDARY_NAMES))
        row[:OF_BOUNDARY] = [
            1.0,
            np.log1p(strength[p]),
            np.log1p(float(np.abs(step).max()) / noise),
            np.log1p(float(np.abs(side).mean()) / noise),
            np.log1p(float(np.abs(band).mean()) / noise),
            min(1.0, float(np.abs(apart).max())) * 3,
            share,
            whole[0] - weight * mixed[0] - (1 - weight) * mixed[1],
            whole[1] - weight * side_mixed[0] - (1 - weight) * side_mixed[1],
            mixed[0],
            mixed[1],
            np.log((n - p) / px_per_mm + 1),
            np.log((p - surface) / px_per_mm + 1),
            np.log1p(max(0.0, float(at - ends)) / noise),
            float(np.log1p(strongest) - np.log1p(strength[p])),
            foot,
            np.log1p(grain[0]),
            float(np.clip(np.log1p(grain[0]) - np.log1p(grain[1]), -2, 2)),
            max(-1.0, min(1.0, float(apart.mean()))) * 3,
            float(np.log1p(min(float(np.abs(a - above).mean()) for a in after_each[i:]) / noise)),
            tint(apart),
            float(np.clip(np.log1p(grain[0]) - np.log1p(grain[1]), -2, 2)) * foot,
            max(-1.0, min(1.0, float(apart.mean()))) * 3 * foot,
            share * foot,
        ]
        table.append(row)
    return inside, np.array(table)


def kind_features(
    rows: Rows, rough: Floats, top: int, bottom: int, m: int, px_per_mm: float, noise: float
) -> Floats:
    """(len(KIND_NAMES),) of the layer between two rows: what tells a solid from a liquid."""
    n = len(rows.colour)
    part = slice(min(n - 1, top + m), max(min(n, top + m + 1), bottom - (m if bottom < n else 0)))
    colour, sides = middle_row(rows.colour[part]), middle_row(rows.sides[part])
    grey = float(colour.mean())
    edge = rows.bands[max(0, top - m) : top + m + 1]
    return np.array(
        [
            1.0,
            min(1.5, max(-0.5, grey)) * 2,
            np.log1p(float(np.median(rough[part]))),
            float(np.log1p(np.median(rough[part])) - np.log1p(np.percentile(rough, 10))),
            float(np.clip(sides.mean(), -1, 1)) * 3,
            float(np.abs(sides - sides.mean()).mean()) * 3,
            min(1.0, float(np.abs(colour - grey).max())) * 3,
            float(edge.std(axis=1).max()) * 5 if len(edge) else 0.0,
            np.log((bottom - top) / px_per_mm + 1),
            float(np.clip(sides[[0, 3]].mean() - sides[[1, 2]].mean(), -1, 1)) * 3,
            max(0.0, float(colour.min()) - 0.5),
            _misfit(rows.colour[part], noise),
        ]
    )
