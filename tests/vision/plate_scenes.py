"""Plates from above, drawn for the tests: any number of wells, in perspective and poor light."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from vision.colour import SRGB_LINEAR

Image = npt.NDArray[np.uint8]
PX = 64
"""Pixels a pitch while drawing, before the camera."""
DYES = np.array([(200, 60, 40), (40, 120, 60), (60, 40, 30), (230, 190, 40), (40, 90, 160), (150, 80, 150)])
WATER = (-1, -1, -1)


@dataclass(frozen=True)
class PlateScene:
    """contents: 8-bit sRGB through the liquid by (row, column), or WATER; the rest are empty."""

    rows: int = 8
    columns: int = 12
    contents: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)
    bench: tuple[int, int, int] = (200, 195, 190)
    wall: float = 0.9
    floor: float = 0.98
    square: bool = False
    radius: float = 0.37
    size: tuple[int, int] = (800, 600)
    tilt: float = 0.05
    noise: float = 2.0
    blur: float = 0.7
    uneven: float = 0.2
    seed: int = 0


def draw_plate_scene(scene: PlateScene) -> tuple[Image, npt.NDArray[np.float64]]:
    """The picture, 8-bit BGR, and the four corner wells, px, once round."""
    rng = np.random.default_rng(scene.seed)
    light = _flat(scene, rng)
    height, width = light.shape[:2]
    matrix = _camera(scene, rng, width, height)
    seen = cv2.warpPerspective(light, matrix, scene.size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    y, x = np.mgrid[: scene.size[1], : scene.size[0]]
    turn = rng.uniform(0, 2 * np.pi)
    slope = np.cos(turn) * (2 * x / scene.size[0] - 1) + np.sin(turn) * (2 * y / scene.size[1] - 1)
    seen = seen * (1 + scene.uneven * slope)[..., None] * rng.uniform(0.8, 1.0, 3)
    codes = 255 * np.clip(seen, 0, 1) ** (1 / 2.2)
    codes = cv2.GaussianBlur(codes, (0, 0), scene.blur) + rng.normal(0, scene.noise, codes.shape)
    image = np.clip(codes[..., ::-1], 0, 255).astype(np.uint8)
    right, bottom = scene.columns - 1, scene.rows - 1
    wells = (np.array([[(0, 0), (right, 0), (right, bottom), (0, bottom)]], np.float64) + 1) * PX
    return np.ascontiguousarray(image), cv2.perspectiveTransform(wells, matrix)[0]


def _flat(scene: PlateScene, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    bench = SRGB_LINEAR[np.array(scene.bench)].astype(np.float64)
    light = np.tile(bench, ((scene.rows + 1) * PX, (scene.columns + 1) * PX, 1))
    light *= 1 + 0.01 * cv2.GaussianBlur(rng.normal(0, 10, light.shape[:2]), (0, 0), 12)[..., None]
    for row in range(scene.rows):
        for column in range(scene.columns):
            y, x = (row + 1) * PX - PX // 2, (column + 1) * PX - PX // 2
            cell = np.ascontiguousarray(light[y : y + PX, x : x + PX])
            _well(cell, scene, scene.contents.get((row, column)), rng)
            light[y : y + PX, x : x + PX] = cell
    return light


def _well(
    light: npt.NDArray[np.float64], scene: PlateScene, dye: tuple[int, int, int] | None, rng: np.random.Generator
) -> None:
    at = (PX // 2, PX // 2)
    radius = round(scene.radius * PX)
    inside = np.zeros(light.shape[:2], np.uint8)
    rim = np.zeros_like(inside)
    if scene.square:
        cv2.rectangle(inside, (at[0] - radius, at[1] - radius), (at[0] + radius, at[1] + radius), 1, -1)
        cv2.rectangle(rim, (at[0] - radius, at[1] - radius), (at[0] + radius, at[1] + radius), 1, 3)
    else:
        cv2.circle(inside, at, radius, 1, -1)
        cv2.circle(rim, at, radius + 2, 1, 4)
    within = inside > 0
    light[within] *= scene.floor * rng.uniform(0.98, 1.02)
    light[rim > 0] *= scene.wall
    if dye == WATER:  # the meniscus is a lens: a bright ring and a reflection of the lamp
        glint = np.zeros(light.shape[:2])
        cv2.circle(glint, at, round(0.55 * radius), 0.25, 3)
        cv2.circle(glint, (at[0] + radius // 4, at[1] - radius // 4), 3, 0.6, -1)
        light += glint[..., None]
    elif dye is not None:
        y, x = np.mgrid[: light.shape[0], : light.shape[1]]
        shade = 1 - 0.4 * (np.hypot(x - at[0], y - at[1])[within] / radius) ** 4
        light[within] *= (SRGB_LINEAR[np.array(dye)] / SRGB_LINEAR[235])[None] * shade[:, None]
        cv2.circle(light, at, round(0.18 * radius), tuple(float(v) for v in light[at[1], at[0]] + 0.08), 2)


def _camera(scene: PlateScene, rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.float64]:
    quad = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    scale = 0.85 * min(scene.size[0] / width, scene.size[1] / height)
    centre = np.array(scene.size) / 2
    seen = (quad - (width / 2, height / 2)) * scale
    turn = rng.uniform(-1, 1) * scene.tilt * 2
    seen = seen @ np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))]) + centre
    seen += rng.uniform(-1, 1, (4, 2)) * scene.tilt * scale * height
    return np.asarray(cv2.getPerspectiveTransform(quad.astype(np.float32), seen.astype(np.float32)))
