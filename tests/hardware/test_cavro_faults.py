"""Cavro pumps when bytes get lost: cables, answers, power. The world tells what truly happened."""

import time

import pytest

from hardware.errors import HardwareError, StoppedError
from hardware.parts import cavro_talk
from hardware.wire import Wire
from tests.hardware.cavro_talk import a_bench, at_work
from tests.hardware.pump_faults import in_background, until
from tests.hardware.unplug import Cable, outcome_of

pytestmark = pytest.mark.usefixtures("quick_unplug")
PROTOCOLS = pytest.mark.parametrize("protocol", ["dt", "oem"])
FILLED_UL, DOSE_UL = 900.0, 60.0


@PROTOCOLS
@pytest.mark.parametrize(("way", "step"), [("dispense", 1), ("aspirate", 5)])
def test_a_cable_pulled_at_any_byte(protocol, way, step, monkeypatch):
    """Whatever the byte, of the valve's turn too: one state, the truth about the dose, and no second one when the
    cable is in again."""
    monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)  # a block cut before its checksum swallows the next block
    with a_bench(speed=2000.0, protocol=protocol) as bench:
        cable = Cable(bench.instrument.address)
        pump = bench.driver(port=cable.address)
        pump.open()
        pump.make_ready()
        pump.aspirate(FILLED_UL - 200, 1000.0)
        outcomes, k = [], 0
        while "done" not in outcomes:
            if not DOSE_UL < pump.left_ul < FILLED_UL:
                getattr(pump, "aspirate" if pump.left_ul < FILLED_UL / 2 else "dispense")(FILLED_UL / 2, 1000.0)
            pump.select("B")
            before_ul, true_before_ul = pump.left_ul, bench.world.left_ul("red")
            cable.pull_at(k)
            outcomes.append(outcome_of(lambda: getattr(pump, way)(DOSE_UL, 1000.0)))
            carried = cable.carried
            cable.pull_at(None)
            booked_ul = abs(pump.left_ul - before_ul)
            while bench.pump.ends_in_s() < 10:
                time.sleep(0.001)
            pump.open()
            assert not pump.unready, f"at byte {k}: {pump.unready}"
            moved_ul = abs(bench.world.left_ul("red") - true_before_ul)
            assert moved_ul <= DOSE_UL * 1.03, f"dosed twice at byte {k}"
            assert abs(pump.left_ul - before_ul) == pytest.approx(moved_ul, rel=0.03), "the plunger tells the truth"
            if outcomes[-1] == "not_done":
                assert (moved_ul, booked_ul) == (0, 0), f"at byte {k}"
            elif way == "dispense" or outcomes[-1] == "done":
                assert booked_ul == pytest.approx(DOSE_UL), f"at byte {k}"
            if outcomes[-1] == "done":
                assert moved_ul == pytest.approx(DOSE_UL, rel=0.03)
            k += step
        pump.close()
        cable.close()
        assert {"not_done", "unknown", "done"} == set(outcomes)
        assert carried > 150


@PROTOCOLS
def test_a_cable_pulled_while_it_initialises_leaves_it_unready(protocol):
    with a_bench(speed=2000.0, protocol=protocol) as bench:
        cable = Cable(bench.instrument.address)
        pump = bench.driver(port=cable.address)
        pump.open()
        outcomes, k = [], 0
        while "done" not in outcomes:
            cable.pull_at(k)
            outcomes.append(outcome_of(pump.make_ready))
            cable.pull_at(None)
            pump.open()
            assert outcomes[-1] in ("done", "unknown") or not bench.pump.initialised
            assert bench.pump.initialised or pump.unready, f"at byte {k}"
            assert outcomes[-1] != "done" or not pump.unready
            k += 7
        assert bench.spilled_ul() == pytest.approx(400.0, rel=0.03), "what was in the syringe came out, and once"
        pump.close()
        cable.close()


@PROTOCOLS
@pytest.mark.parametrize("lost", range(0, 14))
def test_whichever_answer_is_lost_the_dose_is_done_once(protocol, lost, monkeypatch):
    with a_bench(speed=2000.0, protocol=protocol) as bench, at_work(bench, filled_ul=500.0) as pump:
        pump.select("B")
        monkeypatch.setattr(cavro_talk, "ANSWER_S", 1.0)  # short, for the one that is lost
        true_before_ul = bench.world.left_ul("red")
        answers, told = 0, bench.instrument._answer

        def lose(protocol: str, text: str) -> None:
            nonlocal answers
            answers += 1
            if answers != lost + 1:
                told(protocol, text)

        bench.instrument._answer = lose
        assert pump.dispense(100.0, 1000.0) == pytest.approx(100.0)
        assert true_before_ul - bench.world.left_ul("red") == pytest.approx(100.0, rel=0.03)
        assert pump.left_ul == pytest.approx(400.0)


def test_oem_does_what_it_did_not_hear_and_never_does_it_twice():
    with a_bench(protocol="oem") as bench, at_work(bench, filled_ul=500.0) as pump:
        blocks, heard = [], bench.instrument._hears

        def deaf(protocol: str, text: str) -> None:
            blocks.append(text)
            if not text.endswith("A1200R") or sum(b.endswith("A1200R") for b in blocks) > 2:
                heard(protocol, text)

        bench.instrument._hears = deaf
        assert pump.dispense(300.0, 1000.0) == pytest.approx(300.0)
        stamps = [ord(b[1]) for b in blocks if b.endswith("A1200R")]
        assert stamps[1:] == [stamps[0] | 0b1000] * len(stamps[1:])
        assert len(stamps) >= 3


