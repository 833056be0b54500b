"""What a height of liquid means in µL: the vial's cross-section over its height, and the scientist's two points.

The cross-section is taken to change linearly between the heights that are given (frusta of a solid of revolution
whose area, not radius, is linear; for the small steps of a drawing the difference is below the drawing's error) and
to stay what it is below the lowest and above the highest of them.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from vision.colour import Floats

Point = tuple[float, float]
BORE_SD = 0.01
"""Of the volume, relative: what drawing, bore and scale leave open in a vial nobody calibrated."""
FLOOR_SD_MM = 0.05
"""Of the inner floor's height, where nobody calibrated it."""


@dataclass(frozen=True)
class VolumeScale:
    """true µL = offset_ul + factor * µL by the profile.

    sd: standard deviations of offset (µL) and factor. correlation: of the two, -1..1.
    """

    offset_ul: float = 0.0
    factor: float = 1.0
    sd: tuple[float, float] = (0.0, BORE_SD)
    correlation: float = 0.0

    def apply(self, volume_ul: float) -> float:
        """µL in the vial, not below 0."""
        return max(0.0, self.offset_ul + self.factor * volume_ul)

    def sd_ul(self, volume_ul: float) -> float:
        """Standard deviation that the scale alone leaves at `volume_ul` by the profile, µL."""
        a, b = self.sd[0], self.sd[1] * volume_ul
        return math.sqrt(max(0.0, a * a + b * b + 2 * self.correlation * a * b))


@dataclass(frozen=True)
class Profile:
    """points: (height above the inner floor, mm; cross-section there, mm²), lowest first.

    Raises ValueError for points that are no vial.
    """

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        heights = [h for h, _ in self.points]
        if not self.points:
            raise ValueError("a profile needs at least one height with its cross-section")
        if not all(math.isfinite(h) and h >= 0 and math.isfinite(a) and a > 0 for h, a in self.points):
            raise ValueError(
                f"a profile has heights from 0 mm up and cross-sections above 0 mm², not {self.points}"
            )
        if any(b <= a for a, b in pairwise(heights)):
            raise ValueError(f"the heights of a profile rise from one to the next, not {heights}")

    @classmethod
    def cylinder(cls, bore_mm: float) -> "Profile":
        """Raises ValueError for a bore that is not above 0."""
        return cls(((0.0, math.pi * bore_mm**2 / 4),))

    @cached_property
    def _table(self) -> tuple[Floats, Floats, Floats]:
        """Heights from 0, areas there, volume below each."""
        points = self.points if self.points[0][0] == 0 else ((0.0, self.points[0][1]), *self.points)
        heights, areas = np.array(points).T
        steps = np.diff(heights) * (areas[1:] + areas[:-1]) / 2
        return heights, areas, np.concatenate([[0.0], np.cumsum(steps)])

    def area_at(self, height_mm: float) -> float:
        """Cross-section at that height, mm² (µL per mm of level)."""
        heights, areas, _ = self._table
        return float(np.interp(height_mm, heights, areas))

    def volume_at(self, height_mm: float) -> float:
        """µL below that height above the inner floor; 0 below the floor."""
        heights, areas, below = self._table
        if height_mm <= 0:
            return 0.0
        i = int(np.searchsorted(heights, height_mm, side="right")) - 1
        return float(below[i] + (height_mm - heights[i]) * (areas[i] + self.area_at(height_mm)) / 2)

    def height_at(self, volume_ul: float) -> float:
        """Height in mm that `volume_ul` fills up to: the inverse of `volume_at`."""
        heights, areas, below = self._table
        if volume_ul <= 0:
            return 0.0
        i = int(np.searchsorted(below, volume_ul, side="right")) - 1
        rest = volume_ul - below[i]
        slope = 0.0 if i + 1 >= len(heights) else (areas[i + 1] - areas[i]) / (heights[i + 1] - heights[i])
        # rest = areas[i] h + slope h² / 2, in the form that does not cancel
        return float(heights[i] + 2 * rest / (areas[i] + math.sqrt(max(0.0, areas[i] ** 2 + 2 * slope * rest))))


def two_point(
    profile: Profile, lower: Point, upper: Point, *, level_sd_mm: float = 0.05, volume_sd_ul: float = 0.0
) -> VolumeScale:
    """Scale from two volumes that the scientist dosed, each with the level that was seen: (µL, mm above the floor).

    level_sd_mm: of each level, independent. volume_sd_ul: of each dosed volume.
    Raises ValueError, with what to do, when the points do not make a scale.
    """
    for name, (volume, level) in (("lower", lower), ("upper", upper)):
        if not (math.isfinite(volume) and volume >= 0):
            raise ValueError(f"the {name} volume is {volume} µL: give what was dosed, 0 µL or more")
        if not (math.isfinite(level) and level >= 0):
            raise ValueError(
                f"the {name} level is {level} mm: it must be seen above the inner floor; check the base row"
            )
    for name, sd in (("level", level_sd_mm), ("volume", volume_sd_ul)):
        if not (math.isfinite(sd) and sd >= 0):
            raise ValueError(f"the {name}'s standard deviation is {sd}: it is 0 or more")
    seen_low, seen_high = profile.volume_at(lower[1]), profile.volume_at(upper[1])
    apart_mm = upper[1] - lower[1]
    if upper[0] <= lower[0] or apart_mm <= 0:
        raise ValueError(
            f"{upper[0]:g} µL at {upper[1]:g} mm does not lie above {lower[0]:g} µL at {lower[1]:g} mm: "
            "give the lower filling first and dose more before the second look"
        )
    if apart_mm < 20 * level_sd_mm:
        raise ValueError(
            f"the two levels are {apart_mm:.2f} mm apart: "
            f"dose until they are {20 * level_sd_mm:g} mm apart before the second look"
        )
    factor = (upper[0] - lower[0]) / (seen_high - seen_low)
    if not 0.5 <= factor <= 2.0:
        raise ValueError(
            f"the dosed volumes are {factor:.2f} times what the vial's profile holds there: "
            "check the vial's bore or profile, the view's scale and the dosed volumes"
        )
    # offset and factor from the two errors, each a dosed volume's and a level's in µL
    errors = np.array(
        [math.hypot(volume_sd_ul, factor * profile.area_at(level) * level_sd_mm) for _, level in (lower, upper)]
    )
    span = seen_high - seen_low
    weights = np.array([[seen_high, -seen_low], [-1.0, 1.0]]) / span
    covariance = weights @ np.diag(errors**2) @ weights.T
    deviations = np.sqrt(np.diag(covariance))
    correlation = float(covariance[0, 1] / deviations.prod()) if deviations.all() else 0.0
    return VolumeScale(
        offset_ul=lower[0] - factor * seen_low,
        factor=factor,
        sd=(float(deviations[0]), float(deviations[1])),
        correlation=correlation,
    )
