"""The model's health where the truth is known: sound models are green, unsound ones red, injected faults found."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import binom

from optimiser.health import ENOUGH, Drift, drift_of, examine, interval, leave_one_out_z
from optimiser.history import History, Observation
from optimiser.posterior import Posterior
from optimiser.space import Categorical, Continuous, Mixture, SearchSpace
from optimiser.surrogate import fit
from tests.optimiser.histories import histories

PLANE = SearchSpace((Continuous("x", 0, 10, "mL"), Continuous("y", -1, 1)))


def campaign(n: int, seed: int = 0, noise: float = 0.1, drift: float = 0.0, scale: float = 1.0) -> History:
    """sin(x) + 2 y at random points; `drift` is added from one reading to the next."""
    rng = np.random.default_rng(seed)
    history = History(PLANE)
    for i, p in enumerate(PLANE.sample(n, rng)):
        value = math.sin(float(p["x"])) + 2 * float(p["y"]) + noise * rng.normal() + drift * i
        history = history.tell(Observation(p, scale * value))
    return history


def overconfident(history: History) -> Posterior:
    """The same belief with a hundredth of the noise."""
    posterior = fit(history)
    return replace(posterior, noise=posterior.noise / 1e4)


def test_z_is_the_error_of_a_model_without_that_reading() -> None:
    """Against leaving out each reading in turn, hyperparameters held."""
    history = campaign(15)
    posterior = fit(history)
    for i, z in enumerate(leave_one_out_z(posterior)):
        rest = np.arange(15) != i
        without = replace(posterior, X=posterior.X[rest], y=posterior.y[rest], noise=posterior.noise[rest])
        (mean,), (sd,) = without.predict_encoded(posterior.X[[i]])
        spread = math.hypot(sd, posterior.scale * math.sqrt(posterior.noise[i]))
        value = history.usable[i].value
        assert value is not None
        assert z == pytest.approx((value - mean) / spread, abs=1e-6)


def test_sound_models_are_not_red_and_mostly_green() -> None:
    lights = []
    for seed in range(30):
        history = campaign(8 + seed, seed)
        found = examine(history, fit(history))
        lights.append(found.light)
        assert found.low <= found.coverage <= found.high
    assert "red" not in lights
    assert lights.count("green") >= 25


def test_the_band_covers_what_it_says_when_the_truth_is_a_draw_of_the_model() -> None:
    """40 functions drawn from one posterior's prior, read with its own noise: 95 % in the band, within chance."""
    rng = np.random.default_rng(0)
    frame = fit(campaign(25))
    inverse, _ = frame.factor
    root = np.linalg.inv(inverse)
    inside = total = 0
    for _ in range(40):
        z = leave_one_out_z(replace(frame, y=root @ rng.normal(size=25)))
        inside, total = inside + int((np.abs(z) <= 1.96).sum()), total + 25
    assert binom.ppf(0.0005, total, 0.95) <= inside <= binom.ppf(0.9995, total, 0.95)


def test_an_overconfident_model_is_red_and_says_why() -> None:
    history = campaign(40, noise=0.5)
    found = examine(history, overconfident(history))
    assert found.light == "red"
    assert found.sentence.startswith("Do not trust the suggestions: only ")
    assert f"({100 * found.coverage:.0f} %) lie in the 95 % band" in found.sentence
    assert found.high < 0.95


def test_few_readings_do_not_judge() -> None:
    history = campaign(5, noise=0.5)
    found = examine(history, overconfident(history))
    assert found.light == "grey"
    assert found.sentence == "5 readings; 8 are needed to judge."
    assert found.drift is None


def test_what_a_few_readings_outside_the_band_can_be_is_said() -> None:
    """Two of eight lie outside once in 20 sound models: no reason for alarm, and no praise either."""
    history = campaign(8, noise=0.5)
    posterior = fit(history)
    size = np.sort(np.abs(leave_one_out_z(posterior)))
    narrow = (1.96 / size[5] + 1.96 / size[6]) / 2  # 6 of the 8 fall within 1.96
    for scale, sentence in (
        (0.0, "The predictions hold: 8 of 8 readings (100 %) lie in the 95 % band."),
        (narrow, "6 of 8 readings (75 %) lie in the 95 % band; with so few that can be chance."),
    ):
        found = examine(history, replace(posterior, y=posterior.y * scale))
        assert (found.light, found.sentence) == ("green", sentence)


def test_only_simulated_rows_are_no_measurements() -> None:
    history = History(PLANE)
    for o in campaign(40).usable:
        history = history.tell(replace(o, origin="simulated"))
    found = examine(history, fit(history))
    assert (found.light, found.sentence) == ("grey", "Nothing has been measured yet.")
    assert (found.coverage, found.low, found.high, found.hints) == (0, 0, 1, ())


@pytest.mark.parametrize("n", range(ENOUGH, 31))
def test_a_sound_model_is_red_less_than_once_in_a_thousand(n: int) -> None:
    """By the binomial law alone: the most readings outside the band that are still not red."""
    red = max(k for k in range(n + 1) if k == 0 or (binom.cdf(k, n, 0.95) < 0.001 and k / n < 0.85))
    assert binom.cdf(red, n, 0.95) < 0.001


