"""Doses through calibration, backlash, tubing and a valve, on a paper pump whose truth is known."""

import math
import threading

import pytest

from hardware.devices import NeedsReadying, Valved
from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, StoppedError
from hardware.fluidics import Delivery
from hardware.plunger import Cut
from tests.hardware.paper_pump import PaperPump, a_spec, limited, plain, valved

# a plain pump is itself


def test_a_plain_spec_changes_nothing():
    delivery, pump = plain()
    assert delivery.range == pump.range
    assert delivery.dispense(333.3, 7.0) == 333.3
    assert delivery.left_ul == pump.left_ul == 1000.0 - 333.3
    assert delivery.about() == {"state": "flat"}
    assert (delivery.port_now, delivery.primed, delivery.unready) == (None, True, "")
    assert isinstance(delivery, NeedsReadying)
    pump.at, pump.fault = 1, "lost"
    with pytest.raises(NotConnectedError) as caught:
        delivery.dispense(100.0, 7.0)
    assert (caught.value.message, caught.value.outcome) == ("lost", "unknown")
    assert delivery.left_ul == pump.left_ul


@pytest.mark.parametrize("volume_ul", [-1.0, 0.0, 0.4, 1001.0, math.nan, math.inf])
def test_what_the_pump_cannot_do_never_reaches_it(volume_ul):
    for delivery, pump in (plain(), plain(factor=1.1, offset_ul=3.0)):
        with pytest.raises(OutOfRangeError):
            delivery.dispense(volume_ul, 7.0)
        assert pump.log == []


@pytest.mark.parametrize("rate_ul_s", [0.0, 0.09, 501.0, math.nan, math.inf])
def test_rates_are_limited(rate_ul_s):
    delivery, pump = plain()
    with pytest.raises(OutOfRangeError, match="can do"):
        delivery.dispense(10.0, rate_ul_s)
    assert pump.log == []


def test_the_rig_files_rate_limits_too_and_is_a_true_one():
    cut = Cut(threading.Event())
    delivery = Delivery(PaperPump(cut, full=True), a_spec(factor=1.25, max_rate_ul_s=100.0), cut)
    assert delivery.range.max_rate_ul_s == 100.0
    assert delivery.range.min_rate_ul_s == pytest.approx(0.125)
    with pytest.raises(OutOfRangeError, match=r"0\.125 to 100 µL/s"):
        delivery.dispense(10.0, 100.1)
    assert Delivery(PaperPump(cut), a_spec(factor=1.25), cut).range.max_rate_ul_s == 625.0


@pytest.mark.parametrize(("said", "opens"), [(100.0, True), (625.0, True), (626.0, False), (0.1, False)])
def test_a_rate_of_the_rig_file_that_the_open_pump_has_not_is_told_with_both_numbers(said, opens):
    cut = Cut(threading.Event())
    delivery = Delivery(PaperPump(cut, full=True), a_spec(factor=1.25, max_rate_ul_s=said), cut)
    if opens:
        delivery.open()
        return
    with pytest.raises(OutOfRangeError, match=rf"max_rate_ul_s = {said:g} cannot be: .* does 0\.125 to 625 µL/s"):
        delivery.open()


# calibration


def test_the_command_is_inverted_and_the_true_volume_is_told_and_booked():
    delivery, pump = plain(factor=0.95, offset_ul=-2.0)
    left_ul = delivery.left_ul
    assert left_ul == pytest.approx(950.0), "no more than the plunger can push out"
    assert delivery.dispense(188.0, 7.0) == pytest.approx(188.0)
    assert pump.gone == {"nozzle": pytest.approx(188.0)}
    assert pump.left_ul == pytest.approx(800.0)
    assert delivery.left_ul == pytest.approx(left_ul - 188.0)
    assert delivery.about()["calibration"] == "true = 0.95 × commanded -2 µL"


def test_a_syringe_that_gives_more_than_it_says_holds_no_more_than_its_capacity():
    delivery, _ = plain(factor=1.25)
    assert delivery.left_ul == delivery.range.capacity_ul == 1000.0
    assert delivery.dispense(1000.0, 10.0) == pytest.approx(1000.0)
    delivery.loaded(500.0)
    assert delivery.left_ul == pytest.approx(500.0)
    with pytest.raises(OutOfRangeError, match="cannot hold"):
        delivery.loaded(1001.0)
    with pytest.raises(OutOfRangeError, match="refill"):
        delivery.dispense(501.0, 10.0)


def test_a_dose_cut_short_tells_and_books_its_true_part():
    delivery, pump = plain(factor=1.1)
    left_ul, pump.at, pump.fault = delivery.left_ul, 0, "stopped"
    with pytest.raises(StoppedError, match="stopped after 110 of 220 µL"):
        delivery.dispense(220.0, 10.0)
    assert left_ul - delivery.left_ul == pytest.approx(110.0) == pump.gone["nozzle"]


