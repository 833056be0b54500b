"""Acquisition functions against the textbook, by another way of computing them."""

from typing import Literal

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from optimiser.acquisition import EI, PI, UCB, log_ei, log_h
from optimiser.history import Direction

CASES = [(m, s) for m in (-3.0, 0.2, 1.0, 1.5, 40.0) for s in (0.01, 0.7, 5.0)]
MEAN, SD = (np.array(column) for column in zip(*CASES, strict=True))
BEST = 1.1
DIRECTIONS: list[Literal["maximise", "minimise"]] = ["maximise", "minimise"]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_ucb(direction: Direction) -> None:
    up = 1 if direction == "maximise" else -1
    assert UCB(2.5).value(MEAN, SD, BEST, direction) == pytest.approx(up * MEAN + 2.5 * SD, abs=1e-12)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_ei_is_the_mean_of_what_is_gained(direction: Direction) -> None:
    up = 1 if direction == "maximise" else -1
    for m, s, found in zip(MEAN, SD, EI().value(MEAN, SD, BEST, direction), strict=True):
        gain = up * (m - BEST)
        edge = np.clip(-gain / s, -12, 12)
        expected, _ = quad(lambda z, g=gain, s=s: (g + s * z) * norm.pdf(z), edge, 12, epsabs=1e-13, epsrel=1e-12)
        assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_pi_is_the_normal_tail(direction: Direction) -> None:
    up = 1 if direction == "maximise" else -1
    expected = norm.sf(BEST, MEAN, SD) if up > 0 else norm.cdf(BEST, MEAN, SD)
    assert PI().value(MEAN, SD, BEST, direction) == pytest.approx(expected, abs=1e-12)


def test_log_ei_agrees_where_ei_can_be_computed() -> None:
    z = np.linspace(-5, 8, 200)
    expected = np.log(norm.pdf(z) + z * norm.cdf(z))
    assert log_h(z) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_log_ei_stays_finite_and_ordered_where_ei_underflows() -> None:
    z = -np.logspace(0, 7, 400)
    values = log_h(z)
    assert np.isfinite(values).all()
    assert (np.diff(values) < 0).all()
    far = z < -1e3
    expected = -0.5 * z[far] ** 2 - 0.5 * np.log(2 * np.pi) - 2 * np.log(-z[far])
    assert values[far] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("acquisition", [UCB(1.0), EI(), PI()])
def test_rank_orders_points_as_value_does(acquisition: UCB | EI | PI) -> None:
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(size=200), rng.uniform(0.3, 1.5, 200)
    value = acquisition.value(mean, sd, 0.5, "minimise")
    rank = acquisition.rank(mean, sd, 0.5, "minimise")
    assert (np.diff(value[np.argsort(rank)]) >= -1e-12).all()


def test_no_uncertainty_leaves_the_certain_gain() -> None:
    mean, sd = np.array([2.0, 1.0]), np.zeros(2)
    assert EI().value(mean, sd, 1.5, "maximise") == pytest.approx([0.5, 0.0])
    assert PI().value(mean, sd, 1.5, "maximise") == pytest.approx([1.0, 0.0])
    assert np.isfinite(log_ei(mean, sd, 1.5, "maximise")[0])
