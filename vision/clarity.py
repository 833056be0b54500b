"""How clear a liquid is: what it leaves of a pattern printed behind the vial, against air or a blank.

The contrast is taken in the logarithm of light, where a dye and the exposure only add a constant, so neither
changes it; light that is scattered back into the dark stripes does. A full vial is a cylinder lens, which shows
upright or slanted stripes mirrored and finer: so what is compared is how deep they are, not how wide. Level stripes
are not read: they are not bent, but cannot be told from menisci.
"""

from dataclasses import dataclass

import numpy as np

from vision.column import Column

SEEN = 0.03
"""Least amplitude of a pattern across, decadic absorbance."""
DEPTH = (15, 85)
"""Percentiles of the pixels that stand for the bright and the dark stripes."""
FINEST_PX = 4.0
ROWS = 6
"""Fewest rows of a part that can be judged."""


@dataclass(frozen=True)
class Contrast:
    """amplitude: of the strongest wave across, decadic absorbance. depth: from bright to dark stripes, decadic
    absorbance. ratio: light of the dark ones over that of the bright ones."""

    amplitude: float
    depth: float

    @property
    def ratio(self) -> float:
        return float(10**-self.depth)


def contrast(column: Column, top: float, bottom: float) -> Contrast | None:
    """Of the stripes between two rows of the column; None where too little is seen.

    The spectrum of each row is squared and averaged, so that slanted stripes count as upright ones do; the noise's
    share, that of the finest frequencies, is taken off.
    """
    width = column.absorbance.shape[1]
    part = column.absorbance[max(0, round(top)) : max(0, round(bottom)), round(0.32 * width) : round(0.68 * width)]
    grey = np.asarray(part.mean(axis=2), np.float64)
    n = grey.shape[1]
    if len(grey) < ROWS or n < 12:
        return None
    x = np.linspace(-1, 1, n)
    slope = grey @ x / (x @ x)
    window = np.hanning(n)
    flat = (grey - grey.mean(axis=1, keepdims=True) - slope[:, None] * x) * window
    power = np.mean(np.abs(np.fft.rfft(flat, 8 * n, axis=1)) ** 2, axis=0) * (2 / window.sum()) ** 2
    frequency = np.arange(len(power)) / (8 * n)
    wanted = (frequency > 1.2 / n) & (frequency < 1 / FINEST_PX)
    noise = float(np.median(power[frequency > 0.4]))
    low, high = np.percentile(grey, DEPTH)
    return Contrast(float(np.sqrt(max(0.0, power[wanted].max(initial=0.0) - noise))), float(high - low))


def clarity(
    column: Column, blank: Column | None, air: tuple[float, float], liquid: tuple[float, float]
) -> tuple[float | None, float | None]:
    """Clarity and turbidity of what is between the rows `liquid`; None where no pattern is seen to judge by.

    blank: the same slot with a clear liquid or nothing in the vial; without one the air above, rows `air`, is it.
    Clarity is the share of the stripes' depth that is left. Turbidity is the light that the dark stripes have too
    much of, as a share of what the bright ones have more than the dark ones.
    """
    reference = contrast(column, *air) if blank is None else contrast(blank, *liquid)
    if reference is None or reference.amplitude < SEEN:
        return None, None
    seen = contrast(column, *liquid)
    if seen is None:
        return None, None
    lifted = (seen.ratio - reference.ratio) / max(0.05, 1 - reference.ratio)
    return float(np.clip(seen.depth / reference.depth, 0, 1)), float(np.clip(lifted, 0, 1))
