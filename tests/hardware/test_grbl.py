"""Conversations with a GRBL 1.1 controller, as in its interface.md."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.drivers.grbl import PROBES
from hardware.errors import (
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from tests.hardware.grbl_talk import BANNER, LOCK, a_stage, greeting, homing, report, talking

AT_HOME = (b"?", report("Idle", -199, -199, -1))


@pytest.fixture
def conversation(serving):
    return talking(serving)


@pytest.fixture
def opened():
    stages = []

    def open_stage(port: str, **fields):
        stage = a_stage(port, **fields)
        stages.append(stage)
        stage.open()
        return stage

    yield open_stage
    for stage in stages:
        stage.close()


def move(line: bytes, answer: bytes | None = b"ok\r\n"):
    return [AT_HOME, (line + b"\n", answer)]


def test_home_then_move_away_from_the_switches_and_wait_until_it_stands_there(conversation, opened):
    script = [
        *greeting(),
        *homing(),
        *move(b"G21G90G1X-154Y-179Z-6F3000"),
        (b"?", report("Idle", -199, -199, -1)),  # a report before the planner has begun
        (b"?", report("Run", -180, -190, -3)),
        (b"?", report("Idle", -154, -179, -6)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        assert not stage.homed
        stage.home()
        assert stage.homed
        stage.move_to(45, 20, 5)
        assert stage.position_mm() == (45, 20, 5)


def test_where_g54_was_set_its_zero_is_the_zero(conversation, opened):
    script = [
        *greeting(),
        *homing(wco="-200.000,-200.000,-51.000"),
        *move(b"G21G90G1X45Y20F3000"),
        (b"?", report("Idle", -155, -180, -1)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        stage.move_to(45, 20)
        assert stage.position_mm() == (45, 20, 50)
        assert stage.about()["zero"] == "work coordinates (G54)"


def test_an_offset_that_puts_the_travel_beyond_a_switch_is_refused(conversation, opened):
    script = [*greeting(), *homing(wco="-209.000,-199.000,-60.000")]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(
            HardwareError, match=r"would be -209 to -19 mm of the machine, beyond the switch at -199"
        ):
            stage.home()
        assert not stage.homed


def test_work_coordinates_that_nobody_set_would_run_into_the_switches(conversation, opened):
    with conversation([*greeting({23: "0"}), *homing(-1, -1, -1)]) as instrument:
        stage = opened(instrument.port, origin="work")
        with pytest.raises(
            HardwareError, match=r'beyond the switch at -1 mm; set G54 anew, or say origin = "home"'
        ):
            stage.home()


def test_work_positions_are_understood_too(conversation, opened):
    home = [
        (b"?", b"<Alarm|WPos:0.000,0.000,0.000|FS:0,0>\r\n"),
        (b"$H\n", b"ok\r\n"),
        (b"?", b"<Idle|WPos:1.000,1.000,53.000|FS:0,0|WCO:-200.000,-200.000,-54.000>\r\n"),
    ]
    with conversation([*greeting(), *home]) as instrument:
        stage = opened(instrument.port)
        stage.home()
        assert stage.position_mm() == (1, 1, 53)


def test_a_controller_without_z_stands_at_z_0(conversation, opened):
    hello = greeting()
    hello[1] = (b"?", report("Alarm", 0, 0, wco="0.000,0.000"))
    script = [
        *hello,
        (b"?", report("Alarm", 0, 0)),
        (b"$H\n", b"ok\r\n"),
        (b"?", report("Idle", -199, -199, wco="0.000,0.000")),
        (b"?", report("Idle", -199, -199)),
        (b"G21G90G1X-198Y-198F3000\n", b"ok\r\n"),
        (b"?", report("Idle", -198, -198)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(OutOfRangeError, match="no Z axis"):
            stage.move_to(1, 1, 5)
        stage.move_to(1, 1, 0)
        assert stage.position_mm() == (1, 1, 0)


def test_nothing_is_sent_before_homing_or_beyond_the_travel(conversation, opened):
    with conversation([*greeting(), *homing()]) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(HardwareError, match="home it first"):
            stage.move_to(1, 1)
        stage.home()
        for target in ((-0.1, 0), (190.1, 0), (0, 121), (float("nan"), 0), (0, 0, 51)):
            with pytest.raises(OutOfRangeError, match="travel"):
                stage.move_to(*target)


def test_a_target_outside_machine_space_is_refused_with_both_numbers(conversation, opened):
    with conversation([*greeting({20: "1"}), *homing()]) as instrument:
        stage = opened(instrument.port, travel_mm=(200.0, 200.0, 60.0))
        stage.home()
        with pytest.raises(OutOfRangeError, match=r"X 200 mm is 1 mm in its machine space, -200 to 0 mm \(\$130\)"):
            stage.move_to(200, 0)


def test_a_travel_that_the_controller_does_not_have_is_told_when_it_is_opened(conversation, opened):
    with (
        conversation(greeting({20: "1", 131: "100.000"})) as instrument,
        pytest.raises(HardwareError, match=r"travel_mm says 120 mm for Y, its \$131 says 100 mm"),
    ):
        opened(instrument.port)


def test_inches_are_refused(conversation, opened):
    with conversation(greeting({13: "1"})) as instrument, pytest.raises(ReplyError, match=r"set \$13=0"):
        opened(instrument.port)


def test_range_and_settings_are_the_controllers_own(conversation, opened):
    script = [*greeting({110: "1200.000"}), (b"?", report("Alarm", 0, 0, 0))]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        assert stage.range.step_mm == (1 / 80, 1 / 80, 1 / 400)
        assert stage.range.max_speed_mm_s == 20
        told = stage.about()
        assert told["firmware"] == "GRBL 1.1h.20190830"
        assert told["own soft limits"].startswith("off; $20=1")
        assert told["homed"].startswith("no: it was switched on or connected")


def test_an_alarm_on_the_way_loses_the_position(conversation, opened):
    script = [*greeting(), *homing(), *move(b"G21G90G1X-198Y-198F3000", b"ok\r\nALARM:1\r\n")]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(ReplyError, match="limit switch") as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "unknown"
        assert not stage.homed


def test_a_soft_limit_keeps_the_position_and_unlocking_is_enough(conversation, opened):
    script = [
        *greeting(),
        *homing(),
        *move(b"G21G90G1X-198Y-198F3000", b"ok\r\nALARM:2\r\n[MSG:Reset to continue]\r\n"),
        (b"?", None),
        (b"\x18", BANNER + LOCK),
        (b"?", report("Alarm", -199, -199, -1, wco="0.000,0.000,0.000")),
        (b"$X\n", b"[MSG:Caution: Unlocked]\r\nok\r\n"),
        AT_HOME,
        *move(b"G21G90G1X-198Y-198F3000"),
        (b"?", report("Idle", -198, -198, -1)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(ReplyError, match="soft limits"):
            stage.move_to(1, 1)
        assert stage.homed
        stage.unlock()
        assert stage.homed
        stage.move_to(1, 1)


def test_a_banner_on_the_way_is_a_restart(conversation, opened):
    script = [*greeting(), *homing(), *move(b"G21G90G1X-198Y-198F3000"), (b"?", BANNER)]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(ReplyError, match="lost its position") as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "unknown"
        assert not stage.homed


def test_a_restart_that_nobody_heard_is_seen_by_the_position(conversation, opened):
    script = [*greeting(), *homing(), (b"?", report("Idle", 0, 0, 0, wco="0.000,0.000,0.000"))]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(HardwareError, match="jumped") as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "not_done"
        assert not stage.homed


@pytest.mark.parametrize(("code", "words"), [("5", "homing is switched off"), ("9", "locked"), ("99", "error 99")])
def test_errors_are_told_in_words(conversation, opened, code, words):
    script = [*greeting(), (b"?", report("Alarm", 0, 0, 0)), (b"$H\n", f"error:{code}\r\n".encode())]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(ReplyError, match=words):
            stage.home()
        assert not stage.homed


def test_a_homing_that_fails_is_told_and_can_be_repeated_after_its_reset(conversation, opened):
    script = [
        *greeting(),
        (b"?", report("Alarm", 0, 0, 0)),
        (b"$H\n", [b"ALARM:9\r\n", BANNER + LOCK]),
        *homing(),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(ReplyError, match="no limit switch while homing"):
            stage.home()
        stage.home()
        assert stage.homed


def test_a_lost_ok_is_settled_by_the_position_and_its_line_is_drawn_by_a_reset(conversation, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_board.ANSWER_S", 1.0)
    script = [
        *greeting(),
        *homing(),
        *move(b"G21G90G1X-198Y-198F3000", None),
        (b"?", report("Idle", -198, -198, -1)),
        (b"?", report("Idle", -198, -198, -1)),
        (b"?", report("Idle", -198, -198, -1)),
        (b"\x18", BANNER),
        (b"?", report("Idle", -198, -198, -1, wco="0.000,0.000,0.000")),
        (b"G21G90G1X-197Y-197F3000\n", b"ok\r\n"),
        (b"?", report("Idle", -197, -197, -1)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        stage.move_to(1, 1)
        assert instrument.heard.count(b"G1") == 1
        stage.move_to(2, 2)
        assert stage.homed


@pytest.mark.parametrize(
    ("state", "words"),
    [("Check", "check mode"), ("Sleep", "home it"), ("Door:1", "door open"), ("Run", "somebody")],
)
def test_a_state_in_which_it_cannot_move_is_told_before_anything_moves(conversation, opened, state, words):
    script = [*greeting(), *homing(), (b"?", report(state, -199, -199, -1))]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(HardwareError, match=words) as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "not_done"


def test_jogs_are_the_machines_own_and_end_at_once(conversation, opened):
    script = [
        *greeting({22: "0"}),
        (b"?", report("Idle", 0, 0, 0)),
        (b"$J=G21G91X5F600\n", b"ok\r\n"),
        (b"\x85", None),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.jog(5, 0, speed_mm_s=10)
        stage.end_jog()
        assert instrument.heard_at_last(b"\x85")


def test_while_everything_is_stopped_nothing_starts(conversation, opened):
    latch = threading.Event()
    with conversation([*greeting(), *homing(), AT_HOME]) as instrument:
        stage = opened(instrument.port, latch=latch)
        stage.home()
        latch.set()
        with pytest.raises(StoppedError):
            stage.move_to(1, 1)
        latch.clear()
        stage._board.report()


def test_something_else_at_the_port_is_refused(answering, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_talk.ANSWER_S", 0.1)
    with (
        answering(b"\x18", lambda line: b"\x0200S\x03") as instrument,
        pytest.raises(NotConnectedError, match="no GRBL"),
    ):
        opened(instrument.port)


@pytest.mark.parametrize(
    ("heard", "who"),
    [
        (BANNER, "Grbl 1.1h"),
        (b"[VER:1.1h.20190830:]\r\n[OPT:V,15,128]\r\nok\r\n", "GRBL 1.1h.20190830"),
        (b"[VER:1.1f.20231005:mill]\r\n[OPT:VNMSL,100,1024,3,0]\r\n[FIRMWARE:grblHAL]\r\nok\r\n",
         "grblHAL 1.1f.20231005"),
        (b"GrblHAL 1.1f ['$' or '$HELP' for help]\r\n", "GrblHAL 1.1f"),
        (b"Grbl 0.9j ['$' for help]\r\n", None),
        (b"[0.9j.20160303:]\r\nok\r\n", None),
        (b"error:3\r\n", None),
        (b"echo:Unknown command: \"$I\"\r\nok\r\n", None),
    ],
)  # fmt: skip
def test_the_probe_knows_its_own(heard, who):
    assert PROBES[0].knows(heard) == who


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"<Idle|MPos:1.000,1.0", b"\xff\x00", b"ok", b"\r\n", b"error:", b"[MSG:x]\r\n",
                                 b"<Run|MPos:190.000,120.000>", b"Grb", b"<Idle|"]), max_size=8))  # fmt: skip
def test_garbage_is_never_a_place_and_never_holds_the_caller(serving, noise):
    junk = b"".join(noise)

    def answer(received: bytes):
        if received[:1] == b"?":
            return 1, junk + b"\r\n" + report("Idle", -12, -13, -14, wco="0.000,0.000,0.000")
        return 1, BANNER if received[:1] == b"\x18" else None

    with serving(answer) as instrument:
        stage = a_stage(instrument.port)
        stage._board.link.open()
        try:
            at_mm = stage._board.machine_mm()
        except HardwareError:
            at_mm = None
        finally:
            stage.close()
        # a report of its own may hide in noise only if it is whole
        assert at_mm in (None, (-12, -13, -14)) or (at_mm == (190, 120) and b"<Run|MPos:190.000,120.000>" in noise)
