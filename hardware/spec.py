"""A rig file as frozen values. `rig_file.load_rig` is the doorman that makes them from TOML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

NOZZLES_UP_MM = 0.0
"""The Z at which the stage may travel in X and Y."""


@dataclass(frozen=True)
class VialSpec:
    """capacity_ul: brim-full. fill_limit_ul: no plan and no command may go above it."""

    capacity_ul: Positive
    fill_limit_ul: Positive
    bore_mm: Positive
    outer_mm: Positive
    height_mm: Positive
    base_mm: Positive = 1.0


@dataclass(frozen=True)
class RackSpec:
    """Slots are named A1 (row letter, column number). a1_mm: stage position that brings A1 to the station;
    the stage carries the rack, so slot (row, column) stands there at a1_mm + (column, row) * pitch_mm."""

    rows: Annotated[int, Field(ge=1, le=26)]
    columns: Annotated[int, Field(ge=1, le=48)]
    pitch_mm: Positive
    a1_mm: tuple[Finite, Finite]
    vial: VialSpec

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(f"{chr(65 + r)}{c + 1}" for r in range(self.rows) for c in range(self.columns))

    def position_mm(self, slot: str) -> tuple[float, float]:
        """Stage X, Y that bring the slot to the station. Raises KeyError for a slot the rack does not have."""
        if slot not in self.slots:
            raise KeyError(f"the rack has no slot {slot!r}; it has {self.slots[0]} to {self.slots[-1]}")
        row, column = ord(slot[0]) - 65, int(slot[1:]) - 1
        return self.a1_mm[0] + column * self.pitch_mm, self.a1_mm[1] + row * self.pitch_mm


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
    vial, and a larger Z is deeper. Between slots the stage travels with the nozzles up, whoever asks."""

    kind: str
    port: str
    travel_mm: tuple[Positive, Positive, Positive]
    settings: Mapping[str, str | int | float | bool]


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
class ViewSpec:
    """Where the vial at the station stands in the picture. Numbers as in `vision.calibration.VialView`."""

    box_px: tuple[float, float, float, float]
    base_row: float
    px_per_mm: Positive
    white_px: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class RigSpec:
    """pumps by role; the role is the name that a campaign's parameters use ("red", "water"). meters by role too."""

    name: str
    pumps: Mapping[str, PumpSpec]
    stage: StageSpec
    rack: RackSpec
    camera: CameraSpec | None = None
    view: ViewSpec | None = None
    meters: Mapping[str, MeterSpec] = field(default_factory=dict)
    format: Literal[1] = 1
    simulated: bool = False
