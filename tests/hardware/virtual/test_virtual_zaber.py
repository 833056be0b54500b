"""Conversations with the virtual Zaber devices, as the ASCII Protocol Manual has them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hardware.spec import RigSpec, StageSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.zaber import Instrument
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Client, Wall


class ZaberClient(Client):
    def line(self) -> str:
        return self.hear(b"\r\n").decode("ascii").removesuffix("\r\n")

    def ask(self, command: str) -> str:
        self.say(command.encode("ascii") + b"\n")
        return self.line()


@pytest.fixture
def world(spec: RigSpec, wall: Wall) -> World:
    settings = {"step_um": 0.1, "x": "1.1", "y": "1.2", "z": "2.1"}
    return World(
        replace(spec, stage=StageSpec("zaber", "", (150.0, 105.0, 20.0), settings)), VirtualClock(1.0, wall)
    )


@pytest.fixture
def devices(world: World) -> Iterator[Instrument]:
    instrument = Instrument(world, {"stage": world.spec.stage})
    instrument.start()
    yield instrument
    instrument.close()


@pytest.fixture
def talk(devices: Instrument) -> Iterator[ZaberClient]:
    with ZaberClient(devices.port) as client:
        yield client


@pytest.fixture
def homed(talk: ZaberClient, wall: Wall, world: World) -> ZaberClient:
    for axis in ("1 1", "1 2", "2 1"):
        assert talk.ask(f"/{axis} home").endswith("OK BUSY WR 0")
    wall.passes(30)
    for axis in ("1 1", "1 2", "2 1"):
        assert talk.ask(f"/{axis}").endswith("OK IDLE -- 0")
    assert world.stage_mm() == pytest.approx((0, 0, 0))
    return talk


def test_the_manuals_examples(homed: ZaberClient) -> None:
    assert homed.ask("/1 get deviceid") == "@01 0 OK IDLE -- 50081"
    assert homed.ask("/01 tools echo:8F") == "@01 0 OK IDLE -- 0"
    assert homed.ask("/1 1 tools echo hi there") == "@01 1 OK IDLE -- hi there"
    assert homed.ask("/1 0 00 get deviceid:42") == "@01 0 00 OK IDLE -- 50081"
    assert homed.ask("/1 get limit.max") == "@01 0 OK IDLE -- 1500000 1050000"
    assert homed.ask("/1 1 07 get limit.max") == "@01 1 07 OK IDLE -- 1500000"


def test_all_devices_answer_a_broadcast(talk: ZaberClient) -> None:
    assert talk.ask("/") == "@01 0 OK IDLE WR 0"
    assert talk.line() == "@02 0 OK IDLE WR 0"


@pytest.mark.parametrize(
    ("command", "reply"),
    [("/1 1 move abs 100", "@01 1 RJ IDLE WR BADDATA"), ("/1 nonsense", "@01 0 RJ IDLE WR BADCOMMAND"),
     ("/1 get cloop.mode", "@01 0 RJ IDLE WR BADCOMMAND"), ("/1 3 home", "@01 3 RJ IDLE -- BADAXIS"),
     ("/1 set comm.checksum 7", "@01 0 RJ IDLE WR BADDATA"), ("/1 1 set maxspeed x", "@01 1 RJ IDLE WR BADDATA"),
     ("/1 warnings", "@01 0 OK IDLE WR 01 WR")],
)  # fmt: skip
def test_refusals_before_homing(talk: ZaberClient, command: str, reply: str) -> None:
    assert talk.ask(command) == reply


def test_damaged_commands_are_not_answered(talk: ZaberClient) -> None:
    talk.say(b"/1 get deviceid:00\n/1 get deviceid:zz\nget pos\n\r\n/" + b"1" * 200 + b"\n")
    assert talk.ask("/1 1") == "@01 1 OK IDLE WR 0"


def test_replies_carry_checksums_when_told(talk: ZaberClient, devices: Instrument) -> None:
    assert talk.ask("/1 set comm.checksum 1") == "@01 0 OK IDLE WR 0:3E"
    devices.power_cycle()
    assert talk.ask("/1 0 00 get comm.checksum").startswith("@01 0 00 OK IDLE WR 1:")
    assert ":" not in talk.ask("/2 get comm.checksum")


def test_a_move_takes_its_time_and_reports_busy(homed: ZaberClient, wall: Wall, world: World) -> None:
    assert homed.ask("/1 1 move abs 500000") == "@01 1 OK BUSY -- 0"
    wall.passes(0.3)
    assert homed.ask("/1 2") == "@01 2 OK IDLE -- 0"
    position = int(homed.ask("/1 1 get pos").removeprefix("@01 1 OK BUSY -- "))
    assert 0 < position < 500000
    wall.passes(5)
    assert homed.ask("/1 1 get pos") == "@01 1 OK IDLE -- 500000"
    assert world.stage_mm() == pytest.approx((50, 0, 0))
    assert homed.ask("/1 1 move abs 1500001") == "@01 1 RJ IDLE -- BADDATA"
    assert homed.ask("/1 1 move rel -500001") == "@01 1 RJ IDLE -- BADDATA"


def test_two_axes_go_at_once(homed: ZaberClient, wall: Wall, world: World) -> None:
    homed.ask("/1 1 move abs 500000")
    homed.ask("/1 2 move abs 300000")
    wall.passes(0.3)
    assert homed.ask("/1").startswith("@01 0 OK BUSY")
    wall.passes(5)
    assert homed.ask("/1 get pos") == "@01 0 OK IDLE -- 500000 300000"
    assert world.stage_mm() == pytest.approx((50, 30, 0))


def test_stop_brakes_and_a_second_one_stops_dead(homed: ZaberClient, wall: Wall, world: World) -> None:
    homed.ask("/1 1 move abs 1000000")
    wall.passes(0.5)
    assert homed.ask("/stop") == "@01 0 OK BUSY NI 0"
    homed.line()
    assert world.stage_moves()
    assert homed.ask("/1 1 stop") == "@01 1 OK IDLE NI 0"
    wall.passes(0.001)
    assert not world.stage_moves()
    assert homed.ask("/1 1 move abs 0") == "@01 1 OK BUSY -- 0"


def test_estop_stops_dead(homed: ZaberClient, wall: Wall, world: World) -> None:
    homed.ask("/1 1 move abs 1000000")
    wall.passes(0.5)
    assert homed.ask("/1 1 estop") == "@01 1 OK IDLE NI 0"
    wall.passes(0.001)
    assert not world.stage_moves()


def test_alerts_come_when_they_are_switched_on(homed: ZaberClient, wall: Wall) -> None:
    homed.ask("/1 set comm.alert 1")
    homed.ask("/1 1 move abs 100")
    wall.passes(5)
    assert homed.line() == "!01 1 IDLE --"


def test_a_stall_is_told_until_it_is_cleared(homed: ZaberClient, wall: Wall, devices: Instrument) -> None:
    homed.ask("/1 1 move abs 1000000")
    wall.passes(0.5)
    devices.stall("x")
    assert homed.ask("/1 1").startswith("@01 1 OK IDLE FS")
    assert homed.ask("/1 1 warnings clear") == "@01 1 OK IDLE -- 01 FS"
    assert homed.ask("/1 1 warnings") == "@01 1 OK IDLE -- 00"


def test_a_motor_that_is_off_refuses(homed: ZaberClient) -> None:
    assert homed.ask("/1 1 driver disable").startswith("@01 1 OK IDLE FO")
    assert homed.ask("/1 1 home") == "@01 1 RJ IDLE FO DRIVERDISABLED"
    assert homed.ask("/1 1 driver enable") == "@01 1 OK IDLE WR 0"
    assert homed.ask("/1 1 home") == "@01 1 OK BUSY WR 0"


def test_a_reset_forgets_the_place(homed: ZaberClient) -> None:
    assert homed.ask("/1 system reset").startswith("@01 0 OK IDLE WR")
    assert homed.ask("/2 1 get pos") == "@02 1 OK IDLE WR 0"
