"""Conversations in Safe mode, section 10.2.3 of the manual: packets with a CRC, watchdog, unasked alarms."""

import pytest

from hardware.dialects.new_era import pump_in, reply_of, safe
from hardware.drivers.new_era import PROBES
from hardware.errors import DeviceTimeoutError, ReplyError
from hardware.parts import new_era_talk
from tests.hardware.new_era_talk import (
    ARMED,
    DISARMED,
    GREETING,
    HELLO,
    a_pump,
    in_safe_mode,
    packet,
    preparation,
    programmed,
    safe_packet,
)

pytestmark = pytest.mark.usefixtures("quick_unplug")

OPENED = [*GREETING, *ARMED, *DISARMED]
PREPARED = [*OPENED, *ARMED, *in_safe_mode(preparation())]
RUN, DIS = safe_packet("RUN"), safe_packet("DIS")


def test_the_packet_of_the_manual():
    assert safe("SAF0", 0) == b"\x02\x08SAF0\x55\x43\x03"


def test_a_delivery_is_watched_over_and_ends_in_basic_mode(conversation, opened):
    script = [
        *PREPARED,
        (RUN, safe_packet("00I")),
        (DIS, safe_packet("00II0.123W0.000ML")),
        (DIS, safe_packet("00SI0.500W0.000ML")),
        *DISARMED,
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=10)
        assert pump.abilities.watchdog
        assert pump.dispense(500.0, 100.0) == 500.0
        assert pump.left_ul == 24_500.0


@pytest.mark.parametrize("refusal", ["?", "?NA", "?OOR"])
def test_firmware_without_safe_mode_works_without_it(conversation, opened, refusal):
    script = [
        *GREETING,
        (b"SAF10\r", packet(f"00S{refusal}")),
        (b"\r", packet("00S")),
        (b"SAF0\r", packet(f"00S{refusal}")),
        *preparation(),
        (b"RUN\r", packet("00I")),
        (b"DIS\r", packet("00SI0.500W0.000ML")),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=10)
        assert not pump.abilities.watchdog
        assert pump.dispense(500.0, 100.0) == 500.0


def test_a_firmware_that_says_yes_and_stays_in_basic_mode_is_found_out(conversation, opened):
    asked = (safe_packet("SAF"), None)
    script = [*GREETING, (b"SAF10\r", packet("00S")), asked]
    later = [
        (safe_packet("SAF0"), None),
        (safe_packet(""), None),
        (b"\r", packet("00S")),
        (b"SAF0\r", packet("00S")),
    ]
    with conversation([*script, *later]) as instrument:
        assert not opened(instrument.port, watchdog_s=10).abilities.watchdog


def test_a_pump_that_was_left_in_safe_mode_is_brought_back(conversation, opened):
    script = [
        (b"\r", None),
        (safe_packet(""), safe_packet("00S")),
        *in_safe_mode([HELLO[1]]),
        *DISARMED,
        *GREETING[2:],
    ]
    with conversation(script) as instrument:
        opened(instrument.port)


def test_a_pump_that_stopped_itself_is_found_with_its_alarm(conversation, opened):
    """Its host died: Safe mode, and A?T both unasked and in place of an answer."""
    alarm = safe_packet("00A?T")
    script = [
        (b"\r", alarm),
        (safe_packet(""), alarm),
        (safe_packet(""), safe_packet("00S")),
        *in_safe_mode([HELLO[1]]),
        *DISARMED,
        *GREETING[2:],
        (b"VER\r", packet("00SNE1000V3.923")),
        *[
            (f"{word}\r".encode(), packet(f"00S{data}"))
            for word, data in (
                ("DIA", "23.03"),
                ("RAT", "10.62MM"),
                ("VOL", "0.500ML"),
                ("DIR", "INF"),
                ("DIS", "I0.250W0.000ML"),
                ("", ""),
            )
        ],
    ]
    with conversation(script) as instrument:
        assert opened(instrument.port).about() == {
            "model": "NE-1000",
            "firmware": "3.923",
            "address": "0",
            "state": "stopped",
            "diameter": "23.03 mm",
            "volume": "0.500 mL",
            "rate": "10.62 mL/min",
            "direction": "infuse",
            "counted": "0.250 mL out, 0.000 mL in",
            "mode": "Basic",
            "watchdog": "none: switched off in the rig file",
            "last alarm": "heard nothing from the computer for too long and stopped itself",
        }


def test_a_damaged_question_is_said_again_but_run_is_not(conversation, opened):
    damaged = safe_packet("00S?COM")
    script = [
        *OPENED,
        *ARMED,
        (safe_packet("DIA"), damaged),
        *in_safe_mode(preparation()),
        (RUN, damaged),
        *DISARMED,
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=10)
        with pytest.raises(ReplyError, match="damaged command") as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("not_done", 25_000)
        assert instrument.heard.count(b"RUN") == 1


