"""Racks from labware files of our own making, from two clicked corners, and from the field's library."""

import importlib.util
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.labware import LabwareError, parse_labware, rack_from_corners, rack_of, read_labware
from hardware.spec import VialSpec

VIAL = VialSpec(8000, 6500, 15, 17, 60)


def a_plate(rows: int, columns: int, dx: float = 9.0, dy: float = 9.0, **well) -> dict:
    """A file of schema 2: its A1 lies at the back left, y grows towards the back."""
    one = {"depth": 20, "totalLiquidVolume": 3400, "shape": "circular", "diameter": 15.6, "z": 2.5, **well}
    places = {f"{chr(65 + r)}{c + 1}": (r, c) for r in range(rows) for c in range(columns)}
    return {
        "schemaVersion": 2,
        "version": 1,
        "namespace": "ours",
        "metadata": {
            "displayName": "a plate",
            "displayCategory": "wellPlate",
            "displayVolumeUnits": "µL",
            "tags": [],
        },
        "parameters": {"format": "irregular", "isTiprack": False, "loadName": "our_plate", "quirks": []},
        "dimensions": {"xDimension": 127.76, "yDimension": 85.48, "zDimension": 22.5},
        "cornerOffsetFromSlot": {"x": 0, "y": 0, "z": 0},
        "ordering": [[f"{chr(65 + r)}{c + 1}" for r in range(rows)] for c in range(columns)],
        "wells": {s: {**one, "x": 14 + c * dx, "y": 74 - r * dy} for s, (r, c) in places.items()},
        "groups": [{"metadata": {"wellBottomShape": "flat"}, "wells": list(places)}],
        "brand": {"brand": "ours"},
    }


def read(table: object):
    return parse_labware(json.dumps(table))


def test_row_a_at_their_back_is_our_first_row():
    rack = rack_of(read(a_plate(8, 12)), (10.0, 20.0))
    assert (rack.rows, rack.columns, rack.pitches_mm, rack.places_mm) == (8, 12, (9, 9), {})
    assert rack.position_mm("A1") == (10, 20)
    assert rack.position_mm("B1") == (10, 29)
    assert rack.position_mm("H12") == (109, 83)


def test_a_well_keeps_depth_capacity_and_bottom():
    plate = read(a_plate(2, 2))
    well = plate.wells["B2"]
    assert (well.depth_mm, well.floor_mm, well.capacity_ul, well.bottom) == (20, 2.5, 3400, "flat")
    assert well.area_mm2 == pytest.approx(math.pi / 4 * 15.6**2)
    assert list(plate.wells) == ["A1", "B1", "A2", "B2"]
    assert plate.name == "a plate"


def test_rectangular_wells_have_a_profile():
    plate = a_plate(
        1, 12, shape="rectangular", xDimension=8.2, yDimension=71.2, depth=26.85, totalLiquidVolume=15000
    )
    vial = rack_of(read(plate), (0, 0)).vial
    assert vial.bore_mm == 8.2
    assert vial.profile == ((0, pytest.approx(583.84)), (26.85, pytest.approx(583.84)))
    assert vial.height_mm == pytest.approx(27.85)


def test_a_rack_that_is_no_grid_keeps_every_place_in_the_order_of_the_file():
    table = a_plate(2, 2, dx=30, dy=30)
    table["wells"]["C1"] = {**table["wells"]["A1"], "x": 20, "y": 5, "diameter": 27, "totalLiquidVolume": 50_000}
    table["ordering"][0].append("C1")
    rack = rack_of(read(table), (5.0, 6.0))
    assert rack.slots == ("A1", "B1", "C1", "A2", "B2")
    assert rack.position_mm("C1") == (11, 75)
    assert rack.position_mm("A2") == (35, 6)
    assert rack.vial.capacity_ul == 3400, "the smallest, so that none is overfilled"


