"""A peak between the rows of a table, and the nearest row to it."""

import numpy as np
import pytest

from optimiser.between import nearest_to_peak
from optimiser.space import Array

LINE = np.linspace(0, 1, 11)[:, None]


def peak_at(*where: float) -> "object":
    return lambda X: -((X - np.array(where)) ** 2).sum(axis=1)


def nearest(score: object, table: Array, left: list[int], lengthscales: Array | None = None, seed: int = 0) -> int:
    scales = np.ones(table.shape[1]) if lengthscales is None else lengthscales
    return nearest_to_peak(score, table, np.array(left), scales, np.random.default_rng(seed))  # type: ignore[arg-type]


def test_the_row_nearest_to_a_peak_between_rows() -> None:
    assert nearest(peak_at(0.64), LINE, list(range(11))) == 6
    assert nearest(peak_at(0.66), LINE, list(range(11))) == 7


def test_measured_rows_show_where_the_peak_is_and_are_not_suggested() -> None:
    assert nearest(peak_at(0.5), LINE, [0, 1, 7, 9]) == 7
    assert nearest(peak_at(0.5), LINE, [0, 3, 9]) == 3


def test_near_is_meant_in_lengthscales() -> None:
    table = np.array([[0.5, 0.5], [0.5, 0.7], [0.9, 0.5]])
    assert nearest(peak_at(0.5, 0.5), table, [1, 2]) == 1
    assert nearest(peak_at(0.5, 0.5), table, [1, 2], np.array([10.0, 0.1])) == 2


def test_nothing_outside_what_the_rows_span_is_believed_in() -> None:
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(3), 40)
    asked: list[Array] = []

    def score(X: Array) -> Array:
        asked.append(X)
        return X[:, 0]

    chosen = nearest(score, table, list(range(40)))
    assert chosen == table[:, 0].argmax()
    for X in asked:
        assert X.sum(axis=1) == pytest.approx(1.0)  # a mixture stays a mixture
        assert X.min() >= 0
        assert (table.max(axis=0) + 1e-12 >= X).all()


def test_ties_are_broken_at_random_not_by_the_order_of_the_file() -> None:
    table = np.array([[0.0], [1.0]] * 10)
    chosen = {nearest(peak_at(1.0), table, list(range(20)), seed=s) for s in range(20)}
    assert len(chosen) > 4
    assert all(table[i] == 1.0 for i in chosen)


@pytest.mark.parametrize("rows", [1, 2, 13])
def test_small_tables(rows: int) -> None:
    table = np.linspace(0, 1, rows)[:, None]
    assert nearest(peak_at(1.0), table, list(range(rows))) == rows - 1
    assert nearest(peak_at(1.0), table, [0]) == 0


def test_duplicate_rows_and_equal_scores() -> None:
    table = np.zeros((30, 4))
    assert nearest(lambda X: np.zeros(len(X)), table, [3, 4, 29]) in {3, 4, 29}
