"""One vial's column of pixels: how much light it takes away against the panel behind, by row and by band.

A full vial is a strong cylinder lens: its middle shows the panel, its sides the panel's far ends and the room. So
the middle bands carry the colour, and all bands together tell glass that holds liquid from glass that holds air.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import Panel, inside, panel_behind
from vision.calibration import VialView
from vision.colour import SRGB_LINEAR, Floats

Image = npt.NDArray[np.uint8]
Singles = npt.NDArray[np.float32]

DARKEST = 4e-3
"""Least linear light that an 8-bit code is taken for: below it a code is mostly noise."""
LOG_LIGHT: Singles = np.log10(np.maximum(SRGB_LINEAR, DARKEST)).astype(np.float32)
"""Decadic logarithm of the linear light of each 8-bit sRGB code."""
MIDDLE = 5
EDGES = (-0.84, -0.64, -0.42, -0.36, -0.216, -0.072, 0.072, 0.216, 0.36, 0.42, 0.64, 0.84)
"""Edges of the bands as shares of the outer radius, off the axis: two at each side, five in the middle, and
between them a gap where a lamp's streak often lies."""
SIDES = (0, 1, 9, 10)
MIDDLES = slice(3, 8)


@dataclass(frozen=True)
class Column:
    """absorbance: (rows, columns, 3) of the box, decadic, against the panel. bands: (11, rows, 3) means over the
    columns between EDGES. across: (columns,) of the widened box, median over the body's rows. left: the column of
    it where the box begins. top: image row of row 0. glare: share of burnt pixels in the middle. panel: what it is
    relative to.
    """

    absorbance: Singles
    bands: Floats
    across: Floats
    left: float
    top: int
    glare: float
    panel: Panel

    @property
    def parts(self) -> Floats:
        """(5, rows, 3) of the middle."""
        return self.bands[MIDDLES]


def take_column(image: Image, view: VialView, *, like: Panel | None = None) -> Column | None:
    """The vial's column; None when no panel is seen to compare with. like: the panel, where it is known already."""
    x0, y0, x1, y1 = view.box_px
    width = x1 - x0
    outer = inside((x0 - 0.2 * width, y0, x1 + 0.2 * width, y1), image.shape)
    inner = inside(view.box_px, image.shape)
    if outer is None or inner is None:
        return None
    panel = panel_behind(image, inner, view.white_px) if like is None else like
    if panel is None:
        return None
    rows = np.arange(inner[1], inner[3], dtype=np.float64)
    light = np.asarray(cv2.LUT(image[outer[1] : outer[3], outer[0] : outer[2]], LOG_LIGHT), np.float32)
    behind = panel.log_light(rows, np.arange(outer[0], outer[2], dtype=np.float64))
    wide = np.subtract(behind, light, out=light)
    absorbance = wide[:, inner[0] - outer[0] : inner[2] - outer[0]]
    height = len(absorbance)
    body = wide[round(0.3 * height) : round(0.9 * height) : 3].mean(axis=2)
    middle = image[inner[1] : inner[3] : 2, round(x0 + 0.32 * width) : round(x0 + 0.68 * width) : 2]
    return Column(
        absorbance=absorbance,
        bands=banded(absorbance, (x0 + x1) / 2 - inner[0] + 0.5, width / 2),
        across=np.asarray(np.partition(body, len(body) // 2, axis=0)[len(body) // 2], np.float64),
        left=x0 - outer[0],
        top=inner[1],
        glare=float(np.mean(np.all(middle >= 253, axis=2))) if middle.size else 0.0,
        panel=panel,
    )


def banded(absorbance: Singles, axis: float, radius: float) -> Floats:
    """(11, rows, 3): means between EDGES about the axis."""
    columns = absorbance.shape[1]
    at = np.clip(np.rint(axis + np.array(EDGES) * radius), 0, columns).astype(int)
    found = np.empty((len(at) - 1, len(absorbance), 3))
    for i, (low, high) in enumerate(pairwise(at)):
        low = min(int(low), columns - 1)
        part = absorbance[:, low : max(int(high), low + 1)]
        found[i] = cv2.reduce(part, 1, cv2.REDUCE_AVG)[:, 0]
    return found
