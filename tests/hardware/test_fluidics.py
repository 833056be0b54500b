"""Doses through calibration, backlash, tubing and a valve, on a paper pump whose truth is known."""

import math
import threading

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hardware.devices import NeedsReadying, Valved
from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, StoppedError
from hardware.fluidics import Delivery, for_driver
from hardware.limits import LimitedPump, Station
from hardware.plunger import Cut
from hardware.spec import PumpSpec, RackSpec, VialSpec
from tests.hardware.paper_pump import FAULTS, PaperPump, ValvedPaperPump

PORTS = {"draw": "I", "deliver": "O", "waste": "B"}


def a_spec(**fields) -> PumpSpec:
    return PumpSpec("paper", "COM1", 10.0, 1000.0, {}, **fields)


def plain(**fields) -> tuple[Delivery, PaperPump]:
    cut = Cut(threading.Event())
    pump = PaperPump(cut, full=True, **fields)
    return Delivery(pump, a_spec(**fields), cut), pump


def valved(
    bottle_ul: float = 50_000.0, *, dead_volume_ul: float = 0.0, **fields
) -> tuple[Delivery, ValvedPaperPump]:
    cut = Cut(threading.Event())
    pump = ValvedPaperPump(cut, **fields)
    spec = a_spec(bottle_ul=bottle_ul, ports=PORTS, dead_volume_ul=dead_volume_ul, **fields)
    return Delivery(pump, spec, cut), pump


class StandsAt:
    """A stage that stands at A1 and knows it, or not."""

    name, homed, travel_mm = "stage", True, (100.0, 100.0, 50.0)

    def __init__(self) -> None:
        self.at_mm: tuple[float, float, float] | None = (10.0, 10.0, 0.0)

    def position_mm(self):
        if self.at_mm is None:
            raise HardwareError("stage", "does not know its position; home it first")
        return self.at_mm


def limited(delivery: Delivery, fill_limit_ul: float = 6500.0) -> tuple[LimitedPump, Station]:
    rack = RackSpec(2, 2, 30.0, (10.0, 10.0), VialSpec(8000, fill_limit_ul, 15, 17, 60))
    station = Station(StandsAt(), rack, delivery._cut._latch)
    return LimitedPump(delivery, station), station


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


# strokes through a valve


def test_a_large_dose_is_drawn_and_delivered_in_equal_strokes():
    delivery, pump = valved()
    assert delivery.range.capacity_ul == 50_000.0
    assert delivery.dispense(2500.0, 50.0) == pytest.approx(2500.0)
    ways = [(what, where) for what, where in pump.log]
    stroke = [("turn", "I"), ("in", "I"), ("turn", "O"), ("out", "O")]
    assert ways == stroke * 3
    assert pump.gone == {"O": pytest.approx(2500.0)}
    assert delivery.left_ul == pytest.approx(47_500.0)
    assert delivery.about()["bottle"] == "47500 of 50000 µL left"


def test_no_last_stroke_is_too_small_for_the_pump():
    delivery, pump = valved()
    assert delivery.dispense(1000.2, 50.0) == pytest.approx(1000.2)
    assert pump.moves == 4


def test_a_whole_syringe_is_one_stroke():
    delivery, pump = valved()
    delivery.dispense(1000.0, 50.0)
    assert pump.moves == 2


def test_a_bottle_is_never_drawn_below_nothing():
    delivery, pump = valved(bottle_ul=2000.0)
    delivery.dispense(1500.0, 50.0)
    moves = pump.moves
    with pytest.raises(OutOfRangeError, match="only 500 µL left in the bottle"):
        delivery.dispense(501.0, 50.0)
    assert pump.moves == moves
    delivery.loaded(2000.0)
    assert delivery.left_ul == 2000.0
    with pytest.raises(OutOfRangeError, match="cannot hold"):
        delivery.loaded(2001.0)


def test_a_stop_in_the_third_stroke_counts_what_was_delivered():
    delivery, pump = valved()
    pump.at, pump.fault = 5, "stopped"
    with pytest.raises(StoppedError, match="stopped after 2000 of 2400 µL"):
        delivery.dispense(2400.0, 50.0)
    assert pump.gone["O"] == pytest.approx(2000.0)
    assert delivery.left_ul == pytest.approx(48_000.0)
    assert delivery.dispense(100.0, 50.0) == pytest.approx(100.0)


