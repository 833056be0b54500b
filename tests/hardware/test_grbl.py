"""Conversations with a GRBL 1.1 controller, as in its interface.md."""

import threading
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.dialects.grbl import status_of
from hardware.drivers.grbl import Driver, Settings
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.spec import StageSpec

BANNER = b"\r\nGrbl 1.1h ['$' for help]\r\n"
OPEN = [(b"\x18", BANNER + b"[MSG:'$H'|'$X' to unlock]\r\n")]
HOME = [(b"$H\n", b"ok\r\n")]


def report(state: str, x: float, y: float, z: float = 0.0, *, wco: str = "") -> bytes:
    offset = f"|WCO:{wco}" if wco else ""
    return f"<{state}|MPos:{x:.3f},{y:.3f},{z:.3f}|FS:0,0{offset}>\r\n".encode()


@pytest.fixture
def opened():
    stages = []

    def open_stage(port: str, **fields) -> Driver:
        spec = StageSpec("grbl", port, (200.0, 120.0, 50.0), {})
        stage = Driver("stage", spec, Settings(**fields), speed=1.0, latch=threading.Event())
        stages.append(stage)
        stage.open()
        return stage

    yield open_stage
    for stage in stages:
        stage.close()


def test_home_then_move_and_wait_until_it_stands_there(conversation, opened):
    script = [
        *OPEN,
        *HOME,
        (b"G21G90G1X45.000Y20.000F3000\n", b"ok\r\n"),
        (b"?", report("Idle", -200, -120)),  # a report before the planner has begun
        (b"?", report("Run", -180, -110, wco="-200.000,-120.000,0.000")),
        (b"?", report("Idle", -155, -100)),
        (b"?", report("Idle", -155, -100)),
    ]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        assert not stage.homed
        stage.home()
        assert stage.homed
        stage.move_to(45, 20)
        assert stage.position_mm() == (45, 20, 0)


def test_work_positions_are_understood_too(conversation, opened):
    script = [*OPEN, *HOME, (b"?", b"<Idle|WPos:1.000,2.000,3.000|FS:0,0>\r\n")]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        assert stage.position_mm() == (1, 2, 3)


def test_nothing_is_sent_before_homing_or_beyond_the_travel(conversation, opened):
    with conversation([*OPEN, *HOME]) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(HardwareError, match="home it first"):
            stage.move_to(1, 1)
        stage.home()
        for target in ((-0.1, 0), (200.1, 0), (0, 121), (float("nan"), 0), (0, 0, 51)):
            with pytest.raises(OutOfRangeError, match="travel"):
                stage.move_to(*target)


def test_an_alarm_on_the_way_loses_the_position(conversation, opened):
    script = [*OPEN, *HOME, (b"G21G90G1X1.000Y1.000F3000\n", b"ok\r\nALARM:1\r\n")]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(ReplyError, match="limit switch"):
            stage.move_to(1, 1)
        assert not stage.homed


def test_a_banner_on_the_way_is_a_restart(conversation, opened):
    script = [*OPEN, *HOME, (b"G21G90G1X1.000Y1.000F3000\n", b"ok\r\n"), (b"?", BANNER)]
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(ReplyError, match="lost its position") as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "unknown"
        assert not stage.homed


@pytest.mark.parametrize(("code", "words"), [("5", "homing is switched off"), ("9", "locked"), ("33", "refused")])
def test_errors_are_told_in_words(conversation, opened, code, words):
    with conversation([*OPEN, (b"$H\n", f"error:{code}\r\n".encode())]) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(ReplyError, match=words):
            stage.home()
        assert not stage.homed


def test_a_lost_ok_is_settled_by_the_position(conversation, opened):
    script = [*OPEN, *HOME, (b"G21G90G1X1.000Y1.000F3000\n", None),
              (b"?", report("Idle", 1, 1, wco="0.000,0.000,0.000"))]  # fmt: skip
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        stage.home()
        stage.move_to(1, 1)
        assert instrument.heard.count(b"G1") == 1


