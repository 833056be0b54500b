"""How much of a space its constraints leave, and which of them takes most."""

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from optimiser.space import SearchSpace

DRAWS = 5_000


@dataclass(frozen=True)
class Feasible:
    """fraction: of the rows of the table, or of the space within bounds, mixture and equalities.

    kept, drawn: of so many rows or even draws so many keep everything; exact for a table. alone: for each
    constraint and keep-out region, which fraction it would leave by itself; the smallest cuts most.
    """

    fraction: float
    kept: int
    drawn: int
    table: bool
    alone: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        if self.table:
            text = f"{self.kept:,} of {self.drawn:,} candidates"
        elif not self.kept:
            text = f"less than {_percent(1 / self.drawn)} of the space"
        else:
            text = f"about {_percent(self.fraction)} of the space" if self.kept < self.drawn else "all of the space"
        if not self.alone or self.kept == self.drawn:
            return text
        label, left = min(self.alone, key=lambda pair: pair[1])
        return f'{text}; "{label}" cuts most and leaves {_percent(left)} by itself'


def feasible_fraction(space: SearchSpace, rng: np.random.Generator) -> Feasible:
    """Counted over a table, else estimated by even draws from what bounds, mixture and equalities leave."""
    table = space.given
    if table is not None:
        rows = space.encode(table)
    else:
        equal = tuple(c for c in space.constraints if c.relation == "=")
        rows = replace(space, constraints=equal, keep_out=()).sample_encoded(DRAWS, rng)
    cutting = [table is not None or c.relation != "=" for c in space.constraints] + [True] * len(space.keep_out)
    labels = [*(c.label for c in space.constraints), *(k.label for k in space.keep_out)]
    kept = ~space.breaks(rows)[:, cutting]
    alone = tuple((label, float(kept[:, i].mean())) for i, label in enumerate(compress(labels, cutting)))
    whole = int(kept.all(axis=1).sum())
    return Feasible(whole / len(rows), whole, len(rows), table is not None, alone)


def _percent(part: float) -> str:
    return f"{100 * part:.2g} %" if part < 0.995 else f"{100 * part:.0f} %"