def spoiled(path: str, value: object) -> dict:
    table = a_plate(2, 2)
    *way, last = path.split(".")
    inner = table
    for key in way:
        inner = inner[key]
    inner[last] = value
    return table


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (spoiled("ordering", []), "a lid or an adapter"),
        (spoiled("wells.A1.depth", -1), "wells.A1.depth"),
        (spoiled("wells.A1.diameter", None), "needs its diameter"),
        (spoiled("wells.A1.shape", "rectangular"), "needs xDimension and yDimension"),
        (spoiled("wells.A1.shape", "hexagonal"), "wells.A1.shape"),
        (spoiled("ordering", [["A1", "B1"], ["A2"]]), "wells.B2: is not in `ordering`"),
        (spoiled("ordering", [["A1", "B1"], ["A2", "B2", "C2"]]), "there is no well C2"),
        (spoiled("ordering", [["A1", "B1"], ["A2", "B2", "A1"]]), "A1 is listed twice"),
        (spoiled("parameters.isTiprack", True), "tips hold no liquid"),
        (spoiled("schemaVersion", 1), "schemaVersion"),
        ([], "Input should be"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_why(table, says):
    with pytest.raises(LabwareError) as caught:
        read(table)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', '{"wells": 1, "wells": 2}', "[" * 100_000, "null"])
def test_hostile_files(text):
    with pytest.raises(LabwareError):
        parse_labware(text)


@given(st.text('{}[]:,"awelsordring0.9 ', max_size=60))
def test_any_text_is_labware_or_refused(text):
    with pytest.raises(LabwareError):
        parse_labware(text)


def test_no_such_file(tmp_path):
    with pytest.raises(LabwareError, match="no such file"):
        read_labware(tmp_path / "nowhere.json")


@given(st.integers(1, 8), st.integers(1, 12), st.floats(17, 40), st.floats(-40, 40), st.floats(0, 100))
def test_two_corners_give_back_the_rack_they_were_clicked_on(rows, columns, pitch_mm, angle_deg, x_mm):
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    across, down = (columns - 1) * pitch_mm, (rows - 1) * pitch_mm
    last = (x_mm + across * cos - down * sin, 30 + across * sin + down * cos)
    rack = rack_from_corners((x_mm, 30.0), last, rows, columns, VIAL)
    assert rack.position_mm(rack.slots[-1]) == pytest.approx(last, abs=0.01)
    assert rack.slots[-1] == f"{chr(64 + rows)}{columns}"
    if rows > 1 or columns > 1:
        assert rack.pitch_mm == pytest.approx(pitch_mm, abs=1e-3)
        assert rack.angle_deg == pytest.approx(angle_deg, abs=1e-3)


def test_a_straight_rack_may_have_two_pitches():
    rack = rack_from_corners((10.0, 10.0), (70.0, 90.0), 5, 4, VIAL, turned=False)
    assert (rack.pitches_mm, rack.angle_deg) == ((20, 20), 0)
    rack = rack_from_corners((10.0, 10.0), (100.0, 90.0), 5, 4, VIAL, turned=False)
    assert rack.position_mm("B2") == (40, 30)


@pytest.mark.parametrize(
    ("last", "says"), [((20.0, 20.0), "mm apart"), ((-60.0, -40.0), "click A1 first"), ((10.0, 10.0), "mm apart")]
)
def test_corners_that_fit_no_rack(last, says):
    with pytest.raises(ValueError, match=says):
        rack_from_corners((10.0, 10.0), last, 4, 6, VIAL)


def test_the_neighbours_of_a_slot_are_found_in_any_rack():
    grid = rack_from_corners((10.0, 10.0), (110.0, 70.0), 4, 6, VIAL)
    assert [grid.beside("B2", *step) for step in ((1, 0), (-1, 0), (0, 1), (0, -1))] == ["B3", "B1", "C2", "A2"]
    assert [grid.beside("A1", *step) for step in ((-1, 0), (0, -1))] == ["A1", "A1"]
    assert grid.in_line_with("B2") == ("B1", "B2", "B3", "B4", "B5", "B6")
    assert grid.nearest(52, 31) == "B3"


@pytest.mark.skipif(importlib.util.find_spec("opentrons_shared_data") is None, reason="the library is not here")
def test_the_fields_library_is_read():
    found = importlib.util.find_spec("opentrons_shared_data")
    folder = Path(str(found.origin)).parent / "data" / "labware" / "definitions" / "2"
    holds_liquid = ("wellPlate", "tubeRack", "reservoir")
    files = [f for f in sorted(folder.glob("*/*.json")) if '"isTiprack": true' not in f.read_text(encoding="utf-8")]
    ours = [f for f in files if json.loads(f.read_text("utf-8"))["metadata"]["displayCategory"] in holds_liquid]
    racks = {file.parent.name: rack_of(read_labware(file), (0.0, 0.0)) for file in ours}
    assert len(racks) > 75
    assert racks["corning_24_wellplate_3.4ml_flat"].position_mm("D6") == pytest.approx((96.5, 57.9), abs=0.2)
    falcon = racks["opentrons_10_tuberack_falcon_4x50ml_6x15ml_conical"]
    assert len(falcon.slots) == 10
    assert falcon.vial.capacity_ul == 15_000
