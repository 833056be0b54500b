"""Fronts and volumes: against brute force and chance, and what must hold for any numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optimiser.objectives.pareto import boxes, hypervolume, non_dominated

ROWS = st.integers(1, 4).flatmap(
    lambda k: arrays(float, st.tuples(st.integers(1, 9), st.just(k)), elements=st.integers(-4, 4).map(float))
)
ANY_ROWS = st.integers(1, 4).flatmap(
    lambda k: arrays(float, st.tuples(st.integers(1, 12), st.just(k)), elements=st.floats(-1e300, 1e300))
)


def beaten_by(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((b >= a).all() and (b > a).any())


def by_inclusion(Y: np.ndarray, reference: np.ndarray) -> float:
    """Volumes of all intersections, with signs."""
    total = 0.0
    for size in range(1, len(Y) + 1):
        for rows in itertools.combinations(range(len(Y)), size):
            total += (-1) ** (size + 1) * np.prod(np.maximum(Y[list(rows)].min(axis=0) - reference, 0.0))
    return total


@given(ANY_ROWS)
def test_the_front_is_what_nothing_beats(Y: np.ndarray) -> None:
    front = non_dominated(Y)
    assert front.any()
    for i, row in enumerate(Y):
        assert front[i] == (not any(beaten_by(row, other) for other in Y))


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_makes_no_difference(Y: np.ndarray, chance) -> None:
    order = list(range(len(Y)))
    chance.shuffle(order)
    assert (non_dominated(Y)[order] == non_dominated(Y[order])).all()
    reference = np.full(Y.shape[1], -5.0)
    assert hypervolume(Y[order], reference) == pytest.approx(hypervolume(Y, reference), rel=1e-12)


@given(ROWS)
def test_the_volume_equals_that_of_all_intersections(Y: np.ndarray) -> None:
    reference = np.full(Y.shape[1], -3.0)
    assert hypervolume(Y, reference) == pytest.approx(by_inclusion(Y, reference), rel=1e-9, abs=1e-9)


@given(ANY_ROWS.map(lambda Y: Y / 1e300))
def test_the_volume_never_falls_by_a_further_point(Y: np.ndarray) -> None:
    reference = np.full(Y.shape[1], -1.1)
    volumes = [hypervolume(Y[: i + 1], reference) for i in range(len(Y))]
    assert all(b >= a * (1 - 1e-12) for a, b in itertools.pairwise(volumes))
    front = Y[non_dominated(Y)]
    assert hypervolume(front, reference) == pytest.approx(volumes[-1], rel=1e-12)


@given(ROWS)
def test_boxes_fill_what_is_not_dominated_and_do_not_overlap(Y: np.ndarray) -> None:
    k = Y.shape[1]
    reference = np.full(k, -3.0)
    lower, upper = boxes(Y, reference)
    cells = np.array(list(itertools.product(np.arange(-2.5, 6.0), repeat=k)))
    inside = ((cells[:, None] > lower) & (cells[:, None] < upper)).all(axis=2).sum(axis=1)
    above = Y[(reference < Y).all(axis=1)]
    dominated = (cells[:, None] < above).all(axis=2).any(axis=1)
    assert (inside == np.where(dominated, 0, 1)).all()


def test_a_thousand_rows_of_four_objectives() -> None:
    rng = np.random.default_rng(0)
    Y = np.abs(rng.normal(size=(1000, 4)))
    Y = Y / np.linalg.norm(Y, axis=1, keepdims=True)
    Y[:60] *= 1.0001
    some = Y[:60]
    samples = rng.random((200_000, 4))
    chance = np.zeros(len(samples), dtype=bool)
    for row in some:
        chance |= (samples < row).all(axis=1)
    assert hypervolume(some, np.zeros(4)) == pytest.approx(chance.mean(), abs=0.005)
    assert non_dominated(np.vstack([Y, 2 * np.ones(4)])).sum() == 1


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e150, 1e-150])
def test_extreme_scales(scale: float) -> None:
    Y = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [1.0, 1.0]]) * scale
    assert non_dominated(Y).tolist() == [True, True, True, False]
    one = np.array([[1.0, 2.0]]) * [[scale, 1 / scale]]
    assert hypervolume(one, np.zeros(2)) == pytest.approx(2.0)
    four = np.array([[scale, scale, 1 / scale, 2 / scale]])
    assert hypervolume(four, np.zeros(4)) == pytest.approx(2.0)
    if scale in (1e300, 1e-300):
        with pytest.raises(ValueError, match="divide each objective by its range first"):
            hypervolume(Y, np.zeros(2))


def test_nothing_above_the_reference_is_no_volume() -> None:
    assert hypervolume(np.empty((0, 2)), np.zeros(2)) == 0.0
    assert hypervolume(np.array([[1.0, 0.0], [-1.0, 5.0]]), np.zeros(2)) == 0.0
    lower, upper = boxes(np.empty((0, 2)), np.zeros(2))
    assert lower.tolist() == [[0.0, 0.0]]
    assert np.isinf(upper).all()


@pytest.mark.parametrize(
    ("Y", "reference", "said"),
    [
        ([["a", 1.0]], [0.0, 0.0], "must be numbers"),
        ([[np.nan, 1.0]], [0.0, 0.0], "must be finite"),
        ([[np.inf, 1.0]], [0.0, 0.0], "must be finite"),
        ([[1.0, 1.0]], [0.0, -np.inf], "must be finite"),
        ([[1.7e308, 1.0]], [-1.7e308, 0.0], "divide each objective"),
        ([[1.0, 1.0]], [0.0], r"give \(n, k\) and \(k,\)"),
        ([1.0, 1.0], [0.0], r"give \(n, k\) and \(k,\)"),
    ],
)
def test_what_is_no_number_is_refused_with_a_sentence(Y: list, reference: list, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        hypervolume(Y, reference)  # type: ignore[arg-type]


def test_a_row_that_failed_is_not_on_the_front_and_beats_nothing() -> None:
    assert non_dominated(np.array([[np.nan, 9.0], [1.0, 1.0]])).tolist() == [False, True]
    assert non_dominated(np.empty((0, 3))).tolist() == []
