"""What the eye saw, drawn on a copy of the picture: never by colour alone, each state has its line and its word.

A vial is a frame, dashed when the reading is in doubt, corners only where none stands; a cap is a bar on its top.
The surface is a thick line that reaches out of the frame, with a bracket for its 95 % interval; boundaries are
dashed, and each layer has a swatch of its colour with the colour's name.
"""

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import inside
from vision.colour import lab_to_bgr
from vision.reading import Layer, VialReading
from vision.words import EMPTY, STATES, Z95, colour_word, doubtful, doubts, here, interval

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Line = tuple[tuple[int, int], tuple[int, int]]

# Okabe and Ito's colours, told apart by people who do not see red or green; BGR
KNOWN: Colour = (178, 114, 0)
DOUBTFUL: Colour = (0, 159, 230)
NOTHING: Colour = (110, 110, 110)
INK: Colour = (255, 255, 255)
SHADE: Colour = (0, 0, 0)


def caption(reading: VialReading) -> tuple[str, ...]:
    """The lines written next to a vial."""
    lines = [f"{STATES[reading.state]} {reading.confidence:.0%}"]
    if reading.state not in EMPTY:
        if reading.level_mm is not None:
            lines.append(f"{reading.level_mm:.1f}{interval(reading.level_sd_mm, 1)} mm")
        if reading.volume_ul is not None:
            lines.append(f"{reading.volume_ul:.0f}{interval(reading.volume_sd_ul, 0)} uL")
    if reading.cap:
        lines.append("capped")
    return (*lines, *doubts(reading))


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
    colour = NOTHING if not here(reading) else DOUBTFUL if doubtful(reading) else KNOWN
    if not here(reading):  # a place, not a vial
        reach = max(2, (x1 - x0) // 5)
        for x, inward in ((x0, reach), (x1, -reach)):
            for y, down in ((y0, reach), (y1, -reach)):
                _stroke(canvas, [(x + inward, y), (x, y), (x, y + down)], colour, unit)
    else:
        sides: tuple[Line, ...] = (
            ((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x0, y1), (x1, y1)), ((x0, y0), (x0, y1)),
        )  # fmt: skip
        for side in sides:
            (_dash if doubtful(reading) else _solid)(canvas, side, colour, unit)
        if reading.cap:
            _solid(canvas, ((x0, y0), (x1, y0)), colour, 4 * unit)
        _draw_surface(canvas, reading, box, colour, unit)
        _draw_layers(canvas, reading.layers, box, unit, with_words)
    if with_words:
        for number, line in enumerate(reversed(caption(reading))):
            _write(canvas, line, (x0, y0 - 6 * unit - 13 * unit * number), unit)


def _draw_surface(
    canvas: Image, reading: VialReading, box: tuple[int, int, int, int], colour: Colour, unit: int
) -> None:
    if reading.surface_row is None or not np.isfinite(reading.surface_row):
        return
    left, right, row = box[0] - 4 * unit, box[2] + 4 * unit, round(reading.surface_row)
    _solid(canvas, ((left, row), (right, row)), colour, 2 * unit)
    if reading.surface_sd_px is not None and np.isfinite(reading.surface_sd_px):
        half = max(1, round(Z95 * reading.surface_sd_px))
        tick = right - 4 * unit
        bracket = [(tick, row - half), (right, row - half), (right, row + half), (tick, row + half)]
        _stroke(canvas, bracket, colour, unit)


def _draw_layers(
    canvas: Image, layers: tuple[Layer, ...], box: tuple[int, int, int, int], unit: int, with_words: bool
) -> None:
    """Nothing for one layer: its colour is to be seen."""
    for number, layer in enumerate(layers if len(layers) > 1 else ()):
        if not np.all(np.isfinite((layer.top_row, layer.bottom_row, *layer.lab))):
            continue
        if number:
            row = round(layer.top_row)
            _dash(canvas, ((box[0], row), (box[2], row)), INK, unit)
        middle = round((layer.top_row + layer.bottom_row) / 2)
        at = (box[2] + 3 * unit, middle - 5 * unit)
        corner = (at[0] + 10 * unit, at[1] + 10 * unit)
        cv2.rectangle(canvas, at, corner, [int(v) for v in lab_to_bgr(layer.lab)], -1)
        cv2.rectangle(canvas, at, corner, SHADE, unit)
        if with_words:
            _write(canvas, colour_word(layer.lab), (corner[0] + 2 * unit, middle + 4 * unit), unit)


def _solid(canvas: Image, line: Line, colour: Colour, thick: int) -> None:
    _stroke(canvas, list(line), colour, thick)


def _dash(canvas: Image, line: Line, colour: Colour, unit: int) -> None:
    (x0, y0), (x1, y1) = line
    length = max(abs(x1 - x0), abs(y1 - y0), 1)
    for start in range(0, length, 14 * unit):
        a, b = start / length, min(start + 6 * unit, length) / length
        ends = [(round(x0 + t * (x1 - x0)), round(y0 + t * (y1 - y0))) for t in (a, b)]
        _stroke(canvas, ends, colour, unit)


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
