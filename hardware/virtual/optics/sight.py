"""From pixels to millimetres at one vial, and what the camera's height does: near points of a level circle are seen
lower than far ones from above it, and higher from below it, so every circle becomes an ellipse."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hardware.virtual.optics.specimen import Lens, Vessel

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sight:
    """A patch of the picture round one vial.

    rows, columns: slices into the picture. x, y: mm in the plane of the axis, from the main vial's foot, level with
    the world. u, v: the same along and up the axis of this vial, which may lean. eye_mm: the camera's height.
    """

    rows: slice
    columns: slice
    x: Floats
    y: Floats
    u: Floats
    v: Floats
    eye_mm: float
    distance_mm: float
    px_per_mm: float
    lean: float

    def front(self, depth_mm: Floats) -> Floats:
        """Height of the point at that depth in front of the axis which every pixel shows."""
        return np.asarray(self.eye_mm + (self.v - self.eye_mm) * (1 - depth_mm / self.distance_mm), np.float32)

    def back(self, depth_mm: Floats, index: float = 1.0) -> Floats:
        """The same behind the axis, where the way there leads through a body of that index."""
        near = 1 - depth_mm / self.distance_mm
        far = near + 2 * depth_mm / (self.distance_mm * index)
        return np.asarray(self.eye_mm + (self.v - self.eye_mm) * far, np.float32)

    def cover(self, mm: Floats) -> Floats:
        """0 outside, 1 inside, of a signed distance in mm; the edge is one pixel wide."""
        return np.asarray(np.clip(mm * self.px_per_mm + 0.5, 0.0, 1.0), np.float32)


def turned(lens: Lens) -> tuple[float, float]:
    angle = math.radians(lens.roll_deg)
    return math.cos(angle), math.sin(angle)


def sight(lens: Lens, vessel: Vessel, offset_mm: float, lean_deg: float, above_mm: float) -> Sight | None:
    """The patch that holds a vial `offset_mm` to the right, with what stands `above_mm` over its rim; None where
    that is out of the picture."""
    cos, sin = turned(lens)
    k = lens.px_per_mm
    lean = math.radians(lean_deg)
    tall = vessel.height_mm + above_mm
    side = vessel.outer_mm / 2 + 2.0 + tall * abs(math.sin(lean) + sin) + 1.0
    middle = lens.axis_column + offset_mm * k * cos
    foot = lens.foot_row - offset_mm * k * sin
    first, last = int(foot - (tall + 4) * k), math.ceil(foot + (vessel.base_mm + 3) * k)
    left, right = int(middle - side * k), math.ceil(middle + side * k)
    rows = slice(max(0, first), min(lens.height, last))
    columns = slice(max(0, left), min(lens.width, right))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    x, y = plane(lens, rows, columns)
    du = x - offset_mm
    u = du * math.cos(lean) - y * math.sin(lean)
    v = du * math.sin(lean) + y * math.cos(lean)
    return Sight(rows, columns, x, y, u, v, lens.height_mm, lens.distance_mm, k, lean)


def plane(lens: Lens, rows: slice, columns: slice) -> tuple[Floats, Floats]:
    """mm right of and above the foot of the main vial's axis, for each pixel."""
    cos, sin = turned(lens)
    dx = (np.arange(columns.start, columns.stop, dtype=np.float32) - lens.axis_column)[None, :] / lens.px_per_mm
    dy = (lens.foot_row - np.arange(rows.start, rows.stop, dtype=np.float32))[:, None] / lens.px_per_mm
    return np.asarray(dx * cos - dy * sin, np.float32), np.asarray(dx * sin + dy * cos, np.float32)


def pixel(lens: Lens, x_mm: float, y_mm: float) -> tuple[float, float]:
    """Column and row of a place in the plane of the axis."""
    cos, sin = turned(lens)
    return (
        lens.axis_column + lens.px_per_mm * (x_mm * cos + y_mm * sin),
        lens.foot_row - lens.px_per_mm * (y_mm * cos - x_mm * sin),
    )


def front_pixel(lens: Lens, vessel: Vessel, height_mm: float, lean_deg: float = 0.0) -> tuple[float, float]:
    """Column and row of a height on the inner front wall, on the axis of the main vial."""
    seen = lens.height_mm + (height_mm - lens.height_mm) / (1 - vessel.bore_mm / 2 / lens.distance_mm)
    lean = math.radians(lean_deg)
    return pixel(lens, seen * math.sin(lean), seen * math.cos(lean))
