"""Features of every explanation of a column: "empty", or a surface at one of the lines that are seen.

Every explanation accounts for the whole column between the brim and the inner bottom: what is above the line must
look like glass that holds air, what is below must be of a piece, and a stronger line elsewhere must be accounted
for. What speaks for a surface: a line or step that all middle bands agree on; a colour that begins there; sides
that darken or brighten together, since a full vial is a lens and an empty one is not; columns that change places.
"""

from dataclasses import dataclass

import numpy as np

from vision.colour import Floats
from vision.column import MIDDLES, SIDES
from vision.level import evidence, middle_row, peaks, row_sigma

CANDIDATES = 10
LEAST_STRENGTH = 2.0
SURFACE_NAMES = (
    "bias", "line", "dark line", "dark and thin", "line rises", "colour step", "step up", "sides darken",
    "sides brighten", "bands change", "returns", "brighter below", "colour apart", "tinted below", "tinted at base",
    "colour gain", "sides gain", "bands gain", "dark above", "tint above", "mixed above", "sides mixed above",
    "bands mixed above", "split above", "lens above", "lens below", "lens turns", "stronger above",
    "stronger below", "near above", "near below", "lines above", "height", "at base", "at top", "expected",
)  # fmt: skip
EMPTY_NAMES = (
    "empty: strongest", "empty: never returns", "empty: colour", "empty: sides", "empty: bands", "empty: dark",
    "empty: tint", "empty: ends differ", "empty: sides differ", "empty: foot tinted", "empty: expected",
)  # fmt: skip
NAMES = SURFACE_NAMES + EMPTY_NAMES


@dataclass(frozen=True)
class Rows:
    """What the rows between brim and base show: absorbance (rows, channels) in three groups.

    colour: B, G, R of the middle. sides: (4) grey of the side bands less the middle's. bands: (5) grey of the
    middle bands less their median.
    """

    colour: Floats
    sides: Floats
    bands: Floats

    @property
    def groups(self) -> tuple[Floats, Floats, Floats]:
        return self.colour, self.sides, self.bands


def rows_of(bands: Floats, first: int, last: int) -> Rows:
    """From the (11, rows, 3) bands of a column, or their difference from an empty one's."""
    part = bands[:, first:last]
    grey = part.mean(axis=2)
    middle = middle_row(grey[MIDDLES])
    return Rows(
        colour=middle_row(part[MIDDLES]),
        sides=(grey[list(SIDES)] - middle).T,
        bands=(grey[MIDDLES] - middle).T,
    )


class Segments:
    """Least-squares lines through any run of rows, from running sums. One group of channels."""

    def __init__(self, rows: Floats, sigma: Floats) -> None:
        n = len(rows)
        self._at = np.arange(n + 1, dtype=np.float64)
        scaled = rows / sigma
        place = np.arange(n)[:, None]
        sums = [np.ones((n, 1)), place, place**2, scaled, scaled**2, place * scaled]
        self._sums = [np.concatenate([np.zeros((1, s.shape[1])), np.cumsum(s, axis=0)]) for s in sums]

    def misfit(self, start: Floats, stop: Floats) -> Floats:
        """(k,): n/2 log(1 + mean squared misfit in units of noise), summed over n rows, mean over channels."""
        a, b = (np.clip(end, 0, len(self._at) - 1).astype(int) for end in (start, stop))
        n, x, xx, y, yy, xy = (s[np.maximum(b, a)] - s[a] for s in self._sums)
        many = np.maximum(n, 1)
        vxx, vyy, vxy = xx - x * x / many, yy - y * y / many, xy - x * y / many
        rest = np.maximum(vyy - vxy**2 / np.maximum(vxx, 1e-9), 0)
        return np.asarray((many / 2 * np.log1p(rest / many)).mean(axis=1))


@dataclass(frozen=True)
class Seen:
    """places: rows (of `rows`) of the candidates. features: (1 + candidates, len(NAMES)): "empty" first. strength:
    (rows,) of a line or step, in units of noise. noise: typical, decadic absorbance."""

    places: list[int]
    features: Floats
    strength: Floats
    noise: float


