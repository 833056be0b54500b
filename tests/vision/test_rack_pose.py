"""The rack's pose and its slots, from pictures through a known lens."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.rack_scenes import LENS, Stand, photograph
from vision.rack_markers import ChessBoard, Image, MarkerBoard, Sighting
from vision.rack_pose import NotSeen, RackPose, find_rack, turned_deg
from vision.rack_slots import SlotView, VialShape, project_slots

STRIP = MarkerBoard((0, 1, 2, 3), 15.0, ((0, -10, 20), (30, -10, 20), (60, -10, 20), (90, -10, 20)))
SLOTS = {f"{row}{n + 1}": (24.0 * n, 0.0, -24.0 * depth) for depth, row in enumerate("AB") for n in range(5)}
VIAL = VialShape(outer_mm=17.0, height_mm=60.0, base_mm=1.0, bore_mm=15.0, capacity_ul=8000.0)
STANDS = {
    "straight": Stand(),
    "from above": Stand(pitch_deg=12),
    "from the left": Stand(yaw_deg=15),
    "crooked": Stand(pitch_deg=-8, yaw_deg=-10, roll_deg=4),
    "far": Stand(pitch_deg=6, shift_mm=(-50, 20, 450)),
    "upside down": Stand(roll_deg=180, shift_mm=(50, -20, 320)),
}


@cache
def picture(name: str, **how: float) -> Image:
    return photograph(STRIP, STANDS[name], seed=len(name), **how)


def found(image: Image, **how: object) -> RackPose:
    pose = find_rack(image, STRIP, **how)
    assert isinstance(pose, RackPose), pose
    return pose


FLOORS = np.array([(x, y + VIAL.base_mm, z) for x, y, z in SLOTS.values()])


def error_px(pose: RackPose, stand: Stand) -> np.ndarray:
    at, _ = pose.project(FLOORS)
    return np.linalg.norm(at - stand.project(FLOORS), axis=1)


@pytest.mark.parametrize("name", STANDS)
def test_slots_are_where_they_are_to_a_pixel(name: str) -> None:
    pose = found(picture(name), lens=LENS)
    assert error_px(pose, STANDS[name]).max() < 1.0
    assert turned_deg(pose.best.rotation, STANDS[name].rotation) < 0.5
    assert pose.rms_px < 0.2
    assert pose.doubts == ()


@pytest.mark.parametrize("name", STANDS)
def test_blur_and_noise_cost_a_pixel_more(name: str) -> None:
    pose = found(picture(name, blur_px=1.5, noise=8.0), lens=LENS)
    assert error_px(pose, STANDS[name]).max() < 2.0


@pytest.mark.parametrize("name", STANDS)
def test_the_uncertainty_covers_the_error(name: str) -> None:
    places = np.array(list(SLOTS.values()))
    for lens, sds in ((LENS, 3.0), (None, 4.0)):
        pose = found(picture(name), lens=lens)
        at, sd = pose.project(places)
        off = np.linalg.norm(at - STANDS[name].project(places), axis=1)
        assert np.all(off < sds * sd + 0.2), lens
        assert np.all(sd < 12)


@pytest.mark.parametrize("name", STANDS)
def test_without_a_lens_the_plane_of_the_markers_is_still_right(name: str) -> None:
    pose = found(picture(name))
    beside = np.array([(15.0, -10.0, 20.0), (75.0, 5.0, 20.0)])
    at, _ = pose.project(beside)
    assert np.linalg.norm(at - STANDS[name].project(beside), axis=1).max() < 1.0
    assert any("lens was not measured" in doubt for doubt in pose.doubts)


@pytest.mark.parametrize("name", STANDS)
def test_ink_that_spreads_does_not_tilt_the_rack(name: str) -> None:
    fat = dataclasses.replace(STRIP, size_mm=STRIP.size_mm + 0.3)
    pose = found(photograph(fat, STANDS[name]), lens=LENS)
    assert error_px(pose, STANDS[name]).max() < 1.5


def test_a_hand_before_some_markers_leaves_the_others() -> None:
    stand = STANDS["crooked"]
    pose = found(photograph(STRIP, stand, hide_mm=(20, -40, 70, 40)), lens=LENS)
    assert pose.seen.ids == (0, 3)
    assert error_px(pose, stand).max() < 2.0


def test_one_marker_is_a_doubt_and_less_sure() -> None:
    stand = STANDS["crooked"]
    pose = found(photograph(STRIP, stand, hide_mm=(20, -40, 120, 40)), lens=LENS)
    assert any("only marker 0 of 4" in doubt for doubt in pose.doubts)
    _, sd = pose.project(np.array([SLOTS["A5"]]))
    _, usual = found(picture("crooked"), lens=LENS).project(np.array([SLOTS["A5"]]))
    assert sd[0] > 5 * usual[0]


def test_of_two_poses_that_fit_a_far_small_board_the_earlier_one_decides() -> None:
    one = MarkerBoard((7,), 12.0, ((0, 0, 0),))
    stand = Stand(yaw_deg=35, shift_mm=(20, 10, 600))
    image = photograph(one, stand, noise=6.0, seed=3)
    open_pose = find_rack(image, one, LENS)
    assert isinstance(open_pose, RackPose)
    assert any("which way the rack is turned" in doubt for doubt in open_pose.doubts)
    near = find_rack(photograph(one, Stand(yaw_deg=35, shift_mm=(0, 0, 200))), one, LENS)
    assert isinstance(near, RackPose)
    settled = find_rack(image, one, LENS, prior=near)
    assert isinstance(settled, RackPose)
    assert settled.doubts == ()
    assert turned_deg(settled.best.rotation, stand.rotation) < 2
    assert sum(p.weight for p in settled.placements) == pytest.approx(1.0)


def test_a_chess_board_serves_too() -> None:
    board, stand = ChessBoard(), Stand(pitch_deg=5, yaw_deg=10, shift_mm=(-80, -100, 420))
    pose = find_rack(photograph(board, stand), board, LENS)
    assert isinstance(pose, RackPose)
    assert len(pose.seen) == board.corners
    assert turned_deg(pose.best.rotation, stand.rotation) < 0.1


def test_markers_at_several_depths() -> None:
    deep = MarkerBoard((0, 1, 2), 15.0, ((0, 0, 0), (30, 0, 10), (60, 5, -10)))
    stand = STANDS["from above"]
    px = stand.project(np.concatenate(list(deep.corners_mm.values())))

    class Seen(MarkerBoard):
        def see(self, image: Image) -> Sighting:
            return Sighting(np.concatenate(list(deep.corners_mm.values())), px, deep.ids)

    pose = find_rack(np.zeros((720, 1280, 3), np.uint8), Seen(deep.ids, 15.0, deep.places_mm), LENS)
    assert isinstance(pose, RackPose)
    assert turned_deg(pose.best.rotation, stand.rotation) < 0.01


def test_no_markers_says_so() -> None:
    for image in (np.full((720, 1280, 3), 128, np.uint8), np.zeros((40, 40), np.uint8)):
        pose = find_rack(image, STRIP)
        assert isinstance(pose, NotSeen)
        assert "none of the 4 markers can be seen" in pose.why
    assert isinstance(find_rack(np.zeros((720, 1280, 3), np.uint8), ChessBoard()), NotSeen)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 200), st.booleans(), st.booleans())
def test_any_picture_is_a_pose_or_none(seed: int, high: int, wide: int, colour: bool, cut: bool) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (high, wide, 3) if colour else (high, wide), dtype=np.uint8)
    if cut:  # a piece of a good picture
        y, x = random.integers(0, (720 - high, 1280 - wide))
        image = picture("straight")[y : y + high, x : x + wide].copy()
    for board in (STRIP, ChessBoard()):
        assert isinstance(find_rack(image, board), RackPose | NotSeen)


def test_markers_that_are_elsewhere_than_the_file_says() -> None:
    other = MarkerBoard((0, 1, 2, 3), 15.0, ((0, -10, 20), (45, -10, 20), (60, 10, 20), (90, -10, 20)))
    pose = find_rack(picture("straight"), other, LENS)
    assert isinstance(pose, NotSeen)
    assert "places_mm" in pose.why


def test_the_same_id_twice_is_not_taken() -> None:
    image = picture("straight").copy()
    height = image.shape[0] // 2
    image[:height] = image[-height:]
    assert isinstance(find_rack(image, STRIP, LENS), NotSeen)


def test_a_lens_for_another_size_is_scaled_and_for_another_shape_refused() -> None:
    half = picture("straight")[::2, ::2]
    assert LENS.scaled((640, 360)).focal_px[0] == pytest.approx(575)
    assert isinstance(find_rack(half, STRIP, LENS), RackPose)
    with pytest.raises(ValueError, match="measure it at that size"):
        LENS.scaled((640, 480))


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"ids": ()}, "at least one"),
        ({"ids": (0, 1)}, "2 markers have 1 places"),
        ({"ids": (0, 0), "places_mm": ((0, 0, 0),) * 2}, "same id"),
        ({"ids": (50,)}, "0 to 49"),
        ({"size_mm": -1.0}, "above 0"),
        ({"places_mm": ((0, float("nan"), 0),)}, "finite"),
        ({"dictionary": "4x4"}, "4x4_50"),
    ],
)
def test_boards_that_cannot_be(changed: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        MarkerBoard(**({"ids": (0,), "size_mm": 15.0, "places_mm": ((0, 0, 0),)} | changed))
    with pytest.raises(ValueError, match="marker_mm"):
        ChessBoard(marker_mm=30.0)


def views(name: str) -> dict[str, SlotView]:
    pose = found(picture(name), lens=LENS)
    white = (-10.0, -17.0, -5.0, -3.0, 20.0)
    return {v.slot: v for v in project_slots(pose, SLOTS, VIAL, white)}


def test_a_slot_has_the_view_of_its_vial() -> None:
    stand = STANDS["straight"]
    a1 = views("straight")["A1"]
    (_, base), (left, _), (right, _), (_, top), (_, foot) = stand.project(
        np.array([(0, 1.0, 0), (-8.5, 30, 0), (8.5, 30, 0), (0, 60.0, -8.5), (0, 0, 8.5)])
    )
    assert a1.view.base_row == pytest.approx(base, abs=1)
    assert a1.view.box_px == pytest.approx((left, a1.view.box_px[1], right, foot), abs=2)
    assert a1.view.box_px[1] <= top
    assert a1.view.px_per_mm == pytest.approx(1150 / 300, rel=0.01)
    assert (a1.view.bore_mm, a1.view.capacity_ul) == (15.0, 8000.0)
    assert a1.view.white_px is not None
    assert a1.view.white_px[0] < a1.view.white_px[2]
    assert a1.whole
    assert a1.sd_mm < 0.5


def test_a_slot_behind_another_or_out_of_the_picture_says_so() -> None:
    seen = views("straight")
    assert seen["A1"].hidden_by == ()
    assert seen["B3"].hidden_by == ("A3",)
    pose = found(picture("straight"), lens=LENS)
    (far,) = project_slots(pose, {"Z1": (400.0, 0.0, 0.0)}, VIAL)
    assert not far.whole
