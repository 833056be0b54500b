"""Maximising a score over tables, boxes and mixtures."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimiser.history import History, Observation
from optimiser.maximise import Score, Slope, maximise
from optimiser.space import (
    Array,
    Categorical,
    Continuous,
    ExhaustedError,
    KeepOut,
    LinearConstraint,
    Mixture,
    SearchSpace,
    Stepped,
)
from tests.optimiser.histories import histories

NAMES = ("a", "b", "c", "d")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def towards(goal: list[float]) -> "object":
    return lambda X: -((X - np.array(goal)) ** 2).sum(axis=1)


def test_over_a_table_the_best_untested_row() -> None:
    table = tuple({"x": float(i)} for i in range(10))
    space = SearchSpace((Continuous("x", 0, 9),), candidates=table)
    history = History(space).with_pending({"x": 9.0}).tell(Observation({"x": 8.0}, None, label="infeasible"))
    assert maximise(lambda X: X[:, 0], history, rng()) == {"x": 7.0}
    assert maximise(lambda X: X[:, 0], history, rng(), also=({"x": 7.0},)) == {"x": 6.0}


def test_ties_do_not_follow_the_order_of_the_file() -> None:
    space = SearchSpace((Continuous("x", 0, 99),), candidates=tuple({"x": float(i)} for i in range(100)))
    chosen = {float(maximise(lambda X: np.zeros(len(X)), History(space), rng(s))["x"]) for s in range(20)}
    assert len(chosen) > 15
    assert max(chosen) > 50


def test_a_peak_in_a_box_is_found_to_a_thousandth() -> None:
    space = SearchSpace(tuple(Continuous(n, 0, 1) for n in NAMES))
    point = maximise(towards([0.123, 0.77, 1.0, 0.0]), History(space), rng())  # type: ignore[arg-type]
    assert [point[n] for n in NAMES] == pytest.approx([0.123, 0.77, 1.0, 0.0], abs=2e-3)


def test_a_peak_on_the_simplex_is_found_with_no_component_dropped() -> None:
    space = SearchSpace(tuple(Continuous(n, 0, 1) for n in NAMES), Mixture(NAMES, 1.0))
    point = maximise(towards([0.6, 0.0, 0.25, 0.15]), History(space), rng())  # type: ignore[arg-type]
    assert [point[n] for n in NAMES] == pytest.approx([0.6, 0.0, 0.25, 0.15], abs=3e-3)
    assert sum(float(point[n]) for n in NAMES) == pytest.approx(1.0)


def test_a_stepped_mixture_ends_on_its_steps() -> None:
    space = SearchSpace(tuple(Stepped(n, 0, 4000, 50) for n in NAMES), Mixture(NAMES, 4000))
    point = maximise(towards([0.6, 0.0, 0.25, 0.15]), History(space), rng())  # type: ignore[arg-type]
    space.validate(point)
    assert [point[n] for n in NAMES] == pytest.approx([2400, 0, 1000, 600], abs=50)


def test_categories_and_steps_together() -> None:
    space = SearchSpace((Categorical("s", ("x", "y", "z")), Stepped("t", 20, 80, 10), Continuous("c", 0, 1)))

    def score(X: Array) -> Array:
        return np.asarray(X[:, 1] * 2 - (X[:, 3] - 0.5) ** 2 - (X[:, 4] - 0.3) ** 2)

    point = maximise(score, History(space), rng())
    assert (point["s"], point["t"]) == ("y", 50)
    assert point["c"] == pytest.approx(0.3, abs=2e-3)


def test_never_what_was_tried_even_if_it_scores_best() -> None:
    space = SearchSpace((Stepped("x", 0, 10, 1), Stepped("y", 0, 10, 1)))
    history = History(space)
    for distance in range(5):
        point = maximise(towards([0.5, 0.5]), history, rng(distance))  # type: ignore[arg-type]
        assert not any(o.point == point for o in history.observations)
        assert math.dist((float(point["x"]), float(point["y"])), (5, 5)) <= math.sqrt(2)
        history = history.tell(Observation(point, 0.0))


def test_an_exhausted_space_says_so() -> None:
    space = SearchSpace((Stepped("x", 0, 3, 1),))
    history = History(space)
    for _ in range(4):
        history = history.tell(Observation(maximise(lambda X: X[:, 0], history, rng()), 1.0))
    with pytest.raises(ExhaustedError, match="end the campaign"):
        maximise(lambda X: X[:, 0], history, rng())


def downhill(*goal: float) -> tuple[Score, Slope]:
    """A score with one peak at `goal`, with its gradient."""

    def score(X: Array) -> Array:
        return np.asarray(-((X - np.array(goal)) ** 2).sum(axis=1))

    def slope(X: Array) -> tuple[Array, Array]:
        return score(X), -2 * (X - np.array(goal))

    return score, slope


def test_with_a_gradient_a_peak_in_a_box_is_found_to_a_thousandth() -> None:
    space = SearchSpace(tuple(Continuous(n, 0, 1) for n in NAMES))
    score, slope = downhill(0.123, 0.77, 1.0, 0.0)
    for seed in range(5):
        point = maximise(score, History(space), rng(seed), slope=slope)
        assert [point[n] for n in NAMES] == pytest.approx([0.123, 0.77, 1.0, 0.0], abs=1e-3)


def test_with_a_gradient_twenty_parameters_are_no_hindrance() -> None:
    space = SearchSpace(tuple(Continuous(f"x{i}", 0, 1) for i in range(20)))
    goal = np.linspace(0.05, 0.95, 20)
    score, slope = downhill(*goal)
    uphill = maximise(score, History(space), rng(), slope=slope)
    climbed = maximise(score, History(space), rng())
    assert space.encode([uphill])[0] == pytest.approx(goal, abs=0.02)
    assert score(space.encode([uphill]))[0] > score(space.encode([climbed]))[0]


def test_with_a_gradient_a_mixture_stays_one() -> None:
    space = SearchSpace(tuple(Continuous(n, 0, 1) for n in NAMES), Mixture(NAMES, 1.0))
    score, slope = downhill(0.7, 0.1, 0.35, 0.25)  # the nearest that sums to 1 is 0.1 less of each
    point = maximise(score, History(space), rng(), slope=slope)
    assert [point[n] for n in NAMES] == pytest.approx([0.6, 0.0, 0.25, 0.15], abs=3e-3)
    assert sum(float(point[n]) for n in NAMES) == pytest.approx(1.0)


def test_with_a_gradient_constraints_and_keep_out_regions_hold() -> None:
    space = SearchSpace(
        (Continuous("x", 0, 1), Continuous("y", 0, 1)),
        constraints=(LinearConstraint({"x": 1.0, "y": 1.0}, "<=", 1.0),),
        keep_out=(KeepOut({"x": (0.4, 0.6), "y": (0.4, 0.6)}),),
    )
    score, slope = downhill(0.9, 0.9)
    point = maximise(score, History(space), rng(), slope=slope)
    space.validate(point)
    assert score(space.encode([point]))[0] > -2 * 0.41**2 - 0.03


def test_with_a_gradient_the_other_choices_are_looked_at_too() -> None:
    space = SearchSpace((Categorical("s", ("x", "y", "z")), Stepped("t", 20, 80, 10), Continuous("c", 0, 1)))
    worth = np.array([0.0, 2.0, 1.0, 0.0, 0.0])

    def score(X: Array) -> Array:
        return np.asarray(X @ worth - (X[:, 3] - 0.5) ** 2 - (X[:, 4] - 0.3) ** 2)

    def slope(X: Array) -> tuple[Array, Array]:
        steep = np.tile(worth, (len(X), 1))
        steep[:, 3:] = -2 * (X[:, 3:] - [0.5, 0.3])
        return score(X), steep

    point = maximise(score, History(space), rng(), slope=slope)
    assert (point["s"], point["t"]) == ("y", 50)
    assert point["c"] == pytest.approx(0.3, abs=1e-3)


def test_of_two_peaks_the_higher_is_found() -> None:
    space = SearchSpace((Continuous("x", 0, 1), Continuous("y", 0, 1)))

    def slope(X: Array) -> tuple[Array, Array]:
        near, far = (np.exp(-((X - at) ** 2).sum(axis=1) / (2 * 0.05**2)) for at in (0.2, 0.8))
        steep = -(near[:, None] * (X - 0.2) + 1.1 * far[:, None] * (X - 0.8)) / 0.05**2
        return near + 1.1 * far, steep

    for seed in range(10):
        point = maximise(lambda X: slope(X)[0], History(space), rng(seed), slope=slope)
        assert [point["x"], point["y"]] == pytest.approx([0.8, 0.8], abs=1e-3)


def test_a_flat_score_and_a_flat_gradient_still_give_a_point() -> None:
    space = SearchSpace(tuple(Continuous(n, 0, 1) for n in NAMES))
    points = [
        maximise(lambda X: np.zeros(len(X)), History(space), rng(s), slope=lambda X: (np.zeros(len(X)), 0 * X))
        for s in range(5)
    ]
    assert all(space.contains(p) for p in points)
    assert len({p["a"] for p in points}) == 5


@settings(max_examples=25)
@given(histories(), st.integers(0, 99))
def test_over_any_space_an_untested_point_no_worse_than_a_draw(history: History, seed: int) -> None:
    space = history.space
    direction = rng(seed).normal(size=len(space.columns))
    try:
        point = maximise(
            lambda X: X @ direction,
            history,
            rng(seed),
            slope=lambda X: (X @ direction, np.tile(direction, (len(X), 1))),
        )
    except ExhaustedError:
        assert space.size <= len(history.tried)
        return
    space.validate(point)
    assert space.key(point) not in history.tried
    drawn = [p for p in space.sample(20, rng(seed + 1)) if space.key(p) not in history.tried]
    worth = space.encode(drawn) @ direction
    assert (space.encode([point])[0] @ direction) >= worth.max(initial=-np.inf) - 1e-3
