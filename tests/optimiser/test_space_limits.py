"""Constraints and keep-out regions: what a space gives can be made, and what cannot be is refused with a reason."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimiser.history import History, Observation
from optimiser.parameters import Point
from optimiser.space import (
    Array,
    Categorical,
    Continuous,
    KeepOut,
    LinearConstraint,
    Mixture,
    Parameter,
    SearchSpace,
    SpaceError,
    Stepped,
)
from optimiser.strategies.gp import GPStrategy

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=40, deadline=None)


@st.composite
def numbers(draw: st.DrawFn, name: str) -> Parameter:
    low, step = draw(st.integers(-20, 20)), draw(st.sampled_from([0.1, 1.0, 25.0]))
    span = step * draw(st.integers(0, 30))
    return Stepped(name, low, low + span, step) if draw(st.booleans()) else Continuous(name, low, low + span)


@st.composite
def limited(draw: st.DrawFn) -> SearchSpace:
    """Spaces whose rules all hold at one point, which is drawn first; a mixture now and then."""
    parts: list[Parameter] = [draw(numbers(f"x{i}")) for i in range(draw(st.integers(1, 5)))]
    mixture = None
    if draw(st.booleans()):
        step = draw(st.sampled_from([None, 0.5]))
        blend: list[Parameter] = [
            Stepped(f"m{i}", 0.0, 10.0, step) if step else Continuous(f"m{i}", 0.0, 10.0)
            for i in range(draw(st.integers(2, 4)))
        ]
        mixture = Mixture(tuple(p.name for p in blend), 10.0)
        parts += blend
    parts += [
        Categorical(f"c{i}", tuple("abcd"[: draw(st.integers(1, 4))])) for i in range(draw(st.integers(0, 2)))
    ]
    plain = SearchSpace(tuple(parts), mixture)
    known = plain.sample(1, np.random.default_rng(draw(SEEDS)))[0]
    names = [p.name for p in parts if not isinstance(p, Categorical)]
    constraints = []
    for _ in range(draw(st.integers(0, 3))):
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        weights = {n: float(draw(st.sampled_from([-2, -1, 1, 1, 3]))) for n in chosen}
        value = math.fsum(c * float(known[n]) for n, c in weights.items())
        relation = draw(st.sampled_from(["<=", ">=", "<=", "="]))
        room = draw(st.sampled_from([0.0, 0.5, 10.0])) if relation != "=" else 0.0
        constraints.append(LinearConstraint(weights, relation, value + (room if relation == "<=" else -room)))
    keep_out = []
    for _ in range(draw(st.integers(0, 3))):
        region: dict[str, tuple[float, float] | tuple[str, ...]] = {}
        for p in draw(st.lists(st.sampled_from(parts), min_size=1, max_size=3, unique_by=lambda p: p.name)):
            if isinstance(p, Categorical):
                region[p.name] = tuple(draw(st.lists(st.sampled_from(p.choices), min_size=1, unique=True)))
            else:
                ends = sorted(p.low + (p.high - p.low) * draw(st.floats(0, 1)) for _ in range(2))
                region[p.name] = (ends[0], ends[1])
        if not inside(known, region):
            keep_out.append(KeepOut(region))
    return SearchSpace(tuple(parts), mixture, None, tuple(constraints), tuple(keep_out))


def inside(point: Point, region: dict[str, tuple[float, float] | tuple[str, ...]]) -> bool:
    """With a wide rim, so that the known point stays clear of the region."""

    def within(name: str) -> bool:
        value, ends = point[name], region[name]
        if isinstance(value, str):
            return value in ends
        rim = 1e-4 * (float(ends[1]) - float(ends[0])) + 0.01
        return float(ends[0]) - rim <= value <= float(ends[1]) + rim

    return all(within(n) for n in region)


@FEW
@given(limited(), SEEDS)
def test_whatever_a_limited_space_draws_repairs_or_decodes_can_be_made(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for point in space.sample(12, rng):
        space.validate(point)
    X = space.sample_encoded(12, rng)
    assert space.keeps(X).all()
    wild = rng.normal(0.5, 1.0, (12, len(space.columns)))
    assert space.keeps(space.repair(wild)).all()
    for point in space.decode(wild):
        space.validate(point)


def test_pushed_out_of_a_region_on_a_bound_a_mixture_keeps_its_total() -> None:
    parts = tuple(Continuous(f"m{i}", 0, 10) for i in range(4))
    region = KeepOut({"m0": (0.0, 0.0)})
    space = SearchSpace(parts, Mixture(("m0", "m1", "m2", "m3"), 10.0), None, (), (region,))
    for point in space.decode(np.random.default_rng(0).normal(0.5, 1.0, (64, 4))):
        space.validate(point)


@FEW
@given(limited(), SEEDS)
def test_what_can_be_made_is_left_as_it_is(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = space.sample(6, rng)
    for point in points:
        assert space.snap(point) == point
    X = space.encode(points)
    assert space.encode(space.decode(X)) == pytest.approx(X, abs=1e-5)
    X = space.sample_encoded(6, rng)
    assert space.repair(X) == pytest.approx(X, abs=1e-5)
    wild = {
        p.name: p.choices[0] if isinstance(p, Categorical) else float(rng.normal(0, 30)) for p in space.parameters
    }
    snapped = space.snap(wild)
    assert space.snap(snapped) == snapped


def box(n: int, *constraints: LinearConstraint, keep_out: tuple[KeepOut, ...] = ()) -> SearchSpace:
    return SearchSpace(tuple(Continuous(f"x{i}", 0, 1) for i in range(n)), None, None, constraints, keep_out)


def total(n: int, relation: str, bound: float) -> LinearConstraint:
    return LinearConstraint({f"x{i}": 1.0 for i in range(n)}, relation, bound)  # type: ignore[arg-type]


def test_a_corner_of_one_in_a_million_is_drawn_evenly() -> None:
    """x0 + ... + x9 <= 0.8 has a share of 0.8**10 / 10! = 3e-8; there, each x has a mean of 0.8 / 11."""
    X = box(10, total(10, "<=", 0.8)).sample_encoded(4000, np.random.default_rng(1))
    assert X.mean(axis=0) == pytest.approx(np.full(10, 0.8 / 11), rel=0.08)
    assert X.sum(axis=1).mean() == pytest.approx(0.8 * 10 / 11, rel=0.01)
    assert X.sum(axis=1).std() == pytest.approx(0.8 * math.sqrt(10 / (11 * 11 * 12)), rel=0.1)


def test_an_equality_is_drawn_evenly_and_kept_exactly() -> None:
    X = box(5, total(5, "=", 1.0)).sample_encoded(4000, np.random.default_rng(2))
    assert np.abs(X.sum(axis=1) - 1).max() < 1e-9
    assert X.mean(axis=0) == pytest.approx(np.full(5, 0.2), abs=0.01)
    assert X.std(axis=0) == pytest.approx(np.full(5, math.sqrt(4 / 150)), rel=0.06)  # Dirichlet


def test_a_thin_slanted_part_is_drawn_along_its_whole_length() -> None:
    band = {"x0": 1.0, "x1": -1.0}
    space = box(2, LinearConstraint(band, "<=", 0.001), LinearConstraint(band, ">=", 0.0))
    x = space.sample_encoded(4000, np.random.default_rng(3))[:, 0]
    assert np.quantile(x, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.04)


def test_two_parts_apart_are_both_drawn_by_their_size() -> None:
    keep_out = (KeepOut({"x0": (0.05, 0.97)}), KeepOut({"x0": (0.0, 0.05), "x1": (0.02, 1.0)}))
    space = box(2, keep_out=keep_out)  # left: 0.001 at low x0, 0.03 at high x0
    X = space.sample_encoded(3000, np.random.default_rng(4))
    assert (X[:, 0] < 0.5).mean() == pytest.approx(0.001 / 0.031, abs=0.012)


def test_choices_are_drawn_by_the_room_that_regions_leave_them() -> None:
    parameters = (Continuous("T", 0, 100), Categorical("s", ("DMF", "water")))
    keep_out = (KeepOut({"T": (2, 100), "s": ("DMF",)}), KeepOut({"T": (0, 94), "s": ("water",)}))
    space = SearchSpace(parameters, None, None, (LinearConstraint({"T": 1.0}, "<=", 100),), keep_out)
    drawn = space.sample(3000, np.random.default_rng(5))
    assert np.mean([p["s"] == "DMF" for p in drawn]) == pytest.approx(0.25, abs=0.04)


def test_the_nearest_point_is_found() -> None:
    space = box(2, total(2, "<=", 1.0))
    assert space.repair(np.array([[1.0, 1.0]])) == pytest.approx(np.array([[0.5, 0.5]]), abs=1e-6)
    assert space.repair(np.array([[0.9, 3.0]])) == pytest.approx(np.array([[0.0, 1.0]]), abs=1e-6)
    hole = box(2, keep_out=(KeepOut({"x0": (0.2, 0.9), "x1": (0.1, 0.9)}),))
    assert hole.snap({"x0": 0.3, "x1": 0.5}) == {"x0": pytest.approx(0.2, abs=1e-5), "x1": 0.5}


def test_repairing_agrees_with_a_solver() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(6)
    weights = rng.normal(size=(3, 6))
    rules = tuple(
        LinearConstraint({f"x{i}": float(w) for i, w in enumerate(row)}, "<=", float(row.sum() / 2 + 0.05))
        for row in weights
    )
    space = box(6, *rules)
    for wild in rng.normal(0.5, 1.0, (10, 6)):

        def distance(x: Array, wild: Array = wild) -> float:
            return float(((x - wild) ** 2).sum())

        limits = {"type": "ineq", "fun": lambda x: np.array([r.bound for r in rules]) - weights @ x}
        best = minimize(distance, np.full(6, 0.5), bounds=[(0, 1)] * 6, constraints=[limits], tol=1e-12)
        assert distance(space.repair(wild[None])[0]) == pytest.approx(best.fun, rel=1e-4)


def test_steps_under_a_budget_snap_to_the_nearest_that_keeps_it() -> None:
    parameters = tuple(Stepped(n, 0, 100, 10) for n in "abc")
    budget = LinearConstraint({"a": 1.0, "b": 1.0, "c": 1.0}, "<=", 100)
    space = SearchSpace(parameters, None, None, (budget,))
    assert space.snap({"a": 36, "b": 37, "c": 27}) == {"a": 30, "b": 40, "c": 30}
    assert space.snap({"a": 0, "b": 0, "c": 44}) == {"a": 0, "b": 0, "c": 40}


def test_a_region_excludes_its_ends_and_steps_leave_it_by_whole_steps() -> None:
    space = SearchSpace((Stepped("T", 20, 120, 5),), None, None, (), (KeepOut({"T": (80, 100)}),))
    assert not space.contains({"T": 80})
    assert not space.contains({"T": 100})
    assert space.snap({"T": 83}) == {"T": 75}
    assert space.snap({"T": 98}) == {"T": 105}
    assert {float(p["T"]) for p in space.sample(500, np.random.default_rng(0))} == {
        t for t in range(20, 125, 5) if not 80 <= t <= 100
    }


def test_a_choice_is_changed_when_nothing_else_helps() -> None:
    parameters = (Continuous("T", 0, 100), Categorical("s", ("a", "b", "c")))
    space = SearchSpace(
        parameters, None, None, (), (KeepOut({"s": ("a",)}), KeepOut({"s": ("b",), "T": (50, 100)}))
    )
    assert space.snap({"T": 80.0, "s": "a"})["s"] == "c"
    assert {p["s"] for p in space.sample(200, np.random.default_rng(0))} == {"b", "c"}


PIPE = (Continuous("a", 0, 100), Continuous("b", 0, 100), Categorical("s", ("x", "y")))


@pytest.mark.parametrize(
    ("constraints", "keep_out", "point", "advice"),
    [
        ((LinearConstraint({"a": 2, "b": 1}, "<=", 100),), (), (50, 20, "x"),
         r"2 a \+ b ≤ 100 is broken: the point gives 120, 20 too much; lower a or b"),
        ((LinearConstraint({"a": 1, "b": -1}, ">=", 10, "excess acid"),), (), (50, 45, "x"),
         r"excess acid \(a - b ≥ 10\) is broken: the point gives 5, 5 too little; lower b, or raise a"),
        ((LinearConstraint({"a": 1, "b": 1}, "=", 60),), (), (20, 45, "x"), "5 too much; lower a or b"),
        ((), (KeepOut({"a": (10, 30), "s": ("x",)}),), (20, 0, "x"),
         "lies in the keep-out region a 10 to 30 and s x; move a or s out of it"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_with_how_much_and_what_to_change(
    constraints: tuple[LinearConstraint, ...],
    keep_out: tuple[KeepOut, ...],
    point: tuple[float, float, str],
    advice: str,
) -> None:
    space = SearchSpace(PIPE, None, None, constraints, keep_out)
    with pytest.raises(SpaceError, match=advice):
        space.validate(dict(zip("abs", point, strict=True)))


def lines(*rules: tuple[dict[str, float], str, float]) -> tuple[LinearConstraint, ...]:
    return tuple(LinearConstraint(c, r, b) for c, r, b in rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "advice"),
    [
        (lambda: SearchSpace(PIPE, None, None, lines(({"a": 1, "b": 1}, ">=", 300))),
         r'no point keeps "a \+ b ≥ 300": within the bounds the sum lies between 0 and 200'),
        (lambda: SearchSpace(PIPE, None, None, lines(
            ({"b": 1}, "<=", 90), ({"a": 1}, ">=", 80), ({"a": 1, "b": 1}, "<=", 70))),
         r'no point keeps "a ≥ 80" and "a \+ b ≤ 70" together'),
        (lambda: SearchSpace(PIPE, Mixture(("a", "b"), 100), None, lines(({"a": 1, "b": 1}, "<=", 99))),
         r'"a \+ b = 100" and "a \+ b ≤ 99" together'),
        (lambda: SearchSpace(PIPE, None, None, (), (KeepOut({"a": (0, 100)}),)), "covers the whole space"),
        (lambda: SearchSpace(PIPE, None, None, lines(({"a": 1}, ">=", 50)), (KeepOut({"a": (45, 100)}),)),
         'no point keeps "a ≥ 50" and "a 45 to 100" together'),
        (lambda: SearchSpace((Stepped("n", 0, 10, 2),), None, None, lines(({"n": 1}, "=", 5))),
         'no point keeps "n = 5" on the parameters\' steps'),
        (lambda: SearchSpace(PIPE, None, None, lines(({"s": 1}, "<=", 5))), "categorical; use a keep-out region"),
        (lambda: SearchSpace(PIPE, None, None, lines(({"z": 1}, "<=", 5))), "there is no parameter z"),
        (lambda: SearchSpace(PIPE, None, None, (), (KeepOut({"s": ("q",)}),)), "q is unknown; choose from x, y"),
        (lambda: SearchSpace(PIPE, None, None, (), (KeepOut({"a": (5, 1)}),)), "low first"),
        (lambda: SearchSpace(PIPE, None, None, (), (KeepOut({"t": (5, 1)}),)), "there is no parameter t"),
        (lambda: SearchSpace(PIPE, None, ({"a": 9.0, "b": 0.0, "s": "x"}, {"a": 1.0, "b": 0.0, "s": "y"}),
                             lines(({"a": 1}, "<=", 5)), (KeepOut({"s": ("y",)}),)),
         'of 2, 1 break "a ≤ 5", 1 break "s y"; loosen'),
        (lambda: LinearConstraint({}, "<=", 5), "name at least one parameter"),
        (lambda: LinearConstraint({"a": math.inf}, "<=", 5), "give a finite number"),
        (lambda: LinearConstraint({"a": 1}, "<=", math.nan), "give a finite number"),
        (lambda: LinearConstraint({"a": 1}, "<", 5), "write one of"),  # type: ignore[arg-type]
        (lambda: KeepOut({}), "name at least one"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_with_the_reason(build: object, advice: str) -> None:
    with pytest.raises(SpaceError, match=advice):
        build()  # type: ignore[operator]


def test_rows_that_break_a_rule_are_not_offered() -> None:
    table = tuple({"a": float(i), "b": 0.0, "s": "xy"[i % 2]} for i in range(10))
    space = SearchSpace(PIPE, None, table, lines(({"a": 1}, "<=", 6)), (KeepOut({"s": ("y",)}),))
    assert [p["a"] for p in space.candidates or ()] == [0, 2, 4, 6]
    assert space.given == table
    assert space.size == 4
    assert space.candidate_rows[space.key(table[4])] == (2,)
    with pytest.raises(SpaceError, match="keep-out region s y"):
        space.validate(table[3])


def huge() -> SearchSpace:
    steps = tuple(Stepped(f"s{i}", 0, 100, 5) for i in range(8))
    choices = tuple(Categorical(f"c{i}", tuple("abcdef")) for i in range(4))
    rules = lines(
        ({f"s{i}": 1.0 for i in range(8)}, "<=", 120), ({"s0": 1, "s1": -2}, ">=", 5), ({"s2": 1, "s3": 1}, "=", 40)
    )
    keep_out = (KeepOut({"s0": (20, 40), "c0": ("a", "b")}), KeepOut({"s4": (0, 10), "c1": ("c",)}))
    return SearchSpace((*steps, *choices), None, None, rules, keep_out)


def test_trillions_of_combinations_are_never_listed() -> None:
    space = huge()
    assert space.size > 1e13
    points = space.sample(64, np.random.default_rng(0))
    assert space.feasible(points).all()
    assert len({space.key(p) for p in points}) > 60
    history = History(space, seed=1)
    for i, point in enumerate(points[:8]):
        history = history.tell(Observation(point, float(i)))
    for suggestion in GPStrategy(initial=4).ask(history, 2):
        space.validate(suggestion.point)


def test_forty_parameters_with_equal_bounds_among_them() -> None:
    parameters = tuple(Continuous(f"x{i}", 0, 1 if i % 4 else 0) for i in range(40))
    weights = {f"x{i}": 1.0 for i in range(40)}
    space = SearchSpace(parameters, None, None, lines((weights, "<=", 1.0), (weights, ">=", 0.9)))
    assert space.feasible(space.sample(20, np.random.default_rng(0))).all()


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_amounts_of_any_size(scale: float) -> None:
    parameters = tuple(Continuous(n, 0, scale) for n in "ab")
    space = SearchSpace(parameters, None, None, lines(({"a": 1.0, "b": 1.0}, "<=", scale / 100)))
    assert space.feasible(space.sample(20, np.random.default_rng(0))).all()
    assert space.contains(space.snap({"a": scale, "b": scale / 3}))


def test_a_space_of_choices_alone_is_drawn_evenly_even_where_regions_leave_little() -> None:
    parameters = tuple(Categorical(n, tuple("abcdefgh")) for n in "pqr")
    keep_out = (KeepOut({"p": tuple("bcdefgh")}), KeepOut({"q": tuple("cdefgh")}), KeepOut({"r": tuple("cdefgh")}))
    space = SearchSpace(parameters, None, None, (), keep_out)
    drawn = [space.key(p) for p in space.sample(800, np.random.default_rng(0))]
    assert {drawn.count(key) for key in set(drawn)} <= set(range(150, 251))
    assert len(set(drawn)) == 4
    assert space.snap({"p": "h", "q": "b", "r": "c"}) == {"p": "a", "q": "b", "r": "a"}


def test_two_equalities_over_steps_and_a_single_feasible_point() -> None:
    steps = tuple(Stepped(f"n{i}", 0, 50, 1) for i in range(6))
    rules = lines(({"n0": 7, "n1": 11, "n2": 13, "n3": 1}, "=", 333), ({"n3": 5, "n4": 9, "n5": 4}, "=", 211))
    space = SearchSpace(steps, None, None, rules)
    points = space.sample(100, np.random.default_rng(0))
    assert space.feasible(points).all()
    assert len({space.key(p) for p in points}) > 30
    corner = box(2, total(2, ">=", 2.0)).snap({"x0": 0.0, "x1": 0.5})
    assert corner == {"x0": pytest.approx(1.0, abs=1e-6), "x1": pytest.approx(1.0, abs=1e-6)}
    assert max(float(x) for x in corner.values()) <= 1.0
