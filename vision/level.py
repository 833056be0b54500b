"""Where is the surface: the whole column of the vial is explained at once.

The column runs from the rim to the inner bottom; both are fixed nodes. Between them the hypotheses compete:
"empty" (air all the way), "liquid from row s", "liquid 1 from s, liquid 2 from t". Each segment is a straight
line in absorbance per channel; air is nearly white. Rows at a boundary are the meniscus and excused. What no
segment explains costs up to a cap a row, each boundary has its price, and the cheapest explanation wins. So a
refraction edge at the base, a drop or a lower phase is not taken for the surface for being strong.
"""

from dataclasses import dataclass

import numpy as np

from vision.colour import Floats

ROW_CAP = 9.0
CODE = 0.0042
"""Absorbance of one 8-bit step next to white; through dark liquid a step is more, see `row_sigma`."""
BOUNDARY_PRICE = 24.0
AIR_MOST = 0.16
"""Glass and air absorb no more than this (decadic absorbance), in any channel."""
AIR_TINT = 0.03
LAYERS_DIFFER = 0.03
THINNEST = 6
"""Of an upper layer, in half heights of the meniscus, whose own second line is not to be taken for a layer."""
CANDIDATES = 8
LEAST_STRENGTH = 3.5
"""Of a boundary, in units of noise, within the meniscus. Shade that bends slowly has no such place."""


@dataclass(frozen=True)
class Explanation:
    """surface, boundary: row indices into the column, None where there is none. gap: by how much the best
    explanation beats the next different one. air, liquid: absorbance above and below the surface (3,).
    """

    surface: float | None
    surface_sd: float
    boundary: float | None
    gap: float
    over_empty: float
    air: Floats
    liquid: Floats | None
    lower: Floats | None


def middle_row(rows: Floats) -> Floats:
    """Upper median of each channel; np.median spends most of its time on things that do not matter here."""
    half = len(rows) // 2
    return np.asarray(np.partition(rows, half, axis=0)[half])


def _line(rows: Floats) -> Floats:
    """Robust straight line through (n, 3): medians of the thirds."""
    n = len(rows)
    if n < 9:
        return np.broadcast_to(middle_row(rows), rows.shape)
    third = n // 3
    first, last = middle_row(rows[:third]), middle_row(rows[-third:])
    slope = (last - first) / (n - third)
    across = (np.arange(n) - (n - 1) / 2)[:, None] * slope
    return np.asarray(across + middle_row(rows - across))


def _cost(rows: Floats, model: Floats, sigma: Floats) -> float:
    return float(np.minimum(((rows - model) / sigma) ** 2, ROW_CAP).sum()) / 3


def _air(rows: Floats) -> Floats:
    """The nearest model that glass and air may have: almost white."""
    if len(rows) == 0:
        return np.zeros((0, 3))
    model = _line(rows)
    neutral = np.clip(model.mean(axis=1, keepdims=True), -0.05, AIR_MOST)
    return np.asarray(neutral + np.clip(model - model.mean(axis=1, keepdims=True), -AIR_TINT, AIR_TINT))


def row_sigma(body: Floats) -> Floats:
    """Standard deviation of the rows' absorbance (rows, 3): what the rows show, and at least an 8-bit sRGB step,
    which grows as the 2.4th root of the light that is missing.
    """
    noise = 1.4826 * np.median(np.abs(np.diff(body, axis=0)), axis=0) / np.sqrt(2) if len(body) > 2 else 0.0
    return np.asarray(np.maximum(noise, CODE * 10 ** (np.clip(body, 0, 3) / 2.4)))


