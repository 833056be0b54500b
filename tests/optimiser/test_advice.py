"""When to stop: the figures against closed forms and known truth, each verdict, and never silence."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from optimiser.acquisition import EI
from optimiser.advice import Advice, Figures, advise
from optimiser.history import Direction, History, Observation
from optimiser.posterior import Posterior
from optimiser.space import Continuous, Point, SearchSpace, Stepped
from optimiser.surrogate import fit
from tests.optimiser.histories import histories

ROWS: tuple[Point, ...] = tuple({"x": float(x)} for x in range(41))
TABLE = SearchSpace((Continuous("x", 0, 40, "°C"),), candidates=ROWS)
LINE = SearchSpace((Continuous("x", 0, 40, "°C"),))


def hill(
    points: tuple[Point, ...] | list[Point], space: SearchSpace = TABLE, direction: Direction = "maximise"
) -> History:
    """A hill of height 100 at x = 25 (a hole for a minimum)."""
    history = History(space, direction, seed=3)
    up = 1 if direction == "maximise" else -1
    for p in points:
        history = history.tell(Observation(p, up * 100 * math.exp(-(((float(p["x"]) - 25) / 12) ** 2))))
    return history


def figures(advice: Advice) -> Figures:
    assert advice.figures is not None
    return advice.figures


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
def test_the_next_gain_is_the_largest_expected_improvement_of_the_table(direction: Direction) -> None:
    history = hill(ROWS[::8], direction=direction)
    posterior = fit(history)
    found = figures(advise(history, posterior))
    incumbent = posterior.incumbent()
    assert incumbent is not None
    left = [p for p in ROWS if p not in ROWS[::8]]
    worth = EI().value(*posterior.predict(left), incumbent.mean, direction)
    assert found.best == pytest.approx(incumbent.mean)
    assert found.next_gain == pytest.approx(worth.max())
    assert found.next_point == left[int(worth.argmax())]
    assert found.remaining == len(left)


def test_over_a_continuous_space_it_comes_close_to_a_fine_grid() -> None:
    history = hill([{"x": x} for x in (0.0, 9.0, 18.0, 31.0, 40.0)], LINE)
    posterior = fit(history)
    found = figures(advise(history, posterior))
    grid: list[Point] = [{"x": float(x)} for x in np.linspace(0, 40, 4001)]
    worth = EI().value(*posterior.predict(grid), found.best, "maximise")
    assert found.next_gain == pytest.approx(float(worth.max()), rel=0.01)
    assert found.remaining == math.inf


def test_gain_and_chance_of_all_that_is_left_by_plain_sampling() -> None:
    """Against 40,000 draws of the joint normal of all rows."""
    history = hill(ROWS[::8])
    posterior = fit(history)
    found = figures(advise(history, posterior, useful=5.0))
    incumbent = posterior.incumbent()
    assert incumbent is not None
    mean, covariance = posterior.covariance([incumbent.point, *(p for p in ROWS if p not in ROWS[::8])])
    f = np.random.default_rng(9).multivariate_normal(mean, covariance, 40_000, method="eigh")
    gain, above = f[:, 1:].max(axis=1) - incumbent.mean, (f[:, 1:] - f[:, :1]).max(axis=1)
    assert found.total_gain == pytest.approx(np.maximum(gain, 0).mean(), rel=0.1)
    assert found.chance_better == pytest.approx((above > 5).mean(), abs=0.05)


def test_the_chance_that_something_better_exists_is_true_over_many_landscapes() -> None:
    """Landscapes drawn from the surrogate itself: the chances add up to how often something better did exist."""
    rng = np.random.default_rng(1)
    frame = fit(hill(ROWS[::2]))
    every = replace(frame, X=TABLE.encode(ROWS), y=np.zeros(41), noise=np.full(41, 1e-6), offset=0.0, scale=1.0)
    every = replace(every, lengthscales=np.array([0.08]), measured=ROWS)
    root = np.linalg.inv(every.factor[0])
    expected, seen, spread = 0.0, 0, 0.0
    for i in range(60):
        truth = root @ rng.normal(size=41)
        chosen = np.sort(rng.choice(41, 12, replace=False))
        history = History(TABLE, seed=i)
        for k in chosen:
            history = history.tell(Observation(ROWS[k], float(truth[k])))
        posterior: Posterior = replace(
            every, X=every.X[chosen], y=truth[chosen], noise=every.noise[chosen],
            measured=tuple(ROWS[k] for k in chosen),
        )  # fmt: skip
        chance = figures(advise(history, posterior, useful=0.2)).chance_better
        expected, spread = expected + chance, spread + chance * (1 - chance)
        seen += bool(truth.max() > truth[chosen].max() + 0.2)
    assert abs(seen - expected) < 3.5 * math.sqrt(spread)


def test_what_cannot_be_made_promises_little() -> None:
    """The hill rises to x = 25, but nothing from 17 on could be made."""
    history = hill(ROWS[:15:3])
    free = figures(advise(history, fit(history)))
    for x in (17, 20, 25, 30, 35, 40):
        history = history.tell(Observation(ROWS[x], None, label="infeasible"))
    held = figures(advise(history, fit(history)))
    assert held.total_gain < 0.7 * free.total_gain
    assert held.next_point is not None
    assert float(held.next_point["x"]) < 17


def test_nothing_left_to_gain_is_a_reason_to_stop() -> None:
    history = hill(ROWS[1::2])
    advice = advise(history, fit(history), useful=5.0, unit="mg")
    assert advice.verdict == "stop"
    assert advice.sentence.startswith("Stop: anything better by more than 5 mg is unlikely, but first repeat")
    assert figures(advice).chance_better < 0.05


def test_an_open_landscape_is_a_reason_to_go_on() -> None:
    history = hill(ROWS[:6])
    advice = advise(history, fit(history), useful=1.0, budget=20)
    assert advice.verdict == "go on"
    assert figures(advice).left == 14
    assert "14 experiments are left." in advice.sentence


def test_a_gain_per_hour() -> None:
    history = hill(ROWS[::8])
    posterior = fit(history)
    advice = advise(history, posterior, hours=0.25, unit="mg")
    assert figures(advice).next_gain_per_hour == pytest.approx(4 * figures(advice).next_gain)
    assert "mg per hour)" in advice.sentence
    assert figures(advise(history, posterior)).next_gain_per_hour is None


def test_the_budget_ends_it() -> None:
    history = hill(ROWS[:6])
    advice = advise(history, fit(history), budget=6)
    assert advice.verdict == "stop"
    assert "all 6 experiments of the budget are used" in advice.sentence
    assert figures(advise(history, fit(history), budget=5)).left == 0


def test_an_exhausted_table_ends_it() -> None:
    history = hill(ROWS)
    advice = advise(history, fit(history), unit="mg")
    assert advice.verdict == "stop"
    assert "every point of the space has been tried or is pending" in advice.sentence
    assert figures(advice).remaining == 0


def test_an_exhausted_grid_ends_it() -> None:
    space = SearchSpace((Stepped("x", 0, 40, 5),))
    history = hill([{"x": float(x)} for x in range(0, 45, 5)], space)
    assert "every point" in advise(history, fit(history)).sentence


@pytest.mark.parametrize(("direction", "target"), [("maximise", 80.0), ("minimise", -80.0)])
def test_a_target_that_is_reached(direction: Direction, target: float) -> None:
    history = hill(ROWS[::4], direction=direction)
    posterior = fit(history)
    advice = advise(history, posterior, target=target, unit="mg")
    assert advice.verdict == "stop"
    assert f"the target of {target:g} mg is reached with a chance above 99 %" in advice.sentence
    assert figures(advise(history, posterior, target=target * 2)).target_chance == pytest.approx(0, abs=1e-6)


def test_a_target_reached_by_a_reading_only_is_to_be_made_sure_of() -> None:
    rng = np.random.default_rng(0)
    history = History(TABLE)
    for p in ROWS[::3]:
        history = history.tell(Observation(p, 2 * float(p["x"]) + 20 * rng.normal()))
    posterior = fit(history)
    best = posterior.incumbent()
    assert best is not None
    target = best.mean - 0.5 * best.sd
    advice = advise(history, posterior, target=target)
    assert figures(advice).target_chance == pytest.approx(norm.cdf(0.5))
    assert advice.verdict == "consider stopping"
    assert "repeat the best to be sure" in advice.sentence


def test_few_readings_are_no_ground_to_stop() -> None:
    history = hill(ROWS[18:22])
    assert advise(history, fit(history), useful=1e6).verdict == "go on"
    assert "too few" in advise(history, fit(history)).sentence


def test_chances_of_a_surrogate_in_bad_health_are_no_ground_to_stop() -> None:
    history = hill(ROWS[1::2])
    advice = advise(history, fit(history), useful=5.0, light="red")
    assert advice.verdict == "go on"
    assert "not to be trusted" in advice.sentence
    assert advise(history, fit(history), useful=5.0, light="red", budget=20).verdict == "stop"


def test_no_gain_for_long_is_a_reason_to_think_of_stopping() -> None:
    """The best comes third; then nothing, while the model still sees a chance in the gaps."""
    order = [ROWS[k] for k in (0, 40, 25, 3, 6, 9, 36, 33, 1, 38, 5, 12)]
    history = hill(order)
    posterior = fit(history)
    found = figures(advise(history, posterior, useful=0.01))
    assert found.without_gain == 9
    patient, keen = (advise(history, posterior, useful=0.01, patience=k) for k in (50, 3))
    assert patient.verdict == "go on"
    assert keen.verdict == "consider stopping"
    assert "the last 9 readings brought no gain" in keen.sentence


def test_who_stops_repeats_an_unreplicated_best_first() -> None:
    """Nothing may be announced of what was measured once."""
    history = hill(ROWS[1::2])
    once = advise(history, fit(history), useful=5.0)
    assert once.verdict == "stop"
    assert "is unlikely, but first repeat the best (x 25 °C). Expected" in once.sentence
    for o in history.usable:
        history = history.tell(o)
    twice = advise(history, fit(history), useful=5.0)
    assert twice.verdict == "stop"
    assert "repeat" not in twice.sentence


def test_a_negligible_gain_is_not_told_in_figures() -> None:
    history = hill(ROWS[1::2])
    advice = advise(history, fit(history), useful=50.0, hours=0.5, unit="mg")
    assert figures(advice).next_gain < 0.5
    assert ": under 0.5 mg from the next experiment, under 0.5 mg from the best of all" in advice.sentence
    exact = advise(history, fit(history), useful=figures(advice).next_gain, unit="mg")
    assert "under" not in exact.sentence


def test_equal_readings_tell_nothing() -> None:
    history = History(TABLE)
    for p in ROWS[::5]:
        history = history.tell(Observation(p, 7.0))
    told = "all readings are equal; nothing can be told yet. The best so far is 7 mg."
    assert advise(history, fit(history), unit="mg") == Advice("go on", f"Go on: {told}", None)
    spent = advise(history, fit(history), budget=9, unit="mg")
    assert spent.sentence == "Stop: all 9 experiments of the budget are used. The best so far is 7 mg."
    more = history.tell(Observation(ROWS[1], 8.0))
    assert advise(more, fit(more)).figures is not None


def test_nothing_measured_is_said_too() -> None:
    history = History(TABLE).tell(Observation(ROWS[3], 1.0, origin="simulated"))
    posterior = fit(history)
    assert advise(history, posterior) == Advice("go on", "Go on: nothing has been measured yet.", None)
    assert advise(history, posterior, budget=1).verdict == "stop"


def test_the_same_history_gets_the_same_advice() -> None:
    history = hill(ROWS[::8])
    assert advise(history, fit(history)) == advise(history, fit(history))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"useful": 0.0}, "smallest useful difference is 0.0"),
        ({"useful": math.nan}, "give a number above 0"),
        ({"target": math.inf}, "target is inf"),
        ({"budget": 0}, "budget is 0"),
        ({"hours": -1.0}, "duration is -1.0"),
        ({"patience": 0}, "patience is 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float], words: str) -> None:
    history = hill(ROWS[:3])
    with pytest.raises(ValueError, match=words):
        advise(history, fit(history), **wrong)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(
    histories(),
    st.sampled_from([None, 1e-300, 1.0, 1e300]),
    st.sampled_from([None, -1e300, 0.0, 1e300]),
    st.sampled_from([None, 1, 100]),
    st.sampled_from([None, 1e-3, 10.0]),
)
def test_it_is_never_silent(
    history: History, useful: float | None, target: float | None, budget: int | None, hours: float | None
) -> None:
    advice = advise(history, fit(history), useful=useful, target=target, budget=budget, hours=hours, unit="mg")
    assert advice.sentence.startswith(advice.verdict.capitalize())
    assert advice.sentence.endswith(".")
    assert "nan" not in advice.sentence
    values = [o.value for o in history.usable if o.origin == "measured"]
    if len(values) > 1 and len(set(values)) == 1:
        assert advice.figures is None
        return
    found = figures(advice)
    assert all(map(math.isfinite, (found.best, found.next_gain, found.total_gain, found.useful)))
    assert 0 <= found.next_gain <= found.total_gain
    assert 0 <= found.chance_better <= 1
    assert found.target_chance is None or 0 <= found.target_chance <= 1
    assert 0 <= found.without_gain < len(history.usable)
    assert found.next_point is None or history.space.key(found.next_point) not in history.tried
