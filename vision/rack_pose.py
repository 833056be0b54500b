"""Where the rack stands as the camera sees it, from its markers, with how sure that is.

A flat board has two poses that look nearly alike (Collins and Bartoli, "Infinitesimal plane-based pose
estimation", IJCV 109, 2014), and without a measured lens the focal length is open too. Neither is decided by force:
each pose that could be is kept with its weight, and what is projected is their mean, with their spread in its
uncertainty.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision.lens import Lens
from vision.rack_markers import ChessBoard, Floats, Image, MarkerBoard, Sighting

CORNER_SD_PX = 0.15
"""How far a refined corner of a sharp picture is off: the fit of its edges, and a sheet that is not quite flat."""
GUESS_SD_PX = 0.8
"""The same with a guessed lens, whose optical centre and bend are off too."""
GROWTH_SD_MM = 0.15
"""How much larger or smaller than said a black square is printed and seen."""
STEPS = 3
_SMALL_MM = 1e-3
MOST_RMS_PX = 2.0
"""Corners that fit worse than this belong to another board, or one that is not as the rig file says."""
DOUBTFUL_RMS_PX = 1.0
PRIOR_SD_DEG = 5.0
LEAST_WEIGHT = 1e-3
AMBIGUOUS_DEG = 8.0
_GUESSED_FOCAL = (0.6, 0.7, 0.8, 0.95, 1.1, 1.3, 1.55, 1.85, 2.2, 2.7)
"""Of the picture's width, as webcams (0.7 to 1.0) and cameras with longer lenses have it."""
_GUESSED_BEND = (-0.12, 0.0, 0.06)
"""k1 of the same; barrel far more often than pincushion."""


@dataclass(frozen=True)
class NotSeen:
    """There is no answer, and why; what to do."""

    why: str


@dataclass(frozen=True, eq=False)
class Placement:
    """One pose that could be. turn: rotation vector and shift_mm: from rack to camera coordinates (OpenCV's).

    rms_px: how far the corners lie from where it puts them. covariance: (6, 6) of turn and shift. weight: its
    share.
    """

    lens: Lens
    turn: Floats
    shift_mm: Floats
    rms_px: float
    covariance: Floats
    weight: float = 1.0

    def project(self, points_mm: Floats) -> tuple[Floats, Floats]:
        """Where (n, 3) rack points are in the picture, (n, 2), and the covariance of each, (n, 2, 2)."""
        found, jacobian = cv2.projectPoints(
            points_mm.reshape(-1, 1, 3), self.turn, self.shift_mm, self.lens.matrix, self.lens.coefficients
        )
        slope = np.asarray(jacobian, np.float64)[:, :6].reshape(-1, 2, 6)
        return np.asarray(found, np.float64).reshape(-1, 2), slope @ self.covariance @ slope.transpose(0, 2, 1)

    @property
    def rotation(self) -> Floats:
        """(3, 3), from rack to camera coordinates."""
        return np.asarray(cv2.Rodrigues(self.turn)[0], np.float64)


@dataclass(frozen=True, eq=False)
class RackPose:
    """Every placement that could be, the likeliest first; weights sum to 1. seen: what it was found from.

    doubts: why not to rely on it, one sentence each; none where it is sure.
    """

    placements: tuple[Placement, ...]
    seen: Sighting
    doubts: tuple[str, ...]

    @property
    def best(self) -> Placement:
        return self.placements[0]

    @property
    def rms_px(self) -> float:
        """How far the corners lie from where the likeliest placement puts them."""
        return self.best.rms_px

    @property
    def turned_deg(self) -> float:
        """How far the rack's up at the markers is from the picture's, 0..180."""
        middle = self.seen.points_mm.mean(axis=0)
        (low, high), _ = self.best.project(middle + np.array([(0.0, 0.0, 0.0), (0.0, 1.0, 0.0)]))
        right, down = high - low
        return abs(math.degrees(math.atan2(right, -down)))

    def project(self, points_mm: Floats) -> tuple[Floats, Floats]:
        """Where (n, 3) rack points are in the picture, (n, 2), and the standard deviation of each, px."""
        shares = np.array([p.weight for p in self.placements])[:, None, None]
        each = [p.project(points_mm) for p in self.placements]
        at = np.stack([px for px, _ in each])
        mean = np.sum(shares * at, axis=0)
        own = np.sum(shares[:, 0] * np.stack([np.trace(c, axis1=1, axis2=2) for _, c in each]), axis=0)
        spread = np.sum(shares * (at - mean) ** 2, axis=(0, 2))
        return mean, np.sqrt((own + spread) / 2)


