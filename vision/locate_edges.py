"""Edges of a picture in the form that rates boxes: how much of a wall, a rim or a base an edge follows.

Gradient of the strongest colour channel, thinned across itself, in units of the mean gradient nearby, so that a
dark picture and a dark corner count as much as bright ones. Running sums answer for any box at once.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Float = npt.NDArray[np.floating]
Int = npt.NDArray[np.integer]

WORK_PX = 400
"""Longer side of the picture that is worked on."""
SLACKS_PX = (1, 2, 4, 7)
"""How far an edge may lie beside the line that it supports: vessels lean, rims and bases are ellipses."""
WEAKEST = 0.6
FULL = 2.0
"""Edges between these multiples of the gradient nearby count in part."""
NOISE = 0.7
"""Grey values a pixel that are no edge anywhere."""
STEEP = 0.7


@dataclass(frozen=True)
class EdgeSums:
    """upright, level: per slack, edge summed down the columns / along the rows. *_area, colour, square: integral
    images of the thin edges, of Lab and of the square of L. scale: work px per px of the picture."""

    upright: Float
    level: Float
    upright_area: Float
    level_area: Float
    colour: Float
    square: Float
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, work px."""
        return self.square.shape[0] - 1, self.square.shape[1] - 1


def gradients(small: Image) -> tuple[Float, Float]:
    """Across and down, grey values a pixel, of the channel that changes most."""
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(smooth, cv2.CV_32F, 0, 1) / 8
    most = (across**2 + down**2).argmax(axis=2)[..., None]
    return np.take_along_axis(across, most, 2)[..., 0], np.take_along_axis(down, most, 2)[..., 0]


def thin_edges(small: Image) -> tuple[Float, Float]:
    """Upright and level edges, 0 to 1 a pixel."""
    across, down = (np.abs(g) for g in gradients(small))
    steepness = np.hypot(across, down)
    nearby = cv2.GaussianBlur(steepness, (0, 0), max(small.shape[:2]) / 12)
    relative = steepness / (nearby + 0.3 * steepness.mean() + NOISE)
    strength = np.where(relative > WEAKEST, np.clip(relative / FULL, 0, 1), 0).astype(np.float32)
    upright = (across >= cv2.dilate(across, np.ones((1, 3), np.uint8))) & (across > STEEP * down)
    level = (down >= cv2.dilate(down, np.ones((3, 1), np.uint8))) & (down > STEEP * across)
    return strength * upright, strength * level


def edge_sums(image: Image) -> EdgeSums:
    """Of a BGR picture of any size."""
    height, width = image.shape[:2]
    scale = WORK_PX / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    upright, level = thin_edges(small)
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 1.0), cv2.COLOR_BGR2Lab).astype(np.float32)
    wide = [cv2.dilate(upright, np.ones((1, 2 * s + 1), np.uint8)) for s in SLACKS_PX]
    tall = [cv2.dilate(level, np.ones((2 * s + 1, 1), np.uint8)) for s in SLACKS_PX]
    return EdgeSums(
        upright=np.stack([np.pad(np.cumsum(w, axis=0), ((1, 0), (0, 1))) for w in wide]),
        level=np.stack([np.pad(np.cumsum(t, axis=1), ((0, 1), (1, 0))) for t in tall]),
        upright_area=_integral(upright),
        level_area=_integral(level),
        colour=np.stack([_integral(lab[..., c]) for c in range(3)], axis=-1),
        square=_integral(lab[..., 0] ** 2),
        scale=scale,
    )


def _integral(values: Float) -> Float:
    return np.asarray(cv2.integral(np.ascontiguousarray(values)), float)


def slack_of(length: Int | float, share: float) -> Int:
    """Index into SLACKS_PX of the slack nearest to this share of a length."""
    return np.asarray(np.searchsorted((1.5, 3.0, 5.5), share * np.asarray(length)))
