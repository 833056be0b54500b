"""What makes no sense is refused where it is given, with a sentence that says what to give instead."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from optimiser.acquisition import EI, UCB, Schedule, Turns
from optimiser.advice import advise
from optimiser.given import shown
from optimiser.history import History, Observation
from optimiser.objectives.objective import Objective
from optimiser.objectives.results import Results
from optimiser.space import (
    Categorical,
    Continuous,
    Descriptors,
    KeepOut,
    LinearConstraint,
    Mixture,
    SearchSpace,
    Stepped,
)
from optimiser.strategies.gp import GPStrategy
from optimiser.strategies.initial import InitialStrategy
from optimiser.strategies.random import RandomStrategy
from optimiser.strategies.several import DesirabilityStrategy, HypervolumeStrategy
from optimiser.strategies.thompson import ThompsonStrategy
from optimiser.surrogate import fit

SPACE = SearchSpace((Continuous("T", 20, 80), Categorical("solvent", ("toluene", "DMF"))))
POINT = {"T": 30.0, "solvent": "DMF"}
TEXT = r": it is text; convert it with float\(\)"

Made = Sequence[tuple[Callable[[], object], str]]


def refused(cases: Made) -> None:
    for make, said in cases:
        with pytest.raises(ValueError, match=said):
            make()


def test_bounds_and_steps() -> None:
    refused([
        (lambda: Continuous("A", "0", 1), f"A: low is '0'{TEXT}"),  # type: ignore[arg-type]
        (lambda: Continuous("A", None, 1), "A: low is None; give a finite number"),  # type: ignore[arg-type]
        (lambda: Continuous("A", 0, 10**400), "A: high is 1e400 or so; give a finite number"),
        (lambda: Continuous("A", math.nan, math.inf), "low is nan; give a finite number, and high is inf"),
        (lambda: Stepped("A", 0, "1", 1), f"A: high is '1'{TEXT}"),  # type: ignore[arg-type]
        (lambda: Stepped("A", 0, None, 1), "A: high is None; give a finite number"),  # type: ignore[arg-type]
        (lambda: Stepped("A", 0, 1, "0.1"), f"A: step is '0.1'{TEXT}"),  # type: ignore[arg-type]
        (lambda: Stepped("A", 0, 1, None), "A: step is None; give a step above 0"),  # type: ignore[arg-type]
    ])  # fmt: skip


def test_choices_are_words() -> None:
    rows: Any = (("1",), (2.0,))
    refused([
        (lambda: Categorical("c", (1, 2)), "c: 1, 2 among the choices is no word; write it as text"),  # type: ignore[arg-type]
        (lambda: Categorical("A", "abc"), r"A: the choices are 'abc'; give a tuple of words, as \('water'"),  # type: ignore[arg-type]
        (lambda: Categorical("A", 5), "A: the choices are 5; give a tuple of words"),  # type: ignore[arg-type]
        (lambda: Categorical("A", ("a", "b"), descriptors=Descriptors(("logP",), rows)), f"a: logP is '1'{TEXT}"),
    ])  # fmt: skip
    assert Categorical("A", tuple(np.array(["a", "b"]))).choices == ("a", "b")


def test_rules() -> None:
    refused([
        (lambda: LinearConstraint({"A": "1"}, "<=", 5), f"the coefficient of A is '1'{TEXT}"),  # type: ignore[dict-item]
        (lambda: LinearConstraint({"A": None}, "<=", 5), "the coefficient of A is None; give a finite number"),  # type: ignore[dict-item]
        (lambda: LinearConstraint({"A": 1}, "<=", "5"), f"the constraint's bound is '5'{TEXT}"),  # type: ignore[arg-type]
        (lambda: LinearConstraint(("A",), "<=", 5), "coefficients are .*; give them by name"),  # type: ignore[arg-type]
        (lambda: KeepOut({"A": 20}), r"A is 20; give A a low and a high number, as \(20, 80\)"),  # type: ignore[dict-item]
        (lambda: KeepOut({"A": (None, 3)}), "give A a low and a high number"),  # type: ignore[dict-item]
        (lambda: KeepOut({"A": (1, "b")}), "give A a low and a high number"),
        (lambda: KeepOut(["A"]), "the keep-out region is .*; give its ranges by name"),  # type: ignore[arg-type]
        (lambda: SearchSpace(SPACE.parameters, keep_out=(KeepOut({"T": ("20", "30")}),)), f"T is '20'{TEXT}"),
        (lambda: SearchSpace(SPACE.parameters, Mixture(("T", "b"), "9")), f"total is '9'{TEXT}"),  # type: ignore[arg-type]
    ])  # fmt: skip


def test_one_word_keeps_out_one_choice() -> None:
    space = SearchSpace(SPACE.parameters, keep_out=(KeepOut({"solvent": "toluene"}),))  # type: ignore[dict-item]
    assert space.keep_out == (KeepOut({"solvent": ("toluene",)}),)
    assert {p["solvent"] for p in space.sample(20, np.random.default_rng(0))} == {"DMF"}


def test_points() -> None:
    refused([
        (lambda: SPACE.validate((30.0, "DMF")), "the point is .*; give its values by name"),  # type: ignore[arg-type]
        (lambda: SPACE.validate(POINT | {"T": "30"}), f"T is '30'{TEXT}"),
        (lambda: SPACE.validate(POINT | {"T": "hot"}), "T is 'hot': it is text; give a number from 20 to 80"),
        (lambda: SPACE.validate(POINT | {"T": 10**5000}), "T is 1e5000 or so; give a number from 20 to 80"),
        (lambda: SPACE.validate(POINT | {"solvent": 10**400}), "solvent = 1e400 or so is unknown"),
    ])  # fmt: skip


def test_what_is_seen() -> None:
    refused([
        (lambda: History(SPACE, seed="a"), "the seed is 'a': it is text; give a whole number from 0 up"),  # type: ignore[arg-type]
        (lambda: History(SPACE, seed=1.5), "the seed is 1.5; give a whole number from 0 up"),  # type: ignore[arg-type]
        (lambda: History(SPACE, seed=True), "the seed is True; give a whole number from 0 up"),
        (lambda: Observation((0.1, 0.2), 1.0), r"the point is \(0.1, 0.2\); give its values by name"),  # type: ignore[arg-type]
        (lambda: Observation(POINT, "3"), f"the value is '3'{TEXT}"),  # type: ignore[arg-type]
        (lambda: Observation(POINT, 10**5000), "the value is 1e5000 or so; give a finite number, or None"),
        (lambda: Observation(POINT, 1.0, sd="3"), f"the standard deviation is '3'{TEXT}"),  # type: ignore[arg-type]
        (lambda: History(SPACE).with_pending(30.0), "the point is 30.0; give its values by name"),  # type: ignore[arg-type]
    ])  # fmt: skip
    assert History(SPACE, seed=np.int64(3)).rng().random() == History(SPACE, seed=3).rng().random()  # type: ignore[arg-type]


def test_acquisition_functions() -> None:
    refused([
        (lambda: UCB("a"), "beta is 'a': it is text; give a finite number from 0 up"),  # type: ignore[arg-type]
        (lambda: UCB("2"), f"beta is '2'{TEXT}"),  # type: ignore[arg-type]
        (lambda: Turns(None), "beta is None; give a finite number from 0 up"),  # type: ignore[arg-type]
        (lambda: Schedule(delta="x"), "delta is 'x': it is text; give the chance to be wrong"),  # type: ignore[arg-type]
        (lambda: Schedule(share="1"), f"share is '1'{TEXT}"),  # type: ignore[arg-type]
    ])  # fmt: skip


def test_strategies() -> None:
    refused([
        (lambda: GPStrategy("ei"), r"the acquisition is 'ei'; give a policy, as EI\(\) or UCB\(1.0\)"),  # type: ignore[arg-type]
        (lambda: GPStrategy(EI), r"the acquisition is .*; give a policy, as EI\(\) or UCB\(1.0\)"),  # type: ignore[arg-type]
        (lambda: DesirabilityStrategy(beta="1"), f"beta is '1'{TEXT}"),  # type: ignore[arg-type]
    ])  # fmt: skip
    for kind in (GPStrategy, ThompsonStrategy, HypervolumeStrategy, DesirabilityStrategy):
        for initial in (-1, 2.5, "5"):
            with pytest.raises(ValueError, match=r"initial experiments is .*(whole number from 0|float\(\))"):
                kind(initial=initial)  # type: ignore[operator]


def test_how_many_are_asked_for() -> None:
    results = Results(SPACE, (Objective("y"), Objective("z")))
    strategies: Any = [
        (GPStrategy(), History(SPACE)),
        (ThompsonStrategy(), History(SPACE)),
        (InitialStrategy(), History(SPACE)),
        (RandomStrategy(), History(SPACE)),
        (HypervolumeStrategy(), results),
        (DesirabilityStrategy(), results),
    ]
    for strategy, seen in strategies:
        for n in (0, -1, 1.0, "2", None, True):
            with pytest.raises(ValueError, match=r"asked for is .*(whole number from 1 up|float\(\))"):
                strategy.ask(seen, n)


def test_advice() -> None:
    history = History(SPACE)
    for i, point in enumerate(SPACE.sample(6, np.random.default_rng(0))):
        history = history.tell(Observation(point, float(i)))
    posterior = fit(history)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"useful": "a"}, "the smallest useful difference is 'a': it is text; give a number above 0"),
        ({"hours": "2"}, f"the duration is '2'{TEXT}"),
        ({"target": "80"}, f"the target is '80'{TEXT}"),
        ({"budget": 2.5}, "the budget is 2.5; give a whole number of experiments from 1 up, or leave it out"),
        ({"budget": 0}, "the budget is 0; give a whole number of experiments from 1 up"),
        ({"patience": "5"}, f"the patience is '5'{TEXT}"),
    ]
    for given, said in cases:
        with pytest.raises(ValueError, match=said):
            advise(history, posterior, **given)


def test_rows_of_several_objectives() -> None:
    good = Results(SPACE, (Objective("y"), Objective("z")))
    read = {"y": 1.0, "z": None}
    huge: Any = 10**5000
    refused([
        (lambda: good.tell(POINT | {"T": "30"}, read), f"T is '30'{TEXT}"),
        (lambda: good.tell(POINT | {"T": math.nan}, read), "T is nan; give a number from 20 to 80"),
        (lambda: good.tell(POINT | {"solvent": "water"}, read), "water is unknown; choose one of toluene"),
        (lambda: good.tell({"T": 30.0}, read), "the point lacks solvent"),
        (lambda: good.tell((30.0, "DMF"), read), "give its values by name"),  # type: ignore[arg-type]
        (lambda: good.tell(POINT, read | {"y": "1"}), f"y is '1'{TEXT}"),  # type: ignore[dict-item]
        (lambda: good.tell(POINT, read | {"y": huge}), "y is 1e5000 or so; give a finite number, or None"),
        (lambda: good.tell(POINT, read, sd={"y": "1"}), f"the standard deviation of y is '1'{TEXT}"),  # type: ignore[dict-item]
        (lambda: good.tell(POINT, read, "bad"), "the label is 'bad'; choose one of measured, failed"),  # type: ignore[arg-type]
        (lambda: good.with_pending(POINT | {"T": None}), "T is None; give a number from 20 to 80"),  # type: ignore[arg-type]
        (lambda: good.tell(POINT, read).relabel(0, "bad"), "the label is 'bad'; choose one of"),  # type: ignore[arg-type]
        (lambda: good.tell(POINT, read).relabel(0.5, "failed"), "there is no row 0.5; there are 1"),  # type: ignore[arg-type]
        (lambda: Results(SPACE, good.objectives, seed="a"), "the seed is 'a': it is text; give a whole number"),  # type: ignore[arg-type]
        (lambda: Results(SPACE, good.objectives, seed=1.5), "the seed is 1.5; give a whole number from 0 up"),  # type: ignore[arg-type]
        (lambda: Results(SPACE, good.objectives, seed=-1), "the seed is -1; give a whole number from 0 up"),
        (lambda: Objective("y", at_least="3"), f"at_least is '3'{TEXT}"),  # type: ignore[arg-type]
    ])  # fmt: skip
    assert good.tell(POINT | {"T": 500.0}, read).rows[0].label == "measured"


def test_long_things_are_shown_short() -> None:
    assert [shown(v) for v in (12, -(10**25), np.str_("a"), 0.5)] == ["12", "-1e25 or so", "'a'", "0.5"]
    assert len(shown("x" * 1000)) <= 60
