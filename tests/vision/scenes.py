"""Rendered side views with known contents: a vial on a back-lit panel, written apart from the virtual bench."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from vision.calibration import VialView

Image = npt.NDArray[np.uint8]
RED, YELLOW, BLUE = (0.9, 1.1, 0.06), (1.0, 0.10, 0.03), (0.10, 0.45, 0.95)  # absorbance of 10 mm, BGR order


@dataclass(frozen=True)
class Scene:
    """absorbance: per 10 mm of path, BGR; None of liquid when volume_ul is 0. layers: lower liquid first."""

    volume_ul: float = 3000.0
    absorbance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lower_ul: float = 0.0
    lower_absorbance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    vial: bool = True
    neighbours: tuple[float, ...] = (2500.0, 4000.0)
    nozzle: bool = True
    drops: int = 4
    lamp_bgr: tuple[float, float, float] = (0.80, 0.84, 0.86)
    uneven: float = 0.08
    noise: float = 1.2
    blur_px: float = 0.7
    seed: int = 0
    px_per_mm: float = 8.0
    bore_mm: float = 15.0
    outer_mm: float = 17.0
    height_mm: float = 45.0
    base_row: float = 430.0
    centre_x: float = 320.0
    capacity_ul: float = 7500.0
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def view(self) -> VialView:
        half, k = self.outer_mm / 2 * self.px_per_mm, self.px_per_mm
        return VialView(
            box_px=(
                self.centre_x - half,
                self.base_row - (self.height_mm - 1) * k,
                self.centre_x + half,
                self.base_row + k,
            ),
            base_row=self.base_row,
            px_per_mm=k,
            bore_mm=self.bore_mm,
            capacity_ul=self.capacity_ul,
            white_px=(self.centre_x + half + 8, 150, self.centre_x + half + 24, 400),
        )

    @property
    def level_mm(self) -> float:
        return (self.volume_ul + self.lower_ul) / self.view.ul_per_mm

    @property
    def surface_row(self) -> float:
        return self.base_row - self.level_mm * self.px_per_mm


def _paint_vial(light: np.ndarray, scene: Scene, x0: float, volume_ul: float, colour: tuple[float, ...]) -> None:
    """Multiply what one vial transmits into the light (h, w, 3)."""
    k, h, w = scene.px_per_mm, *light.shape[:2]
    y = np.arange(h, dtype=np.float32)[:, None]
    x = (np.arange(w, dtype=np.float32)[None, :] - x0) / k
    bore, outer = scene.bore_mm / 2, scene.outer_mm / 2
    top, base = scene.base_row - (scene.height_mm - 1) * k, scene.base_row
    chord = 2 * np.sqrt(np.maximum(bore**2 - x**2, 0.0))
    transmission = np.ones((h, w, 3), np.float32)
    glass = np.clip(1 - ((np.abs(x) - bore) / (outer - bore) * 2 - 1) ** 2, 0, 1)
    inside = (y > top) & (y < base + k) & (np.abs(x) < outer)
    transmission *= np.where(inside, 0.94 - 0.65 * glass, 1.0)[..., None]
    bow = 0.12 * k * (1 - (x / bore) ** 2)  # the camera looks slightly from above
    total = volume_ul + (scene.lower_ul if x0 == scene.centre_x else 0.0)
    if total > 0:
        surface = base - total / (np.pi * bore**2) * k
        wet = np.clip(y - surface - bow + 0.5, 0, 1) * (y < base) * (np.abs(x) < bore)
        lower_top = base - (scene.lower_ul if x0 == scene.centre_x else 0.0) / (np.pi * bore**2) * k
        lower = np.clip(y - lower_top + 0.5, 0, 1) * wet
        for c in range(3):
            a = colour[c] * (wet - lower) + scene.lower_absorbance[c] * lower
            transmission[..., c] *= 10.0 ** (-a * chord / 10)
        transmission *= (1 - 0.25 * wet * np.clip((np.abs(x) / bore - 0.75) / 0.25, 0, 1) ** 2)[..., None]
        ridge = np.exp(-(((y - surface - bow) / (0.30 * k)) ** 2)) * (np.abs(x) < bore)
        transmission *= (1 - 0.38 * ridge)[..., None]
        if scene.lower_ul:
            transmission *= (1 - 0.12 * np.exp(-(((y - lower_top) / (0.2 * k)) ** 2)) * (np.abs(x) < bore))[
                ..., None
            ]
    foot = np.exp(-(((y - base - 0.4 * k) / (0.35 * k)) ** 2)) * (np.abs(x) < outer)
    rim = np.exp(-(((y - top) / (0.25 * k)) ** 2)) * (np.abs(x) < outer)
    transmission *= (1 - 0.5 * foot)[..., None] * (1 - 0.4 * rim)[..., None]
    light *= transmission
    streak = 0.25 * np.exp(-(((x + 0.62 * bore) / (0.05 * bore)) ** 2)) * ((y > top + 2 * k) & (y < base - k))
    light += streak[..., None]


def render(scene: Scene, width: int = 640, height: int = 480) -> Image:
    """The picture, (height, width, 3) uint8 BGR."""
    rng = np.random.default_rng(scene.seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shade = 1 - scene.uneven * (((x / width - 0.4) ** 2) + 0.7 * (y / height - 0.5) ** 2) * 4
    light = shade[..., None] * np.array(scene.lamp_bgr, np.float32)
    pitch = 22.0 * scene.px_per_mm
    for side, volume in zip((-1, 1), scene.neighbours, strict=False):
        _paint_vial(light, scene, scene.centre_x + side * pitch, volume, rng.uniform(0, 1, 3))
    if scene.vial:
        _paint_vial(light, scene, scene.centre_x, scene.volume_ul, scene.absorbance)
        for _ in range(scene.drops):
            top = scene.view.box_px[1]
            at = (
                scene.centre_x + rng.uniform(-0.8, 0.8) * scene.bore_mm / 2 * scene.px_per_mm,
                rng.uniform(top + 20, max(top + 21, scene.surface_row - 12)),
            )
            spot = np.exp(-((((x - at[0]) ** 2 + (y - at[1]) ** 2) / rng.uniform(2, 4.5) ** 2) ** 2))
            light *= (1 - 0.5 * spot)[..., None]
    if scene.nozzle:
        tip = scene.view.box_px[1] - 6
        light *= np.where((np.abs(x - scene.centre_x) < 9) & (y < tip), 0.15, 1.0)[..., None]
    light = cv2.GaussianBlur(light, (0, 0), scene.blur_px) if scene.blur_px > 0 else light
    light = np.clip(light, 0, 1)
    codes = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    return np.clip(np.rint(codes + rng.normal(0, scene.noise, codes.shape)), 0, 255).astype(np.uint8)