def test_a_stop_between_two_strokes_prevents_the_next():
    for number in range(1, 6):
        delivery, pump = valved()
        pump.on_move = lambda d=delivery, p=pump, n=number: d.stop() if p.moves == n else None
        with pytest.raises(StoppedError):
            delivery.dispense(2400.0, 50.0)
        assert pump.moves == number
        assert pump.gone.get("O", 0.0) == pytest.approx(800.0 * ((number - 1) // 2))
        assert delivery.left_ul == pytest.approx(50_000 - pump.gone.get("O", 0.0))


def test_the_latch_of_the_rig_prevents_everything():
    delivery, pump = valved()
    delivery._cut._latch.set()
    for act in (
        lambda: delivery.dispense(10.0, 10.0),
        lambda: delivery.select("I"),
        lambda: delivery.discard(10.0),
    ):
        with pytest.raises(StoppedError):
            act()
    assert pump.log == []


@pytest.mark.parametrize("fault", ["lost", "silent", "stalled"])
def test_unknown_in_one_stroke_is_unknown_in_all_and_nothing_is_sent_again(fault):
    delivery, pump = valved()
    pump.at, pump.fault = 3, fault
    with pytest.raises(HardwareError, match="of 2400 µL are booked as delivered") as caught:
        delivery.dispense(2400.0, 50.0)
    assert caught.value.outcome == "unknown"
    assert pump.moves == 4
    assert pump.gone["O"] == pytest.approx(1200.0)
    booked_ul = 50_000.0 - delivery.left_ul
    assert booked_ul == pytest.approx(1200.0 if fault == "stalled" else 1600.0), "in full where nobody knows"


def test_refused_in_the_first_stroke_is_not_done_and_later_it_is_not_to_be_repeated():
    for at, outcome in ((0, "not_done"), (1, "not_done"), (2, "unknown"), (3, "unknown")):
        delivery, pump = valved()
        pump.at, pump.fault = at, "refused"
        with pytest.raises(HardwareError) as caught:
            delivery.dispense(2400.0, 50.0)
        assert caught.value.outcome == outcome
        assert delivery.left_ul == pytest.approx(50_000.0 - pump.gone.get("O", 0.0))


def test_what_is_left_in_the_syringe_is_used_first():
    delivery, pump = valved()
    delivery.dispense(100.0, 50.0)
    left_ul = pump.left_ul
    assert left_ul < 1.0
    assert delivery.aspirate(200.0, 50.0) == pytest.approx(200.0)
    moves = pump.moves
    delivery.dispense(150.0, 50.0)
    assert pump.moves == moves + 1
    with pytest.raises(OutOfRangeError, match="room in the syringe"):
        delivery.aspirate(960.0, 50.0)


def test_a_bottle_needs_a_valve():
    cut = Cut(threading.Event())
    with pytest.raises(HardwareError, match="needs a pump with a valve"):
        Delivery(PaperPump(cut), a_spec(bottle_ul=1000.0), cut)
    delivery, _ = plain()
    with pytest.raises(OutOfRangeError, match="no valve"):
        delivery.select("I")


def test_waste_goes_through_its_port_and_is_booked():
    delivery, pump = valved()
    assert delivery.discard(1500.0) == pytest.approx(1500.0)
    assert pump.gone == {"B": pytest.approx(1500.0)}
    assert delivery.left_ul == pytest.approx(48_500.0)
    with pytest.raises(OutOfRangeError, match="no port to waste"):
        plain()[0].discard(10.0)
    assert for_driver(a_spec(ports=PORTS)).ports == {"draw": "I", "waste": "B"}
    assert for_driver(a_spec(ports={"draw": "I", "deliver": "O"})).ports == {"draw": "I", "deliver": "O"}


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


def tried(act) -> tuple[float | None, str]:
    """What a command returned, and "done" or the outcome of its error."""
    try:
        return act(), "done"
    except HardwareError as error:
        return None, error.outcome


volumes = st.floats(1.0, 4000.0)
faults = st.tuples(st.integers(0, 25), st.sampled_from(FAULTS), st.floats(0.0, 1.0))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(volumes, min_size=1, max_size=6), st.floats(0.8, 1.25), st.floats(-5, 5), st.floats(0, 20),
    faults, st.sampled_from((None, "I", "O")),
)  # fmt: skip
def test_what_the_world_got_is_what_is_booked(doses, factor, offset_ul, backlash_ul, fault, port):
    """Exactly where the pump counts; never less than the world got where nobody knows."""
    delivery, pump = valved(8000.0, factor=factor, offset_ul=offset_ul, backlash_ul=backlash_ul)
    rig_pump, station = limited(delivery)
    pump.at, pump.fault, pump.share = fault
    pump.port_now = port
    exact = True
    for volume_ul in doses:
        before_ul = pump.gone.get("O", 0.0)
        told_ul, outcome = tried(lambda v=volume_ul: rig_pump.pour("A1", v, 50.0))
        moved_ul = pump.gone.get("O", 0.0) - before_ul
        if outcome == "done":
            assert told_ul == pytest.approx(moved_ul, abs=1e-6) == pytest.approx(volume_ul, abs=1e-6)
        assert outcome != "not_done" or moved_ul == 0.0
        exact = exact and (outcome != "unknown" or pump.fault not in ("lost", "silent"))
        into_ul, booked_ul = pump.gone.get("O", 0.0), station.contents_ul("A1")
        assert into_ul <= station.rack.vial.fill_limit_ul + 1e-6
        assert into_ul <= booked_ul + 1e-6
        assert booked_ul == pytest.approx(8000.0 - rig_pump.left_ul, abs=1e-6)
        assert rig_pump.left_ul >= 0
        assert pump.drawn_ul <= 8000.0 + 2 * backlash_ul + 10, "the bottle is not drawn dry"
        if exact:
            assert booked_ul == pytest.approx(into_ul, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(1.0, 400.0)), max_size=10), st.floats(0.8, 1.25), st.floats(-5, 5),
    st.floats(0, 20), faults,
)  # fmt: skip
def test_a_syringe_without_a_valve_is_booked_as_well(moves, factor, offset_ul, backlash_ul, fault):
    assume(fault[1] not in ("lost", "silent"))
    delivery, pump = plain(factor=factor, offset_ul=offset_ul, backlash_ul=backlash_ul)
    pump.at, pump.fault, pump.share = fault
    full_ul, drawn_ul = delivery.left_ul, 0.0
    for draws, volume_ul in moves:
        before_ul = pump.drawn_ul
        told_ul, outcome = tried(
            lambda d=draws, v=volume_ul: (delivery.aspirate if d else delivery.dispense)(v, 20.0)
        )
        if outcome == "done":
            assert told_ul == pytest.approx(pump.drawn_ul - before_ul if draws else volume_ul, abs=1e-6)
        drawn_ul = pump.drawn_ul
        gone_ul = pump.gone.get("nozzle", 0.0)
        assert delivery.left_ul == pytest.approx(max(0.0, full_ul + drawn_ul - gone_ul), abs=1e-5)
