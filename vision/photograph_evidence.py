"""What each line across a photographed vessel is like: one row of numbers a candidate, by name.

Lengths are in rows of the canonical column, lightness and tint in units of its contrast unless they say otherwise.
"""

import numpy as np

from vision.colour import Floats
from vision.photograph_column import KINDS, ROWS, Column

KNOTS = (0.0, 0.1, 0.2, 0.35, 0.55, 0.75, 0.88, 0.95, 1.0)
"""Heights in the box, from its top, between which the prior for a line is linear."""
WINDOWS = (20, 60, ROWS)


class Segments:
    """Mean and variance of any run of rows, from running sums. The signature of a row: Lab of the median column of
    the left, middle and right third (a label or a mark sways one of them), roughness across and down."""

    def __init__(self, lab: Floats) -> None:
        thirds = np.array_split(lab, 3, axis=1)
        across = np.log(0.02 + np.abs(np.diff(lab[..., 0], axis=1)).mean(axis=1))
        down = np.log(0.02 + np.abs(np.diff(lab[..., 0], axis=0, prepend=lab[:1, :, 0])).mean(axis=1))
        self.roughness = np.stack([across, down], axis=1)
        self.signature = np.concatenate([*(np.median(t, axis=1) for t in thirds), 0.3 * self.roughness], axis=1)
        start = np.zeros((1, self.signature.shape[1]))
        self._sum = np.concatenate([start, np.cumsum(self.signature, axis=0)])
        self._squares = np.concatenate([start, np.cumsum(self.signature**2, axis=0)])

    def mean(self, first: int, last: int) -> Floats:
        """Mean signature of rows first..last-1, at least one row."""
        first = min(max(0, first), ROWS - 1)
        last = min(max(last, first + 1), ROWS)
        return np.asarray((self._sum[last] - self._sum[first]) / (last - first))

    def variance(self, first: int, last: int) -> Floats:
        """Variance of the signature in rows first..last-1."""
        first = min(max(0, first), ROWS - 1)
        last = min(max(last, first + 1), ROWS)
        squares = (self._squares[last] - self._squares[first]) / (last - first)
        return np.asarray(np.maximum(squares - self.mean(first, last) ** 2, 0.0))


def split(segments: Segments, row: int, first: int, last: int) -> Floats:
    """How the rows above and below differ: lightness, tint, their distance over their spread (Fisher's criterion,
    Ann. Eugen. 7, 179, 1936; its logarithm), and roughness across and down."""
    if row - 2 - first < 2 or last - row - 2 < 2:
        return np.array([0.0, 0.0, np.log(0.1), 0.0, 0.0])
    step = segments.mean(row + 2, last) - segments.mean(first, row - 2)
    spread = segments.variance(row + 2, last)[:9].sum() + segments.variance(first, row - 2)[:9].sum()
    light = np.sqrt((step[:9:3] ** 2).mean())
    tint = np.sqrt((step[:9].reshape(3, 3)[:, 1:] ** 2).sum() / 3)
    fisher = np.log(0.1 + np.sqrt((step[:9] ** 2).sum() / (spread + 0.02)))
    return np.array([min(light, 1.0), min(tint, 1.0), fisher, step[9], step[10]])


def describe(column: Column) -> tuple[dict[str, float], ...]:
    """Every candidate by itself and among the others."""
    segments = Segments(column.lab)
    scores = column.scores
    line = np.abs(scores.vote[:3]).max(axis=0) * np.sqrt(np.minimum(np.abs(scores.strength[:3]).max(axis=0), 1))
    apart = _apart(column)
    power = np.array([line[max(0, p - 2) : p + 3].max() for p in column.places])
    return tuple(
        _lines(column, p)
        | _order(column, line, power, i)
        | _sides(segments, p)
        | _look(column, apart, p)
        | _place(p)
        for i, p in enumerate(column.places)
    )


def _lines(column: Column, row: int) -> dict[str, float]:
    """Votes and strengths of the line itself, and whether it goes on outside the glass."""
    near, scores = slice(max(0, row - 2), row + 3), column.scores
    at = np.abs(scores.vote[:, near]).argmax(axis=1)
    every = np.arange(len(KINDS))
    vote, across = scores.vote[:, near][every, at], scores.across[:, near][every, at]
    size = np.abs(scores.strength[:, near]).max(axis=1)
    found = {f"vote {k}": abs(float(v)) for k, v in zip(KINDS, vote, strict=True)}
    found |= {f"across {k}": float(v) for k, v in zip(KINDS, across, strict=True)}
    found |= {f"strength {k}": float(np.sqrt(min(s, 2.0))) for k, s in zip(KINDS[:5], size[:5], strict=True)}
    found |= {f"strength {k}": float(min(3.0, np.log1p(s))) for k, s in zip(KINDS[5:], size[5:], strict=True)}
    best = int(np.abs(vote[:3]).argmax())
    found |= {"bright line": float(vote[2]), "sag": float(scores.sag[:, near][best, at[best]]) / 8}
    outer = column.outside
    beyond = 0.0 if outer is None else float(np.abs(outer.vote[:3, near]).max())
    strong = 0.0 if outer is None else min(1.0, float(np.abs(outer.strength[:3, near]).max()))
    return found | {"outside": beyond, "outside strength": strong, "on both": beyond * abs(float(vote[best]))}


