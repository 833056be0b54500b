"""Is there a vial in the slot: two glass walls where the view expects them, and a rim."""

import numpy as np

from vision.colour import Floats
from vision.column import Column
from vision.level import evidence, responses, row_sigma

WALL = 0.03
"""Least contrast of a glass wall, decadic absorbance."""
RIM = 4.2
"""Least strength of what lies level near the rim, in units of noise: mouth, lip, thread, shoulder or cap."""


def walls(across: Floats, x0: float, x1: float) -> tuple[float, float]:
    """Contrast of the left and the right wall in `across`, absorbance over the columns (median over the body's
    rows); x0, x1 the outer glass in columns of `across`. The glass must differ from the panel just outside."""
    width = x1 - x0
    reach, n = max(2.0, 0.10 * width), len(across)
    found = []
    for edge, outward in ((x0, -1.0), (x1, 1.0)):
        out = sorted((edge + outward * 0.7 * reach, edge + outward * 1.8 * reach))
        near = sorted((edge - outward * 1.5 * reach, edge + outward * 0.5 * reach))
        beyond = across[max(0, round(out[0])) : max(0, round(out[1]))]
        glass = across[max(0, round(near[0])) : min(n, round(near[1]))]
        if len(glass) < 2:
            found.append(0.0)
            continue
        panel = float(np.median(beyond)) if len(beyond) else 0.0
        found.append(float(np.max(glass) - panel))
    return found[0], found[1]


def present(column: Column, x0: float, x1: float, meniscus: int) -> bool | None:
    """True with both walls and a rim, False with nothing upright in the slot or with stripes and no rim, None with
    one wall or with walls elsewhere."""
    across = column.across
    left, right = walls(across, x0, x1)
    if left > WALL and right > WALL:
        return rim(column, meniscus) > RIM
    slot = across[max(0, round(x0)) : max(0, round(x1))]
    # a wall that stands in the slot, but not where a vial of this view has one
    astray = len(slot) > 0 and float(slot.max() - np.median(slot)) > WALL
    return None if astray or left > WALL or right > WALL else False


def rim(column: Column, meniscus: int) -> float:
    """Strength of the level lines and steps in the upper part: of the strongest that the middle bands agree on, and
    half of the strongest that all of them but one have in any sign, as before stripes. Stripes alone have none."""
    upper = column.parts[:, : round(0.3 * column.parts.shape[1])]
    if upper.shape[1] < 4 * meniscus:
        return float("inf")  # too small a vial to tell
    sigma = row_sigma(np.median(upper, axis=0))
    each = (np.abs(responses(upper, meniscus)).sum(axis=0) / sigma).max(axis=2)
    most = np.partition(each, 1, axis=0)[1]
    return float(evidence(upper, sigma, meniscus)[meniscus:].max() + most[meniscus:].max() / 2)
