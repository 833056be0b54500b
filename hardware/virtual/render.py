"""The camera's picture of the station from the side, in linear light, then as a sensor gives it.

A white panel behind, slightly warm and uneven; vials of clear glass on the rack's front, the station's in the
middle and its neighbours at the pitch; liquid after Beer-Lambert along the chord of every pixel column.
The rack's other rows pass below the optical axis and are not seen.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from hardware.spec import RigSpec, ViewSpec
from hardware.virtual.dyes import transmission
from hardware.virtual.furniture import Nozzles, label, panel, rack_front
from hardware.virtual.glass import Floats, Glass
from hardware.virtual.scene import Scene, SeenVial

WIDTH, HEIGHT = 640, 480
_BASE_ROW = 440.0
_TALL_PX = 384.0
_PHASES = 4
_DRIP_UL_S = 12.0
_GRAIN_SD = 1.1
"""Of one pixel, in steps of 8 bits."""
_DRIFT_SD, _TINT_SD, _DRIFT_S = 0.006, 0.0024, 2.0
"""As parts of the encoded signal: of the panel's brightness, slow and wide; of the tint seen through the vial at
the station (streaks, films on the glass), by channel; and the memory of both in seconds."""


def view_of(spec: RigSpec) -> ViewSpec:
    """Where the renderer puts the station's vial: as the rig says, where that fits the picture."""
    said, vial, rack = spec.view, spec.rack.vial, spec.rack
    if said is not None:
        x0, y0, x1, y1 = said.box_px
        if 0 <= x0 < x1 <= WIDTH and 0 <= y0 < y1 <= HEIGHT:
            return said
    ppm = min(_TALL_PX / vial.height_mm, 0.7 * WIDTH / vial.outer_mm)
    cx, half = WIDTH / 2, vial.outer_mm / 2 * ppm
    top = _BASE_ROW - (vial.height_mm - vial.base_mm) * ppm
    gap = (rack.pitch_mm - vial.outer_mm) * ppm
    wide = min(gap * 0.6, 40.0)
    x0 = cx + half + (gap - wide) / 2
    y0 = _BASE_ROW - 0.45 * (_BASE_ROW - top)
    white = (x0, y0, x0 + wide, _BASE_ROW - 20) if wide >= 6 else None
    return ViewSpec((cx - half, top, cx + half, _BASE_ROW + vial.base_mm * ppm), _BASE_ROW, ppm, white)


def _encode_table() -> npt.NDArray[np.float32]:
    """sRGB, 0 to 255, of linear light in steps of 1/65535."""
    x = np.linspace(0.0, 1.0, 65536)
    encoded = 255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.asarray(encoded[None, :], np.float32)


