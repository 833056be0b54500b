"""The pipeline that reads one vial: frame, presence, column, explanation, numbers, doubt."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vision import photograph, presence
from vision.background import inside
from vision.calibration import VialView
from vision.cap import capped
from vision.clarity import clarity
from vision.colour import Floats, transmitted_lab
from vision.column import Column, take_column
from vision.confidence import confidence
from vision.disturbances import disturbances
from vision.explain import Explanation, Layered, Window, explain, window_of
from vision.profile import FLOOR_SD_MM
from vision.quality import frame_doubt
from vision.reading import Doubt, Lab, Layer, State, VialReading

Image = npt.NDArray[np.uint8]

SURE = 0.65
"""A less probable explanation is no answer."""
EMPTY_SD_MM = 0.6
"""Of the level of a vial that is called empty: so little is not seen."""
GLASS_LEFT = 0.5
"""Of the light that an empty vial's glass mirrors away, a full one's does so much: liquid wets its inner faces."""
GLASS_MOST = 0.16
"""Glass and air take away no more than this (decadic absorbance), in any channel."""
GLASS_TINT = 0.03


def read_frame(
    image: Image,
    views: Sequence[VialView],
    *,
    empty: Image | None = None,
    expected_ul: Sequence[float | None] | None = None,
) -> list[VialReading]:
    """Read every vial of one frame; what is wrong with the frame as a whole is found once.

    Raises ValueError when `image` is no (h, w, 3) uint8 array or there are not as many expected volumes as views.
    """
    checked(image)
    if expected_ul is not None and len(expected_ul) != len(views):
        raise ValueError(f"{len(expected_ul)} expected volumes for {len(views)} vials: give one for each, or None")
    doubt = frame_doubt(image)
    told = [None] * len(views) if expected_ul is None else expected_ul
    return [_read(image, view, doubt, empty, ul) for view, ul in zip(views, told, strict=True)]


def read_vial(
    image: Image, view: VialView, *, empty: Image | None = None, expected_ul: float | None = None
) -> VialReading:
    """Read the vial that `view` describes.

    empty: a picture of the same slot with an empty vial, which takes the glass's own lines away.
    expected_ul: what was dosed; it may break a tie but never moves a line that is seen.
    Raises ValueError when `image` is no (h, w, 3) uint8 array. What cannot be read is a value: see `doubt`.
    """
    checked(image)
    cut = inside(view.box_px, image.shape)
    doubt = Doubt.OUT_OF_FRAME if cut is None else frame_doubt(image[cut[1] : cut[3], cut[0] : cut[2]])
    return _read(image, view, doubt, empty, expected_ul)


def checked(image: Image) -> None:
    """Raises ValueError when `image` is no (h, w, 3) uint8 array."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a picture is (h, w, 3) uint8 BGR, not {image.shape} {image.dtype}")


def _read(
    image: Image, view: VialView, doubt: Doubt, empty: Image | None, expected_ul: float | None
) -> VialReading:
    if not usable(view, image.shape):
        return unknown(view, Doubt.OUT_OF_FRAME)
    if doubt & (Doubt.DARK | Doubt.SATURATED):
        return unknown(view, doubt)
    column = take_column(image, view) if view.white_px is not None or view.scaled else None
    if column is None and view.white_px is None:
        return photograph.read_photograph(image, view, doubt)
    if column is None:
        return unknown(view, doubt | Doubt.NO_EDGE)
    window = window_of(view, column)
    there = presence.present(column, column.left, column.left + view.box_px[2] - view.box_px[0], window.meniscus)
    if not there:
        return absent(view, doubt, sure=there is False and view.white_px is not None)
    if column.glare > 0.05:
        doubt |= Doubt.GLARE
    reference = None if empty is None or empty.shape != image.shape else take_column(empty, view)
    return read_column(view, column, reference, window, expected_ul, doubt)


def usable(view: VialView, shape: tuple[int, ...]) -> bool:
    """Box and base are numbers, and the whole box (but for a pixel) is in the picture."""
    x0, y0, x1, y1 = view.box_px
    if not np.all(np.isfinite([*view.box_px, view.base_row])) or x1 - x0 < 8 or y1 - y0 < 16:
        return False
    return x0 >= -1 and y0 >= -1 and x1 <= shape[1] + 1 and y1 <= shape[0] + 1 and y0 < view.base_row <= y1 + 1


def read_column(
    view: VialView, column: Column, empty: Column | None, window: Window, expected_ul: float | None, doubt: Doubt
) -> VialReading:
    """Explain the column and put the numbers to it."""
    if not window.readable:
        return unknown(view, doubt | Doubt.OUT_OF_FRAME, present=True)
    row = None if expected_ul is None else view.expected_row(expected_ul)
    found = explain(column, empty, window, None if row is None else row - column.top)
    if found.layers and found.layers[0].top < window.first + 2 * window.meniscus:
        doubt |= Doubt.FULL
    doubt |= disturbances(column, window, found)
    sure = confidence(found, doubt)
    cap = capped(column, window.px_per_mm)
    if sure < SURE:
        return replace(unknown(view, doubt | Doubt.AMBIGUOUS, present=True), cap=cap, bottom_row=view.base_row)
    if not found.layers:
        bare = reading(view, "empty", doubt, sure, present=True)
        return replace(bare, cap=cap, bottom_row=view.base_row, fill=0.0)
    return filled(view, column, empty, window, found, replace(unknown(view, doubt), confidence=sure, cap=cap))


