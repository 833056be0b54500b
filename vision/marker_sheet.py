"""The marker sheet that is printed: what lies where on the paper, in mm, as rectangles, lines and words.

Page 1 is the strip for the rack, page 2 the ChArUco board for the lens. `sheet_files` makes SVG and PDF of it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vision.rack_markers import ChessBoard, MarkerBoard, PlaceMm, cv2_dictionary, marker_modules

PAPERS = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
"""Width and height, mm."""
Paper = Literal["A4", "Letter"]
EDGE_MM = 12.0
"""What printers leave white."""
RULER_MM = 100.0
MARKERS, MARKER_MM = 4, 15.0
"""In the strip for a rack's front, unless told."""
LEAST_SIZE_MM, MOST_SIZE_MM = 5.0, 150.0
GREYS = (("white", 1.0), ("grey 18 %", 0.46), ("black", 0.0))
"""Words and sRGB value of the patches; 0.46 reflects 18 %, as nearly as the printer has it."""
_BELOW_MM = 7.0
_PLACES_A_LINE = 4
_LARGE_PT, _SMALL_PT = 13.0, 8.0


@dataclass(frozen=True)
class Rect:
    """Filled. x_mm, y_mm: its left upper corner, from that of the paper. grey: sRGB, 0 black, 1 white."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    grey: float = 0.0


@dataclass(frozen=True)
class Line:
    """A thin line, from the left upper corner of the paper."""

    x0_mm: float
    y0_mm: float
    x1_mm: float
    y1_mm: float
    width_mm: float = 0.15


@dataclass(frozen=True)
class Words:
    """x_mm, y_mm: where the base line starts."""

    x_mm: float
    y_mm: float
    text: str
    size_pt: float = _SMALL_PT


Shape = Rect | Line | Words


@dataclass(frozen=True)
class Page:
    """One sheet of paper; later shapes lie over earlier ones."""

    width_mm: float
    height_mm: float
    shapes: tuple[Shape, ...]


class SheetError(ValueError):
    """Markers that do not fit the paper; the message says what would."""


def strip_board(
    count: int, size_mm: float, pitch_mm: float | None = None, first: int = 0, dictionary: str = "4x4_50"
) -> MarkerBoard:
    """A row of markers for the front of a rack, the middle of the first at the origin.

    pitch_mm: from middle to middle, twice the size unless told. Raises SheetError for markers that would touch or
    are too small to print, ValueError for more than the dictionary has.
    """
    if not LEAST_SIZE_MM <= size_mm <= MOST_SIZE_MM:
        raise SheetError(f"a marker is {LEAST_SIZE_MM:g} to {MOST_SIZE_MM:g} mm large, not {size_mm:g}")
    pitch = 2 * size_mm if pitch_mm is None else pitch_mm
    quiet = quiet_mm(size_mm, dictionary)
    if count > 1 and pitch < size_mm + 2 * quiet:
        need = f"{size_mm + 2 * quiet:.1f} mm"
        raise SheetError(f"markers of {size_mm:g} mm need a pitch of {need}: there must be white around each")
    places: list[PlaceMm] = [(i * pitch, 0.0, 0.0) for i in range(count)]
    return MarkerBoard(tuple(range(first, first + count)), size_mm, tuple(places), dictionary)


def quiet_mm(size_mm: float, dictionary: str) -> float:
    """The white that must be left around a marker: one module."""
    return size_mm / (cv2_dictionary(dictionary).markerSize + 2)


def rig_table(board: MarkerBoard) -> tuple[str, ...]:
    """The lines that tell these markers to a rig file (TOML)."""
    places = [f"[{x:g}, {y:g}, {z:g}]" for x, y, z in board.places_mm]
    rows = [", ".join(places[i : i + _PLACES_A_LINE]) for i in range(0, len(places), _PLACES_A_LINE)]
    return (
        "[markers]",
        f"ids = [{', '.join(map(str, board.ids))}]",
        f"size_mm = {board.size_mm:g}",
        *"places_mm = [{}]".format(",\n  ".join(rows)).split("\n"),
        f'dictionary = "{board.dictionary}"',
        "origin_mm = [0, 0, 0]",
        'a1 = "back left"',
    )


def rack_page(board: MarkerBoard, paper: Paper = "A4", *, with_table: bool = True) -> Page:
    """The markers as they lie on the rack, in one piece where they fit the paper, with a line to cut along.

    with_table: the lines for the rig file too. Raises SheetError where they do not fit: they are then to be made
    smaller or nearer to each other.
    """
    width, height = PAPERS[paper]
    if len({place[2] for place in board.places_mm}) > 1:
        raise SheetError(
            "the markers lie at different depths, so no one sheet has them all: print one for each depth"
        )
    quiet = max(quiet_mm(board.size_mm, board.dictionary), 2.0)
    half = board.size_mm / 2 + quiet
    left = min(x for x, _, _ in board.places_mm) - half
    top = max(y for _, y, _ in board.places_mm) + half
    wide = max(x for x, _, _ in board.places_mm) + half - left
    high = top - min(y for _, y, _ in board.places_mm) + half + _BELOW_MM
    head_mm, foot_mm = 32.0, 60.0
    room = (width - 2 * EDGE_MM, height - head_mm - foot_mm)
    if wide > room[0] or high > room[1]:
        # the paper is turned for a long strip
        if wide > height - 2 * EDGE_MM or high > width - head_mm - foot_mm:
            rooms = (
                f"{height - 2 * EDGE_MM:.0f} x {width - head_mm - foot_mm:.0f} or {room[0]:.0f} x {room[1]:.0f} mm"
            )
            raise SheetError(
                f"the markers need {wide:.0f} x {high:.0f} mm, and {paper} has room for {rooms}: "
                "make them fewer, smaller or nearer to each other"
            )
        width, height = height, width
    x, y = (width - wide) / 2, head_mm
    kind = f"Dictionary {board.dictionary}, {board.size_mm:g} mm."
    shapes: list[Shape] = [
        Words(EDGE_MM, EDGE_MM + 6, "Markers for the rack's front", _LARGE_PT),
        Words(
            EDGE_MM,
            EDGE_MM + 11,
            f"Print at 100 % (actual size), on matt paper. Cut along the thin line; glue flat. {kind}",
        ),
        *_cut(x, y, wide, high),
    ]
    for number, (px, py, _) in zip(board.ids, board.places_mm, strict=True):
        at = (x + px - left, y + top - py)
        corner = (at[0] - board.size_mm / 2, at[1] - board.size_mm / 2)
        shapes += _modules(marker_modules(board.dictionary, number), *corner, board.size_mm)
        shapes.append(Words(at[0] - 2, at[1] + half + 2.5, f"id {number}", 6.0))
    shapes += _ruler(EDGE_MM, height - EDGE_MM - 12)
    shapes += _patches(EDGE_MM, height - EDGE_MM - 42)
    if with_table:
        shapes += _table(board, EDGE_MM + 52, height - EDGE_MM - 20)
    return Page(width, height, tuple(shapes))


def lens_page(board: ChessBoard, paper: Paper = "A4") -> Page:
    """The ChArUco board. Raises SheetError where it does not fit."""
    width, height = PAPERS[paper]
    wide, high = board.size_mm
    x, y = (width - wide) / 2, 30.0
    if wide > width - 2 * EDGE_MM or high > height - y - 22:
        raise SheetError(f"a board of {wide:g} x {high:g} mm does not fit {paper}; make its squares smaller")
    words = f"{board.columns} x {board.rows} squares of {board.square_mm:g} mm, markers {board.marker_mm:g} mm"
    how = "Print at 100 %, glue flat on something stiff. Take 12 pictures: in each corner, near and far, tilted."
    shapes: list[Shape] = [
        Words(EDGE_MM, EDGE_MM + 5, "ChArUco board for the lens", _LARGE_PT),
        Words(EDGE_MM, EDGE_MM + 10, how),
        Words(EDGE_MM, EDGE_MM + 14, f"{words}, dictionary {board.dictionary}"),
    ]
    number = 0
    margin = (board.square_mm - board.marker_mm) / 2
    for row in range(board.rows):
        for column in range(board.columns):
            at = (x + column * board.square_mm, y + row * board.square_mm)
            if (row + column) % 2 == 0:  # OpenCV's pattern: black in the left upper corner
                shapes.append(Rect(*at, board.square_mm, board.square_mm))
                continue
            modules = marker_modules(board.dictionary, number)
            shapes += _modules(modules, at[0] + margin, at[1] + margin, board.marker_mm)
            number += 1
    shapes += _ruler(EDGE_MM, height - EDGE_MM - 4)
    return Page(width, height, tuple(shapes))


def _table(board: MarkerBoard, x: float, bottom: float) -> list[Shape]:
    lines = (
        "For the rig file. origin_mm is where places_mm count from, seen from the middle of A1's underside,",
        "mm to the right, up, towards the camera: measure it. a1: where A1 is as the camera sees the rack.",
        *rig_table(board),
    )
    return [Words(x, bottom - 3.2 * (len(lines) - i), line, 7.0) for i, line in enumerate(lines)]


def _modules(black: npt.NDArray[np.bool_], x: float, y: float, size_mm: float) -> list[Rect]:
    """A black square and its white modules, as runs along rows and along columns: where both overlap no renderer
    leaves a hair line between neighbours."""
    white = ~black
    side = size_mm / len(white)
    found = [Rect(x, y, size_mm, size_mm)]
    for across, lines in ((True, white), (False, white.T)):
        for i, line in enumerate(lines):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
            for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
                if across:
                    found.append(Rect(x + start * side, y + i * side, (end - start) * side, side, 1.0))
                elif end - start > 1:
                    found.append(Rect(x + i * side, y + start * side, side, (end - start) * side, 1.0))
    return found


def _cut(x: float, y: float, wide: float, high: float) -> list[Line]:
    """The outline to cut along, with marks beyond its corners."""
    reach = 4.0
    found = []
    for at in (y, y + high):
        found.append(Line(x - reach, at, x + wide + reach, at))
    for at in (x, x + wide):
        found.append(Line(at, y - reach, at, y + high + reach))
    return found


def _ruler(x: float, y: float) -> list[Shape]:
    """A bar to check the printer's scale."""
    shapes: list[Shape] = [
        Rect(x, y, RULER_MM, 1.2),
        Words(x + RULER_MM + 4, y + 2.2, f"must be {RULER_MM:g} mm long; if it is not, print again at 100 %"),
    ]
    shapes += [Line(x + i * 10, y - (3 if i % 5 == 0 else 2), x + i * 10, y, 0.2) for i in range(11)]
    return shapes


def _patches(x: float, y: float) -> list[Shape]:
    """White, grey and black to balance the camera's colours by."""
    side = 15.0
    shapes: list[Shape] = [*_cut(x, y, side * len(GREYS), side + 5)]
    for i, (name, grey) in enumerate(GREYS):
        shapes.append(Rect(x + i * side, y, side, side, grey))
        shapes.append(Words(x + i * side + 1, y + side + 3.5, name, 6.0))
    return shapes
