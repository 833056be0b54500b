"""The light that would reach the camera without the vial: what transmission is relative to."""

import numpy as np
import numpy.typing as npt

from vision.colour import SRGB_LINEAR, Floats, robust_mean

Image = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

LIKE_WHITE = 0.12
"""A background pixel within this factor (natural log) of the patch, in each channel, counts as the same panel."""


def inside(box: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """The box in whole pixels, cut to the picture; None when it is not a box or nothing of it is in the picture."""
    if not np.all(np.isfinite(box)):
        return None
    x0, y0 = max(0.0, box[0]), max(0.0, box[1])
    x1, y1 = min(float(shape[1]), box[2]), min(float(shape[0]), box[3])
    whole = (round(x0), round(y0), round(x1), round(y1))
    return whole if whole[2] > whole[0] and whole[3] > whole[1] else None


def white_light(image: Image, white_px: Box) -> Floats | None:
    """Robust linear light of the white patch, BGR; None when it is out of the picture or too dark to divide by."""
    cut = inside(white_px, image.shape)
    if cut is None:
        return None
    x0, y0, x1, y1 = cut
    light = robust_mean(SRGB_LINEAR[image[y0:y1:2, x0:x1:2]].reshape(-1, 3))
    return light if light.min() > 0.02 else None


def light_field(image: Image, box: Box, white: Floats) -> npt.NDArray[np.float32] | None:
    """Panel light behind the box, (rows of the box, columns of the box, 3): the white patch bent to the shade
    seen on both sides of the vial. Where the sides do not show the panel, the patch itself.
    """
    cut = inside(box, image.shape)
    if cut is None:
        return None
    x0, y0, x1, y1 = cut
    wide = max(4, (x1 - x0) // 4)
    gap = max(2, (x1 - x0) // 25)
    points, logs, sides = [], [], []
    for side, (left, right) in enumerate(((x0 - gap - wide, x0 - gap), (x1 + gap, x1 + gap + wide))):
        left, right = max(0, left), min(image.shape[1], right)
        if right - left < 3:
            continue
        ys, xs = np.mgrid[y0:y1:6, left:right:3]
        ratio = np.log(np.maximum(SRGB_LINEAR[image[ys, xs]], 1e-3) / white)
        near = np.all(np.abs(ratio) < LIKE_WHITE, axis=-1)
        points.append(np.stack([xs[near], ys[near]], axis=-1))
        logs.append(ratio[near])
        sides.append(np.full(near.sum(), side))
        if near.mean() < 0.25:
            points, logs, sides = points[:-1], logs[:-1], sides[:-1]
    rows, columns = np.arange(y0, y1), np.arange(x0, x1)
    field = np.ones((len(rows), len(columns), 3)) * white
    if points:
        at, ratio = np.concatenate(points), np.concatenate(logs)
        across = (at[:, 0] - (x0 + x1) / 2) / (x1 - x0) if len(points) == 2 else np.zeros(len(at))
        down = (at[:, 1] - (y0 + y1) / 2) / (y1 - y0)
        design = np.stack([np.ones(len(at)), down, down**2, across], axis=1)
        fit = np.linalg.lstsq(design, ratio, rcond=None)[0]
        off = np.abs(ratio - design @ fit).max(axis=1)
        keep = off <= max(3 * float(np.median(off)), 1e-3)
        fit = np.linalg.lstsq(design[keep], ratio[keep], rcond=None)[0]
        v = (rows - (y0 + y1) / 2) / (y1 - y0)
        u = (columns - (x0 + x1) / 2) / (x1 - x0)
        vertical = fit[0] + v[:, None] * fit[1] + v[:, None] ** 2 * fit[2]
        bend = vertical[:, None, :] + (u[:, None] * fit[3])[None]
        field = field * np.exp(np.clip(bend, -0.3, 0.3))
    return field.astype(np.float32)