def filled(
    view: VialView, column: Column, empty: Column | None, window: Window, found: Explanation, told: VialReading
) -> VialReading:
    """`told` with what fills the vial."""
    bottom = view.base_row - column.top
    layers = [replace(layer, bottom=min(layer.bottom, bottom)) for layer in found.layers]
    layers[-1] = replace(layers[-1], bottom=bottom)
    row = layers[0].top + column.top
    scaled = view.scaled and not layers[0].solid
    volume = view.volume(view.level_mm(row), found.top_sd / view.px_per_mm) if scaled else None
    clear, turbid = None, None
    if not layers[0].solid:
        m = window.meniscus + 1
        clear, turbid = clarity(
            column, empty, (window.first, layers[0].top - m), (layers[0].top + 2 * m, layers[0].bottom - m)
        )
    shown = tuple(
        Layer(e.top + column.top, e.bottom + column.top, lab_of(column, e, window, found.air)) for e in layers
    )
    liquids = [lab.lab for lab, layer in zip(shown, layers, strict=True) if not layer.solid]
    return replace(
        told,
        state=state_of(layers),
        present=True,
        surface_row=None if layers[0].solid else row,
        surface_sd_px=None if layers[0].solid else found.top_sd,
        level_mm=view.level_mm(row) if scaled else None,
        level_sd_mm=float(np.hypot(found.top_sd / view.px_per_mm, FLOOR_SD_MM)) if scaled else None,
        volume_ul=None if volume is None else volume[0],
        volume_sd_ul=None if volume is None else volume[1],
        layers=shown,
        lab=liquids[0] if len(liquids) == 1 else None,
        clarity=clear,
        turbidity=turbid,
        bottom_row=view.base_row,
        fill=float(np.clip((bottom - layers[0].top) / max(1.0, bottom), 0, 1)),
    )


def state_of(layers: Sequence[Layered]) -> State:
    """In words."""
    if layers[0].solid:
        return "solid"
    if layers[-1].solid:
        return "liquid+solid"
    return "liquid" if len(layers) == 1 else "two_phase"


def lab_of(column: Column, layer: Layered, window: Window, air: Floats) -> Lab:
    """Colour of a layer's middle, away from its edges."""
    inset = window.meniscus + 1
    begin = round(layer.top) + 2 * inset
    end = min(round(layer.bottom) - inset, window.last)
    rows = slice(begin, end) if end > begin else slice(max(0, round(layer.top)), max(1, round(layer.bottom)))
    width = column.absorbance.shape[1]
    first = round(0.32 * width)
    pixels = column.absorbance[rows, first : max(first + 3, round(0.68 * width))]
    return colour(np.asarray(pixels, np.float64), np.zeros(3) if layer.solid else air)


def colour(absorbance: Floats, glass: Floats) -> Lab:
    """Lab of what the liquid transmits: the glass that the air above shows is taken off."""
    tint = np.clip(glass - glass.mean(), -GLASS_TINT, GLASS_TINT)
    pixels = absorbance.reshape(-1, 3) - GLASS_LEFT * np.clip(glass.mean(), 0, GLASS_MOST) - tint
    return transmitted_lab(np.minimum(10.0**-pixels, 1.0))


def reading(view: VialView, state: State, doubt: Doubt, confidence: float, *, present: bool | None) -> VialReading:
    """A reading without a surface. An empty vial holds 0; an unknown one has no numbers."""
    none = state == "empty"
    sized = none and view.scaled
    volume = view.volume(0.0, EMPTY_SD_MM) if sized else None
    return VialReading(
        box_px=view.box_px,
        state=state,
        present=present,
        surface_row=None,
        surface_sd_px=None,
        level_mm=0.0 if none else None,
        level_sd_mm=EMPTY_SD_MM if sized else None,
        volume_ul=0.0 if none else None,
        volume_sd_ul=None if volume is None else volume[1],
        layers=(),
        lab=None,
        clarity=None,
        doubt=doubt,
        confidence=confidence,
    )


def unknown(view: VialView, doubt: Doubt, *, present: bool | None = None) -> VialReading:
    """No answer, and why."""
    return reading(view, "unknown", doubt, 0.0, present=present)


def absent(view: VialView, doubt: Doubt, *, sure: bool) -> VialReading:
    """No vial in the slot; with something upright in the wrong place, not even that is sure."""
    if not sure:
        return unknown(view, doubt | Doubt.AMBIGUOUS | Doubt.MOVED)
    return reading(view, "no_vial", doubt | Doubt.NO_VIAL, 0.95, present=False)
