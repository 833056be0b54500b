"""The surrogate against scikit-learn's own Gaussian process and against its closed form."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from optimiser.history import Direction, History, Observation
from optimiser.kernels import Correlation, Name
from optimiser.regressor import BIAS, LENGTH_BOUNDS, NOISE_BOUNDS, MapRegressor, priors
from optimiser.space import Array, Categorical, Continuous, Point, SearchSpace
from optimiser.surrogate import FitError, Model, Posterior, fit

SPACE = SearchSpace((Continuous("x", 0, 10), Continuous("y", -1, 1)))


def told(values: list[float], direction: Direction = "maximise", seed: int = 0) -> History:
    history = History(SPACE, direction, seed)
    for point, value in zip(SPACE.sample(len(values), np.random.default_rng(seed)), values, strict=True):
        history = history.tell(Observation(point, value))
    return history


def smooth(n: int, direction: Direction = "maximise", seed: int = 0) -> History:
    points = SPACE.sample(n, np.random.default_rng(seed))
    return told([math.sin(float(p["x"])) + float(p["y"]) ** 2 for p in points], direction, seed)


def regressors(n: int = 12) -> tuple[MapRegressor, GaussianProcessRegressor]:
    """Ours and the parent's on the same data and kernel, hyperparameters left alone."""
    rng = np.random.default_rng(3)
    X, y = rng.random((n, 3)), rng.normal(size=n)
    kernel = Matern([0.4, 1.3, 2.0], nu=2.5) + WhiteKernel(0.05)
    made = (cls(kernel, alpha=1e-10, optimizer=None).fit(X, y) for cls in (MapRegressor, GaussianProcessRegressor))
    return tuple(made)  # type: ignore[return-value]


@pytest.mark.parametrize("shift", [0.0, 0.7, -1.5])
def test_evidence_and_gradient_equal_scikit_learn_plus_the_prior(shift: float) -> None:
    ours, theirs = regressors()
    theta = theirs.kernel_.theta + shift
    prior, slope = ours.log_prior(theta)
    value, gradient = ours.log_marginal_likelihood(theta, eval_gradient=True)
    expected, expected_gradient = theirs.log_marginal_likelihood(theta, eval_gradient=True)
    assert value - prior == pytest.approx(expected, abs=1e-9)
    assert gradient - slope == pytest.approx(expected_gradient, abs=1e-8)


def test_gradient_with_prior_is_the_slope() -> None:
    ours, _ = regressors()
    theta = ours.kernel_.theta
    numeric = approx_fprime(theta, ours.log_marginal_likelihood, 1e-6)
    assert ours.log_marginal_likelihood(theta, eval_gradient=True)[1] == pytest.approx(numeric, abs=1e-4)


def test_prediction_equals_scikit_learn_at_the_same_hyperparameters() -> None:
    history = smooth(20)
    model = fit(history)
    signal = Matern(model.lengthscales, nu=2.5)
    plain = GaussianProcessRegressor(signal, alpha=model.noise, optimizer=None)
    plain.fit(model.X, model.y)
    points = SPACE.sample(50, np.random.default_rng(9))
    mean, sd = plain.predict(SPACE.encode(points), return_std=True)
    found_mean, found_sd = model.predict(points)
    assert found_mean == pytest.approx(model.offset + model.scale * mean, abs=1e-6)
    assert found_sd == pytest.approx(model.scale * sd, abs=1e-6)


def test_it_predicts_a_smooth_function() -> None:
    model = fit(smooth(40))
    points = SPACE.sample(200, np.random.default_rng(5))
    truth = np.array([math.sin(float(p["x"])) + float(p["y"]) ** 2 for p in points])
    mean, sd = model.predict(points)
    assert np.abs(mean - truth).mean() < 0.1
    assert (np.abs(mean - truth) < 3 * sd + 0.05).mean() > 0.95


def test_failed_and_excluded_observations_are_not_fitted() -> None:
    history = smooth(10)
    point = {"x": 5.0, "y": 0.0}
    failed = history.tell(Observation(point, None)).tell(Observation(point, 1e6, label="outlier"))
    assert fit(failed).theta == pytest.approx(fit(history).theta)
    assert len(fit(failed).measured) == 10


def test_a_lucky_outlier_is_not_the_incumbent() -> None:
    history = History(SPACE)
    for i in range(6):
        x = 2.0 * i
        for reading in (-0.1, 0.1, 0.0):
            history = history.tell(Observation({"x": x, "y": 0.0}, 10 - (x - 6) ** 2 / 4 + reading))
    for reading in (10.5, 1.0, 1.2):
        history = history.tell(Observation({"x": 10.0, "y": 0.9}, reading))
    best = fit(history).incumbent()
    assert best is not None
    assert best.point["x"] == 6.0
    assert best.n == 3


def test_the_incumbent_follows_the_direction() -> None:
    low, high = fit(smooth(30, "minimise")).incumbent(), fit(smooth(30, "maximise")).incumbent()
    assert low is not None
    assert high is not None
    assert low.mean < 0 < high.mean


