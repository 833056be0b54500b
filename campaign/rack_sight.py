"""A rig's markers, lens and slots in the words of the eye: where every vial is in the picture."""

import math
from dataclasses import dataclass, replace

import numpy as np

from hardware.spec import MarkersSpec, RigSpec, ViewSpec
from vision.camera_moved import LIMIT_PX, MarkerCheck, Moved
from vision.lens import Lens
from vision.profile import VolumeScale
from vision.rack_markers import Image, MarkerBoard, PlaceMm
from vision.rack_pose import NotSeen, RackPose, find_rack
from vision.rack_slots import PatchMm, SlotView, VialShape, project_slots

UPRIGHT_DEG = 20.0
"""Up to this a vial still stands: what is read goes by rows of the picture."""


@dataclass(frozen=True, eq=False)
class RackSeen:
    """The rack as one picture shows it, and each of its slots."""

    pose: RackPose
    slots: tuple[SlotView, ...]


def markers_of(rig: RigSpec) -> MarkersSpec:
    """Raises ValueError where the rig file has none."""
    if rig.markers is None:
        raise ValueError(
            f"the rig {rig.name!r} has no [markers]: print a sheet with `aliquot markers`, glue it to the rack, "
            "and put the table that it prints into the rig file"
        )
    return rig.markers


def board_of(rig: RigSpec) -> MarkerBoard:
    """The markers in rack coordinates: from the middle of the underside of the vial in A1. Raises ValueError."""
    markers = markers_of(rig)
    ox, oy, oz = markers.origin_mm
    places = tuple((x + ox, y + oy, z + oz) for x, y, z in markers.places_mm)
    return MarkerBoard(markers.ids, markers.size_mm, places, markers.dictionary)


def lens_of(rig: RigSpec) -> Lens | None:
    """The lens that was measured, if one was. Raises ValueError for figures that are no lens."""
    told = rig.lens
    if told is None:
        return None
    # a lens that is written down was measured, from however many views
    lens = Lens(told.size_px, told.focal_px, told.centre_px, told.distortion, told.rms_px, max(1, told.views))
    if lens.mistakes:
        raise ValueError(
            f"the [lens] of rig {rig.name!r}: {'; '.join(lens.mistakes)}; measure it with `aliquot lens`"
        )
    return lens


def places_of(rig: RigSpec) -> dict[str, PlaceMm]:
    """Where each slot's vial stands, rack coordinates. Raises ValueError."""
    markers = markers_of(rig)
    return {slot: _seen(markers, at) for slot, at in rig.rack.from_a1_mm.items()}


def carried_mm(rig: RigSpec, before_mm: tuple[float, float], now_mm: tuple[float, float]) -> PlaceMm:
    """How far the stage has carried the rack from one of its positions to another, rack coordinates.

    Raises ValueError."""
    markers, rack = markers_of(rig), rig.rack
    there, here = (_seen(markers, rack.along_rack_mm(*at)) for at in (before_mm, now_mm))
    # what is further right in the rack comes to the station when the rack goes left
    return there[0] - here[0], there[1] - here[1], there[2] - here[2]


def see_rack(
    image: Image, rig: RigSpec, *, lens: Lens | None = None, prior: RackPose | None = None
) -> RackSeen | NotSeen:
    """The rack and its slots in a picture. lens: instead of the rig file's. Raises ValueError without [markers]."""
    pose = find_rack(image, board_of(rig), lens or lens_of(rig), prior)
    if isinstance(pose, NotSeen):
        return pose
    if pose.turned_deg > UPRIGHT_DEG:
        turned = f"the rack is turned by {pose.turned_deg:.0f} degrees in the picture"
        return NotSeen(f"{turned}: turn the camera, or its picture, so that vials stand upright in it")
    return RackSeen(pose, project_slots(pose, places_of(rig), vial_of(rig), _white(markers_of(rig))))


def vial_of(rig: RigSpec) -> VialShape:
    """The shape of the rack's vials, and what is known of their volumes."""
    v = rig.rack.vial
    return VialShape(v.outer_mm, v.height_mm, v.base_mm, v.bore_mm, v.capacity_ul, v.profile, scale_of(rig))


def scale_of(rig: RigSpec) -> VolumeScale | None:
    """The two-point calibration of the vial's volume, if it was made."""
    fills = None if rig.view is None else rig.view.volume
    if fills is None:
        return None
    return VolumeScale(fills.offset_ul, fills.factor, (fills.offset_sd_ul, fills.factor_sd), fills.correlation)


def station_view(rig: RigSpec, seen: RackSeen, slot: str) -> ViewSpec:
    """The [view] of the rig file from a picture with this slot at the station. Raises ValueError for a slot that
    the rack does not have or that is not wholly in the picture."""
    found = next((s for s in seen.slots if s.slot == slot), None)
    if found is None:
        raise ValueError(f"the rack has no slot {slot!r}; it has {rig.rack.slots[0]} to {rig.rack.slots[-1]}")
    if not found.whole:
        raise ValueError(f"{slot} is not wholly in the picture: move the camera or the stage")
    view, old = found.view, rig.view
    white = view.white_px or (None if old is None else old.white_px)
    now = ViewSpec(view.box_px, view.base_row, view.px_per_mm, white)
    return now if old is None else replace(now, volume=old.volume, colours=old.colours)


def view_shift(rig: RigSpec, seen: RackSeen, slot: str) -> Moved | None:
    """How the camera has moved since the [view] of the rig file was taken from the markers; None where it has not,
    or there is none. Raises ValueError as `station_view`."""
    now = station_view(rig, seen, slot)
    if rig.view is None:
        return None
    (x0, _, x1, _), (left, _, right, _) = now.box_px, rig.view.box_px
    shift_px = ((x0 + x1 - left - right) / 2, now.base_row - rig.view.base_row)
    sd_px = next(s.sd_px for s in seen.slots if s.slot == slot)
    far = math.hypot(*shift_px)
    return Moved(shift_px, far / now.px_per_mm) if far > max(LIMIT_PX, 3 * sd_px) else None


@dataclass(frozen=True, eq=False)
class RackCheck:
    """Whether the camera still stands where it did when the stage was at `at_mm`."""

    rig: RigSpec
    at_mm: tuple[float, float]
    stored: RackPose

    def check(self, image: Image, now_mm: tuple[float, float] | None = None) -> Moved | NotSeen | None:
        """How the camera has moved; None where it has not. now_mm: where the stage is now, if elsewhere."""
        carried = carried_mm(self.rig, self.at_mm, now_mm or self.at_mm)
        # what matters is where the station is, not the rack's far end
        x, y, z = _seen(markers_of(self.rig), self.rig.rack.along_rack_mm(*self.at_mm))
        height = self.rig.rack.vial.height_mm
        station = np.array([(x, y + h, z) for h in (0.0, height)]) - np.array(carried)
        return MarkerCheck(board_of(self.rig), self.stored, station).check(image, carried)


def _seen(markers: MarkersSpec, at: tuple[float, float]) -> PlaceMm:
    """A place along columns and rows as the camera sees it: A1 is the origin, the rest lies away from it."""
    depth, side = markers.a1.split()
    return (at[0] if side == "left" else -at[0]), 0.0, (at[1] if depth == "back" else -at[1])


def _white(markers: MarkersSpec) -> PatchMm | None:
    if markers.white_mm is None:
        return None
    left, bottom, right, top, depth = markers.white_mm
    x, y, z = markers.origin_mm
    return left + x, bottom + y, right + x, top + y, depth + z
