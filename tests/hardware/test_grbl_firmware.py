"""What GRBL 1.1h and grblHAL say by their own sources, where their manuals are silent."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.dialects.grbl import Build
from hardware.dialects.grbl_settings import Told
from hardware.drivers.grbl import Driver, Settings
from hardware.errors import HardwareError, NotConnectedError, ReplyError
from hardware.readying import ready_all, unready
from hardware.rig import open_rig
from hardware.rig_file import RigFileError, parse_rig
from hardware.spec import StageSpec
from hardware.virtual.bench import VirtualBench
from resources import path
from tests.hardware.grbl_bench import a_driver, a_virtual_stage
from tests.hardware.grbl_talk import BANNER, LOCK, a_stage, greeting, report, talking

HAL = b"\r\nGrblHAL 1.1f ['$' or '$HELP' for help]\r\n"
REQUIRED = b"ALARM:11\r\n[MSG:Homing cycle required]\r\n"
HAL_BUILD = (
    b"[VER:1.1f.20231210:]\r\n[OPT:VNMZHSL,100,1024,3,0]\r\n[AXS:3:XYZ]\r\n[NEWOPT:ENUMS,RT+,HOME,TC,SED]\r\n"
    b"[FIRMWARE:grblHAL]\r\n[SIGNALS:RHSDE]\r\n[NVS STORAGE:EEPROM]\r\n[DRIVER:Simulator]\r\nok\r\n"
)
WITHOUT_HOMING = (
    b"$0=10 (step pulse, usec)\r\n$1=25 (step idle delay, msec)\r\n$10=1 (status report mask)\r\n"
    b"$13=0 (report inches, bool)\r\n$20=0 (soft limits, bool)\r\n$21=0 (hard limits, bool)\r\n"
    b"$22=0 (homing cycle, bool)\r\n$23=0 (homing dir invert mask)\r\n$27=1.000 (homing pull-off, mm)\r\n"
    b"$100=250.000 (x, step/mm)\r\n$101=250.000 (y, step/mm)\r\n$102=250.000 (z, step/mm)\r\n"
    b"$110=500.000 (x max rate, mm/min)\r\n$111=500.000\r\n$112=500.000\r\n$120=10.000 (x accel, mm/sec^2)\r\n"
    b"$121=10.000\r\n$122=10.000\r\n$130=200.000 (x max travel, mm)\r\n$131=200.000\r\n$132=200.000\r\nok\r\n"
)
UNLOCKED = [
    (b"\x18", BANNER + b">G20G54G17:ok\r\n"),
    (b"?", b"<Idle|MPos:0.000,0.000,0.000|FS:0,0|Pn:XYZ|WCO:0.000,0.000,0.000>\r\n"),
    (b"$I\n", b"[VER:1.1h.20190830:]\r\n[OPT:V,15,128]\r\nok\r\n"),
    (b"$$\n", WITHOUT_HOMING),
]
"""As it is built, without a switch, on a board or a host where all limit inputs read as pressed."""


@pytest.fixture
def conversation(serving):
    return talking(serving)


@pytest.fixture
def opened():
    stages = []

    def open_stage(port: str, **fields) -> Driver:
        stage = a_stage(port, **fields)
        stages.append(stage)
        stage.open()
        return stage

    yield open_stage
    for stage in stages:
        stage.close()


def test_without_switches_zero_is_where_a_person_says(conversation, opened):
    script = [
        *UNLOCKED,
        (b"?", report("Idle", 7, 8, 9)),
        (b"G21G90G1X17Y28Z4F3000\n", b"ok\r\n"),
        (b"?", report("Run", 10, 12, 8)),
        (b"?", report("Idle", 17, 28, 4)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port, homing="by_hand", directions="++-")
        assert not stage.homed
        assert stage.unready.startswith("it has no homing switches, and it was switched on or connected; put it at")
        with pytest.raises(HardwareError, match="make it ready"):
            stage.move_to(1, 1)
        with pytest.raises(
            HardwareError, match="no homing switches: put it at its zero corner, then make it ready"
        ):
            stage.home()
        stage.make_ready()
        assert stage.homed
        assert stage.unready == ""
        assert stage.position_mm() == (0, 0, 0)
        stage.move_to(10, 20, 5)
        assert stage.position_mm() == (10, 20, 5)
        told = stage.about()
        assert told["zero"] == "where a person has put it"
        assert told["homing"] == "by hand; its motors let go at rest and do not feel a push; see $1"
        assert told["braking"].startswith("takes 0.83 s from full speed")
        assert stage.range.max_speed_mm_s == pytest.approx(500 / 60)


def test_with_homing_off_the_two_ways_out_are_told_before_anything_is_sent(conversation, opened):
    with conversation(UNLOCKED) as instrument:
        stage = opened(instrument.port)
        assert stage.unready == ""
        with pytest.raises(HardwareError, match=r'set \$22=1, or say homing = "by_hand"'):
            stage.home()


def test_by_hand_an_alarm_is_released_and_one_that_costs_the_position_costs_its_zero(conversation, opened):
    script = [
        *greeting(),
        (b"?", report("Alarm", 5, 5, 5)),
        (b"$X\n", b"[MSG:Caution: Unlocked]\r\nok\r\n"),
        (b"?", report("Idle", 5, 5, 5)),
        (b"G21G90G1X6Y6F3000\n", b"ok\r\n"),
        (b"?", b"ALARM:3\r\nok\r\n" + BANNER + LOCK),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port, homing="by_hand")
        stage.make_ready()
        with pytest.raises(ReplyError, match="was reset while it moved"):
            stage.move_to(1, 1)
        assert not stage.homed
        assert "was reset while it moved; put it at its zero corner" in stage.unready


@pytest.mark.parametrize("code", ["6", "8", "9"])
def test_the_ok_after_a_homing_that_failed_does_not_make_it_homed(conversation, opened, code):
    """GRBL answers `$H` with ok on its way out, half a second after the alarm; both may be read at once."""
    script = [
        *greeting(),
        (b"?", report("Alarm", 0, 0, 0)),
        (b"$H\n", f"ALARM:{code}\r\nok\r\n".encode()),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(ReplyError, match=f"ALARM:{code}"):
            stage.home()
        assert not stage.homed
        assert not stage._board.controller.homed


def test_grblhal_says_after_each_reset_that_it_wants_to_be_homed(conversation, opened):
    hold = b"<Hold:0|MPos:0.000,0.000,0.000|Bf:100,1023|FS:0,0>\r\n"
    required = b"<Alarm:11|MPos:0.000,0.000,0.000|Bf:100,1023|FS:0,0|Ov:100,100,100>\r\n"
    offset = b"<Alarm:11|MPos:0.000,0.000,0.000|Bf:100,1023|FS:0,0|WCO:0.000,0.000,0.000>\r\n"
    script = [
        (b"\x18", HAL + REQUIRED),
        (b"?", required),
        (b"$I\n", HAL_BUILD),
        (b"$$\n", b"$13=0\r\n$22=5\r\n$23=7\r\n$27=1.000\r\n$70=N/A\r\n$300=grblHAL\r\nok\r\n"),
        (b"?", hold),
        (b"\x18", HAL),
        (b"?", REQUIRED + offset),  # so late that it comes with the report
        (b"$H\n", b">G54:ok\r\nok\r\n"),
        (b"?", b"<Idle|MPos:0.000,0.000,0.000|Bf:100,1023|FS:0,0|WCO:0.000,0.000,0.000|H:1>\r\n"),
        (b"?", report("Idle", 0, 0, 0)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        assert stage.homed
        assert stage.position_mm() == (0, 0, 0)


def test_grblhal_answers_no_reset_while_its_emergency_stop_is_pressed(conversation, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_talk.ANSWER_S", 1.0)
    script = [
        (b"\x18", None),
        (b"\x18", None),
        (b"\x18", None),
        (b"?", b"<Alarm:10|MPos:0.000,0.000,0.000|Bf:100,1023|FS:0,0|Pn:E>\r\n"),
    ]
    with (
        conversation(script) as instrument,
        pytest.raises(HardwareError, match="emergency stop is pressed") as told,
    ):
        opened(instrument.port)
    assert not isinstance(told.value, NotConnectedError)


def test_a_second_banner_that_comes_late_does_not_leave_the_settings_unknown(conversation, opened):
    """A host build says its banner when its process starts, and hears our reset a second later."""
    script = [
        (b"\x18", b"error:7\r\n$0=10\r\n" + BANNER),
        (b"?", report("Idle", 0, 0, 0, wco="0.000,0.000,0.000")),
        (b"$I\n", BANNER),  # and what was asked is gone
        (b"$$\n", WITHOUT_HOMING),
        *UNLOCKED[1:],
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port, homing="by_hand")
        assert stage.about()["firmware"] == "GRBL 1.1h.20190830"
        assert stage.range.step_mm == (0.004, 0.004, 0.004)


def test_as_it_is_built_it_is_slow_and_moves_are_waited_for():
    """500 mm/min and 10 mm/s² whatever feed is asked for; a stop at full speed cuts the motors off."""
    slow = {22: 0, 20: 0, 21: 0} | {110 + a: 500 for a in range(3)} | {120 + a: 10 for a in range(3)}
    with a_virtual_stage(speed=100.0, forces_origin=False, values=slow) as (virtual, world):
        stage = a_driver(virtual.address, speed=100.0, homing="by_hand")
        stage.open()
        try:
            corner_mm = world.stage_mm()
            stage.make_ready()
            stage.move_to(30, 20, 3)
            assert stage.position_mm() == pytest.approx((30, 20, 3), abs=0.02)
            gone_mm = [at - was for at, was in zip(world.stage_mm(), corner_mm, strict=True)]
            assert gone_mm == pytest.approx([30, 20, 3], abs=0.02)
        finally:
            stage.close()


def test_by_hand_nothing_but_a_persons_word_homes_it():
    spec = StageSpec("grbl", "/dev/null", (1, 1, 1), {})
    with pytest.raises(HardwareError, match="make it ready"):
        Driver("stage", spec, Settings(homing="by_hand"), speed=1, latch=threading.Event()).home()


def test_a_grblhal_that_must_be_homed_is_homed_again_after_a_stop_in_motion():
    with a_virtual_stage(firmware="grblHAL", values={22: 5}) as (virtual, world):
        stage = a_driver(virtual.address)
        stage.open()
        try:
            with pytest.raises(ReplyError, match="wants to be homed first"):
                stage.unlock()
            stage.home()
            virtual.trip()
            with pytest.raises(HardwareError):
                stage.move_to(100, 50, 5)
            assert not stage.homed
            stage.home()
            stage.move_to(20, 10, 5)
            assert world.stage_mm() == pytest.approx((20, 10, 5), abs=0.02)
        finally:
            stage.close()


def test_a_rig_with_a_stage_without_switches_is_made_ready_by_its_person_and_by_nobody_else():
    spec = replace(parse_rig(rig_with('homing = "by_hand", directions = "++-"')), camera=None)
    with VirtualBench(spec, speed=50.0) as bench, open_rig(bench.rig, speed=50.0) as rig:
        assert unready(rig)["stage"].startswith("it has no homing switches")
        with pytest.raises(HardwareError, match="make it ready"):
            rig.stage.home()
        assert ready_all(rig, lambda _role, _why: True) == {}
        rig.stage.move_to(*spec.rack.position_mm("B2"), 5.0)
        x_mm, y_mm = spec.rack.position_mm("B2")
        assert bench.truth.stage_mm() == pytest.approx((x_mm, y_mm, 5.0), abs=0.02)


@pytest.mark.parametrize(
    ("options", "low", "window_mm"),
    [("V", 0, (-199, -1)), ("V", 1, (-199, -1)), ("VZ", 0, (-199, 0)), ("VZ", 1, (0, 199))],
)
def test_with_hard_limits_grblhal_keeps_a_pull_off_away_from_its_switches(options, low, window_mm):
    values = {21: 1.0, 22: 1.0, 23: float(low), 27: 1.0, 130: 200.0}
    assert Told(values, Build(firmware="grblHAL", options=options)).window_mm(0) == window_mm
    assert Told(values | {21: 0.0}, Build(firmware="grblHAL")).window_mm(0) == (-200, 0)
    assert Told(values, Build()).window_mm(0) == (-200, 0)


@pytest.mark.parametrize("ways", ["+", "++", "+-x", "+++-"])
def test_directions_that_are_none_are_told_in_the_rig_file(ways):
    with pytest.raises(RigFileError, match="directions"):
        parse_rig(rig_with(f'directions = "{ways}"'))


def rig_with(stage_settings: str) -> str:
    head, stage, rest = Path(path("rigs/virtual.toml")).read_text(encoding="utf-8").partition("[stage]")
    return head + stage + rest.replace("settings = {}", f"settings = {{ {stage_settings} }}", 1)
