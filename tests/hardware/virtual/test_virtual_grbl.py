"""Conversations with the virtual Grbl 1.1h, as its documentation and the firmware have them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hardware.virtual.instruments.grbl import Instrument as GrblStage
from hardware.virtual.world import World
from tests.hardware.virtual.hands import StageClient, Wall

BANNER = ["", "Grbl 1.1h ['$' for help]"]
LOCK = "[MSG:'$H'|'$X' to unlock]"


@pytest.fixture
def talk(stage: GrblStage, wall: Wall) -> Iterator[StageClient]:
    with StageClient(stage.port) as client:
        welcome(client, wall)
        yield client


def welcome(client: StageClient, wall: Wall) -> None:
    client.patience(0.03)
    for _ in range(300):
        wall.passes(0.2)
        try:
            assert client.line() == ""
        except TimeoutError:
            continue
        break
    client.patience(10.0)
    assert [client.line() for _ in range(2)] == [BANNER[1], LOCK]


@pytest.fixture
def homed(talk: StageClient, wall: Wall) -> StageClient:
    talk.say(b"$H\n")
    assert wait_for(talk, wall, "ok") == "ok"
    return talk


def wait_for(talk: StageClient, wall: Wall, wanted: str) -> str:
    """Let time pass until Grbl says something unasked; homing answers no question."""
    talk.patience(0.03)
    for _ in range(300):
        wall.passes(1.0)
        try:
            line = talk.line()
        except TimeoutError:
            continue
        talk.patience(10.0)
        assert line == wanted
        return line
    raise AssertionError(f"never said {wanted}")


def settle(talk: StageClient, wall: Wall) -> str:
    for _ in range(1000):
        wall.passes(0.1)
        if (status := talk.status()).startswith(("<Idle", "<Hold:0", "<Alarm")):
            return status
    raise AssertionError("never stands")


def place(status: str) -> list[float]:
    return [float(p) for p in status.split("MPos:")[1].split("|")[0].split(",")]


def test_locked_until_homed(talk: StageClient) -> None:
    assert talk.status().startswith("<Alarm|MPos:0.000,0.000,0.000|Bf:15,128|FS:0,0|WCO:0.000,0.000,0.000>")
    assert talk.ask("G0 X1") == ["error:9"]
    assert talk.ask("$X") == ["[MSG:Caution: Unlocked]", "ok"]
    assert talk.status().startswith("<Idle")


def test_homing_makes_the_position_true(homed: StageClient, world: World) -> None:
    assert place(homed.status()) == [0.0, 0.0, 0.0]
    assert world.stage_mm() == pytest.approx((0.0, 0.0, 0.0))


def test_a_move_is_acknowledged_before_it_is_done(homed: StageClient, wall: Wall, world: World) -> None:
    assert homed.ask("G90 G0 X50 Y20") == ["ok"]
    wall.passes(0.2)
    status = homed.status()
    assert status.startswith("<Run|")
    assert 0 < place(status)[0] < 50
    assert place(settle(homed, wall)) == [50.0, 20.0, 0.0]
    assert world.stage_mm() == pytest.approx((50.0, 20.0, 0.0))


def test_relative_inches_and_feed(homed: StageClient, wall: Wall) -> None:
    assert homed.ask("G91 G20") == ["ok"]
    assert homed.ask("G1 X1") == ["error:22"]
    assert homed.ask("G1 X1 F60") == ["ok"]
    assert place(settle(homed, wall))[0] == pytest.approx(25.4)
    assert homed.ask("$G") == ["[GC:G1 G54 G17 G20 G91 G94 M5 M9 T0 F60 S0]", "ok"]


def test_dwell_answers_when_it_is_over(homed: StageClient, wall: Wall) -> None:
    homed.ask("G0 X10")
    homed.say(b"G4 P2\n")
    wait_for(homed, wall, "ok")
    assert place(homed.status())[0] == 10.0


def test_feed_hold_brakes_and_resumes(homed: StageClient, wall: Wall) -> None:
    homed.ask("G1 X100 F3000")
    wall.passes(1.0)
    homed.say(b"!")
    assert homed.status().startswith("<Hold:1")
    homed.say(b"~")  # dropped while braking
    assert homed.status().startswith("<Hold:1")
    wall.passes(1.0)
    held = homed.status()
    assert held.startswith("<Hold:0")
    assert 40 < place(held)[0] < 60
    homed.say(b"~")
    assert place(settle(homed, wall))[0] == 100.0


def test_reset_in_hold_keeps_the_position(homed: StageClient, wall: Wall, world: World) -> None:
    homed.ask("G1 X100 F3000")
    wall.passes(1.0)
    homed.say(b"!")
    assert homed.status().startswith("<Hold:1")
    wall.passes(1.0)
    held = place(homed.status())
    homed.say(b"\x18")
    assert [homed.line() for _ in range(2)] == BANNER
    assert place(homed.status()) == held
    assert world.stage_mm()[0] == pytest.approx(held[0], abs=1e-3)


def test_reset_in_motion_loses_the_position(homed: StageClient, wall: Wall, world: World) -> None:
    homed.ask("G1 X100 F3000")
    wall.passes(1.0)
    homed.say(b"\x18")
    assert homed.line() == "ALARM:3"
    wall.passes(0.6)  # it sleeps after an alarm
    assert [homed.line() for _ in range(3)] == [*BANNER, LOCK]
    status = homed.status()
    assert status.startswith("<Alarm")
    assert abs(place(status)[0] - world.stage_mm()[0]) > 1e-4


def test_a_target_beyond_the_travel_is_alarm_2_and_only_a_reset_helps(homed: StageClient, wall: Wall) -> None:
    assert homed.ask("G0 X151") == ["ALARM:2", "[MSG:Reset to continue]"]
    homed.say(b"\x18")  # too early: it still sleeps
    assert homed.is_silent()
    wall.passes(0.6)
    homed.say(b"?G0 X1\n\x18")
    assert [homed.line() for _ in range(4)] == ["ok", *BANNER, LOCK]
    homed.ask("$X")
    assert place(homed.status()) == [0.0, 0.0, 0.0]


def test_a_limit_switch_is_alarm_1(talk: StageClient, wall: Wall) -> None:
    talk.say(b"$20=0\n")
    wait_for(talk, wall, "ok")
    talk.ask("$X")
    talk.ask("G91 G0 X-200")
    wall.passes(5.0)
    talk.say(b"?")
    assert talk.line() == "ALARM:1"
    assert talk.line() == "[MSG:Reset to continue]"


def test_jog_is_cancelled_by_its_own_byte_and_refused_beyond_the_travel(homed: StageClient, wall: Wall) -> None:
    assert homed.ask("$J=X999 F1000") == ["error:15"]
    assert homed.ask("$J=X10") == ["error:22"]
    assert homed.ask("$J=G91 X100 F1000") == ["ok"]
    wall.passes(1.0)
    assert homed.status().startswith("<Jog")
    assert homed.ask("G0 X1") == ["error:9"]
    homed.say(b"\x85")
    assert 5 < place(settle(homed, wall))[0] < 50
    assert homed.ask("G0 X1") == ["ok"]


@pytest.mark.parametrize(
    ("line", "error"),
    [("$Q", 3), ("G2 X1", 20), ("X", 2), ("5", 1), ("G0 X1 X2", 25), ("G0 G1 X1", 21), ("G4", 28), ("F-1", 4),
     ("G0 X" + "1" * 90, 11), ("$999=1", 3), ("$J=G4 X1 F1", 16)],
)  # fmt: skip
def test_errors(homed: StageClient, line: str, error: int) -> None:
    assert homed.ask(line) == [f"error:{error}"]


def test_the_offset_comes_now_and_then(homed: StageClient) -> None:
    reports = [homed.status() for _ in range(40)]
    assert 2 <= sum("WCO:" in report for report in reports) <= 5


def test_settings_and_build(homed: StageClient) -> None:
    assert "$130=150.000" in homed.ask("$$")
    version, options, ok = homed.ask("$I")
    assert version.startswith("[VER:1.1h")
    assert options == "[OPT:VZ,15,128]"
    assert ok == "ok"


def test_every_line_gets_exactly_one_answer_however_full_the_planner(homed: StageClient, wall: Wall) -> None:
    for i in range(20):
        homed.say(f"G0X{i + 1}\n".encode("ascii"))
    answers = []
    for _ in range(20):
        wall.passes(0.5)
        answers.append(homed.line())
    assert answers == ["ok"] * 20
    assert place(settle(homed, wall))[0] == 20.0


def test_connecting_again_resets_like_an_arduino(stage: GrblStage, homed: StageClient, wall: Wall) -> None:
    homed.ask("G0 X30")
    settle(homed, wall)
    homed.close()
    with StageClient(stage.port) as again:
        welcome(again, wall)
        assert place(again.status()) == [0.0, 0.0, 0.0], "the controller forgot; the stage still stands at 30"


@contextmanager
def another(world: World, **options: Any) -> Iterator[tuple[GrblStage, StageClient]]:
    """A controller of another kind, that opening the port does not reset."""
    instrument = GrblStage(world, {"stage": world.spec.stage}, resets_on_open=False, **options)
    instrument.start()
    with StageClient(instrument.port) as client:
        yield instrument, client
    instrument.close()


def home(talk: StageClient, wall: Wall) -> None:
    talk.say(b"$H\n")
    wait_for(talk, wall, "ok")


def test_opening_a_port_without_dtr_says_and_forgets_nothing(world: World, wall: Wall) -> None:
    with another(world) as (controller, talk):
        home(talk, wall)
        talk.ask("G0 X30")
        settle(talk, wall)
        talk.close()
        with StageClient(controller.port) as again:
            assert again.is_silent()
            assert place(again.status()) == [30.0, 0.0, 0.0]


@pytest.mark.parametrize(("low", "ends"), [(0b111, [-149.0, -104.0, -19.0]), (0b000, [-1.0, -1.0, -1.0])])
def test_as_it_is_built_machine_space_ends_at_zero(world: World, wall: Wall, low: int, ends: list[float]) -> None:
    with another(world, forces_origin=False, values={23: low}) as (_, talk):
        home(talk, wall)
        assert place(talk.status()) == ends
        assert talk.ask("$I")[1] == "[OPT:V,15,128]"
        assert talk.ask("G53 G0 X1") == ["ALARM:2", "[MSG:Reset to continue]"]


def test_work_coordinates_are_kept_without_power_and_g92_is_not(homed: StageClient, wall: Wall) -> None:
    assert homed.ask("G92 X7") == ["ok"]
    assert "WCO:-7.000,0.000,0.000" in homed.status()
    homed.say(b"G10 L20 P1 X5\n")
    wait_for(homed, wall, "ok")
    assert "WCO:-5.000,0.000,0.000" in homed.status(), "what is here is 5 now"
    homed.say(b"G10 L2 P1 X5 Y6\n")
    wait_for(homed, wall, "ok")
    homed.say(b"\x18")
    assert [homed.line() for _ in range(2)] == BANNER
    assert "WCO:5.000,6.000,0.000" in homed.status()
    homed.ask("G90 G0 X1 Y1")
    assert place(settle(homed, wall)) == [6.0, 7.0, 0.0]
    homed.ask("G55 G0 X1")
    assert place(settle(homed, wall))[0] == 1.0


def test_what_comes_while_memory_is_written_is_lost(homed: StageClient, wall: Wall) -> None:
    homed.say(b"$100=80\nG0X1\n?")
    assert homed.is_silent()
    wall.passes(0.1)
    assert homed.line() == "ok"
    assert homed.is_silent()


def test_what_finds_the_buffer_full_is_lost(stage: GrblStage, homed: StageClient, wall: Wall) -> None:
    dropped = stage.dropped
    homed.say(b"!")
    assert homed.status().startswith("<Hold:0")
    homed.say(b"G1X10F600\n" * 20)
    assert "Bf:15,0|" in homed.status()
    assert stage.dropped - dropped == 200 - 128
    homed.say(b"~")
    wall.passes(1.0)
    answers = [homed.line() for _ in range(12)]
    assert answers == ["ok"] * 12
    assert homed.is_silent(), "the 13th line was cut off"


def test_check_mode_only_pretends_and_leaving_it_is_a_reset(homed: StageClient, world: World) -> None:
    before = world.stage_mm()
    assert homed.ask("$C") == ["[MSG:Enabled]", "ok"]
    assert homed.ask("G0 X50") == ["ok"]
    assert homed.status().startswith("<Check")
    assert world.stage_mm() == before
    assert homed.ask("$C") == ["[MSG:Disabled]", "ok"]
    assert [homed.line() for _ in range(2)] == BANNER


def test_asleep_it_hears_only_a_reset_and_wakes_up_locked(homed: StageClient) -> None:
    assert homed.ask("$SLP") == ["ok"]
    assert homed.line() == "[MSG:Sleeping]"
    assert homed.status().startswith("<Sleep")
    homed.say(b"G0X1\n~")
    assert homed.is_silent()
    homed.say(b"\x18")
    assert [homed.line() for _ in range(3)] == [*BANNER, LOCK]
    assert homed.ask("$X") == ["[MSG:Caution: Unlocked]", "ok"]


def test_a_door_brakes_and_only_resuming_goes_on(stage: GrblStage, homed: StageClient, wall: Wall) -> None:
    homed.ask("G1 X100 F3000")
    wall.passes(1.0)
    homed.say(b"\x84")
    assert homed.line() == "[MSG:Check Door]"
    assert homed.status().startswith("<Door:2")
    wall.passes(1.0)
    assert homed.status().startswith("<Door:0")
    stage.open_door()
    wall.passes(0.1)
    assert homed.line() == "[MSG:Check Door]"
    while "Pn:D" not in (status := homed.status()):
        pass
    assert status.startswith("<Door:1")
    homed.say(b"~")
    assert homed.status().startswith("<Door:1")
    stage.open_door(False)
    while "Pn:D" in (status := homed.status()):
        pass
    homed.say(b"~")
    assert place(settle(homed, wall))[0] == 100.0


def test_a_homing_that_fails_says_its_alarm_and_restarts_locked(
    stage: GrblStage, talk: StageClient, wall: Wall
) -> None:
    stage.homing_fails = 9
    talk.say(b"$H\n")
    wait_for(talk, wall, "ALARM:9")
    wall.passes(0.6)
    assert [talk.line() for _ in range(4)] == ["ok", *BANNER, LOCK]


def test_grblhal_tells_more_and_answers_while_homing(world: World, wall: Wall) -> None:
    with another(world, firmware="grblHAL") as (_, talk):
        assert talk.ask("$I") == [
            "[VER:1.1f.20231005:Aliquot virtual bench]", "[OPT:VNMZ,100,1024,3,0]", "[AXS:3:XYZ]",
            "[NEWOPT:ENUMS,RT+,HOME,TC,SED]", "[FIRMWARE:grblHAL]", "ok",
        ]  # fmt: skip
        talk.say(b"\x87")
        assert talk.line().endswith("|H:0|FW:grblHAL>")
        talk.say(b"$H\n")
        assert talk.status().startswith("<Home|")
        wait_for(talk, wall, "ok")
        assert "|H:1>" in talk.status()
        talk.say(b"\x18")
        assert [talk.line() for _ in range(2)] == ["", "GrblHAL 1.1f ['$' or '$HELP' for help]"]
        talk.ask("$J=G91 X100 F1000")
        wall.passes(1.0)
        talk.say(b"\x18")
        assert talk.line() == "ALARM:3"
        wall.passes(0.6)
        assert [talk.line() for _ in range(3)][2] == LOCK
        assert talk.status().startswith("<Alarm:3|")
