"""Where a stage may be sent, and how long that may take."""

import math
from collections.abc import Sequence

from hardware.errors import OutOfRangeError


def target_within(
    device: str, travel_mm: tuple[float, float, float], x_mm: float, y_mm: float, z_mm: float | None
) -> tuple[float, ...]:
    """The target as X, Y and, if it is given, Z. Raises OutOfRangeError for a place outside 0 to the travel."""
    target_mm = (x_mm, y_mm) if z_mm is None else (x_mm, y_mm, z_mm)
    for axis, value, travel in zip("XYZ", target_mm, travel_mm, strict=False):
        if not math.isfinite(value) or not 0 <= value <= travel:
            raise OutOfRangeError(device, f"{axis} {value:g} mm is outside its travel, 0 to {travel:g} mm")
    return target_mm


def longest_s(target_mm: tuple[float, ...], travel_mm: Sequence[float], speeds_mm_s: Sequence[float]) -> float:
    """How long a move may take at most: from the far end of each axis that it moves, one after the other."""
    return sum(t / v for t, v, _ in zip(travel_mm, speeds_mm_s, target_mm, strict=False))
