"""Executors: a function, a formula, and a bench whose instruments speak their real bytes."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from campaign.bench_executor import BenchExecutor
from campaign.config import load_campaign
from campaign.executor import Executor, Outcome
from campaign.eye import Eye
from campaign.measure_executor import FormulaExecutor, FunctionExecutor, Measured
from campaign.recipe import RecipeError
from campaign.spec import CampaignSpec, DosingSpec, ObjectiveSpec
from campaign.steps import CheckVial, Dose, Look, Measure, Move, Wait
from hardware.devices import Camera, Frame, Rig
from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.latch import moment
from hardware.rig import open_rig
from hardware.rig_file import load_rig
from hardware.virtual.bench import VirtualBench
from hardware.virtual.clock import VirtualClock
from hardware.virtual.dyes import is_known
from hardware.virtual.world import World
from optimiser.space import Continuous, SearchSpace
from resources import path

COLOUR = load_campaign(path("campaigns/colour.toml"))
COURSE = load_campaign(path("campaigns/course.toml"))
POINT = {"red": 440.0, "yellow": 1040.0, "blue": 1780.0, "water": 740.0}
SPEED = 100.0


def once(executor: Executor, point: dict[str, float]) -> tuple[float | None, float | None]:
    outcomes = [executor.perform(step) for step in executor.plan(point, None)]
    again = [Outcome(json.loads(json.dumps(o.data))) for o in outcomes]  # as the journal gives them back
    return executor.value(point, again)


def test_the_course_formula_has_its_published_minima():
    executor = FormulaExecutor(COURSE)
    assert executor.check(COURSE) == ()
    assert once(executor, {"x": math.pi, "y": 3.55})[0] == pytest.approx(0.397887, abs=1e-6)
    assert once(executor, {"x": 0.0, "y": 4.0})[0] == pytest.approx(19.602, abs=1e-3)


def test_noise_follows_from_the_seed_and_goes_on_after_a_restart():
    spec = replace(COURSE, objective=replace(COURSE.objective, noise=0.5))
    step = Measure({"x": 1.0, "y": 1.0})
    first, second = FormulaExecutor(spec, seed=3), FormulaExecutor(spec, seed=3)
    values = [first.perform(step).data["value"] for _ in range(3)]
    assert len(set(values)) == 3
    second.recall([(step, {}), (step, None)])
    assert second.perform(step).data["value"] == values[2]


def test_a_formula_takes_new_settings():
    executor = FormulaExecutor(COURSE)
    executor.change(replace(COURSE, constants={**COURSE.constants, "s": 0.0}))
    assert once(executor, {"x": math.pi, "y": 3.55})[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (1, (1.0, None)),
        (np.float64(2.5), (2.5, None)),
        ((3.0, 0.1), (3.0, 0.1)),
        ((3.0, math.nan), (3.0, None)),
        (None, (None, None)),
        (math.nan, (None, None)),
        (-math.inf, (None, None)),
    ],
)
def test_a_function_gives_a_number_perhaps_with_its_sd(
    result: Measured, expected: tuple[float | None, float | None]
):
    assert once(FunctionExecutor(lambda x, y: result), {"x": 1.0, "y": 2.0}) == expected


def interrupted(x: float) -> float:
    raise KeyboardInterrupt


def leaves(x: float) -> float:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: 1 / 0, "ZeroDivisionError"),
        (lambda x: "much", "ValueError"),
        (lambda x: 1j, "TypeError"),
        (lambda x: (1, 2, 3), "ValueError"),
        (leaves, "SystemExit"),
        (interrupted, "KeyboardInterrupt"),
    ],
)
def test_a_function_that_fails_is_named_and_never_called_again_by_itself(function, words: str):
    with pytest.raises(HardwareError, match=words) as caught:
        FunctionExecutor(function).perform(Measure({"x": 1.0}))
    assert caught.value.outcome == "unknown"


def test_a_function_must_take_the_parameters():
    assert FunctionExecutor(lambda x, y: 0.0).check(COURSE) == ()
    assert FunctionExecutor(lambda **point: 0.0).check(COURSE) == ()
    assert "x, y" in FunctionExecutor(lambda x, z: 0.0).check(COURSE)[0]


def test_stop_lets_no_further_measurement_begin():
    executor = FunctionExecutor(lambda x: x)
    assert executor.stop() == ()
    with pytest.raises(StoppedError):
        executor.perform(Measure({"x": 1.0}))
    executor.rearm(moment())
    assert once(executor, {"x": 1.0}) == (1.0, None)


def test_vials_need_a_bench():
    with pytest.raises(HardwareError, match="needs a bench"):
        FunctionExecutor(lambda x: x).perform(Wait(1.0))


@pytest.fixture(scope="module")
def bench() -> Iterator[VirtualBench]:
    with VirtualBench(load_rig(path("rigs/virtual.toml")), speed=SPEED) as virtual:
        yield virtual


@pytest.fixture
def rig(bench: VirtualBench) -> Iterator[Rig]:
    bench.truth.swap_rack()
    with open_rig(bench.rig, speed=SPEED) as opened:
        yield opened


@pytest.fixture
def executor(rig: Rig) -> BenchExecutor:
    return BenchExecutor(rig, COLOUR, speed=SPEED)


def make(executor: BenchExecutor, slot: str) -> list[Outcome]:
    return [executor.perform(step) for step in executor.plan(POINT, slot)]


def test_a_vial_is_made_and_read(executor: BenchExecutor, bench: VirtualBench):
    assert executor.check(COLOUR) == ()
    assert executor.simulated
    assert executor.slots[:2] == ("A1", "A2")
    outcomes = make(executor, "A1")
    assert [o.mismatch for o in outcomes if o.mismatch] == []
    assert sum(bench.truth.contents_ul("A1").values()) == pytest.approx(4000, abs=40)
    look = outcomes[-1]
    assert look.frame is not None
    assert look.data["volume_ul"] == pytest.approx(4000, abs=100)
    again = [Outcome(json.loads(json.dumps(o.data))) for o in outcomes]
    value, sd = executor.value(POINT, again)
    assert value is not None
    assert value < 2.0  # the recipe that the target was chosen from
    assert sd is not None
    assert sd < 1.0


def test_no_vial_a_used_vial_and_a_spill_are_asked_about(executor: BenchExecutor, bench: VirtualBench):
    bench.truth.remove_vial("A1")
    move, check, *_ = executor.plan(POINT, "A1")
    executor.perform(move)
    assert executor.perform(check).mismatch == "No vial stands in A1."
    bench.truth.put_vial("A1", {"blue dye": 1500.0})
    assert "not empty" in (executor.perform(check).mismatch or "")
    assert "were dosed into A1" in (executor.perform(Look("A1", 4000.0)).mismatch or "")


@pytest.mark.parametrize("slot", ["A1", "A2"])
def test_nozzles_that_were_left_down_by_hand_are_up_before_a_vial_is_begun(
    executor: BenchExecutor, rig: Rig, bench: VirtualBench, slot: str
):
    rig.stage.home()
    rig.stage.move_to(*rig.spec.rack.position_mm("A1"), 10.0)
    executor.perform(executor.plan(POINT, slot)[0])
    assert bench.truth.stage_mm() == pytest.approx((*rig.spec.rack.position_mm(slot), 0.0), abs=0.05)


def test_what_is_seen_in_a_vial_counts_against_the_fill_limit_whatever_is_answered(
    executor: BenchExecutor, rig: Rig, bench: VirtualBench
):
    bench.truth.put_vial("A1", {"blue dye": 4500.0})
    move, check, *_ = executor.plan(POINT, "A1")
    executor.perform(move)
    assert "not empty" in (executor.perform(check).mismatch or "")
    with pytest.raises(OutOfRangeError, match="fill limit"):
        executor.perform(Dose("A1", "water", 4000.0, 100.0))
    assert rig.contents_ul("A1") == pytest.approx(4500.0, abs=150)


class RepeatingCamera:
    """Sends the last picture of a camera for ever."""

    def __init__(self, camera: Camera) -> None:
        self.frame = camera.capture()

    def capture(self, timeout_s: float = 5.0) -> Frame:
        self.frame = replace(self.frame, number=self.frame.number + 1)
        return self.frame

    def listen(self, function: Callable[[Frame], None]) -> Callable[[], None]:
        for later in range(10, 30):
            function(replace(self.frame, number=self.frame.number + later))
        return lambda: None


def test_a_camera_that_repeats_an_old_picture_is_believed_neither_before_nor_after_a_dose(
    executor: BenchExecutor, rig: Rig, bench: VirtualBench
):
    move, check, *_, look = executor.plan(POINT, "A1")
    executor.perform(move)
    executor._eye = Eye(rig.spec, RepeatingCamera(rig.camera))
    first = executor.perform(check)
    assert "repeats one picture" in (first.mismatch or ""), "one picture is no evidence, however true it was"
    assert first.data["refused"] == {"FROZEN": 14}
    bench.truth.remove_vial("A1")
    assert "repeats one picture" in (executor.perform(check).mismatch or "")
    seen = executor.perform(look)
    assert "repeats one picture" in (seen.mismatch or "")
    assert executor.value(POINT, [seen]) == (None, None)


def test_an_almost_empty_syringe_is_asked_about_before_the_vial_is_begun(executor: BenchExecutor, rig: Rig):
    rig.loaded("blue", 100.0)
    move, *_ = executor.plan(POINT, "A1")
    question = executor.perform(move).mismatch
    assert question == "Refill: blue has 100 µL and the next vial needs 1780 µL."
    executor.refilled()
    assert rig.pumps["blue"].left_ul == rig.pumps["blue"].range.capacity_ul
    assert executor.perform(move).mismatch is None


def test_what_earlier_sessions_took_from_the_syringes_is_not_there_any_more(executor: BenchExecutor, rig: Rig):
    full = rig.pumps["water"].range.capacity_ul
    dose = Dose("A1", "water", 3000.0, 100.0)
    executor.recall([(dose, {"volume_ul": 3000.0, "left_ul": full - 3000.0}), (dose, None)])
    assert rig.pumps["water"].left_ul == full - 6000.0


def test_what_earlier_sessions_dosed_counts_against_the_fill_limit(executor: BenchExecutor, rig: Rig):
    dose = Dose("A1", "water", 3000.0, 100.0)
    executor.recall([(CheckVial("A1"), {"state": "empty"}), (dose, {"volume_ul": 2990.0}), (dose, None)])
    assert rig.contents_ul("A1") == 5990.0
    executor.perform(executor.plan(POINT, "A1")[0])
    with pytest.raises(OutOfRangeError, match="fill limit"):
        executor.perform(Dose("A1", "water", 1000.0, 100.0))
    executor.fresh_rack()
    assert rig.contents_ul("A1") == 0.0


def test_a_point_that_cannot_be_made_is_refused_before_anything_moves(executor: BenchExecutor):
    with pytest.raises(RecipeError, match="fill limit"):
        executor.plan({**POINT, "water": 4000.0}, "A1")
    with pytest.raises(RecipeError, match="needs a slot"):
        executor.plan(POINT, None)
    with pytest.raises(HardwareError, match="neither meter nor function"):
        executor.perform(Measure(POINT))


def test_a_campaign_for_other_stocks_is_refused(executor: BenchExecutor):
    space = SearchSpace((Continuous("rad", 0, 100, "µL"),))
    spec = CampaignSpec("x", space, ObjectiveSpec("colour", "d", "minimise", target_lab=(50, 0, 0)))
    assert any('did you mean "red"' in m for m in executor.check(spec))
    assert any("rate_ul_s" in m for m in executor.check(replace(COLOUR, dosing=DosingSpec(rate_ul_s=5000.0))))


def test_stop_cuts_a_wait_short_and_holds_until_rearmed(executor: BenchExecutor):
    seen: list[object] = []
    began = threading.Event()

    def wait() -> None:
        began.set()
        try:
            executor.perform(Wait(1e6))
        except StoppedError as error:
            seen.append(error.outcome)

    thread = threading.Thread(target=wait)
    thread.start()
    began.wait()
    assert executor.stop() == ()
    thread.join(10)
    assert seen == ["stopped"]
    with pytest.raises(StoppedError):
        executor.perform(Move("A2", 39.0, 15.0))
    executor.rearm(moment())
    executor.perform(executor.plan(POINT, "A2")[0])


def test_a_stock_without_a_dye_on_the_virtual_bench_is_told_and_does_not_stop_the_campaign():
    rig_spec = load_rig(path("rigs/virtual.toml"))
    pumps = {**rig_spec.pumps, "red": replace(rig_spec.pumps["red"], stock="beetroot")}
    with (
        VirtualBench(replace(rig_spec, pumps=pumps), speed=SPEED) as bench,
        open_rig(bench.rig, speed=SPEED) as rig,
    ):
        executor = BenchExecutor(rig, COLOUR, speed=SPEED, attendant=bench.truth)
        assert executor.check(COLOUR) == ()
        (told,) = executor.warnings(COLOUR)
        assert told.startswith("the virtual bench has no dye for red and shows it as clear as water")
        by_probe = replace(COLOUR, objective=ObjectiveSpec("meter", "pH", "maximise", meter="probe"))
        assert executor.warnings(by_probe) == ()
        assert BenchExecutor(rig, COLOUR, speed=SPEED).warnings(COLOUR) == (), "a real bench has its own colours"


def test_dyes_and_clear_liquids_are_known_by_their_names():
    world = World(load_rig(path("rigs/virtual.toml")), VirtualClock(1.0))
    assert world.colourless == ()
    assert [is_known(name) for name in ("Blue dye", "tap water", "beetroot", "")] == [True, True, False, False]
