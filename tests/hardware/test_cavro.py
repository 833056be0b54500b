"""Conversations with a Cavro pump in DT, as in chapter 3 of the XLP 6000 manual."""

import pytest

from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    OutOfRangeError,
    ReplyError,
)
from hardware.parts import cavro_talk
from tests.hardware.cavro_talk import FIRMWARE, a_pump, asked, dt, greeting, looked_again, opening, prepared

pytestmark = pytest.mark.usefixtures("quick_unplug")


@pytest.fixture
def opened():
    yield from opening()


def test_a_dispense_reads_like_the_manual(conversation, opened):
    script = [
        *greeting(3000),
        *prepared(3000, 600),
        (b"/1A1500R\r", dt("@")),
        asked("Q", status="@"),
        asked("Q"),
        asked("?", "1500"),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        assert not pump.unready
        assert pump.left_ul == 500.0
        assert pump.dispense(250.0, 100.0) == 250.0
        assert pump.left_ul == 250.0


def test_an_aspiration_turns_the_valve_first_and_makes_sure(conversation, opened):
    script = [
        *greeting(600),
        asked("Q"),
        asked("?", "600"),
        asked("?6", "o"),
        (b"/1IR\r", dt("@")),
        asked("Q", status="@"),
        asked("Q"),
        asked("?6", "i"),
        asked("V60R"),
        asked("Q"),
        asked("?2", "60"),
        (b"/1A660R\r", dt("@")),
        asked("Q"),
        asked("?", "660"),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        assert pump.aspirate(10.0, 10.0) == 10.0
        assert pump.port_now == "I"


def test_a_valve_that_did_not_turn_stops_the_dose_before_the_plunger_moves(conversation, opened):
    script = [*greeting(600, "i"), asked("Q"), asked("?", "600"), asked("?6", "i"), asked("OR"), asked("Q"),
              asked("?6", "i"), asked("&", FIRMWARE), asked("Q"), asked("?6", "i")]  # fmt: skip
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError, match="turned its valve to I, not to O") as caught:
            pump.dispense(10.0, 10.0)
    assert caught.value.outcome == "not_done"


@pytest.mark.parametrize(("now", "wanted", "command"), [("1", "3", "I3"), ("1", "O6", "O6"), ("6", "i1", "I1")])
def test_a_distribution_valve_is_turned_the_shorter_way(conversation, opened, now, wanted, command):
    script = [*greeting(600, now), asked("Q"), asked("?6", now), asked(f"{command}R"), asked("Q"),
              asked("?6", wanted[-1])]  # fmt: skip
    with conversation(script) as instrument:
        pump = opened(instrument.port, valve="distribution", valve_ports=6, ports={})
        pump.select(wanted)
        assert pump.port_now == wanted[-1]
        with pytest.raises(OutOfRangeError, match="its ports are 1, 2"):
            pump.select("7")


def test_microsteps_are_set_and_read_back(conversation, opened):
    script = [
        asked("&", FIRMWARE),
        asked("Q"),
        asked("?28", "0"),
        asked("Q"),
        asked("N1R"),
        asked("Q"),
        asked("?28", "1"),
        *greeting(24_000)[4:],
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, microstep=1)
        assert pump.left_ul == 500.0
        assert pump.range.step_ul == pytest.approx(1000 / 48_000)


def test_a_pump_just_switched_on_may_look_like_one_at_the_top_and_is_not_used(conversation, opened):
    with conversation(greeting(0)) as instrument:
        pump = opened(instrument.port)
        assert "through port O (deliver)" in pump.unready
        assert "up to 1000 µL" in pump.unready
        for use in (lambda: pump.aspirate(100, 100), lambda: pump.select("I")):
            with pytest.raises(HardwareError, match="switched on") as caught:
                use()
            assert caught.value.outcome == "not_done"


@pytest.mark.parametrize(("capacity_ul", "force"), [(5000.0, 0), (1000.0, 0), (500.0, 1), (250.0, 1), (50.0, 2)])
def test_initialising_uses_the_force_for_the_syringe(conversation, opened, capacity_ul, force):
    script = [
        *greeting(0),
        asked("Q", status="g"),
        asked("Q", status="g"),
        asked("Q", status="g"),
        (f"/1Z{force}R\r".encode(), dt("G")),
        asked("Q", status="@"),
        asked("Q"),
        asked("&", FIRMWARE),
        asked("Q"),
        asked("Q"),
        asked("?", "0"),
        asked("?28", "0"),
        asked("Q"),
        asked("?6", "i"),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port, capacity_ul=capacity_ul)
        pump.make_ready()
        assert (pump.unready, pump.left_ul, pump.port_now) == ("", 0.0, "I")


def test_a_distribution_valve_sends_what_initialising_expels_to_waste(conversation, opened):
    ports = {"draw": "I1", "deliver": "O2", "waste": "9"}
    failed = [(b"/1Y0,1,9R\r", dt("a")), asked("Q"), asked("&", FIRMWARE), asked("Q"), asked("Q", status="a")]
    with conversation([*greeting(0, "1"), asked("Q"), *failed]) as instrument:
        pump = opened(instrument.port, ports=ports, valve="distribution", valve_ports=9, initialise="Y")
        assert "through port 9 (waste)" in pump.unready
        with pytest.raises(ReplyError, match="could not initialise"):
            pump.make_ready()
        assert pump.unready


def test_errors_come_late_and_are_told_once_by_the_pump_and_kept_by_the_driver(conversation, opened):
    moved = [*prepared(3000, 600), asked("A1500R", status="@"), asked("Q", status="i"),
             *looked_again(2100)]  # fmt: skip
    with conversation([*greeting(3000), *moved]) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError, match="150 of 250 µL") as caught:
            pump.dispense(250.0, 100.0)
        assert caught.value.outcome == "unknown"
        assert pump.left_ul == 350.0
        with pytest.raises(HardwareError, match="Making it ready"):
            pump.dispense(10.0, 100.0)


