"""Wells of a plate or rack from above: filled, empty or unknown, and of what colour.

A well's light is divided by that of the plate between the wells around it, which cancels lamp, exposure, white
balance and a gradient over the plate. What is then told apart is described in `plate_choice`. An earlier picture of
the same plate while it was empty makes each well its own reference: only so is a colourless liquid told from
an empty well.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import inside
from vision.colour import linear, linear_rgb_to_lab, robust_mean
from vision.correction import Correction
from vision.plate_choice import BLACK, Choice, State, against_empty, against_plate, light_to_lab
from vision.plate_grid import (
    SEEN,
    PlateError,
    PlateGrid,
    Point,
    grid_from_corners,
    refined,
    robust_fit,
    smooth_terms,
)
from vision.reading import Doubt, Lab

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

RING = (0.32, 0.70)
"""Where the colour is taken, in well radii: outside the lamp's reflection, inside the wall's shade."""
DISC = (0.05, 0.85)
BETWEEN = 0.07
"""Radius of the spot of plate between four wells, in pitches."""
WHITE = 0.97
"""Linear light above which a code says nothing."""
DARK = 0.01
"""Linear light below which neither a well nor the plate around it tells anything (code 25)."""
UNSEATED = 0.6
"""The most confidence where no rim is seen: whether the wells lie where the corners say is then not known."""
MOVED = 0.2
"""Pitches from which a well is no longer compared with itself when it was empty."""
BLIND = 0.5
"""Share of a well under glare from which it is not read."""


@dataclass(frozen=True)
class Well:
    """One well. row and column count from 0; centre and radius in px.

    lab: relative to the white where one is given, else as corrected, else as photographed (doubt NO_WHITE); None
    out of the picture.
    confidence: how often such an answer is right, 0..1.
    """

    name: str
    row: int
    column: int
    centre_px: Point
    radius_px: float
    state: State
    lab: Lab | None
    confidence: float
    doubt: Doubt


@dataclass(frozen=True)
class PlateReading:
    """All wells, row by row, and in words what holds for the whole plate."""

    rows: int
    columns: int
    wells: tuple[Well, ...]
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> Well:
        """The well of that name ("A1"). Raises KeyError."""
        for well in self.wells:
            if well.name == name:
                return well
        raise KeyError(name)


def well_name(row: int, column: int) -> str:
    """A1 for the first; after row Z comes AA."""
    letters = string.ascii_uppercase
    prefix = letters[row // 26 - 1] if row >= 26 else ""
    return f"{prefix}{letters[row % 26]}{column + 1}"


def read_plate(
    image: Image,
    corners: Sequence[Point],
    rows: int,
    columns: int,
    *,
    white_px: tuple[float, float, float, float] | None = None,
    empty: Image | None = None,
    correction: Correction | None = None,
) -> PlateReading:
    """Read every well of a plate seen from above.

    image: 8-bit BGR. corners: centres of the corner wells, once round from the first along its row, px.
    white_px: box of something white in the picture. empty: the same plate, empty, from the same place. correction:
    of the camera's colours under this lamp.
    Raises PlateError for corners that make no grid or lie elsewhere, ValueError for a white or empty picture that
    cannot serve.
    """
    grid = grid_from_corners(corners, rows, columns)
    _check(image, empty, grid)
    white = None if white_px is None else white_light(image, white_px)
    grid, clearness = refined(image, grid)
    seen, inner, plate = _lights(image, grid)
    texture = np.log(np.maximum(seen, BLACK) / plate[:, None])
    relative = inner / plate
    dark = np.maximum(inner, plate).max(axis=1) < DARK
    if empty is None:
        terms = smooth_terms(grid.nodes().reshape(-1, 2), rows, columns)
        uneven = np.std(texture.mean(axis=-1), axis=1)
        choice = against_plate(relative, uneven, plate.max(axis=1) > WHITE, terms)
    else:
        if clearness.max() > SEEN:
            _check_same_place(empty, grid)
        before, inner_before, plate_before = _lights(empty, grid)
        dark |= np.maximum(inner_before, plate_before).max(axis=1) < DARK
        change = texture - np.log(np.maximum(before, BLACK) / plate_before[:, None])
        choice = against_empty(relative * plate_before / np.maximum(inner_before, BLACK), change)
    doubts = [_doubt(*each) for each in zip(seen, plate, _out_of(image, grid), dark, strict=True)]
    lab = _colours(inner, white, correction)
    extra = Doubt.NO_WHITE if white is None and correction is None else Doubt.NONE
    found = bool(np.max(clearness) > SEEN)
    most = 1.0 if found else UNSEATED
    wells = tuple(_wells(grid, choice, lab, doubts, extra, most))
    return PlateReading(rows, columns, wells, _notes(choice, found, bool(dark.any())))


def _check(image: Image, empty: Image | None, grid: PlateGrid) -> None:
    """Raises ValueError for pictures that cannot serve, PlateError for wells elsewhere."""
    if empty is not None and empty.shape != image.shape:
        raise ValueError("the picture of the empty plate has another size: take both from the same place")
    if empty is not None and np.array_equal(empty, image):
        raise ValueError("the picture of the empty plate is the same picture: give the one taken before filling")
    if _out_of(image, grid).all():
        size = f"{image.shape[1]} x {image.shape[0]}"
        raise PlateError(f"none of the wells lies in the picture: are the corners pixels of its {size}?")


def _check_same_place(empty: Image, grid: PlateGrid) -> None:
    """Raises ValueError where the rims of the empty plate are elsewhere."""
    there, clearness = refined(empty, grid)
    off = np.linalg.norm(there.centres() - grid.centres(), axis=-1)
    if clearness.max() > SEEN and np.median(off / grid.pitch_px()) > MOVED:
        raise ValueError(
            f"in the picture of the empty plate the wells lie {np.median(off):.0f} px elsewhere: "
            "take both pictures from the same place"
        )


def _colours(light: Floats, white: Floats | None, correction: Correction | None) -> Floats:
    """CIELAB of linear light, BGR: corrected where a correction is given, relative to the white where one is."""
    if correction is None:
        return light_to_lab(light if white is None else light / white)
    true = correction.light(light[..., ::-1])
    if white is not None:
        true = true / np.maximum(correction.light(white[::-1]), BLACK)
    return linear_rgb_to_lab(np.maximum(true, 0.0))


def white_light(image: Image, box: tuple[float, float, float, float]) -> Floats:
    """Linear light, BGR, of a white or light grey patch. Raises ValueError: outside, clipped, too dark."""
    where = inside(box, image.shape)
    if where is None:
        raise ValueError("the white patch is no box in the picture: left, top, right, bottom in its pixels")
    x0, y0, x1, y1 = where
    light = linear(image[y0:y1, x0:x1]).reshape(-1, 3).astype(np.float64)
    if np.mean(light.max(axis=1) > WHITE) > 0.05:
        raise ValueError("the white patch is overexposed: take the picture darker")
    found = robust_mean(light)
    if found.min() < 0.02:
        raise ValueError("the white patch is too dark to be a reference: take the picture brighter")
    return found


def _lights(image: Image, grid: PlateGrid) -> tuple[Floats, Floats, Floats]:
    """Linear BGR: (wells, samples, 3) over each disc, (wells, 3) of the ring, (wells, 3) of the plate around."""
    nodes = grid.nodes().reshape(-1, 2)
    disc = _sampled(image, grid, nodes, np.linspace(*DISC, 9) * grid.radius)
    ring = np.median(_sampled(image, grid, nodes, np.linspace(*RING, 7) * grid.radius), axis=1)
    junctions = np.stack(
        np.meshgrid(np.arange(grid.columns - 1) + 0.5, np.arange(grid.rows - 1) + 0.5), axis=-1
    ).reshape(-1, 2)
    between = np.median(_sampled(image, grid, junctions, np.linspace(0, BETWEEN, 3)), axis=1)
    return disc, ring, np.maximum(_around(grid, nodes, junctions, between), BLACK)


def _around(grid: PlateGrid, nodes: Floats, junctions: Floats, between: Floats) -> Floats:
    """The light of the plate about each well: a smooth lamp, then the median of what the junctions near it add, so
    that a spill between four wells changes nothing."""
    light = np.log(np.maximum(between, BLACK))
    terms = smooth_terms(junctions, grid.rows, grid.columns)
    lamp = np.stack(
        [robust_fit(terms, channel, np.ones(len(terms)), (0.3, 0.2, 0.1, 0.1)) for channel in light.T], axis=1
    )
    left = light - terms @ lamp
    near = [np.median(left[np.abs(junctions - node).max(axis=1) < 2], axis=0) for node in nodes]
    return np.asarray(np.exp(smooth_terms(nodes, grid.rows, grid.columns) @ lamp + np.array(near)))


def _sampled(image: Image, grid: PlateGrid, centres: Floats, radii: Floats) -> Floats:
    """(places, samples, 3) linear light on circles of `radii`, in pitches, about `centres`."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    offsets = (radii[:, None, None] * circle).reshape(-1, 2)
    at = grid.to_image(centres[:, None] + offsets).astype(np.float32)
    codes = cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return linear(np.asarray(codes, np.uint8)).astype(np.float64)


