"""Lines and steps that run across the vial: where they are seen, how strongly, and to which part of a row."""

import numpy as np

from vision.colour import Floats

CODE = 0.0042
"""Absorbance of one 8-bit step next to white; through dark liquid a step is more, see `row_sigma`."""


def middle_row(rows: Floats) -> Floats:
    """Upper median of each channel; np.median spends most of its time on things that do not matter here."""
    half = len(rows) // 2
    return np.asarray(np.partition(rows, half, axis=0)[half])


def row_sigma(body: Floats) -> Floats:
    """Standard deviation of the rows' absorbance (rows, 3): what the rows show, and at least an 8-bit sRGB step,
    which grows as the 2.4th root of the light that is missing.
    """
    noise = 1.4826 * np.median(np.abs(np.diff(body, axis=0)), axis=0) / np.sqrt(2) if len(body) > 2 else 0.0
    return np.asarray(np.maximum(noise, CODE * 10 ** (np.clip(body, 0, 3) / 2.4)))


def responses(parts: Floats, reach: int) -> Floats:
    """(2, parts, rows, 3): how much each row is a line (ridge) and a step, signed, in absorbance."""
    n = parts.shape[1]
    padded = np.pad(parts, ((0, 0), (2 * reach + 1, 2 * reach), (0, 0)), mode="edge")
    total = np.cumsum(padded, axis=1)
    mean = (total[:, reach:] - total[:, :-reach]) / reach  # mean[:, i] covers rows i - 2 reach .. i - reach - 1
    centre = np.arange(n) + 2 * reach
    middle = mean[:, centre - reach // 2]
    above, below = mean[:, centre - reach - reach // 2], mean[:, centre + reach - reach // 2]
    return np.stack([middle - (above + below) / 2, mean[:, centre] - mean[:, centre - reach]])


def evidence(parts: Floats, sigma: Floats, reach: int) -> Floats:
    """How much looks like a boundary at each row, in units of noise: a line (ridge) or a step that all parts of the
    band but every fourth agree on, in sign too. A drop or a letter lies in one part only. parts: (parts, rows, 3).
    """
    signed = responses(parts, reach)
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
