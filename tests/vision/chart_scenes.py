"""A 24-patch chart on a bench, seen by a random camera under a random lamp."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.chart_reference import reference_rgb

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
PX = 20
"""Pixels a unit while drawing; a patch has 2.5 units, the frame between patches 0.25."""


@dataclass(frozen=True)
class Camera:
    """mixing: how much of other channels each sees. gains: of the lamp, RGB. curve: a power before sRGB's."""

    mixing: float = 0.1
    gains: tuple[float, float, float] = (1.0, 0.9, 0.8)
    curve: float = 1.0
    uneven: float = 0.1
    noise: float = 1.5
    tilt: float = 0.08
    turn: float = 0.0
    clutter: bool = True
    size: tuple[int, int] = (800, 600)
    scale: float = 0.6
    mirrored: bool = False
    covered: tuple[int, ...] = ()
    seed: int = 0


def random_camera(seed: int) -> Camera:
    rng = np.random.default_rng(seed)
    exposure = rng.uniform(0.5, 1.0)
    gains = exposure * np.array([rng.uniform(0.6, 1.0), rng.uniform(0.8, 1.0), rng.uniform(0.5, 1.0)])
    return Camera(
        mixing=rng.uniform(0, 0.15),
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        curve=float(rng.uniform(0.8, 1.25)),
        uneven=float(rng.uniform(0, 0.1)),
        noise=float(rng.uniform(0.5, 4)),
        turn=float(rng.uniform(-0.3, 0.3) + np.pi * rng.integers(2)),
        seed=seed,
    )


def chart_light() -> Floats:
    """Linear sRGB of the flat chart, frame included, with a black border of one unit around."""
    flat = np.full((round(11.25 * PX), round(16.75 * PX), 3), 0.02)
    for n, colour in enumerate(reference_rgb()):
        row, column = divmod(n, 6)
        y, x = (round((0.25 + 2.75 * k) * PX) for k in (row, column))
        flat[y : y + round(2.5 * PX), x : x + round(2.5 * PX)] = colour
    return np.asarray(np.pad(flat, ((PX, PX), (PX, PX), (0, 0)), constant_values=0.02))


def seen_by(camera: Camera, light: Floats, rng: np.random.Generator) -> Floats:
    """What the sensor makes of linear light, before noise, 0..1."""
    mix = np.eye(3) + camera.mixing * rng.uniform(-0.3, 1, (3, 3))
    mix /= mix.sum(axis=1, keepdims=True)
    raw = np.clip(light @ mix.T * camera.gains, 0, 1) ** camera.curve
    return np.where(raw <= 0.0031308, 12.92 * raw, 1.055 * raw ** (1 / 2.4) - 0.055)


def draw_chart_scene(camera: Camera) -> tuple[Image, Floats]:
    """The picture, 8-bit BGR, and the corners of the field of patches from dark skin on."""
    rng = np.random.default_rng(camera.seed)
    width, height = camera.size
    chart = chart_light()
    for n in camera.covered:
        row, column = divmod(n, 6)
        y, x = (round((1.25 + 2.75 * k) * PX) for k in (row, column))
        chart[y : y + round(2.5 * PX), x : x + round(2.5 * PX)] = 0.5
    if camera.mirrored:
        chart = chart[:, ::-1]
    scene = _bench(camera, rng)
    h, w = chart.shape[:2]
    quad = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float64)
    place = (quad - (w / 2, h / 2)) * camera.scale * width / w
    turn = np.array([(np.cos(camera.turn), np.sin(camera.turn)), (-np.sin(camera.turn), np.cos(camera.turn))])
    place = (
        place @ turn
        + (width / 2, height / 2)
        + rng.uniform(-1, 1, (4, 2)) * camera.tilt * camera.scale * height / 2
    )
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), place.astype(np.float32))
    warped = cv2.warpPerspective(chart, matrix, camera.size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones((h, w)), matrix, camera.size)[..., None]
    scene = scene * (1 - mask) + warped * mask
    y, x = np.mgrid[:height, :width]
    angle = rng.uniform(0, 2 * np.pi)
    scene = (
        scene
        * (1 + camera.uneven * (np.cos(angle) * (2 * x / width - 1) + np.sin(angle) * (2 * y / height - 1)))[
            ..., None
        ]
    )
    codes = cv2.GaussianBlur(255 * seen_by(camera, scene, rng), (0, 0), 0.6) + rng.normal(
        0, camera.noise, scene.shape
    )
    image = np.ascontiguousarray(np.clip(np.rint(codes[..., ::-1]), 0, 255).astype(np.uint8))
    field = np.array([[(PX, PX), (w - PX, PX), (w - PX, h - PX), (PX, h - PX)]], np.float64)
    return image, cv2.perspectiveTransform(field, matrix)[0]


def _bench(camera: Camera, rng: np.random.Generator) -> Floats:
    width, height = camera.size
    scene = np.full((height, width, 3), rng.uniform(0.2, 0.6))
    if camera.clutter:
        for _ in range(12):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            colour = tuple(float(v) for v in rng.uniform(0, 0.8, 3))
            if rng.random() < 0.5:
                cv2.circle(scene, (x, y), int(rng.integers(15, 60)), colour, -1)
            else:
                cv2.rectangle(
                    scene, (x, y), (x + int(rng.integers(20, 120)), y + int(rng.integers(20, 120))), colour, -1
                )
    return scene
