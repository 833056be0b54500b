"""A colour correction: from the codes of one camera under one lamp to linear sRGB, D65.

Codes are brought to light by the camera's curve, then a matrix acts on them or on their root polynomial, which does
not change with exposure (Finlayson, Mackiewicz, Hurlbert, IEEE Trans. Image Process. 24 (2015) 1460).
"""

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vision.colour import SRGB_LINEAR, linear_rgb_to_lab

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

KIND = "aliquot colour correction"
POWERS = (0.3, 3.0)
MOST_BYTES = 100_000
AGAIN = "save it anew: aliquot chart CHART.jpg --out FILE.json"


class ChartError(ValueError):
    """A chart, grey patch or saved correction that cannot serve; the message says why and what to do."""


@dataclass(frozen=True)
class Correction:
    """From 8-bit codes to linear sRGB, D65.

    matrix: row by row, three rows (red, green, blue) of 3 terms (r, g, b) or of 6 (and √rg, √gb, √rb), of light
    raised to `power`. mean_de00, max_de00: CIEDE2000 over the patches, each left out of the fit that judges it;
    None for a grey patch, which judges nothing. left_out: patches that were clipped or too dark.
    Raises ChartError at once for figures that make no correction.
    """

    matrix: tuple[float, ...]
    power: float = 1.0
    mean_de00: float | None = None
    max_de00: float | None = None
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        figures = [*self.matrix, self.power, self.mean_de00 or 0.0, self.max_de00 or 0.0]
        if len(self.matrix) not in (9, 18) or not all(math.isfinite(v) and abs(v) < 1e4 for v in figures):
            raise ChartError("a correction needs 9 or 18 finite factors")
        if not POWERS[0] <= self.power <= POWERS[1]:
            raise ChartError(f"the curve's power {self.power:g} is not within {POWERS[0]:g} to {POWERS[1]:g}")
        if np.linalg.matrix_rank(np.array(self.matrix).reshape(3, -1)) < 3:
            raise ChartError("the correction would make all colours one")

    def light(self, light_rgb: npt.ArrayLike) -> Floats:
        """Linear sRGB, D65, of linear light as `vision.colour.linear` takes it from codes; (..., 3) RGB."""
        return np.asarray(
            terms(np.asarray(light_rgb, np.float64), self.power, len(self.matrix) // 3) @ self._matrix.T
        )

    def lab(self, light_rgb: npt.ArrayLike) -> Floats:
        """CIELAB, D65, 2°, of linear light from codes; (..., 3) RGB in."""
        return linear_rgb_to_lab(np.maximum(self.light(light_rgb), 0.0))

    def corrected(self, image: Image) -> Image:
        """A new picture, 8-bit sRGB in BGR order, with the colours put right; what no screen shows is clipped."""
        curve = (SRGB_LINEAR**self.power).astype(np.float32)
        flat = cv2.LUT(image, curve)
        if len(self.matrix) == 18:
            roots = cv2.LUT(image, np.sqrt(curve))
            blue, green, red = cv2.split(roots)
            flat = cv2.merge([*cv2.split(flat), red * green, green * blue, red * blue])
        order = [2, 1, 0, 3, 4, 5][: len(self.matrix) // 3]
        matrix = (self._matrix[::-1][:, order] * 65535).astype(np.float32)
        light = np.clip(cv2.transform(flat, matrix), 0, 65535).astype(np.uint16)
        return np.asarray(_CODES[light])

    @cached_property
    def _matrix(self) -> Floats:
        return np.array(self.matrix).reshape(3, -1)

    def save(self, path: Path | str) -> None:
        """Write as JSON."""
        Path(path).write_text(json.dumps({"kind": KIND} | asdict(self), indent=1) + "\n", encoding="utf-8")


def terms(light_rgb: Floats, power: float, count: int) -> Floats:
    """(..., 3 or 6): r, g, b and, if wanted, √rg, √gb, √rb, of light raised to a power."""
    bent = np.maximum(light_rgb, 0.0) ** power
    if count == 3:
        return np.asarray(bent)
    r, g, b = np.moveaxis(np.sqrt(bent), -1, 0)
    return np.concatenate([bent, np.stack([r * g, g * b, r * b], axis=-1)], axis=-1)


def load_correction(path: Path | str) -> Correction:
    """A saved correction. Raises ChartError: no such file, another kind of file, figures out of range."""
    where = Path(path)
    try:
        with where.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ChartError(f"{where}: cannot be read: {error.strerror or error}") from error
    try:
        made = json.loads(raw.decode("utf-8-sig")) if len(raw) <= MOST_BYTES else None
    except (ValueError, RecursionError) as error:  # cut off, not text, nested too deeply, a number too long
        raise ChartError(f"{where}: cannot be read as a colour correction; {AGAIN}") from error
    if not isinstance(made, dict) or made.get("kind") != KIND:
        raise ChartError(f"{where}: is no colour correction; {AGAIN}")
    try:
        return _parsed(made)
    except ChartError as error:
        raise ChartError(f"{where}: {error}; {AGAIN}") from error


def _parsed(made: Mapping[str, object]) -> Correction:
    for key in (field.name for field in fields(Correction)):
        if key not in made:
            near = difflib.get_close_matches(key, [k for k in made if k != "kind"], n=1)
            raise ChartError(f"{key} is missing" + (f" (is {near[0]!r} meant for it?)" if near else ""))
    matrix, left_out = made["matrix"], made["left_out"]
    if not isinstance(matrix, list) or not isinstance(left_out, list):
        raise ChartError("matrix and left_out have to be lists")
    judged = (made[key] for key in ("mean_de00", "max_de00"))
    mean_de00, max_de00 = (None if value is None else _number(value) for value in judged)
    return Correction(
        tuple(map(_number, matrix)), _number(made["power"]), mean_de00, max_de00, tuple(map(str, left_out))
    )


def _number(value: object) -> float:
    """Raises ChartError for what is no number or too large for one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ChartError(f"{str(value)[:20]!r} is no number that can serve")
    return float(value)


def _srgb_codes() -> Image:
    """The sRGB code of each 16-bit linear light."""
    light = np.arange(65536) / 65535
    codes = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(codes * 255), dtype=np.uint8)


_CODES = _srgb_codes()
