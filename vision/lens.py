"""The lens of a camera: its focal length, optical centre and distortion, from pictures of a ChArUco board.

The model is OpenCV's (Brown-Conrady with k1, k2, p1, p2, k3; Zhang, IEEE PAMI 22, 2000, for the estimation).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision.rack_markers import ChessBoard, Floats, Image, Sighting

LEAST_VIEWS = 6
LEAST_CORNERS = 8
LEAST_COVERED = 0.5
"""Of the picture's area, within the hull of all corners of all views."""
MOST_RMS_PX = 1.0
MOST_FOCAL_SD = 0.02
"""Of the focal length."""
MOST_BEND = 1.0
"""How far the distortion may move a corner of the picture, against its distance from the centre."""
LEAST_FOCAL = 0.05
LEAST_TILT_DEG = 20.0
"""Between two views: from views that are all alike the focal length cannot be told from the distance."""
STRAY = 3.0
"""A view whose error is this many times the median is left out: the board moved, or was bent."""


class LensError(ValueError):
    """Pictures from which no lens can be told. `reasons`: each says what to do."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("no lens calibration: " + "; ".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True)
class Lens:
    """size_px: width and height of the pictures it is for. focal_px, centre_px: horizontally, vertically.

    distortion: k1, k2, p1, p2, k3. rms_px: how far the board's corners lay from where the lens puts them.
    views: from how many pictures; 0 for a lens that was not measured.
    """

    size_px: tuple[int, int]
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    rms_px: float = 0.0
    views: int = 0

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What no camera's lens is like, one sentence each."""
        (w, h), (fx, fy), (x, y) = self.size_px, self.focal_px, self.centre_px
        if not min(fx, fy) >= LEAST_FOCAL * max(w, h):
            return (f"focal_px: no lens has less than {LEAST_FOCAL:g} of the picture's longer side",)
        told = []
        if not (-0.5 <= x <= w - 0.5 and -0.5 <= y <= h - 0.5):
            told.append(f"centre_px: {x:g}, {y:g} is not in a picture of {w} x {h} pixels")
        far = ((w / 2 / fx) ** 2 + (h / 2 / fy) ** 2) ** 0.5
        k1, k2, p1, p2, k3 = self.distortion
        bend = abs(k1 * far**2 + k2 * far**4 + k3 * far**6) + (abs(p1) + abs(p2)) * far
        if not bend <= MOST_BEND:
            told.append(f"distortion: a corner would go {bend:.3g} times as far from the centre as it is")
        return tuple(told)

    @property
    def matrix(self) -> Floats:
        """The (3, 3) camera matrix."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([(fx, 0, cx), (0, fy, cy), (0, 0, 1)], np.float64)

    @property
    def coefficients(self) -> Floats:
        """The distortion as OpenCV takes it."""
        return np.array(self.distortion, np.float64)

    def scaled(self, size_px: tuple[int, int]) -> "Lens":
        """The same lens for pictures of another size. Raises ValueError where the sides differ in proportion."""
        if size_px == self.size_px:
            return self
        (w, h), (w2, h2) = self.size_px, size_px
        if abs(w2 * h - w * h2) > max(w, h, w2, h2):
            raise ValueError(
                f"the lens was measured on pictures of {w} x {h}, this one is {w2} x {h2}: measure it at that size"
            )
        f = w2 / w
        cx, cy = ((c + 0.5) * f - 0.5 for c in self.centre_px)
        fx, fy = (v * f for v in self.focal_px)
        return Lens((w2, h2), (fx, fy), (cx, cy), self.distortion, self.rms_px * f, self.views)


def calibrate_lens(images: Sequence[Image], board: ChessBoard) -> Lens:
    """The lens from several pictures of the board in different places and tilts.

    Raises LensError with every reason not to trust the outcome: too few views, the board in the middle only, never
    tilted, corners that do not fit.
    """
    sizes = {(image.shape[1], image.shape[0]) for image in images}
    if len(sizes) > 1:
        told = ", ".join(f"{w} x {h}" for w, h in sorted(sizes))
        raise LensError([f"the pictures differ in size ({told}): take all with one setting"])
    views = [seen for image in images if _tells(seen := board.see(image), board)]
    return _estimated(views, len(images), sizes.pop() if sizes else (0, 0))


def _tells(view: Sighting, board: ChessBoard) -> bool:
    """Whether a view has enough corners, and not all of them in a line."""
    if len(view) < LEAST_CORNERS:
        return False
    off = view.points_mm - view.points_mm.mean(axis=0)
    return bool(np.linalg.svd(off, compute_uv=False)[1] > board.square_mm)


def _estimated(views: list[Sighting], taken: int, size_px: tuple[int, int]) -> Lens:
    if len(views) < LEAST_VIEWS:
        raise LensError(
            [
                f"the board is seen well in {len(views)} of {taken} pictures, and {LEAST_VIEWS} are needed, "
                "better 12: take more, sharp, with most of the board in the picture"
            ]
        )
    solved = _solve(views, size_px)
    usual = float(np.median(solved.errors_px))
    kept = [v for v, error in zip(views, solved.errors_px, strict=True) if error <= max(STRAY * usual, 0.2)]
    if LEAST_VIEWS <= len(kept) < len(views):
        views = kept
        solved = _solve(views, size_px)
    if reasons := _reasons(solved, covered(views, size_px)):
        raise LensError(reasons)
    return solved.lens


@dataclass(frozen=True, eq=False)
class _Solved:
    """errors_px: rms of each view. focal_sd: of the focal length, relative. tilt_deg: most between two views."""

    lens: Lens
    errors_px: Floats
    focal_sd: float
    tilt_deg: float


def _solve(views: Sequence[Sighting], size_px: tuple[int, int]) -> _Solved:
    # the flat board with z = 0 and y down, as the estimation wants it
    points_mm = [np.asarray(view.points_mm * (1, -1, 1), np.float32) for view in views]
    points_px = [np.asarray(view.points_px, np.float32) for view in views]
    rms, matrix, bent, turns, _, sd, _, errors = cv2.calibrateCameraExtended(
        points_mm, points_px, size_px, np.eye(3), np.zeros(5)
    )
    k = [float(v) for v in np.ravel(bent)[:5]]
    lens = Lens(
        size_px,
        (float(matrix[0, 0]), float(matrix[1, 1])),
        (float(matrix[0, 2]), float(matrix[1, 2])),
        (k[0], k[1], k[2], k[3], k[4]),
        float(rms),
        len(views),
    )
    normals = np.stack([np.asarray(cv2.Rodrigues(turn)[0])[:, 2] for turn in turns])
    tilt_deg = math.degrees(math.acos(float(np.clip(normals @ normals.T, -1, 1).min())))
    return _Solved(lens, np.ravel(errors), float(np.ravel(sd)[0] / matrix[0, 0]), tilt_deg)


def _reasons(solved: _Solved, share: float) -> list[str]:
    """Why not to trust a lens, and what to do."""
    reasons = []
    if share < LEAST_COVERED:
        reasons.append(
            f"the board covers {share:.0%} of the picture, and {LEAST_COVERED:.0%} are needed: "
            "take pictures with it in each corner and at each edge too"
        )
    if solved.tilt_deg < LEAST_TILT_DEG or not solved.focal_sd <= MOST_FOCAL_SD:
        reasons.append(
            f"the views differ by {solved.tilt_deg:.0f} degrees, which does not tell the focal length: "
            "tilt the board by about 30 degrees, each way, in some pictures"
        )
    if solved.lens.rms_px > MOST_RMS_PX:
        reasons.append(
            f"the corners fit to {solved.lens.rms_px:.1f} px, and {MOST_RMS_PX:g} px is the most: "
            "is the sheet flat, the picture sharp, zoom and focus left alone?"
        )
    return reasons or [f"{mistake}: take more pictures, in each corner, tilted" for mistake in solved.lens.mistakes]


def covered(views: Sequence[Sighting], size_px: tuple[int, int]) -> float:
    """What part of the picture lies within the hull of all corners seen, 0..1."""
    points = np.concatenate([view.points_px for view in views]).astype(np.float32)
    return float(cv2.contourArea(cv2.convexHull(points))) / (size_px[0] * size_px[1])
