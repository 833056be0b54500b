"""Slots of a rack projected into the picture: where each vial stands, its scale, and how sure that is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vision.calibration import VialView
from vision.profile import VolumeScale
from vision.rack_markers import Floats, PlaceMm
from vision.rack_pose import RackPose

_AROUND = 24
"""Points of a rim that is projected; the outermost is then at most 0.4 % of the radius short."""
ROUGH = 0.25
PatchMm = tuple[float, float, float, float, float]
"""left, bottom, right, top and z of a plain white patch on the rack, rack coordinates."""


@dataclass(frozen=True)
class VialShape:
    """outer_mm: diameter. height_mm: with the cap. base_mm: thickness of the base. The rest as in `VialView`."""

    outer_mm: float
    height_mm: float
    base_mm: float
    bore_mm: float
    capacity_ul: float
    profile: tuple[tuple[float, float], ...] = ()
    scale: VolumeScale | None = None


@dataclass(frozen=True)
class SlotView:
    """One slot as the camera sees it. sd_px: of its box's edges. whole: all of it is in the picture.

    hidden_by: the slots nearer to the camera whose vials cover half of it or more."""

    slot: str
    view: VialView
    sd_px: float
    whole: bool
    hidden_by: tuple[str, ...] = ()

    @property
    def rough(self) -> bool:
        """Whether its place is too uncertain to read what stands there: 95 % of a quarter of its width or more."""
        x0, _, x1, _ = self.view.box_px
        return 1.96 * self.sd_px > ROUGH * (x1 - x0)

    @property
    def sd_mm(self) -> float:
        return self.sd_px / self.view.px_per_mm


def project_slots(
    pose: RackPose, places_mm: Mapping[str, PlaceMm], vial: VialShape, white_mm: PatchMm | None = None
) -> tuple[SlotView, ...]:
    """Each slot, in the order given. places_mm: the middle of the underside of the vial, rack coordinates."""
    size_px = pose.best.lens.size_px
    white = None if white_mm is None else _patch(pose, white_mm)
    views = {slot: _slot(pose, slot, place, vial, white, size_px) for slot, place in places_mm.items()}
    return tuple(
        SlotView(v.slot, v.view, v.sd_px, v.whole, _before(slot, views, places_mm)) for slot, v in views.items()
    )


def _slot(
    pose: RackPose,
    slot: str,
    place: PlaceMm,
    vial: VialShape,
    white: tuple[float, float, float, float] | None,
    size_px: tuple[int, int],
) -> SlotView:
    foot = np.array(place, np.float64)
    angles = np.linspace(0, 2 * math.pi, _AROUND, endpoint=False)
    ring = vial.outer_mm / 2 * np.stack([np.cos(angles), np.zeros(_AROUND), np.sin(angles)], axis=1)
    axis = np.array([(0, vial.base_mm, 0), (0, vial.height_mm, 0)])
    px, sd = pose.project(np.concatenate([foot + ring, foot + ring + axis[1], foot + axis]))
    (x0, y0), (x1, y1) = px[:-2].min(axis=0).tolist(), px[:-2].max(axis=0).tolist()
    base, top = px[-2], px[-1]
    scale = float(np.linalg.norm(base - top)) / (vial.height_mm - vial.base_mm)
    view = VialView(
        (x0, y0, x1, y1),
        float(base[1]),
        scale,
        vial.bore_mm,
        vial.capacity_ul,
        white,
        vial.profile,
        vial.scale,
    )
    whole = x0 >= -0.5 and y0 >= -0.5 and x1 <= size_px[0] - 0.5 and y1 <= size_px[1] - 0.5
    return SlotView(slot, view, float(np.sqrt(np.mean(sd**2))), whole)


def _patch(pose: RackPose, white_mm: PatchMm) -> tuple[float, float, float, float]:
    """The upright box inside a patch."""
    left, bottom, right, top, z = white_mm
    corners: Floats = np.array([(left, top, z), (right, top, z), (right, bottom, z), (left, bottom, z)], np.float64)
    (a, b, c, d), _ = pose.project(corners)
    return float(max(a[0], d[0])), float(max(a[1], b[1])), float(min(b[0], c[0])), float(min(c[1], d[1]))


def _before(slot: str, views: Mapping[str, SlotView], places_mm: Mapping[str, PlaceMm]) -> tuple[str, ...]:
    x0, y0, x1, y1 = views[slot].view.box_px
    found = []
    for other, view in views.items():
        a0, b0, a1, b1 = view.view.box_px
        wide, high = min(x1, a1) - max(x0, a0), min(y1, b1) - max(y0, b0)
        nearer = places_mm[other][2] > places_mm[slot][2]
        if nearer and wide > 0 and high > 0 and wide * high >= 0.5 * (x1 - x0) * (y1 - y0):
            found.append(other)
    return tuple(found)
