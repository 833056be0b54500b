"""Strokes from a bottle, waste and tubing with a virtual Cavro pump, and a plain pump beside it."""

import threading
from collections.abc import Iterator

import pytest

from hardware.errors import OutOfRangeError, StoppedError
from hardware.rig import LocalRig, open_rig
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.bench import VirtualBench

SPEED = 200.0
PORTS = {"draw": "input", "deliver": "output", "waste": "extra"}
CAVRO = PumpSpec(
    "cavro", "COM1", 4.607, 1000.0, {"valve": "4-port"}, "water",
    bottle_ul=50_000.0, ports=PORTS, backlash_ul=2.0, factor=1.0, dead_volume_ul=100.0,
)  # fmt: skip
SPEC = RigSpec(
    name="virtual",
    pumps={"water": CAVRO, "red": PumpSpec("new_era", "COM3", 23.03, 25_000, {}, "red dye")},
    stage=StageSpec("grbl", "COM2", (200, 120, 50), {}),
    rack=RackSpec(4, 6, 25, (20, 20), VialSpec(8000, 6000, 14, 16, 50)),
)


@pytest.fixture
def bench() -> Iterator[VirtualBench]:
    with VirtualBench(SPEC, speed=SPEED) as bench:
        yield bench


@pytest.fixture
def rig(bench) -> Iterator[LocalRig]:
    with open_rig(bench.rig, speed=SPEED) as rig:
        rig.stage.home()
        rig.stage.move_to(0, 0)
        assert "pushes what is in the syringe" in rig.pumps["water"].unready
        rig.pumps["water"].make_ready()
        yield rig


def test_from_switched_on_to_a_dose_of_three_strokes(bench, rig):
    water = rig.pumps["water"]
    assert "priming pushes 100 µL of water" in water.unready
    spilled_ul = sum(bench.truth.spilled_ul().values())
    water.make_ready()
    assert sum(bench.truth.spilled_ul().values()) - spilled_ul == pytest.approx(100, rel=0.03)
    rig.stage.move_to(*SPEC.rack.position_mm("B2"))
    given_ul = rig.dose("B2", "water", 2500.0, 200.0)
    assert given_ul == pytest.approx(2500.0, abs=3)
    into_ul = bench.truth.contents_ul("B2")["water"]
    assert into_ul == pytest.approx(given_ul, rel=0.03)
    assert rig.contents_ul("B2") == pytest.approx(given_ul)
    assert water.left_ul == pytest.approx(50_000 - 100 - given_ul, abs=1.0)
    with pytest.raises(OutOfRangeError, match="fill limit"):
        rig.dose("B2", "water", 3600.0, 200.0)


def test_waste_goes_to_waste(bench, rig):
    rig.stage.move_to(*SPEC.rack.position_mm("A1"))
    assert rig.pumps["water"].discard(1500.0, 200.0) == pytest.approx(1500.0, abs=3)
    assert bench.truth.contents_ul("A1") == {}
    assert bench.truth.wasted_ul()["water"] == pytest.approx(1500.0, rel=0.03)
    assert rig.contents_ul("A1") == 0.0


def test_a_stop_in_mid_stroke_is_booked_and_the_next_stroke_never_comes(bench, rig):
    rig.pumps["water"].filled()
    rig.stage.move_to(*SPEC.rack.position_mm("C3"))
    failures: list[BaseException] = []

    def dose() -> None:
        try:
            rig.dose("C3", "water", 4000.0, 20.0)
        except StoppedError as error:
            failures.append(error)

    thread = threading.Thread(target=dose)
    thread.start()
    while bench.truth.contents_ul("C3").get("water", 0.0) < 1100:
        threading.Event().wait(0.005)
    assert rig.stop_all() == ()
    thread.join(20)
    assert failures
    into_ul = bench.truth.contents_ul("C3")["water"]
    assert 1100 <= into_ul < 4000
    assert rig.contents_ul("C3") == pytest.approx(into_ul, rel=0.03, abs=25)
    assert rig.contents_ul("C3") == pytest.approx(50_000 - rig.pumps["water"].left_ul, abs=0.01)
    threading.Event().wait(0.05)
    assert bench.truth.contents_ul("C3")["water"] == into_ul


def test_a_plain_pump_beside_it_is_as_it_was(rig):
    rig.stage.move_to(*SPEC.rack.position_mm("A2"))
    assert rig.dose("A2", "red", 250.0, 100.0) == 250.0
    assert rig.pumps["red"].left_ul == 24_750.0
