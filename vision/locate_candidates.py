"""Boxes that may hold a vessel: pairs of upright edges, each with the strongest level edges near its two ends.

Generous on purpose (some ten thousand a picture, and nearly every real vessel among them); `vision.locate` chooses.
"""

from itertools import pairwise

import cv2
import numpy as np

from vision.locate_edges import EdgeSums, Float, Int, slack_of

HEIGHTS = (1.0, 0.7, 0.5, 0.35, 0.25)
"""Of the vessels looked for, as shares of the height of the picture."""
LEAST_BAND_PX = 24
LEAST_WALL = 0.12
"""Least share of a band's rows with an edge at a wall."""
WALLS = 12
"""Strongest upright lines of a band that are paired."""
ENDS = 4
"""Rows proposed for each end of a pair."""
REACH = 0.3
"""How far outside and inside the band an end may lie, of its height."""
NARROWEST, WIDEST = 0.1, 1.5
"""Width of a vessel, of its height."""
LEAST_WIDTH_PX = 10
BORDER = 0.35
"""What the border of the picture counts as an end: vessels are cut off there."""


def candidates(edges: EdgeSums) -> Int:
    """Boxes (n, 4): x0, y0, x1, y1 in work px, all inside the picture."""
    high = edges.size[0]
    found: list[Int] = [np.zeros((0, 4), np.int64)]
    for share in HEIGHTS:
        band = share * high
        if band < LEAST_BAND_PX:
            continue
        for top in np.linspace(0, high - band, max(1, round(4 * (1 - share) / share) + 1)):
            found.append(_in_band(edges, float(top), float(top + band)))
    boxes = np.concatenate(found)
    first = np.unique(boxes // 2, axis=0, return_index=True)[1]
    return np.asarray(boxes[first])


def _in_band(edges: EdgeSums, top: float, bottom: float) -> Int:
    """Boxes whose ends lie near the ends of this band of rows."""
    walls = _walls(edges, top, bottom)
    left, right = (walls[k] for k in np.triu_indices(len(walls), 1))
    wide = right - left
    band = bottom - top
    fit = (wide >= max(LEAST_WIDTH_PX, NARROWEST * band)) & (wide <= WIDEST * band)
    left, right = left[fit], right[fit]
    if not left.size:
        return np.zeros((0, 4), np.int64)
    across = _level_share(edges, left, right)
    tops = _strongest(across, top - REACH * band, top + REACH * band)
    bottoms = _strongest(across, bottom - REACH * band, bottom + REACH * band)
    sides = np.broadcast_arrays(left[:, None, None], tops[:, :, None], right[:, None, None], bottoms[:, None, :])
    boxes = np.stack(sides, axis=-1).reshape(-1, 4)
    return np.asarray(boxes[boxes[:, 3] - boxes[:, 1] >= 2 * REACH * band])


def _walls(edges: EdgeSums, top: float, bottom: float) -> Int:
    """Columns with the longest upright edges in the middle of the band, and both borders of the picture."""
    band = bottom - top
    a, b = int(top + 0.1 * band), int(bottom - 0.1 * band)
    sums = edges.upright[int(slack_of(band, 0.025))]
    wide = edges.size[1]
    share = ((sums[b] - sums[a]) / (b - a))[:wide].astype(np.float32)
    smooth = cv2.GaussianBlur(share[None], (0, 0), 1.0)[0]
    peak = (smooth >= cv2.dilate(smooth[None], np.ones((1, 5), np.uint8))[0]) & (smooth > LEAST_WALL)
    places = np.flatnonzero(peak)
    strongest = places[np.argsort(-smooth[places], kind="stable")][:WALLS]
    return np.unique(np.concatenate([strongest, [0, wide - 1]]))


def _level_share(edges: EdgeSums, left: Int, right: Int) -> Float:
    """Share of the width with a level edge: (pairs, rows)."""
    high = edges.size[0]
    slack = slack_of(right - left, 0.05)
    sums = edges.level
    share = ((sums[slack, :high, right] - sums[slack, :high, left]) / (right - left)[:, None]).astype(np.float32)
    for row in (0, high - 1):
        share[:, row] = np.maximum(share[:, row], BORDER)
    return share


def _strongest(share: Float, low: float, high: float) -> Int:
    """Row of the strongest level edge in each of ENDS equal stretches of rows: (pairs, up to ENDS)."""
    at = np.linspace(max(0.0, low), min(share.shape[1], high), ENDS + 1).astype(int)
    return np.stack([a + share[:, a:b].argmax(axis=1) for a, b in pairwise(at) if b > a], axis=1)