def _out_of(image: Image, grid: PlateGrid) -> npt.NDArray[np.bool_]:
    centres, radius = grid.centres().reshape(-1, 2), (grid.pitch_px() * grid.radius * RING[1]).reshape(-1)
    height, width = image.shape[:2]
    x, y = centres.T
    return np.asarray((x < radius) | (y < radius) | (x > width - 1 - radius) | (y > height - 1 - radius))


def _doubt(light: Floats, plate: Floats, out_of_frame: bool, dark: bool) -> Doubt:
    """What keeps a well from being seen; a well as overexposed as the plate around it is as clear as the plate."""
    doubt = Doubt.OUT_OF_FRAME if out_of_frame else Doubt.DARK if dark else Doubt.NONE
    if plate.max() > WHITE:
        doubt |= Doubt.SATURATED
    elif np.mean(light.min(axis=1) > WHITE) > BLIND:
        doubt |= Doubt.GLARE
    return doubt


def _wells(
    grid: PlateGrid, choice: Choice, lab: Floats, doubts: Sequence[Doubt], extra: Doubt, most: float
) -> list[Well]:
    wells: list[Well] = []
    centres, radii = grid.centres().reshape(-1, 2), (grid.pitch_px() * grid.radius).reshape(-1)
    for n, (x, y) in enumerate(centres):
        row, column = divmod(n, grid.columns)
        hidden = bool(doubts[n] & (Doubt.OUT_OF_FRAME | Doubt.GLARE | Doubt.DARK))
        state: State = "unknown" if hidden else choice.states[n]
        ambiguous = Doubt.AMBIGUOUS if choice.ambiguous[n] else Doubt.NONE
        L, a, b = (float(v) for v in lab[n])
        wells.append(
            Well(
                name=well_name(row, column),
                row=row,
                column=column,
                centre_px=(float(x), float(y)),
                radius_px=float(radii[n]),
                state=state,
                lab=None if Doubt.OUT_OF_FRAME in doubts[n] else (L, a, b),
                confidence=0.0 if hidden else min(most, choice.confidence[n]),
                doubt=doubts[n] | ambiguous | extra,
            )
        )
    return wells


def _notes(choice: Choice, found: bool, dark: bool) -> tuple[str, ...]:
    notes = [] if found else ["no rims are seen that agree: whether the wells lie there is not known"]
    if dark:
        notes.append("some of it is too dark to tell: take the picture brighter")
    return (*notes, choice.note) if choice.note else tuple(notes)
