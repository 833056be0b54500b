"""Has the camera moved since it was set up: by the markers, or by whatever stands still in the picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import Box
from vision.rack_markers import ChessBoard, Floats, Image, MarkerBoard
from vision.rack_pose import NotSeen, RackPose
from vision.reading import Doubt

Points = npt.NDArray[np.float32]

LIMIT_PX = 2.0
"""A shift at the vials beyond which boxes no longer fit; refined corners jitter by a tenth of it."""
LEAST_FEATURES = 12
LEAST_AGREEING = 0.35
"""Of the features followed; fewer agree by chance or because the scene is another one."""
AGREE_PX = 1.0
MOST_FEATURES = 250
_PIECES = (6, 4)


@dataclass(frozen=True)
class Moved:
    """The camera is not where it was. shift_px: of the picture at the vials, right and down; the largest of all.

    shift_mm: its length there; None where no scale is known. turned_deg: of the picture, clockwise. sureness: 0..1.
    """

    shift_px: tuple[float, float]
    shift_mm: float | None
    turned_deg: float
    sureness: float

    doubt = Doubt.CAMERA_MOVED

    @property
    def words(self) -> str:
        """'the camera has moved by 14 px (2.1 mm) to the left'."""
        right, down = self.shift_px
        far = math.hypot(right, down)
        ways = []
        # the picture goes the other way than the camera does
        if abs(right) >= 0.35 * far:
            ways.append("to the left" if right > 0 else "to the right")
        if abs(down) >= 0.35 * far:
            ways.append("up" if down > 0 else "down")
        mm = "" if self.shift_mm is None else f" ({self.shift_mm:.1f} mm)"
        turned = f" and turned by {abs(self.turned_deg):.1f} degrees" if abs(self.turned_deg) >= 0.3 else ""
        return f"the camera has moved by {far:.0f} px{mm} {' and '.join(ways)}{turned}"


class CameraCheck(Protocol):
    """What tells whether the camera still stands where it was set up."""

    def check(self, image: Image) -> Moved | NotSeen | None:
        """How it has moved; None where it has not; NotSeen where that cannot be told."""
        ...


@dataclass(frozen=True, eq=False)
class MarkerCheck:
    """By the markers. stored: the pose of the set-up. places_mm: where it matters, (n, 3) rack coordinates."""

    board: MarkerBoard | ChessBoard
    stored: RackPose
    places_mm: Floats
    limit_px: float = LIMIT_PX

    def check(
        self, image: Image, carried_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> Moved | NotSeen | None:
        """carried_mm: how far the stage has carried the rack since the pose was stored, rack coordinates."""
        size_px = (image.shape[1], image.shape[0])
        if size_px != self.stored.best.lens.size_px:
            w, h = self.stored.best.lens.size_px
            return NotSeen(f"the picture has {size_px[0]} x {size_px[1]} pixels, it had {w} x {h} at the set-up")
        seen = self.board.see(image)
        if len(seen) < 4:
            return NotSeen("no marker can be seen, so whether the camera has moved is not known")
        carried = np.array(carried_mm, np.float64)
        expected = self._expected(seen.points_mm, carried)
        places, _ = self.stored.project(self.places_mm + carried)
        motion, rms = _motion(expected, seen.points_px)
        moved = _shift(motion, places, self._px_per_mm(places, carried), 1.0)
        # jitter of the corners, carried from the middle of the markers to the farthest place
        reach = np.linalg.norm(places - expected.mean(axis=0), axis=1).max()
        lever = 1 + reach / max(1.0, float(np.linalg.norm(expected - expected.mean(axis=0), axis=1).mean()))
        noise = rms * lever / math.sqrt(len(seen))
        return moved if math.hypot(*moved.shift_px) > max(self.limit_px, 3 * noise) else None

    def _expected(self, points_mm: Floats, carried: Floats) -> Floats:
        """Where the points should be: as seen at the set-up, and as projected for what was hidden or carried."""
        now, _ = self.stored.project(points_mm + carried)
        before, _ = self.stored.project(self.stored.seen.points_mm)
        # what lens and places get wrong at the set-up they get wrong now: taken off where the point was seen
        stored = self.stored.seen
        off = {tuple(mm): px for mm, px in zip(stored.points_mm, stored.points_px - before, strict=True)}
        none = np.zeros(2)
        return np.asarray(now + np.stack([off.get(tuple(mm), none) for mm in points_mm]), np.float64)

    def _px_per_mm(self, places: Floats, carried: Floats) -> float:
        up, _ = self.stored.project(self.places_mm + carried + (0.0, 1.0, 0.0))
        return float(np.median(np.linalg.norm(up - places, axis=1)))


@dataclass(frozen=True, eq=False)
class PictureCheck:
    """Without markers, by the corners of whatever stands still. reference: a frame of the set-up.

    changing: boxes that are not looked at, because what is in them changes (the vials). vials: where it matters;
    the whole picture if none.
    """

    reference: Image
    changing: Sequence[Box] = ()
    vials: Sequence[Box] = ()
    px_per_mm: float | None = None
    limit_px: float = LIMIT_PX
    _even: Image = field(init=False, repr=False)
    _features: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_even", _evened(self.reference))
        object.__setattr__(self, "_features", _features(self._even, self.changing))

    def check(self, image: Image) -> Moved | NotSeen | None:
        """Its corners are followed from the reference and back; the shift is the one on which most agree."""
        if image.shape[:2] != self.reference.shape[:2]:
            return NotSeen("the picture has another size than at the set-up")
        if len(self._features) < LEAST_FEATURES:
            return NotSeen("too little stands still in the picture to tell whether the camera has moved")
        even = _evened(image)
        followed = self._followed(even, (0.0, 0.0))
        if followed is None:  # too far to be followed from where it was: start from where the whole picture went
            window = cv2.createHanningWindow(even.shape[::-1], cv2.CV_32F)
            far, _ = cv2.phaseCorrelate(self._even.astype(np.float32), even.astype(np.float32), window)
            followed = self._followed(even, far)
        if followed is None:
            return NotSeen("the picture is too unlike that of the set-up to tell whether the camera has moved")
        motion, agreeing = followed
        moved = _shift(motion, self._places(), self.px_per_mm, min(1.0, agreeing / 0.8))
        return moved if math.hypot(*moved.shift_px) > self.limit_px else None

    def _followed(self, even: Image, guess_px: Sequence[float]) -> tuple[Floats, float] | None:
        """The motion (2, 3) on which most features agree, and how many of those still in the picture do, 0..1."""
        start = self._features.astype(np.float32).reshape(-1, 1, 2)
        away = np.asarray(guess_px, np.float32)
        there, found = _tracked(self._even, even, start, start + away)
        back, again = _tracked(even, self._even, there, there - away)
        true = ((np.linalg.norm(back - start, axis=2) < AGREE_PX) & (found > 0) & (again > 0)).ravel()
        if true.sum() < LEAST_FEATURES:
            return None
        motion, kept = cv2.estimateAffinePartial2D(
            start[true], there[true], method=cv2.RANSAC, ransacReprojThreshold=AGREE_PX
        )
        if motion is None:
            return None
        agreeing = float(np.sum(kept)) / self._still_inside(np.asarray(motion))
        return (np.asarray(motion), agreeing) if agreeing >= LEAST_AGREEING else None

    def _still_inside(self, motion: Floats) -> int:
        """How many features are still in the picture."""
        there = self._features @ motion[:, :2].T + motion[:, 2]
        size_px = self.reference.shape[1::-1]
        return max(1, int(np.sum(np.all((there >= 0) & (there < size_px), axis=1))))

    def _places(self) -> Floats:
        h, w = self.reference.shape[:2]
        boxes = self.vials or ((w * 0.25, h * 0.25, w * 0.75, h * 0.75),)
        return np.array([(x, y) for x0, y0, x1, y1 in boxes for x in (x0, x1) for y in (y0, y1)], np.float64)


def _tracked(one: Image, other: Image, start: Points, guess: Points) -> tuple[Points, npt.NDArray[np.uint8]]:
    """Where the points of one picture are in the other, and which were found: Lucas and Kanade's pyramid."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        one, other, start, guess, winSize=(21, 21), maxLevel=4, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    return np.asarray(there, np.float32), np.asarray(found, np.uint8)