def test_a_stated_sd_counts() -> None:
    certain, doubtful = (
        fit(smooth(15).tell(Observation({"x": 5.0, "y": 0.0}, 5.0, sd=sd))).predict([{"x": 5.0, "y": 0.0}])[0][0]
        for sd in (0.0, 20.0)
    )
    assert certain > 3 > doubtful


def test_belief_in_pending_points_keeps_the_mean_and_lowers_the_sd() -> None:
    model = fit(smooth(12))
    point = {"x": 5.0, "y": 0.5}
    (mean,), (sd,) = model.predict([point])
    (after,), (less,) = model.believing([point]).predict([point])
    assert after == pytest.approx(mean, abs=1e-6)
    assert less < 0.5 * sd
    assert model.believing([]) is model


def test_nothing_measured_cannot_be_fitted() -> None:
    with pytest.raises(FitError, match="nothing has been measured"):
        fit(History(SPACE))


def test_a_warm_start_is_never_worse() -> None:
    history = smooth(25)
    cold = fit(history)
    assert fit(history, warm=cold).evidence >= cold.evidence - 1e-9


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=8),
    st.sampled_from([1e-300, 1e-9, 1.0, 1e9, 1e300]),
    st.sampled_from([0.0, 1.0]),
)
def test_any_finite_values_give_finite_beliefs(values: list[float], size: float, shift: float) -> None:
    model = fit(told([(v + shift) * size for v in values]))
    mean, sd = model.predict(SPACE.sample(10, np.random.default_rng(1)))
    assert np.isfinite(mean).all()
    assert np.isfinite(sd).all()
    assert (sd > 0).all()


def test_duplicates_with_different_values_average() -> None:
    history = History(SPACE)
    for value in (0.0, 2.0) * 4:
        history = history.tell(Observation({"x": 5.0, "y": 0.0}, value))
    mean, _ = fit(history).predict([{"x": 5.0, "y": 0.0}])
    assert mean[0] == pytest.approx(1.0, abs=0.05)


def test_categories_and_forty_parameters() -> None:
    space = SearchSpace((Categorical("s", ("a", "b", "c")), *(Continuous(f"x{i}", 0, 1) for i in range(39))))
    history = History(space)
    for i, point in enumerate(space.sample(12, np.random.default_rng(0))):
        history = history.tell(Observation(point, float(i)))
    model: Posterior = fit(history)
    assert len(model.lengthscales) == 42
    assert np.isfinite(model.predict(space.sample(3, np.random.default_rng(1)))[0]).all()


def rows(n: int, d: int = 3, seed: int = 3) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.random((n, d)), rng.normal(size=n), np.array([0.4, 1.3, 2.0][:d])


@pytest.mark.parametrize("name", get_args(Name))
def test_every_kernel_equals_scikit_learn_at_the_same_hyperparameters(name: Name) -> None:
    """Evidence, its gradient, and predictions with their sd; the same through the whole of `Posterior`."""
    X, y, lengths = rows(15)
    kernel = Correlation(name).sklearn(lengths, (1e-5, 1e5)) + WhiteKernel(0.05)
    ours = MapRegressor(kernel, alpha=1e-10, optimizer=None).fit(X, y)
    theirs = GaussianProcessRegressor(kernel, alpha=1e-10, optimizer=None).fit(X, y)
    theta = kernel.theta
    prior, slope = ours.log_prior(theta)
    value, gradient = ours.log_marginal_likelihood(theta, eval_gradient=True)
    expected, expected_gradient = theirs.log_marginal_likelihood(theta, eval_gradient=True)
    assert value - prior == pytest.approx(expected, abs=1e-9)
    assert gradient - slope == pytest.approx(expected_gradient, abs=1e-6)
    Z = np.random.default_rng(1).random((20, 3))
    for mine, plain in zip(ours.predict(Z, return_std=True), theirs.predict(Z, return_std=True), strict=True):
        assert mine == pytest.approx(plain, abs=1e-6)
    model = fit(smooth(15), model=Model(Correlation(name)))
    signal = Correlation(name).sklearn(model.lengthscales, (1e-5, 1e5))
    plain = GaussianProcessRegressor(signal, alpha=model.noise, optimizer=None).fit(model.X, model.y)
    Z = SPACE.sample_encoded(30, np.random.default_rng(9))
    mean, sd = plain.predict(Z, return_std=True)
    found_mean, found_sd = model.predict_encoded(Z)
    assert found_mean == pytest.approx(model.offset + model.scale * mean, abs=1e-6)
    assert found_sd == pytest.approx(model.scale * sd, abs=1e-6)


