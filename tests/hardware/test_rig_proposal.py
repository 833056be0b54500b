"""A proposed rig file is TOML whatever devices call themselves, and says what a person must look at."""

import tomllib
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from hardware.discovery import Findings, Found, PortInfo
from hardware.rig_file import parse_rig
from hardware.rig_proposal import proposal

words = st.text(max_size=40)
infos = st.builds(PortInfo, st.text(min_size=1, max_size=10), words, words, words)
devices = st.builds(
    Found,
    infos,
    st.sampled_from(("new_era", "grbl", "scpi", "cavro", "zaber", "balance")),
    words,
    st.dictionaries(st.sampled_from(("baud", "address", "format")), st.integers(0, 9) | words | st.booleans()),
)


@given(st.lists(devices, max_size=5), st.lists(infos, max_size=2), words, words)
def test_it_is_toml_whatever_devices_call_themselves(found, silent, name, camera):
    findings = Findings(tuple(found), tuple(silent), tuple((p, name) for p in silent), True)
    table = tomllib.loads(proposal(findings, [SimpleNamespace(name=name, source=camera)], name))
    pumps = [f for f in found if f.kind in ("new_era", "cavro")]
    assert len(table.get("pumps", {})) == len(pumps)
    assert table["camera"]["kind"] == "opencv_camera"


def a_device(kind: str, number: str, port: str, **settings) -> Found:
    return Found(PortInfo(port, number, "FTDI", "cable"), kind, f"a {kind}", settings)


def test_ports_go_by_number_unless_two_devices_share_it():
    found = (
        a_device("new_era", "0001", "COM3"), a_device("new_era", "0001", "COM4"), a_device("new_era", "B7", "COM5"),
        a_device("grbl", "", "COM6"),
    )  # fmt: skip
    spec = parse_rig(proposal(Findings(found, (), (), True)))
    assert [p.port for p in spec.pumps.values()] == ["COM3", "COM4", "usb:B7"]
    assert spec.stage.port == "COM6"


def test_pumps_on_one_chain_share_its_number():
    found = (a_device("cavro", "A1", "COM3", address=1), a_device("cavro", "A1", "COM3", address=2))
    text = proposal(Findings((*found, a_device("grbl", "", "COM6"), a_device("grbl", "", "COM7")), (), (), True))
    spec = parse_rig(text)
    assert {p.port for p in spec.pumps.values()} == {"usb:A1"}
    assert [p.settings["address"] for p in spec.pumps.values()] == [1, 2]
    assert '# port = "COM7"' in text, "only one stage can be the rig's"


def test_what_no_device_tells_is_asked_of_the_person():
    text = proposal(Findings((a_device("zaber", "Z1", "COM3", baud=115200),), (), (), True))
    assert "# check: settings must also have step_um" in text
    assert "# No pump answered" in text
    assert text.count("check:") >= 2


def test_a_file_that_cannot_be_used_yet_says_so_first_and_what_to_do():
    nothing = proposal(Findings((), (), (), True)).splitlines()
    assert nothing[0] == "# THIS FILE CANNOT BE USED YET: no pump and no stage answered."
    assert "find again" in nothing[1]
    assert "copy [pumps.NAME] and [stage] from resources/rigs/mixed.toml" in nothing[2]
    pump = a_device("new_era", "A1", "COM3")
    assert proposal(Findings((pump,), (), (), True)).splitlines()[0].endswith("no stage answered.")
    both = proposal(Findings((pump, a_device("grbl", "B1", "COM4")), (), (), True))
    assert "CANNOT BE USED" not in both
