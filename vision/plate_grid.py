"""Where the wells of a plate or rack lie in a picture from above.

Four corner wells give a homography; the rims that are seen then bend it where clicks or lens were not exact. A
rim is a circle across which brightness or colour steps all the way round, so it is sought as the coherent radial
gradient (Reisfeld, Wolfson, Yeshurun, Int. J. Comput. Vision 14 (1995) 119), and every well votes on one smooth
displacement by robust least squares: a well without a visible rim follows its neighbours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from vision.rack_markers import MarkerBoard

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Point = tuple[float, float]

RADII = np.arange(0.26, 0.485, 0.02)
"""Well radii that are tried, in pitches: labware lies between 0.35 (tubes) and 0.46 (24 wells)."""
USUAL_RADIUS = 0.37
REACH = 0.34
"""How far from its place a rim is sought, in pitches: beyond half a pitch it would be the neighbour's."""
FINE_PX = 24
SEEN = 1.5
"""A rim steps this many times as much as the usual place."""
AGREED = 0.5
SMALLEST_PITCH_PX = 6.0
MOST_WELLS = 1536


class PlateError(ValueError):
    """Corners, counts or markers that make no plate; the message says what to put right."""


@dataclass(frozen=True)
class PlateGrid:
    """A grid of wells seen in perspective.

    matrix: homography, row by row, from (column, row) in pitches to pixels. bend: for columns, then rows, how far
    a well lies from that place in pitches, over the terms of `smooth_terms`. radius: of a well, in pitches.
    """

    rows: int
    columns: int
    matrix: tuple[float, ...]
    bend: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0,) * 6, (0.0,) * 6)
    radius: float = USUAL_RADIUS

    def to_image(self, wells: npt.ArrayLike) -> Floats:
        """Pixels (x, y) of places (column, row) in pitches; (..., 2) in and out."""
        places = np.asarray(wells, dtype=np.float64)
        shift = smooth_terms(places, self.rows, self.columns) @ np.array(self.bend).T
        homogeneous = np.concatenate([places + shift, np.ones((*places.shape[:-1], 1))], axis=-1)
        projected = homogeneous @ np.array(self.matrix).reshape(3, 3).T
        return np.asarray(projected[..., :2] / projected[..., 2:])

    def nodes(self) -> Floats:
        """(rows, columns, 2): the place of each well in pitches."""
        return np.stack(np.meshgrid(np.arange(self.columns), np.arange(self.rows)), axis=-1).astype(np.float64)

    def centres(self) -> Floats:
        """(rows, columns, 2): the centre of each well, px."""
        return self.to_image(self.nodes())

    def pitch_px(self) -> Floats:
        """(rows, columns): the local distance between wells, px; the geometric mean of both directions."""
        nodes, right, down = self.nodes(), np.array([0.5, 0]), np.array([0, 0.5])
        row = self.to_image(nodes + right) - self.to_image(nodes - right)
        column = self.to_image(nodes + down) - self.to_image(nodes - down)
        return np.asarray(np.sqrt(np.linalg.norm(row, axis=-1) * np.linalg.norm(column, axis=-1)))


def grid_from_corners(corners: Sequence[Point], rows: int, columns: int) -> PlateGrid:
    """The grid whose corner wells lie at `corners`, px.

    corners: first well (A1), last of the first row, last of the last row, first of the last row: once round; or
    in reading order, with the last two swapped. Raises PlateError.
    """
    if rows < 2 or columns < 2 or rows * columns > MOST_WELLS:
        raise PlateError(
            f"{rows} x {columns} wells: a plate has 2 rows and columns or more, {MOST_WELLS} wells at most"
        )
    points = np.asarray(corners, dtype=np.float64)
    if points.shape != (4, 2) or not np.all(np.isfinite(points)) or np.any(np.abs(points) > 1e6):
        raise PlateError("a plate needs four corners, each x,y in pixels")
    if _crossed(points):
        points = points[[0, 1, 3, 2]]
    turn = _turns(points)
    if np.all(turn < 0):
        raise PlateError(
            "the corners run anticlockwise: begin at the first well and go along its row; if they do so, the "
            "picture is mirrored: turn that off in the camera"
        )
    if not np.all(turn > 0):
        raise PlateError("the four corners make no quadrilateral: click the centres of the four corner wells")
    sides = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    across, down = (sides[0] + sides[2]) / 2 / (columns - 1), (sides[1] + sides[3]) / 2 / (rows - 1)
    if min(across, down) < SMALLEST_PITCH_PX:
        raise PlateError(
            f"the wells lie {min(across, down):.1f} px apart; {SMALLEST_PITCH_PX:.0f} are needed: move nearer"
        )
    if max(across, down) > 2 * min(across, down):
        raise PlateError(
            f"wells {across:.0f} px apart along a row and {down:.0f} px along a column do not fit {rows} rows x "
            f"{columns} columns: begin at the first well and go along its row, or swap rows and columns"
        )
    right, bottom = columns - 1, rows - 1
    flat = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, points.astype(np.float32))
    return PlateGrid(rows, columns, tuple(float(v) for v in np.asarray(matrix).reshape(-1)))


