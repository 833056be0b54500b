"""Is the frame fit to be read at all: black, overexposed, frozen, blurred."""

import cv2
import numpy as np
import numpy.typing as npt

from vision.reading import Doubt

Image = npt.NDArray[np.uint8]

BLACK_CODE = 12
"""A frame whose 99th percentile is below this 8-bit code shows nothing."""
SATURATED_SHARE = 0.5
BLUR_PX = 2.8
"""Edges softer than this sigma, in pixels of the frame, are blurred."""


def sharpness_px(grey: Image) -> float:
    """Sigma of the sharpest edges, px: an edge's height over its slope. inf where nothing has an edge."""
    g = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
    slope = np.maximum(np.abs(cv2.Sobel(g, cv2.CV_32F, 1, 0)), np.abs(cv2.Sobel(g, cv2.CV_32F, 0, 1))) / 8
    kernel = np.ones((17, 17), np.uint8)
    height = cv2.dilate(g, kernel) - cv2.erode(g, kernel)
    strong = height > max(20.0, 0.5 * float(height.max()))
    if strong.sum() < 12:
        return float("inf")
    steep = float(np.percentile(slope[strong] / height[strong], 95))
    # a Gaussian edge of sigma s has slope height / (s sqrt(2 pi)); the first blur of 1 px is taken off
    sigma = 1 / (steep * np.sqrt(2 * np.pi)) if steep > 0 else float("inf")
    return float(np.sqrt(max(0.0, sigma**2 - 1.0)))


def frame_doubt(image: Image, previous: Image | None = None) -> Doubt:
    """What is wrong with the frame as a whole. `previous`: an earlier frame of the same camera.

    FROZEN means equal to the last bit: a living sensor never repeats its noise.
    """
    if image.size == 0:
        return Doubt.OUT_OF_FRAME
    doubt = Doubt.NONE
    every = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / 6000)))
    small = image[::every, ::every]
    if np.percentile(small, 99) < BLACK_CODE:
        doubt |= Doubt.DARK
    burnt = np.all(small >= 254, axis=-1) if small.ndim == 3 else small >= 254
    if np.mean(burnt) > SATURATED_SHARE:
        doubt |= Doubt.SATURATED
    if previous is not None and previous.shape == image.shape and np.array_equal(previous, image):
        doubt |= Doubt.FROZEN
    if not doubt & (Doubt.DARK | Doubt.SATURATED):
        grey = image[..., 1] if image.ndim == 3 else image
        softness = sharpness_px(np.ascontiguousarray(grey))
        if np.isfinite(softness) and softness > BLUR_PX:
            doubt |= Doubt.BLUR
    return doubt
