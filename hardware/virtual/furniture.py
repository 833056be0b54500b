"""What stands still in the picture: the lit panel, the rack's front, the nozzles."""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from hardware.virtual.dyes import transmission

Floats = npt.NDArray[np.float32]

_PANEL = 0.80
"""Linear brightness of the panel in the middle."""
_WARM = (0.935, 0.985, 1.0)
"""Its tint, B, G, R."""
_FINE = 4


def panel(width: int, height: int) -> Floats:
    """The lit panel: a little brighter in the middle and at the top, slightly warm."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = (x - width * 0.53) / width, (y - height * 0.42) / height
    level = 1.0 - 0.16 * u * u - 0.10 * v * v + 0.018 * u - 0.012 * v
    tint = np.array(_WARM, np.float32) * (1.0 + np.array([-0.012, 0.0, 0.006], np.float32) * u[..., None])
    return np.asarray(_PANEL * level[..., None] * tint, np.float32)


def rack_front(width: int, height: int, top: float) -> tuple[int, Floats]:
    """First row and linear picture of the rack's front, dark anodised, with a bright upper edge."""
    first = int(top)
    rows = np.arange(first, height, dtype=np.float32)[:, None] - top
    face = 0.055 - 0.018 * np.clip(rows / 30.0, 0, 1)
    face = face + 0.20 * np.exp(-(((rows - 1.2) / 1.3) ** 2)) + 0.02 * np.exp(-(((rows - 7.0) / 1.5) ** 2))
    x = np.arange(width, dtype=np.float32)[None, :]
    face = face * (1.0 - 0.25 * ((x - width / 2) / width) ** 2)
    return first, np.asarray(face[..., None] * np.array([1.06, 1.0, 0.97], np.float32), np.float32)


@lru_cache(maxsize=512)
def label(text: str) -> Floats:
    """The slot's name as engraved on the rack: (h, w) brightness to add."""
    scale, thick = 0.42 * _FINE, 5
    (w, h), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    fine = np.zeros((h + base + 2 * _FINE, w + 2 * _FINE), np.uint8)
    cv2.putText(fine, text, (_FINE, h + _FINE), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    small = cv2.resize(fine, None, fx=1 / _FINE, fy=1 / _FINE, interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32) * (0.42 / 255.0), np.float32)


class Nozzles:
    """A bundle of tubes, one a stock, each with its liquid, held by a block that comes in from above."""

    def __init__(self, stocks: tuple[str, ...], px_per_mm: float, bore_mm: float) -> None:
        pitch = min(2.3 * px_per_mm, 0.5 * bore_mm * px_per_mm / max(1, len(stocks)))
        self.x_px = {s: (i - (len(stocks) - 1) / 2) * pitch for i, s in enumerate(stocks)}
        self._half, self._tall = int(max(44.0, pitch * len(stocks) / 2 + 20)), 200
        self._stocks, self._pitch = stocks, pitch
        self.colour, self.cover = self._draw(px_per_mm)

    @property
    def size_px(self) -> tuple[int, int]:
        """Half the width, and the height above the tips."""
        return self._half, self._tall

    def _draw(self, ppm: float) -> tuple[Floats, Floats]:
        """(h, w, 3) linear and (h, w, 1) cover; the tips end at the bottom row."""
        h, w, k = self._tall * _FINE, 2 * self._half * _FINE, _FINE
        colour, cover = np.zeros((h, w, 3), np.float32), np.zeros((h, w), np.float32)
        x = np.arange(w, dtype=np.float32)
        tube, tip = 0.42 * self._pitch * k, 0.24 * self._pitch * k
        for stock in self._stocks:
            centre = (self.x_px[stock] + self._half) * k
            ink = transmission({stock: 1.0}, 9.0)[0] * 0.72 + 0.05
            for half, first, last, shade in (
                (tube, 0, h - int(2.1 * ppm * k), ink),
                (tip, h - int(2.3 * ppm * k), h, np.array([0.40, 0.39, 0.38], np.float32)),
            ):
                u = (x - centre) / half
                on = np.abs(u) <= 1
                round_ = 0.45 + 0.55 * np.sqrt(np.clip(1 - u * u, 0, 1)) + 0.5 * np.exp(-(((u + 0.35) / 0.16) ** 2))
                colour[first:last, on] = shade * round_[on, None]
                cover[first:last, on] = 1.0
        self._block(colour, cover, int(h - 5.2 * ppm * k), k)
        size = (2 * self._half, self._tall)
        colour, cover = colour * cover[..., None], cover
        fine_colour = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
        fine_cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
        return np.asarray(fine_colour, np.float32), np.asarray(fine_cover, np.float32)[..., None]

    def _block(self, colour: Floats, cover: Floats, last: int, k: int) -> None:
        """The holder: black acetal with bevelled edges, four columns in."""
        left, right = int(0.28 * colour.shape[1]) - 6 * k, int(0.72 * colour.shape[1]) + 6 * k
        rows = np.arange(last, dtype=np.float32)[:, None] - last
        u = np.linspace(-1, 1, right - left, dtype=np.float32)[None, :]
        face = 0.030 + 0.030 * (1 - u**2) + 0.09 * np.exp(-(((rows + 2.0 * k) / (1.2 * k)) ** 2))
        face = face + 0.10 * np.exp(-(((u + 0.93) / 0.03) ** 2))
        colour[:last, left:right] = face[..., None]
        cover[:last, left:right] = 1.0
