"""What a point is expected to add: against sampling, against the textbook, and where numbers are extreme."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from optimiser.acquisition import EI
from optimiser.objectives import expected
from optimiser.objectives.desirability import Desirability
from optimiser.objectives.expected import (
    HypervolumeImprovement,
    chance_above,
    chance_all_met,
    log_reach,
    reference_point,
)
from optimiser.objectives.objective import Objective
from optimiser.objectives.pareto import hypervolume

GOALS = (
    Objective("a", "maximise", at_least=0.5),
    Objective("b", "minimise", at_most=-0.5),
    Objective("c", "target", target=0.3, tolerance=0.4),
    Objective("d", "window", at_least=-0.2, at_most=0.9),
)
GAINS = np.array([[1.0, -1.5, -0.8], [0.4, -0.2, -0.5], [-0.5, 0.6, -0.05], [-1.0, -1.0, -0.9]])


@pytest.mark.parametrize("objective", GOALS, ids=lambda o: o.goal)
@pytest.mark.parametrize(("mean", "sd"), [(0.1, 0.5), (2.0, 0.7), (-1.5, 1.5), (0.3, 0.01)])
def test_reach_and_chances_equal_sampling(objective: Objective, mean: float, sd: float) -> None:
    drawn = objective.gain(mean + sd * np.random.default_rng(0).normal(size=400_000))
    edges = np.array([-np.inf, -3.0, -0.9, -0.1, 0.0, 0.6, np.inf])
    at = np.array([mean]), np.array([sd])
    reach, chance = np.exp(log_reach(objective, *at, edges))[0], chance_above(objective, *at, edges)[0]
    for i, edge in enumerate(edges):
        if np.isfinite(edge):
            assert reach[i] == pytest.approx(np.maximum(drawn - edge, 0.0).mean(), abs=6e-3)
        assert chance[i] == pytest.approx((drawn > edge).mean(), abs=4e-3)
    assert reach[-1] == 0.0


def test_far_from_the_edge_points_are_still_told_apart() -> None:
    for objective in GOALS:
        away = np.array([60.0, 70.0, 80.0]) * (-1 if objective.goal == "maximise" else 1)
        out = log_reach(objective, away, np.ones(3), np.array([-0.1]))[:, 0]
        assert np.isfinite(out).all()
        assert (np.diff(out) < 0).all()
    # a window seen from either side is the same
    window = GOALS[3]
    middle = 0.35
    both = log_reach(window, np.array([middle - 5, middle + 5]), np.ones(2), np.array([-0.2]))[:, 0]
    assert both[0] == pytest.approx(both[1], rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_exact_expectation_equals_brute_force(k: int) -> None:
    objectives = GOALS[:k]
    gains, reference = GAINS[:, :k], np.full(k, -1.2)
    better = HypervolumeImprovement(objectives, gains, reference)
    assert better.exact
    assert np.exp(better.log_volume) == pytest.approx(hypervolume(gains, reference), rel=1e-12)
    rng = np.random.default_rng(1)
    for mean, sd in (
        (np.zeros(k), np.full(k, 0.6)),
        (rng.normal(size=k), np.full(k, 0.3)),
        (np.ones(k), np.ones(k)),
    ):
        drawn = mean + sd * rng.normal(size=(4000, k))
        new = np.column_stack([o.gain(drawn[:, j]) for j, o in enumerate(objectives)])
        now = hypervolume(gains, reference)
        grown = np.array([hypervolume(np.vstack([gains, row]), reference) - now for row in new])
        got = float(np.exp(better.log_expected(mean[None], sd[None])[0]))
        assert got == pytest.approx(grown.mean(), abs=4 * grown.std() / 4000**0.5 + 1e-12)
        chance = better.chance(mean[None], sd[None])
        assert chance is not None
        assert chance[0] == pytest.approx((grown > 0).mean(), abs=0.04)


def test_one_objective_gives_the_expected_improvement() -> None:
    mean, sd = np.linspace(-3, 3, 40), np.linspace(0.1, 2, 40)
    better = HypervolumeImprovement((Objective("a"),), np.array([[0.2], [0.7]]), np.array([-1.0]))
    textbook = EI().value(mean, sd, 0.7, "maximise")
    assert np.exp(better.log_expected(mean[:, None], sd[:, None])) == pytest.approx(textbook, rel=1e-9)


def test_two_objectives_give_the_published_strips() -> None:
    """The sum over strips as Yang et al. (2019) write it, in plain numbers."""
    front = np.array([[1.0, 2.0], [2.0, 1.0], [2.5, 0.2]])
    mean, sd = (1.4, 1.3), (0.5, 0.8)

    def psi(j: int, edge: float) -> float:
        z = (mean[j] - edge) / sd[j]
        return sd[j] * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) + (mean[j] - edge) * float(ndtr(z))

    a, b = [0.0, 1.0, 2.0, 2.5], [2.0, 1.0, 0.2, 0.0]
    total = sum((psi(0, a[i]) - (psi(0, a[i + 1]) if i < 3 else 0.0)) * psi(1, b[i]) for i in range(4))
    better = HypervolumeImprovement((Objective("a"), Objective("b")), front, np.zeros(2))
    got = np.exp(better.log_expected(np.array([mean]), np.array([sd])))[0]
    assert got == pytest.approx(total, rel=1e-9)


def test_samples_equal_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    objectives, gains, reference = GOALS[:3], GAINS, np.full(3, -1.2)
    rng = np.random.default_rng(2)
    mean, sd = rng.normal(0.3, 0.5, (300, 3)), rng.uniform(0.2, 0.8, (300, 3))
    exact = np.exp(HypervolumeImprovement(objectives, gains, reference).log_expected(mean, sd))
    monkeypatch.setattr(expected, "MOST_BOXES", 0)
    better = HypervolumeImprovement(objectives, gains, reference)
    assert not better.exact
    assert better.chance(mean, sd) is None
    assert np.exp(better.log_volume) == pytest.approx(hypervolume(gains, reference), rel=0.05)
    sampled = np.exp(better.log_expected(mean, sd))
    assert sampled.mean() == pytest.approx(exact.mean(), rel=0.05)
    assert np.corrcoef(sampled, exact)[0, 1] > 0.98
    far = better.log_expected(np.array([[-30.0, 0, 0], [-40.0, 0, 0], [0.5, 0, 0]]), np.full((3, 3), 0.1))
    assert far[0] > far[1], "nothing improves, yet nearer is better"
    assert far[2] > far[0]
    assert (better.log_expected(mean, sd) == better.log_expected(mean, sd)).all()


@settings(deadline=None)
@given(st.integers(-300, 300), st.integers(-300, 300), st.integers(2, 4), st.integers(0, 10**6))
def test_units_make_no_difference(first: int, others: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gains, mean, sd = rng.normal(size=(5, k)), rng.normal(size=(20, k)), rng.uniform(0.05, 1, (20, k))
    unit = 10.0 ** np.array([first] + [others] * (k - 1))
    plain = tuple(Objective(f"o{j}") for j in range(k))
    reference = reference_point(plain, gains)
    here = HypervolumeImprovement(plain, gains, reference).log_expected(mean, sd)
    there = HypervolumeImprovement(plain, gains * unit, reference * unit).log_expected(mean * unit, sd * unit)
    assert there - np.log(unit).sum() == pytest.approx(here, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "text"])
def test_what_is_no_number_is_refused(bad: object) -> None:
    gains = np.array([[0.0, 1.0], [1.0, bad]], dtype=object)
    with pytest.raises(ValueError, match="leave failed measurements out"):
        HypervolumeImprovement((Objective("a"), Objective("b")), gains, np.zeros(2)).log_expected(
            np.zeros((1, 2)), np.ones((1, 2))
        )


def test_the_reference_is_the_threshold_or_a_little_below_the_front() -> None:
    gains = np.array([[0.0, 10.0, -3.0, 0.0], [10.0, 0.0, -2.0, -1.0], [-10.0, -10.0, -9.0, -9.0]])
    objectives = (Objective("a"), Objective("b", at_least=7), Objective("c", "target", target=1), GOALS[3])
    assert reference_point(objectives, gains) == pytest.approx([0.0 - 2.0, 7.0, -3.0 - 0.7, -1.1])
    assert reference_point((Objective("a"),), np.array([[4.0]])) == pytest.approx([3.6])
    assert reference_point((Objective("a"),), np.array([[0.0]])) == pytest.approx([-1.0])


def test_the_chance_to_meet_all_targets_equals_sampling() -> None:
    mean, sd = np.array([[0.4, -0.4, 0.1, 1.0]]), np.array([[0.5, 0.3, 0.4, 0.6]])
    drawn = mean + sd * np.random.default_rng(0).normal(size=(200_000, 4))
    met = np.column_stack([o.met(drawn[:, j]) for j, o in enumerate(GOALS)]).all(axis=1)
    assert chance_all_met(GOALS, mean, sd)[0] == pytest.approx(met.mean(), abs=4e-3)
    assert chance_all_met((Objective("a"),), mean[:, :1], sd[:, :1]).tolist() == [1.0]


def test_desirability_rises_from_worthless_to_the_threshold() -> None:
    objectives = (Objective("a", at_least=10, worthless=0, weight=3), Objective("b", "minimise", at_most=1))
    whole = Desirability.of(objectives, np.array([[5.0, -3.0], [2.0, -2.0]]))
    values = np.array([[5.0, 2.0], [10.0, 1.0], [20.0, 0.0], [0.0, 1.0], [-5.0, 1.0], [5.0, 3.0], [np.nan, 1.0]])
    assert whole.each(values)[:2] == pytest.approx(np.array([[0.5, 0.5], [1.0, 1.0]]))
    assert whole.whole(values) == pytest.approx([0.5, 1, 1, 0, 0, 0, np.nan], nan_ok=True)
    assert whole.whole(np.array([[5.0, 1.0]]))[0] == pytest.approx(0.5**0.75)
    open_ = Desirability.of((Objective("a"),), np.array([[0.0], [10.0]]))
    assert open_.everything.tolist() == [12.0]
    distant = Desirability.of((Objective("t", "target", target=5, worthless=2),), np.array([[-1.0], [-4.0]]))
    assert distant.nothing.tolist() == [-2.0]
    met_already = Desirability.of((Objective("a", at_least=1),), np.array([[3.0], [5.0]]))
    assert met_already.each(np.array([[3.0], [0.0]]))[:, 0] == pytest.approx([1.0, 0.5])


def test_the_expected_desirability_equals_sampling_and_ranks_the_worthless() -> None:
    objectives = (Objective("a", at_least=1, worthless=0), Objective("b", "target", target=0, worthless=1))
    whole = Desirability.of(objectives, np.zeros((1, 2)))
    mean, sd = np.array([[0.6, 0.2], [-5.0, 0.0], [-9.0, 0.0]]), np.full((3, 2), 0.3)
    drawn = mean[0] + sd[0] * np.random.default_rng(0).normal(size=(200_000, 2))
    got = whole.expected(mean, sd)
    assert got[0] == pytest.approx(whole.whole(drawn).mean(), abs=0.01)
    assert whole.expected(mean, sd, beta=2.0)[0] == pytest.approx(got[0] + 2 * whole.whole(drawn).std(), abs=0.02)
    assert 0 > got[1] > got[2]


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_desirability_at_extreme_scales(scale: float) -> None:
    objectives = (Objective("a"), Objective("b", "minimise"))
    whole = Desirability.of(objectives, np.array([[0.0, -1.0], [1.0, 0.0]]) * scale)
    out = whole.expected(np.array([[0.5, 0.5]]) * scale, np.array([[0.1, 0.1]]) * scale)
    assert 0.4 < out[0] < 0.7
