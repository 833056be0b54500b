"""`aliquot plate`: a plate's wells as a table, as plain values, and drawn on the picture."""

import cv2
import numpy as np
import numpy.typing as npt

from vision.plate import PlateReading, Well
from vision.reading import Doubt

Image = npt.NDArray[np.uint8]
Json = dict[str, object]
MARK = {"filled": "+", "empty": "o", "unknown": "?"}


def plate_to_json(reading: PlateReading) -> Json:
    """A plate as plain values."""
    return {
        "rows": reading.rows,
        "columns": reading.columns,
        "notes": list(reading.notes),
        "wells": [_well_to_json(well) for well in reading.wells],
    }


def _well_to_json(well: Well) -> Json:
    return {
        "well": well.name,
        "state": well.state,
        "confidence": round(well.confidence, 3),
        "centre_px": [round(v, 2) for v in well.centre_px],
        "radius_px": round(well.radius_px, 2),
        "lab": None if well.lab is None else [round(v, 2) for v in well.lab],
        "doubt": doubt_words(well.doubt),
    }


def doubt_words(doubt: Doubt) -> list[str]:
    """The names of the flags that are set."""
    return [str(d.name) for d in Doubt if d is not Doubt.NONE and d in doubt]


def plate_lines(reading: PlateReading) -> list[str]:
    """A map of the plate, a line for each well, and what holds for the whole plate."""
    lines = ["     " + " ".join(f"{n + 1:>2}" for n in range(reading.columns))]
    for row in range(reading.rows):
        wells = reading.wells[row * reading.columns : (row + 1) * reading.columns]
        lines.append(f"{wells[0].name[:-1]:>4} " + " ".join(f"{MARK[well.state]:>2}" for well in wells))
    lines.append("     " + "   ".join(f"{mark} {state}" for state, mark in MARK.items()))
    lines.append(f"{'well':<6}{'state':<9}{'sure':>5}{'L':>8}{'a':>8}{'b':>8}  doubt")
    for well in reading.wells:
        lab = "".join(f"{v:>8.1f}" for v in well.lab) if well.lab else f"{'-':>8}" * 3
        doubt = ", ".join(doubt_words(well.doubt & ~Doubt.NO_WHITE)).lower().replace("_", " ")
        lines.append(f"{well.name:<6}{well.state:<9}{well.confidence:>5.0%}{lab}  {doubt}".rstrip())
    if any(Doubt.NO_WHITE in well.doubt for well in reading.wells):
        lines.append("Colours are as photographed: neither a white nor a chart was named.")
    return lines + [f"{note[0].upper()}{note[1:]}." for note in reading.notes]


def draw_plate(image: Image, reading: PlateReading) -> Image:
    """A new picture: a full circle and "+" where filled, a broken one and "o" where empty, else a box and "?"."""
    canvas: Image = np.array(image, dtype=np.uint8, order="C")
    for well in reading.wells:
        x, y = (round(v) for v in well.centre_px)
        radius = max(2, round(well.radius_px))
        for colour, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            if well.state == "filled":
                cv2.circle(canvas, (x, y), radius, colour, thick, cv2.LINE_AA)
            elif well.state == "empty":
                for start in range(0, 360, 60):
                    cv2.ellipse(canvas, (x, y), (radius, radius), 0, start, start + 30, colour, thick, cv2.LINE_AA)
            else:
                corner = (x - radius, y - radius), (x + radius, y + radius)
                cv2.rectangle(canvas, *corner, colour, thick, cv2.LINE_AA)
            size = radius / 30
            at = (x - round(9 * size), y + round(9 * size))
            cv2.putText(canvas, MARK[well.state], at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
    return canvas
