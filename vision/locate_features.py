"""What tells a vessel from any other box: two walls, closed ends, another colour than beside it, size and place."""

import numpy as np

from vision.locate_edges import EdgeSums, Float, Int, slack_of

SKIN_PX = 2
"""Pixels beside an outline that belong to neither side."""
CUT_OFF = 15.0
"""Stands for the difference of the two sides' background (Lab) when one lies outside the picture."""


def area_mean(table: Float, box: tuple[Int, Int, Int, Int]) -> Float:
    """Mean inside x0, y0, x1, y1 of an integral image; 0 where the box is empty."""
    x0, y0, x1, y1 = box
    total = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    area = np.maximum((x1 - x0) * (y1 - y0), 1)
    return np.asarray(total / (area if total.ndim == 1 else area[:, None]))


def apart(a: Float, b: Float) -> Float:
    """Distance of two colours (n, 3)."""
    return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=-1)))


def features(edges: EdgeSums, boxes: Int) -> Float:
    """One row of numbers a box: outline, then edges inside and beside, colours, shape and place."""
    columns = [*_outline(edges, boxes), *_busy(edges, boxes), *_colours(edges, boxes), *_shape(edges, boxes)]
    return np.stack(columns, axis=-1).astype(np.float32)


def followed(described: Float) -> Float:
    """How much of the outline follows edges, 0 to 4: the weaker wall, the mean wall, top and base."""
    return np.asarray(described[:, 0] + described[:, 1] + described[:, 3] + described[:, 4])


