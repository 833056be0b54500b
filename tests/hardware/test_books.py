"""The books of vials and syringes while something flows: nobody can make them say less than what is there."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, StoppedError
from hardware.rig import LocalRig, open_rig
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.bench import VirtualBench
from tests.hardware.unplug import Cable

SPEED = 50.0
SPEC = RigSpec(
    name="virtual",
    pumps={role: PumpSpec("new_era", f"port of {role}", 23.03, 25_000, {}, role) for role in ("red", "water")},
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
        rig.stage.move_to(*SPEC.rack.position_mm("B2"))
        yield rig


class Running:
    """A movement that goes on until it is stopped: `red` at 5 µL/s."""

    def __init__(self, bench, call, *values):
        self.ended: Exception | float | None = None
        self._thread = threading.Thread(target=self._run, args=(call, values), daemon=True)
        self._thread.start()
        pause = threading.Event()
        while not bench.truth.pump_moves("red"):
            assert self._thread.is_alive(), self.ended
            pause.wait(0.005)

    def _run(self, call, values):
        try:
            self.ended = call(*values)
        except HardwareError as error:
            self.ended = error

    def end(self):
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.ended


def test_nobody_says_what_a_vial_holds_while_it_is_filled(bench, rig):
    dose = Running(bench, rig.dose, "B2", "red", 5000.0, 5.0)
    with pytest.raises(HardwareError, match="is being filled"):
        rig.set_contents("B2", 0.0)
    rig.set_contents("A1", 100.0)
    rig.stop_all()
    assert isinstance(dose.end(), StoppedError)
    rig.set_contents("B2", 0.0)


def test_nobody_says_what_a_syringe_holds_while_it_moves(bench, rig):
    dose = Running(bench, rig.dose, "B2", "red", 5000.0, 5.0)
    with pytest.raises(HardwareError, match="still delivering"):
        rig.loaded("red", 25_000.0)
    rig.loaded("water", 1000.0)
    rig.stop_all()
    dose.end()
    poured_ul = sum(bench.truth.contents_ul("B2").values())
    assert rig.contents_ul("B2") == pytest.approx(poured_ul, rel=0.03, abs=2)
    assert rig.contents_ul("B2") == pytest.approx(25_000 - rig.pumps["red"].left_ul)
    rig.loaded("red", 25_000.0)  # also while everything is stopped


def test_a_stop_is_not_released_and_the_stage_stands_while_a_syringe_is_drawn_up(bench, rig):
    bench.truth.set_left("red", 0.0)
    rig.loaded("red", 0.0)
    drawing = Running(bench, rig.pumps["red"].aspirate, 5000.0, 5.0)
    with pytest.raises(HardwareError, match="still dispenses"):
        rig.stage.move_to(*SPEC.rack.position_mm("A1"))
    rig._latch.set()
    with pytest.raises(HardwareError, match="has not come to its end"):
        rig.rearm()
    rig.stop_all()
    assert isinstance(drawing.end(), StoppedError)
    rig.rearm()


@pytest.mark.parametrize("off_mm", [0.6, 3.0, 8.4])
def test_nothing_is_poured_over_the_edge_of_a_vial(bench, rig, off_mm):
    x_mm, y_mm = SPEC.rack.position_mm("B2")
    rig.stage.move_to(x_mm + off_mm, y_mm)
    with pytest.raises(OutOfRangeError, match="from the middle of vial B2"):
        rig.pumps["red"].dispense(100.0, 100.0)
    assert bench.truth.contents_ul("B2") == {}
    rig.stage.move_to(x_mm + 12.0, y_mm)
    rig.pumps["red"].dispense(100.0, 100.0)  # beside all of them, as a person wants it
    assert bench.truth.contents_ul("B2") == {}


def test_a_dose_is_booked_and_told_before_it_flows(bench, rig):
    told: list[tuple[float, dict[str, float], bool]] = []
    rig._station.booked = lambda: told.append(
        (rig.contents_ul("B2"), rig._station.worst_left_ul(), bench.truth.pump_moves("red"))
    )
    rig.dose("B2", "red", 250.0, 100.0)
    assert told == [(250.0, {"red": 24_750.0}, False)]
    assert rig._station.worst_left_ul() == {}


@pytest.fixture
def on_a_cable(bench) -> Iterator[tuple[LocalRig, Cable]]:
    """Its red pump hangs on a cable that can be pulled."""
    cable = Cable(bench.rig.pumps["red"].port)
    red = replace(bench.rig.pumps["red"], port=cable.address)
    with open_rig(replace(bench.rig, pumps={**bench.rig.pumps, "red": red}), speed=SPEED) as rig:
        rig.stage.home()
        rig.stage.move_to(*SPEC.rack.position_mm("B2"))
        yield rig, cable
    cable.close()


def test_no_vial_comes_under_a_pump_that_was_lost_while_it_poured(bench, on_a_cable):
    rig, cable = on_a_cable
    dose = Running(bench, rig.dose, "B2", "red", 5000.0, 5.0)
    cable.pull_at(0)
    assert isinstance(dose.end(), NotConnectedError)
    assert bench.truth.pump_moves("red"), "nobody could stop it"
    assert rig.contents_ul("B2") == 5000.0
    for move in (lambda: rig.stage.move_to(*SPEC.rack.position_mm("B3")), rig.stage.home):
        with pytest.raises(HardwareError, match="red was lost while it pushed"):
            move()
    cable.pull_at(None)
    rig.pumps["red"].identify()
    assert not bench.truth.pump_moves("red")
    rig.stage.move_to(*SPEC.rack.position_mm("B3"))


def test_a_pump_that_was_lost_is_waited_for_no_longer_than_its_dose_can_last(bench, on_a_cable):
    rig, cable = on_a_cable
    dose = Running(bench, rig.dose, "B2", "red", 500.0, 250.0)
    cable.pull_at(0)
    assert isinstance(dose.end(), NotConnectedError)
    with pytest.raises(HardwareError, match="may go on for"):
        rig.stage.home()
    pause = threading.Event()
    for _ in range(100):
        try:
            rig.stage.home()
            return
        except HardwareError:
            pause.wait(0.1)
    pytest.fail("it was waited for without end")


def test_a_release_waits_for_the_last_bytes_of_the_stop(rig, monkeypatch):
    begun, goes_on, stop, order = threading.Event(), threading.Event(), rig._drivers["stage"].stop, []

    def slow_stop():
        begun.set()
        goes_on.wait(30)
        stop()
        order.append("stopped")

    def release():
        rig.rearm()
        order.append("released")

    monkeypatch.setattr("hardware.rig.STOP_CONFIRMED_S", 30.0)
    monkeypatch.setattr(rig._drivers["stage"], "stop", slow_stop)
    stopping = threading.Thread(target=rig.stop_all)
    stopping.start()
    assert begun.wait(30)
    releasing = threading.Thread(target=release)
    releasing.start()
    assert rig.stopped
    goes_on.set()
    stopping.join(30)
    releasing.join(30)
    assert order == ["stopped", "released"]
    assert not rig.stopped
    rig.stage.home()


def test_a_stop_that_does_not_end_is_not_released(rig, monkeypatch):
    begun, goes_on = threading.Event(), threading.Event()
    monkeypatch.setattr(rig._drivers["stage"], "stop", lambda: (begun.set(), goes_on.wait(30)))
    stopping = threading.Thread(target=rig.stop_all)
    monkeypatch.setattr("hardware.rig.STOP_CONFIRMED_S", 30.0)
    stopping.start()
    assert begun.wait(30)
    monkeypatch.setattr("hardware.rig.STOP_CONFIRMED_S", 0.01)
    with pytest.raises(HardwareError, match="just being stopped"):
        rig.rearm()
    assert rig.stopped
    goes_on.set()
    stopping.join(30)


def test_a_system_without_threads_left_stops_all_the_same(bench, rig, monkeypatch):
    dose = Running(bench, rig.dose, "B2", "red", 5000.0, 5.0)
    monkeypatch.setattr("hardware.rig.threading.Thread.start", lambda _: (_ for _ in ()).throw(RuntimeError("no")))
    assert rig.stop_all() == ()
    monkeypatch.undo()
    assert isinstance(dose.end(), StoppedError)
