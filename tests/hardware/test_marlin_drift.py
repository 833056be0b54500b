"""A Marlin stage that lost steps says so when it is homed anew, and knows its place after it."""

import threading
from dataclasses import replace
from functools import partial

import pytest

from hardware.drivers.marlin import Driver, Settings
from hardware.errors import HardwareError, StoppedError
from hardware.rig_file import RigFileError, load_rig, parse_rig, rig_to_toml
from hardware.spec import StageSpec
from hardware.virtual.instruments.marlin import Build, Instrument
from resources import path
from tests.hardware.marlin_talk import TRAVEL_MM
from tests.hardware.stages import Bench, quietly

pytestmark = pytest.mark.usefixtures("quick_unplug")


def a_stage(port: str, latch: threading.Event, speed: float, drift_mm: float = 0.5) -> Driver:
    spec = StageSpec("marlin", port, TRAVEL_MM, {}, drift_mm)
    return Driver("stage", spec, Settings(), speed=speed, latch=latch)


@pytest.fixture
def bench(request):
    build, drift_mm = getattr(request, "param", (Build(), 0.5))
    made = Bench("marlin", 50.0, partial(Instrument, build=build), partial(a_stage, drift_mm=drift_mm))
    made.stage.open()
    made.stage.home()
    made.stage.move_to(40.0, 30.0, 5.0)
    yield made
    made.close()


def as_it_was(instrument: Instrument) -> bool:
    """Whether soft limits hold and switches end no moves, as a Marlin is built."""
    return instrument._soft and not instrument._switches_stop


@pytest.mark.parametrize("bench", [(Build(), 0.5), (Build(advanced_ok=True), 0.5)], indirect=True)
def test_a_stage_that_lost_nothing_is_homed_anew_without_a_word(bench):
    assert bench.stage.range.drift_mm == 0.5
    for _ in range(2):
        bench.stage.home()
        assert bench.world.stage_mm() == pytest.approx((0, 0, 0), abs=0.02)
        bench.stage.move_to(10.0, 20.0)
        assert bench.world.stage_mm() == pytest.approx((10, 20, 0), abs=0.02)
        assert as_it_was(bench.instrument)


@pytest.mark.parametrize(
    ("slipped_mm", "told"),
    [
        ((1.2, 0.0, 0.0), "X by 1.2 mm, and 0.5 mm"),
        ((-1.8, 0.0, 0.0), "X by 1.8 mm, and 0.5 mm"),
        ((0.0, 0.9, 0.0), "place: Y by 0.9 mm"),
        ((0.8, -7.0, 0.0), "X by 0.8 mm and Y by 7.0 mm"),
        ((6.0, 0.0, 0.0), "X by more than 5.5 mm"),
    ],
)
def test_lost_steps_are_told_in_millimetres_and_the_stage_is_homed_all_the_same(bench, slipped_mm, told):
    bench.instrument.slip(slipped_mm)
    assert bench.stage.position_mm() == pytest.approx((40.0, 30.0, 5.0)), "it does not know yet"
    with pytest.raises(HardwareError) as caught:
        bench.stage.home()
    assert told in caught.value.message
    assert "look at the last of them" in caught.value.message
    assert caught.value.outcome == "not_done"
    assert bench.stage.homed
    bench.stage.move_to(40.0, 30.0)
    assert bench.world.stage_mm() == pytest.approx((40, 30, 0), abs=0.02)
    assert as_it_was(bench.instrument)
    bench.stage.home()  # said once


def test_what_is_within_the_limit_is_no_drift(bench):
    bench.instrument.slip((0.3, -0.3, 0.0))
    bench.stage.home()
    assert bench.world.stage_mm() == pytest.approx((0, 0, 0), abs=0.02)


@pytest.mark.parametrize("bench", [(Build(), 0.0)], indirect=True)
def test_a_stage_that_is_not_to_look_only_homes(bench):
    assert bench.stage.range.drift_mm is None
    bench.instrument.slip((5.0, 0.0, 0.0))
    bench.stage.home()
    assert not any(b"M120" in piece.data for piece in bench.stage.traffic)


def test_an_axis_that_homes_to_its_other_end_cannot_tell(bench):
    bench.stage._home_mm = (150.0, 105.0, 0.0)
    bench.instrument.slip((5.0, 0.0, 0.0))
    bench.stage.home()
    assert not any(b"M120" in piece.data for piece in bench.stage.traffic)


def test_after_a_stop_that_cost_the_position_there_is_nothing_to_compare(bench):
    thread = bench.begins(lambda: bench.stage.move_to(150, 105))
    bench.stage.stop()
    thread.join(10)
    bench.instrument.slip((3.0, 0.0, 0.0))
    bench.stage.home()
    assert bench.world.stage_mm() == pytest.approx((0, 0, 0), abs=0.02)


def test_a_stop_while_it_looks_leaves_nothing_switched_once_it_is_homed(bench):
    bench.instrument.slip((-2.0, 0.0, 0.0))
    looking = threading.Event()
    simple = bench.instrument._simple

    def watched(command, line):
        simple(command, line)
        if command == "M120":
            looking.set()

    bench.instrument._simple = watched
    thread = bench.begins(bench.stage.home)
    assert looking.wait(10)
    bench.stage.stop()
    thread.join(10)
    assert isinstance(bench.failed[0], StoppedError)
    assert not bench.stage.homed
    bench.stage.home()
    assert as_it_was(bench.instrument)
    assert bench.world.stage_mm() == pytest.approx((0, 0, 0), abs=0.02)


def test_soft_limits_that_were_off_stay_off(bench):
    bench.instrument._soft = False
    bench.stage.home()
    assert not bench.instrument._soft


@pytest.mark.parametrize("lost", [1, 2, 3, 5, 6, 7, 8, 10])
def test_an_ok_that_is_lost_on_the_way_changes_nothing(bench, lost, monkeypatch):
    monkeypatch.setattr("hardware.drivers.marlin.ANSWER_S", 1.0)
    monkeypatch.setattr("hardware.parts.numbered_lines.ANSWER_S", 1.0)
    said = bench.instrument._ok
    left = [lost]

    def drops_one(line):
        left[0] -= 1
        if left[0] != 0:
            said(line)

    bench.instrument.slip((1.2, 0.0, 0.0))
    bench.instrument._ok = drops_one
    quietly(bench.stage.home)  # a question without an answer ends it, with what is then known of its place
    quietly(bench.stage.home)
    assert bench.stage.homed
    assert bench.world.stage_mm() == pytest.approx((0, 0, 0), abs=0.02)
    assert as_it_was(bench.instrument)


def test_the_limit_stands_in_the_rig_file():
    rig = load_rig(path("rigs/mixed.toml"))
    assert rig.stage.drift_mm == 0.5
    stricter = rig_to_toml(replace(rig, stage=replace(rig.stage, drift_mm=0.2)))
    assert parse_rig(stricter).stage.drift_mm == 0.2
    with pytest.raises(RigFileError, match="drift_mm"):
        parse_rig(stricter.replace("drift_mm = 0.2", "drift_mm = -1"))
