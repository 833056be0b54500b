"""Points that were neither measured nor are pending."""

import numpy as np
import numpy.typing as npt

from optimiser.history import History
from optimiser.listed import Listed
from optimiser.space import ExhaustedError, Point, SearchSpace

Key = tuple[float | str, ...]


def rows(every: Listed, tried: frozenset[Key]) -> npt.NDArray[np.intp]:
    """Numbers of the points not in `tried`."""
    left = np.ones(len(every.points), dtype=bool)
    for key in tried:
        left[list(every.rows.get(key, ()))] = False
    return np.flatnonzero(left)


def exhausted(space: SearchSpace) -> ExhaustedError:
    what = "add candidates" if space.candidates is not None else "widen a bound or refine a step"
    return ExhaustedError(f"every point that can be made has been tried or is pending; {what}, or end the campaign")


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
    if (every := space.listed) is not None:
        left = rng.permutation(rows(every, tried))
        found = distinct(space, tuple(every.points[i] for i in left), tried)[:n]
    else:
        for _ in range(20):
            if len(found) >= n:
                break
            found = distinct(space, (*found, *space.sample(n + 64, rng)), tried)
        found = found[:n]
    if not found:
        raise exhausted(space)
    return found
