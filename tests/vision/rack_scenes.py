"""Pictures of boards on a rack through a known lens: ray by ray, so that distortion and tilt are exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from vision.lens import Lens
from vision.rack_markers import ChessBoard, Floats, Image, MarkerBoard, marker_modules

LENS = Lens((1280, 720), (1150.0, 1148.0), (652.0, 348.0), (-0.11, 0.06, 0.0008, -0.0006, 0.0), 0.2, 12)
STRAIGHT = np.diag([1.0, -1.0, -1.0])
FINE = 12
"""Pixels per mm of the flat sheet before it is looked at."""
MARGIN_MM = 6.0


@dataclass(frozen=True)
class Stand:
    """Where the camera stands: turned about its x, y and z axis, and the rack's origin in camera coordinates."""

    pitch_deg: float = 0.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    shift_mm: tuple[float, float, float] = (-50.0, 20.0, 300.0)

    @property
    def rotation(self) -> Floats:
        turn = np.eye(3)
        for axis, angle in enumerate((self.pitch_deg, self.yaw_deg, self.roll_deg)):
            vector = np.zeros(3)
            vector[axis] = np.radians(angle)
            turn = np.asarray(cv2.Rodrigues(vector)[0]) @ turn
        return turn @ STRAIGHT

    def project(self, points_mm: Floats, lens: Lens = LENS) -> Floats:
        turn = cv2.Rodrigues(self.rotation)[0]
        px, _ = cv2.projectPoints(
            points_mm, turn, np.array(self.shift_mm, np.float64), lens.matrix, lens.coefficients
        )
        return np.asarray(px, np.float64).reshape(-1, 2)


def sheet(board: MarkerBoard | ChessBoard) -> tuple[Image, tuple[float, float]]:
    """The flat board, FINE px per mm, and the rack x and y (mm) of its top left corner."""
    if isinstance(board, ChessBoard):
        made = cv2.aruco.CharucoBoard(
            (board.columns, board.rows), board.square_mm, board.marker_mm,
            cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{board.dictionary.upper()}")),
        )  # fmt: skip
        w, h = (round(v * FINE) for v in board.size_mm)
        pad = round(MARGIN_MM * FINE)
        picture = np.full((h + 2 * pad, w + 2 * pad), 255, np.uint8)
        picture[pad : pad + h, pad : pad + w] = made.generateImage((w, h))
        return picture, (-MARGIN_MM, MARGIN_MM)
    half = board.size_mm / 2 + MARGIN_MM
    xs, ys = [p[0] for p in board.places_mm], [p[1] for p in board.places_mm]
    left, top = min(xs) - half, max(ys) + half
    picture = np.full((round((top - min(ys) + half) * FINE), round((max(xs) + half - left) * FINE)), 255, np.uint8)
    for number, (x, y, _) in zip(board.ids, board.places_mm, strict=True):
        modules = marker_modules(board.dictionary, number)
        side = board.size_mm / len(modules)
        for row, column in zip(*np.nonzero(modules), strict=True):
            x0, y0 = x - board.size_mm / 2 + column * side - left, top - y - board.size_mm / 2 + row * side
            a, b = (slice(round(v * FINE), round((v + side) * FINE)) for v in (y0, x0))
            picture[a, b] = 0
    return picture, (left, top)


@cache
def rays(lens: Lens) -> np.ndarray:
    """(2 h, 2 w, 3): the ray of each quarter of a pixel, camera coordinates."""
    x, y = ((np.arange(2 * side) + 0.5) / 2 - 0.5 for side in lens.size_px)
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 1, 2)
    flat = cv2.undistortPoints(grid, lens.matrix, lens.coefficients).reshape(len(y), len(x), 2)
    return np.dstack([flat, np.ones(flat.shape[:2])]).astype(np.float32)


def photograph(
    board: MarkerBoard | ChessBoard,
    stand: Stand,
    *,
    lens: Lens = LENS,
    blur_px: float = 0.6,
    noise: float = 2.0,
    seed: int = 0,
    hide_mm: tuple[float, float, float, float] | None = None,
    light: Mapping[str, float] | None = None,
) -> Image:
    """hide_mm: a grey thing over the sheet, left, bottom, right, top. light: gain, and slope from left to right."""
    flat, (left, top) = sheet(board)
    if hide_mm is not None:
        x0, y0, x1, y1 = (
            round(v * FINE) for v in (hide_mm[0] - left, top - hide_mm[3], hide_mm[2] - left, top - hide_mm[1])
        )
        flat[max(0, y0) : y1, max(0, x0) : x1] = 120
    z = 0.0 if isinstance(board, ChessBoard) else board.places_mm[0][2]
    w, h = lens.size_px
    turn, shift = stand.rotation.astype(np.float32), np.array(stand.shift_mm, np.float32)
    directions = rays(lens) @ turn  # in rack coordinates
    eye = -turn.T @ shift
    along = (z - eye[2]) / directions[..., 2]
    u = (eye[0] + along * directions[..., 0] - left) * FINE - 0.5
    v = (top - eye[1] - along * directions[..., 1]) * FINE - 0.5
    soft = cv2.GaussianBlur(flat, (0, 0), 2.0)
    seen = cv2.remap(
        soft, np.float32(u), np.float32(v), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=90
    )
    picture = cv2.resize(seen, (w, h), interpolation=cv2.INTER_AREA).astype(np.float64)
    if blur_px:
        picture = cv2.GaussianBlur(picture, (0, 0), blur_px)
    shade = light or {}
    picture = picture * shade.get("gain", 0.85) * (1 + shade.get("slope", 0.1) * (np.arange(w) / w - 0.5))
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    return cv2.cvtColor(np.clip(picture + 8, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
