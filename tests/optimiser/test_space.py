"""Search spaces: what is drawn can be made, what is snapped keeps its total, contradictions are refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimiser.space import Categorical, Continuous, Mixture, Parameter, SearchSpace, SpaceError, Stepped

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=40, deadline=None)


@st.composite
def parameters(draw: st.DrawFn, name: str) -> Parameter:
    kind = draw(st.sampled_from(["continuous", "stepped", "categorical"]))
    low = draw(st.floats(-1e4, 1e4))
    if kind == "continuous":
        return Continuous(name, low, low + draw(st.floats(0, 1e4)))
    if kind == "stepped":
        step = draw(st.sampled_from([0.01, 0.1, 0.25, 1.0, 50.0]))
        low = round(low)
        return Stepped(name, low, low + step * draw(st.integers(0, 60)), step)
    return Categorical(name, tuple("abcdef"[: draw(st.integers(1, 6))]))


@st.composite
def mixtures(draw: st.DrawFn) -> SearchSpace:
    """Blends with bounds, continuous or in steps, with room between the lowest and the highest sum."""
    count = draw(st.integers(2, 6))
    step = draw(st.sampled_from([None, 1.0, 0.5, 50.0]))
    unit = step or 1.0
    lows = [draw(st.integers(0, 10)) * unit for _ in range(count)]
    spans = [draw(st.integers(0, 80)) * unit for _ in range(count)]
    total = sum(lows) + draw(st.integers(0, round(sum(spans) / unit))) * unit
    if total <= 0:
        lows[0] += unit
        total += unit
    names = tuple(f"c{i}" for i in range(count))
    parts: list[Parameter] = [
        Continuous(n, low, low + span) if step is None else Stepped(n, low, low + span, step)
        for n, low, span in zip(names, lows, spans, strict=True)
    ]
    if draw(st.booleans()):
        parts.append(draw(parameters("other")))
    return SearchSpace(tuple(parts), Mixture(names, total))


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    if draw(st.booleans()):
        return draw(mixtures())
    return SearchSpace(tuple(draw(parameters(f"p{i}")) for i in range(draw(st.integers(1, 5)))))


@FEW
@given(spaces(), SEEDS)
def test_what_is_drawn_can_be_made_and_encodes_into_the_unit_box(space: SearchSpace, seed: int) -> None:
    points = space.sample(20, np.random.default_rng(seed))
    for point in points:
        space.validate(point)
    X = space.encode(points)
    assert X.shape == (20, len(space.columns))
    assert ((X >= 0) & (X <= 1)).all()


@FEW
@given(spaces(), SEEDS)
def test_any_encoded_row_snaps_to_a_point_that_can_be_made(space: SearchSpace, seed: int) -> None:
    wild = np.random.default_rng(seed).normal(0.5, 2.0, (10, len(space.columns)))
    assert space.feasible(space.decode(wild)).all()


@FEW
@given(spaces(), SEEDS)
def test_snapping_what_can_be_made_changes_nothing(space: SearchSpace, seed: int) -> None:
    for point in space.sample(5, np.random.default_rng(seed)):
        assert space.snap(point) == point
        assert space.key(space.decode(space.encode([point]))[0]) == space.key(point)


@FEW
@given(mixtures(), SEEDS)
def test_a_snapped_mixture_keeps_its_total(space: SearchSpace, seed: int) -> None:
    assert space.mixture is not None
    for point in space.decode(np.random.default_rng(seed).random((10, len(space.columns)))):
        amount = sum(float(point[n]) for n in space.mixture.names)
        assert amount == pytest.approx(space.mixture.total, rel=1e-9)


def dyes(step: float | None = 50.0, water_low: float = 0.0) -> SearchSpace:
    names = ("red", "yellow", "blue", "water")
    lows = (0.0, 0.0, 0.0, water_low)
    parts = tuple(
        Continuous(n, low, 4000.0) if step is None else Stepped(n, low, 4000.0, step)
        for n, low in zip(names, lows, strict=True)
    )
    return SearchSpace(parts, Mixture(names, 4000.0))


def test_aliquots_of_50_ul_snap_to_the_nearest_recipe_of_4000_ul() -> None:
    point = {"red": 1012.0, "yellow": 988.0, "blue": 1001.0, "water": 999.0}
    assert dyes().snap(point) == {"red": 1000.0, "yellow": 1000.0, "blue": 1000.0, "water": 1000.0}


def test_no_component_is_dropped_all_are_drawn_alike() -> None:
    drawn = dyes(None).sample_encoded(4000, np.random.default_rng(1))
    assert drawn.mean(axis=0) == pytest.approx(np.full(4, 0.25), abs=0.015)
    assert drawn.std(axis=0) == pytest.approx(np.full(4, math.sqrt(3 / 80)), abs=0.015)


def test_tight_upper_bounds_need_no_rejection() -> None:
    parts = tuple(Continuous(f"c{i}", 0.0, 0.11) for i in range(10))
    space = SearchSpace(parts, Mixture(tuple(p.name for p in parts), 1.0))
    assert space.feasible(space.sample(200, np.random.default_rng(0))).all()


def test_sizes() -> None:
    assert dyes().size == math.comb(80 + 3, 3)
    assert dyes(None).size == math.inf
    assert SearchSpace((Stepped("t", 20, 40, 5), Categorical("s", ("a", "b")))).size == 10
    assert SearchSpace((Continuous("x", 0, 1),), candidates=({"x": 0.1}, {"x": 0.2}, {"x": 0.1})).size == 2


def test_only_rows_of_the_table_can_be_made() -> None:
    table = ({"x": 0.0, "s": "a"}, {"x": 0.5, "s": "b"}, {"x": 1.0, "s": "a"})
    space = SearchSpace((Continuous("x", 0, 1), Categorical("s", ("a", "b"))), candidates=table)
    assert space.contains({"x": 0.5, "s": "b"})
    assert not space.contains({"x": 0.5, "s": "a"})
    assert space.snap({"x": 0.9, "s": "a"}) == table[2]
    assert all(p in table for p in space.sample(3, np.random.default_rng(0)))


def test_rows_of_a_measured_blend_are_taken_as_they_are() -> None:
    parts = (Continuous("a", 0, 100), Continuous("b", 0, 100))
    space = SearchSpace(parts, Mixture(("a", "b"), 100.0), candidates=({"a": 50.0, "b": 49.9},))
    assert space.contains({"a": 50.0, "b": 49.9})


@pytest.mark.parametrize(
    ("build", "advice"),
    [
        (lambda: Continuous("x", 2, 1), "low 2 is above high 1; exchange them"),
        (lambda: Continuous("x", 0, math.nan), "high is nan; give a finite number"),
        (lambda: Continuous("x", -math.inf, 1), "low is -inf; give a finite number"),
        (lambda: Stepped("x", 0, 100, 0), "give a step above 0"),
        (lambda: Stepped("x", 0, 100, 30), "set high to 90 or 120"),
        (lambda: Categorical("s", ()), "name at least one"),
        (lambda: Categorical("s", ("a", "a")), "named twice"),
        (lambda: SearchSpace(()), "add at least one"),
        (lambda: SearchSpace((Continuous("x", 0, 1), Continuous("x", 0, 1))), "there twice"),
        (lambda: SearchSpace((Continuous("x", 0, 1),), Mixture(("x",), 1)), "two or more"),
        (lambda: blend(0, 1, 5), "raise some high bounds"),
        (lambda: blend(3, 4, 5), "lower some low bounds"),
        (lambda: blend(0, 4, math.nan), "give a total above 0"),
        (lambda: SearchSpace((Continuous("a", 0, 1),), Mixture(("a", "b"), 1)), "there is no parameter b"),
        (
            lambda: SearchSpace((Categorical("a", ("x",)), Continuous("b", 0, 1)), Mixture(("a", "b"), 1)),
            "categorical",
        ),
        (
            lambda: SearchSpace((Stepped("a", 0, 4, 1), Continuous("b", 0, 4)), Mixture(("a", "b"), 4)),
            "the same step",
        ),
        (lambda: SearchSpace((Stepped("a", 0, 4, 2), Stepped("b", 0, 4, 2)), Mixture(("a", "b"), 5)), "total to 4"),
        (lambda: SearchSpace((Continuous("x", 0, 1),), candidates=()), "no rows"),
        (lambda: SearchSpace((Continuous("x", 0, 1),), candidates=({"x": 0.5}, {"x": 3.0})), "row 2: x = 3"),
        (lambda: SearchSpace((Continuous("x", 0, 1),), candidates=({"y": 0.5},)), "y is no parameter; there are x"),
    ],
)
def test_contradictions_are_refused_and_the_message_says_what_to_change(build: object, advice: str) -> None:
    with pytest.raises(SpaceError, match=advice):
        build()  # type: ignore[operator]


def blend(low: float, high: float, total: float) -> SearchSpace:
    return SearchSpace((Continuous("a", low, high), Continuous("b", low, high)), Mixture(("a", "b"), total))


@pytest.mark.parametrize(
    ("point", "advice"),
    [
        ({"red": 1000, "yellow": 1000, "blue": 1000, "water": 900}, "add 100"),
        ({"red": 1000, "yellow": 1000, "blue": 1000, "water": 1010}, "use 1000"),
        ({"red": -50, "yellow": 1050, "blue": 1000, "water": 2000}, "outside 0 to 4000"),
        ({"red": 1000, "yellow": 1000, "blue": 1000}, "lacks water"),
        ({"red": 1000, "yellow": 1000, "blue": 1000, "water": 1000, "ink": 5}, "ink is no parameter"),
        ({"red": 1000, "yelow": 1000, "blue": 1000, "water": 1000}, r'yelow \(did you mean "yellow"\?\) is no'),
        ({"red": "much", "yellow": 1000, "blue": 1000, "water": 1000}, "give a number from"),
        ({"red": math.nan, "yellow": 1000, "blue": 1000, "water": 1000}, "give a number from"),
    ],
)
def test_a_point_that_cannot_be_made_is_refused_with_advice(point: dict[str, float | str], advice: str) -> None:
    with pytest.raises(SpaceError, match=advice):
        dyes().validate(point)


def test_equal_bounds_and_many_parameters_work() -> None:
    space = SearchSpace(tuple(Continuous(f"x{i}", 0, 1 if i else 0) for i in range(40)))
    assert space.encode(space.sample(3, np.random.default_rng(0))).shape == (3, 40)
