"""Candidates for the surface in a photograph of which only the vessel's box is known.

No panel, no scale, any background: so the box is brought to one size, and rows are looked for where most columns
agree, in sign, on a step or a line along a shallow arc. A mark, a letter or a highlight sways few columns; a bench
edge or a clamp goes on outside the glass. What each candidate is like is then one row of numbers (`describe`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import inside
from vision.colour import Floats
from vision.photograph_weights import EMPTY, MEAN, SPREAD, SURFACE

Image = npt.NDArray[np.uint8]

ROWS, COLUMNS, SIDE = 320, 20, 4
ARCS = tuple((sag, tilt) for sag in (-7, 0, 5, 11) for tilt in (-7, 0, 7))
"""Rows by which the line sags in the middle, and by which it tilts over the width."""
APART = 4
SAME = 6
KNOTS = (0.0, 0.08, 0.16, 0.3, 0.5, 0.7, 0.85, 0.92, 0.96, 1.0)


@dataclass(frozen=True)
class Scores:
    """Per row: vote (kinds, rows) in -1..1, what share of the columns agrees and on which sign; strength (kinds,
    rows) in units of the box's own contrast. Kinds: fine step, coarse step, line; in lightness, then in colour."""

    vote: Floats
    strength: Floats


def canonical(image: Image, box: tuple[int, int, int, int]) -> tuple[Floats, Floats | None]:
    """The middle of the box in Lab (ROWS, COLUMNS, 3) in units of its contrast, and what is beside it."""
    x0, y0, x1, y1 = box
    width = x1 - x0

    def shrink(left: float, right: float, columns: int) -> Floats | None:
        a, b = max(0, round(left)), min(image.shape[1], round(right))
        if b - a < 2:
            return None
        part = cv2.resize(image[y0:y1, a:b], (columns, ROWS), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_BGR2Lab), np.float64)

    middle = shrink(x0 + 0.14 * width, x1 - 0.14 * width, COLUMNS)
    assert middle is not None  # noqa: S101 - the box is at least 8 px wide
    contrast = max(4.0, float(np.subtract(*np.percentile(middle[..., 0], (95, 5)))))
    sides = [
        s
        for s in (
            shrink(x0 - 0.3 * width, x0 - 0.06 * width, SIDE),
            shrink(x1 + 0.06 * width, x1 + 0.3 * width, SIDE),
        )
        if s is not None
    ]
    beside = np.concatenate(sides, axis=1) / contrast if sides else None
    return middle / contrast, beside


def responses(lab: Floats) -> Floats:
    """(kinds, rows, columns): step over 3 rows and over 10, and line of 4 rows, in lightness and in colour."""
    total = np.concatenate([np.zeros((1, *lab.shape[1:])), np.cumsum(lab, axis=0)])
    at = np.arange(len(lab))

    def mean(start: int, stop: int) -> Floats:
        a, b = np.clip(at + start, 0, len(lab) - 1), np.clip(at + stop, 1, len(lab))
        b = np.maximum(b, a + 1)
        return np.asarray((total[b] - total[a]) / (b - a)[:, None, None])

    found = [mean(0, 3) - mean(-3, 0), mean(0, 10) - mean(-10, 0), mean(-2, 2) - (mean(-7, -3) + mean(3, 7)) / 2]
    colour = [f[..., 1] if abs(f[..., 1]).sum() > abs(f[..., 2]).sum() else f[..., 2] for f in found]
    return np.stack([*(f[..., 0] for f in found), *colour])


def along_arcs(found: Floats) -> Scores:
    """The best arc at every row: how the columns vote and how strong the middle half of them is."""
    kinds, rows, columns = found.shape
    x = np.linspace(-1, 1, columns)
    softness = np.maximum(0.015, np.median(np.abs(found), axis=(1, 2)))[:, None, None]
    votes = found / (np.abs(found) + softness)
    best, strength = np.zeros((kinds, rows)), np.zeros((kinds, rows))
    both = np.concatenate([votes, found]).astype(np.float32).transpose(2, 0, 1)
    padded = np.ascontiguousarray(np.pad(both, ((0, 0), (0, 0), (16, 16)), mode="edge"))
    for sag, tilt in ARCS:
        shifts = np.rint(-sag * x**2 + tilt * x / 2).astype(int) + 16
        total = np.zeros(both.shape[1:], np.float32)
        for column, shift in zip(padded, shifts.tolist(), strict=True):
            total += column[:, shift : shift + rows]
        total /= columns
        vote, value = total[:kinds], total[kinds:]
        better = np.abs(vote) > np.abs(best) + (0.02 if sag or tilt else 0.0)
        best, strength = np.where(better, vote, best), np.where(better, value, strength)
    return Scores(best, strength)


