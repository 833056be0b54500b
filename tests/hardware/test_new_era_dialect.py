"""The words of an NE-1000, without a wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.dialects.new_era import Direction, Reply, Shape, counter_ul, four_digits, rate_words, reply_of


def test_answers_of_the_manual():
    assert reply_of(b"\x0200S", 0) == Reply("S", "")
    assert reply_of(b"\x0212IRUN", 12) == Reply("I", "RUN")
    assert reply_of(b"\x0200A?R", 0) == Reply("A", "A?R")
    assert reply_of(b"\x0201S", 0) is None
    assert counter_ul("I10.00W2.500ML", Direction.INFUSE) == 10_000
    assert counter_ul("I10.00W2.500UL", Direction.WITHDRAW) == 2.5


def test_rates_are_said_in_the_finest_unit_that_fits():
    assert rate_words(100.0) == "6000UM"
    assert rate_words(2.0) == "7200UH"
    assert rate_words(354.0) == "21.24MM"


@given(st.floats(0.001, 9999, allow_nan=False))
def test_four_digits_are_at_most_four_and_near(value):
    text = four_digits(value)
    assert sum(c.isdigit() for c in text) <= 4
    assert len(text.partition(".")[2]) <= 3
    assert float(text) == pytest.approx(value, rel=1e-3, abs=0.0005)


@given(st.binary(max_size=40), st.text("\x02\x0300SIW.123ULM?A", max_size=24))
def test_no_packet_is_half_understood(noise, text):
    for packet in (noise, text.encode(), noise + text.encode()):
        reply = reply_of(packet, 0)
        said = b"" if reply is None or reply.status == "A" else reply.status.encode()
        assert reply is None or packet.endswith(b"0" + said + reply.data.encode())
        if reply and Shape.COUNTER.fullmatch(reply.data):
            assert 0 <= counter_ul(reply.data, Direction.INFUSE) <= 9_999_000
