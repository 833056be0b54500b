"""Pictures of now told from pictures that have waited."""

import numpy as np
import pytest

from hardware.parts.camera_pace import Pace

STEP_S = 0.04


def told(pace: Pace, arrivals: list[tuple[float, float]]) -> list[bool]:
    """arrivals: when each came and when the camera says that it was taken, s."""
    return [pace.is_old(at_s - 0.01, at_s, 1000 * (taken_s + 50.0)) for at_s, taken_s in arrivals]


def live(first: int, count: int, delay_s: float = 0.1) -> list[tuple[float, float]]:
    """Each comes `delay_s` after it was taken, give or take the network."""
    noise_s = np.random.default_rng(1).uniform(0, 0.02, count)
    return [
        (n * STEP_S + delay_s + noise, n * STEP_S)
        for n, noise in zip(range(first, first + count), noise_s, strict=True)
    ]


def test_a_queue_is_old_until_it_is_empty():
    queue = [(1.2 + 0.003 * n, n * STEP_S) for n in range(28)]
    old = told(Pace(True, 0.01), queue + live(29, 50))
    assert all(old[:28])
    assert not any(old[40:])


def test_a_busy_computer_makes_the_queue_no_newer():
    queue = [(1.2 + 0.003 * n + 0.03 * (n > 5) + 0.05 * (n > 11), n * STEP_S) for n in range(28)]
    assert all(told(Pace(True, 0.01), queue))


def test_a_hiccup_in_the_middle_is_noticed_and_over_when_caught_up():
    pace = Pace(True, 0.01)
    told(pace, live(0, 50))
    late = [(3.0 + 0.002 * n, (50 + n) * STEP_S) for n in range(25)]
    assert told(pace, late)[:15] == [True] * 15
    assert not any(told(pace, live(75, 100)))


def test_clocks_that_drift_are_no_delay():
    pace = Pace(True, 0.01)
    hours = [(n * 1.0, n * 0.9995) for n in range(1, 7200)]
    assert not any(told(pace, hours)[10:])


@pytest.mark.parametrize("jump_s", [-3000.0, -1.0, 1.0, 3000.0])
def test_a_camera_whose_clock_is_set_goes_on(jump_s):
    pace = Pace(True, 0.01)
    assert not any(told(pace, live(100000, 50))[15:])
    after = [(at_s, taken_s + jump_s) for at_s, taken_s in live(100050, 200)]
    assert not any(told(pace, after)[100:])


def test_a_clock_that_is_wrong_for_ever_does_not_blind_us():
    pace = Pace(True, 0.01)
    slow = [(n * STEP_S, n * STEP_S * 0.5) for n in range(1, 1000)]
    assert told(pace, slow).count(False) > 5


def test_without_a_clock_what_comes_at_once_is_old_until_two_were_waited_for():
    pace = Pace(False, 0.01)
    waits_s = [0.001, 0.002, 0.02, 0.001, 0.02, 0.03, 0.001, 0.0]
    assert [pace.is_old(0.0, wait_s, None) for wait_s in waits_s] == [True] * 5 + [False] * 3


def test_a_source_that_never_lets_wait_is_believed_after_a_while():
    pace = Pace(False, 0.01)
    old = [pace.is_old(n / 100, n / 100 + 0.001, 0.0) for n in range(400)]
    assert old[:299] == [True] * 299
    assert not any(old[301:])
