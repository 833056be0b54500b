"""Conversations with a Reglo ICC, as in chapters 14 to 16 of its manual."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.dialects.reglo_icc import Shape, answer_in, four_digits, number
from hardware.drivers import reglo_icc
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from tests.hardware.pump_faults import in_background
from tests.hardware.reglo_talk import DONE, RUNS, STANDS, a_pump, asking, greeting, keeping, line, preparation

pytestmark = pytest.mark.usefixtures("quick_unplug")
SPEED = 1000.0
"""25 s of the pump's are 25 ms of ours."""
RUN = [*greeting(), *preparation(), *asking(1, ("H", DONE))]


@pytest.fixture
def ready():
    """`ready(port)` is a channel that is open; it is closed at the end."""
    pumps = []

    def open_pump(port: str, speed: float = SPEED, **fields):
        pump = a_pump(port, speed=speed, **fields)
        pumps.append(pump)
        pump.open()
        return pump

    yield open_pump
    for pump in pumps:
        pump.close()


def running_for(seconds: float):
    """Answers to E: running until so long after H."""
    began = []

    def start(told: bytes):
        if told == b"1H":
            began.append(time.monotonic())
            return DONE
        if told == b"1E":
            return RUNS if time.monotonic() - began[0] < seconds else STANDS
        return line("REGLO ICC 0208 306") if told == b"1#" else DONE

    return start


def test_a_dispense_reads_like_the_manual(conversation, ready):
    with conversation([*RUN, *asking(1, ("E", RUNS), ("E", STANDS), ("E", STANDS))]) as instrument:
        pump = ready(instrument.port, 1e5)
        assert pump.range.max_rate_ul_s == pytest.approx(5618 / 60)
        assert pump.dispense(500.0, 20.0) == 500.0
        assert pump.left_ul == 249_500.0
        assert (pump.abilities.counts, pump.abilities.aspirates) == (False, False)


def test_a_channel_is_called_by_its_number_and_all_channels_never(conversation, ready):
    with conversation(greeting(3, "K")) as instrument:
        ready(instrument.port, address=3, dispenses="counterclockwise")
        assert not any(told.startswith(b"0") for told in instrument.heard.split(b"\r"))


def test_a_pump_that_has_fewer_channels_says_so(conversation):
    script = greeting(4)[:6]
    script[5] = (b"4xA\r", line("2"))
    with conversation(script) as instrument, pytest.raises(ReplyError, match="has 2 channels and none"):
        a_pump(instrument.port, address=4).open()


def test_another_tubing_is_set_and_read_back_because_that_discards_the_calibration(conversation, ready):
    script = greeting()
    script[7:8] = asking(1, ("+", line("2.06 mm")), ("+0102", DONE), ("+", line("1.02 mm")))
    with conversation(script) as instrument:
        ready(instrument.port)


def test_a_tubing_that_the_pump_does_not_know_is_told(conversation):
    script = greeting()[:7] + asking(1, ("+", line("2.06 mm")), ("+0102", b"#"))
    with conversation(script) as instrument, pytest.raises(ReplyError, match=r"knows no tubing of 1\.02 mm bore"):
        a_pump(instrument.port).open()


def test_events_between_the_answers_are_passed_over(conversation, ready):
    event = b"^U2|A|100|0|0\r\n"
    tail = asking(1, ("E", event + RUNS), ("E", STANDS + event), ("E", b"^X1|A\r\n" + STANDS))
    with conversation([*RUN, *tail]) as instrument:
        assert ready(instrument.port, 1e5).dispense(500.0, 20.0) == 500.0


def test_a_pump_that_only_acknowledges_numbers_is_asked_what_it_kept(conversation, ready):
    script = [(sent, DONE if sent[1:2] in b"fv" and len(sent) > 3 else told) for sent, told in RUN]
    with conversation([*script, *asking(1, ("E", STANDS), ("E", STANDS))]) as instrument:
        assert ready(instrument.port, 1e5).dispense(500.0, 20.0) == 500.0


def test_a_value_that_the_pump_did_not_keep_is_noticed(conversation, ready):
    script = [*greeting(), *preparation()]
    script[-1] = (b"1v\r", line("5000E+0"))
    with conversation(script) as instrument, pytest.raises(ReplyError, match="kept something else") as caught:
        ready(instrument.port).dispense(500.0, 20.0)
    assert caught.value.outcome == "not_done"


