"""A camera that was knocked is noticed; changed light, contents and hands are not taken for it."""

from functools import cache

import cv2
import numpy as np
import pytest

from tests.vision.rack_scenes import LENS, Stand, photograph
from tests.vision.test_rack_pose import SLOTS, STRIP
from vision.camera_moved import MarkerCheck, Moved, PictureCheck
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
    assert Moved((14.2, 0.5), 2.1, 0.0, 1.0).words == "the camera has moved by 14 px (2.1 mm) to the left"
    assert (
        Moved((0.0, -9.0), None, -1.0, 1.0).words == "the camera has moved by 9 px down and turned by 1.0 degrees"
    )


# without markers


def bench(contents: int = 0, seed: int = 0) -> Image:
    """A wide view of a bench with things that stand still, and two vials whose contents change."""
    still = np.random.default_rng(5)
    image = np.full((560, 760, 3), 150, np.uint8)
    for _ in range(45):
        x, y = (int(v) for v in still.integers(0, (720, 520)))
        w, h = (int(v) for v in still.integers(12, 90, 2))
        cv2.rectangle(image, (x, y), (x + w, y + h), [int(v) for v in still.integers(40, 230, 3)], -1)
    image = cv2.GaussianBlur(image, (0, 0), 1.0)
    inks = [(200, 200, 200), (40, 40, 220), (220, 120, 30)]
    for k, box in enumerate(VIALS):
        x0, y0, x1, y1 = (round(v) + 60 for v in box)
        cv2.rectangle(image, (x0, y0), (x1, y1), (230, 230, 230), -1)
        cv2.rectangle(image, (x0 + 3, y0 + 40 * ((contents + k) % 3)), (x1 - 3, y1), inks[(contents + k) % 3], -1)
    noise = np.random.default_rng(seed).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


VIALS = ((200.0, 120.0, 260.0, 300.0), (400.0, 120.0, 460.0, 300.0))


def cut(image: Image, right: float = 0.0, down: float = 0.0) -> Image:
    """640 x 440 of the bench, its contents shifted by so many pixels."""
    warp = np.array([(1.0, 0.0, right - 60), (0.0, 1.0, down - 60)])
    return np.asarray(cv2.warpAffine(image, warp, (640, 440), flags=cv2.INTER_LINEAR), np.uint8)


@cache
def still() -> PictureCheck:
    around = tuple((x0 - 10, y0 - 10, x1 + 10, y1 + 10) for x0, y0, x1, y1 in VIALS)
    return PictureCheck(cut(bench()), changing=around, vials=VIALS, px_per_mm=4.0)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -3), (9.5, 4.25), (-40, 25)])
def test_without_markers_a_move_is_noticed_with_other_contents(right: float, down: float) -> None:
    moved = still().check(cut(bench(contents=1, seed=2), right, down))
    assert isinstance(moved, Moved)
    assert moved.shift_px == pytest.approx((right, down), abs=0.3)
    assert moved.shift_mm == pytest.approx(np.hypot(right, down) / 4, abs=0.1)
    assert moved.sureness > 0.6


@pytest.mark.parametrize("seed", range(3))
def test_without_markers_other_contents_and_light_are_no_move(seed: int) -> None:
    image = cut(bench(contents=seed, seed=seed + 3), 0.4, -0.3)
    light = np.linspace((0.5, 1.1, 0.9)[seed], (1.0, 0.4, 0.6)[seed], 640)[None, :, None]
    assert still().check(np.clip(image * light, 0, 255).astype(np.uint8)) is None


def test_without_markers_what_cannot_be_told_is_not() -> None:
    assert isinstance(still().check(np.full((440, 640, 3), 90, np.uint8)), NotSeen)
    assert isinstance(still().check(np.random.default_rng(0).integers(0, 255, (440, 640, 3), np.uint8)), NotSeen)
    assert isinstance(still().check(np.zeros((44, 64, 3), np.uint8)), NotSeen)
    plain = PictureCheck(np.full((440, 640, 3), 90, np.uint8))
    assert isinstance(plain.check(cut(bench())), NotSeen)
