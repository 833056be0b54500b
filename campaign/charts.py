"""Charts as inline SVG, drawn to be printed: no box, ticks outside, faint grid, axes named with unit in brackets.

Colours come from the page's style sheet by class name, so that they follow its light or dark theme.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup, escape

LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 44


def nice_ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Round numbers from at or below `low` to at or above `high`, at most about `most` of them."""
    if not high > low:
        span = abs(low) or 1.0
        low, high = low - span / 2, low + span / 2
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(float(f"{i * step:.10g}") for i in range(first, last + 1))


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Powers of ten around a range above zero; with 2 and 5 between when it is short."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    between = (1, 2, 5) if last - first <= 2 else (1,)
    ticks = [m * 10.0**p for p in range(first, last) for m in between] + [10.0**last]
    below = [t for t in ticks if t <= low]
    above = [t for t in ticks if t >= high]
    return tuple(t for t in ticks if below[-1] <= t <= above[0])


def short(value: float) -> str:
    """A tick's number."""
    text = f"{value:.4g}"
    return text.replace("-", "\u2212")


@dataclass
class Chart:
    """One chart. Axes span their ticks; add marks, then `svg`. words: names of an x axis without numbers."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    x_name: str
    y_name: str
    width: int = 560
    height: int = 300
    log_y: bool = False
    words: Sequence[str] = ()
    marks: list[str] = field(default_factory=list)

    def at_x(self, value: float) -> float:
        low, high = self.x[0], self.x[-1]
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def at_y(self, value: float) -> float:
        low, high = self.y[0], self.y[-1]
        if self.log_y:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return self.height - BOTTOM - (value - low) / (high - low) * (self.height - TOP - BOTTOM)

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{self.at_x(x):.1f},{self.at_y(y):.1f}" for x, y in points)

    def line(self, points: Sequence[tuple[float, float]], style: str) -> None:
        if len(points) > 1:
            self.marks.append(f'<path class="{style}" d="{self._path(points)}"/>')

    def steps(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """A line that keeps its height until the next point."""
        corners = [points[0]] if points else []
        for (_, y0), (x1, y1) in pairwise(points):
            corners += [(x1, y0), (x1, y1)]
        self.line(corners, style)

    def band(self, points: Sequence[tuple[float, float, float]], style: str) -> None:
        """An area between a lower and an upper line: (x, low, high)."""
        if len(points) > 1:
            there = [(x, low) for x, low, _ in points]
            back = [(x, high) for x, _, high in reversed(points)]
            self.marks.append(f'<path class="{style}" d="{self._path([*there, *back])}Z"/>')

    def dot(self, x: float, y: float, style: str, title: str, radius: float = 4) -> None:
        self.marks.append(
            f'<circle class="{style}" cx="{self.at_x(x):.1f}" cy="{self.at_y(y):.1f}" r="{radius:g}">'
            f"<title>{escape(title)}</title></circle>"
        )

    def bar(self, x: float, low: float, high: float, style: str) -> None:
        """An upright error bar, cut at the axes."""
        low, high = max(low, self.y[0]), min(high, self.y[-1])
        self.line([(x, low), (x, high)], style)

    def svg(self, title: str) -> Markup:
        """The chart as an <svg> element."""
        parts = [
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(title)}">',
            *self._axes(),
            *self.marks,
            "</svg>",
        ]
        # every text in it is escaped above, in dot and in _axes
        return Markup("".join(parts))  # noqa: S704  # nosec B704

    def _axes(self) -> list[str]:
        left, right, bottom = LEFT, self.width - RIGHT, self.height - BOTTOM
        out = []
        for tick in self.y:
            y = self.at_y(tick)
            out.append(f'<path class="grid" d="M{left},{y:.1f}H{right}"/>')
            out.append(f'<text class="tick" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
        names = [(i, w) for i, w in enumerate(self.words)] if self.words else [(t, short(t)) for t in self.x]
        for tick, word in names:
            x = self.at_x(tick)
            out.append(f'<path class="axis" d="M{x:.1f},{bottom}v5"/>')
            shown = word if len(word) <= 14 else word[:13] + "…"
            out.append(
                f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{escape(shown)}</text>'
            )
        out.append(f'<path class="axis" d="M{left},{bottom}H{right}"/>')
        middle = (left + right) / 2
        out.append(
            f'<text class="name" x="{middle:.0f}" y="{self.height - 8}" text-anchor="middle">'
            f"{escape(self.x_name)}</text>"
        )
        middle = (TOP + bottom) / 2
        out.append(
            f'<text class="name" transform="translate(14,{middle:.0f}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.y_name)}</text>"
        )
        return out