def features(rows: Rows, parts: Floats, meniscus: int, px_per_mm: float, expected: float | None) -> Seen:
    """Every explanation with its features.

    parts: (5, rows, 3) of the middle bands. meniscus: half height in rows. expected: row that was dosed.
    """
    n, m = len(rows.colour), meniscus
    sigma = row_sigma(rows.colour)
    noise = max(float(np.median(sigma)), 0.004)
    line = evidence(parts, sigma, max(2, m))
    side_sigma = np.maximum(row_sigma(np.abs(rows.sides)).mean(axis=1), sigma.mean(axis=1))[:, None]
    strength = np.maximum(line, 0.7 * evidence(rows.sides.T[:, :, None], side_sigma, max(2, m)))
    places = [p for p in peaks(strength, m, CANDIDATES, LEAST_STRENGTH) if p <= n - 3]
    column = _Column(rows, line, strength, noise, m, px_per_mm, expected)
    around = [column.around(p) for p in places]
    returns = [column.apart(around[i:], one) for i, one in enumerate(around)]
    empty = column.empty() | {"empty: never returns": max(returns, default=0.0)}
    table = [_vector(empty)]
    if places:
        whole = column.misfits(places)
        for i, (p, one) in enumerate(zip(places, around, strict=True)):
            found = column.surface(p, one) | whole[i] | {"returns": returns[i], "lines above": i / CANDIDATES}
            table.append(_vector(found))
    return Seen(places, np.array(table), strength, noise)


def _vector(found: dict[str, float]) -> Floats:
    return np.array([found.get(name, 0.0) for name in NAMES])


@dataclass(frozen=True)
class _Around:
    """Medians of the rows just above and just below a line, by group of channels."""

    before: tuple[Floats, ...]
    after: tuple[Floats, ...]


