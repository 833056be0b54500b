"""Acquisition functions against the textbook, by another way of computing them."""

import math
from typing import Any, get_args

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfc
from scipy.stats import norm

from optimiser.acquisition import EI, PI, UCB, Acquisition, Schedule, Turns, Uncertainty, log_ei, log_h
from optimiser.history import Direction, History, Observation
from optimiser.space import Array, Categorical, Continuous, SearchSpace, Stepped

CASES = [(m, s) for m in (-3.0, 0.2, 1.0, 1.5, 40.0) for s in (0.01, 0.7, 5.0)]
MEAN, SD = (np.array(column) for column in zip(*CASES, strict=True))
BEST = 1.1
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
ALL: list[Acquisition] = [UCB(), UCB(2.5), EI(), PI(), Uncertainty()]
EXTREME = np.array([-1e6, -3e5, -1e5, -9e4, -1e4, -1e3, -300, -40, -37.5, -8, -1.01, -1, -0.99, 0, 0.5, 3, 8, 30])


def mills(t: float) -> float:
    """(1 - Phi(t)) / phi(t) for t > 0: by the continued fraction, where that converges, else by the definition."""
    if t < 3:
        return float(erfc(t / math.sqrt(2))) / 2 / norm.pdf(t)
    out = t
    for k in range(400, 0, -1):
        out = t + k / out
    return 1 / out


def log_pdf(z: float) -> float:
    return -0.5 * z * z - 0.5 * math.log(2 * math.pi)


def plain_log_pi(z: float) -> float:
    return log_pdf(z) + math.log(mills(-z)) if z < 0 else math.log1p(-norm.sf(z))


def plain_log_h(z: float) -> float:
    """log(phi(z) + z Phi(z)). Below 0 it is phi(t) (1 - t R(t)), t = -z and R Mills' ratio; 1 - t R without
    cancellation is the continued fraction's own next part, R times what it adds to t."""
    if z > -3:
        return math.log(norm.pdf(z) + z * norm.cdf(z))
    t, rest = -z, -z
    for k in range(400, 1, -1):
        rest = t + k / rest
    return log_pdf(z) + math.log(mills(t) / rest)


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
        z = gain / s
        assert found == pytest.approx(gain * norm.cdf(z) + s * norm.pdf(z), abs=1e-9)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_pi_is_the_normal_tail(direction: Direction) -> None:
    up = 1 if direction == "maximise" else -1
    expected = norm.sf(BEST, MEAN, SD) if up > 0 else norm.cdf(BEST, MEAN, SD)
    assert PI().value(MEAN, SD, BEST, direction) == pytest.approx(expected, abs=1e-12)


def test_uncertainty_is_the_sd() -> None:
    for direction in DIRECTIONS:
        assert Uncertainty().value(MEAN, SD, BEST, direction) == pytest.approx(SD, abs=0)
        assert Uncertainty().rank(MEAN, SD, BEST, direction) == pytest.approx(SD, abs=0)


@pytest.mark.parametrize("sd", [1e-3, 1.0, 7.0])
def test_log_ei_and_log_pi_for_any_z(sd: float) -> None:
    mean, sds = BEST + EXTREME * sd, np.full(len(EXTREME), sd)
    z = (mean - BEST) / sd  # as it is after rounding
    expected = [plain_log_h(v) + math.log(sd) for v in z]
    assert EI().rank(mean, sds, BEST, "maximise") == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert log_ei(mean, sds, BEST, "maximise") == pytest.approx(expected, rel=1e-9, abs=1e-9)
    expected = [plain_log_pi(v) for v in z]
    assert PI().rank(mean, sds, BEST, "maximise") == pytest.approx(expected, rel=1e-9, abs=1e-9)


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


def test_the_shape_of_log_ei_has_no_step() -> None:
    """Its slope by z, Phi / (phi + z Phi), is right on both sides of where one formula hands over to another."""
    z = EXTREME
    _, by_mean, by_sd = EI().slope(z, np.ones(len(z)), 0.0, "maximise")
    expected = [math.exp(plain_log_pi(v) - plain_log_h(v)) if v > -40 else _steep(v) for v in z]
    assert by_mean == pytest.approx(expected, rel=1e-8)
    assert by_sd == pytest.approx([1 - v * e for v, e in zip(z, expected, strict=True)], rel=1e-6)


def _steep(z: float) -> float:
    """Mills' ratio over (1 - t R(t)) = R / (R / rest): the continued fraction's tail, from its second part on."""
    t, rest = -z, -z
    for k in range(400, 1, -1):
        rest = t + k / rest
    return rest


@pytest.mark.parametrize("acquisition", ALL, ids=lambda a: a.name)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_slopes_against_finite_differences(acquisition: Acquisition, direction: Direction) -> None:
    up = 1 if direction == "maximise" else -1
    for z in EXTREME:
        for sd in (0.02, 1.0, 30.0):
            at = (np.array([BEST + up * z * sd]), np.array([sd]))
            rank, by_mean, by_sd = acquisition.slope(*at, BEST, direction)
            assert rank == pytest.approx(acquisition.rank(*at, BEST, direction), rel=1e-9)
            step = sd * 1e-5 / max(1.0, abs(z)) ** 0.5
            for found, which in ((by_mean, 0), (by_sd, 1)):
                ends = []
                for side in (1.0, -1.0):
                    moved = list(at)
                    moved[which] = moved[which] + side * step
                    ends.append(acquisition.rank(moved[0], moved[1], BEST, direction))
                numeric = (ends[0] - ends[1]) / (2 * step)
                rounding = 4e-16 * float(np.abs(rank[0])) / step
                assert found == pytest.approx(numeric, rel=1e-4, abs=1e-8 / sd + 4 * rounding)


