"""Colour that means something: sRGB to CIELAB (D65, 2°), relative to a white seen in the same picture.

Dividing by the white patch cancels exposure and the tint of the lamp, so the Lab of a liquid is the colour of
what it transmits. CIEDE2000 follows Sharma, Wu, Dalal, Color Res. Appl. 30 (2005) 21, and agrees with their
34 published pairs.
"""

import numpy as np
import numpy.typing as npt

from vision.reading import Lab

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

D65 = np.array([0.95047, 1.0, 1.08883])
SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_CODES = np.arange(256) / 255.0
SRGB_LINEAR: npt.NDArray[np.float32] = np.where(
    _CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4
).astype(np.float32)
"""Linear light of each 8-bit sRGB code, 0..1."""


def linear(image: Image) -> npt.NDArray[np.float32]:
    """Linear light, 0..1, of 8-bit sRGB codes; same shape and channel order."""
    return np.asarray(SRGB_LINEAR[image])


def linear_rgb_to_lab(rgb: npt.ArrayLike) -> Floats:
    """CIELAB of linear RGB relative to white (1, 1, 1); (..., 3) in and out."""
    xyz = np.asarray(rgb, dtype=np.float64) @ SRGB_TO_XYZ.T / SRGB_TO_XYZ.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_to_bgr(lab: npt.ArrayLike) -> Image:
    """8-bit sRGB of a CIELAB colour as a screen shows it, clipped to the screen's gamut; (..., 3)."""
    L, a, b = np.moveaxis(np.asarray(lab, dtype=np.float64), -1, 0)
    fy = (L + 16) / 116
    f = np.stack([fy + a / 500, fy, fy - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D65
    rgb = np.clip(xyz @ np.linalg.inv(SRGB_TO_XYZ).T, 0.0, 1.0)
    codes = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(codes[..., ::-1] * 255), dtype=np.uint8)


def bgr_to_lab(patch: Image, white_bgr: npt.ArrayLike) -> Lab:
    """Robust mean colour of a patch of 8-bit BGR relative to a white.

    white_bgr: the white's 8-bit codes (three numbers, fractions allowed). Raises ValueError for an empty patch
    or a white with a channel at or below zero.
    """
    white = np.asarray(white_bgr, dtype=np.float64).reshape(-1)
    if white.shape != (3,) or not np.all(np.isfinite(white)) or np.any(white <= 0):
        raise ValueError(f"a white needs three codes above zero, not {white_bgr!r}")
    light = np.interp(white, np.arange(256), SRGB_LINEAR)
    return transmitted_lab(linear(patch).reshape(-1, 3) / light)


def transmitted_lab(transmission_bgr: npt.ArrayLike) -> Lab:
    """CIELAB of the robust mean of (n, 3) transmissions in BGR order, each 0..1."""
    lab = linear_rgb_to_lab(robust_mean(transmission_bgr)[::-1])
    return (float(lab[0]), float(lab[1]), float(lab[2]))


def robust_mean(values: npt.ArrayLike, kept: float = 0.6) -> Floats:
    """Mean over the first axis of the middle share of the values, channel by channel.

    Unlike the median it does not jump between 8-bit codes, and unlike the mean a drop or highlight leaves it
    where it is. Raises ValueError when there is nothing to average.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    if ordered.size == 0:
        raise ValueError("no pixels to take a colour from")
    cut = int(len(ordered) * (1 - kept) / 2)
    return np.asarray(ordered[cut : len(ordered) - cut].mean(axis=0))


def delta_e00_array(lab1: npt.ArrayLike, lab2: npt.ArrayLike) -> Floats:
    """CIEDE2000 of (..., 3) against (..., 3), broadcast."""
    L1, a1, b1 = np.moveaxis(np.asarray(lab1, dtype=np.float64), -1, 0)
    L2, a2, b2 = np.moveaxis(np.asarray(lab2, dtype=np.float64), -1, 0)
    C_mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    G = 0.5 * (1 - np.sqrt(C_mean7 / (C_mean7 + 25.0**7)))
    a1, a2 = (1 + G) * a1, (1 + G) * a2
    C1, C2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = C1 * C2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where((turn == -180) & (h2 > h1), 180.0, turn)
    dh = np.where(grey, 0.0, turn)
    dL, dC, dH = L2 - L1, C2 - C1, 2 * np.sqrt(C1 * C2) * np.sin(np.radians(dh) / 2)
    total = h1 + h2
    apart = np.abs(h1 - h2) > 180
    h = np.where(grey, total, np.where(apart, np.where(total < 360, total + 360, total - 360), total) / 2)
    L, C = (L1 + L2) / 2, (C1 + C2) / 2
    T = (
        1
        - 0.17 * np.cos(np.radians(h - 30))
        + 0.24 * np.cos(np.radians(2 * h))
        + 0.32 * np.cos(np.radians(3 * h + 6))
        - 0.20 * np.cos(np.radians(4 * h - 63))
    )
    S_L = 1 + 0.015 * (L - 50) ** 2 / np.sqrt(20 + (L - 50) ** 2)
    S_C, S_H = 1 + 0.045 * C, 1 + 0.015 * C * T
    R_T = -2 * np.sqrt(C**7 / (C**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    square = (dL / S_L) ** 2 + (dC / S_C) ** 2 + (dH / S_H) ** 2 + R_T * (dC / S_C) * (dH / S_H)
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def delta_e00(lab1: npt.ArrayLike, lab2: npt.ArrayLike) -> float:
    """CIEDE2000 between two colours."""
    return float(delta_e00_array(lab1, lab2))
