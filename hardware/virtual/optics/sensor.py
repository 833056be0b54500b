"""From linear light to the file: vignette, blur, exposure, noise, sharpening, 8 bits, JPEG."""

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hardware.virtual.optics.specimen import Lens

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]


@lru_cache(maxsize=1)
def _encode_table() -> Floats:
    """sRGB, 0 to 255, of linear light in steps of 1/65535 (IEC 61966-2-1)."""
    x = np.linspace(0.0, 1.0, 65536)
    encoded = 255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return np.asarray(encoded[None, :], np.float32)


def _floats(picture: npt.NDArray[Any]) -> Floats:
    return np.asarray(picture, np.float32)


@lru_cache(maxsize=2)
def _grain(h: int, w: int) -> Floats:
    """Noise of a sensor after its colour filter is filled in: unit variance, a little coarse."""
    fine = np.random.default_rng(5).standard_normal((h, w, 3), np.float32)
    return np.asarray(cv2.addWeighted(fine, 0.7, cv2.blur(fine, (2, 2)), 1.1, 0), np.float32)


def expose(light: Floats, lens: Lens, random: np.random.Generator) -> Image:
    """The picture (h, w, 3) uint8 BGR that a camera makes of linear BGR light."""
    h, w = light.shape[:2]
    seen = blur(light, lens)
    if lens.vignette > 0:
        x = (np.arange(w, dtype=np.float32) - w / 2) ** 2
        y = (np.arange(h, dtype=np.float32) - h / 2) ** 2
        fall = 1 - (lens.vignette / float(x[0] + y[0])) * (x[None, :] + y[:, None])
        seen = _floats(cv2.multiply(seen, cv2.merge([fall, fall, fall])))
    gain = np.array([*lens.gain, 0.0]) * 65535
    codes = _floats(cv2.LUT(cv2.multiply(seen, gain, dtype=cv2.CV_16U), _encode_table()))
    if lens.noise > 0:
        # encoding nearly undoes the growth of shot noise with light; what is left is stronger in the dark
        down, across = (int(n) for n in random.integers(0, 64, 2))
        grain = _grain(h + 64, w + 64)[down : down + h, across : across + w]
        grain = grain[:: random.choice([-1, 1]), :: random.choice([-1, 1])]
        strength = cv2.addWeighted(codes, -0.5 / 255 * lens.noise, codes, 0, 1.25 * lens.noise)
        codes = _floats(cv2.add(codes, cv2.multiply(np.ascontiguousarray(grain), strength)))
    if lens.sharpen > 0:
        soft = cv2.GaussianBlur(codes, (0, 0), 1.3)
        codes = _floats(cv2.addWeighted(codes, 1 + lens.sharpen, soft, -lens.sharpen, 0))
    image = cv2.add(codes, np.zeros(4), dtype=cv2.CV_8U)
    if lens.jpeg > 0:
        _, file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, lens.jpeg])
        return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(image, np.uint8)


def blur(light: Floats, lens: Lens) -> Floats:
    """Defocus, then motion along a line."""
    seen = cv2.GaussianBlur(light, (0, 0), lens.blur_px) if lens.blur_px > 0.05 else light
    if lens.motion_px < 1:
        return np.asarray(seen, np.float32)
    n = 2 * math.ceil(lens.motion_px / 2) + 3
    kernel = np.zeros((n, n), np.float32)
    angle = math.radians(lens.motion_deg)
    for t in np.linspace(-lens.motion_px / 2, lens.motion_px / 2, 8 * n):
        kernel[round(n // 2 + t * math.sin(angle)), round(n // 2 + t * math.cos(angle))] += 1
    return np.asarray(cv2.filter2D(seen, -1, kernel / kernel.sum()), np.float32)
