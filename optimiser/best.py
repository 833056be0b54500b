"""The best that may be announced: a lucky reading is not a result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from optimiser.acquisition import sign
from optimiser.history import History
from optimiser.posterior import Posterior
from optimiser.reason import amount, by_point, figures, in_words
from optimiser.space import Array, Point

Flag = Literal["unreplicated", "outlier suspected", "replicates contradict"]

AGAINST_REPLICATES = 2.8
"""A reading further than this from its replicates, in standard deviations, happens by chance once in 200."""
AGAINST_MODEL = 3.0
"""A reading without enough replicates is held against the prediction from all other readings instead."""
LEAST_SD = 0.01
"""Readings closer than this part of the standard deviation of all values never contradict each other."""
WORTH_TELLING = 0.5
"""A reading better by less than this part of the noise of one reading is no news."""
INTERVAL = 1.96
DRAWS = 2000
JOINT = 300
"""At most so many points are drawn jointly."""
REFUSED = 5


@dataclass(frozen=True)
class Assessed:
    """One measured point. Values in the objective's unit.

    mean, low, high: the true value's expectation and 95 % interval, by all readings and the neighbours.
    readings: in the order made; suspects: which of them (from 0) are suspected to be outliers.
    rows: the readings' rows in `history.usable`.
    """

    point: Point
    readings: tuple[float, ...]
    mean: float
    low: float
    high: float
    flags: tuple[Flag, ...]
    suspects: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def n(self) -> int:
        """Number of replicates."""
        return len(self.readings)


@dataclass(frozen=True)
class Refused:
    """A reading better than what is announced, and why it is not announced."""

    value: float
    point: Point
    why: str


@dataclass(frozen=True)
class Headline:
    """best: the measured point of best posterior mean. announced: the best one that was replicated and does not
    contradict itself, None while there is none. refused: readings of other points that are better still by what is
    worth telling, best first.
    """

    sentence: str
    best: Assessed | None
    announced: Assessed | None
    refused: tuple[Refused, ...]


def doubts(history: History, posterior: Posterior) -> Array:
    """For each row of `history.usable`: how far the reading is from what is expected, in standard deviations.

    With two or more replicates of its own (n >= 3): from their mean, by a standard deviation pooled over all
    replicates except the reading itself, at least that of its own replicates; few degrees of freedom count less
    (Student's t turned into the normal quantile of the same chance). Otherwise: leave-one-out.
    """
    y = posterior.y[: len(history.usable)]
    mean, sd = posterior.leave_one_out()
    predicted = (mean / posterior.scale - posterior.offset / posterior.scale)[: len(y)]
    out = np.asarray((y - predicted) / np.maximum(sd[: len(y)] / posterior.scale, LEAST_SD))
    groups = [np.array(rows) for rows in by_point(history)]
    squares, freedom = _pooled(y, groups)
    for rows in groups:
        if len(rows) < 3:
            continue
        own = _squares(y[rows])
        for i in rows:
            others = y[rows[rows != i]]
            apart, kept, nu = float(y[i] - others.mean()), _squares(others), freedom - 1
            variance = max((squares - own + kept) / nu, kept / (len(others) - 1), LEAST_SD**2)
            t = apart / np.sqrt(variance * (1.0 + 1.0 / len(others)))
            out[i] = np.sign(t) * min(-float(ndtri(max(float(t_distribution.sf(abs(t), nu)), 1e-300))), 37.0)
    return out


def assess(history: History, posterior: Posterior) -> tuple[Assessed, ...]:
    """Every measured point, best posterior mean first. `posterior` is that of this history (ValueError if not)."""
    seen = history.usable
    if len(posterior.measured) != len(seen):
        raise ValueError(f"the posterior knows {len(posterior.measured)} readings, the history {len(seen)}; fit it")
    groups = by_point(history)
    if not groups:
        return ()
    mean, sd = posterior.predict([seen[rows[0]].point for rows in groups])
    z = doubts(history, posterior)
    contradicting = contradictions(history, posterior)
    order = np.argsort(-sign(history.direction) * mean, kind="stable")
    out = []
    for g in order:
        rows = groups[g]
        limit = AGAINST_REPLICATES if len(rows) >= 3 else AGAINST_MODEL
        suspects = tuple(k for k, i in enumerate(rows) if abs(z[i]) > limit)
        flags: list[Flag] = ["unreplicated"] if len(rows) == 1 else []
        flags += ["outlier suspected"] if suspects else []
        flags += ["replicates contradict"] if rows in contradicting else []
        readings = tuple(float(v) for i in rows if (v := seen[i].value) is not None)
        low, high = mean[g] - INTERVAL * sd[g], mean[g] + INTERVAL * sd[g]
        point = seen[rows[0]].point
        out.append(Assessed(point, readings, float(mean[g]), float(low), float(high), tuple(flags), suspects, rows))
    return tuple(out)


def contradictions(history: History, posterior: Posterior) -> tuple[tuple[int, ...], ...]:
    """Groups of replicates (rows of `history.usable`) that scatter more than the others do: F test, 1 in 200.

    With fewer than three degrees of freedom among the others, more than the surrogate's noise of a reading.
    """
    y = posterior.y[: len(history.usable)]
    groups = [np.array(rows) for rows in by_point(history)]
    squares, freedom = _pooled(y, groups)
    noise = max((posterior.noise_sd / posterior.scale) ** 2, LEAST_SD**2)
    out = []
    for rows in groups:
        if len(rows) < 2:
            continue
        own, k = _squares(y[rows]), len(rows) - 1
        nu = freedom - k
        scatter = max((squares - own) / nu, LEAST_SD**2) if nu >= 3 else noise
        if float(f_distribution.sf(own / k / scatter, k, nu if nu >= 3 else 1e6)) < 0.005:
            out.append(tuple(int(i) for i in rows))
    return tuple(out)


def headline(history: History, posterior: Posterior, unit: str = "") -> Headline:
    """What may be announced, what not, and why. unit: the objective's."""
    points = assess(history, posterior)
    if not points:
        return Headline("Nothing has been measured yet, so there is nothing to announce.", None, None, ())
    best = points[0]
    sound = [a for a in points if a.n >= 2 and "replicates contradict" not in a.flags]
    announced = sound[0] if sound else None
    small = WORTH_TELLING * max(posterior.noise_sd, LEAST_SD * posterior.scale)
    refused = _refused(history, points, announced or best, small, unit)
    words = [_announce(history, announced, unit)] if announced else ["Nothing may be announced yet."]
    if announced is not best:
        why = "was measured only once" if best.n == 1 else "has replicates that contradict each other"
        where = f"{amount(best.mean, unit, 4)} at {in_words(history.space, best.point)}"
        words.append(f"The best expectation, {where}, {why}: repeat it.")
    # the best is told already, unless its reading is much better than what is expected of it
    told = [r for r in refused if r.point is not best.point or abs(r.value - best.mean) >= small]
    if told:
        words.append(f"Do not announce {told[0].why}")
    return Headline(" ".join(words), best, announced, refused)


def _announce(history: History, a: Assessed, unit: str) -> str:
    return (
        f"{amount(a.mean, unit, 4)} (95 % interval {figures(a.low, 4)} to {figures(a.high, 4)}, {a.n} readings)"
        f" at {in_words(history.space, a.point)} may be announced."
    )


def _refused(
    history: History, points: Sequence[Assessed], announced: Assessed, small: float, unit: str
) -> tuple[Refused, ...]:
    """The best reading of each other point, where it is better than what is announced by `small` or more."""
    up = sign(history.direction)
    out = []
    for a in points:
        value = up * max(up * r for r in a.readings)
        if a is announced or up * (value - announced.mean) < small:
            continue
        k = a.readings.index(value)
        others = ", ".join(figures(r, 4) for i, r in enumerate(a.readings) if i != k)
        if a.n == 1:
            why = f"unreplicated; from all readings the model expects {figures(a.mean, 4)} there"
            why += ", and it stands out so far that it may be an outlier" if a.suspects else ""
        elif k in a.suspects:
            why = f"outlier suspected; its replicates gave {others}"
        elif "replicates contradict" in a.flags:
            why = f"its replicates contradict each other (the others gave {others})"
        else:
            why = f"one of {a.n} readings (the others gave {others}); their expectation is {figures(a.mean, 4)}"
        where = in_words(history.space, a.point)
        out.append(Refused(value, a.point, f"{amount(value, unit, 6)} at {where}: {why}."))
    return tuple(sorted(out, key=lambda r: -up * r.value)[:REFUSED])


def replicates_wanted(history: History, posterior: Posterior, n: int = 3) -> tuple[Point, ...]:
    """The n measured points most worth repeating: by the chance to be the true best, those measured once, with a
    suspected outlier or with contradicting replicates first, then the others measured least often.

    The chance is half the surrogate's (drawn jointly) and half that by the point's own readings alone, since a
    surrogate may smooth a true peak away.
    """
    points = assess(history, posterior)
    chance = chances(history, posterior, points)
    order = sorted(range(len(points)), key=lambda i: -chance[i])
    likely = [i for i in order if chance[i] >= 0.005]
    doubtful = [i for i in likely if points[i].flags]
    rest = sorted((i for i in likely if not points[i].flags), key=lambda i: points[i].n)
    unlikely = [i for i in order if chance[i] < 0.005]
    return tuple(points[i].point for i in (*doubtful, *rest, *unlikely)[:n])


def chances(history: History, posterior: Posterior, points: Sequence[Assessed]) -> Array:
    """(m,): chance of each assessed point to be the true best among them (see `replicates_wanted`). Seeded."""
    if not points:
        return np.zeros(0)
    up, rng = sign(history.direction), np.random.default_rng(history.seed)
    alone = np.array([np.median(posterior.y[list(a.rows)]) for a in points])
    counts = np.array([a.n for a in points])
    noise = max(posterior.noise_sd / posterior.scale, LEAST_SD)
    drawn = posterior.draw([a.point for a in points[:JOINT]], DRAWS, rng)
    out = np.bincount((up * drawn).argmax(axis=1), minlength=len(points)) / DRAWS
    own = up * alone + rng.normal(size=(DRAWS, len(points))) * noise / np.sqrt(counts)
    return np.asarray((out + np.bincount(own.argmax(axis=1), minlength=len(points)) / DRAWS) / 2)


def _squares(y: Array) -> float:
    return float(((y - y.mean()) ** 2).sum())


def _pooled(y: Array, groups: Sequence[Array]) -> tuple[float, int]:
    """Sum of squares within all replicates, and its degrees of freedom."""
    many = [rows for rows in groups if len(rows) > 1]
    return sum(_squares(y[rows]) for rows in many), sum(len(rows) - 1 for rows in many)