class Controller:
    """Acts on ?, ! and Ctrl-X at once and answers lines with ok, like the real one. Its moves never end."""

    def __init__(self, *, deaf_to_reset: bool = False) -> None:
        self.state, self.substate = "Idle", ""
        self.busy = threading.Event()
        self.deaf_to_reset, self.resets = deaf_to_reset, 0

    def __call__(self, received: bytes):
        byte = received[:1]
        if byte == b"?":
            return 1, report(self.state + self.substate, 5, 5, wco="0.000,0.000,0.000")
        if byte == b"!":
            if self.state == "Run":
                self.state, self.substate = "Hold", ":0"
            return 1, None
        if byte == b"\x18":
            self.resets += 1
            self.state, self.substate = "Idle", ""
            return 1, None if self.deaf_to_reset and self.resets > 1 else BANNER
        line, end, _ = received.partition(b"\n")
        if not end:
            return None
        if line == b"$H" and self.resets == 2:
            self.state = "Home"
            self.busy.set()
            return len(line) + 1, None
        if line.startswith(b"G21"):
            self.state = "Run"
            self.busy.set()
        return len(line) + 1, b"ok\r\n"


def in_background(act) -> tuple[threading.Thread, deque[Exception]]:
    failures: deque[Exception] = deque()

    def work() -> None:
        try:
            act()
        except HardwareError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures


def test_stop_brakes_then_resets_and_keeps_the_position(serving, opened):
    controller = Controller()
    with serving(controller) as instrument:
        stage = opened(instrument.port)
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(100, 100))
        assert controller.busy.wait(10)
        stage.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert instrument.heard.index(b"!") < instrument.heard.rindex(b"\x18")
        assert stage.homed


def test_stop_during_homing_resets_at_once_and_the_stage_is_not_homed(serving, opened):
    controller = Controller()
    controller.resets = 1
    with serving(controller) as instrument:
        stage = opened(instrument.port)
        thread, failures = in_background(stage.home)
        assert controller.busy.wait(10)
        stage.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert not stage.homed


def test_a_stop_that_nobody_confirms_is_said_to_be_unconfirmed(serving, opened):
    with serving(Controller(deaf_to_reset=True)) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(DeviceTimeoutError, match="not confirmed"):
            stage.stop()
        assert not stage.homed


def test_stop_does_not_wait_for_whoever_awaits_an_answer(serving, opened):
    with serving(Controller()) as instrument:
        stage = opened(instrument.port)
        with stage._link.lock:
            thread, failures = in_background(stage.stop)
            thread.join(10)
        assert isinstance(failures[0], DeviceTimeoutError)
        assert instrument.heard_at_last(b"!\x18")


def test_a_stage_that_stands_elsewhere_is_not_there(serving, opened):
    controller = Controller()
    with serving(controller) as instrument:
        stage = opened(instrument.port)
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(10, 10))
        assert controller.busy.wait(10)
        controller.state = "Idle"  # at 5, 5
        thread.join(10)
        assert "stands still, not at" in str(failures[0])


def test_a_stage_put_on_hold_by_hand_is_said_to_be(serving, opened):
    controller = Controller()
    with serving(controller) as instrument:
        stage = opened(instrument.port)
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(10, 10))
        assert controller.busy.wait(10)
        controller.state = "Door"
        thread.join(10)
        assert isinstance(failures[0], ReplyError)
        assert "buttons or door" in str(failures[0])


def test_something_else_at_the_port_is_refused(answering, opened):
    with (
        answering(b"\x18", lambda line: b"\x0200S\x03") as instrument,
        pytest.raises(NotConnectedError, match="no GRBL"),
    ):
        opened(instrument.port)


@given(st.text("<>|:,.-0123456789IdleRunMPosWCO", max_size=60))
def test_no_line_is_half_understood(text):
    status = status_of(text)
    if status is not None:
        assert text.startswith("<")
        assert text.endswith(">")
        for axes in (status.machine_mm, status.work_mm, status.offset_mm):
            assert axes is None or all(abs(a) < 100_000 for a in axes)