def find_rack(
    image: Image, board: MarkerBoard | ChessBoard, lens: Lens | None = None, prior: RackPose | None = None
) -> RackPose | NotSeen:
    """The pose of the rack that carries the board. lens: None where it was not measured: the pose is then a rougher
    one, and says so. prior: an earlier pose, which settles what one picture leaves open.

    Raises ValueError where the lens was measured on pictures of other proportions.
    """
    seen = board.see(image)
    size_px = (image.shape[1], image.shape[0])
    if len(seen) < 4:
        many = f"none of the {len(board.ids)} markers" if isinstance(board, MarkerBoard) else "no board"
        return NotSeen(
            f"{many} can be seen: is the sheet in the picture, lit, sharp, not mirrored, and of "
            f"dictionary {board.dictionary}?"
        )
    lenses = [lens.scaled(size_px)] if lens is not None else guessed_lenses(size_px)
    found = _weighed([p for one in lenses for p in _placements(seen, one)], len(seen), prior)
    if not found or found[0].rms_px > MOST_RMS_PX:
        off = f" to {found[0].rms_px:.1f} px" if found else ""
        return NotSeen(f"the markers do not fit the board{off}: are ids, size_mm and places_mm as on the rack?")
    return RackPose(tuple(found), seen, tuple(_doubts(found, seen, board, measured=lens is not None)))


def guessed_lenses(size_px: tuple[int, int]) -> list[Lens]:
    """Lenses that a camera could have whose own was not measured."""
    centre = ((size_px[0] - 1) / 2, (size_px[1] - 1) / 2)
    return [
        Lens(size_px, (f * size_px[0], f * size_px[0]), centre, (k1, 0.0, 0.0, 0.0, 0.0))
        for f in _GUESSED_FOCAL
        for k1 in _GUESSED_BEND
    ]


def _placements(seen: Sighting, lens: Lens) -> list[Placement]:
    """Both poses of a flat board, or the one of a board that is not flat, refined."""
    flat = bool(np.ptp(seen.points_mm[:, 2]) < 1e-6)
    way = cv2.SOLVEPNP_IPPE if flat else cv2.SOLVEPNP_SQPNP
    # about their middle: IPPE goes astray on points far from the origin, and the refinement is better conditioned
    middle = seen.points_mm.mean(axis=0)
    mm, px = (seen.points_mm - middle).reshape(-1, 1, 3), seen.points_px.reshape(-1, 1, 2)
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(mm, px, lens.matrix, lens.coefficients, flags=way)
    except cv2.error:  # points in a line: no pose follows from them
        return []
    made = []
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(mm, px, lens.matrix, lens.coefficients, turn, shift)
        shift = shift - cv2.Rodrigues(turn)[0] @ middle[:, None]
        placement = _refined(seen, lens, np.concatenate([np.ravel(turn), np.ravel(shift)]))
        if placement is not None:
            made.append(placement)
    return made


