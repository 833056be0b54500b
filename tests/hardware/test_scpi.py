"""Conversations with meters that speak SCPI, as in IEEE 488.2 and the manuals of multimeters."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.dialects.scpi import number_of
from hardware.drivers import scpi
from hardware.errors import DeviceTimeoutError, NotConnectedError, ReplyError, StoppedError
from hardware.virtual.instruments.scpi import Instrument
from tests.hardware.meters import a_meter, on_the_bench, pulled_at_every_byte

pytestmark = pytest.mark.usefixtures("quick_unplug")
IDENTITY = b"HEWLETT-PACKARD,34401A,0,11-5-2\n"
FINE = (b"SYST:ERR?\n", b'+0,"No error"\n')
OPEN = [(b"\n*CLS\n", None), (b"*IDN?\n", IDENTITY), FINE]


@pytest.fixture
def opened():
    meters = []

    def open_meter(port: str, **fields):
        meter = a_meter(scpi, port, **{"query": "MEAS:VOLT:DC?", **fields})
        meters.append(meter)
        meter.open()
        return meter

    yield open_meter
    for meter in meters:
        meter.close()


def test_a_reading_is_a_number_with_the_unit_of_the_rig_file(conversation, opened):
    script = [*OPEN, (b"MEAS:VOLT:DC?\n", b"+4.27150000E-03\n"), FINE, (b"*IDN?\n", IDENTITY), FINE]
    with conversation(script) as instrument:
        meter = opened(instrument.port)
        assert meter.read() == (4.2715e-3, "V")
        assert meter.about()["meter"] == "HEWLETT-PACKARD,34401A,0,11-5-2"


def test_several_readings_are_averaged(conversation, opened):
    readings = [(b"READ?\r\n", f"{v}\r\n".encode()) for v in ("1", "2.5", "+.5E1", "3.5 mS/cm")]
    end = [(s.replace(b"\n", b"\r\n"), r and r.replace(b"\n", b"\r\n")) for s, r in OPEN]
    with conversation([*end, *readings, (b"SYST:ERR?\r\n", b"0\r\n")]) as instrument:
        meter = opened(instrument.port, query="READ?", unit="mS/cm", readings=4, end="CRLF")
        assert meter.read() == (3.0, "mS/cm")


def test_the_setup_is_sent_once_and_its_errors_are_told(conversation, opened):
    setup = (b"SYST:REM;CONF:VOLT:DC 10\n", None)
    with conversation([*OPEN, setup, FINE]) as instrument:
        opened(instrument.port, setup="SYST:REM;CONF:VOLT:DC 10")
    refused = [(b"SYST:ERR?\n", b'-113,"Undefined header"\n'), FINE]
    with conversation([*OPEN, setup, *refused]) as instrument, pytest.raises(ReplyError, match="Undefined header"):
        opened(instrument.port, setup="SYST:REM;CONF:VOLT:DC 10")


@pytest.mark.parametrize("answer", [b"+9.90000000E+37", b"-9.9E37", b"9.91E37"])
def test_an_overload_is_no_value(conversation, opened, answer):
    with (
        conversation([*OPEN, (b"MEAS:VOLT:DC?\n", answer + b"\n")]) as instrument,
        pytest.raises(ReplyError, match="overloaded"),
    ):
        opened(instrument.port).read()


@pytest.mark.parametrize(
    "answer", [b"NAN", b"OVLD", b"1,2", b"1.2.3", b"1.5 A", b"\xb11", b"1_0", b"--1", b"ERROR 5"]
)
def test_what_is_no_number_in_its_unit_is_no_value(conversation, opened, answer):
    with (
        conversation([*OPEN, (b"MEAS:VOLT:DC?\n", answer + b"\n")]) as instrument,
        pytest.raises(ReplyError, match="did not answer with a number in V"),
    ):
        opened(instrument.port).read()


def test_a_reading_with_an_error_in_the_queue_is_no_value(conversation, opened):
    script = [*OPEN, (b"MEAS:VOLT:DC?\n", b"1.0\n"), (b"SYST:ERR?\n", b'-221,"Settings conflict"\n'), FINE]
    with conversation(script) as instrument, pytest.raises(ReplyError, match="Settings conflict"):
        opened(instrument.port).read()


def test_a_refused_question_is_found_in_the_queue(conversation, opened):
    refused = (b"SYST:ERR?\n", b'-113,"Undefined header"\n')
    script = [*OPEN, (b"MEAS:VOLT:DC?\n", None), (b"*IDN?\n", IDENTITY), refused, FINE]
    with conversation(script) as instrument, pytest.raises(ReplyError, match="-113"):
        opened(instrument.port, answer_s=0.5).read()


def test_a_late_answer_is_not_taken_for_the_next(conversation, opened):
    script = [
        *OPEN,
        (b"MEAS:VOLT:DC?\n", None), (b"*IDN?\n", IDENTITY), FINE,
        (b"MEAS:VOLT:DC?\n", None), (b"*IDN?\n", [b"+1.0E+00\n", IDENTITY]), FINE,
        (b"MEAS:VOLT:DC?\n", b"+2.0E+00\n"), FINE,
    ]  # fmt: skip
    with conversation(script) as instrument:
        meter = opened(instrument.port, answer_s=0.5)
        for _ in range(2):
            with pytest.raises(DeviceTimeoutError):
                meter.read()
        assert meter.read() == (2.0, "V")


def test_the_rest_of_a_line_that_was_cut_in_two_is_not_an_answer(conversation, opened):
    script = [*OPEN, (b"*IDN?\n", [b".902E+00\n", IDENTITY]), (b"MEAS:VOLT:DC?\n", b"+2.0E+00\n"), FINE]
    with conversation(script) as instrument:
        meter = opened(instrument.port)
        instrument.say(b"+1")
        meter._link.take(time.monotonic() + 5)
        meter._link._wire.received += b"+1"  # it is here when the question is about to leave
        assert meter.read() == (2.0, "V")


def test_an_echo_is_not_an_answer(conversation, opened):
    script = [
        (b"\n*CLS\n", b"*CLS\r\n"), (b"*IDN?\n", b"*IDN?\r\n" + IDENTITY),
        (b"SYST:ERR?\n", b"SYST:ERR?\r\n0,none\r\n"),
        (b"MEAS:VOLT:DC?\n", b"MEAS:VOLT:DC?\r\n1.5\r\n"), (b"SYST:ERR?\n", b"SYST:ERR?\r\n0,none\r\n"),
    ]  # fmt: skip
    with conversation(script) as instrument:
        assert opened(instrument.port).read() == (1.5, "V")


def test_an_old_meter_without_an_error_queue(conversation, opened, monkeypatch):
    monkeypatch.setattr(scpi, "ANSWER_S", 1.0)
    script = [*OPEN[:2], (b"SYST:ERR?\n", None), (b"*IDN?\n", IDENTITY), (b"MEAS:VOLT:DC?\n", b"1.5\n")]
    with conversation(script) as instrument:
        assert opened(instrument.port).read() == (1.5, "V")


def test_something_else_at_the_port_is_refused(answering, opened, monkeypatch):
    monkeypatch.setattr(scpi, "ANSWER_S", 0.1)
    with (
        answering(b"\n", lambda line: b"error:2\n") as instrument,
        pytest.raises(NotConnectedError, match="no SCPI"),
    ):
        opened(instrument.port)


def test_stop_gives_up_a_reading(answering, opened):
    asked = threading.Event()

    def answer(line: bytes):
        if line == b"MEAS:VOLT:DC?":
            asked.set()
            return None
        return {b"*IDN?": IDENTITY, b"SYST:ERR?": b"0\n"}.get(line)

    with answering(b"\n", answer) as instrument:
        meter = opened(instrument.port, answer_s=60)
        stopper = threading.Thread(target=lambda: (asked.wait(10), meter.stop()))
        stopper.start()
        began = time.monotonic()
        with pytest.raises(StoppedError):
            meter.read()
        assert time.monotonic() - began < 10
        stopper.join()
        assert meter.identify().startswith("HEWLETT"), "asking goes on"


def test_discovery_knows_a_meter_by_its_identity():
    for probe in scpi.PROBES:
        assert probe.knows(IDENTITY) == "HEWLETT-PACKARD, 34401A"
        for other in (b"error:2\r\n", b"", b"+1.0E+00\n", IDENTITY[:-1], b"1,2,3,4\n"):
            assert probe.knows(other) is None


def test_a_cable_pulled_at_every_byte_of_a_reading():
    with on_the_bench(scpi, Instrument, unit="mS/cm", readings=2) as (meter, device, cable):
        truth = device.truth()
        assert pulled_at_every_byte(meter, cable, lambda r: r == (pytest.approx(truth, rel=0.01), "mS/cm")) > 60


@settings(deadline=None)
@given(st.text("0123456789+-.eE mV,;NaINF", max_size=20))
def test_no_text_is_half_understood(text):
    value = number_of(text, "V")
    if value is not None:
        assert value == float(text.rstrip("V "))


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4))
def test_noise_is_one_line_or_none(pieces):
    noise = b"".join(pieces)
    lines = [line.decode("ascii", "replace").strip() for line in noise.split(b"\n")[:-1]]
    answer = a_meter(scpi, "")._answer_in(noise, "READ?", None, False)
    assert answer == next(filter(None, lines), None)
