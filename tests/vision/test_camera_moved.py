"""A camera that was knocked is noticed; changed light, contents and hands are not taken for it."""

from functools import cache

import numpy as np
import pytest

from tests.vision.rack_scenes import LENS, Stand, photograph
from tests.vision.test_rack_pose import SLOTS, STRIP
from vision.camera_moved import MarkerCheck, Moved
from vision.rack_markers import Image
from vision.rack_pose import NotSeen, RackPose, find_rack
from vision.reading import Doubt

HOME = Stand(pitch_deg=5, shift_mm=(-50, 20, 300))
PX_PER_MM = 1150 / 300


@cache
def check(lens: bool = True) -> MarkerCheck:
    pose = find_rack(photograph(STRIP, HOME), STRIP, LENS if lens else None)
    assert isinstance(pose, RackPose)
    return MarkerCheck(STRIP, pose, np.array(list(SLOTS.values())))


def shifted(right_px: float, down_px: float = 0.0, **how: object) -> Image:
    x, y, z = HOME.shift_mm
    there = Stand(HOME.pitch_deg, shift_mm=(x + right_px / PX_PER_MM, y + down_px / PX_PER_MM, z))
    return photograph(STRIP, there, seed=1, **how)


@pytest.mark.parametrize("lens", [True, False])
@pytest.mark.parametrize(
    ("right", "down", "words"),
    [(3, 0, "to the left"), (-3, 0, "to the right"), (0, 4, "up"), (14, -14, "left and down")],
)
def test_a_move_of_three_pixels_is_noticed(lens: bool, right: float, down: float, words: str) -> None:
    moved = check(lens).check(shifted(right, down))
    assert isinstance(moved, Moved)
    assert words in moved.words
    assert moved.shift_px == pytest.approx((right, down), abs=1.2)
    assert moved.shift_mm == pytest.approx(np.hypot(*moved.shift_px) / PX_PER_MM, rel=0.1)
    assert moved.doubt is Doubt.CAMERA_MOVED


@pytest.mark.parametrize("lens", [True, False])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"light": {"gain": 0.3}},
        {"light": {"gain": 1.2, "slope": 0.8}},
        {"noise": 10.0},
        {"blur_px": 1.6},
        {"hide_mm": (20, -40, 70, 40)},
    ],
    ids=str,
)
def test_light_noise_blur_and_hands_are_no_move(lens: bool, how: dict) -> None:
    assert check(lens).check(shifted(0.3, 0.2, **how)) is None


def test_a_turn_is_noticed_and_said() -> None:
    turned = photograph(STRIP, Stand(HOME.pitch_deg, roll_deg=1.5, shift_mm=HOME.shift_mm))
    moved = check().check(turned)
    assert isinstance(moved, Moved)
    assert abs(moved.turned_deg) == pytest.approx(1.5, abs=0.2)
    assert "turned by 1." in moved.words


@pytest.mark.parametrize("lens", [True, False])
def test_a_rack_that_the_stage_carried_is_no_moved_camera(lens: bool) -> None:
    carried = (-24.0, 0.0, 0.0)
    there = photograph(STRIP, Stand(HOME.pitch_deg, shift_mm=tuple(HOME.rotation @ carried + HOME.shift_mm)))
    assert check(lens).check(there, carried) is None
    assert isinstance(check(lens).check(there), Moved)


def test_hidden_markers_and_another_size_cannot_be_told() -> None:
    assert isinstance(check().check(shifted(0, hide_mm=(-40, -40, 130, 40))), NotSeen)
    assert isinstance(check().check(shifted(0)[:700]), NotSeen)


def test_the_words() -> None:
    assert Moved((14.2, 0.5), 2.1).words == "the camera has moved by 14 px (2.1 mm) to the left"
    assert Moved((0.0, -9.0), None, -1.0).words == "the camera has moved by 9 px down and turned by 1.0 degrees"
