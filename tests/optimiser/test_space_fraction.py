"""How much of a space is left, in words and by constraint."""

import numpy as np
import pytest

from optimiser.fraction import feasible_fraction
from optimiser.space import Categorical, Continuous, KeepOut, LinearConstraint, Mixture, Point, SearchSpace

PARTS = (Continuous("a", 0, 1), Continuous("b", 0, 1), Categorical("s", ("x", "y")))
HALF = LinearConstraint({"a": 1.0, "b": 1.0}, "<=", 0.5)
HOT = KeepOut({"a": (0.5, 1.0), "s": ("x",)}, "hot x")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_share_of_the_box_is_estimated_and_the_constraint_that_cuts_most_named() -> None:
    found = feasible_fraction(SearchSpace(PARTS, None, None, (HALF,), (HOT,)), rng())
    assert found.fraction == pytest.approx(0.125, abs=0.03)
    assert dict(found.alone) == {HALF.label: pytest.approx(0.125, abs=0.02), "hot x": pytest.approx(0.75, abs=0.02)}
    assert str(found).startswith("about 1")
    assert '"a + b ≤ 0.5" cuts most' in str(found)


def test_rows_of_a_table_are_counted() -> None:
    table: tuple[Point, ...] = tuple({"a": i / 10, "b": 0.1, "s": "xy"[i % 2]} for i in range(10))
    found = feasible_fraction(SearchSpace(PARTS, None, table, (HALF,), (HOT,)), rng())
    assert str(found) == '5 of 10 candidates; "a + b ≤ 0.5" cuts most and leaves 50 % by itself'
    assert dict(found.alone) == {HALF.label: 0.5, "hot x": 0.8}


def test_nothing_to_keep_leaves_all() -> None:
    assert str(feasible_fraction(SearchSpace(PARTS), rng())) == "all of the space"


def test_a_corner_too_small_to_be_hit_is_told_as_a_bound() -> None:
    parts = tuple(Continuous(f"x{i}", 0, 1) for i in range(10))
    tiny = LinearConstraint({p.name: 1.0 for p in parts}, "<=", 0.5)
    found = feasible_fraction(SearchSpace(parts, None, None, (tiny,)), rng())
    assert str(found).startswith("less than 0.02 % of the space")


def test_a_mixture_and_an_equality_are_what_the_share_is_of() -> None:
    parts = tuple(Continuous(n, 0, 1) for n in "abc")
    rules = (LinearConstraint({"a": 1, "b": -1}, "=", 0.0), LinearConstraint({"c": 1}, "<=", 0.5))
    found = feasible_fraction(SearchSpace(parts, Mixture(("a", "b", "c"), 1.0), None, rules), rng())
    assert found.fraction == pytest.approx(0.5, abs=0.03)
    assert len(found.alone) == 1
