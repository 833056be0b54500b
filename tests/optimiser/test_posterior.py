"""The posterior: appended rows, gradients, samples and leave-one-out against doing it the long way."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from scipy.linalg import solve

from optimiser.history import History, Observation
from optimiser.kernels import Correlation, Name
from optimiser.posterior import Posterior
from optimiser.problems import TwoDials
from optimiser.regressor import BIAS, JITTER
from optimiser.space import Array, Categorical, Continuous, SearchSpace
from optimiser.strategies.gp import GPStrategy
from optimiser.surrogate import Model, fit

DIALS = TwoDials()
MIXED = SearchSpace((Continuous("x", 0, 5), Continuous("y", 0, 5), Categorical("s", ("a", "b", "c"))))
NAMES = get_args(Name)


def told(n: int = 12, simulated: int = 0, seed: int = 0, space: SearchSpace = MIXED) -> History:
    """Readings of the dials with some noise; some with an sd of their own; the last rows simulated, 5 too large."""
    rng = np.random.default_rng(seed)
    history = History(space, "minimise", seed)
    for i, point in enumerate(space.sample(n, rng)):
        made_up = i >= n - simulated
        value = DIALS(point) + 0.5 * rng.normal() + 5.0 * made_up
        origin = "simulated" if made_up else "measured"
        history = history.tell(Observation(point, value, 0.3 if i % 4 == 0 else None, origin))  # type: ignore[arg-type]
    return history


def model(name: Name = "matern52", simulated: int = 0, n: int = 12) -> Posterior:
    return fit(told(n, simulated), model=Model(Correlation(name)))


def kernel(belief: Posterior, A: Array, B: Array) -> Array:
    """By the textbook, from distances one by one."""
    r = np.array([[np.linalg.norm((a - b) / belief.lengthscales) for b in B] for a in A])
    match belief.correlation.name:
        case "matern12":
            return np.exp(-r)
        case "matern32":
            return np.asarray((1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r))
        case "matern52":
            return np.asarray((1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r))
        case "rbf":
            return np.exp(-(r**2) / 2)


def by_hand(belief: Posterior, X: Array) -> tuple[Array, Array]:
    """Mean and covariance of the true values at X, in the objective's unit."""
    K = kernel(belief, belief.X, belief.X) + np.diag(belief.noise)
    if belief.simulated is not None:
        K += BIAS * np.outer(belief.simulated, belief.simulated)
    k = kernel(belief, X, belief.X)
    covariance = kernel(belief, X, X) - k @ solve(K, k.T, assume_a="pos")
    return belief.offset + belief.scale * (k @ solve(K, belief.y, assume_a="pos")), belief.scale**2 * covariance


@pytest.mark.parametrize(("name", "simulated"), [*((n, 0) for n in NAMES), ("matern52", 5)])
def test_mean_sd_and_covariance_are_the_closed_form(name: Name, simulated: int) -> None:
    belief = model(name, simulated)
    points = MIXED.sample(7, np.random.default_rng(5))
    mean, covariance = by_hand(belief, MIXED.encode(points))
    found_mean, found_sd = belief.predict(points)
    assert found_mean == pytest.approx(mean, rel=1e-6)
    assert found_sd == pytest.approx(np.sqrt(covariance.diagonal()), rel=1e-6)
    joint_mean, joint = belief.covariance(points)
    assert joint_mean == pytest.approx(mean, rel=1e-6)
    assert joint == pytest.approx(covariance, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("name", "simulated"), [*((n, 0) for n in NAMES), ("matern52", 5)])
