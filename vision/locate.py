"""Propose upright vessels in a free photograph: pairs of long upright edges of the same height.

A proposal for a person to correct, not a detector to trust: it prefers to propose nothing.
"""

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import Box

Image = npt.NDArray[np.uint8]
Segment = tuple[float, float, float]
"""x, top, bottom of one upright edge."""

WORK_PX = 480
LEAST_HEIGHT = 0.15
"""Of the height of the picture."""
LEAST_CLOSED = 0.75
MOST = 24


def upright_edges(grey: Image) -> list[Segment]:
    """Long edges within 8 degrees of upright; pieces of one edge are joined."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.2)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strong = np.abs(across) > np.maximum(2.0 * np.abs(down), max(8.0, float(np.percentile(np.abs(across), 88))))
    thin = (strong * 255).astype(np.uint8)
    least = int(0.25 * LEAST_HEIGHT * grey.shape[0])
    lines = cv2.HoughLinesP(thin, 1, np.pi / 90, max(8, least), minLineLength=max(8, least), maxLineGap=6)
    pieces: list[Segment] = []
    for xa, ya, xb, yb in np.zeros((0, 4)) if lines is None else np.asarray(lines).reshape(-1, 4):
        if abs(xb - xa) <= 0.14 * abs(yb - ya):
            pieces.append(((xa + xb) / 2, float(min(ya, yb)), float(max(ya, yb))))
    joined: list[Segment] = []
    for x, top, bottom in sorted(pieces, key=lambda p: p[1] - p[2]):
        for i, (x2, top2, bottom2) in enumerate(joined):
            if abs(x - x2) <= 5 and top <= bottom2 + 15 and bottom >= top2 - 15:
                joined[i] = (x2, min(top, top2), max(bottom, bottom2))
                break
        else:
            joined.append((x, top, bottom))
    return [s for s in joined if s[2] - s[1] >= LEAST_HEIGHT * grey.shape[0]]


def across_edges(grey: Image) -> npt.NDArray[np.bool_]:
    """Where the brightness changes downwards."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.2)
    down = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    strong = down > max(8.0, float(np.percentile(down, 80)))
    reach = max(3, grey.shape[0] // 40)
    return np.asarray(cv2.dilate(strong.astype(np.uint8), np.ones((2 * reach + 1, 1), np.uint8)) > 0)


def closed(level_edges: npt.NDArray[np.bool_], box: Box, row: float) -> float:
    """Share of the columns between the walls that have an edge across near `row`: the base or the rim of one
    vessel closes them all, the gap between two vessels does not."""
    line = level_edges[min(max(0, round(row)), level_edges.shape[0] - 1), round(box[0]) : round(box[2]) + 1]
    return float(line.mean()) if line.size else 0.0


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return wide * high / (area - wide * high)


def locate(image: Image) -> list[Box]:
    """Boxes of likely vessels, left to right; an empty list when there is none to be seen."""
    height, width = image.shape[:2]
    if min(height, width) < 32:
        return []
    factor = min(1.0, WORK_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    grey = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)).max(axis=2)
    edges = sorted(upright_edges(grey))
    level_edges = across_edges(grey)
    proposals: list[tuple[float, Box]] = []
    for i, left in enumerate(edges):
        for right in edges[i + 1 :]:
            wide = right[0] - left[0]
            top, bottom = max(left[1], right[1]), min(left[2], right[2])
            both = max(left[2], right[2]) - min(left[1], right[1])
            if bottom - top <= 0 or not 0.12 <= wide / both <= 1.1:
                continue
            alike = (bottom - top) / both
            box = (left[0], min(left[1], right[1]), right[0], max(left[2], right[2]))
            ends = sorted((closed(level_edges, box, box[1]), closed(level_edges, box, box[3])))
            if alike > 0.6 and ends[1] > LEAST_CLOSED:
                proposals.append((alike * (ends[1] + 0.5 * ends[0]) * np.log(both * wide), box))
    chosen: list[Box] = []
    for _, box in sorted(proposals, reverse=True):
        inner = [c for c in chosen if overlap(c, box) > 0.15 or _within(box, c)]
        if not inner and len(chosen) < MOST:
            chosen.append(box)
    scaled = np.array(sorted(chosen)).reshape(-1, 4) / factor
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in scaled.tolist()]


def _within(small: Box, large: Box) -> bool:
    return large[0] - 2 <= small[0] and small[2] <= large[2] + 2 and small[1] < large[3] and small[3] > large[1]
