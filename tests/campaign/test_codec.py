"""Every event survives the journal unchanged; anything not understood is refused by name."""

import json
import math
from dataclasses import fields
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign import events, steps
from campaign.codec import EVENTS, STEPS, as_json, decode, encode
from campaign.errors import JournalError
from campaign.events import AttemptStarted, Noted, Observed, StepDone, StepFailed, StepIntended, Suggested
from campaign.steps import Dose

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(0, 10**6)
points = st.dictionaries(words, numbers | words, max_size=4)
trees = st.recursive(
    st.none() | st.booleans() | whole | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
BY_TYPE = {
    str: words, int: whole, float: numbers, bool: st.booleans(), events.Point: points,
    steps.Measure.__annotations__["point"]: points,
    StepDone.__annotations__["data"]: st.dictionaries(words, trees, max_size=4),
}  # fmt: skip


def of_type(wanted):
    if wanted in BY_TYPE:
        return BY_TYPE[wanted]
    if wanted == events.Step:
        return any_of(STEPS)
    if wanted is type(None):
        return st.none()
    arguments = get_args(wanted)
    if all(isinstance(a, str) for a in arguments):
        return st.sampled_from(arguments)
    if getattr(wanted, "__origin__", None) is tuple:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    return st.one_of(*map(of_type, arguments))


def any_of(kinds):
    return st.one_of(*(st.builds(c, **{f.name: of_type(f.type) for f in fields(c)}) for c in kinds.values()))


@settings(max_examples=400, deadline=None)
@given(any_of(EVENTS))
def test_round_trip(event):
    assert decode(encode(event)) == event


def test_every_kind_is_known():
    assert set(EVENTS) == {f.default for c in get_args(events.Event) for f in fields(c) if f.name == "kind"}
    assert set(STEPS) == {"move", "check_vial", "dose", "wait", "look", "measure"}


def test_canonical():
    assert encode(Noted(1, "é")) == '{"experiment":1,"kind":"noted","text":"é"}'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "record 7 is not readable"),
        ("{", "record 7 is not readable"),
        ('{"kind":"noted","experiment":NaN,"text":""}', "NaN is no number"),
        ('{"kind":"noted","experiment":1,"experiment":2,"text":""}', "stands there twice"),
        ("[" * 100_000, "record 7 is not readable"),
        ("[]", "expected an object with a kind"),
        ("{}", "unknown kind None"),
        ('{"kind":"levitated"}', "unknown kind 'levitated'; a newer Aliquot"),
        ('{"kind":["noted"]}', "unknown kind"),
        ('{"kind":"noted","experiment":1,"text":"","colour":2}', r"record 7 \(noted\): unknown field 'colour'"),
        ('{"kind":"noted","experiment":1}', "field 'text' is missing"),
        ('{"kind":"noted","experiment":"1","text":""}', "'experiment': expected int, found '1'"),
        ('{"kind":"noted","experiment":true,"text":""}', "expected int, found True"),
        ('{"kind":"phase_changed","old":"Idle","new":"Asleep","why":""}', "'new': expected one of Idle, Running"),
        ('{"kind":"resumed","in_doubt":5}', "'in_doubt': expected"),
        ('{"kind":"step_done","experiment":1,"attempt":1,"index":0,"data":[]}', "'data': expected an object"),
        (
            '{"kind":"step_intended","experiment":1,"attempt":1,"index":0,"step":{"kind":"sing"}}',
            "field 'step': unknown kind 'sing'",
        ),
        (
            '{"kind":"attempt_started","experiment":1,"attempt":1,"slot":"A1","steps":[{"kind":"wait","wait_s":"1"}]}',
            r"'steps'\[0\] \(wait\), field 'wait_s': expected float",
        ),
    ],
)
def test_what_is_not_understood_is_refused_by_name(text, complaint):
    with pytest.raises(JournalError, match=complaint):
        decode(text, "record 7")


def test_an_older_journal_without_later_fields_is_read():
    old = json.loads(encode(AttemptStarted(1, 1, "A1", (Dose("A1", "red", 5.0, 1.0),))))
    del old["first"]
    assert decode(json.dumps(old)) == AttemptStarted(1, 1, "A1", (Dose("A1", "red", 5.0, 1.0),))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_is_not_written(value):
    with pytest.raises(JournalError, match="observed event cannot be written"):
        encode(Observed(1, 1, {"x": 1.0}, value, None))


def test_results_of_devices_become_json():
    seen = {
        "a": np.float64(1.5),
        "b": np.int64(2),
        "c": (1, math.nan),
        "d": np.array([True]),
        "e": math.inf,
        "f": b"x",
    }
    assert as_json(seen) == {"a": 1.5, "b": 2, "c": [1, "nan"], "d": [True], "e": "inf", "f": "b'x'"}
    kept = StepDone(1, 1, 0, as_json(seen))
    assert decode(encode(kept)) == kept


def test_kinds_that_carry_steps():
    dose = Dose("B3", "blue", 480.0, 100.0)
    for event in (StepIntended(7, 1, 2, dose), StepFailed(7, 1, 2, "no answer", "unknown")):
        assert decode(encode(event)) == event
    assert decode(encode(Suggested(1, {"x": 1, "solvent": "water"}, None, None, None, "", "gp"))).point["x"] == 1
