"""Spaces of few points are gone through one by one: nothing is missed or called exhausted too early."""

import numpy as np
import pytest

from optimiser.history import History, Observation
from optimiser.space import (
    Categorical,
    Continuous,
    ExhaustedError,
    KeepOut,
    LinearConstraint,
    Mixture,
    SearchSpace,
    Stepped,
)
from optimiser.strategies.gp import GPStrategy
from optimiser.strategies.random import RandomStrategy

PARTS = tuple(Stepped(name, 5, 80, 5, "%") for name in ("a", "b", "c"))
BLEND = SearchSpace(
    (*PARTS, Categorical("solvent", ("water", "DMF"))),
    Mixture(("a", "b", "c"), 100),
    constraints=(LinearConstraint({"a": 1, "b": -1}, ">=", 0),),
    keep_out=(KeepOut({"c": (40, 80), "solvent": ("DMF",)}),),
)


def test_every_point_that_can_be_made_is_listed_once() -> None:
    every = BLEND.listed
    assert every is not None
    assert BLEND.feasible(every.points).all()
    assert len(every.rows) == len(every.points)
    drawn = BLEND.sample(400, np.random.default_rng(0))
    assert {BLEND.key(p) for p in drawn} <= set(every.rows)
    assert BLEND.encode(every.points) == pytest.approx(every.X)


def test_what_has_no_end_or_too_many_points_is_not_listed() -> None:
    assert SearchSpace((Continuous("x", 0, 1),)).listed is None
    assert SearchSpace(tuple(Stepped(f"x{i}", 0, 1, 0.01) for i in range(8))).listed is None


@pytest.mark.parametrize("strategy", [GPStrategy(initial=2), RandomStrategy()])
def test_the_last_point_of_a_thousand_is_found_and_then_no_more(strategy: GPStrategy | RandomStrategy) -> None:
    space = SearchSpace((Stepped("a", 0, 39, 1), Stepped("b", 0, 24, 1)))
    history = History(space)
    for a in range(40):
        for b in range(25):
            if (a, b) != (17, 4):
                history = history.tell(Observation({"a": a, "b": b}, None, label="infeasible"))
    assert strategy.ask(history)[0].point == {"a": 17, "b": 4}
    with pytest.raises(ExhaustedError, match="widen a bound or refine a step"):
        strategy.ask(history.tell(Observation({"a": 17, "b": 4}, 1.0)))
