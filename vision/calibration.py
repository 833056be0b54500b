"""Where a vial stands in the picture and what one pixel of it means."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VialView:
    """A side view of one vial. Rows and columns count pixel centres: 0.0 is the centre of the first.

    box_px: outer glass and cap, (x0, y0, x1, y1). base_row: image row of the inner bottom.
    px_per_mm: scale in the plane of the vial's axis. bore_mm: inner diameter. capacity_ul: brim-full.
    white_px: a patch of plain background, the white reference; None where there is none.
    """

    box_px: tuple[float, float, float, float]
    base_row: float
    px_per_mm: float
    bore_mm: float
    capacity_ul: float
    white_px: tuple[float, float, float, float] | None = None

    @property
    def ul_per_mm(self) -> float:
        """Volume per mm of level, µL/mm, of the cylindrical part."""
        return 3.141592653589793 * self.bore_mm**2 / 4.0
