"""A colour correction: from the codes of one camera under one lamp to linear sRGB, D65.

Codes are brought to light by the camera's curve, then a matrix acts on them or on their root polynomial, which does
not change with exposure (Finlayson, Mackiewicz, Hurlbert, IEEE Trans. Image Process. 24 (2015) 1460).
"""

import json
import math
from dataclasses import asdict, dataclass
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
        made = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ChartError(f"{where}: cannot be read as a colour correction: {error}") from error
    if not isinstance(made, dict) or made.pop("kind", None) != KIND:
        raise ChartError(f"{where}: is no colour correction")
    try:
        return Correction(
            matrix=tuple(float(v) for v in made["matrix"]),
            power=float(made["power"]),
            mean_de00=_number(made["mean_de00"]),
            max_de00=_number(made["max_de00"]),
            left_out=tuple(str(name) for name in made["left_out"]),
        )
    except KeyError as error:
        raise ChartError(f"{where}: {error.args[0]} is missing") from error
    except (TypeError, ValueError) as error:
        raise ChartError(f"{where}: {error}") from error


def _number(value: object) -> float | None:
    if value is not None and not isinstance(value, int | float):
        raise ChartError(f"{value!r} is no number")
    return None if value is None else float(value)


def _srgb_codes() -> Image:
    """The sRGB code of each 16-bit linear light."""
    light = np.arange(65536) / 65535
    codes = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(codes * 255), dtype=np.uint8)


_CODES = _srgb_codes()
