"""Strategies: replayable, aware of what is pending, never stuck."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimiser import surrogate
from optimiser.acquisition import EI, PI, UCB
from optimiser.history import History, Observation
from optimiser.problems import TwoDials
from optimiser.space import Categorical, Continuous, ExhaustedError, Mixture, SearchSpace, Stepped
from optimiser.strategies import gp
from optimiser.strategies.gp import GPStrategy
from optimiser.strategies.initial import InitialStrategy
from optimiser.strategies.random import RandomStrategy
from optimiser.suggestion import Strategy

NAMES = ("red", "yellow", "blue", "water")
DYES = SearchSpace(tuple(Stepped(n, 0, 4000, 50) for n in NAMES), Mixture(NAMES, 4000))
TABLE = SearchSpace(
    (Continuous("x", 0, 29), Categorical("s", ("a", "b"))),
    candidates=tuple({"x": float(i), "s": "ab"[i % 2]} for i in range(30)),
)
STRATEGIES: list[Strategy] = [
    GPStrategy(UCB(1.0)),
    GPStrategy(EI()),
    GPStrategy(PI()),
    RandomStrategy(),
    InitialStrategy(),
]
SPACES = [TwoDials.SPACE, DYES, TABLE]


def told(space: SearchSpace, n: int, seed: int = 0) -> History:
    history = History(space, "minimise", seed)
    for point in space.sample(n, np.random.default_rng(seed)):
        history = history.tell(Observation(point, float(space.encode([point])[0, 0]) ** 2))
    return history


@pytest.mark.parametrize(
    "strategy", STRATEGIES, ids=lambda s: f"{type(s).__name__}-{getattr(s, 'acquisition', '')}"
)
@pytest.mark.parametrize("space", SPACES, ids=["dials", "dyes", "table"])
@pytest.mark.parametrize("n", [0, 3, 8])
def test_the_same_history_gives_the_same_different_feasible_points(
    strategy: Strategy, space: SearchSpace, n: int
) -> None:
    history = told(space, n).with_pending(space.sample(1, np.random.default_rng(99))[0])
    first, again = strategy.ask(history, 3), strategy.ask(history, 3)
    assert first == again
    assert len({space.key(s.point) for s in first} - history.tried) == 3
    for suggestion in first:
        space.validate(suggestion.point)
        assert suggestion.reason.endswith(".")


def test_another_seed_begins_elsewhere() -> None:
    points = [InitialStrategy().ask(History(TABLE, seed=s))[0].point["x"] for s in range(8)]
    assert len(set(points)) > 3


def test_the_first_points_cover_the_space() -> None:
    history = History(SearchSpace((Continuous("x", 0, 1), Continuous("y", 0, 1))))
    X = history.space.encode([s.point for s in InitialStrategy().ask(history, 5)])
    apart = np.linalg.norm(X[:, None] - X[None], axis=2)[np.triu_indices(5, 1)]
    assert apart.min() > 0.25
    assert (X.min(axis=0) < 0.4).all()
    assert (X.max(axis=0) > 0.6).all()


def test_the_model_takes_over_after_the_initial_points() -> None:
    strategy = GPStrategy(initial=5)
    assert [s.strategy for s in strategy.ask(told(DYES, 3), 3)][:2] == ["initial", "initial"]
    suggestion = strategy.ask(told(DYES, 5))[0]
    assert suggestion.strategy == "ucb"
    assert suggestion.mean is not None
    assert suggestion.sd is not None
    assert suggestion.acquisition is not None
    assert suggestion.acquisition == pytest.approx(-suggestion.mean + suggestion.sd)


def test_a_posterior_at_hand_changes_nothing() -> None:
    history = told(TwoDials.SPACE, 8)
    assert GPStrategy().ask(history, 1, surrogate.fit(history)) == GPStrategy().ask(history)


def test_the_reason_tells_promise_curiosity_chance_and_the_nearest_point() -> None:
    reason = GPStrategy(UCB(1.0)).ask(told(TwoDials.SPACE, 8))[0].reason
    for words in ("% promise", "% curiosity", "to beat the best so far", "nearest measured point"):
        assert words in reason
    assert "100 % promise and 0 % curiosity" in GPStrategy(UCB(0.0)).ask(told(TwoDials.SPACE, 8))[0].reason


def test_pending_points_are_not_asked_for_again_nor_their_neighbours() -> None:
    history = told(TwoDials.SPACE, 12)
    for _ in range(4):
        (suggestion,) = GPStrategy(UCB(2.0)).ask(history)
        X = history.space.encode([suggestion.point, *history.pending])
        assert len(X) == 1 or np.abs(X[1:] - X[0]).max(axis=1).min() > 0.01
        history = history.with_pending(suggestion.point)


@pytest.mark.parametrize("acquisition", [UCB(0.5), EI()])
def test_where_experiments_fail_again_and_again_no_more_is_suggested(acquisition: UCB | EI) -> None:
    history = told(TwoDials.SPACE, 10)
    points = []
    for _ in range(6):
        points.append(GPStrategy(acquisition).ask(history)[0].point)
        history = history.tell(Observation(points[-1], None))
    X = history.space.encode(points)
    assert np.abs(X[0] - X[1]).max() <= 0.02  # a failure may be bad luck
    assert np.abs(X[0] - X[-1]).max() > 0.05


def test_a_table_is_used_up_row_by_row_then_exhausted() -> None:
    history = told(TABLE, 0)
    for _ in range(30):
        point = GPStrategy(initial=3).ask(history)[0].point
        history = history.tell(Observation(point, 1.0))
    assert len(history.tried) == 30
    for strategy in STRATEGIES:
        with pytest.raises(ExhaustedError):
            strategy.ask(history)


@pytest.mark.parametrize(
    "strategy", STRATEGIES, ids=lambda s: f"{type(s).__name__}-{getattr(s, 'acquisition', '')}"
)
def test_asking_for_more_than_is_left_gives_what_is_left(strategy: Strategy) -> None:
    assert len(strategy.ask(told(TABLE, 27), 8)) == 3


def test_all_failed_falls_back_to_spreading_out_and_says_so() -> None:
    history = History(DYES)
    for point in DYES.sample(6, np.random.default_rng(0)):
        history = history.tell(Observation(point, None))
    suggestion = GPStrategy().ask(history)[0]
    assert "no surrogate (nothing has been measured yet)" in suggestion.reason
    assert suggestion.mean is None


def test_a_fit_that_fails_does_not_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(history: History, **_: object) -> surrogate.Posterior:
        raise surrogate.FitError("the matrix is singular")

    monkeypatch.setattr(gp, "fit", broken)
    (suggestion, _) = GPStrategy().ask(told(DYES, 8), 2)
    assert "the matrix is singular" in suggestion.reason


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from([None, 0.0, 1.0, -5.0, 1e12, 1e-12, 1e300]), min_size=5, max_size=10))
def test_whatever_was_read_the_next_point_can_be_made(values: list[float | None]) -> None:
    history = History(DYES)
    for point, value in zip(DYES.sample(len(values), np.random.default_rng(0)), values, strict=True):
        history = history.tell(Observation(point, value))
    DYES.validate(GPStrategy().ask(history)[0].point)


def test_it_finds_the_dials() -> None:
    dials = TwoDials()
    history = History(dials.SPACE, "minimise", seed=1)
    for _ in range(22):
        point = GPStrategy().ask(history)[0].point
        history = history.tell(Observation(point, dials(point)))
    best = surrogate.fit(history).incumbent()
    assert best is not None
    assert [best.point["x"], best.point["y"]] == pytest.approx(dials.BEST, abs=0.1)
    assert min(o.value or 0.0 for o in history.observations) < 0.42