class _Column:
    """Features of one column's explanations."""

    def __init__(
        self,
        rows: Rows,
        line: Floats,
        strength: Floats,
        noise: float,
        meniscus: int,
        px_per_mm: float,
        expected: float | None,
    ) -> None:
        self._rows, self._line, self._strength = rows, line, strength
        self._noise, self._m, self._k, self._expected = noise, meniscus, px_per_mm, expected
        self._grey = rows.colour.mean(axis=1)
        self._segments = [
            Segments(g, np.full((1, 1), noise * f)) for g, f in zip(rows.groups, (1.0, 2.0, 2.0), strict=True)
        ]

    def around(self, p: int) -> _Around:
        """Four half heights of the meniscus on each side of the line, without the line."""
        m = self._m
        before = slice(max(0, p - 5 * m), max(1, p - m + 1))
        after = slice(self._below(p), p + 5 * m)
        return _Around(
            tuple(middle_row(g[before]) for g in self._rows.groups),
            tuple(middle_row(g[after]) for g in self._rows.groups),
        )

    def _below(self, p: int) -> int:
        """First row below the line at `p`; nearer to it where little is left above the base."""
        n, m = len(self._grey), self._m
        return p + m if n - p > 3 * m else min(n - 2, p + m // 2 + 1)

    def apart(self, below: list[_Around], one: _Around) -> float:
        """How far the column stays from what it was above the line: small where a label or a print ends again."""
        least = min(
            sum(float(np.abs(a - b).mean()) for a, b in zip(other.after, one.before, strict=True))
            for other in below
        )
        return float(np.log1p(least / self._noise))

    def empty(self) -> dict[str, float]:
        """Of the column as a whole."""
        colour, sides, n, m = self._rows.colour, self._rows.sides, len(self._grey), self._m
        q = max(2, n // 6)
        whole = [float(s.misfit(np.zeros(1), np.full(1, float(n)))[0]) / n for s in self._segments]
        middle = middle_row(colour)
        return {
            "empty: strongest": float(np.log1p(self._strength.max(initial=0.0))),
            "empty: colour": whole[0],
            "empty: sides": whole[1],
            "empty: bands": whole[2],
            "empty: dark": max(0.0, float(np.median(self._grey)) - 0.08) * 5,
            "empty: tint": tint(middle),
            "empty: ends differ": float(np.abs(middle_row(colour[:q]) - middle_row(colour[-q:])).max()) * 5,
            "empty: sides differ": float(np.abs(middle_row(sides[:q]) - middle_row(sides[-q:])).mean()) * 5,
            "empty: foot tinted": tint(middle_row(colour[-3:]) - middle),
            "empty: expected": 0.0 if self._expected is None else float(self._expected < n - 3 * m),
        }

    def surface(self, p: int, one: _Around) -> dict[str, float]:
        """Of a surface at row `p`, from what lies around it and on either side of it."""
        colour, sides, noise, m = self._rows.colour, self._rows.sides, self._noise, self._m
        n, strength, grey = len(self._grey), self._strength, self._grey
        step, side_step, band_step = (a - b for a, b in zip(one.after, one.before, strict=True))
        left, right = side_step[:2].mean(), side_step[2:].mean()
        side = float(np.sign(left) * min(abs(left), abs(right)) * (left * right > 0))
        near = grey[max(0, p - m) : p + m + 1].max()
        ends = max(float(grey[max(0, p - 5 * m) : max(1, p - m + 1)].max()), float(one.after[0].mean()))
        rise = float(grey[max(0, p - 2) : p + 3].max() - grey[max(0, p - m - 2) : max(1, p - m + 1)].mean())
        above, below = slice(0, max(1, p - m)), slice(self._below(p), n)
        over, under = middle_row(colour[above]), middle_row(colour[below])
        lens_over, lens_under = middle_row(sides[above]), middle_row(sides[below])
        own = np.log1p(strength[p])
        foot = max(0.0, 1 - (n - p) / self._k / 3)

        def stronger(part: Floats) -> float:
            return float(np.log1p(part.max(initial=0.0)) - own)

        return {
            "bias": 1.0,
            "line": float(np.log1p(self._line[p])),
            "dark line": float(np.log1p(max(0.0, near - ends) / noise)),
            "dark and thin": max(0.0, float(near - ends)) * 3,
            "line rises": float(np.log1p(abs(rise) / noise)),
            "colour step": float(np.log1p(np.abs(step).max() / noise)),
            "step up": float(np.log1p(max(0.0, -float(step.mean())) / noise)),
            "sides darken": float(np.log1p(max(0.0, side) / noise)),
            "sides brighten": float(np.log1p(max(0.0, -side) / noise)),
            "bands change": float(np.log1p(np.abs(band_step).mean() / noise)),
            "brighter below": max(0.0, -float((under - over).min()) - 0.02) * 10,
            "colour apart": min(1.0, float(np.abs(under - over).max())) * 3,
            "tinted below": tint(under - over),
            "tinted at base": tint(under - over) * foot,
            "dark above": max(0.0, float(over.mean()) - 0.08) * 5,
            "tint above": tint(over),
            "lens above": float(lens_over.mean()) * 3,
            "lens below": float(lens_under.mean()) * 3,
            "lens turns": min(1.0, float(np.abs(lens_over - lens_under).mean())) * 3,
            "stronger above": max(0.0, stronger(strength[: max(0, p - 2 * m)])),
            "stronger below": max(0.0, stronger(strength[p + 2 * m :])),
            "near above": stronger(strength[max(0, p - 3 * m) : max(0, p - m + 1)]),
            "near below": stronger(strength[p + m : p + 3 * m + 1]),
            "height": float(np.log((n - p) / self._k + 1)),
            "at base": foot,
            "at top": max(0.0, 1 - p / self._k / 3),
            "expected": 0.0 if self._expected is None else float(abs(p - self._expected) <= 2 * m),
        }

    def misfits(self, places: list[int]) -> list[dict[str, float]]:
        """How well straight lines explain the rows above and below each place, and above it with a surface more."""
        n, m = len(self._grey), self._m
        s = np.array(places, dtype=float)
        end, zero = np.full_like(s, n), np.zeros_like(s)
        above = [g.misfit(zero, s - m) for g in self._segments]
        below = [g.misfit(s + m, end) for g in self._segments]
        whole = [g.misfit(zero[:1], end[:1])[0] for g in self._segments]
        higher, lower = (grid.ravel() for grid in np.meshgrid(s, s, indexing="ij"))
        split = np.zeros(len(higher))
        for g, one in zip(self._segments, above, strict=True):
            two = g.misfit(np.zeros_like(higher), higher - m) + g.misfit(higher + m, np.maximum(lower - m, 0))
            split += np.tile(one, len(s)) - two
        split[higher >= lower - 3 * m] = 0.0
        best = np.maximum(split.reshape(len(s), -1).max(axis=0), 0.0) / np.maximum(4.0, s)
        found = []
        for i, p in enumerate(places):
            gain = [float(w - a[i] - b[i]) / n for w, a, b in zip(whole, above, below, strict=True)]
            mixed = [float(a[i]) / max(4.0, p) for a in above]
            found.append(
                {
                    "colour gain": gain[0],
                    "sides gain": gain[1],
                    "bands gain": gain[2],
                    "mixed above": mixed[0] + mixed[1],
                    "sides mixed above": mixed[1],
                    "bands mixed above": mixed[2],
                    "split above": float(best[i]),
                }
            )
        return found


def tint(colour: Floats) -> float:
    """How far a mean absorbance is from grey, beyond what glass has."""
    return min(1.0, max(0.0, float(np.abs(colour - colour.mean()).max()) - 0.02) * 10)