def test_the_interval_of_a_part_is_clopper_and_pearson_s() -> None:
    low, high = interval(11, 18)
    assert binom.sf(10, 18, low) == pytest.approx(0.025)
    assert binom.cdf(11, 18, high) == pytest.approx(0.025)
    assert interval(0, 5)[0] == 0
    assert interval(5, 5)[1] == 1
    assert interval(0, 0) == (0, 1)


def test_drift_is_found_with_its_size() -> None:
    history = campaign(40, drift=0.03, scale=10.0)
    found = examine(history, fit(history), "mV")
    assert found.drift is not None
    assert found.drift.chance < 0.001
    assert found.drift.per_experiment == pytest.approx(0.3, rel=0.3)
    assert found.light == "yellow"
    assert "The readings drift by about" in found.hints[0]
    assert "mV" in found.hints[0]


def test_drift_is_generalised_least_squares() -> None:
    posterior = fit(campaign(20, drift=0.02))
    inverse, _ = posterior.factor
    precision = inverse.T @ inverse
    T = np.column_stack([np.ones(20), np.arange(20.0), posterior.X])
    slope = np.linalg.solve(T.T @ precision @ T, T.T @ precision @ posterior.y)[1]
    assert drift_of(posterior).per_experiment == pytest.approx(slope * posterior.scale, rel=1e-6)


def test_without_drift_none_is_cried() -> None:
    chances = [drift_of(fit(campaign(20, seed))).chance for seed in range(40)]
    assert sum(c < 0.01 for c in chances) <= 3
    assert 0.3 < float(np.mean(chances)) < 0.7


def test_a_scan_in_order_is_no_drift() -> None:
    """What rises because x was raised from one experiment to the next is the effect of x."""
    history = History(PLANE)
    rng = np.random.default_rng(0)
    for x in np.linspace(0, 10, 30):
        history = history.tell(Observation({"x": float(x), "y": 0.0}, float(x) + 0.1 * rng.normal()))
    assert drift_of(fit(history)).chance > 0.01


def test_contradicting_replicates_turn_green_to_yellow() -> None:
    history = campaign(30, noise=0.02)
    for o in history.usable[:4]:
        assert o.value is not None
        history = history.tell(replace(o, value=o.value + 0.02))
    assert examine(history, fit(history)).light == "green"
    x, y = 5.0, 0.5
    for error in (0.0, -0.4, 0.5):
        history = history.tell(Observation({"x": x, "y": y}, math.sin(x) + 2 * y + error))
    found = examine(history, fit(history))
    assert found.light in ("yellow", "red")
    assert any("The replicates at x 5 mL, y 0.5 contradict each other (" in h for h in found.hints)


def test_a_best_at_a_bound_is_to_be_widened() -> None:
    history = History(PLANE)
    for p in (*PLANE.sample(12, np.random.default_rng(0)), {"x": 10.0, "y": 0.0}):
        history = history.tell(Observation(p, float(p["x"]) - float(p["y"]) ** 2))
    hints = examine(history, fit(history)).hints
    assert "The best lies at the upper end of x (10 mL): widen it if you can." in hints
    assert not any("end of y" in h for h in hints)


def test_none_of_a_component_is_no_bound() -> None:
    parts = ("a", "b")
    space = SearchSpace(tuple(Continuous(n, 0, 1) for n in parts), Mixture(parts, 1.0))
    history = History(space)
    for a in np.linspace(0, 1, 9):
        history = history.tell(Observation({"a": float(a), "b": float(1 - a)}, float(a)))
    assert not any("end of" in h for h in examine(history, fit(history)).hints)


def test_a_parameter_without_effect_and_one_never_varied() -> None:
    space = SearchSpace(
        (Continuous("x", 0, 1), Continuous("idle", 0, 1), Continuous("held", 0, 1), Categorical("s", ("u", "v")))
    )
    history = History(space)
    for p in space.sample(30, np.random.default_rng(0)):
        value = math.sin(6 * float(p["x"])) + (p["s"] == "u")
        history = history.tell(Observation({**p, "held": 0.5}, value))
    hints = " ".join(examine(history, fit(history)).hints)
    assert "idle seems to have no effect" in hints
    assert "held has never been varied" in hints
    for name in ("x ", "s "):
        assert f"{name}seems" not in hints


def test_simulated_rows_are_not_counted() -> None:
    history = campaign(10)
    for o in campaign(10, 1).usable:
        history = history.tell(replace(o, origin="simulated"))
    found = examine(history, fit(history))
    assert len(found.z) == 20
    assert "of 10 readings" in found.sentence


@settings(max_examples=60, deadline=None)
@given(histories())
def test_any_history_has_a_light(history: History) -> None:
    found = examine(history, fit(history), "mg")
    assert np.isfinite(found.z).all()
    assert 0 <= found.low <= found.coverage <= found.high <= 1
    assert isinstance(found.drift, Drift | None)
    if found.drift is not None:
        assert math.isfinite(found.drift.per_experiment)
        assert 0 <= found.drift.chance <= 1
    for sentence in (found.sentence, *found.hints):
        assert sentence.endswith(".")
        assert "nan" not in sentence