def _refined(seen: Sighting, lens: Lens, pose: Floats) -> Placement | None:
    """Gauss and Newton's steps with the growth of the black as a seventh unknown. Ink spreads on paper and light
    into dark on the sensor: a marker that seems 0.1 mm larger tilts a narrow strip by a degree, and markers apart
    from each other tell the two from each other. None behind the camera."""
    growth = np.zeros_like(seen.points_mm) if seen.growth is None else seen.growth
    unknown = np.append(pose, 0.0)

    def project(points_mm: Floats) -> tuple[Floats, Floats]:
        at, jacobian = cv2.projectPoints(points_mm, unknown[:3], unknown[3:6], lens.matrix, lens.coefficients)
        return np.ravel(np.asarray(at, np.float64)), np.asarray(jacobian, np.float64)[:, :6]

    for last in (False,) * STEPS + (True,):
        points_mm = seen.points_mm + unknown[6] * growth
        at, slope = project(points_mm)
        off = np.ravel(seen.points_px) - at
        rms = math.sqrt(float(np.mean(off**2)) * 2)
        # never surer than corners are by nature, however well a few happen to fit
        variance = max(CORNER_SD_PX**2, rms**2 * len(seen) / max(1, 2 * len(seen) - 7))
        by_growth = (project(points_mm + _SMALL_MM * growth)[0] - at) / _SMALL_MM
        slope = np.column_stack([slope, by_growth])
        normal = slope.T @ slope / variance
        normal[6, 6] += GROWTH_SD_MM**-2
        if last:
            break
        told = slope.T @ off / variance
        told[6] -= unknown[6] * GROWTH_SD_MM**-2
        unknown = unknown + np.linalg.lstsq(normal, told, rcond=None)[0]
    if not np.isfinite(unknown).all() or unknown[5] <= 0:
        return None
    covariance = np.asarray(np.linalg.pinv(normal)[:6, :6], np.float64)
    return Placement(lens, unknown[:3], unknown[3:6], rms, covariance)


def _weighed(found: Sequence[Placement], points: int, prior: RackPose | None) -> list[Placement]:
    """By how well the corners fit, and how near the prior is; what is out of the question is left out."""
    if not found:
        return []
    least = min(p.rms_px for p in found)
    sd = max(CORNER_SD_PX, least / math.sqrt(2), GUESS_SD_PX if not found[0].lens.views else 0.0)
    logs = [-points * (p.rms_px**2 - least**2) / (2 * sd**2) for p in found]
    if prior is not None:
        logs = [
            log - (turned_deg(p.rotation, prior.best.rotation) / PRIOR_SD_DEG) ** 2 / 2
            for log, p in zip(logs, found, strict=True)
        ]
    shares = np.exp(np.array(logs) - max(logs))
    shares /= shares.sum()
    kept = [(float(w), p) for w, p in zip(shares, found, strict=True) if w >= LEAST_WEIGHT]
    whole = sum(w for w, _ in kept)
    best = sorted(kept, key=lambda pair: -pair[0])
    return [Placement(p.lens, p.turn, p.shift_mm, p.rms_px, p.covariance, w / whole) for w, p in best]


def turned_deg(one: Floats, other: Floats) -> float:
    """The angle between two rotations."""
    cosine = (float(np.trace(one.T @ other)) - 1) / 2
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def _doubts(
    found: Sequence[Placement], seen: Sighting, board: MarkerBoard | ChessBoard, *, measured: bool
) -> list[str]:
    doubts = []
    if not measured:
        doubts.append("the lens was not measured: places away from the plane of the markers are rough")
    if isinstance(board, MarkerBoard) and len(seen.ids) == 1 < len(board.ids):
        doubts.append(f"only marker {seen.ids[0]} of {len(board.ids)} can be seen")
    if found[0].rms_px > DOUBTFUL_RMS_PX:
        doubts.append(f"the markers fit to {found[0].rms_px:.1f} px only: is the sheet flat, and each place right?")
    other = sum(p.weight for p in found if turned_deg(p.rotation, found[0].rotation) > AMBIGUOUS_DEG)
    if measured and other > 0.05:
        doubts.append("the markers are too small or too few to tell which way the rack is turned")
    return doubts