@pytest.mark.parametrize("refusal", [b"-", b"#"])
def test_a_refused_start_says_why(conversation, ready, refusal):
    tail = asking(1, ("H", refusal), ("E", STANDS), ("E", STANDS), ("xe", line("R 5618E+0")))
    with conversation([*greeting(), *preparation(), *tail]) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(ReplyError, match="rate is above what tubing") as caught:
            pump.dispense(500.0, 20.0)
        assert (caught.value.outcome, pump.left_ul) == ("not_done", 250_000)


def test_a_pump_in_overload_refuses_everything(answering):
    with answering(b"\r", lambda told: b"#") as instrument:
        with pytest.raises(NotConnectedError, match="no Reglo ICC answers"):
            a_pump(instrument.port).open()
        assert b"H" not in instrument.heard


def test_a_dose_that_ends_too_early_was_stopped_at_the_pump(answering, ready):
    with answering(b"\r", keeping(running_for(0.1))) as instrument:
        pump = ready(instrument.port, 2.5)
        with pytest.raises(StoppedError, match="at its own keys") as caught:
            pump.dispense(500.0, 20.0)
        assert caught.value.outcome == "stopped"
        assert 4 < 250_000 - pump.left_ul < 490, "by the time it took"
        assert instrument.heard_at_last(b"1I\r")


def test_a_start_that_was_perhaps_not_heard_is_unknown_and_never_repeated(answering, ready, monkeypatch):
    monkeypatch.setattr(reglo_icc, "ANSWER_S", 1.0)

    def start(told: bytes):
        if told == b"1#":
            return line("REGLO ICC 0208 306")
        return STANDS if told == b"1E" else None

    with answering(b"\r", keeping(start)) as instrument:
        pump = ready(instrument.port, 1.0)
        with pytest.raises(DeviceTimeoutError, match="whether it heard") as caught:
            pump.dispense(500.0, 20.0)
        assert (caught.value.outcome, pump.left_ul) == ("unknown", 249_500)
        assert instrument.heard.count(b"1H") == 1


def test_a_lost_answer_to_the_start_is_settled_by_what_it_does(answering, ready, monkeypatch):
    monkeypatch.setattr(reglo_icc, "ANSWER_S", 1.0)
    runs = running_for(0.3)
    with answering(
        b"\r", keeping(lambda told: runs(told) if told != b"1H" else (runs(told), None)[1])
    ) as instrument:
        assert ready(instrument.port, 100.0).dispense(500.0, 20.0) == 500.0


def test_a_pump_that_falls_silent_is_stopped_and_its_outcome_is_unknown(answering, ready, monkeypatch):
    monkeypatch.setattr(reglo_icc, "ANSWER_S", 1.0)
    with answering(b"\r", keeping(lambda told: None)) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(DeviceTimeoutError) as caught:
            pump.dispense(500.0, 20.0)
        assert (caught.value.outcome, pump.left_ul) == ("unknown", 249_500)
        assert instrument.heard_at_last(b"1I\r")


class RunningPump:
    def __init__(self) -> None:
        self.polled, self.stopped = threading.Event(), threading.Event()

    def __call__(self, told: bytes):
        if told == b"1I":
            self.stopped.set()
        if told == b"1E":
            self.polled.set()
            return STANDS if self.stopped.is_set() else RUNS
        return line("REGLO ICC 0208 306") if told == b"1#" else DONE


def test_stop_from_another_thread_books_by_the_time(answering, ready):
    behind = RunningPump()
    with answering(b"\r", keeping(behind)) as instrument:
        pump = ready(instrument.port, 1.0)
        thread, failures = in_background(lambda: pump.dispense(500.0, 20.0))
        assert behind.polled.wait(10)
        pump.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert "by the time it ran" in str(failures[0])
        assert 249_500 < pump.left_ul < 250_000


def test_stop_does_not_wait_for_whoever_awaits_an_answer(answering, ready):
    with answering(b"\r", keeping(RunningPump())) as instrument:
        pump = ready(instrument.port)
        with pump._link.lock:  # never given back while the stop works
            stopper, failures = in_background(pump.stop)
            stopper.join(10)
            assert isinstance(failures[0], DeviceTimeoutError)
            assert instrument.heard_at_last(b"1I\r1I\r")


