"""Where a score is largest among the points that can still be made."""

from collections.abc import Callable

import numpy as np

from optimiser import untested
from optimiser.history import History
from optimiser.space import Array, Categorical, Point, SearchSpace

SAMPLES = 1024
STARTS = 6
ASCENT = 16
ROUNDS = 12
TRIES = 24

Score = Callable[[Array], Array]
"""Encoded rows (m, d) to what each is worth (m,); larger is better."""
Slope = Callable[[Array], tuple[Array, Array]]
"""Encoded rows (m, d) to what each is worth (m,), and the gradient by the encoded columns (m, d)."""


def maximise(
    score: Score,
    history: History,
    rng: np.random.Generator,
    also: tuple[Point, ...] = (),
    slope: Slope | None = None,
) -> Point:
    """The untested point of largest score, ties broken at random. `also` counts as tried. ExhaustedError if none.

    Over a candidate table, or so few combinations that all can be gone through: exact. Otherwise an even draw over
    the space and around the measured points, then from the best of them uphill (by `slope` if given, else by steps
    of shrinking length), each step moved back onto what is feasible, and at last snapped to what can be made.
    """
    space = history.space
    tried = history.tried | frozenset(map(space.key, also))
    if (every := space.listed) is not None:
        left = untested.rows(every, tried)
        if not len(left):
            raise untested.exhausted(space)
        worth = score(every.X[left])
        return every.points[int(rng.choice(left[worth == worth.max()]))]
    X, worth = _draw(score, history, rng)
    climbed = _climb(score, space, X, worth, rng) if slope is None else _ascend(score, slope, space, X, worth, rng)
    found = untested.distinct(space, space.decode(climbed), tried)
    if not found:
        found = untested.draw(history, SAMPLES, rng, also)
    worth = score(space.encode(found))
    return found[int(rng.choice(np.flatnonzero(worth == worth.max())))]


def _draw(score: Score, history: History, rng: np.random.Generator) -> tuple[Array, Array]:
    """Encoded rows all over the space and near the measured points, best first, and their worth."""
    space = history.space
    X = space.sample_encoded(SAMPLES, rng)
    seen = space.encode([o.point for o in history.usable])
    if len(seen):
        near = seen[rng.integers(0, len(seen), SAMPLES // 4)]
        X = np.vstack([X, space.repair(near + rng.normal(0.0, 0.05, near.shape)), space.repair(seen[-32:])])
    worth = score(X)
    order = np.argsort(-worth, kind="stable")[: 8 * STARTS]
    return X[order], worth[order]


def _ascend(
    score: Score, slope: Slope, space: SearchSpace, X: Array, worth: Array, rng: np.random.Generator
) -> Array:
    """Projected gradient ascent with a step length of its own for each start, then neighbours of the best."""
    best, value = X[:STARTS].copy(), worth[:STARTS].copy()
    fixed = np.zeros(X.shape[1], dtype=bool)
    for block, _ in _choices(space):
        fixed[block] = True
    step = np.full(len(best), 0.1)
    _, gradient = slope(best)
    trail = [best]
    for _ in range(ASCENT):
        gradient[:, fixed] = 0.0
        length = np.abs(gradient).max(axis=1, keepdims=True)
        moved = space.repair(best + step[:, None] * gradient / np.where(length > 0, length, 1.0))
        moved[:, fixed] = best[:, fixed]
        new, new_gradient = slope(moved)
        better = new > value
        best, value = np.where(better[:, None], moved, best), np.where(better, new, value)
        gradient = np.where(better[:, None], new_gradient, gradient)
        step = np.where(better, np.minimum(step * 1.6, 0.5), step * 0.35)
        trail.append(best)
        if step.max() < 1e-5:
            break
    around = _neighbours(space, best[[int(value.argmax())]], rng)
    order = np.argsort(-score(around), kind="stable")[: 4 * STARTS]
    return np.vstack([best, around[order], *trail[-3:-1], X])


def _neighbours(space: SearchSpace, best: Array, rng: np.random.Generator) -> Array:
    """Rows near one: other choices of each category, and small steps of the numbers."""
    out = [best]
    for block, codes in _choices(space):
        other = np.repeat(best, len(codes), axis=0)
        other[:, block] = codes
        out.append(other)
    near = np.repeat(best, TRIES * 2, axis=0)
    numbers = np.ones(best.shape[1], dtype=bool)
    for block, _ in _choices(space):
        numbers[block] = False
    radius = 10.0 ** rng.uniform(-3, -1, (len(near), 1))
    near[:, numbers] += (rng.normal(size=near.shape) * radius)[:, numbers]
    return np.vstack([*out, space.repair(near)])


def _climb(score: Score, space: SearchSpace, X: Array, worth: Array, rng: np.random.Generator) -> Array:
    """Steps of shrinking length, where no gradient is known."""
    choices = _choices(space)
    pool = X[: 4 * STARTS]
    best, value = X[:STARTS].copy(), worth[:STARTS].copy()
    radius = 0.1
    for _ in range(ROUNDS):
        moved = np.repeat(best, TRIES, axis=0)
        moved += rng.normal(0.0, radius, moved.shape) * (rng.random(moved.shape) < 0.7)
        for block, codes in choices:
            flip = rng.random(len(moved)) < 0.2
            moved[flip, block] = codes[rng.integers(0, len(codes), int(flip.sum()))]
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


def _choices(space: SearchSpace) -> list[tuple[slice, Array]]:
    """Columns of each categorical parameter, and the code of each of its choices."""
    return [(space.blocks[p.name], space.codes[p.name]) for p in space.parameters if isinstance(p, Categorical)]
