"""Is there a vial in the slot: two glass walls where the view expects them."""

import numpy as np

from vision.colour import Floats

WALL = 0.03
"""Least contrast of a glass wall, decadic absorbance."""


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


def present(across: Floats, x0: float, x1: float) -> bool | None:
    """True with both walls, False with nothing upright in the slot, None with one wall or with walls elsewhere."""
    left, right = walls(across, x0, x1)
    if left > WALL and right > WALL:
        return True
    slot = across[max(0, round(x0)) : max(0, round(x1))]
    # a wall that stands in the slot, but not where a vial of this view has one
    astray = len(slot) > 0 and float(slot.max() - np.median(slot)) > WALL
    return None if astray or left > WALL or right > WALL else False
