"""The bytes of Cavro pumps: what is sent, and that no noise becomes a value."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.dialects.cavro import (
    TROUBLE,
    Query,
    Reply,
    checksum,
    dt_block,
    dt_reply,
    force_of,
    heard_dt,
    heard_oem,
    oem_block,
    oem_reply,
    port_named,
    ports_of,
    turning,
)
from hardware.errors import HardwareError
from hardware.parts import cavro_talk
from tests.hardware.cavro_talk import a_pump, dt, oem

DATA = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
STATUS = st.sampled_from("@ABCDEFGHIJKLMNO`abcdefghijklmno")


def test_blocks_are_those_of_the_manual():
    assert dt_block(1, "ZR") == b"/1ZR\r"
    assert dt_block(15, "Q") == b"/?Q\r"
    assert oem_block(1, "ZR", 1) == b"\x0211ZR\x03\x09"
    assert oem_block(1, "ZR", 1, repeated=True)[2:3] == b"9"
    assert checksum(b"\x0211ZR\x03") == b"\x09"


@pytest.mark.parametrize(
    ("told", "reply"),
    [
        (b"\xff/0`", Reply(True, 0, "")),
        (b"\r\n/0@", Reply(False, 0, "")),
        (b"/1?\r\xff/0`1000", Reply(True, 0, "1000")),
        (b"/0i", Reply(True, 9, "")),
        (b"/0`01/02/2004", Reply(True, 0, "01/02/2004")),
        (b"/1?\r", None),
        (b"/0", None),
        (b"/0 ", None),
        (b"", None),
    ],
)
def test_an_answer_in_dt(told, reply):
    assert dt_reply(told) == reply


@given(STATUS, DATA, st.integers(1, 15), st.integers(1, 7), st.booleans())
def test_what_is_said_is_heard(status, data, number, sequence, repeated):
    reply = Reply(status in "`abcdefghijklmno", ord(status) & 15, data)
    assert dt_reply(dt(status, data).partition(b"\x03")[0]) == reply
    body, _, last = oem(status, data).rpartition(b"\x03")
    assert oem_reply(body) == (reply, last) or last == b""  # the checksum itself may be an ETX
    block = oem_block(number, data, sequence, repeated=repeated)
    assert checksum(block) == b"\0", "the XOR of a whole block is nothing"
    assert oem_reply(block.partition(b"\x03")[0]) is None, "an echo is no answer"
    assert dt_reply(dt_block(number, "A100R")) is None


@given(st.binary(max_size=60))
def test_noise_never_breaks_the_parsers(noise):
    for parse in (dt_reply, oem_reply, heard_dt, heard_oem):
        parse(noise)


@given(st.binary(max_size=30), st.integers(0, 29), st.integers(1, 255))
def test_a_damaged_answer_in_oem_is_none(before, at, flip):
    answer = bytearray(oem("`", "1234"))
    answer[at % len(answer)] ^= flip
    heard = heard_oem(before.replace(b"\x02", b"").replace(b"\x03", b"") + bytes(answer))
    assert heard is None


@pytest.mark.parametrize(
    ("valve", "count", "said", "port"),
    [("3-port", 0, "input", "I"), ("3-port", 0, "o", "O"), ("3-port", 0, "Bypass", "B"), ("3-port", 0, "E", None),
     ("4-port", 0, "extra", "E"), ("distribution", 9, "I9", "9"), ("distribution", 9, "o3", "3"),
     ("distribution", 9, "port 4", "4"), ("distribution", 9, "10", None), ("distribution", 9, "I", None),
     ("none", 0, "O", None)],
)  # fmt: skip
def test_ports_by_the_names_that_people_give_them(valve, count, said, port):
    assert port_named(said, ports_of(valve, count)) == port


@given(st.integers(2, 12), st.data())
def test_a_distribution_valve_never_goes_the_longer_way(count, data):
    ports = ports_of("distribution", count)
    now, port = data.draw(st.sampled_from(ports)), data.draw(st.sampled_from(ports))
    word = turning(port, now, ports)
    ahead = (int(port) - int(now)) % count
    assert word[1:] == port
    assert (ahead if word[0] == "I" else count - ahead) <= count / 2 or ahead == 0


def test_every_error_is_told_in_words_and_forces_fit_the_syringe():
    assert all(TROUBLE[error] for error in (1, 2, 3, 4, 6, 7, 9, 10, 11, 15))
    assert [force_of(ul) for ul in (50, 100, 250, 500, 1000, 25_000)] == [2, 2, 1, 1, 0, 0]


@pytest.mark.usefixtures("quick_unplug")
@pytest.mark.parametrize("protocol", ["dt", "oem"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary(max_size=40), max_size=6), data=st.data())
def test_garbage_is_never_a_position_and_never_holds_the_caller(serving, monkeypatch, protocol, noise, data):
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)
    pieces = [piece.replace(b"/", b"").replace(b"\x02", b"") for piece in noise]
    answer = dt("`", "2345") if protocol == "dt" else oem("`", "2345")
    cut = data.draw(st.integers(0, len(answer)))
    said = [*pieces, answer[:cut], answer[cut:]]

    def listen(heard: bytes):
        return len(heard), [piece for piece in said if piece]

    with serving(listen) as instrument:
        pump = a_pump(instrument.port, protocol=protocol)
        pump._link.open()
        began = time.monotonic()
        try:
            steps = pump._pump.number(Query.PLUNGER)
        except HardwareError:
            steps = 2345
        assert steps == 2345
        assert time.monotonic() - began < 20
        pump.close()


@pytest.mark.usefixtures("quick_unplug")
def test_an_endless_stream_ends_the_question(serving, monkeypatch):
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)
    with serving(lambda heard: (len(heard), [b"U" * 3000])) as instrument:
        pump = a_pump(instrument.port)
        with pytest.raises(HardwareError, match="no Cavro pump answers"):
            pump.open()