def corners_from_markers(
    image: Image, ids: Sequence[int], inset: Point = (0.0, 0.0)
) -> tuple[Point, Point, Point, Point]:
    """The four corner wells of a plate between four ArUco markers (4x4_50).

    ids: markers next to the first well, the last of its row, the last of the last row, the first of the last row.
    inset: how far the corner wells lie inside the rectangle of the markers' centres, as shares of its width and
    height; (0, 0) where the centres are wanted. Raises PlateError when a marker is not seen or seen twice,
    ValueError for ids that no such marker has.
    """
    if len(set(ids)) != 4:
        raise PlateError("four different markers are needed, one at each corner")
    if not all(0 <= share < 0.5 for share in inset):
        raise PlateError("an inset is a share of the distance between the markers, from 0 to below 0.5")
    seen = MarkerBoard(tuple(ids), 1.0, ((0.0, 0.0, 0.0),) * 4).see(image)
    if wrong := [str(i) for i in ids if i not in seen.ids]:
        found = ", ".join(map(str, seen.ids)) or "none of them"
        raise PlateError(f"marker {', '.join(wrong)} is not seen, or more than once (seen: {found})")
    quads = seen.points_px.reshape(-1, 4, 2)
    centres = np.array([_crossing(quads[seen.ids.index(i)]) for i in ids], np.float32)
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    matrix = cv2.getPerspectiveTransform(unit, centres)
    dx, dy = inset
    wells = np.array([[(dx, dy), (1 - dx, dy), (1 - dx, 1 - dy), (dx, 1 - dy)]], np.float32)
    a, b, c, d = ((float(x), float(y)) for x, y in cv2.perspectiveTransform(wells, matrix)[0])
    return a, b, c, d


def refined(image: Image, grid: PlateGrid) -> tuple[PlateGrid, Floats]:
    """The grid moved onto the rims that are seen, and (rows, columns) how clearly each is: 1 as the background.

    The corners given are kept where nothing round is seen, or rims that do not agree.
    """
    moved, _ = _moved_once(image, grid, RADII[::2])
    near = RADII[np.abs(RADII - moved.radius) < 0.05]
    return _moved_once(image, moved, near)


