"""aliquot stop, find and check: what a person without a window has."""

import json
from dataclasses import replace

import pytest

import aliquot
import resources
from hardware import discovery
from hardware.discovery import PortInfo
from hardware.host.hosted import open_hosted
from hardware.rig_file import load_rig, parse_rig, rig_to_toml
from hardware.virtual.bench import VirtualBench


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def bench():
    shipped = load_rig(resources.path("rigs/virtual.toml"))
    with VirtualBench(replace(shipped, camera=None, view=None), speed=50.0) as served:
        yield served


def test_stop_says_what_it_stopped(bench, capsys):
    assert aliquot.main(["stop"]) == 0
    assert "No rig of yours is open" in capsys.readouterr().out
    with open_hosted(bench.rig, speed=50.0, lease_s=10.0) as rig:
        assert aliquot.main(["stop"]) == 0
        assert capsys.readouterr().out == f"{bench.rig.name}: stopped\n"
        assert aliquot.main(["stop", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {bench.rig.name: []}
        assert rig.stopped


def test_find_lists_who_answers_and_writes_a_rig_file(bench, tmp_path, monkeypatch, capsys):
    ports = (
        PortInfo(bench.rig.pumps["red"].port, "SN1", "Prolific", "USB-Serial"),
        PortInfo(bench.rig.stage.port, "SN2", "Arduino", "Uno"),
    )
    monkeypatch.setattr(discovery, "ports_now", lambda: ports)
    assert aliquot.main(["find", "--json", "--write", str(tmp_path / "rig.toml")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {each["kind"] for each in told["found"]} == {"new_era", "grbl"}
    text = (tmp_path / "rig.toml").read_text(encoding="utf-8")
    assert 'port = "usb:SN1"' in text
    parse_rig(text)
    assert aliquot.main(["find", "--write", str(tmp_path / "rig.toml")]) == 2
    assert "exists already" in capsys.readouterr().err


def test_check_makes_a_table_with_the_exchange_log(bench, tmp_path, capsys):
    file, out = tmp_path / "twin.toml", tmp_path / "check.md"
    file.write_text(rig_to_toml(replace(bench.rig, lease_s=10.0)), encoding="utf-8")
    assert aliquot.main(["check", str(file), "--speed", "50", "--yes", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Nothing failed (" in said
    text = out.read_text(encoding="utf-8")
    assert "| red | identify | ok | NE1000" in text
    assert "stop in mid-dose" in text
    assert "stage > ?" in text


def test_check_moves_nothing_when_nobody_can_be_asked(bench, tmp_path, capsys):
    file = tmp_path / "twin.toml"
    file.write_text(rig_to_toml(replace(bench.rig, lease_s=10.0)), encoding="utf-8")
    assert aliquot.main(["check", str(file), "--speed", "50"]) == 0
    assert "skipped  stage" in capsys.readouterr().out
    assert bench.truth.spilled_ul() == {}
    assert all(bench.truth.contents_ul(slot) == {} for slot in bench.rig.rack.slots)


def test_check_of_a_rig_without_its_devices_names_them(bench, tmp_path, capsys):
    file = tmp_path / "twin.toml"
    pumps = {**bench.rig.pumps, "red": replace(bench.rig.pumps["red"], port="/dev/nowhere")}
    file.write_text(rig_to_toml(replace(bench.rig, pumps=pumps, lease_s=10.0)), encoding="utf-8")
    assert aliquot.main(["check", str(file), "--speed", "50"]) == 1
    said = capsys.readouterr().out
    assert "fail     red        open" in said
    assert "ok       blue       identify" in said
