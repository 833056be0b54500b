"""Colour against published figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.colour import bgr_to_lab, delta_e00, delta_e00_array, lab_to_bgr, robust_mean

# Sharma, Wu, Dalal (2005), table 1
SHARMA = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)
labs = st.tuples(st.floats(0, 100), st.floats(-100, 100), st.floats(-100, 100))


def test_sharma_pairs_both_ways() -> None:
    assert len(SHARMA) == 34
    np.testing.assert_allclose(delta_e00_array(SHARMA[:, :3], SHARMA[:, 3:6]), SHARMA[:, 6], atol=1e-4)
    np.testing.assert_allclose(delta_e00_array(SHARMA[:, 3:6], SHARMA[:, :3]), SHARMA[:, 6], atol=1e-4)


@given(labs, labs)
def test_difference_is_symmetric_and_finite(one: tuple[float, ...], two: tuple[float, ...]) -> None:
    there, back = delta_e00(one, two), delta_e00(two, one)
    assert np.isfinite(there)
    assert there == pytest.approx(back, abs=1e-6)
    assert delta_e00(one, one) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("bgr", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 255), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((255, 0, 0), (32.30, 79.19, -107.86)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_srgb_primaries(bgr: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    patch = np.full((4, 4, 3), bgr, np.uint8)
    np.testing.assert_allclose(bgr_to_lab(patch, (255, 255, 255)), lab, atol=0.02)


def test_exposure_and_lamp_tint_cancel() -> None:
    transmission = np.array([0.2, 0.5, 0.8])

    def seen(lamp: np.ndarray) -> tuple[float, float, float]:
        def code(light: np.ndarray) -> np.ndarray:
            return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255

        return bgr_to_lab(np.full((9, 9, 3), np.rint(code(lamp * transmission)), np.uint8), code(lamp))

    even, warm = seen(np.array([0.9, 0.9, 0.9])), seen(np.array([0.4, 0.6, 0.8]))
    assert delta_e00(even, warm) < 0.5


def test_white_must_be_light() -> None:
    with pytest.raises(ValueError, match="white"):
        bgr_to_lab(np.zeros((2, 2, 3), np.uint8), (0, 10, 10))


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_screen_colour_there_and_back(b: int, g: int, r: int) -> None:
    patch = np.array([[[b, g, r]]], np.uint8)
    assert np.abs(lab_to_bgr(bgr_to_lab(patch, (255, 255, 255))).astype(int) - patch[0, 0]).max() <= 1


def test_robust_mean_ignores_a_highlight() -> None:
    values = np.r_[np.full(80, 0.5), np.full(15, 1.0)][:, None]
    assert robust_mean(values)[0] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no pixels"):
        robust_mean(np.empty((0, 3)))
