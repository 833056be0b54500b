"""Rig files that name a syringe or a labware file, and what their numbers say against each other."""

import json
from types import SimpleNamespace

import pytest

from hardware import rig_checks
from hardware.devices import PumpRange
from hardware.rig_file import load_rig, parse_rig, rig_to_toml
from tests.hardware.test_labware import a_plate
from tests.hardware.test_rig_file import GOOD, mistakes_of

BY_NAME = GOOD.replace(
    'port = "COM4"\ndiameter_mm = 23.03\ncapacity_ul = 25_000.0', 'port = "COM4"\nsyringe = "B-D plastic 60cc"'
)
BY_FILE = GOOD[: GOOD.index("[rack]")] + '[rack]\nlabware = "plate.json"\na1_mm = [20, 20]\n'


def told(text: str) -> dict[str, str]:
    return dict(mistake.split(": ", 1) for mistake in mistakes_of(text))


def test_a_syringe_by_name_fills_in_its_numbers():
    pump = parse_rig(BY_NAME).pumps["water"]
    assert (pump.diameter_mm, pump.capacity_ul) == (26.59, 60_000.0)
    assert parse_rig(rig_to_toml(parse_rig(BY_NAME))) == parse_rig(BY_NAME)


def test_numbers_that_agree_with_the_table_may_stand_beside_the_name():
    text = BY_NAME.replace('60cc"', '60cc"\ndiameter_mm = 26.6\ncapacity_ul = 60000')
    assert parse_rig(text).pumps["water"].diameter_mm == 26.6


def test_a_contradiction_is_refused_with_both_numbers():
    text = BY_NAME.replace('60cc"', '60cc"\ndiameter_mm = 21.59\ncapacity_ul = 30000')
    found = told(text)
    assert "21.59 is said, but a BD plastic 60 mL syringe has 26.59" in found["pumps.water.diameter_mm"]
    assert "30000 is said, but a BD plastic 60 mL syringe has 60000" in found["pumps.water.capacity_ul"]


def test_a_syringe_that_does_not_exist_is_one_mistake_with_the_nearest():
    found = told(BY_NAME.replace("60cc", "70cc"))
    assert found.keys() == {"pumps.water.syringe"}
    assert "did you mean BD plastic 60 mL" in found["pumps.water.syringe"]


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("[200, 120, 50]", "[-200, 120, 50]", "stage.travel_mm[1]", "did you mean 200?"),
        ("[200, 120, 50]", "[200, 0, 50]", "stage.travel_mm[2]", "a number above 0"),
        ("[200, 120, 50]", "[[0, 200], [0, 120], [0, 50]]", "stage.travel_mm[1]", "no pairs"),
        ("travel_mm = [200, 120, 50]", "", "stage.travel_mm", "is missing: expected the largest X, Y and Z in mm"),
        ("[200, 120, 50]", "[200, 120]", "stage.travel_mm", "the rack needs at least [145, 95, Z]"),
        ("travel_mm = [200, 120, 50]", "travel_mm = 200", "stage.travel_mm", "got 200: expected"),
        ("a1_mm = [20, 20]", "a1_mm = [80, 20]", "rack.a1_mm", "a1_mm X from 0 to 75 would fit"),
        ("pitch_mm = 25", "pitch_mm = 60", "rack.a1_mm", "it is too large"),
        ("pitch_mm = 25", "pitch_mm = 25\nrow_pitch_mm = 15", "rack.row_pitch_mm", "less than a vial's outer_mm"),
        ("height_mm = 50", "height_mm = 50\nbase_mm = 50", "rack.vial.base_mm", "not below height_mm"),
        ("address = 0", "slowest_mm_s = 0.9, fastest_mm_s = 0.8", "pumps.red.settings.slowest_mm_s", "exchange"),
        ('stock = "red dye"', 'ports = { draw = "in" }', "pumps.red.ports", "has no valve"),
        ('stock = "red dye"', "bottle_ul = 1e5", "pumps.red.bottle_ul", "has no valve"),
        ("[stage]", "[view]\nbox_px = [300, 400, 200, 50]\nbase_row = 1\npx_per_mm = 6\n[stage]", "view.box_px",
         "did you mean [200, 50, 300, 400]?"),
    ],
)  # fmt: skip
def test_reversed_limits_and_the_like_are_told_with_the_nearest_right_value(old, new, place, says):
    found = told(GOOD.replace(old, new))
    assert found.keys() == {place} or place == "stage.travel_mm[1]"
    assert says in found[place]


def test_a_stage_that_is_missing_altogether():
    text = GOOD.replace(
        '[stage]\nkind = "grbl"\nport = "socket://127.0.0.1:4000"\ntravel_mm = [200, 120, 50]\n', ""
    )
    assert told(text) == {"stage": "is missing"}


def pump_that_can(monkeypatch, limits: PumpRange) -> None:
    real = rig_checks.module_of
    pump = real("new_era")
    made = SimpleNamespace(
        Driver=pump.Driver, Settings=pump.Settings, CHAINED=True, range_of=lambda spec, settings: limits
    )
    monkeypatch.setattr(rig_checks, "module_of", lambda kind: made if kind == "new_era" else real(kind))


