"""Live, frozen, black: judged from pictures."""

import numpy as np
import pytest

from hardware.parts.camera_health import Judge, is_black
from tests.hardware.cameras import grey


def noisy(seed: int, level: int = 100) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 4, (480, 640, 3))
    return (level + noise).astype(np.uint8)


def test_a_living_sensor_is_live_however_still_the_scene():
    judge = Judge(2.0)
    assert {judge.saw(noisy(n), n / 30) for n in range(60)} == {"live"}


def test_equal_pictures_for_long_enough_are_frozen():
    judge = Judge(2.0)
    picture = noisy(1)
    told = [judge.saw(picture.copy(), n / 30) for n in range(70)]
    assert told.index("frozen picture") == 60
    assert set(told[60:]) == {"frozen picture"}
    assert judge.saw(noisy(2), 3.0) == "live"


def test_a_difference_anywhere_is_life():
    judge = Judge(1.0)
    for n in range(100):
        picture = noisy(1)
        picture[479, 639, 2] = n % 2
        assert judge.saw(picture, n / 10) == "live"


def test_a_few_equal_pictures_of_a_slow_camera_are_not_enough():
    judge = Judge(2.0)
    assert {judge.saw(noisy(1), 10.0 * n) for n in range(5)} == {"live"}
    assert judge.saw(noisy(1), 50.0) == "frozen picture"


def test_a_camera_whose_clock_stands_is_frozen():
    judge = Judge(1.0)
    assert {judge.saw(noisy(n), n / 10, 4000.0) for n in range(9)} == {"live"}
    assert judge.saw(noisy(9), 1.5, 4000.0) == "frozen picture"
    assert judge.saw(noisy(10), 1.6, 4100.0) == "live"


@pytest.mark.parametrize("stamp", [None, 0.0])
def test_a_camera_without_a_clock_is_judged_by_its_pictures(stamp):
    judge = Judge(1.0)
    assert {judge.saw(noisy(n), n / 10, stamp) for n in range(50)} == {"live"}


def test_a_source_that_may_repeat_itself_is_never_frozen():
    judge = Judge(0.0)
    assert {judge.saw(grey(90), n / 10) for n in range(100)} == {"live"}


def test_black_is_told_before_frozen():
    judge = Judge(0.5)
    assert {judge.saw(grey(0), n / 10) for n in range(20)} == {"black"}


@pytest.mark.parametrize(
    ("image", "black"), [(grey(0), True), (grey(11), True), (grey(12), False), (noisy(0, 6), True)]
)
def test_black_has_a_level(image, black):
    assert is_black(image) is black


def test_a_lamp_in_the_dark_is_a_picture():
    image = grey(0)
    image[10:20, 10:20] = 200
    assert not is_black(image)


def test_a_new_connection_forgets():
    judge = Judge(1.0)
    for n in range(20):
        judge.saw(noisy(1), n / 10)
    judge.forget()
    assert judge.sight == "live"
    assert judge.saw(noisy(1), 2.1) == "live"


def test_another_size_is_another_picture():
    judge = Judge(1.0)
    assert {judge.saw(grey(90)[: 20 + n % 2], n / 10) for n in range(50)} == {"live"}
