"""Thompson sampling: draws have the posterior's mean and covariance, and their best points are suggested."""

from typing import get_args

import numpy as np
import pytest

from optimiser import surrogate, thompson
from optimiser.feasibility import Feasibility
from optimiser.history import History, Observation
from optimiser.kernels import Correlation, Name
from optimiser.posterior import Posterior
from optimiser.problems import TwoDials
from optimiser.space import Categorical, Continuous, ExhaustedError, Mixture, SearchSpace
from optimiser.strategies import thompson as strategies
from optimiser.strategies.thompson import WHY, ThompsonStrategy
from optimiser.surrogate import Model, fit

SPACE = TwoDials.SPACE
DIALS = TwoDials()
MIXED = SearchSpace(
    (Categorical("s", ("a", "b", "c")), *(Continuous(n, 0, 1) for n in "xyz")), Mixture(("x", "y", "z"), 1.0)
)
TABLE = SearchSpace(
    (Continuous("x", 0, 39), Categorical("s", ("a", "b"))),
    candidates=tuple({"x": float(i), "s": "ab"[i % 2]} for i in range(40)),
)


def told(space: SearchSpace = SPACE, n: int = 8, simulated: int = 0, seed: int = 0) -> History:
    """Of TwoDials, or of the square of the first encoded column; the last rows simulated and 3 too large."""
    history = History(space, "minimise", seed)
    for i, point in enumerate(space.sample(n, np.random.default_rng(seed))):
        value = DIALS(point) if space is SPACE else float(space.encode([point])[0, 0]) ** 2
        made_up = i >= n - simulated
        history = history.tell(
            Observation(point, value + 3.0 * made_up, origin="simulated" if made_up else "measured")
        )
    return history


def narrow(history: History, name: Name = "matern52") -> Posterior:
    return fit(history, model=Model(Correlation(name)))


@pytest.mark.parametrize(("name", "simulated"), [*((n, 0) for n in get_args(Name)), ("matern52", 3)])
def test_many_draws_have_the_mean_and_covariance_of_the_posterior(
    name: Name, simulated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thompson, "WAVES", 128)
    belief = narrow(told(simulated=simulated), name).believing(SPACE.sample(1, np.random.default_rng(4)))
    points = SPACE.sample(6, np.random.default_rng(9))
    X, rng, many = SPACE.encode(points), np.random.default_rng(0), 3000
    drawn = np.array([thompson.draw(belief, rng).value(X) for _ in range(many)])
    mean, covariance = belief.covariance(points)
    mean, covariance = (mean - belief.offset) / belief.scale, covariance / belief.scale**2
    sd = np.sqrt(covariance.diagonal())
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * sd / np.sqrt(many)).all()
    error = np.abs(np.cov(drawn.T) - covariance)
    assert (error < 5 * np.sqrt(2 / many) * np.multiply.outer(sd, sd)).all()


@pytest.mark.parametrize("name", get_args(Name))
def test_the_gradient_of_a_draw_is_its_slope(name: Name) -> None:
    belief = narrow(told(MIXED, 12), name)
    drawn = thompson.draw(belief, np.random.default_rng(1))
    X = MIXED.sample_encoded(5, np.random.default_rng(2))
    value, slope = drawn.slope(X)
    assert value == pytest.approx(drawn.value(X), abs=1e-6)
    step = 1e-6 / np.abs(drawn.frequencies / belief.lengthscales).max() ** 0.5
    for j in range(X.shape[1]):
        aside = np.zeros(X.shape[1])
        aside[j] = step
        numeric = (drawn.slope(X + aside)[0] - drawn.slope(X - aside)[0]) / (2 * step)
        assert slope[:, j] == pytest.approx(numeric, rel=1e-4, abs=1e-4 * np.abs(slope).max())


