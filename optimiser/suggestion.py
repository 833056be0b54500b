"""What a strategy answers, and what a strategy is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from optimiser.history import History

Value = float | str
Point = Mapping[str, Value]
"""One value per parameter, by name; a number for continuous and stepped ones, a word for categorical ones."""


@dataclass(frozen=True)
class Suggestion:
    """A point worth trying, and why.

    mean, sd: the surrogate's belief at the point before it is measured, in the objective's unit; None while
    there is no surrogate yet. acquisition: the acquisition function's value there. reason: one sentence for
    the scientist.
    """

    point: Point
    mean: float | None
    sd: float | None
    acquisition: float | None
    reason: str
    strategy: str


class Strategy(Protocol):
    """Stateless: the same history gives the same suggestions."""

    def ask(self, history: History, n: int = 1) -> tuple[Suggestion, ...]:
        """n different feasible points. Raises ExhaustedError when nothing untested is left."""
        ...
