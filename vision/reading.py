"""What the eye saw in one slot. Expected failures are values, not exceptions."""

from dataclasses import dataclass
from enum import Flag, auto
from typing import Literal

State = Literal["no_vial", "empty", "liquid", "two_phase", "liquid+solid", "solid", "gel", "unknown"]
Lab = tuple[float, float, float]
"""CIELAB, D65, 2° observer."""


class Doubt(Flag):
    """Reasons not to trust a reading."""

    NONE = 0
    NO_VIAL = auto()
    GLARE = auto()
    LABEL = auto()
    BLUR = auto()
    DARK = auto()
    SATURATED = auto()
    FULL = auto()
    NO_EDGE = auto()
    AMBIGUOUS = auto()
    FROZEN = auto()
    MOVED = auto()
    OUT_OF_FRAME = auto()
    VORTEX = auto()
    FOAM = auto()
    EXPOSURE = auto()
    CAMERA_MOVED = auto()
    NO_WHITE = auto()


@dataclass(frozen=True)
class Layer:
    """One liquid or solid layer, top and bottom in image rows. Its colour is as photographed where the reading's
    doubt says NO_WHITE."""

    top_row: float
    bottom_row: float
    lab: Lab


@dataclass(frozen=True)
class VialReading:
    """One vial as seen. Lengths in mm up from the inner bottom; None where the eye does not know.

    layers: from the surface down; where one ends and the next begins is a phase boundary. bottom_row: of the inner
    bottom. fill: what part of the height between inner bottom and rim is filled, 0..1. clarity: 1 lets a pattern
    behind the vial through as the blank does, 0 hides it. turbidity: light scattered back, 0 as the blank, 1 as
    milk. cap: whether one closes the vial. confidence: how often such a reading is right, 0..1.
    """

    box_px: tuple[float, float, float, float]
    state: State
    present: bool | None
    surface_row: float | None
    surface_sd_px: float | None
    level_mm: float | None
    level_sd_mm: float | None
    volume_ul: float | None
    volume_sd_ul: float | None
    layers: tuple[Layer, ...]
    lab: Lab | None
    clarity: float | None
    doubt: Doubt
    confidence: float
    bottom_row: float | None = None
    fill: float | None = None
    turbidity: float | None = None
    cap: bool | None = None

    @property
    def boundary_rows(self) -> tuple[float, ...]:
        """Image rows where a layer lies on another, top to bottom."""
        return tuple(layer.top_row for layer in self.layers[1:])
