"""Volumes of heights, and what two known fillings make of them."""

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.calibration import VialView
from vision.profile import Profile, VolumeScale, two_point

CONE = Profile(((0.0, 20.0), (10.0, 180.0), (40.0, 180.0)))
steps = st.lists(st.tuples(st.floats(0.1, 20), st.floats(5, 500)), min_size=1, max_size=6)
profiles = steps.map(
    lambda pairs: Profile(tuple(zip(accumulate(h for h, _ in pairs), (a for _, a in pairs), strict=True)))
)


def test_a_cylinder_holds_its_area_times_its_height() -> None:
    assert Profile.cylinder(15.0).volume_at(10.0) == pytest.approx(math.pi * 15.0**2 / 4 * 10)


def test_a_cone_holds_the_mean_of_its_areas() -> None:
    assert CONE.volume_at(10.0) == pytest.approx(1000.0)
    assert CONE.volume_at(50.0) == pytest.approx(1000.0 + 40 * 180)
    assert CONE.volume_at(-1.0) == 0.0


@given(profile=profiles, heights=st.tuples(st.floats(0, 80), st.floats(0, 80)))
def test_volume_rises_with_height_and_the_inverse_gives_the_height_back(
    profile: Profile, heights: tuple[float, float]
) -> None:
    low, high = sorted(heights)
    assert profile.volume_at(low) <= profile.volume_at(high)
    assert profile.height_at(profile.volume_at(high)) == pytest.approx(high, abs=1e-6)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ((), "at least one"),
        (((0.0, 0.0),), "above 0"),
        (((2.0, 5.0), (2.0, 6.0)), "rise"),
        (((math.nan, 5.0),), "0 mm"),
    ],
)
def test_points_that_are_no_vial_are_refused(points: tuple[tuple[float, float], ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Profile(points)


def test_two_points_give_scale_and_offset_back() -> None:
    def seen(volume: float) -> tuple[float, float]:
        return volume, CONE.height_at((volume - 40.0) / 1.05)

    scale = two_point(CONE, seen(900.0), seen(5000.0))
    assert scale.offset_ul == pytest.approx(40.0)
    assert scale.factor == pytest.approx(1.05)


def test_the_scale_is_as_unsure_as_repeated_calibrations_scatter() -> None:
    rng = np.random.default_rng(3)
    shape, dosed, sd_mm = Profile.cylinder(15.0), (1000.0, 5000.0), 0.1
    scales = [
        two_point(shape, *[(v, shape.height_at(v) + rng.normal(0, sd_mm)) for v in dosed], level_sd_mm=sd_mm)
        for _ in range(400)
    ]
    for nominal in (0.0, 3000.0, 6000.0):
        scatter = np.std([s.apply(nominal) if nominal else s.offset_ul for s in scales])
        assert np.median([s.sd_ul(nominal) for s in scales]) == pytest.approx(scatter, rel=0.15)


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        ((-1.0, 5.0), (3000.0, 20.0), "0 µL or more"),
        ((500.0, math.nan), (3000.0, 20.0), "base row"),
        ((3000.0, 20.0), (500.0, 5.0), "lower filling first"),
        ((500.0, 5.0), (600.0, 5.5), "apart"),
        ((500.0, 5.0), (30000.0, 20.0), "check the vial's bore"),
    ],
)
def test_points_that_make_no_scale_say_what_to_do(
    lower: tuple[float, float], upper: tuple[float, float], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        two_point(Profile.cylinder(15.0), lower, upper)


def test_a_view_turns_a_level_into_a_volume_with_its_interval() -> None:
    view = VialView((0.0, 0.0, 80.0, 300.0), 290.0, 6.0, 15.0, 8000.0)
    volume, sd = view.volume(10.0, 0.1) or (0.0, 0.0)
    assert volume == pytest.approx(10 * view.ul_per_mm)
    assert sd > 0.1 * view.ul_per_mm
    known = VialView((0.0, 0.0, 80.0, 300.0), 290.0, 6.0, 15.0, 8000.0, scale=VolumeScale(50.0, 1.1, (0.0, 0.0)))
    volume, sd = known.volume(10.0, 0.1) or (0.0, 0.0)
    assert volume == pytest.approx(50 + 11 * view.ul_per_mm)
    assert sd == pytest.approx(0.11 * view.ul_per_mm)
    assert known.expected_row(volume) == pytest.approx(230.0)
    assert VialView((0.0, 0.0, 80.0, 300.0), 290.0, 6.0, math.nan, 8000.0).volume(10.0, 0.1) is None
