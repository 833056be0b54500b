"""Read one vessel in a photograph of which only the box is known: no panel, no white, any background.

Whatever is lacking is None or a doubt; nothing here raises for what a picture shows.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vision import photograph_column as column
from vision.calibration import VialView
from vision.reading import Doubt, State, VialReading

Image = npt.NDArray[np.uint8]

SURE = 0.75
"""Least probability of an answer."""


def read_photograph(image: Image, view: VialView, doubt: Doubt) -> VialReading:
    """The most probable surface, or empty, or unknown with its doubt. Colours are as photographed."""
    seen = column.survey(image, view.box_px)
    if seen is None:
        return told(view, "unknown", doubt | Doubt.OUT_OF_FRAME, 0.0)
    best, sure = column.choose(seen[1], seen[0])
    if sure < SURE:
        return told(view, "unknown", doubt | (Doubt.AMBIGUOUS if seen[0] else Doubt.NO_EDGE), 0.0)
    if best is None:
        return told(view, "empty", doubt, sure)
    unit = (view.box_px[3] - view.box_px[1]) / column.ROWS
    row = view.box_px[1] + seen[0][best] * unit
    found = replace(told(view, "liquid", doubt, sure), surface_row=row, surface_sd_px=1.5 * unit)
    return scaled(view, found)


def scaled(view: VialView, found: VialReading) -> VialReading:
    """Level in mm and volume, where the view has a scale."""
    if found.surface_row is None or found.surface_sd_px is None:
        return found
    if not (np.isfinite(view.px_per_mm) and view.px_per_mm > 0 and np.isfinite(view.bore_mm)):
        return found
    mm, sd = (view.base_row - found.surface_row) / view.px_per_mm, found.surface_sd_px / view.px_per_mm
    volume = max(0.0, mm * view.ul_per_mm)
    return replace(found, level_mm=mm, level_sd_mm=sd, volume_ul=volume, volume_sd_ul=sd * view.ul_per_mm)


def told(view: VialView, state: State, doubt: Doubt, confidence: float) -> VialReading:
    """A reading without a surface. An empty vessel holds 0; an unknown one has no numbers."""
    none = 0.0 if state == "empty" else None
    return VialReading(
        box_px=view.box_px,
        state=state,
        present=None if state == "unknown" else True,
        surface_row=None,
        surface_sd_px=None,
        level_mm=none,
        level_sd_mm=None,
        volume_ul=none,
        volume_sd_ul=None,
        layers=(),
        lab=None,
        clarity=None,
        doubt=doubt,
        confidence=confidence,
    )
