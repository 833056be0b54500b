"""Why a point is suggested, in words that a chemist reads, and the numbers behind the words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from optimiser.acquisition import Acquisition, sign
from optimiser.history import History
from optimiser.posterior import Posterior
from optimiser.space import Array, Categorical, Parameter, Point, SearchSpace

NEAREST = 3
MOST_FIGURES = 12
LEADING = 0.1
"""A parameter is named as one that matters from this share of the relevance on."""
ROWS = 512
"""Relevance asks for about so many predictions, so that it stays quick with many parameters."""


@dataclass(frozen=True)
class Neighbour:
    """A measured point near the suggestion.

    value: mean of its n readings, in the objective's unit. apart: largest difference in one parameter, in parts of
    its range (1 for another category).
    """

    point: Point
    value: float
    n: int
    apart: float


@dataclass(frozen=True)
class Reason:
    """promise, curiosity: their shares, summing to 1 (both 0 where there is nothing to gain or to learn).

    chance: that the true value there beats the best so far. relevance: share of each parameter in how the expected
    value varies over the space, summing to 1 (all 0 while it does not vary).
    """

    sentence: str
    promise: float
    curiosity: float
    chance: float
    nearest: tuple[Neighbour, ...]
    relevance: Mapping[str, float]


def explain(
    acquisition: Acquisition,
    history: History,
    posterior: Posterior,
    point: Point,
    mean: float,
    sd: float,
    best: float,
    unit: str = "",
) -> Reason:
    """Why `point`, with the belief `mean` and `sd` there, is worth trying against the value `best`.

    Promise is what the mean gains over the middle of the measured values, curiosity is beta * sd (beta 1 for
    acquisitions without it). unit: the objective's.
    """
    up = sign(history.direction)
    measured = [o for o in history.usable if o.origin == "measured"] or history.usable
    values = np.array([o.value for o in measured], dtype=float)
    middle = float(np.median(values / posterior.scale)) if len(values) else posterior.offset / posterior.scale
    promise = max(0.0, float(up * (mean / posterior.scale - middle)))
    curiosity = float(getattr(acquisition, "beta", 1.0) * sd / posterior.scale)
    total = promise + curiosity
    shares = (promise / total, curiosity / total) if total > 0 else (0.0, 0.0)
    gain = up * (mean / posterior.scale - best / posterior.scale)
    chance = float(ndtr(gain / max(sd / posterior.scale, 1e-150)))
    near = nearest(history, posterior, point)
    matters = relevance(posterior)
    percent = round(100 * shares[0])
    known = "so far" if any(o.origin == "measured" for o in history.usable) else "simulated"
    text = (
        f"Expected {beside(mean, sd)} {unit}".rstrip() + f" ± {figures(sd, 2)}: {percent} % promise and"
        f" {100 - percent} % curiosity, with {in_percent(chance)} to beat the best {known} ({beside(best, sd)})"
    )
    if near:
        first = near[0]
        gave = f"{'gave' if first.n == 1 else f'gave on average of {first.n}'} {beside(first.value, sd)}"
        text += f"; the nearest measured point, {share_in_percent(first.apart)} of a range away, {gave}"
    leading = [n for n, share in sorted(matters.items(), key=lambda item: -item[1]) if share >= LEADING][:2]
    if leading and len(matters) > 1:
        text += f". What matters most: {', '.join(f'{n} ({100 * matters[n]:.0f} %)' for n in leading)}"
    return Reason(text + ".", *shares, chance, near, matters)


def nearest(history: History, posterior: Posterior, point: Point, n: int = NEAREST) -> tuple[Neighbour, ...]:
    """The measured points most like `point`, nearest first: by the surrogate's lengthscales, so that a parameter
    without effect does not part two points.
    """
    space = history.space
    groups = by_point(history)
    if not groups:
        return ()
    seen = history.usable
    X = space.encode([seen[rows[0]].point for rows in groups])
    difference = X - space.encode([point])
    scaled = ((difference / posterior.lengthscales) ** 2).sum(axis=1)
    out = []
    for i in np.argsort(scaled, kind="stable")[:n]:
        readings = np.array([seen[r].value for r in groups[i]], dtype=float)
        value = float((readings / len(readings)).sum())
        out.append(Neighbour(seen[groups[i][0]].point, value, len(readings), float(np.abs(difference[i]).max())))
    return tuple(out)


def by_point(history: History) -> tuple[tuple[int, ...], ...]:
    """Rows of `history.usable` that are readings of the same point, in the order first measured; none simulated."""
    found: dict[tuple[float | str, ...], list[int]] = {}
    for i, o in enumerate(history.usable):
        if o.origin == "measured":
            found.setdefault(history.space.key(o.point), []).append(i)
    return tuple(map(tuple, found.values()))


def relevance(posterior: Posterior) -> dict[str, float]:
    """Share of each parameter in the variation of the posterior mean over the space; all 0 when it does not vary.

    The mean squared change when one parameter alone is drawn anew (Jansen's total effect), the other components of
    a mixture sharing the rest in their proportions. Seeded: the same posterior gives the same shares.
    """
    space = posterior.space
    m = min(256, max(32, ROWS // (len(space.parameters) + 1)))
    rng = np.random.default_rng(0)
    A, B = space.sample_encoded(m, rng), space.sample_encoded(m, rng)
    swapped = [_swapped(space, A, B, p) for p in space.parameters]
    mean = (posterior.mean_encoded(np.vstack([A, *swapped])) / posterior.scale).reshape(-1, m)
    effect = ((mean[1:] - mean[0]) ** 2).mean(axis=1)
    effect[effect < 1e-12] = 0.0
    total = float(effect.sum())
    return dict(zip(space.names, (effect / total if total > 0 else effect).tolist(), strict=True))


def _swapped(space: SearchSpace, A: Array, B: Array, p: Parameter) -> Array:
    block = space.blocks[p.name]
    X = A.copy()
    X[:, block] = B[:, block]
    if space.mixture is None or p.name not in space.mixture.names:
        return X
    part = [space.blocks[n].start for n in space.mixture.names]
    parts = [q for n in space.mixture.names if not isinstance(q := space.parameter(n), Categorical)]
    low, span = np.array([q.low for q in parts]), np.array([(q.high - q.low) or 1.0 for q in parts])
    amounts, new = low + A[:, part] * span, low + X[:, part] * span
    at = space.mixture.names.index(p.name)
    others = np.arange(len(part)) != at
    held = amounts[:, others].sum(axis=1)
    left = np.maximum(amounts.sum(axis=1) - new[:, at], 0.0)
    even = np.full(int(others.sum()), 1.0 / others.sum())
    share = np.where(held[:, None] > 0, amounts[:, others] / np.where(held > 0, held, 1.0)[:, None], even)
    new[:, others] = left[:, None] * share
    X[:, part] = np.clip((new - low) / span, 0.0, 1.0)
    return X


def in_words(space: SearchSpace, point: Point) -> str:
    """`p3ht 40 %, d1 60 %`: every parameter with its unit; components of a mixture that are 0 are left out."""
    parts = []
    mixed = set(space.mixture.names) if space.mixture else set()
    for p in space.parameters:
        value = point[p.name]
        if isinstance(value, str):
            parts.append(f"{p.name} {value}")
        elif not (p.name in mixed and value == 0):
            parts.append(f"{p.name} {amount(value, p.unit, 4)}")
    return ", ".join(parts)


def amount(value: float, unit: str = "", count: int = 3) -> str:
    """So many figures, with the unit."""
    return f"{figures(value, count)} {unit}".rstrip()


def figures(value: float, count: int = 3) -> str:
    """So many figures; a power of ten only for the very large and the very small: 110, not 1.1e+02."""
    text = f"{value:.{count}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < 1e9 else text


def beside(value: float, sd: float) -> str:
    """Four figures, or as many as two figures of the standard deviation ask for: 1000000.12 beside 0.23."""
    if not (value and sd > 0):
        return figures(value, 4)
    exponent, of_sd = (int(f"{abs(x):.1e}".split("e")[1]) for x in (value, sd))
    count = min(exponent - of_sd + 2, MOST_FIGURES)
    decimals = count - 1 - exponent
    if count > 4 and 0 < decimals <= MOST_FIGURES:
        return f"{value:.{decimals}f}"
    return figures(value, max(4, count))


def share_in_percent(part: float) -> str:
    """`12 %`; never nothing of what is more than nothing."""
    return "less than 1 %" if 0 < part < 0.01 else f"{100 * part:.0f} %"


def in_percent(chance: float) -> str:
    """`a chance of 12 %`; never a chance of nothing or of certainty, which no model can promise."""
    if chance < 0.01:
        return "a chance below 1 %"
    return "a chance above 99 %" if chance > 0.99 else f"a chance of {round(100 * chance)} %"