def test_believing_equals_factoring_anew(name: Name, simulated: int) -> None:
    belief = model(name, simulated)
    pending = MIXED.sample(4, np.random.default_rng(7))
    quick = belief.believing(pending)
    anew = belief
    for point in pending:  # each is believed to give the mean, with the noise of a reading
        x = MIXED.encode([point])
        y = (anew.predict([point])[0] - belief.offset) / belief.scale
        anew = replace(
            anew,
            X=np.vstack([anew.X, x]),
            y=np.append(anew.y, y),
            noise=np.append(anew.noise, np.exp(belief.theta[len(belief.lengthscales)]) + JITTER),
            simulated=None if anew.simulated is None else np.append(anew.simulated, False),
        )
    X = MIXED.sample_encoded(30, np.random.default_rng(8))
    for one, other in zip(quick.predict_encoded(X), anew.predict_encoded(X), strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9 * belief.scale)
    assert quick.factor[0] @ quick.factor[0].T == pytest.approx(
        anew.factor[0] @ anew.factor[0].T, rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize(("name", "simulated"), [*((n, 0) for n in NAMES), ("matern52", 5)])
def test_gradients_are_the_slopes(name: Name, simulated: int) -> None:
    belief = model(name, simulated)
    X = MIXED.sample_encoded(6, np.random.default_rng(2))
    mean, sd, d_mean, d_sd = belief.gradient(X)
    plain = belief.predict_encoded(X)
    assert mean == pytest.approx(plain[0], rel=1e-9)
    assert sd == pytest.approx(plain[1], rel=1e-6)
    for j in range(X.shape[1]):
        aside = np.zeros(X.shape[1])
        aside[j] = 1e-5
        up, down = belief.gradient(X + aside), belief.gradient(X - aside)
        assert d_mean[:, j] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-4, abs=1e-4 * belief.scale)
        assert d_sd[:, j] == pytest.approx((up[1] - down[1]) / 2e-5, rel=1e-4, abs=1e-4 * belief.scale)


@pytest.mark.parametrize("name", NAMES)
def test_at_a_measured_point_the_gradient_is_finite(name: Name) -> None:
    belief = model(name)
    assert all(np.isfinite(part).all() for part in belief.gradient(belief.X))


@pytest.mark.parametrize("simulated", [0, 5])
def test_samples_have_the_mean_and_covariance(simulated: int) -> None:
    belief, many = model(simulated=simulated), 20000
    points = MIXED.sample(5, np.random.default_rng(3))
    drawn = belief.draw(points, many, np.random.default_rng(0))
    mean, covariance = belief.covariance(points)
    sd = np.sqrt(covariance.diagonal())
    assert drawn.shape == (many, 5)
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * sd / np.sqrt(many)).all()
    assert (np.abs(np.cov(drawn.T) - covariance) < 5 * np.sqrt(2 / many) * np.multiply.outer(sd, sd)).all()


@pytest.mark.parametrize("simulated", [0, 5])
def test_leave_one_out_equals_leaving_each_out(simulated: int) -> None:
    belief = model(simulated=simulated)
    mean, sd = belief.leave_one_out()
    for i in range(len(belief.y)):
        rest = np.arange(len(belief.y)) != i
        less = replace(
            belief,
            X=belief.X[rest],
            y=belief.y[rest],
            noise=belief.noise[rest],
            simulated=None if belief.simulated is None else belief.simulated[rest],
        )
        if belief.simulated is not None and belief.simulated[i]:
            # a simulated reading shares its series' bias: the closed form with the bias in the prior of that row
            kind = belief.simulated.astype(float)
            K = kernel(belief, belief.X, belief.X) + BIAS * np.outer(kind, kind)
            k, noisy = K[i, rest], K[np.ix_(rest, rest)] + np.diag(belief.noise[rest])
            expected = belief.offset + belief.scale * float(k @ solve(noisy, belief.y[rest]))
            variance = K[i, i] + belief.noise[i] - float(k @ solve(noisy, k))
            spread = belief.scale * np.sqrt(variance)
        else:
            (expected,), (latent,) = less.predict_encoded(belief.X[i : i + 1])
            spread = np.sqrt(latent**2 + belief.scale**2 * belief.noise[i])
        assert mean[i] == pytest.approx(expected, rel=1e-6, abs=1e-6 * belief.scale)
        assert sd[i] == pytest.approx(spread, rel=1e-6)


def test_the_points_of_a_batch_are_apart() -> None:
    space = TwoDials.SPACE
    for seed in range(3):
        history = told(10, seed=seed, space=space)
        X = space.encode([s.point for s in GPStrategy().ask(history, 5)])
        apart = np.abs(X[:, None] - X[None]).max(axis=2)[np.triu_indices(5, 1)]
        assert apart.min() > 1e-3
        assert np.median(apart) > 0.02