def test_a_stop_that_came_first_prevents_the_start(conversation, ready):
    with conversation(greeting()) as instrument:
        pump = ready(instrument.port)
        pump._halting._latch.set()
        with pytest.raises(StoppedError):
            pump.dispense(500.0, 20.0)


@pytest.mark.parametrize(
    ("volume_ul", "rate_ul_s"),
    [(0.0, 20.0), (0.1, 20.0), (-5.0, 20.0), (float("nan"), 20.0), (250_001.0, 20.0), (100.0, 0.0),
     (100.0, 94.0), (100.0, float("nan"))],
)  # fmt: skip
def test_what_the_pump_cannot_do_is_refused_before_anything_is_sent(conversation, ready, volume_ul, rate_ul_s):
    with conversation(greeting()) as instrument, pytest.raises(OutOfRangeError):
        ready(instrument.port).dispense(volume_ul, rate_ul_s)


def test_a_bottle_does_not_run_dry_and_nothing_is_drawn_from_a_vial(conversation, ready):
    with conversation(greeting()) as instrument:
        pump = ready(instrument.port)
        pump.loaded(100)
        with pytest.raises(OutOfRangeError, match="left in the bottle"):
            pump.dispense(101, 20)
        with pytest.raises(OutOfRangeError, match="draws nothing in"):
            pump.aspirate(10, 20)


def test_something_else_at_the_port_is_refused_before_any_motion(answering):
    with answering(b"\r", lambda told: b"Grbl 1.1h ['$' for help]\r\n") as instrument:
        with pytest.raises(NotConnectedError, match="no Reglo ICC"):
            a_pump(instrument.port).open()
        assert b"H" not in instrument.heard


@pytest.mark.parametrize(
    ("shape", "said", "answer"),
    [
        (Shape.DONE, b"*", "*"),
        (Shape.DONE, b"*\r\n", "*"),
        (Shape.RUNS, b"*+", "+"),
        (Shape.RUNS, b"1200E-2\r\n", None),
        (Shape.RUNS, b"^X1|A\r\n-", "-"),
        (Shape.RUNS, b"^X1-", None),
        (Shape.NUMBER, b"*1200E-2\r\n", "1200E-2"),
        (Shape.NUMBER, b"1200E-2", None),
        (Shape.NUMBER, b"^U1|AB|0|1200|0\r\n1200E-2\r\n", "1200E-2"),
        (Shape.TUBING, b"1.02 mm\r\n", "1.02 mm"),
    ],
)
def test_an_answer_is_told_from_events_and_late_ones(shape, said, answer):
    assert answer_in(said, shape, silent=False) == answer
    assert answer_in(b"#", Shape.NUMBER, silent=True) == "#"
    assert answer_in(b"*", Shape.NUMBER_OR_DONE, silent=True) == "*"


@given(st.floats(1e-6, 9.9e8, allow_nan=False))
def test_numbers_are_read_as_they_were_written(value):
    told = four_digits(value)
    assert len(told) == 6
    assert number(f"{told[:4]}E{told[4:]}") == pytest.approx(value, rel=6e-4)


@given(st.binary(max_size=120), st.sampled_from([Shape.DONE, Shape.RUNS, Shape.NUMBER, Shape.MODEL]), st.booleans())
def test_noise_is_read_without_a_fault(noise, shape, silent):
    found = answer_in(noise, shape, silent)
    assert found is None or found == "#" or shape.fullmatch(found)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 8))
def test_garbage_is_never_a_value_and_never_holds_the_caller(answering, noise, cut):
    true = line("7000E-3")
    with answering(
        b"\r", lambda told: [*(piece for piece in noise if piece), b"\r\n", true[:cut], true[cut:]]
    ) as instrument:
        driver = a_pump(instrument.port)
        driver._link.open()
        try:
            began = time.monotonic()
            try:
                counted = driver._ask("v", Shape.NUMBER)
            except HardwareError:
                counted = None
            assert counted in (None, "7000E-3") or any(b"E" in n for n in noise), "whole in the noise"
            assert time.monotonic() - began < 30
        finally:
            driver.close()