def _motion(before: Floats, after: Floats) -> tuple[Floats, float]:
    """Shift, turn and scale that take the points over, (2, 3), and the rms left, px. Least squares."""
    b, a = before - before.mean(axis=0), after - after.mean(axis=0)
    x, y = b.T
    u, v = a.T
    whole = float(np.sum(b**2))
    c, s = float(np.sum(x * u + y * v)) / whole, float(np.sum(x * v - y * u)) / whole
    turn = np.array([(c, -s), (s, c)])
    shift = after.mean(axis=0) - turn @ before.mean(axis=0)
    left = after - (before @ turn.T + shift)
    return np.column_stack([turn, shift]), math.sqrt(float(np.mean(np.sum(left**2, axis=1))))


def _shift(motion: Floats, places: Floats, px_per_mm: float | None, sureness: float) -> Moved:
    shifts = places @ motion[:, :2].T + motion[:, 2] - places
    right, down = shifts[int(np.argmax(np.linalg.norm(shifts, axis=1)))].tolist()
    mm = None if px_per_mm is None else math.hypot(right, down) / px_per_mm
    return Moved((right, down), mm, math.degrees(math.atan2(motion[1, 0], motion[0, 0])), sureness)


def _evened(image: Image) -> Image:
    """Grey with the light taken out: what is left is the contrast against the surroundings."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    fine = np.log1p(grey.astype(np.float32))
    fine -= cv2.GaussianBlur(fine, (0, 0), 15)
    power = np.sqrt(cv2.GaussianBlur(fine**2, (0, 0), 25)) + 0.05  # below this it is noise
    return np.asarray(np.clip(128 + 40 * fine / power, 0, 255), np.uint8)


def _features(even: Image, changing: Sequence[Box]) -> Floats:
    """Corners to follow, from all over the picture: a few of each piece, so that one object has no majority."""
    height, width = even.shape
    mask = np.full((height, width), 255, np.uint8)
    for x0, y0, x1, y1 in changing:
        mask[max(0, math.floor(y0)) : max(0, math.ceil(y1)), max(0, math.floor(x0)) : max(0, math.ceil(x1))] = 0
    across, down = _PIECES
    found = []
    for i in range(across):
        for j in range(down):
            piece = np.zeros_like(mask)
            rows = slice(j * height // down, (j + 1) * height // down)
            columns = slice(i * width // across, (i + 1) * width // across)
            piece[rows, columns] = mask[rows, columns]
            corners = cv2.goodFeaturesToTrack(even, MOST_FEATURES // (across * down), 0.1, 6, mask=piece)
            if corners is not None:
                found.append(np.asarray(corners, np.float64).reshape(-1, 2))
    return np.concatenate(found) if found else np.empty((0, 2))
