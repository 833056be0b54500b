"""A rig file as frozen values. `rig_file.load_rig` is the doorman that makes them from TOML."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FeedMmMin = Annotated[float, Field(gt=0, le=60_000)]
SpeedMmS = Annotated[float, Field(gt=0, le=1000)]
"""Faster than any stage or plunger: what is above is a slip of the pen."""
Finite = Annotated[float, Field(allow_inf_nan=False)]

NOZZLES_UP_MM = 0.0
"""The Z at which the stage may travel in X and Y."""


@dataclass(frozen=True)
class VialSpec:
    """capacity_ul: brim-full. fill_limit_ul: no plan and no command may go above it.

    profile: (height above the inner floor, mm; cross-section there, mm²), lowest first, of a vial that is no plain
    cylinder of bore_mm."""

    capacity_ul: Positive
    fill_limit_ul: Positive
    bore_mm: Positive
    outer_mm: Positive
    height_mm: Positive
    base_mm: Positive = 1.0
    profile: tuple[tuple[NotNegative, Positive], ...] = ()


@dataclass(frozen=True)
class RackSpec:
    """a1_mm: stage position that brings A1 to the station; the stage carries the rack.

    Slots of a grid are named A1 (row letter, column number): slot (row, column) stands at the station when the
    stage is at a1_mm + (column * pitch_mm, row * row_pitch_mm), turned about A1 by angle_deg, positive from X
    towards Y. row_pitch_mm: when rows lie closer or wider than columns. places_mm: of a rack that is no grid, where
    each slot is from the one that a1_mm means, X and Y as of the stage, in the order in which they are to be used;
    rows and columns then only say how to draw it."""

    rows: Annotated[int, Field(ge=1, le=26)]
    columns: Annotated[int, Field(ge=1, le=48)]
    pitch_mm: Positive
    a1_mm: tuple[Finite, Finite]
    vial: VialSpec
    row_pitch_mm: Positive | None = None
    angle_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0
    places_mm: Mapping[str, tuple[Finite, Finite]] = field(default_factory=dict)

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(self._positions_mm)

    @property
    def pitches_mm(self) -> tuple[float, float]:
        """From column to column and from row to row."""
        return self.pitch_mm, self.row_pitch_mm or self.pitch_mm

    def position_mm(self, slot: str) -> tuple[float, float]:
        """Stage X, Y that bring the slot to the station. Raises KeyError for a slot the rack does not have."""
        at = self._positions_mm.get(slot)
        if at is None:
            raise KeyError(f"the rack has no slot {slot!r}; it has {self.slots[0]} to {self.slots[-1]}")
        return at

    def nearest(self, x_mm: float, y_mm: float) -> str:
        """The slot nearest to the station when the stage is there, however far that is."""
        places = self._positions_mm
        return min(places, key=lambda slot: (places[slot][0] - x_mm) ** 2 + (places[slot][1] - y_mm) ** 2)

    def in_line_with(self, slot: str) -> tuple[str, ...]:
        """The slots of its row as a camera sees it that looks along Y: those less than half a row away in Y."""
        y_mm, half_mm = self.position_mm(slot)[1], self.pitches_mm[1] / 2
        return tuple(other for other, at in self._positions_mm.items() if abs(at[1] - y_mm) < half_mm)

    def beside(self, slot: str, right: int, down: int) -> str:
        """The next slot in a direction of the stage, or the slot itself at the edge of the rack."""
        x_mm, y_mm = self.position_mm(slot)

        def away(other: str) -> tuple[float, float]:
            dx, dy = self._positions_mm[other][0] - x_mm, self._positions_mm[other][1] - y_mm
            return dx * right + dy * down, abs(dx * down) + abs(dy * right)

        ahead = {s: away(s) for s in self._positions_mm if away(s)[0] > max(1e-6, away(s)[1])}
        return min(ahead, key=lambda s: ahead[s][0] + 2 * ahead[s][1]) if ahead else slot

    @property
    def from_a1_mm(self) -> Mapping[str, tuple[float, float]]:
        """Where each slot is from what a1_mm means, along the rack's own columns and rows, whatever angle_deg."""
        dx, dy = self.pitches_mm
        grid = {f"{chr(65 + r)}{c + 1}": (c * dx, r * dy) for r in range(self.rows) for c in range(self.columns)}
        return self.places_mm or grid

    def along_rack_mm(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """A stage position as the place in the rack that is then at the station, as `from_a1_mm` counts."""
        x, y = x_mm - self.a1_mm[0], y_mm - self.a1_mm[1]
        cos, sin = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return x * cos + y * sin, y * cos - x * sin

    @cached_property
    def _positions_mm(self) -> dict[str, tuple[float, float]]:
        places, (x0, y0) = self.from_a1_mm, self.a1_mm
        if self.angle_deg == 0:
            return {slot: (x0 + x, y0 + y) for slot, (x, y) in places.items()}
        cos, sin = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return {slot: (x0 + x * cos - y * sin, y0 + x * sin + y * cos) for slot, (x, y) in places.items()}


@dataclass(frozen=True)
class PumpSpec:
    """kind: name of a module in `hardware.drivers`. port: what pyserial opens (COM3, /dev/ttyUSB0,
    socket://host:port), or usb:SERIAL for the device with that serial number wherever it is plugged in.

    diameter_mm, capacity_ul: of the syringe; of a peristaltic pump, of its tubing's bore and of its bottle.
    syringe: a name in `hardware.syringes`, from which a rig file takes both. settings: fields of the driver.
    bottle_ul: what the bottle holds from which strokes are drawn through a valve; 0 when the syringe is the stock.
    ports: of the valve: "draw", "deliver" and, if there is one, "waste".
    factor, offset_ul: true volume = factor * commanded + offset_ul, from weighed doses.
    backlash_ul: lost at each reversal. dead_volume_ul: of the tubing, filled by priming.
    max_rate_ul_s: no faster than this, whatever the pump can."""

    kind: str
    port: str
    diameter_mm: Positive
    capacity_ul: Positive
    settings: Mapping[str, str | int | float | bool]
    stock: str = ""
    syringe: str = ""
    bottle_ul: NotNegative = 0.0
    ports: Mapping[Literal["draw", "deliver", "waste"], str] = field(default_factory=dict)
    factor: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    offset_ul: Finite = 0.0
    backlash_ul: NotNegative = 0.0
    dead_volume_ul: NotNegative = 0.0
    max_rate_ul_s: Positive | None = None


@dataclass(frozen=True)
class StageSpec:
    """travel_mm: largest X, Y and Z. X and Y carry the rack, Z lowers the nozzles: at 0 they are up, clear of every
    vial, and a larger Z is deeper. Between slots the stage travels with the nozzles up, whoever asks.

    drift_mm: further than this from where it believed to be when it is homed anew, it has lost steps: an error.
    Only some kinds can tell (hardware/README.md); 0 for not looking."""

    kind: str
    port: str
    travel_mm: tuple[Positive, Positive, Positive]
    settings: Mapping[str, str | int | float | bool]
    drift_mm: NotNegative = 0.5


@dataclass(frozen=True)
class CameraSpec:
    """source: device number, path, or URL."""

    kind: str
    source: str
    settings: Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class MeterSpec:
    """An instrument that measures. port: as of a pump; "person" for one that is read by eye."""

    kind: str
    port: str
    settings: Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class VolumeSpec:
    """From two fills of known volume: true volume = factor * volume by the vial's bore or profile + offset_ul.

    factor_sd, offset_sd_ul, correlation: standard deviations of the two, and how they go together."""

    factor: Annotated[float, Field(ge=0.5, le=2.0)]
    offset_ul: Finite
    factor_sd: NotNegative
    offset_sd_ul: NotNegative
    correlation: Annotated[float, Field(ge=-1, le=1)] = 0.0


@dataclass(frozen=True)
class ViewSpec:
    """Where the vial at the station stands in the picture. Numbers as in `vision.calibration.VialView`.

    picture: in a rig file the name of the PNG beside it in which this was drawn, here its path; a camera that has
    moved since is told against it. colours: likewise the colour correction that `aliquot chart` saved."""

    box_px: tuple[float, float, float, float]
    base_row: float
    px_per_mm: Positive
    white_px: tuple[float, float, float, float] | None = None
    volume: VolumeSpec | None = None
    picture: str = ""
    colours: str = ""


MARKER_DICTIONARIES = {
    "4x4_50": 50, "4x4_100": 100, "5x5_50": 50, "5x5_100": 100, "6x6_50": 50, "6x6_250": 250,
    "apriltag_36h11": 587,
}  # fmt: skip
"""OpenCV's dictionaries that a printed sheet may be of, and how many markers each has."""


@dataclass(frozen=True)
class MarkersSpec:
    """Printed markers on the rack's front, from which the camera finds every slot.

    places_mm: the middle of each, in the order of `ids`, seen by the camera: to the right, up, towards the camera.
    They count from origin_mm, which counts from the middle of the underside of the vial in A1, likewise.
    size_mm: side of the black square. a1: where A1 is in the rack as the camera sees it. white_mm: left, bottom,
    right, top and depth of a plain white patch, from where the places count: the white reference."""

    ids: tuple[Annotated[int, Field(ge=0)], ...]
    size_mm: Positive
    places_mm: tuple[tuple[Finite, Finite, Finite], ...]
    dictionary: str = "4x4_50"
    origin_mm: tuple[Finite, Finite, Finite] = (0.0, 0.0, 0.0)
    a1: Literal["back left", "back right", "front left", "front right"] = "back left"
    white_mm: tuple[Finite, Finite, Finite, Finite, Finite] | None = None


@dataclass(frozen=True)
class LensSpec:
    """The camera's lens as `aliquot lens` measures it. Numbers as in `vision.lens.Lens`."""

    size_px: tuple[Annotated[int, Field(ge=1, le=100_000)], Annotated[int, Field(ge=1, le=100_000)]]
    focal_px: tuple[Positive, Positive]
    centre_px: tuple[Finite, Finite]
    distortion: tuple[Finite, Finite, Finite, Finite, Finite] = (0.0, 0.0, 0.0, 0.0, 0.0)
    rms_px: NotNegative = 0.0
    views: Annotated[int, Field(ge=0)] = 0
    format: Literal[1] = 1


@dataclass(frozen=True)
class RigSpec:
    """pumps by role; the role is the name that a campaign's parameters use ("red", "water"). meters by role too.
    markers, lens: what finds the slots in the picture; without them `view` says where the station is.
    lease_s: how long the program may be silent before the port owner stops everything."""

    name: str
    pumps: Mapping[str, PumpSpec]
    stage: StageSpec
    rack: RackSpec
    camera: CameraSpec | None = None
    view: ViewSpec | None = None
    markers: MarkersSpec | None = None
    lens: LensSpec | None = None
    meters: Mapping[str, MeterSpec] = field(default_factory=dict)
    format: Literal[1] = 1
    simulated: bool = False
    lease_s: Annotated[float, Field(ge=0.2, le=10)] = 0.5
