"""Printed markers and what is seen of them: a strip of ArUco markers on the rack, and a ChArUco board for the lens.

Rack coordinates are mm: x to the right in the picture, y up, z towards the camera.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from vision.marker_corners import refined

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
PlaceMm = tuple[float, float, float]

DICTIONARIES = {
    "4x4_50": 50, "4x4_100": 100, "5x5_50": 50, "5x5_100": 100, "6x6_50": 50, "6x6_250": 250,
    "apriltag_36h11": 587,
}  # fmt: skip
"""How many markers each has, ids from 0 on."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """Points of a board that were found. points_mm: (n, 3) on the board; points_px: (n, 2), pixel centres count.

    ids: of the markers, or of the corners of a ChArUco board. growth: (n, 3), how far each point moves when the
    black grows by 1 mm across; None where that moves none, as between two black squares.
    """

    points_mm: Floats
    points_px: Floats
    ids: tuple[int, ...]
    growth: Floats | None = None

    def __len__(self) -> int:
        return len(self.points_px)


@dataclass(frozen=True)
class MarkerBoard:
    """ArUco markers that stand upright and face +z. places_mm: the middle of each, in the order of `ids`.

    size_mm: side of the black square. Raises ValueError for a board that cannot be.
    """

    ids: tuple[int, ...]
    size_mm: float
    places_mm: tuple[PlaceMm, ...]
    dictionary: str = "4x4_50"

    def __post_init__(self) -> None:
        many = _known(self.dictionary)
        if not self.ids:
            raise ValueError("a marker board needs at least one marker")
        if len(self.ids) != len(self.places_mm):
            raise ValueError(f"{len(self.ids)} markers have {len(self.places_mm)} places; each needs one")
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("two markers have the same id; each needs its own")
        if not all(0 <= i < many for i in self.ids):
            raise ValueError(f"the ids of dictionary {self.dictionary} go from 0 to {many - 1}")
        if not (np.isfinite(self.size_mm) and self.size_mm > 0 and np.isfinite(self.places_mm).all()):
            raise ValueError("size_mm must be above 0, and every place a finite number")

    @property
    def corners_mm(self) -> dict[int, Floats]:
        """(4, 3) by id: top left, top right, bottom right, bottom left."""
        half = self.size_mm / 2
        square = np.array([(-half, half, 0), (half, half, 0), (half, -half, 0), (-half, -half, 0)])
        return {i: square + np.array(place) for i, place in zip(self.ids, self.places_mm, strict=True)}

    def see(self, image: Image) -> Sighting:
        """Its markers in the picture, corners refined to a fraction of a pixel; those hidden are not there."""
        grey = _grey(image)
        corners, ids, _ = _detector(self.dictionary).detectMarkers(grey)
        known = self.corners_mm
        seen: dict[int, Floats] = {}
        quads = refined(grey, _points(corners).reshape(-1, 4, 2), cv2_dictionary(self.dictionary).markerSize + 2)
        for quad, number in zip(quads, _numbers(ids), strict=True):
            # a second one with the same id is a reflection or another sheet: neither can be told from the true one
            if number in known:
                seen[number] = np.full((4, 2), np.nan) if number in seen else quad
        kept = {i: quad for i, quad in sorted(seen.items()) if np.isfinite(quad).all()}
        if not kept:
            return Sighting(np.empty((0, 3)), np.empty((0, 2)), ())
        points_mm = np.concatenate([known[i] for i in kept])
        growth = np.concatenate([(quad - quad.mean(axis=0)) / self.size_mm for quad in (known[i] for i in kept)])
        return Sighting(points_mm, np.concatenate(list(kept.values())), tuple(kept), growth)


@dataclass(frozen=True)
class ChessBoard:
    """A ChArUco board: a chessboard with a marker in each white square. Its corners are what is found.

    The origin is the top left corner, z towards the camera. Raises ValueError for a board that cannot be.
    """

    columns: int = 7
    rows: int = 9
    square_mm: float = 25.0
    marker_mm: float = 18.0
    dictionary: str = "5x5_100"

    def __post_init__(self) -> None:
        many = _known(self.dictionary)
        if self.columns < 3 or self.rows < 3 or self.columns * self.rows // 2 > many:
            raise ValueError(f"a board has 3 x 3 squares or more, and at most {many} markers of {self.dictionary}")
        if not (np.isfinite(self.square_mm) and 0 < self.marker_mm < self.square_mm):
            raise ValueError("marker_mm must be above 0 and below square_mm")

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height."""
        return self.columns * self.square_mm, self.rows * self.square_mm

    @property
    def corners(self) -> int:
        """How many inner corners it has."""
        return (self.columns - 1) * (self.rows - 1)

    def see(self, image: Image) -> Sighting:
        """Its inner corners in the picture."""
        board, detector = _chess(self)
        found, ids, _, _ = detector.detectBoard(_grey(image))
        if not (numbers := _numbers(ids)):
            return Sighting(np.empty((0, 3)), np.empty((0, 2)), ())
        points_mm = np.asarray(board.getChessboardCorners(), np.float64)[numbers]
        points_mm[:, 1] *= -1  # OpenCV counts down from the top; y is up here
        return Sighting(points_mm, _points(found), tuple(numbers))


def marker_modules(dictionary: str, number: int) -> npt.NDArray[np.bool_]:
    """Which modules of a marker are black, its border included; row 0 is the top."""
    side = cv2_dictionary(dictionary).markerSize + 2
    return np.asarray(cv2.aruco.generateImageMarker(cv2_dictionary(dictionary), number, side) < 128)


@lru_cache
def cv2_dictionary(name: str) -> cv2.aruco.Dictionary:
    """OpenCV's dictionary of this name."""
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{name.upper()}"))


def _known(dictionary: str) -> int:
    if dictionary not in DICTIONARIES:
        raise ValueError(f"there is no dictionary {dictionary!r}; there are {', '.join(DICTIONARIES)}")
    return DICTIONARIES[dictionary]


def _parameters() -> cv2.aruco.DetectorParameters:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    # a window that is wider than a module takes in the next edge and pulls the corner there
    parameters.relativeCornerRefinmentWinSize = 0.4
    parameters.cornerRefinementMinAccuracy = 0.01
    parameters.minMarkerPerimeterRate = 0.02
    return parameters


@lru_cache
def _detector(dictionary: str) -> cv2.aruco.ArucoDetector:
    return cv2.aruco.ArucoDetector(cv2_dictionary(dictionary), _parameters())


@lru_cache
def _chess(board: ChessBoard) -> tuple[cv2.aruco.CharucoBoard, cv2.aruco.CharucoDetector]:
    size = (board.columns, board.rows)
    made = cv2.aruco.CharucoBoard(size, board.square_mm, board.marker_mm, cv2_dictionary(board.dictionary))
    detector = cv2.aruco.CharucoDetector(made)
    detector.setDetectorParameters(_parameters())
    return made, detector


def _grey(image: Image) -> Image:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _numbers(ids: npt.ArrayLike | None) -> list[int]:
    return [] if ids is None else [int(i) for i in np.ravel(ids)]


def _points(found: npt.ArrayLike) -> Floats:
    return np.asarray(found, np.float64).reshape(-1, 2)
