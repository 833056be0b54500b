"""From records to the number that is made better."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.objective import objective_value
from campaign.spec import ObjectiveSpec

COLOUR = ObjectiveSpec("colour", "difference", "minimise", target_lab=(50.0, 2.6772, -79.7751))
PLAIN = ObjectiveSpec("function", "value", "maximise")


def test_colour_is_ciede2000_of_the_last_look():
    """The first published pair of Sharma, Wu, Dalal."""
    records = [{"state": "empty", "lab": None}, {"lab": [50.0, 0.0, -82.7485]}]
    value, sd = objective_value(COLOUR, records)
    assert value == pytest.approx(2.0425, abs=5e-5)
    assert sd is None


def test_the_spread_over_frames_is_the_sd():
    record = {"lab": [50, 0, -82], "lab_frames": [[50, 0, -82], [50.5, 0, -82], [49.5, 0, -82]]}
    value, sd = objective_value(COLOUR, [record])
    assert value is not None
    assert sd is not None
    assert 0 < sd < 0.5


@pytest.mark.parametrize("lab", [None, [1, 2], [1, 2, "x"], [1, 2, math.nan], [True, 1, 2], "abc"])
def test_a_colour_that_was_not_read_is_a_failed_experiment(lab: object):
    assert objective_value(COLOUR, [{"lab": [50, 0, 0]}, {"lab": lab}]) == (None, None)


def test_the_last_measured_number_counts():
    assert objective_value(PLAIN, [{"value": 1.0}, {"value": 2, "sd": 0.5}, {"waited_s": 1}]) == (2.0, 0.5)
    assert objective_value(PLAIN, []) == (None, None)
    assert objective_value(PLAIN, [{"value": 1.0}, {"value": None}]) == (None, None)
    assert objective_value(PLAIN, [{"value": 1.0, "sd": -1.0}]) == (1.0, None)


@given(st.floats() | st.none() | st.booleans() | st.text())
def test_only_finite_numbers_get_through(value: object):
    number, sd = objective_value(PLAIN, [{"value": value, "sd": value}])
    assert number is None or math.isfinite(number)
    assert sd is None or (math.isfinite(sd) and sd >= 0)
