"""Whole steps under linear constraints: rounding that keeps them."""

import numpy as np

from optimiser.polytope import Array, Polytope

SLACK = 1e-9


def rounded(U: Array, counts: Array) -> tuple[Array, Array]:
    """Rows on the nearest steps, and the number of each step. Numbers without steps stay."""
    whole = np.clip(np.rint(U * counts), 0.0, counts)
    return np.where(counts > 0, whole / np.maximum(counts, 1.0), U), whole


def to_grid(polytope: Polytope, counts: Array, U: Array) -> Array:
    """Rows near U on the steps that keep the constraints as far as the numbers without steps can make up for it.

    Each row is rounded, then moved by one step, or by one up and another one down, as long as this mends more of
    what the rounding broke; of equal moves the one that stays nearest. Rows may come back broken.
    """
    X, _ = rounded(U, counts)
    grid = np.flatnonzero(counts > 0)
    G, h = _on_steps(polytope, counts)
    moves = _moves(G[:, grid], 1.0 / counts[grid])
    rows = np.flatnonzero((X @ G.T - h > SLACK).any(axis=1))
    effect = moves @ G[:, grid].T
    for _ in range(4 * len(grid)):
        if not len(rows):
            break
        over = X[rows] @ G.T - h
        now = np.maximum(over, 0.0).sum(axis=1)
        after = np.maximum(over[:, None, :] + effect[None], 0.0).sum(axis=2)
        places = X[rows][:, None, grid] + moves[None]
        after[((places < -SLACK) | (places > 1 + SLACK)).any(axis=2)] = np.inf
        apart = ((places - U[rows][:, None, grid]) ** 2).sum(axis=2)
        # what is as good as the best goes by distance
        best = after.min(axis=1)
        tied = after <= best[:, None] + SLACK
        pick = np.where(tied, apart, np.inf).argmin(axis=1)
        good = best < now - SLACK
        X[np.ix_(rows[good], grid)] += moves[pick[good]]
        rows = rows[good & (best > SLACK)]
    return rounded(X, counts)[0]


def _on_steps(polytope: Polytope, counts: Array) -> tuple[Array, Array]:
    """G and h of G u <= h over the numbers with steps, the others at the end of their range that helps most."""
    G = np.vstack([polytope.A, polytope.E, -polytope.E])
    h = np.concatenate([polytope.b, polytope.e, -polytope.e]) + SLACK
    free = counts == 0
    least = np.minimum(G[:, free] * polytope.high[free], 0.0).sum(axis=1)
    return np.where(free, 0.0, G), h - least


def _moves(G: Array, step: Array) -> Array:
    """One step up or down of each number, and one up and another down."""
    k = len(step)
    single = np.vstack([np.diag(step), -np.diag(step)])
    touched = np.flatnonzero((G != 0).any(axis=0))
    pairs = [(i, j) for i in touched for j in touched if i != j]
    double = np.zeros((len(pairs), k))
    if pairs:
        up, down = np.array(pairs).T
        rows = np.arange(len(pairs))
        double[rows, up], double[rows, down] = step[up], -step[down]
    return np.vstack([single, double])
