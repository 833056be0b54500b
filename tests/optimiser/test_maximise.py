"""Maximising a score over tables, boxes and mixtures."""

import math

import numpy as np
import pytest

from optimiser.history import History, Observation
from optimiser.maximise import maximise
from optimiser.space import (
    Array,
    Categorical,
    Continuous,
    ExhaustedError,
    Mixture,
    SearchSpace,
    Stepped,
)

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
