"""Where a score is largest among the points that can still be made."""

from collections.abc import Callable

import numpy as np

from optimiser import untested
from optimiser.history import History
from optimiser.space import Array, Categorical, ExhaustedError, Point

SAMPLES = 1024
STARTS = 8
ROUNDS = 12
TRIES = 24

Score = Callable[[Array], Array]
"""Encoded rows to what each is worth; larger is better."""


def maximise(score: Score, history: History, rng: np.random.Generator, also: tuple[Point, ...] = ()) -> Point:
    """The untested point of largest score, ties broken at random. `also` counts as tried. ExhaustedError if none.

    Over a candidate table: exact. Otherwise an even draw over the space, then steps of shrinking length around
    the best and around the measured points, each moved back onto the box and the mixture's plane, and at last
    snapped to what can be made.
    """
    space = history.space
    tried = history.tried | frozenset(map(space.key, also))
    if space.candidates is not None:
        left = untested.rows(space, tried)
        if not len(left):
            raise ExhaustedError("every candidate has been tried or is pending; add candidates or end the campaign")
        worth = score(space.encoded_candidates[left])
        return space.candidates[int(rng.choice(left[worth == worth.max()]))]
    X = _climb(score, history, rng)
    found = untested.distinct(space, space.decode(X), tried)
    if not found:
        found = untested.draw(history, SAMPLES, rng, also)
    worth = score(space.encode(found))
    return found[int(rng.choice(np.flatnonzero(worth == worth.max())))]


def _climb(score: Score, history: History, rng: np.random.Generator) -> Array:
    """Good encoded rows, many of them, so that some are left when tried ones are taken out."""
    space = history.space
    X = space.sample_encoded(SAMPLES, rng)
    seen = space.encode([o.point for o in history.usable])
    if len(seen):
        near = seen[rng.integers(0, len(seen), SAMPLES // 4)]
        X = np.vstack([X, space.repair(near + rng.normal(0.0, 0.05, near.shape)), space.repair(seen)])
    choices = [space.blocks[p.name] for p in space.parameters if isinstance(p, Categorical)]
    for block in choices:
        X[:, block] = _one_hot(X[:, block])
    worth = score(X)
    top = np.argsort(-worth)[: 4 * STARTS]
    pool, kept = X[top], worth[top]
    best, value = pool[:STARTS].copy(), kept[:STARTS].copy()
    radius = 0.1
    for _ in range(ROUNDS):
        moved = np.repeat(best, TRIES, axis=0)
        moved += rng.normal(0.0, radius, moved.shape) * (rng.random(moved.shape) < 0.7)
        for block in choices:
            flip = rng.random(len(moved)) < 0.2
            width = block.stop - block.start
            moved[flip, block] = np.eye(width)[rng.integers(0, width, int(flip.sum()))]
            moved[:, block] = _one_hot(moved[:, block])
        moved = space.repair(moved)
        worth = score(moved).reshape(-1, TRIES)
        pick = worth.argmax(axis=1)
        rows = np.arange(len(best))
        better = worth[rows, pick] > value
        best[better] = moved.reshape(len(best), TRIES, -1)[rows, pick][better]
        value = np.maximum(value, worth[rows, pick])
        pool = np.vstack([pool, best])
        radius *= 0.6
    return np.vstack([best, pool])


def _one_hot(X: Array) -> Array:
    out: Array = np.eye(X.shape[1])[X.argmax(axis=1)]
    return out
