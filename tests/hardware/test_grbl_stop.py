"""Stops of a GRBL stage, and what a person does at the machine: a controller whose moves never end."""

import threading
import time

import pytest

from hardware.errors import DeviceTimeoutError, StoppedError
from tests.hardware.grbl_talk import BANNER, a_stage, in_background, report


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


class Controller:
    """Acts on ?, ! and Ctrl-X at once and answers lines with ok, like the real one. Its moves never end."""

    def __init__(self, *, deaf_to_reset: bool = False, deaf_to_moves: bool = False) -> None:
        self.state, self.substate, self.at_mm = "Idle", "", (5.0, 5.0, 5.0)
        self.busy = threading.Event()
        self.deaf_to_reset, self.deaf_to_moves, self.resets = deaf_to_reset, deaf_to_moves, 0

    def __call__(self, received: bytes):
        byte = received[:1]
        if byte == b"?":
            return 1, report(self.state + self.substate, *self.at_mm, wco="0.000,0.000,0.000")
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
            if self.deaf_to_moves:
                return len(line) + 1, None
            self.state, self.at_mm = "Run", (20.0, 20.0, 5.0)
            self.busy.set()
        return len(line) + 1, b"ok\r\n"


def test_stop_brakes_then_resets_and_keeps_the_position(serving, opened):
    with serving(controller := Controller()) as instrument:
        stage = opened(instrument.port)
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(100, 100))
        assert controller.busy.wait(10)
        stage.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert "its position is kept" in str(failures[0])
        assert instrument.heard.index(b"!") < instrument.heard.rindex(b"\x18")
        assert stage.homed
        assert stage.position_mm() == (20, 20, 5)


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
        assert b"!" not in instrument.heard, "homing does not hear a hold"


def test_a_stop_that_nobody_confirms_is_said_to_be_unconfirmed(serving, opened):
    with serving(Controller(deaf_to_reset=True)) as instrument:
        stage = opened(instrument.port)
        stage.home()
        began = time.monotonic()
        with pytest.raises(DeviceTimeoutError, match="not confirmed"):
            stage.stop()
        assert time.monotonic() - began < 10, "on a busy machine; half a second on an idle one"
        assert not stage.homed


def test_stop_does_not_wait_for_whoever_awaits_an_answer(serving, opened):
    with serving(Controller()) as instrument:
        stage = opened(instrument.port)
        with stage._board.link.lock:
            thread, failures = in_background(stage.stop)
            thread.join(10)
        assert isinstance(failures[0], DeviceTimeoutError)
        assert instrument.heard_at_last(b"\x18")
        assert b"!" in instrument.heard


def test_a_stage_that_stands_elsewhere_is_not_there(serving, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_board.STANDS_S", 0.05)
    with serving(controller := Controller()) as instrument:
        stage = opened(instrument.port)
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(10, 10))
        assert controller.busy.wait(10)
        controller.state = "Idle"  # at 20, 20
        thread.join(10)
        assert "stands still, not at" in str(failures[0])


@pytest.mark.parametrize(("state", "words"), [("Door:0", "door was opened"), ("Hold:0", "pressed at the machine")])
def test_a_stage_put_on_hold_by_hand_is_stopped_so_that_no_key_takes_it_up_again(serving, opened, state, words):
    with serving(controller := Controller()) as instrument:
        stage = opened(instrument.port)
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(10, 10))
        assert controller.busy.wait(10)
        controller.state = state
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert words in str(failures[0])
        assert stage.homed
        assert controller.resets == 2
        assert instrument.heard_at_last(b"\x18?")


def test_a_line_that_was_never_heard_is_known_not_to_be_done(serving, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_board.ANSWER_S", 1.0)
    monkeypatch.setattr("hardware.parts.grbl_board.STANDS_S", 0.05)
    controller = Controller(deaf_to_moves=True)
    with serving(controller) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(DeviceTimeoutError, match="did not start") as caught:
            stage.move_to(100, 100)
        assert caught.value.outcome == "not_done"
        assert instrument.heard_at_last(b"\x18"), "what lies in its buffer must never be done later"
