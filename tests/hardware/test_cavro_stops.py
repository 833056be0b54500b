"""Stops, silence, and the two protocols of Cavro pumps."""

import threading
from collections import deque

import pytest

from hardware.dialects.cavro import Query, oem_block
from hardware.drivers import cavro
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, StoppedError
from hardware.parts import cavro_talk
from tests.hardware.cavro_talk import FIRMWARE, a_pump, dt, greeting, oem, opening, prepared

pytestmark = pytest.mark.usefixtures("quick_unplug")


@pytest.fixture
def opened():
    yield from opening()


def test_a_pump_that_keeps_to_the_other_protocol_is_found_and_that_is_told(serving, opened):
    told = {"&": FIRMWARE, "?28": "0", "?": "3000", "?6": "o", "?2": "1400"}

    def answer(heard: bytes):
        end = heard.find(b"\x03")
        if heard.startswith(b"/") and (cr := heard.find(b"\r")) >= 0:
            return cr + 1, None
        if not heard.startswith(b"\x02") or not 0 <= end < len(heard) - 1:
            return None
        query = heard[3:end].decode()
        return end + 2, oem("`", told.get(query, ""))

    with serving(answer) as instrument:
        pump = opened(instrument.port, protocol="dt")
        assert pump.abilities.repeats_safely
        assert "OEM, although the rig file says DT" in pump.about()["protocol"]


def test_nobody_there_is_told_with_what_to_check(answering, monkeypatch):
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)
    with answering(b"\r", lambda line: b"Grbl 1.1h ['$' for help]\r\n") as instrument:
        pump = a_pump(instrument.port)
        with pytest.raises(NotConnectedError, match="no Cavro pump answers"):
            pump.open()
        assert b"Z" not in instrument.heard
        assert b"A" not in instrument.heard


def test_oem_repeats_a_command_with_the_repeat_bit_and_the_same_number(serving, opened, monkeypatch):
    monkeypatch.setattr(cavro_talk, "REPEAT_S", 0.5)
    told = {"&": FIRMWARE, "?28": "0", "?": "3000", "?6": "o", "?2": "600"}
    moves = []

    def answer(heard: bytes):
        end = heard.find(b"\x03")
        if not heard.startswith(b"\x02") or not 0 <= end < len(heard) - 1:
            return None
        assert heard[: end + 2] == oem_block(1, heard[3:end].decode(), heard[2] & 7, repeated=bool(heard[2] & 8))
        command = heard[3:end].decode()
        if command == "A1500R":
            moves.append(heard[2])
            told["?"] = "1500"
            return end + 2, None if len(moves) == 1 else oem("@")
        return end + 2, oem("`", told.get(command, ""))

    with serving(answer) as instrument:
        assert opened(instrument.port, protocol="oem").dispense(250.0, 100.0) == 250.0
    assert moves[1] == moves[0] | 0b1000


def test_probes_know_a_pump_and_nothing_else():
    for probe in cavro.PROBES:
        protocol = dict(probe.settings)["protocol"]
        answer = dt("`", FIRMWARE) if protocol == "dt" else oem("`", FIRMWARE)
        assert probe.knows(b"\xff" + answer) == FIRMWARE
        assert probe.knows(answer[:-3]) is None
        assert probe.knows(b"ok\r\n<Idle|MPos:0,0,0>\r\n\x0200SNE1000V3.9\x03") is None
        assert Query.FIRMWARE[0].encode() in probe.asks


class MovingPump:
    """A pump that moves until it is stopped; it may keep its answers to itself."""

    def __init__(self) -> None:
        self.told = {sent[2:-1]: reply for sent, reply in [*greeting(3000), *prepared(3000, 60)]}
        self.moving, self.polled, self.answers = threading.Event(), threading.Event(), threading.Event()
        self.answers.set()

    def __call__(self, line: bytes):
        command = line[2:]
        if command.startswith(b"A"):
            self.moving.set()
            return dt("@")
        if command == b"T":
            self.moving.clear()
            self.told[b"?"] = dt("`", "2400")
            return dt("@")
        if command == b"Q":
            reply = dt("@" if self.moving.is_set() else "`")
            self.polled.set()
            return reply if self.answers.is_set() else None
        return self.told[command]


def test_stop_from_another_thread_ends_a_dispense_and_the_position_counts_no_more(answering, opened):
    behind = MovingPump()
    with answering(b"\r", behind) as instrument:
        pump = opened(instrument.port)
        failures: deque[HardwareError] = deque()

        def dispense() -> None:
            try:
                pump.dispense(400.0, 10.0)
            except HardwareError as error:
                failures.append(error)

        thread = threading.Thread(target=dispense)
        thread.start()
        assert behind.moving.wait(10)
        pump.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert "100 of 400 µL" in str(failures[0])
        assert pump.left_ul == 400.0
        assert "cost it steps" in pump.unready
        assert b"TR" not in bytes(instrument.heard)


def test_stop_does_not_wait_for_whoever_awaits_an_answer(answering, opened):
    with answering(b"\r", MovingPump()) as instrument:
        pump = opened(instrument.port)
        failures: deque[HardwareError] = deque()

        def stop() -> None:
            try:
                pump.stop()
            except HardwareError as error:
                failures.append(error)

        with pump._link.lock:  # never given back while the stop works
            stopper = threading.Thread(target=stop)
            stopper.start()
            stopper.join(10)
            assert isinstance(failures[0], DeviceTimeoutError)
            assert instrument.heard_at_last(b"/1T\r/1T\r")


def test_a_stop_in_force_prevents_every_movement(conversation, opened):
    with conversation([*greeting(3000), *prepared(3000, 600)[:3]]) as instrument:
        latch = threading.Event()
        pump = opened(instrument.port, latch=latch)
        latch.set()
        with pytest.raises(StoppedError):
            pump.dispense(250.0, 100.0)
        assert pump.left_ul == 500.0


def test_a_pump_that_falls_silent_is_stopped_and_its_outcome_is_unknown(answering, opened, monkeypatch):
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)
    behind = MovingPump()
    with answering(b"\r", lambda line: behind(line) if not behind.moving.is_set() else None) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(DeviceTimeoutError) as caught:
            pump.dispense(400.0, 10.0)
        assert caught.value.outcome == "unknown"
        assert pump.left_ul == pytest.approx(100.0)
        assert pump.unready
        assert instrument.heard_at_last(b"/1T\r")
