"""Arrays for the panels, and the band of random search."""

import math

import numpy as np
import pytest

from optimiser.history import History, Observation
from optimiser.impact import random_band, times_faster
from optimiser.problems import TwoDials
from optimiser.space import Continuous, Mixture, SearchSpace, SpaceError, Stepped
from optimiser.surrogate import Posterior, fit
from optimiser.views import map_2d, slice_1d

NAMES = ("red", "yellow", "blue", "water")
DYES = SearchSpace(tuple(Stepped(n, 0, 4000, 50) for n in NAMES), Mixture(NAMES, 4000))


def fitted(space: SearchSpace) -> Posterior:
    history = History(space, "minimise")
    for point in space.sample(12, np.random.default_rng(0)):
        history = history.tell(Observation(point, float(space.encode([point])[0] @ np.arange(len(space.names)))))
    return fit(history)


def test_a_slice_of_a_box_is_the_prediction_along_it() -> None:
    model = fitted(TwoDials.SPACE)
    cut = slice_1d(model, "x", {"x": 1.0, "y": 2.0}, n=11)
    assert cut.x == pytest.approx(np.linspace(0, 5, 11))
    mean, sd = model.predict([{"x": float(x), "y": 2.0} for x in cut.x])
    assert cut.mean == pytest.approx(mean)
    assert cut.sd == pytest.approx(sd)


def test_a_slice_of_a_mixture_shares_the_rest_in_proportion() -> None:
    model = fitted(DYES)
    at = {"red": 1000.0, "yellow": 500.0, "blue": 500.0, "water": 2000.0}
    cut = slice_1d(model, "red", at, n=5)
    shared = [
        {"red": r, "yellow": (4000 - r) / 6, "blue": (4000 - r) / 6, "water": (4000 - r) * 2 / 3} for r in cut.x
    ]
    assert cut.mean == pytest.approx(model.predict(shared)[0])


def test_a_map_of_a_mixture_is_a_triangle() -> None:
    at = {"red": 1000.0, "yellow": 1000.0, "blue": 1000.0, "water": 1000.0}
    seen = map_2d(fitted(DYES), "red", "blue", at, n=9)
    X, Y = np.meshgrid(seen.x, seen.y)
    assert (seen.feasible == (X + Y <= 4000)).all()
    assert (np.isnan(seen.mean) == ~seen.feasible).all()
    assert (np.isnan(seen.sd) == ~seen.feasible).all()


def test_bounds_of_the_hidden_components_count() -> None:
    parts = (Continuous("a", 0, 1), Continuous("b", 0, 0.3))
    cut = slice_1d(fitted(SearchSpace(parts, Mixture(("a", "b"), 1.0))), "a", {"a": 0.8, "b": 0.2}, n=11)
    assert (np.isfinite(cut.mean) == (cut.x >= 0.7 - 1e-9)).all()


def test_two_axes_must_differ() -> None:
    with pytest.raises(SpaceError, match="choose two different"):
        map_2d(fitted(DYES), "red", "red", dict.fromkeys(NAMES, 1000.0))


def test_the_band_of_a_table_is_exact() -> None:
    band = random_band(np.arange(1.0, 11.0), 10)
    for i in range(1, 11):
        chances = [math.comb(k, i) / math.comb(10, i) for k in range(1, 11)]
        assert band.median[i - 1] == 1 + next(k for k, c in enumerate(chances) if c >= 0.5 - 1e-9)
    assert band.median[-1] == 10.0
    assert (band.low <= band.median).all()
    assert (band.median <= band.high).all()


def test_the_band_falls_when_less_is_better() -> None:
    up, down = random_band(np.arange(10.0), 6), random_band(-np.arange(10.0), 6, "minimise")
    assert down.median == pytest.approx(-up.median)
    assert down.low == pytest.approx(-up.high)


def test_the_band_on_a_posterior_follows_its_direction() -> None:
    band = random_band(fitted(TwoDials.SPACE), 30)
    assert (np.diff(band.median) <= 0).all()
    assert (band.low <= band.high).all()


def test_a_table_smaller_than_the_budget_stays_at_its_best() -> None:
    assert random_band(np.array([1.0, 2.0, 3.0]), 5).low.tolist()[2:] == [3.0, 3.0, 3.0]


def test_times_faster_than_random() -> None:
    band = random_band(np.arange(100.0), 100)
    assert times_faster(np.array([50.0, 90.0, 98.0, 98.0]), band) == pytest.approx(
        (1 + int(np.argmax(band.median >= 98))) / 3
    )
    assert times_faster(np.array([200.0]), band) is None
    assert times_faster(np.array([]), band) is None
