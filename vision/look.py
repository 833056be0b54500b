"""`aliquot look`: read vessels in pictures that come from anywhere."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vision.background import Box
from vision.calibration import VialView
from vision.correction import Correction
from vision.locate import locate
from vision.picture import ImageError, load_image
from vision.reader import read_vial
from vision.reading import Doubt, VialReading

Slot = tuple[int, Box]
Json = dict[str, object]
COLUMNS = ("file", "vessel", "x0", "y0", "x1", "y1")


def view_of(box: Box) -> VialView:
    """A view of which only the box is known: no scale, so no level in mm and no volume."""
    nan = math.nan
    return VialView(box_px=box, base_row=box[3], px_per_mm=nan, bore_mm=nan, capacity_ul=nan)


def look_image(
    path: Path | str, boxes: Sequence[Box] | None = None, correction: Correction | None = None
) -> list[VialReading]:
    """Read the vessels in `boxes`, or the upright vessels that are found; none found is an empty list.

    correction: of the camera's colours; the vessels are then read in the corrected picture.
    Raises ImageError when the picture cannot be read. A box that is no box gives an unknown reading.
    """
    image = load_image(path)
    if correction is not None:
        image = correction.corrected(image)
    return [read_vial(image, view_of(box)) for box in (locate(image) if boxes is None else boxes)]


def reading_to_json(reading: VialReading, vessel: int | None = None) -> Json:
    """One reading as plain values, in the form of a prediction: bbox, state, surface_y, boundaries, confidence."""
    found: Json = {} if vessel is None else {"vessel": vessel}
    return found | {
        "bbox": [_number(v) for v in reading.box_px],
        "state": reading.state,
        "present": reading.present,
        "surface_y": _number(reading.surface_row),
        "surface_sd_px": _number(reading.surface_sd_px),
        "boundaries": [_number(row) for row in reading.boundary_rows],
        "bottom_row": _number(reading.bottom_row),
        "fill": _number(reading.fill),
        "layers": [[_number(v) for v in layer.lab] for layer in reading.layers],
        "level_mm": _number(reading.level_mm),
        "volume_ul": _number(reading.volume_ul),
        "volume_sd_ul": _number(reading.volume_sd_ul),
        "lab": None if reading.lab is None else [_number(v) for v in reading.lab],
        "clarity": _number(reading.clarity),
        "turbidity": _number(reading.turbidity),
        "cap": reading.cap,
        "doubt": [str(d.name) for d in Doubt if d is not Doubt.NONE and d in reading.doubt],
        "confidence": round(reading.confidence, 4),
    }


def _number(value: float | None) -> float | None:
    """A number that JSON can hold."""
    return None if value is None or not math.isfinite(value) else round(float(value), 4)


def load_slots(path: Path | str) -> dict[str, list[Slot]]:
    """slots.csv: file, vessel, x0, y0, x1, y1; further columns are passed over. Raises ImageError, line named."""
    where, slots = Path(path), dict[str, list[Slot]]()
    try:
        with where.open(newline="", encoding="utf-8-sig") as lines:
            table = csv.DictReader(lines)
            missing = [c for c in COLUMNS if c not in (table.fieldnames or ())]
            if missing:
                raise ImageError(
                    f"{where}: column {', '.join(missing)} is missing; needed are {', '.join(COLUMNS)}"
                )
            for row in table:
                try:
                    x0, y0, x1, y1 = (float(row[c]) for c in COLUMNS[2:])
                    slots.setdefault(row["file"], []).append((int(row["vessel"]), (x0, y0, x1, y1)))
                except (TypeError, ValueError) as error:
                    raise ImageError(f"{where}, line {table.line_num}: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImageError(f"{where}: cannot be read: {error}") from error
    return slots


def look_slots(
    images: Iterable[Path | str], slots: Mapping[str, Sequence[Slot]], correction: Correction | None = None
) -> dict[str, list[Json]]:
    """Predictions by file name for each picture that `slots` names. Raises ImageError for one that it does not."""
    predictions: dict[str, list[Json]] = {}
    for path in images:
        name = Path(path).name
        if name not in slots:
            raise ImageError(f"{name}: the list of slots does not name this picture")
        readings = look_image(path, [box for _, box in slots[name]], correction)
        predictions[name] = [
            reading_to_json(reading, vessel) for reading, (vessel, _) in zip(readings, slots[name], strict=True)
        ]
    return predictions
