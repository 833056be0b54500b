"""The light that would reach the camera without the vial: what transmission is relative to."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision.colour import SRGB_LINEAR, Floats, robust_mean

Image = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

LIKE_WHITE = 0.2
"""Light beside the vial within this factor (natural log) of the reference, in each channel, is the same panel."""
DIM = 0.02
"""Least linear light of a panel that something can be relative to."""
LN10 = float(np.log(10.0))


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
    return light if light.min() > DIM else None


@dataclass(frozen=True)
class Panel:
    """Light of the panel: a reference, bent to the shade seen on both sides of the vial.

    white: linear light, BGR. shade: (4, 3) of the natural logarithm: constant, down, down squared, across; in units
    of `box`.
    """

    white: Floats
    box: tuple[int, int, int, int]
    shade: Floats

    def log_light(self, rows: Floats, columns: Floats) -> npt.NDArray[np.float32]:
        """Decadic logarithm of linear light (rows, columns, 3)."""
        x0, y0, x1, y1 = self.box
        v, u = (rows - (y0 + y1) / 2) / (y1 - y0), (columns - (x0 + x1) / 2) / (x1 - x0)
        down = self.shade[0] + v[:, None] * self.shade[1] + v[:, None] ** 2 * self.shade[2]
        across = u[:, None] * self.shade[3]
        base = ((np.clip(down, -0.4, 0.4) + np.log(self.white)) / LN10).astype(np.float32)
        return np.asarray(base[:, None] + (np.clip(across, -0.4, 0.4) / LN10).astype(np.float32)[None])


def panel_behind(image: Image, box: tuple[int, int, int, int], white_px: Box | None) -> Panel | None:
    """The panel behind the box, from the patch and from what is seen beside the vial; None when a patch is given
    that shows no light, or none is given and nothing beside the vial is bright.

    Where a patch is given and neither side shows the same light, the panel is as light as the patch everywhere.
    """
    sides = [side for side in beside(image, box) if len(side[0])]
    reference = side_light(sides) if white_px is None else white_light(image, white_px)
    if reference is None:
        return None
    seen = []
    for at, light in sides:
        ratio = np.log(np.maximum(light, 1e-3) / reference)
        near = np.all(np.abs(ratio) < LIKE_WHITE, axis=1)
        if near.mean() > 0.25:
            seen.append((at[near], ratio[near]))
    return Panel(reference, box, fitted_shade(box, seen))


def beside(image: Image, box: tuple[int, int, int, int]) -> list[tuple[Floats, Floats]]:
    """Places (n, 2; row, column) and linear light (n, 3) of what is seen left and right of the box."""
    x0, y0, x1, y1 = box
    wide, gap = max(4, (x1 - x0) // 4), max(2, (x1 - x0) // 25)
    found = []
    for left, right in ((x0 - gap - wide, x0 - gap), (x1 + gap, x1 + gap + wide)):
        first = max(0, left)
        ys, xs = np.mgrid[y0:y1:6, first : max(first, min(image.shape[1], right)) : 3]
        at = np.stack([ys.ravel(), xs.ravel()], axis=1).astype(np.float64)
        found.append((at, SRGB_LINEAR[image[ys, xs]].reshape(-1, 3).astype(np.float64)))
    return found


def side_light(sides: list[tuple[Floats, Floats]]) -> Floats | None:
    """Light of the brighter half beside the vial: the panel, where a neighbour or the rack covers a part of it."""
    if not sides:
        return None
    light = np.concatenate([light for _, light in sides])
    grey = light.mean(axis=1)
    reference = np.asarray(np.median(light[grey >= np.median(grey)], axis=0))
    return reference if reference.min() > DIM else None


def fitted_shade(box: tuple[int, int, int, int], seen: list[tuple[Floats, Floats]]) -> Floats:
    """(4, 3) as in `Panel`; zeros where nothing is seen."""
    if not seen:
        return np.zeros((4, 3))
    x0, y0, x1, y1 = box
    at, ratio = np.concatenate([p for p, _ in seen]), np.concatenate([r for _, r in seen])
    v, u = (at[:, 0] - (y0 + y1) / 2) / (y1 - y0), (at[:, 1] - (x0 + x1) / 2) / (x1 - x0)
    design = np.stack([np.ones(len(at)), v, v**2, u * (len(seen) == 2)], axis=1)
    shade = np.linalg.lstsq(design, ratio, rcond=None)[0]
    off = np.abs(ratio - design @ shade).max(axis=1)
    keep = off <= max(3 * float(np.median(off)), 1e-3)
    return np.asarray(np.linalg.lstsq(design[keep], ratio[keep], rcond=None)[0])
