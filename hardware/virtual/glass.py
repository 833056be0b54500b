"""One vial of clear glass before a white panel, and the liquid in it: how much light each pixel lets through."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hardware.spec import VialSpec
from hardware.virtual.dyes import transmission

Floats = npt.NDArray[np.float32]

WALL_MM = 1.0
CLEAR = 0.965
"""What the middle of an empty vial lets through."""
_NECK = 0.74
_RIM = 0.82


def _smooth(x: Floats, low: float, high: float) -> Floats:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _line(x: Floats, centre: float | Floats, sd: float) -> Floats:
    return np.asarray(np.exp(-(((x - centre) / sd) ** 2)), np.float32)


def _three(grey: npt.ArrayLike) -> Floats:
    """The same in B, G and R."""
    return np.repeat(np.asarray(grey, np.float32)[..., None], 3, axis=2)


class Glass:
    """A patch as wide as the vial, `rows` in picture rows, columns centred on its axis plus a part of a pixel."""

    def __init__(self, vial: VialSpec, base_row: float, px_per_mm: float, phase: float = 0.0) -> None:
        self._vial, self._base_row, self._ppm = vial, base_row, px_per_mm
        self.top = int(base_row - (vial.height_mm - vial.base_mm) * px_per_mm) - 4
        self.bottom = int(base_row + vial.base_mm * px_per_mm) + 4
        self.half = int(vial.outer_mm / 2 * px_per_mm) + 5
        self._row = np.arange(self.top, self.bottom, dtype=np.float32)[:, None]
        self._x = (np.arange(-self.half, self.half + 1, dtype=np.float32) - phase)[None, :]
        self._inner_px = vial.bore_mm / 2 * px_per_mm
        self._outline()
        self.light, self.shine = self._empty()

    def _outline(self) -> None:
        """Outer half-width of every row, px, and how steeply it changes."""
        vial = self._vial
        up_mm = (self._base_row - self._row) / self._ppm + vial.base_mm
        level_mm = vial.capacity_ul / (np.pi * vial.bore_mm**2 / 4) + vial.base_mm + 0.7
        shoulder = min(level_mm, vial.height_mm * 0.8)
        neck = shoulder + (vial.height_mm - shoulder) * 0.45
        lip = vial.height_mm - min(3.0, vial.height_mm * 0.06)
        width = 1.0 - (1.0 - _NECK) * _smooth(np.asarray(up_mm, np.float32), shoulder, neck)
        width = width + (_RIM - _NECK) * _smooth(np.asarray(up_mm, np.float32), lip - 0.5, lip + 0.3)
        heel = np.clip(1.0 - up_mm / 1.2, 0.0, 1.0)
        self._half_px = np.asarray((width - 0.05 * heel**2) * vial.outer_mm / 2 * self._ppm, np.float32)
        slope = np.abs(np.gradient(self._half_px[:, 0]))[:, None]
        self._slope = np.asarray(np.clip(slope, 0.0, 1.2), np.float32)
        self._inside = (up_mm > 0) & (up_mm < vial.height_mm)
        self._lip_row = self._base_row - (lip - vial.base_mm) * self._ppm
        self._rim_row = self._base_row - (vial.height_mm - vial.base_mm) * self._ppm

    def _empty(self) -> tuple[Floats, Floats]:
        """What passes, and what the glass reflects towards the camera: (h, w, 3) each."""
        x, row, half = np.abs(self._x), self._row, self._half_px
        u = x / half
        wall = WALL_MM * self._ppm
        light = CLEAR - 0.10 * u**6
        light = light - 0.80 * np.exp(-((np.clip(half - x, 0, None) / (0.34 * wall)) ** 2))
        light = light - 0.30 * _line(np.asarray(half - x, np.float32), wall, 0.16 * wall)
        light = light - 0.34 * self._slope * _smooth(np.asarray(u, np.float32), 0.25, 1.0)
        light = light - 0.20 * _line(row, self._rim_row + 1.6, 1.5) - 0.16 * _line(row, self._lip_row, 1.6)
        light = light - 0.06 * _smooth(-row, -self._lip_row - 2, -self._rim_row)
        heel = self._heel_row()
        light = light - 0.42 * _line(np.asarray(row - heel, np.float32), 0.8, 1.5) * (x < self._inner_px + 1)
        below = _smooth(np.asarray(row - heel, np.float32), 0.0, 3.0)
        light = light - below * (0.16 + 0.30 * u**4)
        end = self._base_row + self._vial.base_mm * self._ppm
        light = light - 0.45 * _line(row, end - 0.5, 1.6)
        cover = np.clip(half - x + 0.5, 0.0, 1.0) * self._inside
        passes = 1.0 - cover * (1.0 - np.clip(light, 0.06, 1.2))

        body = _smooth(row, self._rim_row + 3, self._rim_row + 14) * (
            1 - _smooth(row, heel.min() - 12, heel.min() - 2)
        )
        side = self._x / half
        shine = 0.17 * _line(side, -0.70, 0.035) + 0.08 * _line(side, -0.78, 0.02) + 0.07 * _line(side, 0.73, 0.02)
        shine = shine * (0.55 + 0.45 * _smooth(row, self._lip_row, self._base_row)) * body
        rim = 0.20 * _line(row, self._rim_row + 4.0, 1.2) * _line(side, -0.35, 0.28)
        return _three(passes), _three(cover * (shine + rim))

    def _heel_row(self) -> Floats:
        """Row of the inner bottom in every column: flat, with rounded corners."""
        u = np.clip(np.abs(self._x) / self._inner_px, 0.0, 1.0)
        return np.asarray(self._base_row - 1.0 * self._ppm * u**12, np.float32)

    def surface_row(self, volume_ul: float) -> float:
        """Row of the surface on the axis."""
        return self._base_row - volume_ul / (np.pi * self._vial.bore_mm**2 / 4) * self._ppm

    def liquid(self, contents_ul: Mapping[str, float], ripple_px: float = 0.0) -> tuple[int, Floats]:
        """First row, and (rows, w, 3) what the liquid lets through, B, G, R; on top of the glass."""
        surface = self.surface_row(sum(contents_ul.values()))
        first = max(self.top, int(surface) - int(1.3 * self._ppm) - 4)
        row = self._row[first - self.top :]
        x = np.abs(self._x)
        u = np.clip(x / self._inner_px, 0.0, 1.0)
        wet = np.clip(self._inner_px - x + 0.5, 0.0, 1.0)
        edge = surface - 0.9 * self._ppm * u**8 + ripple_px * np.sin(self._x / self._inner_px * 4.0)
        filled = np.clip(row - edge + 0.5, 0.0, 1.0) * np.clip(self._heel_row() - row + 0.5, 0.0, 1.0) * wet

        path_mm = 2 * np.sqrt(np.clip(self._inner_px**2 - x[0] ** 2, 0.0, None)) / self._ppm
        colour = transmission(contents_ul, path_mm)
        bent = 1.0 - 0.05 * u[0] ** 4 - 0.62 * _smooth(np.asarray(u[0], np.float32), 0.84, 0.99)
        through = colour * np.asarray(bent, np.float32)[:, None]
        light = 1.0 - _three(filled) * (1.0 - through)

        near = np.asarray(row - edge, np.float32)
        dark = 0.62 * _line(near, 0.6, 1.4) + 0.20 * _line(near, 3.8, 1.8)
        bright = 0.12 * _line(near, -2.8, 1.1)
        meniscus = 1.0 + (bright - dark) * wet * (row < self._base_row)
        light *= _three(meniscus)
        return first, np.asarray(light, np.float32)