def _order(column: Column, line: Floats, power: Floats, i: int) -> dict[str, float]:
    """How strong the line is, and what lies above and below it."""
    places, own = np.array(column.places), float(power[i])
    above, below = places < places[i] - 5, places > places[i] + 5
    body = above & (places > 0.18 * ROWS)
    most = [float(power[chosen].max()) if chosen.any() else 0.0 for chosen in (above, below, body)]
    inner = line[12:-8].sum() + 1e-6
    return {
        "line": own,
        "line of best": own / float(line[5:-3].max() + 1e-6),
        "best above": most[0],
        "best below": most[1],
        "best above in body": most[2],
        "over above": own - most[0],
        "over below": own - most[1],
        "over above in body": own - most[2],
        "rivals above": float((power[body] > 0.6 * own).sum()) / 4,
        "rivals below": float((power[below] > 0.6 * own).sum()) / 4,
        "share above": float(line[12 : max(13, places[i] - 6)].sum() / inner),
    }


def _sides(segments: Segments, row: int) -> dict[str, float]:
    """What is above against what is below, near and far."""
    found: dict[str, float] = {}
    for window in WINDOWS:
        parts = split(segments, row, max(0, row - window), min(ROWS, row + window))
        names = ("light", "tint", "fisher", "rough across", "rough down")
        found |= {f"{n} {window}": float(v) for n, v in zip(names, parts, strict=True)}
    above = segments.mean(row - 60, row - 4)[:9].reshape(3, 3)
    below = segments.mean(row + 4, row + 60)[:9].reshape(3, 3)
    chroma = np.hypot(below[:, 1], below[:, 2]).mean() - np.hypot(above[:, 1], above[:, 2]).mean()
    up, down = slice(max(0, row - 30), max(1, row - 3)), slice(min(ROWS - 1, row + 4), row + 31)
    return found | {
        "more chroma": float(np.clip(chroma, -0.6, 0.6)),
        "brighter": float(np.clip((below - above)[:, 0].mean(), -1, 1)),
        "across above": float(segments.roughness[up, 0].mean()),
        "across below": float(segments.roughness[down, 0].mean()),
        "down above": float(segments.roughness[up, 1].mean()),
        "down below": float(segments.roughness[down, 1].mean()),
    }


def _apart(column: Column) -> Floats:
    """(ROWS,) how far the vessel is from what is beside it; 0 where nothing is in the picture."""
    if column.beside is None:
        return np.zeros(ROWS)
    between = np.median(column.lab, axis=1) - np.median(column.beside, axis=1)
    return np.asarray(np.minimum(np.linalg.norm(between, axis=1), 1.5))


def _look(column: Column, apart: Floats, row: int) -> dict[str, float]:
    """Whether the view through it is the same above and below, upright or mirrored as a liquid lens shows it, and
    how far it is from what is beside the glass."""
    above = np.median(column.lab[max(0, row - 18) : max(1, row - 3), :, 0], axis=0)
    below = np.median(column.lab[min(row + 4, ROWS - 1) : row + 19, :, 0], axis=0)
    above, below = above - above.mean(), below - below.mean()
    size = float(np.linalg.norm(above) * np.linalg.norm(below)) + 0.05
    far = [
        float(apart[max(0, row - 30) : max(1, row - 3)].mean()),
        float(apart[min(ROWS - 1, row + 4) : row + 31].mean()),
    ]
    return {
        "alike": float(above @ below) / size,
        "mirrored": float(above @ below[::-1]) / size,
        "unlike beside above": far[0],
        "unlike beside below": far[1],
        "more unlike": far[1] - far[0],
    }


def _place(row: int) -> dict[str, float]:
    at = np.interp(row / ROWS, KNOTS, np.arange(len(KNOTS)))
    hats = np.maximum(0.0, 1 - np.abs(at - np.arange(len(KNOTS))))
    return {"height": row / ROWS} | {f"height {k}": float(h) for k, h in zip(KNOTS, hats, strict=True)}
