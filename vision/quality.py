"""Is the frame fit to be read at all: black, overexposed, frozen, blurred, moved, in another light."""

import hashlib
from collections.abc import Container
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.reading import Doubt
from vision.surroundings import Surroundings

Image = npt.NDArray[np.uint8]

BLACK_CODE = 12
"""A frame whose 99th percentile is below this 8-bit code shows nothing."""
SATURATED_SHARE = 0.5
BLUR_PX = 2.8
"""Edges softer than this sigma, in pixels of the frame, are blurred."""
MOVED_PX = 2.0
"""Still things that are so far from where they were: the boxes of the set-up fit no longer."""
OTHER_LIGHT = 1.2
"""Linear light that has changed by this factor, up or down; a living camera's own drift is a tenth of it."""
UNFIT = Doubt.DARK | Doubt.SATURATED | Doubt.FROZEN | Doubt.CAMERA_MOVED | Doubt.EXPOSURE | Doubt.OUT_OF_FRAME
"""A frame with one of these is no evidence of anything in the vial."""


@dataclass(frozen=True)
class FrameFacts:
    """A frame as a whole. shift_px: of all that stands still, right and down; gain: linear light against the
    reference's; both None where there is no reference or it cannot tell."""

    doubt: Doubt
    shift_px: tuple[float, float] | None = None
    gain: float | None = None

    @property
    def refused(self) -> Doubt:
        """Why the frame is no evidence; NONE for a fit one."""
        return self.doubt & UNFIT


def fingerprint(image: Image) -> bytes:
    """The same for frames that are equal to the last bit, which no living sensor sends twice."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def frame_facts(
    image: Image, reference: Surroundings | None = None, *, gain: float | None = 1.0, earlier: Container[bytes] = ()
) -> FrameFacts:
    """What is wrong with the frame, against a reference frame of the same camera.

    gain: what light is expected, against the reference's; None for any. earlier: fingerprints of frames before.
    """
    doubt = frame_doubt(image)
    # nothing but black or white has no noise, and is always the same
    if not doubt & (Doubt.DARK | Doubt.SATURATED) and fingerprint(image) in earlier:
        doubt |= Doubt.FROZEN
    if reference is None or image.size == 0 or Doubt.DARK in doubt:
        return FrameFacts(doubt)
    if image.shape != reference.shape:  # the pixels of the set-up mean something else now
        return FrameFacts(doubt | Doubt.CAMERA_MOVED)
    shift_px, seen_gain = reference.shift_px(image), reference.gain(image)
    if shift_px is None and reference.rich and Doubt.SATURATED not in doubt:
        return FrameFacts(doubt | Doubt.CAMERA_MOVED)  # nothing of it is there any more: it looks elsewhere
    if shift_px is not None and np.hypot(*shift_px) >= MOVED_PX:
        return FrameFacts(doubt | Doubt.CAMERA_MOVED, shift_px)  # the white patch is elsewhere: no word of light
    if gain is not None and seen_gain is not None and not 1 / OTHER_LIGHT < seen_gain / gain < OTHER_LIGHT:
        doubt |= Doubt.EXPOSURE
    return FrameFacts(doubt, shift_px, seen_gain)


def sharpness_px(grey: Image) -> float:
    """Sigma of the sharpest edges, px: an edge's height over its slope. inf where nothing has an edge."""
    g = cv2.GaussianBlur(grey, (0, 0), 1.0)
    kernel = np.ones((17, 17), np.uint8)
    height = cv2.subtract(cv2.dilate(g, kernel), cv2.erode(g, kernel))
    strong = height > max(20.0, 0.5 * float(height.max()))
    if strong.sum() < 12:
        return float("inf")
    along = [np.abs(cv2.Sobel(g, cv2.CV_16S, x, 1 - x)[strong]) for x in (0, 1)]
    steep = float(np.percentile(np.maximum(*along) / (8.0 * height[strong]), 95))
    # a Gaussian edge of sigma s has slope height / (s sqrt(2 pi)); the first blur of 1 px is taken off
    sigma = 1 / (steep * np.sqrt(2 * np.pi)) if steep > 0 else float("inf")
    return float(np.sqrt(max(0.0, sigma**2 - 1.0)))


def frame_doubt(image: Image) -> Doubt:
    """What is wrong with the frame by itself."""
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
    if not doubt & (Doubt.DARK | Doubt.SATURATED):
        grey = image[..., 1] if image.ndim == 3 else image
        softness = sharpness_px(np.ascontiguousarray(grey))
        if np.isfinite(softness) and softness > BLUR_PX:
            doubt |= Doubt.BLUR
    return doubt
