"""Histories: immutable, and closed to numbers that are none."""

import math

import pytest

from optimiser.history import History, Observation
from optimiser.space import Continuous, SearchSpace, SpaceError

SPACE = SearchSpace((Continuous("x", 0, 1),))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="give a finite number, or None for a failed experiment"):
        Observation({"x": 0.5}, value)
    with pytest.raises(ValueError, match="x is"):
        Observation({"x": value}, 1.0)


@pytest.mark.parametrize("sd", [math.nan, -1.0])
def test_a_standard_deviation_is_a_number_from_0_up(sd: float) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        Observation({"x": 0.5}, 1.0, sd)


def test_a_point_of_another_space_is_refused() -> None:
    with pytest.raises(SpaceError, match="y is no parameter; there are x"):
        History(SPACE).tell(Observation({"y": 0.5}, 1.0))
    with pytest.raises(SpaceError, match="lacks x"):
        History(SPACE).tell(Observation({}, 1.0))
    with pytest.raises(SpaceError, match="y is no parameter"):
        History(SPACE).with_pending({"x": 0.5, "y": 0.5})


def test_telling_ends_the_wait_and_leaves_the_old_history_alone() -> None:
    before = History(SPACE).with_pending({"x": 0.5}).with_pending({"x": 0.7})
    after = before.tell(Observation({"x": 0.5}, 1.0))
    assert before.observations == ()
    assert len(before.pending) == 2
    assert after.pending == ({"x": 0.7},)
    assert len(after.observations) == 1


def test_what_is_usable_and_what_was_tried() -> None:
    history = History(SPACE).with_pending({"x": 0.1})
    for observation in (
        Observation({"x": 0.2}, 1.0),
        Observation({"x": 0.3}, None),
        Observation({"x": 0.4}, 9.0, label="outlier"),
    ):
        history = history.tell(observation)
    assert [o.point["x"] for o in history.usable] == [0.2]
    assert history.tried == {SPACE.key({"x": x}) for x in (0.1, 0.2)}


def test_a_failed_point_may_be_tried_once_more_and_then_counts_as_infeasible() -> None:
    once = History(SPACE).tell(Observation({"x": 0.3}, None))
    assert once.observations[0].label == "failed"
    assert once.tried == frozenset()
    twice = once.tell(Observation({"x": 0.3}, None))
    assert twice.infeasible == ({"x": 0.3},)
    assert twice.tried == {SPACE.key({"x": 0.3})}


def test_a_label_can_be_changed_at_any_time_and_back() -> None:
    history = History(SPACE).tell(Observation({"x": 0.2}, 1.0)).tell(Observation({"x": 0.3}, 2.0))
    without = history.relabel(1, "infeasible")
    assert [o.value for o in without.usable] == [1.0]
    assert without.infeasible == ({"x": 0.3},)
    assert without.relabel(1, "measured") == history
    with pytest.raises(ValueError, match="no observation 2"):
        history.relabel(2, "outlier")
    with pytest.raises(ValueError, match="give it its value first"):
        History(SPACE).tell(Observation({"x": 0.3}, None)).relabel(0, "measured")


def test_chance_repeats_for_the_same_seed_and_counts_only() -> None:
    history = History(SPACE, seed=4).tell(Observation({"x": 0.2}, 1.0))
    other = History(SPACE, seed=4).tell(Observation({"x": 0.9}, 3.0))
    assert history.rng().random() == other.rng().random()
    assert history.rng().random() != history.with_pending({"x": 0.5}).rng().random()


def test_what_was_only_simulated_may_be_measured() -> None:
    history = History(SPACE).tell(Observation({"x": 0.2}, 1.0, origin="simulated"))
    assert history.tried == frozenset()


def test_a_value_rounded_on_the_way_ends_the_wait_of_the_point_it_stands_for() -> None:
    history = History(SPACE).with_pending({"x": 0.1234567}).with_pending({"x": 0.5})
    assert history.tell(Observation({"x": 0.1235}, 1.0)).pending == ({"x": 0.5},)
    assert len(history.tell(Observation({"x": 0.13}, 1.0)).pending) == 2