def test_a_damaged_answer_is_no_value(conversation, opened):
    whole = bytearray(safe_packet("00SI0.500W0.000ML"))
    whole[6] ^= 4  # another digit
    script = [
        *PREPARED,
        (RUN, safe_packet("00I")),
        (DIS, bytes(whole)),
        (DIS, packet("00SI0.400W0.000ML")),  # in Safe mode nothing without a CRC is a value either
        (safe_packet(""), safe_packet("00I")),
        (DIS, safe_packet("00SI0.500W0.000ML")),
        *DISARMED,
    ]
    with conversation(script) as instrument:
        assert opened(instrument.port, watchdog_s=10).dispense(500.0, 100.0) == 500.0


def test_an_unasked_alarm_is_told_once_with_what_remains(conversation, opened):
    """Section 10.3: sent unasked it is not acknowledged, so that it comes in place of an answer too."""
    alarm = safe_packet("00A?S")
    script = [
        *PREPARED,
        (RUN, safe_packet("00I")),
        (DIS, (safe_packet("00II0.100W0.000ML"), alarm)),
        (DIS, alarm),
        (DIS, safe_packet("00SI0.200W0.000ML")),
        *DISARMED,
        *ARMED,
        *in_safe_mode(preparation()),
        (RUN, safe_packet("00I")),
        (DIS, safe_packet("00SI0.500W0.000ML")),
        *DISARMED,
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=10)
        with pytest.raises(ReplyError, match=r"stalled.* counted 200 of 500 µL; 300 µL remain") as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("unknown", 24_800)
        assert pump.dispense(500.0, 100.0) == 500.0


def test_an_alarm_that_comes_after_run_says_nothing_of_whether_it_ran(conversation, opened):
    script = [
        *PREPARED,
        (RUN, safe_packet("00A?S")),
        (DIS, safe_packet("00SI0.010W0.000ML")),
        *DISARMED,
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=10)
        with pytest.raises(ReplyError, match="counted 10 of 500") as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("unknown", 24_990)


def test_power_lost_on_the_way_takes_the_counter_with_it(conversation, opened):
    script = [
        *PREPARED,
        (RUN, safe_packet("00I")),
        (DIS, safe_packet("00II0.100W0.000ML")),
        (DIS, safe_packet("00A?R")),
        (safe_packet("STP") * 2, None),
        *DISARMED,
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=10)
        with pytest.raises(ReplyError, match="counted 100 of 500 µL when last heard; what") as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("unknown", 24_500)


def test_a_pump_that_does_not_take_the_watchdog_is_not_run(conversation, opened):
    script = [*OPENED, (b"SAF10\r", safe_packet("00S")), (safe_packet("SAF"), safe_packet("00S200")), *DISARMED]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=10)
        with pytest.raises(ReplyError, match="told to watch for 10 s and watches for 200") as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("not_done", 25_000)


def test_a_pump_that_will_not_leave_safe_mode_is_refused(answering, monkeypatch):
    monkeypatch.setattr(new_era_talk, "ANSWER_S", 1.0)
    monkeypatch.setattr(new_era_talk, "FIND_S", 0.05)

    def pump(line: bytes):
        return None if b"SAF0" in line else safe_packet("00SNE1000V3.9" if b"VER" in line else "00S")

    with answering(b"\x03", pump) as instrument:
        driver = a_pump(instrument.port)
        with pytest.raises(DeviceTimeoutError, match="does not leave Safe mode"):
            driver.open()


def test_a_crc_may_hold_an_etx():
    texts = [f"00SI{ml / 1000:.3f}W0.000ML" for ml in range(3000)]
    tricky = [text for text in texts if b"\x03" in safe_packet(text)[-3:-1]]
    assert len(tricky) > 10
    for text in tricky:
        heard, replies = b"noise", []
        for piece in safe_packet(text).split(b"\x03")[:-1]:
            heard += piece
            replies.append(reply_of(heard, 0))
            heard += b"\x03"
        assert [reply.data for reply in replies if reply] == [text[3:]]


@pytest.mark.parametrize("frame", [packet, safe_packet])
def test_probes_know_a_pump_in_either_mode_at_any_address(frame):
    assert {probe.baud for probe in PROBES} == {19200, 9600}
    for probe in PROBES:
        assert probe.knows(b"\xff" + frame("00SNE1000V3.928")) == "NE1000V3.928"
        assert probe.knows(frame("12SNE4000X2V3.93")) == "NE4000X2V3.93"
        assert probe.knows(frame("00A?R")) == "New Era pump, with an alarm to tell"
        assert probe.knows(frame("00SNE1000V3.928")[:-1]) is None
        assert probe.knows(b"Grbl 1.1h ['$' for help]\r\nok\r\n") is None
    assert pump_in(b"") is None


def test_the_finer_syringe_and_a_faster_model(conversation, opened):
    """NE-4000: 100.3 mL/min through 26.59 mm, as its manual says; an NE-1000 takes 28.3."""
    hello = [HELLO[0], (b"VER\r", packet("00SNE4000V3.919")), *HELLO[2:]]
    with conversation([*hello, *programmed("50.14MM", diameter="26.59")]) as instrument:
        pump = opened(instrument.port, diameter_mm=26.59)
        assert pump.range.max_rate_ul_s * 0.06 == pytest.approx(100.3, rel=0.002)
