"""Where experiments can be made: learned from labels, forgotten with them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_ndtr

from optimiser.acquisition import EI
from optimiser.feasibility import CENTRE, VARIANCE, Feasibility
from optimiser.history import History, Label, Observation
from optimiser.maximise import maximise
from optimiser.space import Array, Categorical, Continuous, Mixture, Point, SearchSpace, Stepped
from optimiser.surrogate import fit

SQUARE = SearchSpace((Continuous("x", 0, 10), Continuous("y", -1, 1)))
MIXED = SearchSpace((Stepped("t", 20, 80, 5), Categorical("solvent", ("water", "DMF", "THF"))))
BLEND = SearchSpace(tuple(Continuous(n, 0, 1) for n in "abc"), Mixture(("a", "b", "c"), 1.0))
LABELS: tuple[Label, ...] = ("measured", "failed", "infeasible", "outlier")


def told(space: SearchSpace, labels: list[Label], seed: int = 0) -> History:
    points = space.sample(len(labels), np.random.default_rng(seed))
    seen = (
        Observation(p, None if label in ("failed", "infeasible") else float(i), label=label)
        for i, (p, label) in enumerate(zip(points, labels, strict=True))
    )
    return History(space, observations=tuple(seen))


def learned(history: History) -> Feasibility:
    model = Feasibility.learn(history)
    assert model is not None
    return model


def halves(n: int, seed: int = 0) -> History:
    """Points of the square, those with x below 4 infeasible."""
    points = SQUARE.sample(n, np.random.default_rng(seed))
    seen = (Observation(p, 1.0) if p["x"] >= 4 else Observation(p, None, label="infeasible") for p in points)
    return History(SQUARE, observations=tuple(seen))


def test_nothing_is_learned_while_nothing_is_infeasible() -> None:
    assert Feasibility.learn(History(SQUARE)) is None
    assert Feasibility.learn(told(SQUARE, ["measured", "outlier", "failed"])) is None


def test_points_like_the_infeasible_ones_are_improbable_and_the_rest_are_not() -> None:
    model = learned(halves(15))
    inside, outside = ([{"x": x, "y": y} for y in (-0.8, 0.0, 0.8)] for x in (1.0, 8.0))
    assert model.probability(SQUARE.encode(inside)).max() < 0.35  # type: ignore[arg-type]
    assert model.probability(SQUARE.encode(outside)).min() > 0.9  # type: ignore[arg-type]


def test_one_infeasible_point_does_not_close_the_space() -> None:
    points: tuple[Point, ...] = ({"x": 0.0, "y": -1.0}, {"x": 9.0, "y": 0.5})
    history = (
        History(SQUARE).tell(Observation(points[0], None, label="infeasible")).tell(Observation(points[1], 3.0))
    )
    near, far = learned(history).probability(SQUARE.encode(points))
    assert near < 0.5
    assert far > 0.85


def test_what_matters_is_told_from_what_does_not() -> None:
    model = learned(halves(30))
    assert model.lengthscales[1] > 3 * model.lengthscales[0]


def test_two_failures_count_as_infeasible_and_one_does_not() -> None:
    point: Point = {"x": 5.0, "y": 0.0}
    history = History(SQUARE).tell(Observation({"x": 1.0, "y": 0.0}, 2.0)).tell(Observation(point, None))
    assert Feasibility.learn(history) is None
    assert learned(history.tell(Observation(point, None))).made.tolist() == [1.0, -1.0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_suggestions_leave_the_infeasible_half_alone(seed: int) -> None:
    """Of two peaks the higher one cannot be made."""
    asked, best = searched(lambda x, y: peak(x - 2, y) + 0.8 * peak(x - 7, y), seed)
    assert sum(float(p["x"]) >= 4 for p in asked[15:]) >= 7
    assert best == pytest.approx(0.8, abs=0.01)


def test_the_best_on_the_edge_of_what_can_be_made_is_found() -> None:
    _, best = searched(lambda x, y: -x - y * y, seed=1)
    assert best == pytest.approx(-4.0, abs=0.1)


def peak(x: float, y: float) -> float:
    return float(np.exp(-x * x - y * y))


def searched(objective: Callable[[float, float], float], seed: int) -> tuple[list[Point], float]:
    """25 points asked for with expected improvement, and the best value; with x below 4 nothing can be made."""

    def made(point: Point) -> Observation:
        x, y = float(point["x"]), float(point["y"])
        return Observation(point, objective(x, y)) if x >= 4 else Observation(point, None, label="infeasible")

    asked = list(SQUARE.sample(5, np.random.default_rng(seed)))
    history = History(SQUARE, "maximise", seed, tuple(map(made, asked)))
    while len(asked) < 25:
        posterior, feasible = fit(history), Feasibility.learn(history)
        best = posterior.incumbent()
        assert best is not None

        def score(X: Array) -> Array:
            worth = EI().rank(*posterior.predict_encoded(X), best.mean, "maximise")  # noqa: B023
            return worth if feasible is None else worth + feasible.log_weight(X)  # noqa: B023

        asked.append(maximise(score, history, history.rng()))
        history = history.tell(made(asked[-1]))
    return asked, max(o.value for o in history.usable if o.value is not None)


def test_a_label_that_is_taken_back_leaves_no_trace() -> None:
    before = halves(12)
    moved = before.relabel(0, "outlier" if before.observations[0].label == "infeasible" else "infeasible")
    back = moved.relabel(0, before.observations[0].label)
    X = SQUARE.sample_encoded(50, np.random.default_rng(1))
    was = learned(before).probability(X)
    assert not np.array_equal(learned(moved).probability(X), was)
    assert np.array_equal(learned(back).probability(X), was)


def test_opposite_labels_at_one_point_are_about_even() -> None:
    point: Point = {"x": 5.0, "y": 0.0}
    history = History(SQUARE)
    for _ in range(3):
        history = history.tell(Observation(point, 1.0))
    history = history.tell(Observation(point, None, label="infeasible"))
    assert 0.3 < learned(history).probability(SQUARE.encode([point]))[0] < 0.95


def test_it_learns_from_infeasible_points_alone() -> None:
    model = learned(told(MIXED, ["infeasible"] * 4))
    assert np.isfinite(model.probability(MIXED.encode(MIXED.sample(20, np.random.default_rng(0))))).all()


def test_a_point_far_outside_the_space_does_no_harm() -> None:
    history = halves(10).tell(Observation({"x": 1e300, "y": -1e300}, None, label="infeasible"))
    p = learned(history).probability(SQUARE.sample_encoded(50, np.random.default_rng(0)))
    assert ((p >= 0) & (p <= 1)).all()


@pytest.mark.parametrize("space", [SQUARE, MIXED, BLEND])
def test_the_gradient_is_that_of_the_probability(space: SearchSpace) -> None:
    history = told(space, ["measured", "infeasible", "measured", "infeasible", "outlier", "measured"] * 2)
    model = learned(history)
    rows = [*space.sample_encoded(5, np.random.default_rng(1)), model.X[0], model.X[-1]]
    step = 1e-5
    for x in rows:
        around = [model.probability(np.array([x + step * e, x - step * e])) for e in np.eye(len(x))]
        assert model.gradient(x) == pytest.approx([(a - b) / (2 * step) for a, b in around], abs=1e-6)
        around = [model.log_weight(np.array([x + step * e, x - step * e])) for e in np.eye(len(x))]
        expected = [(a - b) / (2 * step) for a, b in around]
        assert model.log_weight_gradient(x) == pytest.approx(expected, rel=1e-5, abs=1e-4)


labels = st.lists(st.sampled_from(LABELS), min_size=1, max_size=25)


@given(labels=labels, space=st.sampled_from([SQUARE, MIXED, BLEND]), seed=st.integers(0, 99))
def test_any_labels_give_probabilities_and_the_one_mode(labels: list[Label], space: SearchSpace, seed: int) -> None:
    history = told(space, labels, seed)
    model = Feasibility.learn(history)
    assert (model is None) == (not history.infeasible)
    if model is None:
        return
    p = model.probability(space.sample_encoded(30, np.random.default_rng(seed)))
    assert ((p >= 0) & (p <= 1)).all()
    assert np.isfinite(model.gradient(model.X[0])).all()
    assert (model.log_weight(model.X) <= 0).all()
    weights, _ = model._mode
    scaled = model.X / model.lengthscales
    r = np.sqrt(5 * ((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
    z = model.made * (CENTRE + VARIANCE * ((1 + r + r * r / 3) * np.exp(-r)) @ weights)
    pull = model.made * np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_ndtr(z))
    assert weights == pytest.approx(pull, abs=1e-6)
