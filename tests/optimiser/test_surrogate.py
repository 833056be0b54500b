"""The surrogate against scikit-learn's own Gaussian process and against its closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from optimiser.history import Direction, History, Observation
from optimiser.space import Categorical, Continuous, SearchSpace
from optimiser.surrogate import FitError, MapRegressor, Posterior, fit

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
