"""Propose upright vessels in a free photograph, for a person to correct.

Many boxes are outlined by edges (`vision.locate_candidates`), described (`vision.locate_features`) and rated by
boosted trees (Friedman 2001) that were fitted to annotated photographs; the best that do not overlap are proposed.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from vision import locate_weights
from vision.background import Box
from vision.locate_candidates import candidates
from vision.locate_edges import Float, Int, edge_sums
from vision.locate_features import features, followed

Image = npt.NDArray[np.uint8]

LEAST_SIDE_PX = 32
MOST = 16
APART = 0.15
"""Intersection over union from which two boxes are one vessel."""
HALF_HIDDEN = 0.5
"""Share of the smaller box inside the other from which it is a part of that vessel."""
SAME = 0.5
"""Intersection over union with the best box from which others refine it."""
FOLLOWED = 0.5
"""Log-odds that an outline which edges follow all along gains a side, in refining a box."""
SHARPNESS = 0.3
"""Difference of log-odds by which the say of a box in refining falls to 1/e."""
DEPTH = 3


@dataclass(frozen=True)
class Proposal:
    """box: x0, y0, x1, y1 in px. score: 0.5 to 1, the rating of the box; not a probability."""

    box: Box
    score: float


@dataclass(frozen=True)
class _Trees:
    """Complete binary trees: feature and threshold of each node, value of each leaf; rows are trees."""

    feature: Int
    threshold: Float
    leaf: Float


@cache
def _trees() -> _Trees:
    splits = _table(locate_weights.SPLITS)
    return _Trees(splits[:, 0::2].astype(int), splits[:, 1::2], _table(locate_weights.LEAVES))


def _table(lines: str) -> Float:
    return np.array([[float(v) for v in line.split()] for line in lines.strip().splitlines()])


def rate(described: Float) -> Float:
    """Log-odds of each described box to outline a vessel."""
    trees, total = _trees(), np.full(len(described), locate_weights.START)
    for feature, threshold, leaf in zip(trees.feature, trees.threshold, trees.leaf, strict=True):
        node = np.zeros(len(described), int)
        for _ in range(DEPTH):
            node = 2 * node + 1 + (described[np.arange(len(described)), feature[node]] > threshold[node])
        total += leaf[node - len(feature)]
    return total


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    return float(overlaps(np.array([a], float), np.array(b, float))[0][0])


def overlaps(boxes: Float, box: Float) -> tuple[Float, Float]:
    """Of each box with one box: intersection over union, and over the smaller of the two."""
    wide = np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0])
    high = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    areas, area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), (box[2] - box[0]) * (box[3] - box[1])
    return shared / (areas + area - shared), shared / np.minimum(areas, area)


def choose(boxes: Float, score: Float, least: float, most: int = MOST) -> list[int]:
    """Indices of the best boxes that are no parts of one another, best first."""
    chosen: list[int] = []
    free = score >= least
    while free.any() and len(chosen) < most:
        best = int(np.where(free, score, -np.inf).argmax())
        chosen.append(best)
        union, part = overlaps(boxes, boxes[best])
        free &= (union < APART) & (part < HALF_HIDDEN)
        free[best] = False
    return chosen


def refined(boxes: Float, rating: Float, best: int) -> Float:
    """Each side at the weighted median of the boxes that agree with the best one: a mean would lie on no edge."""
    agrees = overlaps(boxes, boxes[best])[0] > SAME
    near, say = boxes[agrees], np.exp((rating[agrees] - rating[agrees].max()) / SHARPNESS)
    order = np.argsort(near, axis=0, kind="stable")
    share = np.cumsum(say[order], axis=0)
    middle = (share < share[-1] / 2).sum(axis=0)
    return np.asarray(near[order[middle, range(4)], range(4)])


def propose(image: Image) -> list[Proposal]:
    """Likely vessels in a BGR picture, left to right; an empty list when there is none to be seen."""
    if min(image.shape[:2]) < LEAST_SIDE_PX:
        return []
    edges = edge_sums(image)
    outlines = candidates(edges)
    described, boxes = features(edges, outlines), outlines.astype(float)
    log_odds = rate(described)
    rating = log_odds + FOLLOWED * followed(described)
    found = []
    for best in choose(boxes, log_odds, 0.0):
        x0, y0, x1, y1 = (refined(boxes, rating, best) / edges.scale).tolist()
        found.append(Proposal((x0, y0, x1, y1), float(1 / (1 + np.exp(-log_odds[best])))))
    return sorted(found, key=lambda p: p.box)


def locate(image: Image) -> list[Box]:
    """Boxes of likely vessels, left to right; an empty list when there is none to be seen."""
    return [p.box for p in propose(image)]