class Renderer:
    """Draws scenes. Not for several threads at once."""

    def __init__(self, spec: RigSpec, *, seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> None:
        self._vial, self._view = spec.rack.vial, view_of(spec)
        self._size = (width, height)
        x0, _, x1, _ = self._view.box_px
        self._axis = (x0 + x1) / 2
        ppm, base = self._view.px_per_mm, self._view.base_row
        self._glass = [Glass(self._vial, base, ppm, p / _PHASES) for p in range(_PHASES)]
        self._panel = panel(width, height)
        self._front = rack_front(width, height, base + self._vial.base_mm * ppm)
        stocks = tuple(dict.fromkeys(pump.stock or role for role, pump in spec.pumps.items()))
        self._nozzles = Nozzles(stocks, ppm, self._vial.bore_mm)
        self._patches: OrderedDict[object, Floats] = OrderedDict()
        self._drawn: tuple[object, Floats] | None = None
        self._table = _encode_table()
        self._random = np.random.default_rng(seed)
        self._drift: Floats = np.zeros((5, 6, 3), np.float32)
        self._tint: Floats = np.zeros(3, np.float32)
        self._drifted_s = -math.inf
        self._drift_to(0.0)
        grain = self._random.standard_normal((height + 64, width + 64, 3), np.float32)
        self._grain = np.asarray(_GRAIN_SD * grain, np.float32)

    def frame(self, scene: Scene) -> npt.NDArray[np.uint8]:
        """One picture, (h, w, 3) uint8 BGR, with the noise of its moment."""
        clean = self.clean(scene)
        width, height = self._size
        self._drift_to(scene.t_s)
        wide = np.asarray(cv2.resize(1.0 + self._drift, (width, height)), np.float32)
        x0, y0, x1, y1 = (round(edge) for edge in self._view.box_px)
        wide[max(0, y0) : y1, max(0, x0) : x1] *= 1.0 + self._tint
        dy, dx = self._random.integers(0, 64, 2)
        noisy = cv2.multiply(clean, wide)
        noisy = cv2.add(noisy, self._grain[dy : dy + height, dx : dx + width])
        return np.asarray(cv2.add(noisy, np.zeros(4), dtype=cv2.CV_8U), np.uint8)

    def _drift_to(self, t_s: float) -> None:
        kept = math.exp(-max(0.0, t_s - self._drifted_s) / _DRIFT_S)
        new = math.sqrt(1 - kept * kept)
        level = self._random.standard_normal((5, 6, 1), np.float32).repeat(3, axis=2)
        tint = self._random.standard_normal(3, np.float32)
        self._drift = np.asarray(kept * self._drift + new * _DRIFT_SD * level, np.float32)
        self._tint = np.asarray(kept * self._tint + new * _TINT_SD * tint, np.float32)
        self._drifted_s = t_s

    def clean(self, scene: Scene) -> Floats:
        """The picture before noise, encoded as sRGB, 0 to 255."""
        still = (
            tuple((v.slot, round(v.x_mm, 2), _key(v.contents_ul)) for v in scene.vials),
            round(scene.depth_mm, 1),
            round(scene.nozzle_mm, 1),
            scene.pouring,
        )
        if self._drawn is not None and self._drawn[0] == still and not scene.pouring:
            return self._drawn[1]
        light = self._panel.copy()
        first, front = self._front
        light[first:] = front
        for vial in scene.vials:
            self._stand(light, vial, scene)
        if abs(scene.depth_mm) > 0.05:
            light = self._out_of_focus(light, scene.depth_mm)
        self._pour(light, scene)
        self._hang_nozzles(light, scene.nozzle_mm)
        soft = cv2.GaussianBlur(light, (3, 3), 0.65)
        steps = cv2.multiply(soft, np.full(4, 65535.0), dtype=cv2.CV_16U)
        picture = np.asarray(cv2.LUT(steps, self._table), np.float32)
        self._drawn = (still, picture)
        return picture

    def _stand(self, light: Floats, vial: SeenVial, scene: Scene) -> None:
        """One vial, or the empty place, into the picture."""
        at = self._axis + vial.x_mm * self._view.px_per_mm
        column, phase = divmod(round(at * _PHASES), _PHASES)
        glass = self._glass[phase]
        left, right = max(0, column - glass.half), min(light.shape[1], column + glass.half + 1)
        self._engrave(light, vial.slot, column)
        if vial.contents_ul is None or left >= right:
            return
        part = slice(left - column + glass.half, right - column + glass.half)
        busy = bool(scene.pouring) and abs(vial.x_mm) < self._vial.bore_mm / 2
        key = (phase, _key(vial.contents_ul))
        patch = None if busy else self._patches.get(key)
        if patch is None:
            patch = glass.light.copy()
            if sum(vial.contents_ul.values()) > 0.5:
                ripple = 0.8 * math.sin(scene.t_s * 21.0) if busy else 0.0
                first, liquid = glass.liquid(vial.contents_ul, ripple)
                patch[first - glass.top :] *= liquid
            if not busy:
                self._patches[key] = patch
                while len(self._patches) > 64:
                    self._patches.popitem(last=False)
        top, last = max(0, glass.top), min(light.shape[0], glass.bottom)
        rows = slice(top - glass.top, last - glass.top)
        region = light[top:last, left:right]
        region *= patch[rows, part]
        region += glass.shine[rows, part]

    def _engrave(self, light: Floats, slot: str, column: int) -> None:
        text = label(slot)
        h, w = text.shape
        x, y = column - w // 2, self._front[0] + 12
        x0, x1 = max(0, x), min(light.shape[1], x + w)
        if x0 < x1 and y + h <= light.shape[0]:
            light[y : y + h, x0:x1] += text[:, x0 - x : x1 - x, None]

    def _out_of_focus(self, light: Floats, depth_mm: float) -> Floats:
        width, height = self._size
        scale = 1.0 / (1.0 + depth_mm / 260.0)
        turn = np.array([[scale, 0, (1 - scale) * self._axis], [0, scale, (1 - scale) * height * 0.6]], np.float32)
        moved = cv2.warpAffine(
            light, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        side = 1 + 2 * round(0.15 * abs(depth_mm) + 0.4)
        return np.asarray(cv2.blur(cv2.blur(moved, (side, side)), (side, side)), np.float32)

    def _pour(self, light: Floats, scene: Scene) -> None:
        """Jets or drops from the tips down to what they meet, and the plume below the surface."""
        ppm, tip = self._view.px_per_mm, self._tip_row(scene.nozzle_mm)
        under = min(scene.vials, key=lambda v: abs(v.x_mm), default=None)
        caught = under is not None and under.contents_ul is not None and abs(under.x_mm) < self._vial.bore_mm / 2
        held = under.contents_ul if caught and under is not None and under.contents_ul is not None else {}
        end = self._glass[0].surface_row(sum(held.values())) if caught else float(self._front[0] + 3)
        for stock, rate_ul_s in scene.pouring:
            x = self._axis + self._nozzles.x_px.get(stock, 0.0)
            ink = transmission({stock: 1.0}, 3.0)[0]
            if rate_ul_s < _DRIP_UL_S:
                fallen = (scene.t_s * max(rate_ul_s, 1.0) / 20.0) % 1.0
                self._ink(light, x, tip + fallen**2 * (end - tip), 0.42 * ppm, 0.55 * ppm, ink)
            else:
                self._jet(light, x, tip, end, ppm * 0.16 * min(2.2, (rate_ul_s / 60) ** 0.5), ink, scene.t_s)
                if caught and sum(held.values()) > 200:
                    swirl = 1.5 * math.sin(scene.t_s * 9.0)
                    self._ink(light, x + swirl, end + 3.0 * ppm, 0.9 * ppm, 2.6 * ppm, np.sqrt(ink))

    def _jet(
        self, light: Floats, x: float, top: float, end: float, half_px: float, ink: Floats, t_s: float
    ) -> None:
        rows = np.arange(int(top), int(end), dtype=np.float32)[:, None]
        left = int(x) - 8
        columns = np.arange(left, left + 17, dtype=np.float32)[None, :]
        beads = half_px * (1.0 + 0.22 * np.sin(rows * 0.32 - t_s * 40.0))
        u = (columns - x) / np.maximum(beads, 0.6)
        cover = np.clip(1.15 - np.abs(u), 0.0, 1.0)
        body = ink * (0.72 + 0.28 * np.clip(1 - u * u, 0, 1))[..., None]
        glint = 0.30 * np.exp(-(((u + 0.3) / 0.3) ** 2))[..., None] * cover[..., None]
        region = light[int(top) : int(end), left : left + 17]
        region *= 1.0 - cover[..., None] * (1.0 - body)
        region += glint * 0.4

    def _ink(self, light: Floats, x: float, y: float, rx: float, ry: float, ink: Floats) -> None:
        """A soft blot of dye."""
        x0, x1 = max(0, int(x - 3 * rx)), min(light.shape[1], int(x + 3 * rx) + 1)
        y0, y1 = max(0, int(y - 3 * ry)), min(light.shape[0], int(y + 3 * ry) + 1)
        if x0 >= x1 or y0 >= y1:
            return
        rows, columns = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        dense = np.exp(-(((columns - x) / rx) ** 2) - ((rows - y) / ry) ** 2)[..., None]
        light[y0:y1, x0:x1] *= np.power(ink, dense)

    def _tip_row(self, nozzle_mm: float) -> float:
        return self._view.box_px[1] - 1.2 * self._view.px_per_mm + nozzle_mm * self._view.px_per_mm

    def _hang_nozzles(self, light: Floats, nozzle_mm: float) -> None:
        half, tall = self._nozzles.size_px
        bottom, centre = int(self._tip_row(nozzle_mm)), int(self._axis)
        if bottom <= 0:
            return
        rows = min(bottom, tall)
        region = light[bottom - rows : bottom, centre - half : centre + half]
        region *= 1.0 - self._nozzles.cover[tall - rows :]
        region += self._nozzles.colour[tall - rows :]


def _key(contents_ul: Mapping[str, float] | None) -> object:
    return None if contents_ul is None else tuple((k, round(v, 1)) for k, v in sorted(contents_ul.items()))


def still_life(
    spec: RigSpec,
    contents_ul: Mapping[str, Mapping[str, float] | None],
    at: str,
    *,
    seed: int = 0,
    noise: bool = True,
) -> npt.NDArray[np.uint8]:
    """For tests: the picture with slot `at` at the station. Slots not named hold a clean vial; None: no vial."""
    x = spec.rack.position_mm(at)[0]
    vials = tuple(
        SeenVial(slot, spec.rack.position_mm(slot)[0] - x, contents_ul.get(slot, {}))
        for slot in spec.rack.in_line_with(at)
    )
    renderer = Renderer(spec, seed=seed)
    scene = Scene(vials)
    return renderer.frame(scene) if noise else np.asarray(np.rint(renderer.clean(scene)), np.uint8)
