"""Whether something opaque closes the vial, or its rim is open and lets the panel through."""

import numpy as np

from vision.colour import Floats
from vision.column import Column

OPAQUE = 0.25
"""Least absorbance of a cap against the panel in some channel, or its negative where the cap is the brighter."""


def capped(column: Column, px_per_mm: float) -> bool | None:
    """None where the rim is out of the picture."""
    low, high = round(1.5 * px_per_mm), round(4.5 * px_per_mm)
    rows = opaque(column)[low:high]
    return bool(np.percentile(rows, 20) > OPAQUE) if len(rows) >= 3 else None


def below_cap(column: Column, px_per_mm: float) -> int:
    """Row of the column where the cap ends; 0 where there is none."""
    if not capped(column, px_per_mm):
        return 0
    clear = np.convolve(opaque(column) < OPAQUE, np.ones(3), mode="same") > 1.5
    after = np.flatnonzero(clear[round(3 * px_per_mm) :])
    return round(3 * px_per_mm) + int(after[0]) if len(after) else 0


def opaque(column: Column) -> Floats:
    """(rows,): how much the light of all middle bands but one differs from the panel's, in some channel."""
    return np.asarray(np.sort(np.abs(column.parts).max(axis=2), axis=0)[1])
