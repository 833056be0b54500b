"""What troubles a reading: foam on the surface, a stirred funnel in the liquid, a label on the glass.

The limits were set on rendered scenes so that few quiet vials are called disturbed; about half of those that are
disturbed are noticed.
"""

import numpy as np

from vision.colour import Floats
from vision.column import SIDES, Column
from vision.explain import Explanation, Window
from vision.layers import roughness
from vision.reading import Doubt

FOAM_MM = 1.5
FOAM_GRAIN = (1.3, 0.5)
"""log(1 + graininess) above the surface, and how much more that is than further up."""
FOAM_SHADE = 0.02
FUNNEL_MM = 1.0
"""Height of the rows below the meniscus in which a funnel is looked for."""
FUNNEL = 0.045
"""Least absorbance by which the columns just below the surface differ from those far below it, on average."""
FUNNEL_EVEN = 0.3
"""Least correlation of that difference with its mirror image: a funnel is in the middle."""
LABEL = 0.12
LABEL_ROWS = 0.25
"""Share of the rows in which left and right differ by more than LABEL (absorbance) from how they usually differ."""


def disturbances(column: Column, window: Window, found: Explanation) -> Doubt:
    """FOAM, VORTEX and LABEL, as far as they are seen."""
    doubt = Doubt.LABEL if labelled(column, window) else Doubt.NONE
    if not found.layers or found.layers[0].solid:
        return doubt
    if foamy(column, window, found):
        doubt |= Doubt.FOAM
    if len(found.layers) == 1 and stirred(column, window, found):
        doubt |= Doubt.VORTEX
    return doubt


def labelled(column: Column, window: Window) -> bool:
    """A label or print covers one side more than the other over a part of the height."""
    grey = column.bands[:, window.first : window.last].mean(axis=2)
    left, right = grey[list(SIDES[:2])].mean(axis=0), grey[list(SIDES[2:])].mean(axis=0)
    differ = left - np.median(left) - right + np.median(right)
    return bool(np.mean(np.abs(differ) > LABEL) > LABEL_ROWS)


def foamy(column: Column, window: Window, found: Explanation) -> bool:
    """Just above the surface it is grainy and of another shade than further up."""
    k, surface = window.px_per_mm, round(found.layers[0].top) - window.first
    near = slice(max(0, surface - round(FOAM_MM * k)), surface - 2)
    far = slice(0, max(2, surface - round((FOAM_MM + 4) * k)))
    if near.stop - near.start < 4:
        return False
    grain = np.log1p(roughness(column.absorbance[window.first : window.first + surface]))
    grey = found.rows.colour.mean(axis=1)
    rough = float(np.median(grain[near]))
    more = rough - float(np.median(grain[far]))
    return rough > FOAM_GRAIN[0] and more > FOAM_GRAIN[1] and abs(shade(grey, near) - shade(grey, far)) > FOAM_SHADE


def shade(grey: Floats, rows: slice) -> float:
    """Median absorbance of some rows."""
    return float(np.median(grey[rows]))


def stirred(column: Column, window: Window, found: Explanation) -> bool:
    """Just below the surface the columns look different from those far below it, and alike on both sides."""
    k, m, width = window.px_per_mm, window.meniscus, column.absorbance.shape[1]
    surface = round(found.layers[0].top)
    deep = surface + round(0.6 * (window.last - surface))
    inner = column.absorbance[: window.last - m, round(0.2 * width) : round(0.8 * width)].mean(axis=2)
    top, low = inner[surface + 2 * m : min(deep, surface + 2 * m + round(FUNNEL_MM * k))], inner[deep:]
    if min(len(top), len(low)) < 4 or window.last - surface < 6 * k:
        return False
    differ = np.median(top, axis=0) - np.median(low, axis=0)
    if float(np.abs(differ).mean()) < FUNNEL or float(differ.std()) == 0.0:
        return False
    mirrored = np.corrcoef(differ, differ[::-1])[0, 1]
    return bool(mirrored > FUNNEL_EVEN)