def evidence(parts: Floats, sigma: Floats, reach: int) -> Floats:
    """How much looks like a boundary at each row, in units of noise: a line (ridge) or a step that every part of
    the band agrees on, in sign too. A drop or a letter lies in one part only. parts: (parts, rows, 3).
    """
    n = parts.shape[1]
    padded = np.pad(parts, ((0, 0), (2 * reach + 1, 2 * reach), (0, 0)), mode="edge")
    total = np.cumsum(padded, axis=1)
    mean = (total[:, reach:] - total[:, :-reach]) / reach  # mean[:, i] covers rows i - 2 reach .. i - reach - 1
    centre = np.arange(n) + 2 * reach
    middle = mean[:, centre - reach // 2]
    above, below = mean[:, centre - reach - reach // 2], mean[:, centre + reach - reach // 2]
    signed = np.stack([middle - (above + below) / 2, mean[:, centre] - mean[:, centre - reach]])
    ordered = np.sort(signed, axis=1)
    spare = signed.shape[1] // 4  # so many parts may disagree: a drop, a letter
    agreed = np.maximum(ordered[:, spare], -ordered[:, -1 - spare])  # <= 0 where the others differ in sign
    return np.asarray((np.maximum(agreed, 0).sum(axis=0) / sigma).max(axis=1))


def peaks(strength: Floats, apart: int, most: int, least: float) -> list[int]:
    """The strongest local maxima above `least`, at least `apart` rows from each other."""
    left = strength.copy()
    found: list[int] = []
    while len(found) < most and left.size and left.max() > least:
        at = int(left.argmax())
        found.append(at)
        left[max(0, at - apart) : at + apart + 1] = 0
    return sorted(found)


def explain(
    parts: Floats, first: int, last: int, meniscus: int, expected: float | None = None, least: int = 4
) -> Explanation:
    """Explain the column between the rim node `first` and the base node `last`.

    parts: absorbance (parts, rows, 3), the median over the columns of each part of the band.
    meniscus: half height of the meniscus in rows. expected: a row that the dosed volume predicts; it breaks ties
    between lines that are seen and makes none of its own. least: rows of liquid that can be told from the base.
    """
    body = np.median(parts[:, first:last], axis=0)
    n = len(body)
    sigma = row_sigma(body)
    strength = evidence(parts[:, first:last], sigma, max(2, meniscus))
    places = [p for p in peaks(strength, meniscus, CANDIDATES, LEAST_STRENGTH) if p <= n - least]

    fitted: dict[tuple[int, int], tuple[float, Floats, Floats]] = {}

    def air(upto: int) -> tuple[float, Floats]:
        rows = body[: max(0, upto - meniscus)]
        model = _air(rows)
        return _cost(rows, model, sigma[: len(rows)]), middle_row(model) if len(model) else np.full(3, 0.04)

    def liquid(start: int, stop: int, above: Floats) -> tuple[float, Floats]:
        begin = start + meniscus
        end = stop if stop == n else stop - meniscus
        if end - begin < 2:
            return ROW_CAP, body[min(begin, n - 1)]
        if (begin, end) not in fitted:
            rows = body[begin:end]
            model = _line(rows)
            fitted[begin, end] = _cost(rows, model, sigma[begin:end]), model[0], model[-1]
        cost, top, bottom = fitted[begin, end]
        bright = min((top - above).min(), (bottom - above).min()) < -0.05
        return cost + (ROW_CAP * (end - begin) if bright else 0), (top + bottom) / 2

    options: list[tuple[float, int | None, int | None, Floats, Floats | None, Floats | None]] = []
    cost, model = air(n + meniscus)
    options.append((cost, None, None, model, None, None))
    for s in places:
        above_cost, above = air(s)
        whole_cost, whole = liquid(s, n, above)
        price = BOUNDARY_PRICE - (4.0 if expected is not None and abs(s + first - expected) <= 2 * meniscus else 0)
        options.append((above_cost + whole_cost + price, s, None, above, whole, None))
        for t in places:
            if t < s + THINNEST * meniscus or t > n - least - meniscus:
                continue
            upper_cost, upper = liquid(s, t, above)
            lower_cost, lower = liquid(t, n, above)
            if not _is_boundary(body, sigma, t, meniscus, upper - lower):
                continue
            total = above_cost + upper_cost + lower_cost + price + BOUNDARY_PRICE
            options.append((total, s, t, above, upper, lower))
    options.sort(key=lambda o: o[0])
    best = options[0]
    rivals = [
        o[0]
        for o in options[1:]
        if (o[1] is None) != (best[1] is None) or abs((o[1] or 0) - (best[1] or 0)) > 3 * meniscus
    ]
    gap = min(rivals) - best[0] if rivals else float(ROW_CAP * n)
    nothing = next(o[0] for o in options if o[1] is None)
    row, sd = (None, 0.0) if best[1] is None else refine(body, best[1], best[3], best[4], meniscus, sigma)
    return Explanation(
        surface=None if row is None else row + first,
        surface_sd=sd,
        boundary=None if best[2] is None else float(best[2] + first),
        gap=gap,
        over_empty=nothing - best[0],
        air=best[3],
        liquid=best[4],
        lower=best[5],
    )


def _is_boundary(body: Floats, sigma: Floats, at: int, meniscus: int, differ: Floats) -> bool:
    """Two layers differ visibly, and most of the difference lies at the boundary: no drift, no shade."""
    above = body[max(0, at - 3 * meniscus) : at - meniscus + 1]
    below = body[at + meniscus : at + 3 * meniscus + 1]
    visible = np.abs(differ) >= np.maximum(LAYERS_DIFFER, 4 * middle_row(sigma[at:]))
    if not visible.any() or len(above) == 0 or len(below) == 0:
        return False
    channel = int(np.abs(np.where(visible, differ, 0)).argmax())
    local = middle_row(above)[channel] - middle_row(below)[channel]
    return bool(local * differ[channel] > 0.6 * differ[channel] ** 2)


def refine(
    body: Floats, at: int, air: Floats, liquid: Floats | None, meniscus: int, sigma: Floats
) -> tuple[float, float]:
    """Sub-pixel row of the surface near `at`, and its standard deviation in rows.

    The contact line: where the absorbance, going down from the air, first reaches half of what it rises to, be
    that the dark line of the meniscus or the coloured liquid. Channels are weighed by what they rise.
    """
    low, high = max(0, at - 2 * meniscus - 1), min(len(body), at + 2 * meniscus + 1)
    rows = body[low:high]
    start = air if low == 0 else middle_row(body[max(0, low - 3) : low + 2])
    found: list[tuple[float, float]] = []
    for channel in range(rows.shape[1]):
        rise = rows[:, channel] - start[channel]
        top = int(rise.argmax())
        most = float(rise[top])
        if liquid is not None:
            most = max(most, float(liquid[channel] - start[channel]))
        blur = float(sigma[low + top, channel])
        if most < 3 * blur:
            continue
        below = np.flatnonzero(rise[: top + 1] < most / 2)
        if len(below) and below[-1] < len(rise) - 1:
            i = int(below[-1])
            share = (most / 2 - rise[i]) / (rise[i + 1] - rise[i])
            found.append((low + i + float(np.clip(share, 0, 1)), most / blur))
    if not found:
        return float(at), float(meniscus)
    total = sum(w for _, w in found)
    row = sum(r * w for r, w in found) / total
    spread = max(abs(r - row) for r, _ in found)
    return row, float(np.hypot(0.25 + 1.5 / total, 0.5 * spread))
