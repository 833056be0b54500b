"""The first experiments: spread over the space so that no part of it is far from a measured point."""

import math
from dataclasses import dataclass

import numpy as np

from optimiser import untested
from optimiser.given import check_count
from optimiser.history import History
from optimiser.space import Array, ExhaustedError, Point
from optimiser.suggestion import Suggestion

ASKED = "the number of suggestions asked for is"
REFERENCE = 256
OPTIONS = 64


@dataclass(frozen=True)
class InitialStrategy:
    """Each point lowers the mean squared distance from anywhere to the nearest measured or pending point most.

    This begins in the middle and spreads without crowding corners, and a point moved by the scientist is
    accounted for by the next one.
    """

    def ask(self, history: History, n: int = 1) -> tuple[Suggestion, ...]:
        check_count(ASKED, n, 1)
        first = not history.observations and not history.pending
        points = spread(history, n, history.rng())
        return tuple(
            Suggestion(p, None, None, None, MIDDLE if first and i == 0 else SPREAD, "initial")
            for i, p in enumerate(points)
        )


MIDDLE = "A first look, in the middle of the space."
SPREAD = "Spread out, far from everything measured so far, to learn the whole space first."


def spread(history: History, n: int, rng: np.random.Generator, also: tuple[Point, ...] = ()) -> tuple[Point, ...]:
    """Up to n untested points that leave least of the space unexplored; `also` counts as measured."""
    out: tuple[Point, ...] = ()
    for _ in range(n):
        try:
            out += (_next(history, rng, (*also, *out)),)
        except ExhaustedError:
            if not (out or also):
                raise
            break
    return out


def _next(history: History, rng: np.random.Generator, also: tuple[Point, ...]) -> Point:
    space = history.space
    rows = len(space.candidates) if space.candidates is not None else REFERENCE
    options = untested.draw(history, min(OPTIONS, math.ceil(rows / 2)), rng, also)
    everywhere = space.sample_encoded(min(REFERENCE, rows), rng)
    measured = (*(o.point for o in history.observations), *history.pending, *also)
    to_options = _squared(everywhere, space.encode(options))
    if measured:
        to_nearest = _squared(everywhere, space.encode(measured)).min(axis=1)
        to_options = np.minimum(to_options, to_nearest[:, None])
    return options[int(to_options.mean(axis=0).argmin())]


def _squared(A: Array, B: Array) -> Array:
    out: Array = ((A[:, None, :] - B[None, :, :]) ** 2).sum(axis=2)
    return out