def candidates(scores: Scores, most: int = 9) -> list[int]:
    """Rows where the columns agree best, of every kind, `APART` from each other."""
    total = np.abs(scores.vote).max(axis=0) * 0.5 + 0.5 * np.minimum(np.abs(scores.strength).max(axis=0), 1.0)
    found: list[int] = []
    for measure in (total, *np.abs(scores.vote[:3]), np.abs(scores.vote[4])):
        left = measure.copy()
        left[:5] = left[-3:] = 0
        for _ in range(most):
            at = int(left.argmax())
            if left[at] <= 0.08:
                break
            if all(abs(at - f) >= APART for f in found):
                found.append(at)
            left[max(0, at - APART) : at + APART + 1] = 0
    return sorted(found)


def describe(lab: Floats, beside: Floats | None, scores: Scores, places: list[int]) -> Floats:
    """One row of numbers a candidate."""
    outside = None if beside is None else along_arcs(responses(beside))
    strongest = np.abs(scores.strength).max(axis=1) + 1e-6
    table = []
    for p in places:
        near = slice(max(0, p - 2), p + 3)
        vote = scores.vote[:, near][np.arange(6), np.abs(scores.vote[:, near]).argmax(axis=1)]
        power = scores.strength[:, near][np.arange(6), np.abs(scores.strength[:, near]).argmax(axis=1)]
        above, below = lab[max(0, p - 18) : max(1, p - 3)], lab[min(p + 4, ROWS - 1) : p + 19]
        far_above, far_below = lab[max(0, p - 90) : max(2, p - 4)], lab[min(p + 5, ROWS - 2) : p + 91]
        step = np.median(below, axis=(0, 1)) - np.median(above, axis=(0, 1))
        far = np.median(far_below, axis=(0, 1)) - np.median(far_above, axis=(0, 1))
        chroma = np.hypot(*np.median(far_below, axis=(0, 1))[1:]) - np.hypot(*np.median(far_above, axis=(0, 1))[1:])
        across = [np.median(part[..., 0], axis=0) for part in (above, below)]
        across = [a - a.mean() for a in across]
        alike = float(across[0] @ across[1]) / (float(np.linalg.norm(across[0]) * np.linalg.norm(across[1])) + 0.05)
        rough = [np.log(0.01 + np.abs(np.diff(part[..., 0], axis=0)).mean()) for part in (far_above, far_below)]
        beyond = 0.0 if outside is None else float(np.abs(outside.vote[:3, near]).max())
        beyond_strength = 0.0 if outside is None else min(1.0, float(np.abs(outside.strength[:3, near]).max()))
        share = np.abs(scores.strength[:3, 12:-8]).max(axis=0) * np.abs(scores.vote[:3, 12:-8]).max(axis=0)
        before = float(share[: max(0, p - 12 - 6)].sum() / (share.sum() + 1e-6))
        hats = np.interp(p / ROWS, KNOTS, np.arange(len(KNOTS)))
        basis = np.maximum(0, 1 - np.abs(hats - np.arange(len(KNOTS))))
        table.append(
            [
                *np.abs(vote),
                max(vote[2], 0.0),
                *np.sqrt(np.minimum(np.abs(power), 2)),
                *(np.abs(power[:5]) / strongest[:5]),
                min(abs(step[0]), 1),
                min(np.hypot(step[1], step[2]), 1),
                min(abs(far[0]), 1),
                min(np.hypot(far[1], far[2]), 1),
                float(np.clip(chroma, -0.5, 0.5)),
                alike,
                rough[1] - rough[0],
                abs(rough[1] - rough[0]),
                beyond,
                beyond_strength,
                beyond * (outside is not None) * float(np.abs(vote[:3]).max()),
                before,
                before**2,
                *basis,
            ]
        )
    return np.array(table).reshape(len(places), len(MEAN))


def survey(image: Image, box: tuple[float, float, float, float]) -> tuple[list[int], Floats] | None:
    """Candidate rows, in 1/ROWS of the box, and what each is like; None when the box is not in the picture."""
    cut = inside(box, image.shape)
    if cut is None or cut[2] - cut[0] < 8 or cut[3] - cut[1] < 16:
        return None
    lab, beside = canonical(image, cut)
    scores = along_arcs(responses(lab))
    places = candidates(scores)
    return places, describe(lab, beside, scores, places)


def against_empty(described: Floats) -> Floats:
    """What speaks for an empty vessel: nothing (the constant), the best vote, the best strength, the best step."""
    return np.array([1.0, described[:, :3].max(), described[:, 7:10].max(), described[:, 19:23].max()])


def choose(described: Floats, places: list[int]) -> tuple[int | None, float]:
    """The candidate that explains the column best and its probability; None when "empty" explains it better.

    Where there is no candidate at all nothing was seen, which is no proof of an empty vessel: probability 0.

    One multinomial choice over all candidates and "empty": what the candidates near the best one (they are the
    same surface, seen as a line and as a step) have together is its probability.
    """
    if not places:
        return None, 0.0
    surface = (described - np.array(MEAN)) / np.array(SPREAD) @ np.array(SURFACE)
    score = np.append(surface, against_empty(described) @ np.array(EMPTY))
    share = np.exp(score - score.max())
    share /= share.sum()
    best = int(share.argmax())
    if best == len(places):
        return None, float(share[best])
    same = np.abs(np.array(places) - places[best]) <= SAME
    return best, float(share[:-1][same].sum())
