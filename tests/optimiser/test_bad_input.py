"""Bad input: every strategy either suggests a new, feasible point with finite beliefs or says what to do."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optimiser.acquisition import EI, PI, UCB, Schedule, Turns, Uncertainty
from optimiser.history import History, Observation
from optimiser.objectives.objective import Objective
from optimiser.objectives.results import Results
from optimiser.space import Categorical, Continuous, ExhaustedError, SearchSpace, SpaceError, Stepped
from optimiser.strategies.gp import GPStrategy
from optimiser.strategies.initial import InitialStrategy
from optimiser.strategies.random import RandomStrategy
from optimiser.strategies.several import DesirabilityStrategy, HypervolumeStrategy
from optimiser.strategies.thompson import ThompsonStrategy
from optimiser.suggestion import Strategy, Suggestion
from tests.optimiser.histories import histories

GP = [GPStrategy(a, initial=0) for a in (UCB(), EI(), PI(), Uncertainty(), Schedule(), Turns())]
STRATEGIES: list[Strategy] = [*GP, ThompsonStrategy(initial=0), RandomStrategy(), InitialStrategy()]
SPACE = SearchSpace((Continuous("x", 0, 10), Categorical("s", ("a", "b")), Stepped("t", 0, 4, 1)))
POINT = {"x": 1.0, "s": "a", "t": 2.0}
TABLE = SearchSpace((Continuous("x", 0, 3),), candidates=tuple({"x": float(i)} for i in range(4)))
BAD: list[Any] = ["abc", "3", math.nan, math.inf, -math.inf, True, [1.0], 10**400, 1j]
SIZES = (1e-320, 1e-300, 1.0, 1e300, 1.7e308)


def named(strategy: Strategy) -> str:
    return f"{type(strategy).__name__}-{getattr(getattr(strategy, 'acquisition', None), 'name', '')}"


def check(history: History, asked: tuple[Suggestion, ...]) -> None:
    space = history.space
    keys = [space.key(s.point) for s in asked]
    assert len(set(keys) - history.tried) == len(keys)
    for suggestion in asked:
        space.validate(suggestion.point)
        numbers = (suggestion.mean, suggestion.sd, suggestion.acquisition)
        assert all(v is None or math.isfinite(v) for v in numbers)
        assert suggestion.reason.endswith(".")
        assert not {"nan", "inf"} & set(suggestion.reason.replace(",", " ").split())


@pytest.mark.parametrize("strategy", STRATEGIES, ids=named)
@settings(max_examples=12, deadline=None)
@given(history=histories())
def test_any_history_gives_new_feasible_points_or_is_exhausted(strategy: Strategy, history: History) -> None:
    try:
        asked = strategy.ask(history, 2)
    except ExhaustedError:
        assert history.space.size <= len(history.tried)
    else:
        assert asked
        check(history, asked)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=named)
@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-1.0, 0.0, 0.5, 1.0])), max_size=8),
    st.sampled_from(SIZES),
)
@example([], 1.0)
@example([(0, 1.0)], 1e300)
@example([(0, 0.5)] * 6, 1.0)
@example([(0, 1.0), (0, -1.0)] * 3, 1.7e308)
@example([(0, 1.0), (1, 0.5), (2, -1.0)], 1e-320)
def test_duplicates_and_equal_values_at_any_scale(
    strategy: Strategy, readings: list[tuple[int, float]], size: float
) -> None:
    points = SPACE.sample(3, np.random.default_rng(0))
    history = History(SPACE)
    for i, part in readings:
        history = history.tell(Observation(points[i], part * size))
    check(history, strategy.ask(history, 2))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=named)
@pytest.mark.parametrize(
    "bounds", [(0, 5e-324), (0, 1e-300), (0, 1e300), (-8e307, 8e307), (3, 3), (1e300, 1e300), (1, 1 + 1e-15)]
)
def test_bounds_of_any_size_and_equal_ones(strategy: Strategy, bounds: tuple[float, float]) -> None:
    space = SearchSpace((Continuous("x", *bounds), Continuous("y", 0, 1)))
    history = History(space, "minimise")
    for point in space.sample(5, np.random.default_rng(0)):
        history = history.tell(Observation(point, float(point["x"])))
    check(history, strategy.ask(history, 2))


def test_values_at_the_end_of_what_floats_hold_are_not_fitted_and_it_says_so() -> None:
    history = History(SPACE)
    for i, point in enumerate(SPACE.sample(4, np.random.default_rng(0))):
        history = history.tell(Observation(point, (-1) ** i * 1.7e308))
    assert "give the values in a larger unit" in GPStrategy(initial=0).ask(history)[0].reason


@pytest.mark.parametrize("strategy", STRATEGIES, ids=named)
def test_forty_parameters(strategy: Strategy) -> None:
    space = SearchSpace(tuple(Continuous(f"x{i}", 0, 1) for i in range(40)))
    history = History(space)
    for point in space.sample(10, np.random.default_rng(0)):
        history = history.tell(Observation(point, float(point["x0"])))
    check(history, strategy.ask(history))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=named)
@pytest.mark.parametrize("far", [1e3, 1e9, 1e300])
def test_points_measured_out_of_bounds(strategy: Strategy, far: float) -> None:
    """As after a bound was narrowed."""
    history = History(SPACE).with_pending(POINT | {"x": -2 * far})
    for i, point in enumerate(SPACE.sample(8, np.random.default_rng(0))):
        moved = {**point, "x": far * (i + 1)} if i % 2 else point
        history = history.tell(Observation(moved, float(i), label="infeasible" if i == 7 else "measured"))
    check(history, strategy.ask(history, 2))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=named)
def test_more_pending_than_candidates_is_exhausted(strategy: Strategy) -> None:
    history = History(TABLE)
    for i in range(6):
        history = history.with_pending({"x": float(i % 4)})
    with pytest.raises(ExhaustedError, match="add candidates"):
        strategy.ask(history)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=named)
def test_more_asked_for_than_candidates_gives_what_is_left(strategy: Strategy) -> None:
    history = History(TABLE).tell(Observation({"x": 0.0}, 1.0)).with_pending({"x": 3.0})
    check(history, asked := strategy.ask(history, 9))
    assert len(asked) == 2


@pytest.mark.parametrize("bad", BAD, ids=lambda v: f"{v!r:.6}")
def test_what_is_no_finite_number_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"give a finite number, or None|float\(\)"):
        Observation(POINT, bad)
    with pytest.raises(ValueError, match=r"give a finite number from 0 up|float\(\)"):
        Observation(POINT, 1.0, sd=bad)
    with pytest.raises(ValueError, match=r"needs finite numbers|x is .*(float\(\)|give a number from 0 to 10)"):
        History(SPACE).tell(Observation(POINT | {"x": bad}, 1.0))
    with pytest.raises(SpaceError, match=r"x is .*(float\(\)|give a number from 0 to 10)"):
        History(SPACE).with_pending(POINT | {"x": bad})


def test_a_choice_that_there_is_not_is_refused() -> None:
    with pytest.raises(SpaceError, match="s = c is unknown; choose one of a, b"):
        History(SPACE).tell(Observation(POINT | {"s": "c"}, 1.0))


def test_words_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="choose one of measured, failed"):
        Observation(POINT, 1.0, label="bad")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="choose one of measured, simulated"):
        Observation(POINT, 1.0, origin="guessed")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="choose maximise or minimise"):
        History(SPACE, "max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="from 0 up"):
        History(SPACE, seed=-1)


def test_bounds_that_cannot_be_reckoned_with_are_refused() -> None:
    for low, high in ((math.nan, 1), (0, math.inf), (-1e308, 1e308), (2, 1)):
        with pytest.raises(SpaceError, match=r"give a finite number|use a larger unit|exchange them"):
            Continuous("x", low, high)


@pytest.mark.parametrize("strategy", [HypervolumeStrategy(initial=0), DesirabilityStrategy(initial=0)])
@pytest.mark.parametrize("values", [[], [None], [1.0], [1.0] * 4, [1e300, -1e300, 0.0], [1e-300, -1e-300, None]])
def test_several_objectives(strategy: Any, values: list[float | None]) -> None:
    results = Results(SPACE, (Objective("a", "maximise"), Objective("b", "minimise")))
    for point, value in zip(SPACE.sample(len(values), np.random.default_rng(0)), values, strict=True):
        results = results.tell(point, {"a": value, "b": value})
    asked = strategy.ask(results, 2)
    check(results.experiments, tuple(replace(s, acquisition=None) for s in asked))
