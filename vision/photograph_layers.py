"""A second layer under the surface: what a boundary between two layers is like, given the surface.

A graduation mark is a line and a label is a band: behind it all is as before. A boundary is a step that lasts.
"""

from collections.abc import Sequence

import numpy as np

from vision.colour import Floats
from vision.photograph_column import ROWS, SAME, Column
from vision.photograph_evidence import Segments
from vision.photograph_explain import softmax
from vision.photograph_weights import LAYERS, ONE_LAYER

LOWEST = 0.97
"""Height in the box, from its top, below which no boundary can be told from the base."""
EVIDENCE = 25
"""Numbers a boundary is described by."""
THIN = 8
"""Least rows between surface and boundary, and of the lower layer."""
SHARPNESS = 1.5
SOLID_ROUGHER, SOLID_L = 0.06, 10.0
"""A lower layer that is rougher, down the column, than the upper one, and so much lighter or darker, is a solid."""
LIGHT, ROUGHER = 0, 9
"""Columns of the evidence: difference of lightness in 20 L*, of roughness."""


def boundary_of(
    column: Column, segments: Segments, lines: Sequence[dict[str, float]], surface: float, bottom: float
) -> tuple[int, float, bool] | None:
    """The most probable boundary below row `surface`: its candidate, its probability, and whether a solid lies
    below it; None where no line can be one."""
    able, table = describe_layers(column, segments, lines, surface, bottom)
    if not able:
        return None
    weights = np.array(LAYERS)
    scores = (table - weights[:, 0]) / weights[:, 1] @ weights[:, 2]
    share = softmax(SHARPNESS * np.append(scores, one_layer(table) @ np.array(ONE_LAYER)))
    best = int(share[:-1].argmax())
    places = np.array(column.places)[able]
    sure = float(share[:-1][np.abs(places - places[best]) <= SAME].sum())
    solid = table[best, ROUGHER] > SOLID_ROUGHER and table[best, LIGHT] > SOLID_L / 20
    return able[best], sure, bool(solid)


def one_layer(table: Floats) -> Floats:
    """What speaks for one layer: nothing (the constant), the best contrast, the step that lasts best."""
    return np.array([1.0, table[:, 3].max(), table[:, 4].max()])


def describe_layers(
    column: Column, segments: Segments, lines: Sequence[dict[str, float]], surface: float, bottom: float
) -> tuple[list[int], Floats]:
    """Which candidates below row `surface` can be a boundary above row `bottom`, and what each is like there."""
    last = min(bottom, LOWEST * ROWS)
    able = [i for i, p in enumerate(column.places) if surface + THIN < p < last - THIN / 2]
    table = [
        _boundary(column, segments, column.places[i], round(surface), round(last)) + _own(lines[i]) for i in able
    ]
    return able, np.array(table).reshape(len(able), EVIDENCE)


def _own(line: dict[str, float]) -> list[float]:
    names = ("across step", "across broad step", "across broad tint", "vote broad step", "vote broad tint", "line")
    return [line[n] for n in (*names, "bright line", "alike", "rivals below", "outside", "on both", "sag")]


def _boundary(column: Column, segments: Segments, row: int, surface: int, bottom: int) -> list[float]:
    top, end = max(surface + 5, row - 80), min(bottom, row + 80)
    upper, lower = segments.mean(top, row - 3), segments.mean(row + 3, end)
    far = (lower - upper)[:9]
    near = (segments.mean(row + 2, min(end, row + 12)) - segments.mean(max(top, row - 12), row - 2))[:9]
    spread = (segments.variance(top, row - 3) + segments.variance(row + 3, end))[:9].sum()
    size = float(np.linalg.norm(far))
    lasting = float(near @ far) / (size**2 + 0.01)
    thirds = [float(near[k : k + 3] @ far[k : k + 3]) / (size**2 / 3 + 0.01) for k in (0, 3, 6)]
    light = far[::3] * column.contrast / 20
    tint = far.reshape(3, 3)[:, 1:] * column.contrast / 10
    return [
        float(min(np.abs(light).mean(), 1.5)),
        float(min(np.linalg.norm(tint, axis=1).mean(), 1.5)),
        min(size, 1.5),
        float(np.log(0.1 + size / np.sqrt(spread + 0.02))),
        float(np.clip(lasting, -1, 1.5)),
        float(np.clip(sorted(thirds)[0], -1, 1.5)),
        float(np.clip(sorted(thirds)[1], -1, 1.5)),
        float(np.clip(light.mean(), -1.5, 1.5)),
        float((lower - upper)[9]),
        float((lower - upper)[10]),
        (row - surface) / ROWS,
        (bottom - row) / ROWS,
        float(bottom - row < 0.06 * ROWS),
    ]
