"""The bytes of Harvard pumps, whole, cut and as noise."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.dialects.harvard import Prompt, Shape, hear, limits_ul_s, rate_words, state_of, value_of, volume_words
from hardware.errors import HardwareError, NotConnectedError
from tests.hardware.harvard_talk import a_pump, told

pytestmark = pytest.mark.usefixtures("quick_unplug")


@pytest.mark.parametrize(
    ("shape", "text", "value"),
    [
        (Shape.VOLUME, "1.2345 ml", 1234.5),
        (Shape.VOLUME, "500 u", 500.0),
        (Shape.TARGET, "Target volume not set", 0.0),
        (Shape.TARGET, "12.5 nl", 0.0125),
        (Shape.RATE, "6 ml/min", 100.0),
        (Shape.RATE, "3.6 ml/hr", 1.0),
        (Shape.RATE, "2.5 ul/s", 2.5),
        (Shape.DIAMETER, "14.5670 mm", 14.567),
        (Shape.FORCE, "30%", 30.0),
    ],
)
def test_values_carry_their_units(shape, text, value):
    assert value_of(shape, text) == pytest.approx(value)


def test_limits_and_status():
    assert limits_ul_s("1.26 nl/min to 1.322 ml/min") == pytest.approx((2.1e-5, 22.0333), rel=1e-4)
    six = state_of("1000 20 500000000 W.S.IT", Prompt.WITHDRAWING)
    assert (six.counted_ul, six.moving, six.stalled, six.drawn) == (0.5, True, True, True)
    five = state_of("0 0 0 i...I", Prompt.IDLE)
    assert (five.moving, five.stalled, five.drawn) == (False, False, False)


@given(st.floats(1e-3, 99_999, allow_nan=False))
def test_volumes_and_rates_are_read_as_they_were_written(value):
    for text in volume_words(value):
        assert value_of(Shape.VOLUME, text) == pytest.approx(value, rel=1e-4, abs=6e-8)
    for text in rate_words(value):
        assert value_of(Shape.RATE, text) == pytest.approx(value, rel=1e-4, abs=6e-8)


@given(st.lists(st.sampled_from(["1.5 ml", "Argument error: x", "11 ELITE 3.0"]), max_size=3),
       st.sampled_from(list(Prompt)), st.integers(0, 99), st.data())  # fmt: skip
def test_an_answer_is_whole_or_not_there(lines, prompt, address, data):
    """Cut anywhere, nothing is read that was not said."""
    before = f"{address:02d}" if address else ""
    whole = "".join(f"\n{before}{':' if before else ''}{line}\r" for line in lines) + f"\n{before}{prompt}\x11"
    raw = whole.encode()
    said = (*lines, prompt)
    assert hear(raw, address).items == said
    cut = hear(raw[: data.draw(st.integers(0, len(raw)))], address)
    texts = [item for item in cut.items if not isinstance(item, Prompt)]
    assert texts == lines[: len(texts)]
    if cut.sure:
        assert all(item in said for item in cut.items)


@given(st.binary(max_size=200), st.integers(0, 99))
def test_noise_is_read_without_a_fault(noise, address):
    heard = hear(noise, address)
    _ = heard.trouble, heard.answer(Shape.STATUS), heard.answer(None)


def test_something_else_at_the_port_is_refused_before_any_motion(answering):
    with answering(b"\r", lambda line: b"Grbl 1.1h ['$' for help]\r\n") as instrument:
        pump = a_pump(instrument.port)
        with pytest.raises(NotConnectedError, match="no Harvard or KD Scientific pump"):
            pump.open()
        assert b"run" not in instrument.heard


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 9))
def test_garbage_is_never_a_value_and_never_holds_the_caller(answering, noise, cut):
    true = told("7.0000 ul")

    def pump(line: bytes):
        return [*(piece for piece in noise if piece), b"\r\n", true[:cut], true[cut:]]

    with answering(b"\r", pump) as instrument:
        driver = a_pump(instrument.port)
        driver._link.open()
        try:
            began = time.monotonic()
            try:
                counted = driver._ask("ivolume", Shape.VOLUME)[0]
            except HardwareError:
                counted = None
            assert counted in (None, "7.0000 ul") or any(b"l" in n.lower() for n in noise), "whole in the noise"
            assert time.monotonic() - began < 30
        finally:
            driver.close()
