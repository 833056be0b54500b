"""Stopping a Marlin stage: while it moves, homes, stands, says nothing; and what it is good for after it."""

import threading
from contextlib import suppress
from functools import partial

import pytest

from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.virtual.instruments.marlin import Build, Instrument
from tests.hardware.marlin_talk import FIRMWARE, SETTINGS, a_stage, at
from tests.hardware.stages import Bench, quietly

pytestmark = pytest.mark.usefixtures("quick_unplug")


@pytest.fixture
def bench(request):
    build, speed = getattr(request, "param", (Build(), 20.0))
    made = Bench("marlin", speed, partial(Instrument, build=build), a_stage)
    made.stage.open()
    yield made
    made.close()


@pytest.mark.parametrize("bench", [(Build(), 10.0), (Build(emergency_parser=False), 10.0)], indirect=True)
def test_a_move_is_stopped_and_the_stage_must_be_homed(bench):
    bench.stage.home()
    thread = bench.begins(lambda: bench.stage.move_to(150, 105))
    bench.stage.stop()
    assert not bench.world.stage_moves()
    where = bench.world.stage_mm()
    thread.join(10)
    assert isinstance(bench.failed[0], StoppedError)
    assert where[0] < 150
    assert not bench.stage.homed
    with pytest.raises(HardwareError, match="home it first"):
        bench.stage.move_to(1, 1)
    bench.stage.home()
    bench.stage.move_to(10, 10)
    assert bench.world.stage_mm() == pytest.approx((10, 10, 0), abs=0.02)


def test_a_stage_that_stands_keeps_its_position(bench):
    bench.stage.home()
    bench.stage.move_to(10, 10)
    bench.stage.stop()
    assert bench.stage.homed
    assert bench.stage.position_mm() == (10, 10, 0)
    bench.stage.move_to(20, 10)
    assert bench.world.stage_mm() == pytest.approx((20, 10, 0), abs=0.02)


@pytest.mark.parametrize("bench", [(Build(), 5.0), (Build(emergency_parser=False), 5.0)], indirect=True)
def test_homing_is_ended_by_the_kill_and_the_board_must_be_reset(bench):
    thread = bench.begins(bench.stage.home)
    bench.stage.stop()
    assert not bench.world.stage_moves()
    thread.join(10)
    assert isinstance(bench.failed[0], StoppedError)
    with pytest.raises(HardwareError, match="reset it or switch it off and on"):
        bench.stage.home()
    bench.stage.open()  # as opening the port of most boards does
    assert not bench.stage.homed
    assert bench.stage.identify().startswith("Marlin")


def test_a_stop_of_everything_ends_a_move_even_if_this_stage_is_not_told(bench):
    bench.stage.home()
    thread = bench.begins(lambda: bench.stage.move_to(150, 105, 20))
    bench.latch.set()
    thread.join(10)
    assert isinstance(bench.failed[0], StoppedError)
    assert bench.stands_soon(), "it brakes"


def test_stops_and_moves_racing_end_standing(bench):
    for _ in range(15):
        if not bench.stage.homed:
            bench.stage.home()
        bench.races(lambda: bench.stage.move_to(60, 60))
    bench.stage.home()
    bench.stage.move_to(30, 30)
    assert bench.world.stage_mm() == pytest.approx((30, 30, 0), abs=0.02)


def test_a_power_cycle_in_mid_move_is_told_once(bench):
    bench.stage.home()
    thread = bench.begins(lambda: bench.stage.move_to(150, 105))
    bench.instrument.power_cycle()
    thread.join(10)
    assert isinstance(bench.failed[0], ReplyError)
    assert "restarted" in bench.failed[0].message
    assert not bench.stage.homed
    bench.stage.home()
    bench.stage.move_to(5, 5)
    assert bench.world.stage_mm() == pytest.approx((5, 5, 0), abs=0.02)


class Deaf:
    """Answers all but what stops it; `confirms` is the line that it reacts to."""

    def __init__(self, confirms: bytes) -> None:
        self.confirms, self.stops = confirms, False

    def __call__(self, line: bytes) -> bytes | None:
        if self.stops and (not self.confirms or self.confirms not in line):
            return None
        if b"M112" in line:
            return b"echo:M112 Shutdown\nError:Printer halted. kill() called!\n"
        if b"M118" in line:
            return line.split(b" ")[-1].split(b"*")[0] + b"\nok\n"
        if b"M114" in line:
            return at(0, 0)
        return FIRMWARE if b"M115" in line else SETTINGS if b"M503" in line else b"ok\n" if line else b""


def test_a_quick_stop_that_is_not_confirmed_is_followed_by_the_kill(answering):
    board = Deaf(b"M112")
    with answering(b"\n", board) as instrument:
        stage = a_stage(instrument.port)
        stage.open()
        stage.home()
        board.stops = True
        stage.stop()
        assert instrument.heard.count(b"\nM410\n") >= 2
        assert not stage.homed
        with pytest.raises(HardwareError, match="stopped hard"):
            stage.position_mm()
        stage.close()


def test_firmware_that_does_not_know_the_quick_stop_is_killed(answering):
    def old(line: bytes) -> bytes | None:
        if line == b"M410" or b"M118" in line:
            return b'echo:Unknown command: "%s"\nok\n' % line.split(b" ", 1)[-1].split(b"*")[0]
        return Deaf(b"")(line)

    with answering(b"\n", old) as instrument:
        stage = a_stage(instrument.port)
        stage.open()
        stage.home()
        stage.stop()
        assert instrument.heard_at_last(b"\nM112\n")
        assert not stage.homed
        stage.close()


def test_a_stop_that_nobody_confirms_is_said_to_be_unconfirmed(answering):
    board = Deaf(b"")
    with answering(b"\n", board) as instrument:
        stage = a_stage(instrument.port)
        stage.open()
        stage.home()
        board.stops = True
        with pytest.raises(DeviceTimeoutError, match="not confirmed") as caught:
            stage.stop()
        assert caught.value.outcome == "unknown"
        assert instrument.heard_at_last(b"M112\n")
        stage.close()


def test_stop_does_not_wait_for_whoever_holds_the_conversation(answering):
    with answering(b"\n", Deaf(b"")) as instrument:
        stage = a_stage(instrument.port)
        stage.open()
        stage.home()
        with stage._link.lock:
            thread = threading.Thread(target=lambda: quietly(stage.stop))
            thread.start()
            assert instrument.soon(lambda: instrument.heard.count(b"M410") >= 3)
            thread.join(10)
        stage.close()


def test_a_stop_after_the_cable_is_out(answering):
    with answering(b"\n", Deaf(b"")) as instrument:
        stage = a_stage(instrument.port)
        stage.open()
        stage.home()
        instrument.hang_up()
        with suppress(HardwareError):  # the first bytes may still have found room
            stage.stop()
        with pytest.raises(NotConnectedError):
            stage.stop()
        assert not stage.homed
