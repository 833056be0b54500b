"""The light that comes from behind: panel, printed pattern, room, floor, lamps beside; at any place, in mm."""

import cv2
import numpy as np
import numpy.typing as npt

from hardware.virtual.optics.specimen import Backdrop, Pattern

Floats = npt.NDArray[np.float32]


def soft(x: npt.ArrayLike, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((np.asarray(x, np.float32) - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _ramp(x: Floats, edge: float, reach: float) -> Floats:
    """0 below an edge, 1 above it, straight between."""
    return np.asarray(np.clip((x - np.float32(edge)) * np.float32(0.5 / reach) + np.float32(0.5), 0, 1), np.float32)


def shade(backdrop: Backdrop, x: Floats, y: Floats) -> Floats:
    """How unevenly the panel is lit, about 1."""
    gx, gy, bend = (np.float32(g) for g in backdrop.uneven)
    across, up = np.clip(x * np.float32(1 / 60), -2, 2), np.clip((y - 20) * np.float32(1 / 60), -2, 2)
    return np.asarray(across * (gx - bend * across) + (1 + up * (gy - bend * up)), np.float32)


def printed(pattern: Pattern, x: Floats, y: Floats) -> Floats:
    """What the printed strip leaves of the light, 1 where there is no ink."""
    along = {"upright": x, "level": y, "slanted": (x + y) * np.float32(0.7071)}[pattern.kind]
    wave = np.sin(along * np.float32(2 * np.pi / pattern.pitch_mm))
    ink = _ramp(wave, 0.0, 0.25 / pattern.pitch_mm)
    strip = 1 - _ramp(np.abs(x), pattern.across_mm / 2, 0.2)
    return np.asarray(1 - np.float32(pattern.contrast) * ink * strip, np.float32)


def light(backdrop: Backdrop, x: Floats, y: Floats) -> Floats:
    """Linear BGR (h, w, 3) that comes from the place (x, y); x and y broadcast against each other."""
    b = backdrop
    across = np.minimum(_ramp(x, b.left_mm, 0.8), 1 - _ramp(x, b.right_mm, 0.8))
    upright = np.minimum(_ramp(y, b.bottom_mm, 0.8), 1 - _ramp(y, b.top_mm, 0.8))
    above = _ramp(y, b.floor_mm, 0.15)
    on_panel = across * upright
    level = shade(b, x, y)
    if b.pattern is not None:
        level = level * printed(b.pattern, x, y)
    panel = on_panel * level * above * np.float32(b.level)
    height = np.clip((y - 20) * np.float32(1 / 80), -1.5, 1.5)
    room = (1 - on_panel) * (1 + height * (np.float32(0.5) - np.float32(0.1) * height * height)) * above
    under = b.floor_mm - y
    floor = (1 - above) * (1 - np.float32(0.5) * np.clip(under * np.float32(1 / 12), 0, 1))
    floor = floor * (1 + np.float32(1.2) * np.clip(1 - np.abs(under - 0.25) * 4, 0, 1))
    channels = [
        panel * np.float32(b.colour[c]) + room * np.float32(b.room[c]) + floor * np.float32(b.floor[c])
        for c in range(3)
    ]
    if b.side_light > 0:
        away = np.abs(x)
        lamps = b.side_light * above * np.maximum(_ramp(away, 60, 5) - _ramp(away, 215, 25), 0.6 * _ramp(y, 85, 10))
        channels = [np.asarray(c + lamps, np.float32) for c in channels]
    return np.asarray(cv2.merge([np.ascontiguousarray(c, np.float32) for c in channels]), np.float32)