def test_a_draw_passes_the_observations_within_their_noise() -> None:
    belief = fit(told(n=20))
    off = thompson.draw(belief, np.random.default_rng(3)).value(belief.X) - belief.y
    assert (np.abs(off) < 5 * np.sqrt(belief.noise)).all()


def test_asked_in_parts_it_is_the_same_function(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = thompson.draw(fit(told()), np.random.default_rng(3))
    X = SPACE.sample_encoded(50, np.random.default_rng(2))
    whole = drawn.value(X)
    monkeypatch.setattr(thompson, "BLOCK", 2000)
    assert drawn.value(X) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("space", [SPACE, MIXED, TABLE], ids=["dials", "mixed", "table"])
def test_the_same_history_gives_the_same_different_points(space: SearchSpace) -> None:
    history = told(space).with_pending(space.sample(1, np.random.default_rng(99))[0])
    first, again = ThompsonStrategy().ask(history, 4), ThompsonStrategy().ask(history, 4)
    assert first == again
    assert len({space.key(s.point) for s in first} - history.tried) == 4
    for s in first:
        space.validate(s.point)
        assert s.strategy == "thompson"
        assert s.reason.startswith(WHY)
        assert "to beat the best so far" in s.reason
        assert None not in (s.mean, s.sd, s.acquisition)
    assert ThompsonStrategy().ask(history, 1, fit(history)) == ThompsonStrategy().ask(history)


def test_over_a_table_the_best_row_of_the_function_drawn() -> None:
    history = told(TABLE)
    (suggestion,) = ThompsonStrategy().ask(history)
    belief = fit(history)
    drawn = thompson.draw(belief, history.rng())
    values = {
        TABLE.key(p): v for p, v in zip(TABLE.candidates or (), drawn.value(TABLE.encoded_candidates), strict=True)
    }
    left = {k: v for k, v in values.items() if k not in history.tried}
    assert TABLE.key(suggestion.point) == min(left, key=lambda k: left[k])
    assert suggestion.acquisition == pytest.approx(-(belief.offset + belief.scale * min(left.values())))


def test_a_table_is_used_up_then_exhausted() -> None:
    history = told(TABLE, 38)
    assert len(ThompsonStrategy().ask(history, 5)) == 2
    for suggestion in ThompsonStrategy().ask(history, 2):
        history = history.tell(Observation(suggestion.point, 0.0))
    with pytest.raises(ExhaustedError, match="add candidates"):
        ThompsonStrategy().ask(history)


def test_where_nothing_can_be_made_it_does_not_look() -> None:
    history = told(n=10)
    for i in range(20):
        history = history.tell(Observation({"x": 2.0 + 0.15 * i, "y": 3.5}, None, label="infeasible"))
    likely = Feasibility.learn(history)
    assert likely is not None
    points = [s.point for s in ThompsonStrategy().ask(history, 6)]
    assert (likely.probability(SPACE.encode(points)) > 0.4).all()


def test_without_a_surrogate_it_spreads_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(history: History, **_: object) -> Posterior:
        raise surrogate.FitError("the matrix is singular")

    monkeypatch.setattr(strategies, "fit", broken)
    (suggestion, _) = ThompsonStrategy().ask(told(), 2)
    assert "no surrogate (the matrix is singular)" in suggestion.reason
    assert suggestion.mean is None


def test_it_begins_with_points_spread_out() -> None:
    asked = ThompsonStrategy(initial=3).ask(History(SPACE), 4)
    assert [s.strategy for s in asked] == ["initial"] * 4  # the fourth has nothing to be fitted to
    assert ThompsonStrategy(initial=3).ask(told(n=3))[0].strategy == "thompson"


def test_it_finds_the_dials() -> None:
    history = History(SPACE, "minimise", seed=1)
    for _ in range(30):
        point = ThompsonStrategy().ask(history)[0].point
        history = history.tell(Observation(point, DIALS(point)))
    assert min(o.value or 0.0 for o in history.observations) < 0.42
