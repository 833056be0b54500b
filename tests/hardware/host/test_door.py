"""The stop door: crowds, strangers, slow callers, what others left behind, and no place for it at all."""

import json
import os
import socket
import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from hardware.errors import StoppedError
from hardware.host import door
from hardware.host.door import StopDoor
from hardware.host.hosted import open_hosted
from hardware.virtual.bench import VirtualBench
from tests.hardware.host.conftest import LONG_S, SPEED
from tests.hardware.host.test_hosted import Dosing


@pytest.fixture
def stopped():
    """`stopped` lists who has asked for a stop."""
    callers: list[str] = []

    def stop(by: str) -> tuple[str, ...]:
        callers.append(by)
        return ()

    stop.callers = callers
    return stop


@pytest.fixture
def open_door(stopped):
    made = StopDoor("bench", stopped)
    yield made
    made.close()


def port() -> int:
    (file,) = door.doors().glob("*.json")
    return int(json.loads(file.read_text())["port"])


def test_a_crowd_of_silent_callers_keeps_nobody_out(open_door, stopped):
    before = threading.active_count()
    crowd = [socket.create_connection(("127.0.0.1", port()), timeout=5) for _ in range(100)]
    assert door.stop_everything("me") == {"bench": ()}
    assert stopped.callers == ["me"]
    assert threading.active_count() - before < 60
    for caller in crowd:
        caller.close()


@pytest.mark.parametrize("said", [b"", b"\n", b"\xff" * 300, b"password me\n", b"{}" * 5000])
def test_what_is_no_password_stops_nothing(open_door, stopped, said):
    with socket.create_connection(("127.0.0.1", port()), timeout=5) as caller, suppress(ConnectionError):
        caller.sendall(said)
        assert said == b"" or caller.recv(100) == b""
    assert stopped.callers == []
    assert door.stop_everything("me") == {"bench": ()}


def test_two_rigs_of_one_name_are_told_together(open_door, tmp_path):
    other = json.loads(next(door.doors().glob("*.json")).read_text())
    silent = socket.create_server(("127.0.0.1", 0))
    other |= {"pid": os.getppid(), "port": silent.getsockname()[1]}
    (door.doors() / f"{os.getppid()}.json").write_text(json.dumps(other))
    assert door.stop_everything() == {"bench": ("the port owner",)}, "one of them has not answered"
    silent.close()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"rig": "x"}', '{"rig":"x","pid":1,"port":"y","password":""}']
)
def test_a_door_that_cannot_be_read_is_not_passed_over_in_silence(own_folders, text):
    door.doors().mkdir(parents=True)
    file = door.doors() / "1.json"
    file.write_text(text)
    assert door.stop_everything() == {str(file): ("the port owner",)}


@pytest.mark.parametrize("number", [0, 1, 99999, -5])
def test_the_door_of_an_owner_that_was_killed_is_taken_away(own_folders, number):
    door.doors().mkdir(parents=True)
    file = door.doors() / "99999999.json"
    file.write_text(json.dumps({"rig": "x", "pid": 99999999, "port": number, "password": "p"}))
    assert door.stop_everything() == {}
    assert not file.exists() or os.name == "nt"


@pytest.mark.skipif(os.name == "nt", reason="who has ended is not asked there")
def test_a_new_door_takes_away_those_of_killed_owners(own_folders, stopped):
    door.doors().mkdir(parents=True)
    left, alive = door.doors() / "99999999.json", door.doors() / f"{os.getppid()}.json"
    for file in (left, alive):
        file.write_text("{}")
    StopDoor("bench", stopped).close()
    assert not left.exists()
    assert alive.exists()


def test_a_rig_opens_and_stops_where_there_is_no_place_for_a_door(bench, own_folders, caplog):
    (own_folders / "data").write_text("a file where the folder should be")
    with open_hosted(bench.rig, speed=SPEED, lease_s=LONG_S) as rig:
        assert "`aliquot stop` cannot reach this rig" in caplog.text
        rig.stage.home()
        rig.stage.move_to(*rig.spec.rack.position_mm("A1"))
        dose = Dosing(bench, rig)
        assert rig.stop_all() == ()
        assert isinstance(dose.end(), StoppedError)


def test_two_rigs_of_one_program_have_a_door_and_a_stop_each(bench, rig):
    small = replace(bench.rig, name="another", pumps={"red": bench.rig.pumps["red"]})
    with (
        VirtualBench(small, speed=SPEED) as second,
        open_hosted(second.rig, speed=SPEED, lease_s=LONG_S) as other,
    ):
        dose = Dosing(bench, rig)
        assert other.stop_all() == ()
        assert bench.truth.pump_moves("blue")
        assert not rig.stopped
        assert door.stop_everything() == {rig.spec.name: (), "another": ()}
        assert isinstance(dose.end(), StoppedError)
