"""Has the camera moved since it was set up, by the markers, and how that is said.

Without markers `surroundings` tells it, by what stands still.
"""

import math
from dataclasses import dataclass

import numpy as np

from vision.rack_markers import ChessBoard, Floats, Image, MarkerBoard
from vision.rack_pose import NotSeen, RackPose
from vision.reading import Doubt

LIMIT_PX = 2.0
"""A shift at the vials beyond which boxes no longer fit; refined corners jitter by a tenth of it."""


@dataclass(frozen=True)
class Moved:
    """The camera is not where it was. shift_px: of the picture at the vials, right and down; the largest of all.

    shift_mm: its length there; None where no scale is known. turned_deg: of the picture, clockwise.
    """

    shift_px: tuple[float, float]
    shift_mm: float | None
    turned_deg: float = 0.0

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
        moved = _shift(motion, places, self._px_per_mm(places, carried))
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


def _shift(motion: Floats, places: Floats, px_per_mm: float) -> Moved:
    shifts = places @ motion[:, :2].T + motion[:, 2] - places
    right, down = shifts[int(np.argmax(np.linalg.norm(shifts, axis=1)))].tolist()
    mm = math.hypot(right, down) / px_per_mm
    return Moved((right, down), mm, math.degrees(math.atan2(motion[1, 0], motion[0, 0])))
