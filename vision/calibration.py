"""Where a vial stands in the picture and what one pixel of it means."""

import math
from dataclasses import dataclass
from functools import cached_property

from vision.profile import FLOOR_SD_MM, Profile, VolumeScale

LEAST, MOST = 1e-2, 1e4
"""Of a scale in px/mm and of a bore in mm; anything else is a slip, and counts as not known."""


@dataclass(frozen=True)
class VialView:
    """A side view of one vial. Rows and columns count pixel centres: 0.0 is the centre of the first.

    box_px: outer glass and cap, (x0, y0, x1, y1). base_row: image row of the inner bottom.
    px_per_mm: scale in the plane of the vial's axis. bore_mm: inner diameter. capacity_ul: brim-full.
    white_px: a patch of plain background, the white reference; None where there is none.
    profile: (height above the inner floor, mm; cross-section there, mm²) of a vial that is no plain cylinder.
    scale: what the scientist's two-point calibration made of the profile's volumes.

    Raises ValueError for a profile that is no vial's.
    """

    box_px: tuple[float, float, float, float]
    base_row: float
    px_per_mm: float
    bore_mm: float
    capacity_ul: float
    white_px: tuple[float, float, float, float] | None = None
    profile: tuple[tuple[float, float], ...] = ()
    scale: VolumeScale | None = None

    def __post_init__(self) -> None:
        if self.profile:
            Profile(self.profile)

    @property
    def ul_per_mm(self) -> float:
        """Volume per mm of level, µL/mm, of the cylindrical part."""
        return math.pi * self.bore_mm**2 / 4.0

    @property
    def scaled(self) -> bool:
        """Whether lengths in mm are known: a scale that a vial in a picture may have."""
        return LEAST <= self.px_per_mm <= MOST

    @cached_property
    def shape(self) -> Profile | None:
        """Cross-section over height; None where neither profile nor bore is known."""
        if self.profile:
            return Profile(self.profile)
        return Profile.cylinder(self.bore_mm) if LEAST <= self.bore_mm <= MOST else None

    def level_mm(self, row: float) -> float:
        """Height of an image row above the inner bottom, mm."""
        return (self.base_row - row) / self.px_per_mm

    def volume(self, level_mm: float, level_sd_mm: float) -> tuple[float, float] | None:
        """Volume below a level and its standard deviation, µL; None where the vial's shape is not known.

        The deviation holds the level's own, and the calibration's or, without one, the floor's and the bore's.
        """
        if self.shape is None:
            return None
        scale = self.scale or VolumeScale()
        nominal = self.shape.volume_at(level_mm)
        slope = scale.factor * self.shape.area_at(level_mm)
        floor_mm = FLOOR_SD_MM if self.scale is None else 0.0
        return scale.apply(nominal), math.hypot(slope * math.hypot(level_sd_mm, floor_mm), scale.sd_ul(nominal))

    def expected_row(self, volume_ul: float) -> float | None:
        """Image row of the surface of `volume_ul`; None where scale or shape are not known."""
        if not self.scaled or self.shape is None or not math.isfinite(volume_ul):
            return None
        scale = self.scale or VolumeScale()
        return self.base_row - self.shape.height_at((volume_ul - scale.offset_ul) / scale.factor) * self.px_per_mm
