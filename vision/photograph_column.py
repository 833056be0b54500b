"""Lines across one vessel in a photograph of which only the vessel's box is known.

No panel, no scale, any background: so the box is brought to one size, and rows are looked for where most columns
agree, in sign, on a step or a line along a shallow arc: a level liquid in a round vessel is seen as an ellipse. A
mark, a letter or a highlight sways few columns; a bench edge or a clamp goes on outside the glass.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import Box, inside
from vision.colour import Floats

Image = npt.NDArray[np.uint8]

ROWS, COLUMNS, SIDE = 320, 24, 6
ARCS = tuple((sag, tilt) for sag in (-5, 0, 4, 9, 14) for tilt in (-7, 0, 7))
"""Rows by which the line sags in the middle, and by which it tilts over the width."""
APART = 4
SAME = 6
"""Candidates this near are one line, seen as a line and as a step."""
MOST = 10
"""Candidates of each kind."""
KINDS = ("step", "broad step", "line", "tint", "broad tint", "faint step", "faint broad step", "faint line")
NOISE_L = 0.3
"""CIELAB lightness below which a faint line is noise."""


@dataclass(frozen=True)
class Scores:
    """Per kind and row. vote: -1..1, what share of the columns agrees and on which sign. strength: in units of the
    box's own contrast, for the faint kinds in units of what is around. across: the vote where it is weakest, mean
    of the two worst thirds of the width. sag: of the best arc, rows."""

    vote: Floats
    strength: Floats
    across: Floats
    sag: Floats


@dataclass(frozen=True)
class Column:
    """lab: (ROWS, COLUMNS, 3) of the vessel, in units of `contrast`; beside: the same of what is next to it.
    places: rows of the candidates, top to bottom."""

    lab: Floats
    beside: Floats | None
    contrast: float
    scores: Scores
    outside: Scores | None
    places: tuple[int, ...]


def look_column(image: Image, box: Box) -> Column | None:
    """Candidate lines in the box; None when it is no box of at least 8 x 16 px in the picture."""
    cut = inside(box, image.shape)
    if cut is None or cut[2] - cut[0] < 8 or cut[3] - cut[1] < 16:
        return None
    lab, beside, contrast = canonical(image, cut)
    scores = along_arcs(responses(lab), NOISE_L / contrast)
    outside = None if beside is None else along_arcs(responses(beside), NOISE_L / contrast)
    return Column(lab, beside, contrast, scores, outside, candidates(scores))


def canonical(image: Image, box: tuple[int, int, int, int]) -> tuple[Floats, Floats | None, float]:
    """The middle of the box and what is beside it in Lab, in units of the contrast, and that contrast in L*."""
    x0, y0, x1, y1 = box
    width = x1 - x0

    def shrink(left: float, right: float, columns: int) -> Floats | None:
        a, b = max(0, round(left)), min(image.shape[1], round(right))
        if b - a < 2:
            return None
        part = cv2.resize(image[y0:y1, a:b], (columns, ROWS), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_BGR2Lab), np.float64)

    middle = shrink(x0 + 0.12 * width, x1 - 0.12 * width, COLUMNS)
    assert middle is not None  # noqa: S101 - the box is at least 8 px wide
    contrast = max(4.0, float(np.subtract(*np.percentile(middle[..., 0], (95, 5)))))
    both = (
        shrink(x0 - 0.25 * width, x0 - 0.04 * width, SIDE),
        shrink(x1 + 0.04 * width, x1 + 0.25 * width, SIDE),
    )
    sides = [s for s in both if s is not None]
    return middle / contrast, np.concatenate(sides, axis=1) / contrast if sides else None, contrast


def responses(lab: Floats) -> Floats:
    """(5, rows, columns): step over 3 rows and over 10, line of 4 rows, in lightness; both steps in the tint that
    varies most."""
    total = np.concatenate([np.zeros((1, *lab.shape[1:])), np.cumsum(lab, axis=0)])
    at = np.arange(len(lab))

    def mean(start: int, stop: int) -> Floats:
        a, b = np.clip(at + start, 0, len(lab) - 1), np.clip(at + stop, 1, len(lab))
        b = np.maximum(b, a + 1)
        return np.asarray((total[b] - total[a]) / (b - a)[:, None, None])

    fine, broad = mean(0, 3) - mean(-3, 0), mean(0, 10) - mean(-10, 0)
    line = mean(-2, 2) - (mean(-7, -3) + mean(3, 7)) / 2
    tints = []
    for step in (fine[..., 1:], broad[..., 1:]):
        flat = step.reshape(-1, 2)
        tints.append(step @ np.linalg.eigh(flat.T @ flat)[1][:, 1])
    return np.stack([fine[..., 0], broad[..., 0], line[..., 0], *tints])


def along_arcs(found: Floats, noise: float) -> Scores:
    """The best arc at every row: how the columns vote and how strong they are, of all `KINDS`."""
    size = np.abs(found)
    soft = np.maximum(0.012, np.median(size, axis=(1, 2)))[:, None, None]
    middle = np.median(size[:3], axis=2)
    around = [np.minimum(m, 3 * np.median(m)).astype(np.float32)[:, None] for m in middle]
    around = [cv2.blur(a, (1, 61), borderType=cv2.BORDER_REPLICATE)[:, 0] for a in around]
    faint = np.maximum(noise, 0.6 * np.stack(around))[..., None]
    votes = np.concatenate([found / (size + soft), found[:3] / (size[:3] + faint)])
    return best_arcs(votes, np.concatenate([found, found[:3] / faint]))


def best_arcs(votes: Floats, strengths: Floats) -> Scores:
    """For every kind and row the arc with the strongest vote; a bent one must beat the straight one."""
    kinds, rows, columns = votes.shape
    x, edge = np.linspace(-1, 1, columns), 20
    both = np.concatenate([votes, strengths]).astype(np.float32).transpose(2, 0, 1)
    padded = np.ascontiguousarray(np.pad(both, ((0, 0), (0, 0), (edge, edge)), mode="edge"))
    thirds = np.array_split(np.arange(columns), (columns // 3, columns - columns // 3))
    share = np.array([len(t) for t in thirds]) / columns
    vote, strength, across, sags = (np.zeros((kinds, rows)) for _ in range(4))
    for sag, tilt in ARCS:
        shifts = (np.rint(-sag * x**2 + tilt * x / 2).astype(int) + edge).tolist()
        parts = np.stack([sum(padded[c][:, shifts[c] : shifts[c] + rows] for c in t) / len(t) for t in thirds])
        total = np.tensordot(share, parts, 1)
        agreed = parts[:, :kinds] * np.sign(total[:kinds])
        worst = (agreed.sum(axis=0) - agreed.max(axis=0)) / 2
        better = np.abs(total[:kinds]) > np.abs(vote) + (0.02 if sag or tilt else 0.0)
        vote, strength = np.where(better, total[:kinds], vote), np.where(better, total[kinds:], strength)
        across, sags = np.where(better, worst, across), np.where(better, sag, sags)
    return Scores(vote, strength, across, sags)


def candidates(scores: Scores) -> tuple[int, ...]:
    """Rows where the columns agree best, of every kind, `APART` from each other."""
    strong = np.minimum(np.abs(scores.strength[:5]).max(axis=0), 1.0)
    found: list[int] = []
    for measure in (np.abs(scores.vote).max(axis=0) / 2 + strong / 2, *np.abs(scores.vote)):
        left = measure.copy()
        left[:5] = left[-3:] = 0
        for _ in range(MOST):
            at = int(left.argmax())
            if left[at] <= 0.08:
                break
            if all(abs(at - f) >= APART for f in found):
                found.append(at)
            left[max(0, at - APART) : at + APART + 1] = 0
    return tuple(sorted(found))