@pytest.mark.parametrize(
    ("status", "unready"), [("c", False), ("k", False), ("o", False), ("b", False), ("g", True), ("a", True)]
)
def test_a_move_that_was_refused_did_nothing(conversation, opened, status, unready):
    refused = [*prepared(3000, 600), asked("A1500R"), asked("Q", status=status),
               *looked_again(3000)]  # fmt: skip
    with conversation([*greeting(3000), *refused]) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError) as caught:
            pump.dispense(250.0, 100.0)
        assert caught.value.outcome == "not_done"
        assert pump.left_ul == 500.0
        assert bool(pump.unready) == unready


def test_an_overload_without_a_step_is_not_taken_for_nothing(conversation, opened):
    refused = [*prepared(3000, 600), asked("A1500R"), asked("Q", status="i"),
               *looked_again(3000)]  # fmt: skip
    with conversation([*greeting(3000), *refused]) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError) as caught:
            pump.dispense(250.0, 100.0)
        assert caught.value.outcome == "unknown"
        assert pump.unready


def test_a_lost_answer_is_settled_by_the_position_and_the_move_is_not_sent_again(conversation, opened, monkeypatch):
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)
    script = [*greeting(3000), *prepared(3000, 600), (b"/1A1500R\r", None), asked("&", FIRMWARE), asked("Q"),
              asked("?", "1500")]  # fmt: skip
    with conversation(script) as instrument:
        assert opened(instrument.port).dispense(250.0, 100.0) == 250.0
        assert instrument.heard.count(b"A1500R") == 1


def test_a_move_that_was_never_heard_is_known_not_to_be_done(conversation, opened, monkeypatch):
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)
    stands = [asked("Q"), *looked_again(3000)]
    script = [*greeting(3000), *prepared(3000, 600), (b"/1A1500R\r", None), asked("&", FIRMWARE), *stands * 4]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(DeviceTimeoutError, match="did not start") as caught:
            pump.dispense(250.0, 100.0)
        assert caught.value.outcome == "not_done"
        assert pump.left_ul == 500.0
        assert not pump.unready


