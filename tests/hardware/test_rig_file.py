"""Rig files as people write them, with their mistakes."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.rig_file import RigFileError, load_rig, parse_rig, rig_to_toml
from hardware.spec import CameraSpec, PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec, ViewSpec

GOOD = """
format = 1
name = "colour bench"

[pumps.red]
kind = "new_era"
port = "/dev/ttyUSB0"
diameter_mm = 23.03
capacity_ul = 25000
stock = "red dye"
settings = { address = 0 }

[pumps.water]
kind = "new_era"
port = "COM4"
diameter_mm = 23.03
capacity_ul = 25_000.0

[stage]
kind = "grbl"
port = "socket://127.0.0.1:4000"
travel_mm = [200, 120, 50]

[rack]
rows = 4
columns = 6
pitch_mm = 25
a1_mm = [20, 20]

[rack.vial]
capacity_ul = 8000
fill_limit_ul = 6000
bore_mm = 14
outer_mm = 16
height_mm = 50
"""


def mistakes_of(text: str) -> tuple[str, ...]:
    with pytest.raises(RigFileError) as caught:
        parse_rig(text)
    return caught.value.mistakes


def test_a_good_file_is_read(tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(GOOD, encoding="utf-8")
    rig = load_rig(file)
    assert rig.pumps["red"].settings == {"address": 0}
    assert rig.pumps["water"] == PumpSpec("new_era", "COM4", 23.03, 25_000.0, {})
    assert rig.rack.position_mm("D6") == (145, 95)
    assert rig.camera is None


def test_every_mistake_is_told_at_once():
    text = (
        GOOD.replace('kind = "grbl"', 'kind = "gerbil"')
        .replace("address = 0", 'address = 300, boud = 9600, baud = "fast"')
        .replace("rows = 4", "rows = 4.5\ncolour = 1")
        .replace("capacity_ul = 8000", "capacity_ul = 5000")
        .replace('port = "COM4"', 'port = "socket://127.0.0.1:4000"')
        .replace('name = "colour bench"', "simulatd = true")
    )
    told = dict(mistake.split(": ", 1) for mistake in mistakes_of(text))
    assert told.keys() == {
        "stage.kind",
        "pumps.red.settings.address",
        "pumps.red.settings.boud",
        "pumps.red.settings.baud",
        "rack.rows",
        "rack.colour",
        "rack.vial.fill_limit_ul",
        "stage.port",
        "name",
        "simulatd",
    }
    assert 'did you mean "grbl"?' in told["stage.kind"]
    assert 'did you mean "baud"?' in told["pumps.red.settings.boud"]
    assert "also pumps.water.port" in told["stage.port"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rows = 4", "rows = 4\nrows = 5", "twice"),
        ("pitch_mm = 25", "pitch_mm = nan", "rack.pitch_mm: expected a finite number"),
        (
            "travel_mm = [200, 120, 50]",
            "travel_mm = [inf, 120, 50]",
            "stage.travel_mm[1]: expected a finite number",
        ),
        ("a1_mm = [20, 20]", "a1_mm = [80, 20]", "need X 80 to 205 mm"),
        ("a1_mm = [20, 20]", "a1_mm = [20, -1]", "need Y -1 to 74 mm"),
        ("pitch_mm = 25", "pitch_mm = 15", "less than a vial's outer_mm"),
        ("bore_mm = 14", "bore_mm = 16", "not smaller than outer_mm"),
        ('kind = "grbl"', 'kind = "new_era"', "stage.kind"),
        ('kind = "grbl"', 'kind = "../../evil"', "stage.kind"),
        ("[pumps.water]", "[pumps.stage]", "cannot be called that"),
        ('port = "COM4"', 'port = ""', "pumps.water.port: is empty"),
        ("format = 1", "format = 2", "format: expected 1"),
        ("diameter_mm = 23.03", 'diameter_mm = "23.03"', "pumps.red.diameter_mm: expected a number"),
        ("format = 1", f"deep = {'[' * 40}{']' * 40}", "deeper than 32"),
        ("format = 1", f"deep = {'[' * 100_000}{']' * 100_000}", "deeper than 32"),
        ("format = 1", f"# {'x' * 1_000_001}", "1 MB"),
        ("format = 1", "format =", "not TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place(old, new, told):
    assert any(told in m for m in mistakes_of(GOOD.replace(old, new))), mistakes_of(GOOD.replace(old, new))


def test_com_ports_are_one_whatever_the_case():
    text = GOOD.replace("/dev/ttyUSB0", "com4")
    assert any("also pumps.red.port" in m for m in mistakes_of(text))


def test_pumps_chained_on_one_port_have_an_address_each():
    text = GOOD.replace("/dev/ttyUSB0", "COM4").replace("address = 0", "address = 3")
    assert parse_rig(text).pumps["red"].port == parse_rig(text).pumps["water"].port
    foreign = text.replace('"socket://127.0.0.1:4000"', '"COM4"')
    assert any("also pumps.red.port; each device needs a port of its own" in m for m in mistakes_of(foreign))


def test_a_missing_file_and_a_binary_one(tmp_path):
    with pytest.raises(RigFileError, match="no such file"):
        load_rig(tmp_path / "nowhere.toml")
    (tmp_path / "rig.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RigFileError, match="UTF-8"):
        load_rig(tmp_path / "rig.toml")


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
sizes = st.floats(0.001, 1e5)


@settings(max_examples=30, deadline=None)
@given(names, st.dictionaries(names.filter(lambda n: n not in ("stage", "camera")), sizes, min_size=1, max_size=3))
def test_what_is_written_is_read_back(name, pumps):
    vial = VialSpec(8000, 6000, 14, 16, 50)
    spec = RigSpec(
        name=name,
        pumps={
            role: PumpSpec("new_era", f"COM{i}", d, 25_000, {"address": i}, stock=role)
            for i, (role, d) in enumerate(pumps.items())
        },
        stage=StageSpec("grbl", "/dev/ttyACM0", (200, 120, 50), {"feed_mm_min": 1000.0}),
        rack=RackSpec(4, 6, 25, (20.0, 20.0), vial),
        camera=CameraSpec("opencv_camera", "0", {}),
        view=ViewSpec((1, 2, 3, 4), 300.5, 8.0),
    )
    assert parse_rig(rig_to_toml(spec)) == spec


@given(st.text("[]{}=.\"'\n abc019-#", max_size=80))
def test_any_text_is_a_rig_or_a_list_of_mistakes(text):
    assert mistakes_of(text)


def test_the_rigs_in_the_package_are_good():
    for file in (Path(__file__).parents[2] / "resources" / "rigs").glob("*.toml"):
        rig = load_rig(file)
        assert parse_rig(rig_to_toml(rig)) == rig
        assert dataclasses.is_dataclass(rig)