@pytest.mark.parametrize(
    ("said", "says"), [(500, "at most 353 µL/s"), (0.001, "at least 0.00501 µL/s"), (300, None), (353.9, None)]
)
def test_a_rate_that_the_pump_cannot_do_is_told_with_the_nearest(monkeypatch, said, says):
    pump_that_can(monkeypatch, PumpRange(25_000, 1, 0.005005, 353.96))
    text = GOOD.replace('stock = "red dye"', f"max_rate_ul_s = {said}")
    if says is None:
        assert parse_rig(text).pumps["red"].max_rate_ul_s == said
    else:
        assert says in told(text)["pumps.red.max_rate_ul_s"]


def test_the_rate_is_that_of_the_calibrated_pump(monkeypatch):
    pump_that_can(monkeypatch, PumpRange(25_000, 1, 0.005, 100))
    text = GOOD.replace('stock = "red dye"', "max_rate_ul_s = 104\nfactor = 1.05")
    assert parse_rig(text).pumps["red"].max_rate_ul_s == 104


@pytest.mark.parametrize(
    ("kind", "syringe", "at_most"),
    [
        ("new_era", "BD plastic 60 mL", "1670"),
        ("harvard", "BD plastic 10 mL", "520"),
        ("cavro", "Tecan XLP 1 mL", "1000"),
    ],
)
def test_what_each_pump_can_do_with_its_syringe_is_known_before_it_is_opened(kind, syringe, at_most):
    pump = f'kind = "{kind}"\nport = "COM4"\nsyringe = "{syringe}"\nmax_rate_ul_s = 9e9\n[stage]'
    text = GOOD[: GOOD.index("[pumps.water]")] + "[pumps.water]\n" + pump + GOOD.partition("[stage]")[2]
    assert f"at most {at_most} µL/s" in told(text)["pumps.water.max_rate_ul_s"]


@pytest.mark.parametrize(
    ("ports", "place", "says"),
    [
        ('{ draw = "inlet", deliver = "output" }', "ports.draw", "'inlet', is not there; its ports are I, O, B"),
        ('{ draw = "input", deliver = "input" }', "ports.draw", "each needs a port of its own"),
        ('{ draw = "input" }', "bottle_ul", "it needs ports.deliver too"),
        ('{ draw = "input", deliver = "output", wast = "bypass" }', "ports.wast", "did you mean"),
    ],
)
def test_ports_that_the_pump_lacks(ports, place, says):
    pump = 'kind = "cavro"\nport = "COM4"\nsyringe = "XLP 1 mL"\n'
    text = (
        GOOD[: GOOD.index("[pumps.water]")] + f"[pumps.water]\n{pump}ports = {ports}\nbottle_ul = 250000\n[stage]"
    )
    assert says in told(text + GOOD.partition("[stage]")[2])[f"pumps.water.{place}"]


def test_a_labware_file_makes_the_rack(tmp_path):
    (tmp_path / "plate.json").write_text(json.dumps(a_plate(3, 4, dx=18, dy=20)), encoding="utf-8")
    (tmp_path / "rig.toml").write_text(BY_FILE, encoding="utf-8")
    rack = load_rig(tmp_path / "rig.toml").rack
    assert (rack.rows, rack.columns, rack.pitches_mm) == (3, 4, (18, 20))
    assert rack.position_mm("B2") == (38, 40)
    assert rack.vial.capacity_ul == 3400
    assert rack.vial.fill_limit_ul == pytest.approx(2720)
    elsewhere = parse_rig(rig_to_toml(load_rig(tmp_path / "rig.toml")))
    assert elsewhere.rack == rack, "what is written needs no labware file"


def test_what_a_labware_file_does_not_tell_is_the_persons_own(tmp_path):
    (tmp_path / "plate.json").write_text(json.dumps(a_plate(3, 4, dx=18, dy=20)), encoding="utf-8")
    vial = "[rack.vial]\nfill_limit_ul = 3000\nouter_mm = 17.5\nheight_mm = 30\n"
    rack = parse_rig(BY_FILE + vial, tmp_path / "rig.toml").rack
    assert (rack.vial.fill_limit_ul, rack.vial.outer_mm, rack.vial.height_mm) == (3000, 17.5, 30)


@pytest.mark.parametrize(
    ("more", "place", "says"),
    [
        ("rows = 5\n", "rack.rows", "5 is said, but a plate has 3"),
        ("[rack.vial]\ncapacity_ul = 5000\n", "rack.vial.capacity_ul", "5000 is said, but a plate has 3400"),
    ],
)
def test_what_contradicts_the_labware_file_is_refused(tmp_path, more, place, says):
    (tmp_path / "plate.json").write_text(json.dumps(a_plate(3, 4, dx=18, dy=20)), encoding="utf-8")
    file = tmp_path / "rig.toml"
    file.write_text(BY_FILE + more, encoding="utf-8")
    with pytest.raises(ValueError, match=r"1 mistake") as caught:
        load_rig(file)
    assert f"{place}: {says}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../plate.json", "leaves the rig file's folder"),
        ("/etc/passwd", "leaves the rig file's folder"),
        ("C:\\\\plate.json", "leaves the rig file's folder"),
        ("plates.json", "no such file; there are plate.json"),
        ("bad.txt", "not JSON"),
    ],
)
def test_labware_that_cannot_be_had(tmp_path, name, says):
    (tmp_path / "plate.json").write_text("{}", encoding="utf-8")
    (tmp_path / "bad.txt").write_text("hello", encoding="utf-8")
    file = tmp_path / "rig.toml"
    file.write_text(BY_FILE.replace("plate.json", name), encoding="utf-8")
    with pytest.raises(ValueError, match="mistake") as caught:
        load_rig(file)
    assert says in str(caught.value)
