"""The stage never travels in X or Y with the nozzles down."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hardware.errors import DeviceTimeoutError, HardwareError, StoppedError
from hardware.latch import Latch
from hardware.limits import LimitedStage
from hardware.rig import open_rig
from hardware.rig_file import load_rig
from hardware.station import Station
from hardware.virtual.bench import VirtualBench
from resources import path

SPEC = load_rig(path("rigs/virtual.toml"))
A1, A2 = SPEC.rack.position_mm("A1"), SPEC.rack.position_mm("A2")


class Legs:
    """A stage that writes down where it is sent, one entry a leg."""

    name, travel_mm, homed = "stage", SPEC.stage.travel_mm, True

    def __init__(self, *at_mm: float) -> None:
        self.at_mm = (at_mm[0], at_mm[1], at_mm[2])
        self.legs: list[tuple[float, float, float]] = []
        self.on_leg: Any = lambda: None
        self.stops = 0

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        self.at_mm = (x_mm, y_mm, self.at_mm[2] if z_mm is None else z_mm)
        self.legs.append(self.at_mm)
        self.on_leg()

    def position_mm(self) -> tuple[float, float, float]:
        return self.at_mm

    def stop(self) -> None:
        self.stops += 1


def limited(stage: Legs) -> tuple[LimitedStage, Latch]:
    latch = Latch()
    return LimitedStage(stage, Station(stage, SPEC.rack, latch)), latch  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "target", "legs"),
    [
        ((*A1, 10.0), A2, [(*A1, 0.0), (*A2, 0.0)]),
        ((*A1, 10.0), (*A2, 10.0), [(*A1, 0.0), (*A2, 0.0), (*A2, 10.0)]),
        (
            (*A1, 10.0),
            (A1[0] + 0.1, A1[1], 10.0),
            [(*A1, 0.0), (A1[0] + 0.1, A1[1], 0.0), (A1[0] + 0.1, A1[1], 10.0)],
        ),
        ((*A1, 10.0), (*A2, 0.0), [(*A1, 0.0), (*A2, 0.0)]),
        ((*A1, 0.0), (*A2, 10.0), [(*A2, 0.0), (*A2, 10.0)]),
        ((*A1, 0.0), A2, [(*A2, 0.0)]),
        ((*A1, 10.0), (*A1, 3.0), [(*A1, 3.0)]),
        ((*A1, 0.0), (*A1, 12.0), [(*A1, 12.0)]),
        ((*A1, 10.0), (*A1, 0.0), [(*A1, 0.0)]),
        ((-0.001, A1[1], 10.0), A2, [(0.0, A1[1], 0.0), (*A2, 0.0)]),
    ],
)
def test_nozzles_go_up_before_the_stage_travels_and_down_at_last(start, target, legs):
    stage = Legs(*start)
    limited(stage)[0].move_to(*target)
    assert stage.legs == legs


def test_when_the_nozzles_do_not_come_up_nothing_travels():
    stage = Legs(*A1, 10.0)

    def jam() -> None:
        raise DeviceTimeoutError("stage", "did not reach it in time; stopped", "unknown")

    stage.on_leg = jam
    with pytest.raises(HardwareError, match="in time"):
        limited(stage)[0].move_to(*A2)
    assert len(stage.legs) == 1


@pytest.mark.parametrize("by_latch", [False, True])
@pytest.mark.parametrize("leg", [1, 2])
def test_a_stop_between_two_legs_ends_them_all(leg, by_latch):
    stage = Legs(*A1, 10.0)
    guarded, latch = limited(stage)

    def stop() -> None:
        if len(stage.legs) == leg:
            (latch.set if by_latch else guarded.stop)()

    stage.on_leg = stop
    with pytest.raises(StoppedError):
        guarded.move_to(*A2, 5.0)
    assert len(stage.legs) == leg
    assert stage.stops == (0 if by_latch else 2), "the leg that was still under way is stopped again"
    latch.clear()
    stage.on_leg = lambda: None
    guarded.move_to(*A1)
    assert stage.legs[-1] == (*A1, 0.0)


@pytest.fixture
def bench() -> Iterator[VirtualBench]:
    with VirtualBench(replace(SPEC, camera=None), speed=10.0) as bench:
        yield bench


def test_on_the_bench_the_nozzles_are_up_wherever_the_stage_travels(bench: VirtualBench):
    with open_rig(bench.rig, speed=10.0) as rig:
        rig.stage.home()
        rig.stage.move_to(*A1, 10.0)
        seen, done = [bench.truth.stage_mm()], threading.Event()

        def watch() -> None:
            while not done.wait(0.001):
                seen.append(bench.truth.stage_mm())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            rig.stage.move_to(*A2, 10.0)
            rig.stage.move_to(A2[0] + 1.0, A2[1])
        finally:
            done.set()
            watcher.join(10)
        assert bench.truth.stage_mm() == pytest.approx((A2[0] + 1.0, A2[1], 0.0), abs=0.05)
        between = [z for x, _, z in seen if A1[0] + 0.5 < x < A2[0] - 0.5]
        assert between
        assert max(between) < 0.05
