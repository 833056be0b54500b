"""What is done to one vial, as data. A step's intent is on disk before the step acts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Move:
    """Bring a slot to the station, under the nozzles and before the camera."""

    slot: str
    x_mm: float
    y_mm: float
    kind: Literal["move"] = "move"


@dataclass(frozen=True)
class CheckVial:
    """Look before dosing: a vial must stand there, and it must be empty."""

    slot: str
    kind: Literal["check_vial"] = "check_vial"


@dataclass(frozen=True)
class Dose:
    """One aliquot of one stock."""

    slot: str
    stock: str
    volume_ul: float
    rate_ul_s: float
    kind: Literal["dose"] = "dose"


@dataclass(frozen=True)
class Wait:
    wait_s: float
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True)
class Look:
    """Photograph and read the vial; what was dosed so far is compared with what is seen."""

    slot: str
    expected_ul: float
    kind: Literal["look"] = "look"


@dataclass(frozen=True)
class Measure:
    """Ask a meter, a person, a table or a function for the value at a point.

    slot: of the vial that is measured, where there is one. meter: the rig's meter of this role.
    """

    point: Mapping[str, float | str]
    slot: str | None = None
    meter: str | None = None
    kind: Literal["measure"] = "measure"


Step = Move | CheckVial | Dose | Wait | Look | Measure
