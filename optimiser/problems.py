"""Objectives whose optimum is known, for rehearsals and for measuring strategies."""

import math
from dataclasses import dataclass
from typing import ClassVar

from optimiser.parameters import Continuous, Point
from optimiser.space import SearchSpace


@dataclass(frozen=True)
class TwoDials:
    """Two dials from 0 to 5, minimise a (y - b x² + c x - r)² + s (1 - t) cos x + s (Branin's function, rescaled).

    One lowest point; a second, shallow minimum of 19.602 at (0, 4) holds back what only climbs.
    """

    FORMULA: ClassVar[str] = (
        "2*(y - 5.1/(2*pi**2)*x**2 + 3/pi*x - 4)**2 + 10*(1 - 1/(8*pi))*cos(x) + 10"  # a=2, r=4, s=10
    )
    SPACE: ClassVar[SearchSpace] = SearchSpace((Continuous("x", 0.0, 5.0), Continuous("y", 0.0, 5.0)))
    BEST: ClassVar[tuple[float, float]] = (math.pi, 3.55)
    MINIMUM: ClassVar[float] = 0.397887

    def __call__(self, point: Point) -> float:
        x, y = float(point["x"]), float(point["y"])
        a, b, c, r, s, t = 2.0, 5.1 / (2 * math.pi**2), 3 / math.pi, 4.0, 10.0, 1 / (8 * math.pi)
        return a * (y - b * x * x + c * x - r) ** 2 + s * (1 - t) * math.cos(x) + s
