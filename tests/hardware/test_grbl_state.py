"""What is made of lines that come in any order, in any pieces, between any noise."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.dialects.grbl import Build, build_of, number, setting_of, status_of
from hardware.dialects.grbl_codes import ALARMS, ERRORS, KEEPS_POSITION
from hardware.dialects.grbl_settings import Told, frame_of
from hardware.parts.grbl_state import Controller

BANNER = b"\r\nGrbl 1.1h ['$' for help]\r\n"
SAID = [
    b"ok\r\n", b"error:9\r\n", b"ALARM:1\r\n", b"ALARM:2\r\n", b"ALARM:9\r\n", BANNER, b"[MSG:Pgm End]\r\n",
    b"<Idle|MPos:1.000,2.000,3.000|FS:0,0>\r\n",
    b"<Run|WPos:1.000,2.000,3.000,4.000|Bf:15,128|WCO:1.000,0.000,0.000,0.000>\r\n",
    b"<Alarm|MPos:0.000,0.000,0.000|FS:0,0>\r\n", b"<Sleep|MPos:0.000,0.000,0.000>\r\n", b"$100=80.000\r\n",
]  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(SAID), st.binary(max_size=30)), max_size=20),
    st.lists(st.integers(1, 40), min_size=1, max_size=10),
)
def test_it_does_not_matter_in_which_pieces_lines_come(said, cuts):
    whole = b"".join(said)
    once, pieces = Controller(), Controller()
    once.hear(whole, 100.0)
    for cut in itertools.cycle(cuts):
        pieces.hear(whole[:cut], 100.0)
        whole = whole[cut:]
        if not whole:
            break
    for field in ("homed", "answers", "alarm", "banners", "upsets", "status", "reports", "offset_mm", "why_lost"):
        assert getattr(once, field) == getattr(pieces, field), field


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_neither_homes_nor_answers(noise):
    c = Controller()
    c.hear(noise, 0.0)
    assert not c.homed
    assert all(answer == "ok" or answer.startswith("error:") for answer in c.answers)


def test_what_each_alarm_makes_of_the_position():
    for code in ALARMS:
        c = Controller()
        c.found()
        c.hear(f"ALARM:{code}\r\n".encode(), 0.0)
        assert c.homed == (code in KEEPS_POSITION)
        c.hear(f"<Alarm:{code}|MPos:1.000,1.000,1.000|FS:0,0>\r\n".encode(), 0.0)
        assert c.homed == (code in KEEPS_POSITION)
        assert c.upset[0] == f"ALARM:{code}"


def test_an_alarm_that_was_missed_is_seen_in_the_state_and_a_banner_that_was_asked_for_is_no_restart():
    c = Controller()
    c.found()
    c.sends_reset(10.0)
    c.hear(BANNER, 10.1)
    assert c.homed
    assert c.upsets == 0
    c.hear(b"<Alarm|MPos:1.000,1.000,1.000|FS:0,0>\r\n", 10.2)
    assert not c.homed
    c.found()
    c.hear(BANNER, 20.0)
    assert not c.homed
    assert c.upsets == 1


def test_a_stop_in_motion_loses_the_position_without_being_an_accident():
    c = Controller()
    c.found()
    c.sends_reset(10.0)
    c.hear(b"ALARM:3\r\n", 10.1)
    assert not c.homed
    assert c.upsets == 0
    c.hear(BANNER, 10.7)
    assert c.upsets == 0


def test_every_error_of_the_manual_has_words():
    assert {str(n) for n in range(1, 39)} - {"18", "19"} <= ERRORS.keys()
    assert {str(n) for n in range(1, 11)} <= ALARMS.keys()


def test_endless_noise_is_told():
    c = Controller()
    assert c.hear(b"x" * 600, 0.0)
    assert not c.hear(b"x" * 600, 0.0)


@settings(deadline=None)
@given(st.text("<>|:,.-0123456789IdleRunMPosWCOBfH", max_size=60))
def test_no_line_is_half_understood(text):
    status = status_of(text)
    if status is not None:
        assert text.startswith("<")
        assert text.endswith(">")
        for axes in (status.machine_mm, status.work_mm, status.offset_mm):
            assert axes is None or all(abs(a) < 1_000_000 for a in axes)


@settings(deadline=None)
@given(st.floats(-2000, 2000))
def test_numbers_are_said_without_exponents_and_to_a_tenth_of_a_micrometre(value):
    text = number(value)
    assert abs(float(text) - value) <= 0.00005 + 1e-9
    assert set(text) <= set("-.0123456789")
    assert len(text) <= 10


def test_builds_and_settings():
    hal = ["[VER:1.1f.20231005:mill]", "[OPT:VNMSL,100,1024,4,0]", "[AXS:4:XYZA]", "[NEWOPT:ENUMS]",
           "[FIRMWARE:grblHAL]"]  # fmt: skip
    assert build_of(hal) == Build("1.1f.20231005", "grblHAL", "VNMSL", 100, 1024, "XYZA")
    assert build_of(["[VER:1.1h.20190830:]", "[OPT:V]"]) == Build("1.1h.20190830", "GRBL", "V")
    assert build_of(["[0.9j.20160303:]"]).version == ""
    assert setting_of("$110=500.000 (x max rate, mm/min)") == (110, 500.0)
    assert setting_of("$70=grbl") is None


def test_the_window_of_the_machine_and_the_zero_of_the_stage():
    values = {22: 1.0, 23: 1.0, 27: 1.0, 130: 200.0, 131: 100.0}
    as_built = Told(values, Build(options="V"))
    assert as_built.window_mm(0) == (-200, 0)
    frame = frame_of(as_built, (-199.0, -1.0), (0.0, 0.0), "auto")
    assert [frame.machine_mm(0, 10), frame.machine_mm(1, 10)] == [-189, -11]
    assert frame.stage_mm((-189.0, -11.0)) == (10, 10)
    forced = Told(values, Build(options="VZ"))
    assert forced.window_mm(0) == (0, 200)
    assert forced.window_mm(1) == (-100, 0)
    assert Told(values | {22: 9.0}, Build(firmware="grblHAL")).ends_at_zero
    assert frame_of(as_built, (-199.0, -1.0), (-200.0, 0.0), "home").name == "from where homing ended"


def test_a_move_lasts_as_long_as_its_slowest_axis():
    told = Told({110: 600.0, 112: 60.0, 120: 10.0, 122: 10.0}, Build())
    assert told.lasts_s({0: 100.0}, 6000) == 10 + 2
    assert told.lasts_s({0: 100.0, 2: 30.0}, 6000) >= 30
    assert Told({110: 600.0}).lasts_s({0: 100.0}, 0.1) == pytest.approx(6000), "no slower than 1 mm/min"
