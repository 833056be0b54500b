"""Points that were neither measured nor are pending."""

import numpy as np
import numpy.typing as npt

from optimiser.history import History
from optimiser.space import ExhaustedError, Point, SearchSpace

Key = tuple[float | str, ...]


def rows(space: SearchSpace, tried: frozenset[Key]) -> npt.NDArray[np.intp]:
    """Row numbers of the candidate table not in `tried`."""
    left = np.ones(len(space.candidates or ()), dtype=bool)
    for key in tried:
        left[list(space.candidate_rows.get(key, ()))] = False
    return np.flatnonzero(left)


def distinct(space: SearchSpace, points: tuple[Point, ...], tried: frozenset[Key]) -> tuple[Point, ...]:
    """In order, without what was tried and without repeats."""
    seen, out = set(tried), []
    for point in points:
        key = space.key(point)
        if key not in seen:
            seen.add(key)
            out.append(point)
    return tuple(out)


def draw(history: History, n: int, rng: np.random.Generator, also: tuple[Point, ...] = ()) -> tuple[Point, ...]:
    """Up to n different untested points, drawn evenly; `also` counts as tried. Raises ExhaustedError for none."""
    space = history.space
    tried = history.tried | frozenset(map(space.key, also))
    found: tuple[Point, ...] = ()
    if space.candidates is not None:
        left = rows(space, tried)
        found = distinct(space, tuple(space.candidates[i] for i in rng.permutation(left)), tried)[:n]
    else:
        for _ in range(20):
            if len(found) >= n:
                break
            found = distinct(space, (*found, *space.sample(n + 64, rng)), tried)
        found = found[:n]
    if not found:
        raise ExhaustedError(
            f"all {len(tried)} points of the space were tried or are pending; widen a bound, refine a step,"
            " add candidates, or end the campaign"
        )
    return found