def rectified(image: Image, grid: PlateGrid, px_per_pitch: int, margin: float) -> Image:
    """The plate as from straight above, `margin` pitches around the outer wells."""
    coarse = float(np.median(grid.pitch_px())) / px_per_pitch
    scale = 1.0
    if coarse > 1.5:  # every pixel counts, or fine texture would turn into false rims
        scale = 1 / coarse
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    width = round((grid.columns - 1 + 2 * margin) * px_per_pitch)
    height = round((grid.rows - 1 + 2 * margin) * px_per_pitch)
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1) / px_per_pitch - margin
    at = ((grid.to_image(places) + 0.5) * scale - 0.5).astype(np.float32)
    return np.asarray(
        cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _moved_once(image: Image, grid: PlateGrid, radii: Floats) -> tuple[PlateGrid, Floats]:
    margin = 1.0
    flat = rectified(image, grid, FINE_PX, margin)
    offsets, clearness = _peaks(_roundness(flat, radii), grid, margin)
    weight = np.clip(clearness - SEEN, 0, 6)
    if not weight.any():
        return grid, np.ones((grid.rows, grid.columns))
    chosen = int(np.argmax((clearness * weight.max(axis=0)).sum(axis=1)))
    sure = clearness[chosen]
    shift, agreed = _smooth_shift(grid, offsets[chosen], weight[chosen])
    total = np.array(grid.bend) + shift
    far = np.abs(smooth_terms(grid.nodes(), grid.rows, grid.columns) @ total.T).max()
    if agreed < AGREED or far > REACH:  # a well is not sought further, so a fit that goes there is none
        return grid, np.ones((grid.rows, grid.columns))
    moved = replace(
        grid,
        bend=(tuple(float(v) for v in total[0]), tuple(float(v) for v in total[1])),
        radius=float(radii[chosen]),
    )
    return moved, sure.reshape(grid.rows, grid.columns)


def _roundness(flat: Image, radii: Floats) -> Floats:
    """(radii, h, w): the radial step of brightness or colour, averaged round a circle about each pixel."""
    lab = cv2.cvtColor(cv2.GaussianBlur(flat, (0, 0), 1.0), cv2.COLOR_BGR2Lab).astype(np.float32)
    stacks = []
    for radius in radii * FINE_PX:
        half = math.ceil(radius + 2)
        y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
        distance = np.maximum(np.hypot(x, y), 1e-6)
        ring = np.exp(-(((distance - radius) / 0.8) ** 2))
        ring /= ring.sum()
        best = np.zeros(flat.shape[:2], np.float32)
        for channel in cv2.split(lab):
            gx, gy = cv2.Sobel(channel, cv2.CV_32F, 1, 0), cv2.Sobel(channel, cv2.CV_32F, 0, 1)
            step = cv2.filter2D(gx, -1, ring * x / distance) + cv2.filter2D(gy, -1, ring * y / distance)
            best = np.maximum(best, np.abs(step))
        stacks.append(best)
    return np.array(stacks, np.float64)


def _peaks(stacks: Floats, grid: PlateGrid, margin: float) -> tuple[Floats, Floats]:
    """For each radius and well: where the rim is strongest (pitches from the node), how many times the usual."""
    count = grid.rows * grid.columns
    offsets, clearness = np.zeros((len(stacks), count, 2)), np.ones((len(stacks), count))
    reach = round(REACH * FINE_PX)
    floor = max(float(np.median(stacks)), 0.5)
    for well, (column, row) in enumerate(grid.nodes().reshape(-1, 2)):
        x, y = round((column + margin) * FINE_PX), round((row + margin) * FINE_PX)
        window = stacks[:, y - reach : y + reach + 1, x - reach : x + reach + 1]
        for n, seen in enumerate(window):
            j, i = np.unravel_index(int(np.argmax(seen)), seen.shape)
            if not (0 < j < 2 * reach and 0 < i < 2 * reach):
                continue  # no peak, but the flank of a neighbour's
            clearness[n, well] = seen[j, i] / floor
            offsets[n, well] = (
                (i + _vertex(seen[j, :], int(i)) - reach) / FINE_PX,
                (j + _vertex(seen[:, i], int(j)) - reach) / FINE_PX,
            )
    return offsets, clearness


def _vertex(values: Floats, at: int) -> float:
    """How far from the highest sample its parabola has its top, -0.5..0.5 samples; 0 at the ends."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, here, right = values[at - 1 : at + 2]
    bow = left - 2 * here + right
    return 0.0 if bow >= 0 else float(np.clip((left - right) / (2 * bow), -0.5, 0.5))


def _smooth_shift(grid: PlateGrid, shift: Floats, weight: Floats) -> tuple[Floats, float]:
    """(2, 6): the smooth displacement that most rims agree on; and what share of them, by weight, does."""
    terms = smooth_terms(grid.nodes().reshape(-1, 2), grid.rows, grid.columns)
    fit = robust_fit(terms, shift, weight, (0.2, 0.12, 0.08, 0.05, 0.04, 0.03, 0.03, 0.03))
    near = np.linalg.norm(shift - terms @ fit, axis=1) < 0.08
    return fit.T, float(weight[near].sum() / weight.sum())


def robust_fit(terms: Floats, values: Floats, weight: Floats, scales: Sequence[float]) -> Floats:
    """Coefficients of the terms of `smooth_terms` by iterated least squares, squared Cauchy weights.

    values: (n,), or (n, k) whose rows are trusted or not as one. scales: the residual at which trust falls to a
    quarter, from coarse to fine. Second-order terms are held near zero where little speaks for them.
    """
    wide = values.reshape(len(values), -1)
    hold = np.diag([1e-3, 1e-2, 1e-2, 0.2, 0.2, 0.2]) * max(float(weight.sum()), 1e-9) / 4
    coefficients = np.zeros((terms.shape[1], wide.shape[1]))
    coefficients[0] = np.median(wide[weight >= np.median(weight)], axis=0)
    for scale in scales:
        off = np.linalg.norm(wide - terms @ coefficients, axis=1)
        trust = weight / (1 + (off / scale) ** 2) ** 2
        coefficients = np.linalg.solve(terms.T @ (trust[:, None] * terms) + hold, terms.T @ (trust[:, None] * wide))
    return np.asarray(coefficients.reshape(terms.shape[1], *values.shape[1:]))


def smooth_terms(places: Floats, rows: int, columns: int) -> Floats:
    """(..., 6): 1, x, y, x², xy, y² with x and y from -1 to 1 over the plate."""
    x, y = 2 * places[..., 0] / (columns - 1) - 1, 2 * places[..., 1] / (rows - 1) - 1
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _turns(points: Floats) -> Floats:
    """The cross product at each corner of a closed polygon; positive turns right in a picture."""
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    return np.asarray(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])


def _crossed(points: Floats) -> bool:
    """Whether the polygon crosses itself and does not once the last two corners are swapped."""
    straight = _turns(points)
    swapped = _turns(points[[0, 1, 3, 2]])
    return not (np.all(straight > 0) or np.all(straight < 0)) and bool(np.all(swapped > 0))


def _crossing(quad: Floats) -> Point:
    """Where the diagonals meet: the centre of a square seen in perspective."""
    first, second = np.cross([*quad[0], 1.0], [*quad[2], 1.0]), np.cross([*quad[1], 1.0], [*quad[3], 1.0])
    x, y, w = np.cross(first, second)
    return float(x / w), float(y / w)