@pytest.mark.parametrize("acquisition", ALL, ids=lambda a: a.name)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_never_nan(acquisition: Acquisition, direction: Direction) -> None:
    sizes = [0.0, 1e-300, 1e-12, 1.0, 1e12, 1e300]
    mean, sd = (a.ravel() for a in np.meshgrid([s * m for s in sizes for m in (-1, 1)], [1e-300, *sizes[1:]]))
    for best in (-1e300, 0.0, 1.0, 1e300):
        for answer in (
            acquisition.value(mean, sd, best, direction),
            acquisition.rank(mean, sd, best, direction),
            *acquisition.slope(mean, sd, best, direction),
        ):
            assert not np.isnan(answer).any()


@pytest.mark.parametrize("acquisition", ALL, ids=lambda a: a.name)
def test_minimising_is_maximising_what_is_turned_over(acquisition: Acquisition) -> None:
    def both(f: Any) -> tuple[Any, Any]:
        return f(MEAN, SD, BEST, "maximise"), f(-MEAN, SD, -BEST, "minimise")

    for one, other in (both(acquisition.value), both(acquisition.rank)):
        assert one == pytest.approx(other, abs=1e-12)
    up, down = both(acquisition.slope)
    for one, other, turned in zip(up, down, (1, -1, 1), strict=True):
        assert one == pytest.approx(turned * other, abs=1e-12)


@pytest.mark.parametrize("acquisition", ALL, ids=lambda a: a.name)
def test_rank_orders_points_as_value_does(acquisition: Acquisition) -> None:
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


def seen(space: SearchSpace, n: int, pending: int = 0) -> History:
    points = space.sample(n + pending, np.random.default_rng(0))
    history = History(space)
    for point in points[:n]:
        history = history.tell(Observation(point, 1.0))
    for point in points[n:]:
        history = history.with_pending(point)
    return history


def test_beta_by_hand_over_a_finite_space() -> None:
    """Srinivas et al., theorem 1, |D| = 55, t = 4, delta = 0.1: 2 ln(55 * 16 * pi^2 / 0.6) = 2 ln 14475.4."""
    space = SearchSpace((Stepped("t", 0, 10, 1), Categorical("s", tuple("abcde"))))
    beta = 19.160415
    assert math.exp(beta / 2) == pytest.approx(55 * 16 * 9.8696044 / 0.6, rel=1e-5)
    assert Schedule().at(seen(space, 4)).beta == pytest.approx(math.sqrt(beta), rel=1e-6)
    assert Schedule(share=0.2).at(seen(space, 4)).beta == pytest.approx(0.2 * math.sqrt(beta), rel=1e-6)


def test_beta_by_hand_over_a_continuous_space() -> None:
    """Brochu et al., eq. 5, d = 2, t = 9, delta = 0.05: 2 ln(9^3 * pi^2 / 0.15) = 2 ln 47966.3."""
    space = SearchSpace((Continuous("x", 0, 1), Continuous("y", 0, 1)))
    beta = 21.556507
    assert math.exp(beta / 2) == pytest.approx(729 * 9.8696044 / 0.15, rel=1e-5)
    assert Schedule(delta=0.05).at(seen(space, 9)).beta == pytest.approx(math.sqrt(beta), rel=1e-6)


def test_beta_grows_with_what_was_seen_and_a_first_one_is_there_before() -> None:
    space = SearchSpace((Continuous("x", 0, 1),))
    betas = [Schedule().at(seen(space, n)).beta for n in (0, 1, 2, 10, 100)]
    assert betas[0] == betas[1]
    assert betas[1:] == sorted(set(betas))
    acquisition = Schedule().at(seen(space, 3))
    assert acquisition.value(MEAN, SD, BEST, "maximise") == pytest.approx(MEAN + acquisition.beta * SD, abs=1e-12)


def test_turns_are_taken_by_what_was_told_and_asked() -> None:
    space = SearchSpace((Continuous("x", 0, 1),))
    for n in range(6):
        for pending in (0, 1, 2):
            history, turn = seen(space, n, pending), (n + pending) % 3
            acquisition = Turns(beta=0.7).at(history)
            assert acquisition == (EI() if turn == 1 else UCB(0.7))
            assert Turns().between(history) == (turn == 0)
            expected: Array = (EI() if turn == 1 else UCB(0.7)).value(MEAN, SD, BEST, "minimise")
            assert acquisition.value(MEAN, SD, BEST, "minimise") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("beta", [-1.0, math.nan, math.inf])
def test_a_beta_that_means_nothing_is_refused(beta: float) -> None:
    for kind in (UCB, Turns):
        with pytest.raises(ValueError, match="give a finite number from 0 up"):
            kind(beta)


def test_a_schedule_that_means_nothing_is_refused() -> None:
    for bad in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Schedule(delta=bad)
    for bad in (0.0, 1.5, math.nan):
        with pytest.raises(ValueError, match="give a part above 0"):
            Schedule(share=bad)
