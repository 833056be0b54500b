"""What stands still around the vial, in one frame: against it later frames tell a moved camera and a changed light.

The shift is found by small tiles that vote. Each tile is searched for near its old place (normalised
cross-correlation, Lewis 1995); the scores of all tiles are added up by shift, so that an edge votes for every shift
along itself and the votes meet where all agree. A tile whose content has changed (another neighbour, another fill)
fits nowhere and has no voice.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import Box, inside
from vision.colour import SRGB_LINEAR

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

WIDE_PX = 320
"""Width to which a frame is reduced; all below is in pixels of that."""
TILE_PX = 24
REACH_PX = 10
"""The largest shift that is searched for, each way."""
TEXTURE = 4.0
"""Standard deviation of a tile, 8-bit codes, from which it has something to be found by."""
MOST_TILES = 48
FITS = 0.6
"""A tile that correlates so well is the same thing."""
LEAST_MOVED_PX = 1.0
AGREE = 0.3
"""Votes for a shift less those for none, of those that could tell the two apart: 1 moved, -1 not moved."""
LEAST_VOTES = 1.5
LEAST_SEEN = 3
"""Tiles found again without which nothing is told of a shift."""
RICH = 20
"""So many tiles are not all hidden or changed at once: neighbours and fills change half of them."""
DIM, BRIGHT = 30, 235
"""Codes between which a pixel tells how bright the light is."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Of one reference frame. tiles: top left corners. own: (tiles, shifts, shifts), how alike each tile is to its
    own neighbourhood. around: what of `small` is outside the vial's box.
    white: the white patch, in whole pixels of the frame."""

    shape: tuple[int, ...]
    small: Image
    tiles: tuple[tuple[int, int], ...]
    own: Floats
    around: npt.NDArray[np.bool_]
    white: npt.NDArray[np.intp] | None

    @staticmethod
    def of(image: Image, box_px: Box, white_px: Box | None = None) -> "Surroundings":
        """Of a frame that is fit, (h, w, 3) BGR. What is in the vial's box is left out: it changes."""
        small = _reduced(image)
        scale = small.shape[1] / image.shape[1]
        around = np.ones(small.shape, np.bool_)
        scaled = (box_px[0] * scale, box_px[1] * scale, box_px[2] * scale, box_px[3] * scale)
        if (cut := inside(scaled, small.shape)) is not None:
            around[cut[1] : cut[3] + 1, cut[0] : cut[2] + 1] = False
        tiles = _tiles(small, around)
        own = _scores(small, small, tiles)
        white = None if white_px is None else inside(white_px, image.shape)
        return Surroundings(image.shape, small, tiles, own, around, None if white is None else np.array(white))

    @property
    def rich(self) -> bool:
        """Whether there is so much to be found again that its absence says something."""
        return len(self.tiles) >= RICH

    def shift_px(self, image: Image) -> tuple[float, float] | None:
        """How far the still things have gone right and down in the picture, px; (0, 0) where they have not, None
        where too little of them is seen to tell. Raises ValueError for a picture of another size."""
        if image.shape != self.shape:
            raise ValueError(f"a picture of {image.shape}, and the reference is {self.shape}")
        scores = _scores(self.small, _reduced(image), self.tiles)
        still = scores[:, REACH_PX, REACH_PX]
        votes = (scores - still[:, None, None]).sum(axis=0)
        row, column = np.unravel_index(int(np.argmax(votes)), votes.shape)
        there = scores[:, row, column]
        seen = np.maximum(there, still) > FITS
        could = float((1 - self.own[seen, row, column]).sum())
        right, down = _peak(votes, int(row), int(column))
        if np.hypot(right, down) < LEAST_MOVED_PX or could < LEAST_VOTES:
            return (0.0, 0.0) if seen.sum() >= LEAST_SEEN else None
        if float((there - still)[seen].sum()) < AGREE * could:
            return 0.0, 0.0
        scale = image.shape[1] / self.small.shape[1]
        return right * scale, down * scale

    def gain(self, image: Image) -> float | None:
        """Linear light against the reference's, of the white patch or, without one, of all around the vial;
        None where neither can tell. 1 is the same."""
        small = _reduced(image)
        before, now = self.small[self.around], small[self.around]
        if self.white is not None and image.shape == self.shape:
            scale = self.small.shape[1] / self.shape[1]
            x0, y0, x1, y1 = np.round(self.white * scale).astype(int)
            before, now = self.small[y0 : y1 + 1, x0 : x1 + 1].ravel(), small[y0 : y1 + 1, x0 : x1 + 1].ravel()
        told = (before > DIM) & (before < BRIGHT)
        if told.sum() < 12:
            return None
        return float(np.median(SRGB_LINEAR[now[told]] / SRGB_LINEAR[before[told]]))


def _reduced(image: Image) -> Image:
    """The green channel, `WIDE_PX` wide."""
    green = np.ascontiguousarray(image[..., 1])
    high = max(1, round(WIDE_PX * green.shape[0] / green.shape[1]))
    return np.asarray(cv2.resize(green, (WIDE_PX, high), interpolation=cv2.INTER_AREA), np.uint8)


def _tiles(small: Image, around: npt.NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Evenly from all that has texture, so that no one thing has a majority."""
    found = [
        (y, x)
        for y in range(0, small.shape[0] - TILE_PX + 1, TILE_PX // 2)
        for x in range(0, small.shape[1] - TILE_PX + 1, TILE_PX // 2)
        if around[y : y + TILE_PX, x : x + TILE_PX].all()
        and small[y : y + TILE_PX, x : x + TILE_PX].std() > TEXTURE
    ]
    return tuple(found[:: max(1, -(-len(found) // MOST_TILES))])


def _scores(reference: Image, small: Image, tiles: tuple[tuple[int, int], ...]) -> Floats:
    """(tiles, shifts down, shifts right): correlation of each tile with the picture at each shift."""
    around = cv2.copyMakeBorder(small, REACH_PX, REACH_PX, REACH_PX, REACH_PX, cv2.BORDER_REPLICATE)
    out = np.zeros((len(tiles), 2 * REACH_PX + 1, 2 * REACH_PX + 1), np.float32)
    wide = TILE_PX + 2 * REACH_PX
    for i, (y, x) in enumerate(tiles):
        tile = reference[y : y + TILE_PX, x : x + TILE_PX]
        out[i] = cv2.matchTemplate(around[y : y + wide, x : x + wide], tile, cv2.TM_CCOEFF_NORMED)
    return np.clip(np.nan_to_num(out), 0.0, 1.0)


def _peak(votes: Floats, row: int, column: int) -> tuple[float, float]:
    """Right and down of the largest vote from the middle, by the parabola through its neighbours."""

    def finer(line: Floats, at: int) -> float:
        if not 0 < at < len(line) - 1:
            return float(at)
        before, here, after = (float(v) for v in line[at - 1 : at + 2])
        bend = before - 2 * here + after
        return at + (0.5 * (before - after) / bend if bend < 0 else 0.0)

    return finer(votes[row], column) - REACH_PX, finer(votes[:, column], row) - REACH_PX