@pytest.mark.parametrize("name", get_args(Name))
def test_evidence_with_simulated_rows_is_the_closed_form_and_its_gradient_the_slope(name: Name) -> None:
    """By hand: K + noise, and where a row is simulated its own noise, where both are the bias that they share."""
    X, y, lengths = rows(10)
    made_up = np.arange(10) >= 6
    kernel = Correlation(name).sklearn(lengths, (1e-5, 1e5)) + WhiteKernel(0.05)
    ours = MapRegressor(kernel, alpha=1e-3, optimizer=None).fit(X, y, made_up)
    theta = np.append(kernel.theta, np.log(0.3))
    K = kernel.k1(X) + np.diag(0.05 + 1e-3 + 0.3 * made_up) + BIAS * np.outer(made_up, made_up)
    expected = multivariate_normal(np.zeros(10), K).logpdf(y) + ours.log_prior(theta)[0]
    value, gradient = ours.log_marginal_likelihood(theta, eval_gradient=True)
    assert len(ours.theta_) == len(kernel.theta) + 1
    assert value == pytest.approx(expected, abs=1e-9)
    assert gradient == pytest.approx(approx_fprime(theta, ours.log_marginal_likelihood, 1e-6), abs=1e-4)


def simulated(n: int, off: float, noise: float, seed: int = 0) -> History:
    """`smooth`'s function at n more points, off by a constant and noisy."""
    history, rng = History(SPACE, seed=seed), np.random.default_rng(seed + 50)
    for point in SPACE.sample(n, rng):
        value = truth(point) + off + noise * rng.normal()
        history = history.tell(Observation(point, value, origin="simulated"))
    return history


def truth(point: Point) -> float:
    return math.sin(float(point["x"])) + float(point["y"]) ** 2


def test_a_simulated_series_off_by_a_constant_is_corrected_and_helps() -> None:
    alone = smooth(8)
    both = replace(alone, observations=(*alone.observations, *simulated(40, off=7.0, noise=0.02).observations))
    points = SPACE.sample(200, np.random.default_rng(5))
    true = np.array([truth(p) for p in points])
    errors = [float(np.abs(fit(h).predict(points)[0] - true).mean()) for h in (alone, both)]
    assert len(fit(both).theta) == len(fit(alone).theta) + 1
    assert errors[1] < 0.5 * errors[0]


def test_the_noise_of_a_simulated_series_is_learned() -> None:
    alone = smooth(25)
    noises = []
    for noise in (0.02, 1.5):
        told = simulated(25, off=-2.0, noise=noise)
        model = fit(replace(alone, observations=(*alone.observations, *told.observations)))
        noises.append(model.scale * math.sqrt(float(np.exp(model.theta[-1]))))
        measured = fit(alone).predict(points := SPACE.sample(100, np.random.default_rng(5)))[0]
        off = np.abs(model.predict(points)[0] - measured).mean()
        assert off < 0.15  # neither series spoils what was measured
    assert noises[0] < 0.5
    assert noises[1] == pytest.approx(1.5, rel=0.5)


@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_the_noise_is_pooled_from_replicates(noise: float) -> None:
    history, rng = History(SPACE), np.random.default_rng(2)
    for point in SPACE.sample(12, rng):
        for _ in range(3):
            history = history.tell(Observation(point, 3 * truth(point) + noise * rng.normal()))
    assert fit(history).noise_sd == pytest.approx(noise, rel=0.5)


def test_the_larger_its_sd_the_less_a_point_pulls() -> None:
    point = {"x": 5.0, "y": 0.0}
    model = fit(smooth(15).tell(Observation(point, 5.0)))
    pulls = []
    for sd in (0.0, 1.0, 5.0, 50.0, 1e300):
        noise = model.noise.copy()
        noise[-1] += min(sd / model.scale, 1e6) ** 2
        pulls.append(float(replace(model, noise=noise).predict([point])[0][0]))
    assert pulls == sorted(pulls, reverse=True)
    without = fit(smooth(15)).predict([point])[0][0]
    doubtful = fit(smooth(15).tell(Observation(point, 5.0, sd=1e300))).predict([point])[0][0]
    assert pulls[0] - pulls[-1] > 1
    assert abs(doubtful - without) < 0.5


@pytest.mark.parametrize("made_up", [0, 60])
def test_of_many_rows_the_quick_fit_is_nearly_as_good_as_full_ones_from_several_starts(made_up: int) -> None:
    history = smooth(160 - made_up)
    history = replace(history, observations=(*history.observations, *simulated(made_up, 2.0, 0.1).observations))
    quick = fit(history)
    regressor = MapRegressor(MapRegressor.kernel_for(Correlation(), 2), alpha=1e-10, optimizer=None)
    regressor.fit(quick.X, quick.y, quick.simulated)
    size = len(quick.theta)
    limits = np.log([LENGTH_BOUNDS] * 2 + [NOISE_BOUNDS] * (size - 2))
    centre, spread = priors(2, size)
    starts = [quick.theta, *(centre + spread * np.random.default_rng(7).normal(size=(4, size)))]
    full = []
    for start in starts:
        done = minimize(
            lambda t: tuple(-v for v in regressor.log_marginal_likelihood(t, eval_gradient=True)),
            np.clip(start, *limits.T),
            jac=True,
            bounds=limits,
        )
        full.append(-float(done.fun))
    assert quick.evidence > max(full) - 1.0
