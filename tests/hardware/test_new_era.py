"""Conversations with an NE-1000, as in section 10 of its manual."""

import threading
import time
from collections import deque

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.dialects.new_era import Direction, Shape, Word, basic, counter_ul, safe
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from tests.hardware.new_era_talk import GREETING, HELLO, a_pump, keeping, packet, preparation, programmed

pytestmark = pytest.mark.usefixtures("quick_unplug")


def test_a_dispense_reads_like_the_manual(conversation, opened):
    script = [
        *GREETING,
        *preparation(),
        (b"RUN\r", packet("00I")),
        (b"DIS\r", packet("00II0.123W0.000ML")),
        (b"DIS\r", packet("00SI0.500W0.000ML")),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        assert pump.dispense(500.0, 100.0) == 500.0
        assert pump.left_ul == 24_500.0


def test_an_aspiration_fills_the_syringe(conversation, opened):
    script = [
        *GREETING,
        *preparation("1.250", direction="WDR"),
        (b"RUN\r", packet("00W")),
        (b"DIS\r", packet("00SI0.000W1.250ML")),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        pump.loaded(0)
        assert pump.aspirate(1250.0, 100.0) == 1250.0
        assert pump.left_ul == 1250.0


def test_another_diameter_is_set_and_read_back_and_small_syringes_count_in_ul(conversation, opened):
    script = [
        *HELLO,
        (b"DIA\r", packet("00S26.59")),
        (b"DIA4.699\r", packet("00S")),
        *programmed("442.2UM", diameter="4.699", unit="UL"),
        *programmed("7200UH", diameter="4.699", unit="UL"),
        (b"VOL50.00\r", packet("00S")),
        (b"VOL\r", packet("00S50.00UL")),
        (b"CLDINF\r", packet("00S")),
        (b"DIS\r", packet("00SI0.000W0.000UL")),
        (b"RUN\r", packet("00I")),
        (b"DIS\r", packet("00SI50.00W0.000UL")),
    ]
    with conversation(script) as instrument:
        assert opened(instrument.port, diameter_mm=4.699).dispense(50.0, 2.0) == 50.0


def test_a_value_that_the_pump_did_not_keep_is_noticed(conversation, opened):
    script = [*GREETING, *preparation()[:9], (b"VOL\r", packet("00S5.000ML"))]
    with (
        conversation(script) as instrument,
        pytest.raises(ReplyError, match=r"kept something else: 5\.000ML") as caught,
    ):
        opened(instrument.port).dispense(500.0, 100.0)
    assert caught.value.outcome == "not_done"
    assert "(sent 'VOL', got '5.000ML')" in str(caught.value), "the word of the wire, not of Python"


def test_a_pump_on_an_address_is_called_by_it_and_others_are_not_heard(conversation, opened):
    script = [
        (b"7\r", packet("07S")),
        (b"7VER\r", (packet("03SNE500V1"), packet("07SNE1000V3.923"))),
        *((b"7" + sent, reply.replace(b"00S", b"07S", 1)) for sent, reply in GREETING[2:]),
        (b"7VER\r", packet("07SNE1000V3.923")),
    ]
    with conversation(script) as instrument:
        assert opened(instrument.port, address=7).identify() == "NE1000V3.923"


def test_the_alarm_of_being_switched_on_is_heard_before_the_first_command(conversation, opened):
    script = [(b"\r", packet("00A?R")), *GREETING]
    with conversation(script) as instrument:
        opened(instrument.port)


def test_a_pump_that_still_runs_is_stopped_when_it_is_opened(answering, opened):
    stops = []
    standing = keeping()

    def pump(line: bytes) -> bytes:
        if line == b"STP":
            stops.append(line)
        status = "IPS"[min(len(stops), 2)]
        if status == "S" and line != b"STP":
            return standing(line)
        return packet(f"00{status}" + ("NE1000V3.923" if line == b"VER" else ""))

    with answering(b"\r", pump) as instrument:
        opened(instrument.port)
        assert len(stops) >= 2


def test_an_alarm_comes_once_and_the_command_is_not_done(conversation, opened):
    script = [*GREETING, *preparation(), (b"RUN\r", packet("00A?S"))]
    with conversation(script) as instrument, pytest.raises(ReplyError, match="stalled") as caught:
        opened(instrument.port).dispense(500.0, 100.0)
    assert caught.value.outcome == "not_done"


def test_a_stall_on_the_way_tells_how_far_it_came(conversation, opened):
    script = [*GREETING, *preparation(), (b"RUN\r", packet("00I")), (b"DIS\r", packet("00A?S")),
              (b"DIS\r", packet("00SI0.200W0.000ML"))]  # fmt: skip
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError, match="counted 200 of 500") as caught:
            pump.dispense(500.0, 100.0)
        assert caught.value.outcome == "unknown"
        assert pump.left_ul == 24_800.0


@pytest.mark.parametrize("refusal", ["?", "?NA", "?OOR", "?COM", "?IGN"])
def test_a_refusal_is_told_in_words(conversation, opened, refusal):
    refused = (b"RAT6000UM\r", packet(f"00S{refusal}"))
    # a damaged command was not done: it is said again
    script = [*GREETING, *preparation()[:4], *[refused] * (3 if refusal == "?COM" else 1)]
    with conversation(script) as instrument, pytest.raises(ReplyError) as caught:
        opened(instrument.port).dispense(500.0, 100.0)
    assert (caught.value.reply, caught.value.outcome) == (refusal, "not_done")


def test_a_lost_answer_to_run_is_settled_by_the_counter_and_run_is_never_repeated(conversation, opened):
    script = [*GREETING, *preparation(), (b"RUN\r", None), (b"DIS\r", packet("00SI0.500W0.000ML"))]
    with conversation(script) as instrument:
        assert opened(instrument.port).dispense(500.0, 100.0) == 500.0
        assert instrument.heard.count(b"RUN") == 1


def test_a_run_that_was_never_heard_is_known_not_to_be_done(conversation, opened):
    standing = (b"DIS\r", packet("00SI0.000W0.000ML"))
    script = [*GREETING, *preparation(), (b"RUN\r", None), standing, standing, standing]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(DeviceTimeoutError) as caught:
            pump.dispense(500.0, 100.0)
    assert caught.value.outcome == "not_done"
    assert pump.left_ul == 25_000


def test_a_pump_that_falls_silent_is_stopped_and_its_outcome_is_unknown(answering, opened):
    started = threading.Event()
    replies = keeping()

    def pump(line: bytes):
        if line == b"RUN":
            started.set()
        return None if started.is_set() else replies(line)

    with answering(b"\r", pump) as instrument:
        driver = opened(instrument.port)
        with pytest.raises(DeviceTimeoutError) as caught:
            driver.dispense(500.0, 100.0)
        assert caught.value.outcome == "unknown"
        assert driver.left_ul == 24_500
        assert instrument.heard_at_last(b"STP\rSTP\r")


def test_a_cable_pulled_on_the_way_leaves_the_outcome_unknown(answering, opened):
    replies = keeping()

    def pump(line: bytes):
        if line == b"RUN":
            instrument.hang_up()
            return None
        return replies(line)

    with answering(b"\r", pump) as instrument:
        driver = opened(instrument.port)
        with pytest.raises(NotConnectedError) as caught:
            driver.dispense(500.0, 100.0)
        assert caught.value.outcome == "unknown"
        assert driver.left_ul == 24_500


def test_late_answers_and_noise_are_not_taken_for_the_next_answer(conversation, opened):
    noise = b"\xff\x00garbage" + packet("00") + packet("99SI9.999W9.999ML") + packet("00S23.03")
    script = [*GREETING, *preparation(), (b"RUN\r", packet("00I")),
              (b"DIS\r", (noise, b"\x0200SI0.5", b"00W0.000ML\x03"))]  # fmt: skip
    with conversation(script) as instrument:
        assert opened(instrument.port).dispense(500.0, 100.0) == 500.0


def test_keys_pressed_at_the_pump_end_the_dispense(conversation, opened):
    script = [*GREETING, *preparation(), (b"RUN\r", packet("00I")), (b"DIS\r", packet("00PI0.100W0.000ML")),
              (b"STP\rSTP\r", None)]  # fmt: skip
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(StoppedError, match="own keys after 100 of 500"):
            pump.dispense(500.0, 100.0)
        assert pump.left_ul == 24_900


class RunningPump:
    """A pump that infuses until it is stopped, and may take its time to answer."""

    def __init__(self) -> None:
        self.replies = keeping("10.00")
        self.running, self.polled = threading.Event(), threading.Event()
        self.answer = threading.Event()
        self.answer.set()
        self.stops = 0

    def __call__(self, line: bytes):
        if line == b"RUN":
            self.running.set()
        if not self.running.is_set():
            return self.replies(line)
        if line == b"STP":
            self.stops += 1
            return packet("00P" if self.stops == 1 else "00S" if self.stops == 2 else "00S?NA")
        self.polled.set()
        status = "IPS"[min(self.stops, 2)]
        return (
            packet(f"00{status}" + ("I1.234W0.000ML" if line == b"DIS" else "")) if self.answer.is_set() else None
        )


def test_stop_from_another_thread_ends_a_dispense_at_once(answering, opened):
    behind = RunningPump()
    with answering(b"\r", behind) as instrument:
        pump = opened(instrument.port)
        failures: deque[Exception] = deque()

        def dispense() -> None:
            try:
                pump.dispense(10_000.0, 100.0)
            except HardwareError as error:
                failures.append(error)

        thread = threading.Thread(target=dispense)
        thread.start()
        assert behind.polled.wait(10)
        pump.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert "1234 of 10000" in str(failures[0])
        assert pump.left_ul == 25_000 - 1234
        assert behind.stops >= 2


def test_stop_does_not_wait_for_whoever_awaits_an_answer(answering, opened):
    with answering(b"\r", RunningPump()) as instrument:
        pump = opened(instrument.port)
        failures: deque[Exception] = deque()

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
            assert instrument.heard_at_last(b"STP\rSTP\r")


def test_a_stop_that_came_first_prevents_run(conversation, opened):
    with conversation(GREETING) as instrument:
        pump = opened(instrument.port)
        pump._latch.set()
        with pytest.raises(StoppedError):
            pump._link.send(b"RUN\r", pump._halted)


@pytest.mark.parametrize(
    ("volume_ul", "rate_ul_s"),
    [(0.0, 100.0), (0.4, 100.0), (-5.0, 100.0), (float("nan"), 100.0), (25_001.0, 100.0), (100.0, 0.0),
     (100.0, 1e6), (100.0, float("nan"))],
)  # fmt: skip
def test_what_the_pump_cannot_do_is_refused_before_anything_is_sent(conversation, opened, volume_ul, rate_ul_s):
    with conversation(GREETING) as instrument, pytest.raises(OutOfRangeError):
        opened(instrument.port).dispense(volume_ul, rate_ul_s)


def test_a_syringe_does_not_run_dry(conversation, opened):
    with conversation(GREETING) as instrument:
        pump = opened(instrument.port)
        pump.loaded(100)
        with pytest.raises(OutOfRangeError, match="left"):
            pump.dispense(101, 100)


def test_something_else_at_the_port_is_refused_before_any_motion(answering):
    with answering(b"\r", lambda line: b"Grbl 1.1h ['$' for help]\r\n") as instrument:
        pump = a_pump(instrument.port)
        with pytest.raises(NotConnectedError, match="no New Era pump"):
            pump.open()
        assert instrument.heard == (basic("", 0) + safe("", 0)) * 2, "nothing but questions for the status"


@given(st.floats(1, 25_000, allow_nan=False))
def test_the_expressed_volume_is_a_fixed_point(volume_ul):
    pump = a_pump("socket://127.0.0.1:1")
    expressed = pump.expressed_ul(volume_ul)
    assert abs(expressed - volume_ul) <= (0.5 if volume_ul < 9999.5 else 5.0) + 1e-9
    assert pump.expressed_ul(expressed) == expressed


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_garbage_is_never_a_value_and_never_holds_the_caller(answering, noise):
    def pump(line: bytes):
        return [piece for piece in noise if piece] + [b"\x0200SI0.0", b"07W0.000ML\x03"]

    with answering(b"\r", pump) as instrument:
        driver = a_pump(instrument.port)
        driver._link.open()
        try:
            began = time.monotonic()
            try:
                counted = counter_ul(driver._talk.ask(Word.COUNTER, Shape.COUNTER).data, Direction.INFUSE)
            except HardwareError:
                counted = None
            # a packet of its own may hide in noise only if it is whole
            assert counted in (None, 7.0) or any(b"\x03" in n for n in noise)
            assert time.monotonic() - began < 60
        finally:
            driver.close()