@PROTOCOLS
def test_a_jammed_plunger_is_told_and_must_be_made_ready_again(protocol):
    with a_bench(speed=100.0, protocol=protocol) as bench, at_work(bench, filled_ul=800.0) as pump:
        dose, failures = in_background(lambda: pump.dispense(600.0, 1.0))  # 6 s
        until(lambda: bench.world.left_ul("red") < 750)
        bench.pump.jam()
        dose.join(20)
        (failure,) = failures
        assert failure.outcome == "unknown"
        assert "blocked" in str(failure)
        assert pump.left_ul == pytest.approx(bench.world.left_ul("red"), rel=0.02)
        for _ in range(2):
            with pytest.raises(HardwareError, match="Making it ready") as caught:
                pump.dispense(10.0, 100.0)
            assert caught.value.outcome == "not_done"
        pump.make_ready()
        assert pump.aspirate(100.0, 100.0) == pytest.approx(100.0)


@PROTOCOLS
def test_a_stop_in_mid_stroke_tells_how_far_it_came(protocol):
    with a_bench(speed=100.0, protocol=protocol) as bench, at_work(bench, filled_ul=800.0) as pump:
        dose, failures = in_background(lambda: pump.dispense(600.0, 1.0))  # 6 s
        until(lambda: bench.world.left_ul("red") < 750)
        pump.stop()
        assert not bench.world.pump_moves("red")
        dose.join(20)
        (failure,) = failures
        assert isinstance(failure, StoppedError)
        assert pump.left_ul == pytest.approx(bench.world.left_ul("red"), rel=0.02)
        assert "cost it steps" in pump.unready
        assert f"{pump.left_ul:.4g} µL by the pump's own count" in pump.unready


def test_a_stop_cannot_end_an_initialisation_and_says_so(monkeypatch):
    monkeypatch.setattr("hardware.parts.delivery.STOP_S", 0.5)
    with a_bench(speed=1.0) as bench:
        pump = bench.driver()
        pump.open()
        readying, failures = in_background(pump.make_ready)
        until(lambda: bench.world.pump_moves("red"))
        with pytest.raises(HardwareError, match="goes on to its end") as caught:
            pump.stop()
        assert caught.value.outcome == "unknown"
        readying.join(20)
        (failure,) = failures
        assert isinstance(failure, StoppedError)
        assert pump.unready
        pump.close()


def test_a_pump_that_was_switched_off_is_noticed():
    with a_bench() as bench, at_work(bench, filled_ul=500.0) as pump:
        bench.pump.power_cycle()
        with pytest.raises(HardwareError, match="switched off") as caught:
            pump.dispense(100.0, 100.0)
        assert caught.value.outcome == "not_done"
        assert pump.unready
    with a_bench() as bench, at_work(bench) as pump:
        bench.pump.power_cycle()  # stands at 0 as before, and says that all is well
        with pytest.raises(HardwareError, match="switched off") as caught:
            pump.aspirate(100.0, 100.0)
        assert caught.value.outcome == "not_done"
        assert pump.unready
        pump.make_ready()
        assert pump.aspirate(100.0, 100.0) == pytest.approx(100.0)


def test_a_valve_that_sticks_ends_the_dose_before_the_plunger_moves():
    with a_bench() as bench, at_work(bench, filled_ul=500.0) as pump:
        bench.pump.valve_sticks = True
        true_ul = bench.world.left_ul("red")
        with pytest.raises(HardwareError, match="could not turn its valve") as caught:
            pump.dispense(100.0, 100.0)
        assert caught.value.outcome == "not_done"
        assert bench.world.left_ul("red") == true_ul
        assert pump.unready


def test_in_bypass_the_plunger_may_not_move():
    with a_bench(ports={}) as bench, at_work(bench, filled_ul=500.0) as pump:
        pump.select("bypass")
        assert pump.port_now == "B"
        with pytest.raises(HardwareError, match="with the valve where it is") as caught:
            pump.dispense(100.0, 100.0)
        assert caught.value.outcome == "not_done"
        assert not pump.unready
        pump.select("output")
        assert pump.dispense(100.0, 100.0) == pytest.approx(100.0)


def test_a_wrong_full_stroke_is_told_by_an_error_that_comes_late():
    with a_bench(full_stroke=3000) as bench, at_work(bench, full_stroke=6000) as pump:
        with pytest.raises(HardwareError, match="correct full_stroke") as caught:
            pump.aspirate(800.0, 100.0)
        assert caught.value.outcome == "not_done"


@PROTOCOLS
def test_pumps_on_one_line_work_side_by_side_and_one_stop_does_not_disturb_the_other(protocol):
    with a_bench(speed=50.0, protocol=protocol, addresses=(1, 2, 15)) as bench:
        wire = Wire(bench.instrument.address)
        pumps = {role: bench.driver(role, wire=wire) for role in bench.instrument.pumps}
        for pump in pumps.values():
            pump.open()
            pump.make_ready()
            pump.aspirate(800.0, 1000.0)
        doses = {
            role: in_background(
                lambda pump=pump, role=role: pump.dispense(300.0 if role == "green" else 500.0, 2.0)
            )
            for role, pump in pumps.items()
        }
        until(lambda: all(bench.world.left_ul(role) < 790 for role in pumps))
        pumps["red"].stop()
        for thread, _ in doses.values():
            thread.join(20)
        assert [type(failure) for failure in doses["red"][1]] == [StoppedError]
        assert not doses["blue"][1]
        assert not doses["green"][1]
        for role, pump in pumps.items():
            assert pump.left_ul == pytest.approx(bench.world.left_ul(role), rel=0.02)
            pump.close()