def test_an_answer_that_comes_late_is_not_taken_for_the_next(conversation, opened, monkeypatch):
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)
    late = dt("`") + dt("`", FIRMWARE)  # the answer to A, which says ready, and then the answer to the question
    script = [*greeting(3000), *prepared(3000, 600), (b"/1A1500R\r", None), (b"/1&\r", late),
              asked("Q", status="@"), asked("Q"), asked("?", "1500")]  # fmt: skip
    with conversation(script) as instrument:
        assert opened(instrument.port).dispense(250.0, 100.0) == 250.0


def test_a_plunger_that_is_not_where_it_was_left_is_not_used(conversation, opened):
    moved = [asked("?", "0"), asked("&", FIRMWARE), asked("?", "0")]
    script = [*greeting(3000), asked("Q"), *moved, *moved, asked("?6", "o")]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(HardwareError, match="does not stand where it was left") as caught:
            pump.dispense(250.0, 100.0)
        assert caught.value.outcome == "not_done"
        assert pump.left_ul == 0.0


def test_a_position_is_believed_only_when_it_is_told_twice(conversation, opened):
    script = [*greeting(3000)[:4], asked("?", "300"), asked("&", FIRMWARE), asked("?", "3000"),
              asked("&", FIRMWARE), asked("?", "3000"), *greeting(3000)[7:]]  # fmt: skip
    with conversation(script) as instrument:
        assert opened(instrument.port).left_ul == 500.0


def test_a_speed_that_was_not_kept_is_noticed(conversation, opened):
    script = [*greeting(3000), *prepared(3000, 600)[:-1], asked("?2", "1400")]
    with conversation(script) as instrument, pytest.raises(ReplyError, match="told 600 and kept 1400") as caught:
        opened(instrument.port).dispense(250.0, 100.0)
    assert caught.value.outcome == "not_done"


def test_a_pump_that_still_moves_is_stopped_when_it_is_opened(conversation, opened):
    script = [asked("&", FIRMWARE), asked("Q", status="@"), (b"/1T\r", dt("`")), asked("&", FIRMWARE), asked("Q"),
              *greeting(3000)[2:]]  # fmt: skip
    with conversation(script) as instrument:
        assert "moved for a program that is gone" in opened(instrument.port).unready


def test_what_the_syringe_holds_is_where_the_plunger_stands(conversation, opened):
    with conversation(greeting(3000)) as instrument:
        pump = opened(instrument.port)
        pump.loaded(503)
        assert pump.left_ul == 500.0
        for volume_ul in (1000.0, 0.0, float("nan")):
            with pytest.raises(OutOfRangeError, match="plunger says that the syringe holds 500"):
                pump.loaded(volume_ul)


@pytest.mark.parametrize(
    ("volume_ul", "rate_ul_s"),
    [(0.0, 100.0), (0.1, 100.0), (-5.0, 100.0), (float("nan"), 100.0), (1001.0, 100.0), (501.0, 100.0),
     (100.0, 0.0), (100.0, 0.8), (100.0, 1001.0), (100.0, float("nan"))],
)  # fmt: skip
def test_what_the_pump_cannot_do_is_refused_before_anything_is_sent(conversation, opened, volume_ul, rate_ul_s):
    with conversation(greeting(3000)) as instrument, pytest.raises(OutOfRangeError):
        opened(instrument.port).dispense(volume_ul, rate_ul_s)


def test_a_port_of_the_rig_file_that_the_valve_has_not_is_told_before_anything_is_sent(conversation):
    with conversation([]) as instrument:
        for valve, ports in (
            ("3-port", {"draw": "E"}),
            ("none", {"deliver": "O"}),
            ("distribution", {"waste": "7"}),
        ):
            with pytest.raises(OutOfRangeError, match="of the rig file"):
                a_pump(instrument.port, ports=ports, valve=valve).open()


def test_a_pump_on_another_address_is_called_by_its_character_and_echoes_are_not_heard(conversation, opened):
    script = [
        (sent.replace(b"/1", b"/?", 1), (sent.replace(b"/1", b"/?", 1), b"\xff", told)) for sent, told in greeting()
    ]
    with conversation(script) as instrument:
        assert opened(instrument.port, address=15).left_ul == 500.0
