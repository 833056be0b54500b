"""What a person has drawn over the camera's picture, and what it says of scale, inner bottom and volume."""

from dataclasses import dataclass
from typing import Literal

from hardware.spec import VialSpec, ViewSpec, VolumeSpec

Box = tuple[float, float, float, float]
Fill = tuple[float, float]
"""What was put into the vial, µL, and the level that was seen, mm above the inner bottom."""
ScaleBy = Literal["height", "diameter"]

LIKE = 0.03
"""Scales by height and by diameter that differ by more than this do not fit the vial's sizes."""
UNLIKE = 2.0
"""Scales by height and by diameter that differ by this factor are not of one vial."""
BESIDE, WIDE = 0.12, 0.24
"""Of the box's width: how far a new white patch stands from the vial, and how wide it is."""


@dataclass(frozen=True)
class ViewDraft:
    """box, white: px. base_row: of the inner bottom. outer_mm, height_mm: of the vial, as drawn by the box."""

    box: Box
    base_row: float
    white: Box | None
    outer_mm: float
    height_mm: float
    scale_by: ScaleBy = "height"
    fills: tuple[Fill, ...] = ()

    @property
    def by_height(self) -> float:
        """px/mm down the vial."""
        return (self.box[3] - self.box[1]) / self.height_mm

    @property
    def by_diameter(self) -> float:
        """px/mm across the vial."""
        return (self.box[2] - self.box[0]) / self.outer_mm

    @property
    def px_per_mm(self) -> float:
        return self.by_height if self.scale_by == "height" else self.by_diameter

    def mistakes(self, vial: VialSpec) -> tuple[str, ...]:
        """What keeps this from being used, a sentence each."""
        found = []
        if not (self.box[1] + self.box[3]) / 2 < self.base_row <= self.box[3]:
            found.append("The inner bottom does not lie near the bottom of the box: drag its line there.")
        if not 1 / UNLIKE < self.by_height / self.by_diameter < UNLIKE:
            found.append("The box has not the shape of this vial: draw it around the glass.")
        if self.white is not None and _cross(self.white, self.box):
            found.append("The white patch lies over the vial: drag it to plain background beside it.")
        if self.fills:
            try:
                self.volume(vial)
            except ValueError as error:
                found.append(f"Two fills: {error}.")
        return tuple(found)

    def warning(self) -> str:
        """What does not fit and may be meant; empty when all fits."""
        if abs(self.by_height / self.by_diameter - 1) <= LIKE:
            return ""
        return (
            f"By height a millimetre has {self.by_height:.2f} px, by diameter {self.by_diameter:.2f}: draw the box "
            "around the glass, or correct the vial's sizes."
        )

    def volume(self, vial: VialSpec) -> VolumeSpec | None:
        """From the two fills; None without them. Raises ValueError, with what to do, when they make no scale."""
        if not self.fills:
            return None
        from vision.profile import Profile, two_point

        lower, upper = sorted(self.fills)
        if lower[0] <= 0 or min(lower[1], upper[1]) <= 0:
            raise ValueError("type how much you put in for each, and the level at which you see it")
        if upper[0] == lower[0] or upper[1] <= lower[1]:
            raise ValueError("the larger one must be seen higher; measure each again")
        profile = Profile(vial.profile) if vial.profile else Profile.cylinder(vial.bore_mm)
        scale = two_point(profile, lower, upper)
        factor, offset_ul = round(scale.factor, 5), round(scale.offset_ul, 2)
        sd = round(scale.sd[1], 6), round(scale.sd[0], 3)
        return VolumeSpec(factor, offset_ul, *sd, round(scale.correlation, 4))

    def spec(self, vial: VialSpec) -> ViewSpec:
        """For the rig file. Raises ValueError for what `mistakes` tells."""
        if mistakes := self.mistakes(vial):
            raise ValueError(" ".join(mistakes))
        white = None if self.white is None else _tenths(self.white)
        scale = round(self.px_per_mm, 4)
        return ViewSpec(_tenths(self.box), round(self.base_row, 1), scale, white, self.volume(vial))


def inner_bottom(box: Box, vial: VialSpec) -> float:
    """The row where it should be in a box that encloses the glass: above the thickness of the base."""
    return box[3] - vial.base_mm * (box[3] - box[1]) / vial.height_mm


def white_beside(box: Box, size_px: tuple[int, int]) -> Box:
    """A place for the white patch: beside the lower half of the vial, on the side with more room."""
    x0, y0, x1, y1 = box
    wide = x1 - x0
    room = x0 < size_px[0] - x1
    left = x1 + BESIDE * wide if room else x0 - (BESIDE + WIDE) * wide
    return left, y0 + 0.55 * (y1 - y0), left + WIDE * wide, y1 - 0.05 * (y1 - y0)


def _cross(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _tenths(box: Box) -> Box:
    return round(box[0], 1), round(box[1], 1), round(box[2], 1), round(box[3], 1)
