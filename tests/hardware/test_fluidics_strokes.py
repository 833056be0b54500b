"""Doses above one stroke, faults and stops in any of them: what the world got is what is booked."""

import threading

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.fluidics import Delivery, for_driver
from hardware.plunger import Cut
from tests.hardware.paper_pump import FAULTS, PORTS, PaperPump, a_spec, limited, plain, valved

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


def tried(act) -> tuple[float | None, str]:
    """What a command returned, and "done" or the outcome of its error."""
    try:
        return act(), "done"
    except HardwareError as error:
        return None, error.outcome


volumes = st.floats(1.0, 4000.0)
faults = st.tuples(st.integers(0, 25), st.sampled_from(FAULTS), st.just(0.0) | st.floats(0.01, 1.0))


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
