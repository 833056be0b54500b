"""The light that would reach the camera without the vial: what transmission is relative to."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Panel:
    """Light of the panel: the white patch, bent to the shade seen on both sides of the vial.

    shade: (4, 3) of the natural logarithm: constant, down, down squared, across; in units of `box`.
    """

    white: Floats
    box: tuple[int, int, int, int]
    shade: Floats

    def at(self, rows: Floats, columns: Floats) -> npt.NDArray[np.float32]:
        """Linear light (rows, columns, 3)."""
        x0, y0, x1, y1 = self.box
        v, u = (rows - (y0 + y1) / 2) / (y1 - y0), (columns - (x0 + x1) / 2) / (x1 - x0)
        down = self.shade[0] + v[:, None] * self.shade[1] + v[:, None] ** 2 * self.shade[2]
        across = u[:, None] * self.shade[3]
        light = np.exp(np.clip(down, -0.3, 0.3))[:, None] * np.exp(np.clip(across, -0.3, 0.3))[None] * self.white
        return np.asarray(light, dtype=np.float32)


def panel_behind(image: Image, box: tuple[int, int, int, int], white: Floats) -> Panel:
    """The panel behind the box. Where neither side shows it, it is as light as the patch everywhere."""
    x0, y0, x1, y1 = box
    wide, gap = max(4, (x1 - x0) // 4), max(2, (x1 - x0) // 25)
    seen: list[tuple[Floats, Floats]] = []
    for left, right in ((x0 - gap - wide, x0 - gap), (x1 + gap, x1 + gap + wide)):
        first, last = max(0, left), min(image.shape[1], right)
        if first >= last:
            continue
        ys, xs = np.mgrid[y0:y1:6, first:last:3]
        ratio = np.log(np.maximum(SRGB_LINEAR[image[ys, xs]], 1e-3) / white)
        near = np.all(np.abs(ratio) < LIKE_WHITE, axis=-1)
        if near.mean() > 0.25:
            seen.append((np.stack([ys[near], xs[near]], axis=-1), ratio[near]))
    shade = np.zeros((4, 3))
    if seen:
        at, ratio = np.concatenate([p for p, _ in seen]), np.concatenate([r for _, r in seen])
        v, u = (at[:, 0] - (y0 + y1) / 2) / (y1 - y0), (at[:, 1] - (x0 + x1) / 2) / (x1 - x0)
        design = np.stack([np.ones(len(at)), v, v**2, u * (len(seen) == 2)], axis=1)
        shade = np.linalg.lstsq(design, ratio, rcond=None)[0]
        off = np.abs(ratio - design @ shade).max(axis=1)
        keep = off <= max(3 * float(np.median(off)), 1e-3)
        shade = np.linalg.lstsq(design[keep], ratio[keep], rcond=None)[0]
    return Panel(white, box, shade)
