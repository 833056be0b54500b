"""The reason of a suggestion: its numbers against known truth, its words, and no history that breaks it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from optimiser.acquisition import EI, UCB
from optimiser.history import History, Observation
from optimiser.reason import (
    Reason,
    amount,
    beside,
    explain,
    figures,
    in_percent,
    in_words,
    nearest,
    relevance,
    share_in_percent,
)
from optimiser.space import Categorical, Continuous, Mixture, Point, SearchSpace
from optimiser.surrogate import fit
from tests.optimiser.histories import histories

SPACE = SearchSpace((Continuous("temperature", 20, 80, "°C"), Continuous("stirring", 0, 500, "rpm")))


def heated(n: int = 30) -> History:
    """Only the temperature matters."""
    history = History(SPACE)
    for point in SPACE.sample(n, np.random.default_rng(0)):
        history = history.tell(Observation(point, 50 * math.sin((float(point["temperature"]) - 20) / 20)))
    return history


def reason(history: History, point: Point, beta: float = 1.0, unit: str = "") -> Reason:
    posterior = fit(history)
    (mean,), (sd,) = posterior.predict([point])
    best = posterior.incumbent()
    assert best is not None
    return explain(UCB(beta), history, posterior, point, float(mean), float(sd), best.mean, unit)


def test_promise_curiosity_and_chance_are_what_they_say() -> None:
    history, point = heated(), {"temperature": 55.0, "stirring": 100.0}
    posterior = fit(history)
    found = explain(UCB(2.0), history, posterior, point, 45.0, 5.0, 50.0)
    middle = np.median([o.value for o in history.usable if o.value is not None])
    assert found.promise == pytest.approx((45 - middle) / (45 - middle + 2 * 5))
    assert found.promise + found.curiosity == pytest.approx(1)
    assert found.chance == pytest.approx(norm.sf(1.0))
    assert explain(EI(), history, posterior, point, 45.0, 5.0, 50.0).curiosity == pytest.approx(
        5 / (45 - middle + 5)
    )


def test_the_chance_follows_the_direction() -> None:
    history = History(SPACE, "minimise", observations=heated().observations)
    found = explain(UCB(), history, fit(history), history.usable[0].point, 30.0, 5.0, 35.0)
    assert found.chance == pytest.approx(norm.cdf(1.0))


def test_only_what_matters_is_relevant() -> None:
    shares = relevance(fit(heated()))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["temperature"] > 0.95


def test_relevance_tells_a_weak_parameter_from_a_strong_one() -> None:
    """Of x + 2 y the variance parts as 1 to 4."""
    space = SearchSpace((Continuous("x", 0, 1), Continuous("y", 0, 1)))
    history = History(space)
    for p in space.sample(40, np.random.default_rng(1)):
        history = history.tell(Observation(p, float(p["x"]) + 2 * float(p["y"])))
    assert relevance(fit(history))["y"] == pytest.approx(0.8, abs=0.06)


def test_relevance_in_a_mixture_and_of_a_category() -> None:
    parts = ("a", "b", "c")
    space = SearchSpace(
        (*(Continuous(n, 0, 100, "%") for n in parts), Categorical("solvent", ("water", "DMF", "THF"))),
        Mixture(parts, 100),
    )
    history = History(space)
    for p in space.sample(60, np.random.default_rng(2)):
        history = history.tell(Observation(p, float(p["a"]) + 100 * (p["solvent"] == "DMF")))
    shares = relevance(fit(history))
    assert shares["a"] > max(shares["b"], shares["c"])
    assert shares["solvent"] > 0.3


def test_nothing_is_relevant_to_a_constant() -> None:
    history = History(SPACE)
    for p in SPACE.sample(10, np.random.default_rng(0)):
        history = history.tell(Observation(p, 7.0))
    assert relevance(fit(history)) == {"temperature": 0.0, "stirring": 0.0}


def test_the_nearest_are_near_in_what_matters_and_replicates_are_one_point() -> None:
    history = heated()
    for temperature, stirring in ((50.0, 490.0), (75.0, 10.0)):
        for value in (10.0, 12.0):
            point = {"temperature": temperature, "stirring": stirring}
            history = history.tell(Observation(point, value + 40 * (temperature < 60)))
    first = nearest(history, fit(history), {"temperature": 50.1, "stirring": 400.0}, 1)[0]
    assert first.point["temperature"] == pytest.approx(50, abs=4)
    exact = nearest(history, fit(history), {"temperature": 75.0, "stirring": 10.0}, 1)[0]
    assert (exact.value, exact.n, exact.apart) == (11.0, 2, 0.0)


def test_the_sentence_has_units_and_names_what_matters() -> None:
    sentence = reason(heated(), {"temperature": 50.0, "stirring": 100.0}, unit="mS").sentence
    for words in ("mS ±", "% promise", "% curiosity", "to beat the best so far", "nearest measured point"):
        assert words in sentence
    assert "What matters most: temperature (" in sentence
    assert "stirring" not in sentence
    assert (
        "100 % promise and 0 % curiosity" in reason(heated(), {"temperature": 50.0, "stirring": 1.0}, 0.0).sentence
    )


def test_figures_are_read_by_chemists() -> None:
    assert figures(110.4, 2) == "110"
    assert figures(1e-300, 3) == "1e-300"
    assert len(figures(1.234e300, 3)) < 12
    assert amount(40.0, "%", 4) == "40 %"
    assert in_percent(0.0) == "a chance below 1 %"
    assert in_percent(1.0) == "a chance above 99 %"
    assert in_percent(0.126) == "a chance of 13 %"


@pytest.mark.parametrize(
    ("value", "sd", "words"),
    [
        (84.9912, 3.2, "84.99"),
        (1e6, 0.23, "1000000.00"),
        (1000000.126, 0.23, "1000000.13"),
        (-1e9, 0.02, "-1000000000.00"),
        (1234567.0, 230.0, "1234570"),
        (100.0, 0.0996, "100.00"),
        (12.3456, 1e-9, "12.3456000000"),
        (1.234567e-20, 1e-25, "1.234567e-20"),
        (0.0, 0.1, "0"),
        (40.0, 0.0, "40"),
        (1e300, 1e-300, "1e+300"),
    ],
)
def test_a_value_has_the_figures_that_its_sd_asks_for(value: float, sd: float, words: str) -> None:
    assert beside(value, sd) == words


def test_a_large_value_with_a_small_sd_is_told_apart_from_the_best() -> None:
    history, point = heated(), {"temperature": 55.0, "stirring": 100.0}
    sentence = explain(UCB(), history, fit(history), point, 1000000.5, 0.23, 1000000.12, "%").sentence
    assert sentence.startswith("Expected 1000000.50 % ± 0.23: ")
    assert "to beat the best so far (1000000.12)" in sentence


def test_a_point_close_by_is_not_none_of_a_range_away() -> None:
    point = {**heated().usable[0].point}
    assert "measured point, 0 % of a range away" in reason(heated(), point).sentence
    point["temperature"] = float(point["temperature"]) + 0.1
    assert "measured point, less than 1 % of a range away" in reason(heated(), point).sentence
    assert [share_in_percent(x) for x in (0.0, 1e-9, 0.126, 2.5)] == ["0 %", "less than 1 %", "13 %", "250 %"]


def test_the_best_of_simulated_rows_alone_is_called_so() -> None:
    history = History(SPACE)
    for o in heated().usable:
        history = history.tell(Observation(o.point, o.value, origin="simulated"))
    posterior = fit(history)
    found = explain(UCB(), history, posterior, history.usable[0].point, 30.0, 5.0, 50.0)
    assert "to beat the best simulated (50)" in found.sentence


def test_a_point_in_words_leaves_out_what_is_not_in_the_blend() -> None:
    parts = ("a", "b", "c")
    space = SearchSpace(
        (*(Continuous(n, 0, 100, "%") for n in parts), Continuous("T", 0, 9, "°C"), Categorical("s", ("u", "v"))),
        Mixture(parts, 100),
    )
    words = in_words(space, {"a": 40.0, "b": 60.0, "c": 0.0, "T": 0.0, "s": "v"})
    assert words == "a 40 %, b 60 %, T 0 °C, s v"


@settings(max_examples=60, deadline=None)
@given(histories(), st.floats(0, 5))
def test_any_history_has_a_reason(history: History, beta: float) -> None:
    point = history.space.sample(1, np.random.default_rng(5))[0]
    found = reason(history, point, beta)
    assert found.sentence.endswith(".")
    assert "nan" not in found.sentence
    numbers = [found.promise, found.curiosity, found.chance, *found.relevance.values()]
    assert all(0 <= x <= 1 for x in numbers)
    assert found.promise + found.curiosity == pytest.approx(1) or found.promise == found.curiosity == 0
    assert sum(found.relevance.values()) == pytest.approx(1) or not any(found.relevance.values())
    assert all(math.isfinite(x) for near in found.nearest for x in (near.value, near.apart))