def _around(edges: EdgeSums, boxes: Int) -> tuple[Int, Int, Int, Int]:
    """The box with a margin: a sixth of its width, a tenth of its height, cut at the border."""
    high, wide = edges.size
    x0, y0, x1, y1 = boxes.T
    beside, beyond = np.maximum(3, (x1 - x0) // 6), np.maximum(3, (y1 - y0) // 10)
    return (
        np.maximum(x0 - beside, 0),
        np.maximum(y0 - beyond, 0),
        np.minimum(x1 + beside, wide),
        np.minimum(y1 + beyond, high),
    )


def _outline(edges: EdgeSums, boxes: Int) -> list[Float]:
    """Shares of walls and ends that follow an edge, and of the margin in which the walls go on."""
    x0, y0, x1, y1 = boxes.T
    wide, high = x1 - x0, y1 - y0
    side, end = slack_of(wide, 0.05), slack_of(high, 0.04)

    def wall(x: Int, top: Int, bottom: Int) -> Float:
        run = edges.upright[side, bottom, x] - edges.upright[side, top, x]
        return np.asarray(run / np.maximum(bottom - top, 1))

    def rim(y: Int) -> Float:
        a, b = x0 + wide // 6, x1 - wide // 6
        return np.asarray((edges.level[end, y, b] - edges.level[end, y, a]) / np.maximum(b - a, 1))

    left, right = wall(x0, y0, y1), wall(x1, y0, y1)
    shoulder = y0 + high // 4  # necks are narrower than the body
    _, above, _, below = _around(edges, boxes)
    return [
        np.minimum(left, right),
        (left + right) / 2,
        np.minimum(wall(x0, shoulder, y1), wall(x1, shoulder, y1)),
        rim(y0),
        rim(y1),
        np.minimum(rim(y0), rim(y1)),
        np.where(y0 - above <= SKIN_PX, 0, (wall(x0, above, y0) + wall(x1, above, y0)) / 2),
        np.where(below - y1 <= SKIN_PX, 0, (wall(x0, y1, below) + wall(x1, y1, below)) / 2),
    ]


def _busy(edges: EdgeSums, boxes: Int) -> list[Float]:
    """Edges per pixel inside and beside: background behind a vessel is quiet, or goes on behind it."""
    x0, y0, x1, y1 = boxes.T
    left, _, right, _ = _around(edges, boxes)
    a, b = np.maximum(x0 - SKIN_PX, left), np.minimum(x1 + SKIN_PX, right)
    beside = np.maximum((a - left + right - b) * (y1 - y0), 1)

    def outside(table: Float) -> Float:
        strips = ((left, y0, a, y1), (b, y0, right, y1))
        return np.asarray(sum(area_mean(table, s) * (s[2] - s[0]) * (y1 - y0) for s in strips) / beside)

    inner = (x0 + SKIN_PX, y0, np.maximum(x1 - SKIN_PX, x0 + SKIN_PX), y1)
    upright, level = area_mean(edges.upright_area, inner), area_mean(edges.level_area, (x0, y0, x1, y1))
    upright_out, level_out = outside(edges.upright_area), outside(edges.level_area)
    ratio = np.log((upright_out + level_out + 0.01) / (upright + level + 0.01))
    return [upright, level, upright_out, level_out, ratio]


def _colours(edges: EdgeSums, boxes: Int) -> list[Float]:
    """Colour differences across each side, between the two sides, and of the whole to its sides; log(1 + Lab)."""
    x0, y0, x1, y1 = boxes.T
    left, above, right, below = _around(edges, boxes)
    beside, beyond = np.maximum(3, (x1 - x0) // 6), np.maximum(3, (y1 - y0) // 10)
    table = edges.colour
    left_out = area_mean(table, (left, y0, np.maximum(x0 - SKIN_PX, left), y1))
    right_out = area_mean(table, (np.minimum(x1 + SKIN_PX, right), y0, right, y1))
    left_in = area_mean(table, (x0 + SKIN_PX, y0, x0 + beside, y1))
    right_in = area_mean(table, (x1 - beside, y0, x1 - SKIN_PX, y1))
    top_out = area_mean(table, (x0, above, x1, np.maximum(y0 - SKIN_PX, above)))
    top_in = area_mean(table, (x0, y0 + SKIN_PX, x1, y0 + beyond))
    base_out = area_mean(table, (x0, np.minimum(y1 + SKIN_PX, below), x1, below))
    base_in = area_mean(table, (x0, y1 - beyond, x1, y1 - SKIN_PX))
    whole = area_mean(table, (x0, y0, x1, y1))
    spread = np.sqrt(np.maximum(area_mean(edges.square, (x0, y0, x1, y1)) - whole[:, 0] ** 2, 0))
    cut_left, cut_right = x0 - left <= SKIN_PX, right - x1 <= SKIN_PX
    at_left = np.where(cut_left, 0, apart(left_out, left_in))
    at_right = np.where(cut_right, 0, apart(right_out, right_in))
    differences = [
        np.minimum(at_left, at_right),
        at_left + at_right,
        np.where(cut_left | cut_right, CUT_OFF, apart(left_out, right_out)),
        apart(left_in, right_in),
        np.where(y0 - above <= SKIN_PX, 0, apart(top_out, top_in)),
        np.where(below - y1 <= SKIN_PX, 0, apart(base_out, base_in)),
        np.where(cut_left | cut_right, 0, apart(whole, (left_out + right_out) / 2)),
        spread,
    ]
    return [np.log1p(d) for d in differences]


def _shape(edges: EdgeSums, boxes: Int) -> list[Float]:
    """Size and slenderness (logarithms), distance from the middle, and which sides the picture cuts off."""
    high, wide = edges.size
    x0, y0, x1, y1 = boxes.T
    left, above, right, below = _around(edges, boxes)
    cut = [x0 - left <= SKIN_PX, right - x1 <= SKIN_PX, y0 - above <= SKIN_PX, below - y1 <= SKIN_PX]
    return [
        np.log((y1 - y0) / high),
        np.log((x1 - x0) / (y1 - y0)),
        np.log((x1 - x0) / wide),
        np.abs((x0 + x1) / 2 / wide - 0.5),
        np.abs((y0 + y1) / 2 / high - 0.5),
        (cut[0].astype(float) + cut[1]),
        cut[2].astype(float),
        cut[3].astype(float),
    ]
