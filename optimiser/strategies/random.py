"""Random search: what every other strategy must beat."""

from dataclasses import dataclass

from optimiser import untested
from optimiser.given import check_count
from optimiser.history import History
from optimiser.strategies.initial import ASKED
from optimiser.suggestion import Suggestion


@dataclass(frozen=True)
class RandomStrategy:
    """Untested points drawn evenly over the space."""

    def ask(self, history: History, n: int = 1) -> tuple[Suggestion, ...]:
        check_count(ASKED, n, 1)
        return tuple(
            Suggestion(p, None, None, None, "Drawn evenly over the whole space; nothing is learned from.", "random")
            for p in untested.draw(history, n, history.rng())
        )
