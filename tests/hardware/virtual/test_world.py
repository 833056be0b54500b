"""The physics: nothing is lost, nothing appears; what misses a vial is spilled."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.spec import RigSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.motion import Travel
from hardware.virtual.truth_log import TruthLog
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Wall

acts = st.one_of(
    st.tuples(
        st.just("pump"),
        st.sampled_from(["red", "yellow", "blue", "water"]),
        st.floats(1.0, 20_000.0),
        st.floats(1.0, 470.0),
        st.sampled_from(["infuse", "infuse", "withdraw"]),
    ),
    st.tuples(st.just("stop"), st.sampled_from(["red", "yellow", "blue", "water"])),
    st.tuples(st.just("move"), st.floats(0.0, 150.0), st.floats(0.0, 105.0)),
    st.tuples(st.just("station"), st.sampled_from(["A1", "B3", "D6"])),
    st.tuples(st.just("wait"), st.floats(0.0, 40.0)),
)


@given(st.lists(acts, max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_volumes_are_conserved(spec: RigSpec, things: list[tuple[object, ...]]) -> None:
    wall = Wall()
    world = World(spec, VirtualClock(1.0, wall), seed=7)
    for thing in things:
        match thing:
            case ("pump", str(role), float(ul), float(rate), "infuse"):
                world.start_pump(role, "infuse", rate, ul)
            case ("pump", str(role), float(ul), float(rate), _):
                world.start_pump(role, "withdraw", rate, ul)
            case ("stop", str(role)):
                world.stop_pump(role)
            case ("move", float(x), float(y)):
                world.start_stage((x, y, 0.0), 100.0, 400.0)
            case ("station", str(slot)):
                world.start_stage((*spec.rack.position_mm(slot), 0.0), 100.0, 400.0)
            case ("wait", float(seconds)):
                wall.passes(seconds)
        world.sync()
    for role in spec.pumps:
        world.stop_pump(role)
    in_vials = [world.contents_ul(slot) for slot in spec.rack.slots]
    assert all(sum(vial.values()) <= spec.rack.vial.capacity_ul + 1e-6 for vial in in_vials)
    for role, pump in spec.pumps.items():
        mine = [line for line in world.log.lines if line["role"] == role]
        total = {
            what: sum(_ul(line) for line in mine if line["what"] == what) for what in ("dose", "spill", "refill")
        }
        in_all = sum(vial.get(pump.stock, 0.0) for vial in in_vials)
        spilled = world.spilled_ul().get(pump.stock, 0.0)
        assert in_all + spilled + world.left_ul(role) == pytest.approx(pump.capacity_ul + total["refill"], abs=0.01)
        assert total["dose"] == pytest.approx(in_all, abs=0.01)
        assert total["spill"] == pytest.approx(spilled, abs=0.01)
        assert -1e-6 <= world.left_ul(role) <= pump.capacity_ul + 1e-6


def _ul(line: dict[str, object]) -> float:
    value = line["ul"]
    assert isinstance(value, float)
    return value


def test_what_overfills_a_vial_is_spilled(world: World, wall: Wall, put_stage: Callable[[str], None]) -> None:
    put_stage("C4")
    world.start_pump("blue", "infuse", 200.0, 10_000.0)
    wall.passes(60.0)
    assert sum(world.contents_ul("C4").values()) == pytest.approx(8000.0)
    assert world.spilled_ul()["blue dye"] == pytest.approx(2000.0, rel=0.2)
    assert {line["what"]: line["slot"] for line in world.log.lines} == {"dose": "C4", "spill": "C4"}


def test_what_falls_where_no_vial_stands_is_spilled(
    world: World, wall: Wall, put_stage: Callable[[str], None]
) -> None:
    world.remove_vial("A2")
    put_stage("A2")
    assert world.slot_at_station() is None
    world.start_pump("red", "infuse", 100.0, 500.0)
    wall.passes(10.0)
    world.sync()
    assert world.spilled_ul()["red dye"] == pytest.approx(500.0, rel=0.03)
    with pytest.raises(KeyError):
        world.contents_ul("A2")


def test_a_stage_that_leaves_in_mid_dispense_splits_the_dose(
    world: World, wall: Wall, put_stage: Callable[[str], None]
) -> None:
    put_stage("A1")
    world.start_pump("red", "infuse", 100.0, 1000.0)
    wall.passes(5.0)
    world.start_stage((*world.spec.rack.position_mm("A2"), 0.0), 100.0, 400.0)
    wall.passes(20.0)
    assert world.contents_ul("A1")["red dye"] == pytest.approx(510.0, rel=0.05)
    assert world.contents_ul("A2")["red dye"] == pytest.approx(460.0, rel=0.05)
    assert 0 < world.spilled_ul()["red dye"] < 60.0


def test_pumps_differ_and_repeat(spec: RigSpec, wall: Wall) -> None:
    def delivered(seed: int) -> list[float]:
        world = World(spec, VirtualClock(1.0, wall), seed=seed)
        for _ in range(5):
            world.start_pump("red", "infuse", 100.0, 1000.0)
            wall.passes(11.0)
            world.sync()
        return [_ul(line) for line in world.log.lines]

    assert delivered(3) == delivered(3)
    assert delivered(3) != delivered(4)
    assert all(970 < ul < 1030 for ul in delivered(5))


def test_the_truth_is_on_disk_as_soon_as_a_delivery_has_ended(spec: RigSpec, wall: Wall, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    world = World(spec, VirtualClock(1.0, wall), log=TruthLog(path))
    world.start_stage((*spec.rack.position_mm("A1"), 0.0), 100.0, 400.0)
    wall.passes(5.0)
    world.start_pump("red", "infuse", 100.0, 300.0)
    wall.passes(1.0)
    world.sync()
    assert path.read_text(encoding="utf-8") == ""
    wall.passes(5.0)
    world.sync()
    (line,) = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    assert (line["what"], line["slot"], line["stock"]) == ("dose", "A1", "red dye")
    assert line["t"] == pytest.approx(8.0, abs=0.01), "the moment it ended, not the moment somebody looked"


def test_a_fresh_rack_is_clean_and_complete(world: World, put_stage: Callable[[str], None]) -> None:
    world.remove_vial("A1")
    world.put_vial("A2", {"water": 100.0})
    world.swap_rack()
    assert world.contents_ul("A1") == world.contents_ul("A2") == {}


def test_the_clock_runs_faster_by_its_factor() -> None:
    wall = Wall()
    clock = VirtualClock(20.0, wall)
    wall.passes(3.0)
    assert clock.now_s() == pytest.approx(60.0)
    assert clock.wall_s(60.0) == pytest.approx(3.0)


@given(st.floats(0.5, 200.0), st.floats(1.0, 200.0), st.floats(10.0, 2000.0), st.floats(0.0, 1.0))
def test_travel_keeps_its_limits_and_can_brake_anywhere(length: float, v: float, accel: float, when: float) -> None:
    travel = Travel((0.0, 0.0, 0.0), (length, 0.0, 0.0), 0.0, v, accel)
    times = [travel.end_s * i / 40 for i in range(41)]
    places = [travel.position(t)[0] for t in times]
    assert all(after >= before - 1e-9 for before, after in pairwise(places))
    assert places[-1] == pytest.approx(length)
    assert all(travel.velocity_mm_s(t) <= v * (1 + 1e-9) for t in times)
    moment = travel.end_s * when
    braked = travel.braked(moment)
    assert braked.position(moment)[0] == pytest.approx(travel.position(moment)[0], abs=1e-6)
    assert braked.target[0] <= length + 1e-6
    assert braked.end_s - moment <= v / accel + 1e-6
