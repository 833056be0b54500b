"""Strategies for several objectives: replayable, aware of what is pending, never stuck, and better than chance."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimiser.blas import one_thread
from optimiser.objectives.objective import Objective
from optimiser.objectives.pareto import hypervolume
from optimiser.objectives.results import Results
from optimiser.space import Categorical, Continuous, ExhaustedError, Mixture, Point, SearchSpace, Stepped
from optimiser.strategies.random import RandomStrategy
from optimiser.strategies.several import DesirabilityStrategy, HypervolumeStrategy, SeveralSuggestion

BOX = SearchSpace((Continuous("x", 0, 1), Continuous("y", 0, 1)))
NAMES = ("a", "b", "c")
BLENDS = SearchSpace(tuple(Stepped(n, 0, 100, 5, "%") for n in NAMES), Mixture(NAMES, 100))
TABLE = SearchSpace(
    (Continuous("x", 0, 24), Categorical("s", ("u", "v"))),
    candidates=tuple({"x": float(i), "s": "uv"[i % 2]} for i in range(25)),
)
BOTH = (Objective("high", "maximise", "%"), Objective("low", "minimise", "s"))
STRATEGIES = [HypervolumeStrategy(), DesirabilityStrategy()]
by_name = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)


@pytest.fixture(autouse=True, scope="module")
def _on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


def measure(space: SearchSpace, point: Point) -> dict[str, float | None]:
    x = space.encode([point])[0]
    return {"high": float(10 * np.sin(3 * x[0]) + x[1]), "low": float(((x - 0.8) ** 2).sum())}


def told(space: SearchSpace, n: int, objectives: tuple[Objective, ...] = BOTH, seed: int = 0) -> Results:
    results = Results(space, objectives, seed)
    for point in space.sample(n, np.random.default_rng(seed)):
        results = results.tell(point, measure(space, point))
    return results


@by_name
@pytest.mark.parametrize("space", [BOX, BLENDS, TABLE], ids=["box", "blends", "table"])
@pytest.mark.parametrize("n", [0, 3, 8])
def test_the_same_results_give_the_same_different_feasible_points(strategy, space: SearchSpace, n: int) -> None:
    results = told(space, n).with_pending(space.sample(1, np.random.default_rng(99))[0])
    first, again = strategy.ask(results, 3), strategy.ask(results, 3)
    assert first == again
    assert len({space.key(s.point) for s in first} - results.experiments.tried) == 3
    for suggestion in first:
        space.validate(suggestion.point)
        assert suggestion.reason.endswith(".")


def test_what_is_expected_is_said_in_words() -> None:
    objectives = (
        Objective("high", "maximise", "%", at_least=8), Objective("low", "window", at_least=0.0, at_most=0.2)
    )  # fmt: skip
    for strategy in STRATEGIES:
        suggestion = strategy.ask(told(BOX, 8, objectives))[0]
        assert isinstance(suggestion, SeveralSuggestion)
        assert [b.objective.name for b in suggestion.beliefs] == ["high", "low"]
        assert suggestion.all_met is not None
        assert 0 <= suggestion.all_met <= 1
        for words in ("Expected high ", " %, low ", "all targets are met with a chance of"):
            assert words in suggestion.reason
    open_ = HypervolumeStrategy().ask(told(BOX, 8))[0]
    assert "the dominated volume grows by" in open_.reason
    assert "the front grows with a chance of" in open_.reason
    assert "targets" not in open_.reason
    hopeless = (Objective("high", at_least=10.9), Objective("low", "minimise", at_most=1e-6))
    reason = HypervolumeStrategy().ask(told(BOX, 6, hopeless))[0].reason
    assert "nothing measured is above all thresholds yet" in reason
    easy = (Objective("high", at_least=-1e3), Objective("low", "minimise", at_most=1e3))
    reason = DesirabilityStrategy().ask(told(BOX, 8, easy))[0].reason
    assert "all targets are met with a chance above 99 %" in reason


def campaign(space: SearchSpace, objectives, strategy, function: Callable[[Point], dict], budget: int) -> Results:
    results = Results(space, objectives, 1)
    for _ in range(budget):
        point = strategy.ask(results)[0].point
        results = results.tell(point, function(point))
    return results


def two_humps(point: Point) -> dict[str, float]:
    x, y = float(point["x"]), float(point["y"])
    return {"f": -((x - 0.2) ** 2) - (y - 0.3) ** 2, "g": -((x - 0.8) ** 2) - (y - 0.6) ** 2}


def test_the_front_of_two_humps_is_mapped_out_with_a_third_of_the_experiments_of_chance() -> None:
    objectives, reference = (Objective("f"), Objective("g")), np.array([-0.5, -0.5])
    ours = campaign(BOX, objectives, HypervolumeStrategy(), two_humps, 20)
    chance = RandomStrategy().ask(Results(BOX, objectives, 1).experiments, 60)
    drawn = np.array([list(two_humps(s.point).values()) for s in chance])
    assert hypervolume(ours.averages.gains, reference) > hypervolume(drawn, reference)


@by_name
def test_targets_and_windows_are_met(strategy) -> None:
    objectives = (
        Objective("pH", "target", target=6.5, tolerance=0.1),
        Objective("viscosity", "window", "mPa s", at_least=40, at_most=45),
        Objective("cost", "minimise", "EUR", at_most=9.0),
    )

    def function(point: Point) -> dict[str, float]:
        x, y = float(point["x"]), float(point["y"])
        return {"pH": 3 + 6 * x, "viscosity": 20 + 50 * x * y, "cost": 5 + 5 * y}

    results = campaign(BOX, objectives, strategy, function, 20)
    assert results.met(results.averages.values).any()


@by_name
def test_five_objectives_are_weighed_too(strategy) -> None:
    objectives = tuple(Objective(f"o{j}") for j in range(5))
    peaks = np.random.default_rng(3).random((5, 2))

    def function(point: Point) -> dict[str, float]:
        x = BOX.encode([point])[0]
        return {f"o{j}": -float(((x - peaks[j]) ** 2).sum()) for j in range(5)}

    results = campaign(BOX, objectives, strategy, function, 10)
    suggestions = strategy.ask(results, 2)
    assert len({BOX.key(s.point) for s in suggestions}) == 2


@by_name
def test_a_batch_and_what_is_pending_keep_apart(strategy) -> None:
    results = told(BOX, 10)
    alone = strategy.ask(results)[0].point
    waiting = strategy.ask(results.with_pending(alone))[0].point
    X = BOX.encode([alone, waiting, *(s.point for s in strategy.ask(results, 4))])
    apart = np.abs(X[:, None] - X[None]).max(axis=2)
    assert apart[0, 1] > 0.004
    assert apart[2:, 2:][np.triu_indices(4, 1)].min() > 0.004


@by_name
def test_an_exhausted_table_says_so(strategy) -> None:
    results = Results(TABLE, BOTH)
    for point in (TABLE.candidates or ())[:23]:
        results = results.tell(point, measure(TABLE, point))
    assert len(strategy.ask(results, 5)) == 2
    for point in (TABLE.candidates or ())[23:]:
        results = results.with_pending(point)
    with pytest.raises(ExhaustedError, match="has been tried or is pending; add candidates"):
        strategy.ask(results)


@by_name
def test_without_any_whole_measurement_points_are_spread_out(strategy) -> None:
    results = Results(BOX, BOTH)
    for point in BOX.sample(6, np.random.default_rng(0)):
        results = results.tell(point, {"high": 1.0, "low": None})
    suggestion = strategy.ask(results)[0]
    assert suggestion.strategy == "initial"
    assert "no point has a value of every objective yet" in suggestion.reason


@by_name
def test_where_nothing_can_be_made_is_avoided(strategy) -> None:
    results = Results(BOX, BOTH)
    for point in BOX.sample(16, np.random.default_rng(0)):
        bad = float(point["x"]) > 0.6
        results = results.tell(point, {} if bad else measure(BOX, point), "infeasible" if bad else "measured")
    for suggestion in strategy.ask(results, 3):
        assert float(suggestion.point["x"]) < 0.75
        assert "it can be made with a chance of" in suggestion.reason


@by_name
@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e-150])
def test_extreme_scales_change_nothing(strategy, scale: float) -> None:
    results, scaled = told(TABLE, 8), Results(TABLE, BOTH)
    for row in results.rows:
        scaled = scaled.tell(row.point, {n: (v or 0.0) / 100 * scale for n, v in row.readings.items()})
    assert strategy.ask(scaled, 2)[0].point == strategy.ask(results, 2)[0].point


values = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -1.0, 1e300, -1e300, 1e-300]), st.floats(-1e3, 1e3))


@by_name
@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 24), values, values), min_size=5, max_size=9), st.sampled_from([1, 2]))
def test_any_readings_are_answered(strategy, rows: list, n: int) -> None:
    results = Results(TABLE, BOTH)
    for i, high, low in rows:
        results = results.tell((TABLE.candidates or ())[i], {"high": high, "low": low})
    suggestions = strategy.ask(results, n)
    assert len(suggestions) == n
    assert all(s.acquisition is None or not np.isnan(s.acquisition) for s in suggestions)
