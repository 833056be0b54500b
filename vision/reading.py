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


@dataclass(frozen=True)
class Layer:
    """One liquid or solid layer, top and bottom in image rows."""

    top_row: float
    bottom_row: float
    lab: Lab


@dataclass(frozen=True)
class VialReading:
    """One vial as seen. Lengths in mm up from the inner bottom; None where the eye does not know."""

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
