"""A meter that is read by eye: asked, answered, refused, forgotten."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hardware.drivers import by_person
from hardware.errors import DeviceTimeoutError, HardwareError, OutOfRangeError, StoppedError
from tests.hardware.meters import a_meter


@pytest.fixture
def asking():
    """A question that waits for its answer, and what came of it."""
    threads = []

    def ask(**fields):
        meter = a_meter(by_person, "person", **fields)
        results: list[object] = []

        def read() -> None:
            try:
                results.append(meter.read())
            except HardwareError as error:
                results.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        threads.append((thread, meter))
        question = meter.next_question(10)
        return meter, question, results, thread

    yield ask
    for thread, meter in threads:
        meter.close()
        thread.join(10)


def test_asked_and_answered(asking):
    meter, question, results, thread = asking(question="pH of the vial", unit="pH")
    assert question == meter.waiting == "pH of the vial (pH)"
    assert meter.about()["state"] == "waits for an answer"
    meter.answer("7.25 pH")
    thread.join(10)
    assert results == [(7.25, "pH")]
    assert meter.waiting == ""


@pytest.mark.parametrize(
    ("typed", "value"), [("7", 7.0), (" +1.5e1 ", 15.0), ("-.5", -0.5), ("2.", 2.0), (3.5, 3.5), ("4mS/cm", 4.0)]
)
def test_numbers_as_people_write_them(asking, typed, value):
    meter, _, results, thread = asking(unit="mS/cm")
    meter.answer(typed)
    thread.join(10)
    assert results == [(value, "mS/cm")]


@pytest.mark.parametrize(
    ("typed", "words"),
    [("", "no number"), ("1,5", "with a point"), ("nan", "no number"), ("inf", "no number"), ("1e999", "no number"),
     ("1_000", "is in"), ("٣", "no number"), ("1.2.3", "no number"), ("12 V", "is in V"),
     ("300", "cannot be right"), ("-1", "cannot be right"), ("7 8", "no number")],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_and_the_question_waits_on(asking, typed, words):
    meter, _, results, thread = asking(unit="g", lowest=0.0, highest=200.0)
    with pytest.raises(OutOfRangeError, match=words):
        meter.answer(typed)
    assert meter.waiting
    assert not results
    meter.answer("5")
    thread.join(10)
    assert results == [(5.0, "g")]


def test_nobody_answers():
    meter = a_meter(by_person, "person", patience_s=1)
    with pytest.raises(DeviceTimeoutError, match="nobody answered"):
        meter.read()
    with pytest.raises(OutOfRangeError, match="nothing is asked"):
        meter.answer(1)


def test_stop_withdraws_the_question(asking):
    meter, _, results, thread = asking()
    meter.stop()
    thread.join(10)
    assert isinstance(results[0], StoppedError)
    assert not meter.waiting
    meter.stop()  # nothing is asked: nothing happens to the next one
    again = threading.Timer(0.05, lambda: (meter.next_question(10), meter.answer(2)))
    again.start()
    assert meter.read() == (2.0, "")
    again.join()


def test_one_question_at_a_time(asking):
    meter, *_ = asking()
    with pytest.raises(HardwareError, match="asked already"):
        meter.read()


def test_it_needs_no_port():
    meter = a_meter(by_person, "person")
    meter.open()
    assert meter.identify() == "a person"
    assert meter.traffic == ()
    assert meter.next_question(0) == ""
    meter.close()


def test_limits_reversed_are_refused():
    with pytest.raises(ValidationError, match="must be below highest"):
        TypeAdapter(by_person.Settings).validate_python({"lowest": 2, "highest": 1})


@settings(deadline=None)
@given(st.text(max_size=20))
def test_no_text_is_half_understood(typed):
    try:
        value = a_meter(by_person, "person", unit="g")._number(typed)
    except OutOfRangeError:
        return
    assert value == float(typed.strip().removesuffix("g"))
