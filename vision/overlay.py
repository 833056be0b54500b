"""What the eye saw, drawn on a copy of the picture: never by colour alone, each state has its line and its word."""

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import inside
from vision.reading import Doubt, VialReading

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

# Okabe and Ito's colours, told apart by people who do not see red or green; BGR
KNOWN: Colour = (178, 114, 0)
DOUBTFUL: Colour = (0, 159, 230)
NOTHING: Colour = (110, 110, 110)
INK: Colour = (255, 255, 255)
SHADE: Colour = (0, 0, 0)


def caption(reading: VialReading) -> tuple[str, ...]:
    """The lines written next to a vial."""
    lines = [f"{reading.state.replace('_', ' ')} {reading.confidence:.0%}"]
    if reading.level_mm is not None and reading.state not in ("empty", "no_vial"):
        sd = "" if reading.level_sd_mm is None else f" ±{1.96 * reading.level_sd_mm:.1f}"
        lines.append(f"{reading.level_mm:.1f}{sd} mm")
    if reading.volume_ul is not None and reading.state not in ("empty", "no_vial"):
        sd = "" if reading.volume_sd_ul is None else f" ±{1.96 * reading.volume_sd_ul:.0f}"
        lines.append(f"{reading.volume_ul:.0f}{sd} uL")
    lines += [str(d.name).lower().replace("_", " ") for d in Doubt if d in reading.doubt & ~Doubt.NO_VIAL]
    return tuple(lines)


def draw(image: Image, readings: Iterable[VialReading], words: bool = True) -> Image:
    """A new picture with boxes, surface lines, layers and, if wanted, words. A box out of the picture is not."""
    canvas: Image = np.array(image, dtype=np.uint8, order="C")
    unit = max(1, round(max(canvas.shape[:2]) / 640))
    for reading in readings:
        box = inside(reading.box_px, canvas.shape)
        if box is not None:
            _draw_one(canvas, reading, box, unit, words)
    return canvas


def _draw_one(
    canvas: Image, reading: VialReading, box: tuple[int, int, int, int], unit: int, with_words: bool
) -> None:
    x0, y0, x1, y1 = box
    colour = NOTHING if not reading.present else DOUBTFUL if reading.doubt or reading.confidence < 0.5 else KNOWN
    if reading.present:
        _stroke(canvas, [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], colour, unit)
    else:  # corners only: a place, not a vial
        reach = max(2, (x1 - x0) // 5)
        for x, inward in ((x0, reach), (x1, -reach)):
            for y, down in ((y0, reach), (y1, -reach)):
                _stroke(canvas, [(x + inward, y), (x, y), (x, y + down)], colour, unit)
    if reading.surface_row is not None and np.isfinite(reading.surface_row):
        row = round(reading.surface_row)
        _stroke(canvas, [(x0 - 4 * unit, row), (x1 + 4 * unit, row)], colour, 2 * unit)
        if reading.surface_sd_px is not None and np.isfinite(reading.surface_sd_px):
            half = max(1, round(1.96 * reading.surface_sd_px))
            _stroke(canvas, [(x1 + 4 * unit, row - half), (x1 + 4 * unit, row + half)], colour, unit)
    for layer in reading.layers[1:]:
        for x in range(x0, x1, 8 * unit):  # dashed: a boundary inside the liquid
            row = round(layer.top_row)
            _stroke(canvas, [(x, row), (min(x + 4 * unit, x1), row)], colour, unit)
    if with_words:
        for number, line in enumerate(reversed(caption(reading))):
            _write(canvas, line, (x0, y0 - 6 * unit - 13 * unit * number), unit)


def _stroke(canvas: Image, points: list[tuple[int, int]], colour: Colour, thick: int) -> None:
    path = [np.array(points, np.int32)]
    cv2.polylines(canvas, path, False, SHADE, thick + 2, cv2.LINE_AA)
    cv2.polylines(canvas, path, False, colour, thick, cv2.LINE_AA)


def _write(canvas: Image, text: str, at: tuple[int, int], unit: int) -> None:
    """Text kept inside the picture, on a dark ground; Hershey fonts know ASCII only."""
    text = text.replace("±", "+-").replace("µ", "u")
    scale = 0.38 * unit
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, unit)
    x = min(max(0, at[0]), max(0, canvas.shape[1] - width - 2))
    y = min(max(height + 2, at[1]), max(height + 2, canvas.shape[0] - 2))
    cv2.rectangle(canvas, (x, y - height - 2), (x + width + 2, y + 3), SHADE, -1)
    cv2.putText(canvas, text, (x + 1, y), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, unit, cv2.LINE_AA)
