"""Conversations with balances, as the manuals of Mettler Toledo, Sartorius, A&D and Ohaus print them."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.dialects.balance import FORMATS, NOT_NOW, OVER, UNDER, UNKNOWN_COMMAND, Weight, in_grams
from hardware.drivers import balance
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.virtual.instruments.balance import Instrument
from tests.hardware.meters import a_meter, on_the_bench, pulled_at_every_byte

pytestmark = pytest.mark.usefixtures("quick_unplug")
NAME = (b"I4\r\n", b'I4 A "0123456789"\r\n')


@pytest.fixture
def opened():
    meters = []

    def open_meter(port: str, **fields):
        meter = a_meter(balance, port, speed=50.0, **fields)
        meters.append(meter)
        meter.open()
        return meter

    yield open_meter
    for meter in meters:
        meter.close()


@pytest.mark.parametrize(
    ("kind", "line", "reading"),
    [
        ("sics", "S S     100.00 g", Weight(100.0, "g", True, 0.01)),
        ("sics", "S D    -129.0700 g", Weight(-129.07, "g", False, 0.0001)),
        ("sics", "S S 0.00 g", Weight(0.0, "g", True, 0.01)),
        ("sics", "S S      12.5 ct", Weight(12.5, "ct", True, 0.1)),
        ("sics", "S I", NOT_NOW), ("sics", "S +", OVER), ("sics", "S -", UNDER), ("sics", "ES", UNKNOWN_COMMAND),
        ("sics", "SI D     100.00 g", Weight(100.0, "g", False, 0.01)), ("sics", "SI +", OVER),
        ("sics", "S S Error 10b", "reports its error 10b"),
        ("sics", "S S     1a0.00 g", None), ("sics", "S S     100.00", None), ("sics", 'I4 A "1"', None),
        ("sbi", "+   123.56 g  ", Weight(123.56, "g", True, 0.01)),
        ("sbi", "N     +   123.56 g  ", Weight(123.56, "g", True, 0.01)),
        ("sbi", "-     0,25 mg ", Weight(-0.25, "mg", True, 0.01)),
        ("sbi", "+   123.56    ", Weight(123.56, "", False, 0.01)),
        ("sbi", "+  123.5[6]g  ", Weight(123.56, "g", True, 0.01)),
        ("sbi", "Stat       High", OVER), ("sbi", "    Low       ", UNDER),
        ("sbi", "Stat    Err 54", "reports its error 54"),
        ("sbi", "+  12.56 g  ", None), ("sbi", "   123.56 g  g ", None),
        ("and", "ST,+00012.34  g", Weight(12.34, "g", True, 0.01)),
        ("and", "US,-00012.34 kg", Weight(-12.34, "kg", False, 0.01)),
        ("and", "QT,+00001234 PC", Weight(1234.0, "PC", True, 1.0)),
        ("and", "OL,+9999999E+19", OVER), ("and", "OL,-9999999E+19", UNDER),
        ("and", "ST,+0127.8304  g", Weight(127.8304, "g", True, 0.0001)),
        ("and", "EC,E02", "reports its error E02"),
        ("and", "ST,+0012.34  g", None), ("and", "ST,00012.34  g", None),
        ("ohaus", "    192.21 g      ", Weight(192.21, "g", True, 0.01)),
        ("ohaus", "      0.01 g     ?", Weight(0.01, "g", False, 0.01)),
        ("ohaus", "   - 12.30 kg     NET", Weight(-12.3, "kg", True, 0.01)),
        ("ohaus", "Err 8.3", OVER), ("ohaus", "ES", UNKNOWN_COMMAND), ("ohaus", "192.21", None),
        ("ohaus", "2.21 g      ", None),
    ],
)  # fmt: skip
def test_a_line_says_a_weight_why_there_is_none_or_nothing(kind, line, reading):
    assert FORMATS[kind].reading(line) == reading


@settings(deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.text(" +-.,0123456789STUSOLgkm[]?EDI", max_size=22))
def test_no_line_is_half_understood(kind, line):
    reading = FORMATS[kind].reading(line)
    if isinstance(reading, Weight):
        digits = "".join(c for c in line if c.isdigit())
        assert abs(reading.value) <= 1e9
        assert (
            "".join(c for c in f"{abs(reading.value):.9f}" if c.isdigit()).strip("0") in digits.lstrip("0")
            or digits
        )


@settings(deadline=None)
@given(st.sampled_from(["sbi", "and", "ohaus"]), st.integers(0, 14))
def test_where_columns_are_fixed_a_lost_digit_is_noticed(kind, at):
    line = {"sbi": "+  2123.56 g  ", "and": "ST,+02123.56  g", "ohaus": "   2123.56 g      "}[kind]
    reading = FORMATS[kind].reading(line[:at] + line[at + 1 :])
    assert not isinstance(reading, Weight) or reading.value == 2123.56


def test_a_stable_weight_in_the_unit_of_the_rig_file(conversation, opened):
    script = [NAME, (b"S\r\n", b"S S     100.00 g\r\n"), (b"S\r\n", b"S S  100000.0 mg\r\n")]
    with conversation(script) as instrument:
        meter = opened(instrument.port)
        assert meter.read() == (100.0, "g")
        assert meter.read() == (pytest.approx(100.0), "g")
    with conversation([NAME, (b"S\r\n", b"S S     0.1000 kg\r\n")]) as instrument:
        assert opened(instrument.port, unit="mg").read() == (pytest.approx(100_000), "mg")


def test_who_it_is(conversation, opened):
    script = [NAME, (b"I2\r\n", b'I2 A "XS205DU Excellence 220.0000 g"\r\n'), NAME]
    with conversation(script) as instrument:
        meter = opened(instrument.port)
        assert meter.identify() == "XS205DU Excellence 220.0000 g, serial number 0123456789"


def test_it_is_asked_again_until_the_weight_is_at_rest(conversation, opened):
    script = [NAME, *[(b"S\r\n", b) for b in (b"S I\r\n", b"S D      99.1 g\r\n", b"S S     100.0 g\r\n")]]
    with conversation(script) as instrument:
        assert opened(instrument.port).read() == (100.0, "g")


@pytest.mark.parametrize(
    ("answer", "words"),
    [(b"S +", "overloaded"), (b"S -", "below its range"), (b"ES", "does not know the command"),
     (b"S S      1.0 pcs", "change its unit")],
)  # fmt: skip
def test_what_is_no_weight_is_told(conversation, opened, answer, words):
    with conversation([NAME, (b"S\r\n", answer + b"\r\n")]) as instrument:
        meter = opened(instrument.port)
        with pytest.raises(ReplyError, match=words):
            meter.read()


def test_a_late_weight_is_not_taken_for_the_next(conversation, opened, monkeypatch):
    monkeypatch.setattr(balance, "ANSWER_S", 1.0)
    script = [
        NAME, (b"S\r\n", None), NAME, (b"SI\r\n", b"S D      50.0 g\r\n"),
        (b"S\r\n", b"S S     100.0 g\r\n"),
        (b"S\r\n", None), (b"I4\r\n", [b"S S      77.0 g\r\n", NAME[1]]), (b"SI\r\n", b"S D      50.0 g\r\n"),
        (b"S\r\n", b"S S     101.0 g\r\n"),
    ]  # fmt: skip
    with conversation(script) as instrument:
        meter = opened(instrument.port, patience_s=1)
        for weight in (100.0, 101.0):
            with pytest.raises(DeviceTimeoutError, match="found no rest"):
                meter.read()
            assert meter.read() == (weight, "g")


def test_a_balance_that_has_gone_silent_is_told_from_a_restless_one(conversation, opened, monkeypatch):
    with conversation([NAME, (b"S\r\n", None), (b"I4\r\n", None)]) as instrument:
        meter = opened(instrument.port, patience_s=1)
        with pytest.raises(DeviceTimeoutError, match="no answer to I4"):
            meter.read()


@pytest.mark.parametrize("answer", [b"T S      50.0000 g", b"T A", b"T D      50.0 g"])
def test_tare_is_acknowledged(conversation, opened, answer):
    with conversation([NAME, (b"T\r\n", answer + b"\r\n"), (b"Z\r\n", b"Z A\r\n")]) as instrument:
        meter = opened(instrument.port)
        meter.tare()
        meter.zero()


@pytest.mark.parametrize(
    ("answer", "words"), [(b"T I", "cannot weigh now"), (b"T +", "overloaded"), (b"ES", "does not know")]
)
def test_a_refused_tare_is_told(conversation, opened, answer, words):
    with conversation([NAME, (b"T\r\n", answer + b"\r\n")]) as instrument:
        meter = opened(instrument.port)
        with pytest.raises(ReplyError, match=words):
            meter.tare()


def test_a_tare_without_an_answer_is_proved_by_a_weight_of_nothing(conversation, opened):
    weight = [(b"Q\r\n", b"US,+00050.34  g\r\n")]
    script = [*weight, (b"T\r\n", None), *weight, (b"Q\r\n", b"ST,+00000.02  g\r\n"),
              (b"T\r\n", None), (b"Q\r\n", b"ST,+00050.34  g\r\n")]  # fmt: skip
    with conversation(script) as instrument:
        meter = opened(instrument.port, format="and")
        meter.tare()
        with pytest.raises(ReplyError, match="did not go to zero"):
            meter.tare()


def test_simple_balances_that_do_not_tell_their_number(conversation, opened):
    script = [(b"I4\r\n", b"ES\r\n"), (b"SI\r\n", b"S D 5.00 g\r\n"), (b"S\r\n", b"S S 5.00 g\r\n")]
    with conversation(script) as instrument:
        assert opened(instrument.port).read() == (5.0, "g")


def test_another_format_is_refused(conversation, opened):
    script = [(b"IP\r\n", b"ES\r\n")]
    with conversation(script) as instrument, pytest.raises(ReplyError, match="compare `format`"):
        opened(instrument.port, format="ohaus")


def test_something_else_at_the_port_is_refused(answering, opened, monkeypatch):
    monkeypatch.setattr(balance, "ANSWER_S", 0.1)
    with (
        answering(b"\n", lambda line: b"error:2\r\n") as instrument,
        pytest.raises(NotConnectedError, match="no sics balance"),
    ):
        opened(instrument.port)


def test_discovery_knows_a_balance_by_its_serial_number():
    (probe,) = balance.PROBES
    assert probe.knows(b'ES\r\nI4 A "B123"\r\n') == "MT-SICS balance, serial number B123"
    for other in (b"ES\r\n", b"", b'I4 A "B123"', b"error:2\r\n"):
        assert probe.knows(other) is None


def test_stop_gives_up_a_weighing():
    with on_the_bench(balance, Instrument) as (meter, device, _):
        device.restless = True
        stopper = threading.Timer(0.2, meter.stop)
        stopper.start()
        with pytest.raises(StoppedError):
            meter.read()
        stopper.join()
        assert "not at rest" in meter.about()["weight"]


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_every_format_weighs_tares_and_refuses_on_the_bench(kind):
    with on_the_bench(balance, Instrument, format=kind) as (meter, device, _):
        assert meter.read() == (pytest.approx(4.0, abs=0.001), "g")
        meter.tare()
        assert meter.read() == (pytest.approx(0.0, abs=0.001), "g")
        device.put_g(10.0)
        assert meter.read() == (pytest.approx(10.0, abs=0.001), "g")
        meter.zero()
        assert meter.read() == (pytest.approx(0.0, abs=0.001), "g")
        device.put_g(300.0)
        with pytest.raises(ReplyError, match="overloaded"):
            meter.read()
        device.put_g(10.0)
        assert meter.identify()
        assert "at rest" in meter.about()["weight"]


@pytest.mark.parametrize("kind", ["sics", "and"])
def test_a_cable_pulled_at_every_byte_of_a_reading(kind):
    with on_the_bench(balance, Instrument, format=kind) as (meter, _, cable):
        assert pulled_at_every_byte(meter, cable, lambda r: r == (pytest.approx(4.0, abs=0.001), "g")) >= 18


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4))
def test_noise_never_becomes_a_weight(pieces):
    noise = b"".join(pieces)
    for kind in FORMATS:
        line = a_meter(balance, "", format=kind)._line_in(noise, "", None, False)
        reading = None if line is None else FORMATS[kind].reading(line)
        assert not isinstance(reading, Weight) or (in_grams(reading) or 0.0) < 1e12


def test_a_silent_port_ends_in_time(answering, opened, monkeypatch):
    monkeypatch.setattr(balance, "ANSWER_S", 1.0)
    with answering(b"\n", lambda line: NAME[1] if line == b"I4\r" else b"\xff" * 30) as instrument:
        meter = opened(instrument.port, patience_s=1)
        began = time.monotonic()
        with pytest.raises(HardwareError):
            meter.read()
        assert time.monotonic() - began < 10
