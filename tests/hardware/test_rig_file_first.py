"""Rig files as somebody writes them for the first time: all is told at once, in plain words, with what is near."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.rig import RigOpenError, open_rig
from hardware.rig_file import parse_rig
from hardware.virtual.bench import VirtualBench
from tests.hardware.test_rig_file import GOOD, mistakes_of
from tests.hardware.test_rig_file_parts import told

CHAINED = GOOD.replace("/dev/ttyUSB0", "COM4").replace("address = 0", "address = 3")
CAMERA = '\n[camera]\nkind = "opencv_camera"\nsource = "0"\n'
BALANCE = '\n[meters.balance]\nkind = "balance"\nport = "COM9"\nsettings = { format = "sics" }\n'


# all at once


def test_a_travel_that_is_too_short_in_x_and_y_is_told_of_both():
    found = told(GOOD.replace("[200, 120, 50]", "[100, 50, 20]"))
    assert "need X 20 to 145 mm" in found["rack.a1_mm"]
    assert "unless X of travel_mm is 145 or more" in found["rack.a1_mm"]
    assert "need Y 20 to 95 mm" in found["rack.a1_mm"]
    assert "unless Y of travel_mm is 95 or more" in found["rack.a1_mm"]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('kind = "grbl"', 'kind = "gerbil"', "stage.kind"),
        ('kind = "grbl"', 'kind = "grbl"\nsettings = { feed_mm_min = -1 }', "stage.settings.feed_mm_min"),
        ("rows = 4", "rows = 4\ncolour = 1", "rack.colour"),
        ("bore_mm = 14", "bore_mm = 16", "rack.vial.bore_mm"),
        ("height_mm = 50", "height_mm = 50\ncolour = 1", "rack.vial.colour"),
    ],
)
def test_another_mistake_does_not_hide_a_travel_that_is_too_short(old, new, place):
    assert told(GOOD.replace("[200, 120, 50]", "[100, 50, 20]").replace(old, new)).keys() == {place, "rack.a1_mm"}


def test_an_unknown_syringe_does_not_hide_an_impossible_rate():
    numbers = 'port = "COM4"\ndiameter_mm = 23.03\ncapacity_ul = 25_000.0'
    text = GOOD.replace(numbers, 'port = "COM4"\nsyringe = "BD 10ml"\nmax_rate_ul_s = RATE')
    found = told(text.replace("RATE", "50_000"))
    assert found.keys() == {"pumps.water.syringe", "pumps.water.max_rate_ul_s"}
    assert "even with a syringe of 38 mm" in found["pumps.water.max_rate_ul_s"]
    assert told(text.replace("RATE", "500")).keys() == {"pumps.water.syringe"}
    assert told(text.replace("RATE", "1e-9")).keys() == {"pumps.water.syringe"}, "a narrower one may be slower"


def test_a_wrong_setting_does_not_hide_an_impossible_rate():
    text = GOOD.replace("address = 0 }", "adress = 0 }\nmax_rate_ul_s = 50_000")
    assert told(text).keys() == {"pumps.red.settings.adress", "pumps.red.max_rate_ul_s"}


def test_a_wrong_kind_does_not_hide_a_misspelt_key():
    found = told(GOOD.replace('kind = "new_era"', 'kind = "NE-1000"', 1).replace("address = 0", "adress = 0"))
    assert found.keys() == {"pumps.red.kind", "pumps.red.settings.adress"}
    assert 'did you mean "address"?' in found["pumps.red.settings.adress"]


def test_a_rack_that_is_not_known_gives_no_advice_on_travel():
    found = told(GOOD.replace("a1_mm = [20, 20]", "a1_mm = [nan, 20]").replace("[200, 120, 50]", "[200, 120]"))
    assert found.keys() == {"rack.a1_mm[1]", "stage.travel_mm"}
    assert "at least" not in found["stage.travel_mm"]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('kind = "new_era"', 'kind = "NE-1000"', "pumps.red.kind"),
        ("address = 3", "adress = 3", "pumps.red.settings.adress"),
        ("address = 3", "address = 300", "pumps.red.settings.address"),
    ],
)
def test_whether_two_may_share_a_port_is_not_judged_by_a_kind_or_an_address_that_is_wrong(old, new, place):
    assert told(CHAINED.replace(old, new, 1)).keys() == {place}


def test_a_role_with_a_space_is_told_once():
    text = GOOD.replace("[pumps.water]", '[pumps."tap water"]').replace("capacity_ul = 25_000.0", "stock = 1")
    assert told(text).keys() == {'pumps."tap water".capacity_ul', 'pumps."tap water".stock'}


# the words of a bench


@pytest.mark.parametrize(
    ("duty", "said", "meant"),
    [
        *(("pump", said, "new_era") for said in ("NE-1000", "ne1000", "New Era", "NE-4000", "newera")),
        *(("pump", said, "cavro") for said in ("tecan", "XLP", "Tecan Cavro")),
        *(("pump", said, "harvard") for said in ("elite", "PHD Ultra", "Legato 100", "kds", "Harvard Apparatus")),
        ("pump", "arduino", "grbl_axis"),
        *(("stage", said, "rrf") for said in ("duet", "Jubilee")),
        *(("stage", said, "grbl") for said in ("arduino", "GRBL", "gerbil")),
        ("stage", "Ender 3", "marlin"),
        *(("camera", said, "opencv_camera") for said in ("usb", "webcam", "USB camera")),
        *(("meter", said, "balance") for said in ("mettler", "Sartorius")),
    ],
)
def test_what_a_bench_calls_a_device_leads_to_its_kind(duty, said, meant):
    ours = {"pump": "new_era", "stage": "grbl", "camera": "opencv_camera", "meter": "balance"}[duty]
    found = told((GOOD + CAMERA + BALANCE).replace(f'kind = "{ours}"', f'kind = "{said}"', 1))
    place = {"pump": "pumps.red", "meter": "meters.balance"}.get(duty, duty)
    assert found.keys() == {f"{place}.kind"}
    assert f'did you mean "{meant}"?' in found[f"{place}.kind"]


@pytest.mark.parametrize("said", ['"mettler"', '"sartorius"', "1"])
def test_the_formats_of_balances_are_told_with_their_makers(said):
    found = told(GOOD + BALANCE.replace('"sics"', said))
    assert found.keys() == {"meters.balance.settings.format"}
    assert "sics (Mettler Toledo), sbi (Sartorius), and (A&D), ohaus" in found["meters.balance.settings.format"]


def test_a_number_where_a_text_must_stand_and_a_comma_in_a_text():
    found = told((GOOD + CAMERA).replace('source = "0"', "source = 0").replace("23.03", '"23,03"', 1))
    assert 'write source = "0"' in found["camera.source"]
    assert "write diameter_mm = 23.03" in found["pumps.red.diameter_mm"]


@pytest.mark.parametrize("kind", ["grbl", "marlin"])
def test_a_speed_that_no_stage_has_is_refused(kind):
    said = f'kind = "{kind}"\nsettings = {{ feed_mm_min = 9e9 }}'
    assert "60000" in told(GOOD.replace('kind = "grbl"', said))["stage.settings.feed_mm_min"]
    assert parse_rig(GOOD.replace('kind = "grbl"', said.replace("9e9", "60_000")))


def test_a_rate_above_what_the_model_on_the_port_can_do_is_told_when_it_is_opened():
    numbers = "diameter_mm = 23.03\ncapacity_ul = 25000"
    spec = parse_rig(GOOD.replace(numbers, 'syringe = "BD plastic 20 mL"\nmax_rate_ul_s = 500'))
    with VirtualBench(spec, speed=50.0) as bench, pytest.raises(RigOpenError) as caught:
        open_rig(bench.rig, speed=50.0)
    (missing,) = caught.value.missing
    assert missing.role == "red"
    assert "max_rate_ul_s = 500 cannot be: with diameter_mm = 19.05 this pump does" in missing.message
    assert "242.3 µL/s" in missing.message


# in the order of the file, and what is not TOML


def test_mistakes_stand_in_the_order_of_the_file_with_their_lines():
    text = GOOD.replace("rows = 4", "rows = 4.5").replace("address = 0", "address = 300")
    text = text.replace('name = "', 'nam = "')
    found = mistakes_of(text.replace('kind = "grbl"', 'kind = "gerbil"').replace('port = "COM4"', ""))
    assert [m.split(": ")[0] for m in found] == [
        "name", "nam", "pumps.red.settings.address", "pumps.water.port", "stage.kind", "rack.rows",
    ]  # fmt: skip
    lines = text.split("\n")
    ends = ('nam = "colour bench"', "settings = { address = 300 }", "[pumps.water]")
    for mistake, line in zip(found[1:4], ends, strict=True):  # of a key that is missing, that of its table
        assert mistake.endswith(f"(line {1 + lines.index(line)})")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("diameter_mm = 23.03", "diameter_mm = 23,03", "a decimal point, not a comma: diameter_mm = 23.03)"),
        ("{ address = 0 }", "{ fastest_mm_s = 0,5 }", "not a comma: settings = { fastest_mm_s = 0.5 })"),
        ('stock = "red dye"', "stock = “red dye”", 'straight quotes: stock = "red dye")'),
        ('stock = "red dye"', "stock = ‘red dye’", "straight quotes: stock = 'red dye')"),
        ('stock = "red dye"', 'stock = "red dye', 'the closing quote is missing: stock = "red dye")'),
        ('stock = "red dye"', "stock = 'red dye", "the closing quote is missing: stock = 'red dye')"),
        ('stock = "red dye"', 'stock = red dye"', 'the opening quote is missing: stock = "red dye")'),
        ('stock = "red dye"', "stock = red dye  # fresh", 'a text needs quotes: stock = "red dye"  # fresh)'),
        ('kind = "new_era"', "kind = new_era", 'a text needs quotes: kind = "new_era")'),
        ("rows = 4", "rows: 4", "between a key and its value stands =: rows = 4)"),
        ("rows = 4", "rows 4", "between a key and its value stands =)"),
        ("rows = 4", "rows =", "a value is missing"),
        ("pitch_mm = 25", "pitch_mm = 25 mm", "without its unit: pitch_mm = 25)"),
        ("pitch_mm = 25", "pitch_mm = .5", "both sides of its point: pitch_mm = 0.5)"),
        ("format = 1", "simulated = True", "small letters: simulated = true)"),
        ("[pumps.red]", "[pumps.red", "the closing ] is missing: [pumps.red])"),
        ("[pumps.red]", "[pumps.red dye]", 'such a name needs quotes: [pumps."red dye"])'),
        ("[200, 120, 50]", "[200, 120, 50", "a list ends with ])"),
        ("{ address = 0 }", "{ address = 0", "a table in braces ends with }"),
        ('"/dev/ttyUSB0"', '"\\\\.\\COM10"', r"between single quotes: port = '\\.\COM10')"),
    ],
)
def test_a_slip_is_told_with_its_line_and_what_is_probably_meant(old, new, says):
    text = GOOD.replace(old, new, 1)
    (mistake,) = mistakes_of(text)
    line = next(i for i, (a, b) in enumerate(zip(text.split("\n"), GOOD.split("\n"), strict=False), 1) if a != b)
    assert mistake.startswith(f"line {line}: not TOML: {text.split(chr(10))[line - 1].strip()} (")
    assert says in mistake


def test_every_slip_is_told_at_once():
    found = mistakes_of(GOOD.replace("23.03", "23,03").replace('stock = "red dye"', "stock = “red dye”"))
    assert len(found) == 3
    assert all(m.startswith("line ") for m in found)


@given(st.text("[]{}=.,:;/\\\"'“’\n abcTrue019-#", max_size=80), st.text("=,.\"'“ a1\n", max_size=20))
def test_any_slip_is_told_somehow(text, more):
    for mistake in mistakes_of(f"{text}\nx = 1{more}"):
        assert mistake