# backlash


def test_a_reversal_takes_up_the_slack_and_a_dose_after_a_dose_does_not():
    delivery, pump = plain(backlash_ul=4.0)
    assert delivery.dispense(100.0, 10.0) == 100.0
    assert delivery.aspirate(50.0, 10.0) == pytest.approx(50.0)
    assert delivery.dispense(50.0, 10.0) == pytest.approx(50.0)
    assert delivery.dispense(50.0, 10.0) == pytest.approx(50.0)
    assert pump.gone["nozzle"] == pytest.approx(200.0)
    assert pump.drawn_ul == pytest.approx(50.0)
    assert delivery.left_ul == pytest.approx(850.0)


def test_slack_that_was_taken_up_in_part_is_remembered():
    delivery, pump = plain(backlash_ul=4.0)
    delivery.dispense(100.0, 10.0)
    delivery.aspirate(20.0, 10.0)
    pump.at, pump.fault, pump.share = 2, "stopped", 0.2  # 0.2 * (6 + 4) = 2 of the 4
    with pytest.raises(StoppedError, match="stopped after 0 of 6"):
        delivery.dispense(6.0, 10.0)
    assert delivery.dispense(6.0, 10.0) == pytest.approx(6.0)
    assert pump.gone["nozzle"] == pytest.approx(106.0)


# tubing, and what must be made ready


def test_tubing_that_is_not_filled_is_known_and_said():
    delivery, pump = valved(dead_volume_ul=120.0)
    assert not delivery.primed
    assert "priming pushes 120 µL" in delivery.unready
    assert delivery.about()["tubing"] == "120 µL, not primed"
    with pytest.raises(HardwareError, match="not filled") as caught:
        delivery.dispense(10.0, 10.0)
    assert (caught.value.outcome, pump.log) == ("not_done", [])
    assert delivery.prime() == pytest.approx(120.0)
    assert (delivery.primed, delivery.unready, delivery.about()["tubing"]) == (True, "", "120 µL, primed")
    assert delivery.left_ul == pytest.approx(50_000 - 120)
    assert delivery.dispense(10.0, 10.0) == pytest.approx(10.0)


def test_priming_that_was_stopped_has_not_primed():
    delivery, pump = valved(dead_volume_ul=120.0)
    pump.at, pump.fault = 1, "stopped"
    with pytest.raises(StoppedError):
        delivery.prime()
    assert not delivery.primed
    assert delivery.left_ul == pytest.approx(50_000 - 60)
    delivery.filled()
    assert delivery.primed


def test_the_pumps_own_movement_comes_before_the_tubing():
    delivery, pump = valved(dead_volume_ul=120.0)
    pump.unready, pump.left_ul = "was switched off", 300.0
    assert delivery.unready == "was switched off"
    delivery.make_ready()
    assert delivery.left_ul == pytest.approx(50_000 - 300), "what it pushed out is gone"
    assert "priming" in delivery.unready
    delivery.make_ready()
    assert delivery.unready == ""
    assert isinstance(delivery, Valved)


# below the rig's limits


def test_priming_counts_for_the_vial_and_is_refused_where_it_would_overflow():
    delivery, pump = valved(dead_volume_ul=120.0)
    rig_pump, station = limited(delivery)
    station.set_contents("A1", 6400.0)
    with pytest.raises(OutOfRangeError, match="fill limit"):
        rig_pump.make_ready()
    assert pump.log == []
    station.set_contents("A1", 0.0)
    rig_pump.make_ready()
    assert station.contents_ul("A1") == pytest.approx(120.0)
    assert rig_pump.unready == ""


def test_a_pump_is_not_made_ready_over_a_vial():
    delivery, pump = valved()
    rig_pump, station = limited(delivery)
    pump.unready = "was switched off"
    with pytest.raises(OutOfRangeError, match="vial A1 is under the nozzles"):
        rig_pump.make_ready()
    assert pump.log == []
    for at_mm in ((25.0, 25.0, 0.0), None):  # between the vials; or nobody knows where, and a person has said so
        station._stage.at_mm, pump.unready = at_mm, "was switched off"
        rig_pump.make_ready()
    assert pump.unready == ""
    station.latch.set()
    with pytest.raises(StoppedError):
        rig_pump.make_ready()


def test_a_dose_of_many_strokes_never_passes_the_fill_limit():
    delivery, pump = valved()
    rig_pump, station = limited(delivery)
    rig_pump.pour("A1", 6000.0, 50.0)
    with pytest.raises(OutOfRangeError, match="fill limit"):
        rig_pump.pour("A1", 501.0, 50.0)
    pump.at, pump.fault = pump.moves + 1, "lost"
    with pytest.raises(NotConnectedError):
        rig_pump.pour("A1", 400.0, 50.0)
    assert station.contents_ul("A1") == pytest.approx(6400.0)
    assert pump.gone["O"] <= 6400.0
