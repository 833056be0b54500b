"""Racks and plates from labware files, Opentrons labware schema 2, or from two corners that somebody clicked.

Schema: Opentrons/opentrons, shared-data/labware/schemas/2.json. `ordering` lists the columns, each from the back
row to the front; a well's x and y are its centre from the front left corner of the labware, z its inner floor from
below and `depth` its height above that. Their y grows towards the back, ours (a stage position) from row A to B,
that is towards the front. Files are the person's own or of a library of definitions, checked like any foreign file;
nothing of that library needs to be installed.

Made from the schema and the definitions that ship with opentrons-shared-data 10.1; that package pins numpy 1.26, so
that it cannot be installed beside this one: take the JSON files out of it.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import Field, TypeAdapter, ValidationError

from hardware.spec import Finite, NotNegative, Positive, RackSpec, VialSpec
from hardware.toml_file import TomlFileError, read_text

FILLED_TO = 0.8
"""Part of its capacity up to which a vial is filled when nobody says otherwise."""
WALL_MM = 1.0
"""Of a vial whose outside nobody has told."""
_SAME_MM = 0.02


class LabwareError(TomlFileError):
    """A labware file that cannot be used; `mistakes` has all that is wrong with it."""


@dataclass(frozen=True)
class _Well:
    """A well as the schema has it."""

    x: Finite
    y: Finite
    z: NotNegative
    depth: Positive
    totalLiquidVolume: Positive  # noqa: N815  the schema's name
    shape: Literal["circular", "rectangular"] = "circular"
    diameter: Positive | None = None
    xDimension: Positive | None = None  # noqa: N815
    yDimension: Positive | None = None  # noqa: N815


@dataclass(frozen=True)
class _Metadata:
    displayName: str = ""  # noqa: N815
    wellBottomShape: Literal["flat", "u", "v"] | None = None  # noqa: N815


@dataclass(frozen=True)
class _Parameters:
    loadName: str = ""  # noqa: N815
    isTiprack: bool = False  # noqa: N815


@dataclass(frozen=True)
class _Dimensions:
    xDimension: Positive  # noqa: N815
    yDimension: Positive  # noqa: N815
    zDimension: Positive  # noqa: N815


@dataclass(frozen=True)
class _Offset:
    x: Finite = 0.0
    y: Finite = 0.0
    z: Finite = 0.0


@dataclass(frozen=True)
class _Group:
    wells: list[str]
    metadata: _Metadata = field(default_factory=_Metadata)


@dataclass(frozen=True)
class _File:
    ordering: Annotated[list[list[str]], Field(max_length=48)]
    wells: Annotated[dict[str, _Well], Field(max_length=1536)]
    dimensions: _Dimensions
    schemaVersion: Literal[2]  # noqa: N815
    parameters: _Parameters = field(default_factory=_Parameters)
    metadata: _Metadata = field(default_factory=_Metadata)
    cornerOffsetFromSlot: _Offset = field(default_factory=_Offset)  # noqa: N815
    groups: list[_Group] = field(default_factory=list)


@dataclass(frozen=True)
class Well:
    """One place. right_mm, back_mm: of its centre from the front left corner. floor_mm: of the inside, from below.
    size_mm: diameter, or the two sides."""

    right_mm: float
    back_mm: float
    floor_mm: float
    depth_mm: float
    capacity_ul: float
    size_mm: tuple[float] | tuple[float, float]
    bottom: Literal["flat", "u", "v"] | None = None

    @property
    def bore_mm(self) -> float:
        """Of the widest circle that fits."""
        return min(self.size_mm)

    @property
    def area_mm2(self) -> float:
        if len(self.size_mm) == 1:
            return math.pi / 4 * self.size_mm[0] ** 2
        return self.size_mm[0] * self.size_mm[1]


@dataclass(frozen=True)
class Labware:
    """wells: in the order of the file, column by column from the back left. height_mm: of the whole.
    corner_mm: of its front left corner from that of the slot of a deck (X, Y, Z)."""

    name: str
    load_name: str
    size_mm: tuple[float, float]
    height_mm: float
    wells: Mapping[str, Well]
    columns: int
    rows: int
    corner_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)


def read_labware(path: str | Path) -> Labware:
    """Raises LabwareError with every mistake."""
    path = Path(path)
    try:
        return parse_labware(read_text(path), path)
    except LabwareError:
        raise
    except TomlFileError as error:
        raise LabwareError(path, error.mistakes) from error


def parse_labware(text: str, where: str | Path = "labware.json") -> Labware:
    """The text of a labware file. Raises LabwareError with every mistake."""
    try:
        table = json.loads(text, parse_constant=_not_finite, object_pairs_hook=_no_twins)
        file = _adapter().validate_python(table)
    except RecursionError as error:
        raise LabwareError(where, ("nested too deeply",)) from error
    except ValidationError as error:
        told = (
            f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors(include_url=False)
        )
        raise LabwareError(where, tuple(list(told)[:20])) from error
    except ValueError as error:
        raise LabwareError(where, (f"not JSON: {error}",)) from error
    order = [name for column in file.ordering for name in column]
    if mistakes := tuple(_mistakes(file, order)):
        raise LabwareError(where, mistakes[:20])
    bottoms = {name: group.metadata.wellBottomShape for group in file.groups for name in group.wells}
    corner, size = file.cornerOffsetFromSlot, file.dimensions
    return Labware(
        name=file.metadata.displayName or file.parameters.loadName,
        load_name=file.parameters.loadName,
        size_mm=(size.xDimension, size.yDimension),
        height_mm=size.zDimension,
        wells={name: _well(file.wells[name], bottoms.get(name)) for name in order},
        columns=len(file.ordering),
        rows=max(len(column) for column in file.ordering),
        corner_mm=(corner.x, corner.y, corner.z),
    )


def rack_of(
    labware: Labware,
    a1_mm: tuple[float, float],
    *,
    fill_limit_ul: float | None = None,
    outer_mm: float | None = None,
    height_mm: float | None = None,
    base_mm: float | None = None,
    angle_deg: float = 0.0,
) -> RackSpec:
    """The labware as a rack whose first well is at the station when the stage is at `a1_mm`.

    Where wells differ, a vial is taken to be the smallest of them in every respect, so that none is overfilled.
    fill_limit_ul, outer_mm, height_mm, base_mm: of a vial, as in `VialSpec`; a file does not tell them all.
    """
    wells = labware.wells
    capacity_ul = min(w.capacity_ul for w in wells.values())
    least = min(wells.values(), key=lambda w: w.area_mm2)
    base_mm = base_mm if base_mm is not None else WALL_MM
    grid = _grid(labware)
    pitch_mm, row_pitch_mm = grid or (_nearest_mm(labware), None)
    gap_mm = min(pitch_mm, row_pitch_mm or pitch_mm)
    bore_mm = min(w.bore_mm for w in wells.values())
    vial = VialSpec(
        capacity_ul=capacity_ul,
        fill_limit_ul=fill_limit_ul if fill_limit_ul is not None else FILLED_TO * capacity_ul,
        bore_mm=bore_mm,
        outer_mm=outer_mm if outer_mm is not None else min(bore_mm + 2 * WALL_MM, max(gap_mm, bore_mm + 0.01)),
        height_mm=height_mm if height_mm is not None else min(w.depth_mm for w in wells.values()) + base_mm,
        base_mm=base_mm,
        profile=((0.0, least.area_mm2), (least.depth_mm, least.area_mm2)) if len(least.size_mm) == 2 else (),
    )
    first = next(iter(wells.values()))
    # their y grows towards the back, stage positions from row A to row B
    places = {
        name: (round(w.right_mm - first.right_mm, 4), round(first.back_mm - w.back_mm, 4))
        for name, w in wells.items()
    }
    rack = RackSpec(labware.rows, labware.columns, pitch_mm, a1_mm, vial, row_pitch_mm, angle_deg)
    return rack if grid is not None else replace(rack, places_mm=places)


def rack_from_corners(
    first_mm: tuple[float, float],
    last_mm: tuple[float, float],
    rows: int,
    columns: int,
    vial: VialSpec,
    *,
    turned: bool = True,
) -> RackSpec:
    """A grid by the stage positions of its first slot (A1) and its last, the corner across.

    Two points cannot tell both: with `turned` rows are as far apart as columns and the grid may stand askew;
    without, it stands straight and may have another pitch from row to row. Raises ValueError if that is no grid.
    """
    dx, dy = last_mm[0] - first_mm[0], last_mm[1] - first_mm[1]
    across, down = columns - 1, rows - 1
    if across == down == 0:
        return RackSpec(rows, columns, vial.outer_mm, first_mm, vial)
    if turned or across == 0 or down == 0:
        pitch_mm = math.hypot(dx, dy) / math.hypot(across, down)
        angle_deg = math.degrees(math.atan2(dy, dx) - math.atan2(down, across))
        angle_deg = round((angle_deg + 180) % 360 - 180, 6)
        row_pitch_mm = None
        askew = abs(angle_deg) > 45
    else:
        pitch_mm, row_pitch_mm, angle_deg = dx / across, dy / down, 0.0
        askew = pitch_mm <= 0 or row_pitch_mm <= 0
    if askew:
        raise ValueError("the last slot lies to the right of A1 and below it: click A1 first, then the last slot")
    if min(pitch_mm, row_pitch_mm or pitch_mm) < vial.outer_mm - 1e-9:
        raise ValueError(
            f"slots would be {min(pitch_mm, row_pitch_mm or pitch_mm):.3g} mm apart, and a vial is "
            f"{vial.outer_mm:g} mm wide: check rows and columns, or click again"
        )
    return RackSpec(rows, columns, round(pitch_mm, 4), first_mm, vial, row_pitch_mm, angle_deg)


@cache
def _adapter() -> TypeAdapter[_File]:
    return TypeAdapter(_File)


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """JSON takes the last of two equal keys without a word; we do not."""
    twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is given twice")
    return dict(pairs)


def _mistakes(file: _File, order: list[str]) -> list[str]:
    told = [f"ordering: {name} is listed twice" for name, n in Counter(order).items() if n > 1]
    told += [f"ordering: there is no well {name}" for name in dict.fromkeys(order) if name not in file.wells]
    told += [f"wells.{name}: is not in `ordering`" for name in file.wells if name not in order]
    if not order:
        told.append("wells: there are none; this is a lid or an adapter, not a rack")
    if file.parameters.isTiprack:
        told.append(
            "parameters.isTiprack: tips hold no liquid to dose into; take a rack of vials, tubes or a plate"
        )
    for name, well in file.wells.items():
        if well.shape == "circular" and well.diameter is None:
            told.append(f"wells.{name}: a circular well needs its diameter")
        if well.shape == "rectangular" and None in (well.xDimension, well.yDimension):
            told.append(f"wells.{name}: a rectangular well needs xDimension and yDimension")
    return told


def _well(well: _Well, bottom: Literal["flat", "u", "v"] | None) -> Well:
    sides = (well.xDimension or 0.0, well.yDimension or 0.0)
    size: tuple[float] | tuple[float, float] = sides if well.shape == "rectangular" else (well.diameter or 0.0,)
    return Well(well.x, well.y, well.z, well.depth, well.totalLiquidVolume, size, bottom)


def _grid(labware: Labware) -> tuple[float, float | None] | None:
    """Pitch from column to column, and from row to row if that differs; None when the wells stand on no such grid
    or are not named as on one."""
    if labware.rows > 26:
        return None
    names = {f"{chr(65 + r)}{c + 1}": (r, c) for r in range(labware.rows) for c in range(labware.columns)}
    if names.keys() != labware.wells.keys():
        return None
    first = labware.wells["A1"]
    side_mm = max(first.size_mm) + WALL_MM
    dx = labware.wells["A2"].right_mm - first.right_mm if labware.columns > 1 else 0.0
    dy = first.back_mm - labware.wells["B1"].back_mm if labware.rows > 1 else 0.0
    dx, dy = round(dx or dy or side_mm, 4), round(dy or dx or side_mm, 4)
    if dx <= 0 or dy <= 0:
        return None
    for name, (row, column) in names.items():
        well = labware.wells[name]
        off_x, off_y = first.right_mm + column * dx - well.right_mm, first.back_mm - row * dy - well.back_mm
        if abs(off_x) > _SAME_MM or abs(off_y) > _SAME_MM:
            return None
    return dx, (dy if abs(dx - dy) > 1e-9 else None)


def _nearest_mm(labware: Labware) -> float:
    """The least distance between two wells."""
    at = [(w.right_mm, w.back_mm) for w in labware.wells.values()]
    apart = [math.dist(a, b) for i, a in enumerate(at) for b in at[:i]]
    return round(min(apart, default=max(labware.size_mm)), 4)
