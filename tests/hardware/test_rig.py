"""A whole rig on the virtual bench: what it refuses, how it stops, what it says when devices are missing."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.devices import PumpRange
from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, StoppedError
from hardware.latch import Latch
from hardware.rig import LocalRig, RigOpenError, open_rig
from hardware.spec import CameraSpec, PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.bench import VirtualBench

HOUSE = Path(__file__).parents[2]
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
        yield rig


@pytest.fixture
def at_b2(rig) -> LocalRig:
    rig.stage.home()
    rig.stage.move_to(*SPEC.rack.position_mm("B2"))
    return rig


def test_a_dose_gives_what_the_pump_counted_and_books_it(at_b2):
    assert at_b2.dose("B2", "red", 250.4, 100.0) == 250.0
    assert at_b2.dose("B2", "water", 1.0, 100.0) == 1.0
    assert at_b2.contents_ul("B2") == 251.0
    assert at_b2.contents_ul("A1") == 0.0
    assert at_b2.pumps["red"].left_ul == 24_750.0


@pytest.mark.parametrize(
    ("slot", "role", "volume_ul", "rate_ul_s", "why"),
    [
        ("B2", "red", 6001.0, 100.0, "fill limit"),
        ("B2", "red", 0.2, 100.0, "can deliver"),
        ("B2", "red", 26_000.0, 100.0, "can deliver"),
        ("B2", "red", 100.0, 1e6, "can do"),
        ("B2", "red", float("nan"), 100.0, "can deliver"),
        ("B2", "read", 100.0, 100.0, "did you mean"),
        ("B22", "red", 100.0, 100.0, "no slot"),
        ("A1", "red", 100.0, 100.0, "move there first"),
    ],
)
def test_what_must_not_be_dosed_is_refused_before_anything_is_sent(at_b2, slot, role, volume_ul, rate_ul_s, why):
    with pytest.raises(OutOfRangeError, match=why):
        at_b2.dose(slot, role, volume_ul, rate_ul_s)
    assert at_b2.contents_ul("B2") == 0.0
    assert at_b2.pumps["red"].left_ul == 25_000


def test_a_vial_is_not_overfilled_by_any_way_round(at_b2):
    at_b2.set_contents("B2", 5900)
    with pytest.raises(OutOfRangeError, match="fill limit"):
        at_b2.pumps["red"].dispense(101, 100.0)
    at_b2.dose("B2", "red", 100, 100.0)
    with pytest.raises(OutOfRangeError, match="fill limit"):
        at_b2.dose("B2", "water", 1, 100.0)


def test_an_empty_syringe_asks_to_be_refilled(at_b2):
    at_b2.loaded("red", 50)
    with pytest.raises(OutOfRangeError, match="refill"):
        at_b2.dose("B2", "red", 51, 100.0)


def test_nothing_flows_while_nobody_knows_where_the_rack_is(rig):
    with pytest.raises(HardwareError, match="home it first"):
        rig.pumps["red"].dispense(100, 100.0)


def test_the_stage_stays_within_its_travel(at_b2):
    with pytest.raises(OutOfRangeError, match="travel"):
        at_b2.stage.move_to(201, 0)
    assert at_b2.stage.position_mm() == (45, 45, 0)


def in_background(act) -> tuple[threading.Thread, list[HardwareError]]:
    failures: list[HardwareError] = []

    def work() -> None:
        try:
            act()
        except HardwareError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures


def pouring(rig: LocalRig) -> None:
    """Return when liquid flows into B2."""
    while rig.contents_ul("B2") == 0:
        threading.Event().wait(0.001)


def test_stop_all_ends_a_dose_and_holds_until_rearmed(at_b2):
    thread, failures = in_background(lambda: at_b2.dose("B2", "red", 6000, 1.0))
    pouring(at_b2)
    assert at_b2.stop_all() == ()
    thread.join(20)
    assert isinstance(failures[0], StoppedError)
    assert at_b2.stopped
    assert at_b2.contents_ul("B2") == 25_000 - at_b2.pumps["red"].left_ul < 6000
    for act in (lambda: at_b2.dose("B2", "red", 10, 10), lambda: at_b2.stage.move_to(0, 0), at_b2.stage.home):
        with pytest.raises(StoppedError, match="release the stop"):
            act()
    at_b2.rearm()
    assert not at_b2.stopped
    assert at_b2.stage.homed
    at_b2.stage.move_to(0, 0)


def test_the_stage_does_not_move_under_a_pouring_nozzle(at_b2):
    thread, _ = in_background(lambda: at_b2.dose("B2", "red", 6000, 1.0))
    pouring(at_b2)
    with pytest.raises(HardwareError, match="still dispenses"):
        at_b2.stage.move_to(0, 0)
    at_b2.stop_all()
    thread.join(20)


class SlowStage:
    """Stands in A1 and is moved by hand: `move_to` returns when it is let go, wherever it is told to be."""

    name, travel_mm, homed = "stage", (200.0, 120.0, 50.0), True

    def __init__(self) -> None:
        self.at_mm = (*SPEC.rack.position_mm("A1"), 0.0)
        self.asked = threading.Semaphore(0)
        self.let_go, self.answer = threading.Event(), threading.Event()
        self.answer.set()

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        self.asked.release()
        assert self.let_go.wait(20)
        self.at_mm = (x_mm, y_mm, 0.0)

    def position_mm(self) -> tuple[float, float, float]:
        there = self.at_mm
        self.asked.release()
        assert self.answer.wait(20)
        return there

    def stop(self) -> None:
        self.let_go.set()


class Drop:
    """A pump whose doses are over at once."""

    name, range, left_ul = "red", PumpRange(25_000, 0.5, 0.01, 350), 25_000.0

    def __init__(self) -> None:
        self.given: list[float] = []

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        self.given.append(volume_ul)
        return volume_ul

    def stop(self) -> None:
        pass


@pytest.fixture
def by_hand() -> LocalRig:
    return LocalRig(SPEC, {"red": Drop()}, SlowStage(), None, Latch())


def test_a_second_move_leaves_the_first_one_guarded(by_hand):
    stage = by_hand._drivers["stage"]
    thread, failures = in_background(lambda: by_hand.stage.move_to(70, 70))
    assert stage.asked.acquire(timeout=20)
    with pytest.raises(HardwareError, match="still moving"):
        by_hand.stage.move_to(45, 45)
    for dose in (lambda: by_hand.dose("A1", "red", 10, 10), lambda: by_hand.pumps["red"].dispense(10, 10)):
        with pytest.raises(HardwareError, match="the stage is moving"):
            dose()
    stage.let_go.set()
    thread.join(20)
    assert (failures, by_hand._drivers["red"].given) == ([], [])


def test_the_stage_stands_from_the_question_where_it_is_until_the_dose_has_ended(by_hand):
    stage = by_hand._drivers["stage"]
    stage.let_go.set()
    stage.answer.clear()
    thread, failures = in_background(lambda: by_hand.dose("A1", "red", 10, 10))
    assert stage.asked.acquire(timeout=20)
    with pytest.raises(HardwareError, match="still dispenses"):
        by_hand.stage.move_to(45, 45)
    stage.answer.set()
    thread.join(20)
    assert (failures, by_hand._drivers["red"].given) == ([], [10])


def test_rearm_waits_for_what_was_stopped(by_hand):
    stage = by_hand._drivers["stage"]
    stage.stop = lambda: None
    thread, _ = in_background(lambda: by_hand.stage.move_to(70, 70))
    assert stage.asked.acquire(timeout=20)
    by_hand.stop_all()
    with pytest.raises(HardwareError, match="stage has not come to its end"):
        by_hand.rearm()
    assert by_hand.stopped
    stage.let_go.set()
    thread.join(20)
    by_hand.rearm()
    assert not by_hand.stopped


def test_what_does_not_confirm_the_stop_is_named(bench, rig):
    rig.stage.home()
    bench.close()
    assert set(rig.stop_all()) == {"red", "water", "stage"}
    with pytest.raises(StoppedError):
        rig.stage.move_to(0, 0)
    rig.rearm()
    with pytest.raises(NotConnectedError):
        rig.stage.identify()


def test_all_missing_devices_are_named_at_once():
    with VirtualBench(SPEC, speed=SPEED) as bench, socket.create_server(("127.0.0.1", 0)) as s:
        free = f"socket://127.0.0.1:{s.getsockname()[1]}"
        s.close()
        spec = replace(
            bench.rig,
            pumps={**bench.rig.pumps, "water": replace(bench.rig.pumps["water"], port=free)},
            stage=replace(bench.rig.stage, port="/dev/ttyNOWHERE"),
            camera=CameraSpec("opencv_camera", "nothing.avi", {}),
        )
        with pytest.raises(RigOpenError) as caught:
            open_rig(spec, speed=SPEED)
        assert [(m.role, m.port) for m in caught.value.missing] == [
            ("water", free),
            ("stage", "/dev/ttyNOWHERE"),
            ("camera", "nothing.avi"),
        ]
        assert len(str(caught.value).splitlines()) == 4
        with open_rig(bench.rig, speed=SPEED) as rig:  # what was there was let go
            assert rig.pumps["red"].identify().startswith("NE1000")


def test_a_rig_is_light_to_import():
    code = "import sys, hardware.rig, hardware.rig_file; print([m for m in ('cv2', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
