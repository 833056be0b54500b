"""Points that keep linear constraints, as arrays: the nearest ones, and ones drawn evenly by hit-and-run.

Coordinates are parts of the parameters' ranges, so that distances compare. Neither drawing nor moving rejects
anything, however small the feasible part is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Pieces = Callable[[Array, Array, Array, Array], Array]

TOLERANCE = 1e-6
"""A constraint counts as kept when it is exceeded by less than this part of its largest term's range."""
KEPT = 2e-7
"""What is kept so well is not moved any more; a solver leaves that much."""
EXACT = 1e-8
"""Projecting ends when a sweep moves nothing farther, and nothing is farther out of its bounds."""
SWEEPS = 300


@dataclass(frozen=True, eq=False)
class Polytope:
    """0 <= u <= high, A u <= b, E u = e, every row scaled so that its largest coefficient is 1."""

    high: Array
    A: Array
    b: Array
    E: Array
    e: Array

    def excess(self, U: Array) -> Array:
        """(n, constraints): by how much each row breaks each inequality, then each equality; 0 where kept."""
        return np.hstack([np.maximum(U @ self.A.T - self.b, 0.0), np.abs(U @ self.E.T - self.e)])

    def holds(self, U: Array) -> Bools:
        """Which rows keep everything, to `TOLERANCE`, once they are moved into the bounds."""
        inside = np.clip(U, 0.0, self.high)
        near = (np.abs(inside - U) <= TOLERANCE).all(axis=1)
        return np.asarray(near & (self.excess(inside) <= TOLERANCE).all(axis=1))

    def project(self, U: Array) -> Array:
        """The nearest rows that keep everything."""
        return self.settle(self.project_between(U, np.zeros_like(U), np.tile(self.high, (len(U), 1))))

    def project_between(self, U: Array, low: Array, high: Array) -> Array:
        """The nearest rows within bounds of their own; where these leave nothing, rows come back broken."""
        Y = np.clip(U, low, high)
        left = np.flatnonzero((self.excess(Y) > KEPT).any(axis=1))
        if len(left):
            limits = np.tile(self.b, (len(left), 1)), np.tile(self.e, (len(left), 1))
            Y[left] = _nearest(U[left], low[left], high[left], self.A, limits[0], self.E, limits[1])
        return Y

    def project_part(self, U: Array, free: Bools) -> Array:
        """The nearest rows that differ in the free columns only; where these cannot help, rows come back broken."""
        left = np.flatnonzero((self.excess(U) > KEPT).any(axis=1))
        out = U.copy()
        if len(left):
            held = U[np.ix_(left, ~free)]
            V = U[np.ix_(left, free)]
            out[np.ix_(left, free)] = _nearest(
                V, np.zeros_like(V), np.tile(self.high[free], (len(left), 1)),
                self.A[:, free], self.b - held @ self.A[:, ~free].T,
                self.E[:, free], self.e - held @ self.E[:, ~free].T,
            )  # fmt: skip
        return np.asarray(np.clip(out, 0.0, self.high))

    @cached_property
    def _onto(self) -> Array:
        """(equalities, q): turns what is missing in each equality into the shortest move."""
        return np.asarray(np.linalg.pinv(self.E, rcond=1e-9).T)

    def settle(self, U: Array) -> Array:
        """Rows with what rounding left broken drawn towards the middle until it is kept."""
        slack = self._slack(U)
        off = np.abs(U @ self.E.T - self.e).max(axis=1, initial=0.0)
        rows = np.flatnonzero((slack < -KEPT).any(axis=1) | (off > KEPT))
        if not len(rows):
            return U
        Y = self.onto_hull(U[rows])
        slack = np.minimum(self._slack(Y), 0.0)
        room = np.maximum(self._slack(self.middle[None]), 0.0)
        part = np.divide(-slack, room - slack, out=np.zeros_like(slack), where=slack < 0).max(axis=1)
        out = U.copy()
        out[rows] = Y + part[:, None] * (self.middle - Y)
        return np.asarray(np.clip(out, 0.0, self.high))

    def _slack(self, U: Array) -> Array:
        """Room left to every bound and inequality; negative where broken."""
        return np.hstack([U, self.high - U, self.b - U @ self.A.T])

    @cached_property
    def _span(self) -> tuple[Array, Array]:
        """Corners of the feasible part, and an orthonormal basis (r, q) of the directions in which it extends.

        Each new direction is one across all those known, so that a flat part is found flat.
        """
        q = len(self.high)
        rng = np.random.default_rng(0)
        corners: list[Array] = []
        basis, across = np.zeros((0, q)), np.eye(q)
        for _ in range(q):
            direction = across[0] if not corners else rng.normal(size=len(across)) @ across
            direction = direction / np.linalg.norm(direction)
            low, high = self._corner(direction), self._corner(-direction)
            corners += [low, high]
            found = across @ (high - low)
            wide = np.linalg.norm(found) > 10 * TOLERANCE
            # a direction in which nothing extends is left out too
            taken = found / np.linalg.norm(found) if wide else across @ direction
            if wide:
                new = (taken @ across)[None]
                basis = np.vstack([basis, new])
            rest = np.linalg.svd(taken[None], full_matrices=True)[2][1:]
            across = rest @ across
            if not len(across):
                break
        # the solver keeps equalities to 1e-7 only
        tight = np.array(corners).reshape(len(corners), q)
        return tight - (tight @ self.E.T - self.e) @ self._onto, basis

    def _corner(self, direction: Array) -> Array:
        """A feasible corner farthest against the direction."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        rows = [LinearConstraint(self.A, -np.inf, self.b)] if len(self.A) else []
        rows += [LinearConstraint(self.E, self.e, self.e)] if len(self.E) else []
        found = milp(direction, constraints=rows, bounds=Bounds(np.zeros_like(self.high), self.high))
        if found.x is None:
            raise ArithmeticError(f"the constraints leave nothing: {found.message}")
        return np.clip(found.x, 0.0, self.high)

    @property
    def middle(self) -> Array:
        """A point away from every bound that can be stayed away from."""
        return np.asarray(self._span[0].mean(axis=0))

    def onto_hull(self, U: Array) -> Array:
        """Rows moved onto the plane in which the feasible part lies."""
        basis = self._span[1]
        return np.asarray(self.middle + (U - self.middle) @ basis.T @ basis)

    def starts(self, n: int, rng: np.random.Generator) -> Array:
        """n feasible rows, not evenly spread: blends of corners."""
        corners = self._span[0]
        if not len(corners):  # a space of choices alone
            return np.zeros((n, 0))
        return np.asarray(rng.dirichlet(np.full(len(corners), 0.7), n) @ corners)

    def step(self, U: Array, spread: Array, rng: np.random.Generator, pieces: Pieces | None = None) -> Array:
        """Each row moved to an even draw from the line through it in a random direction.

        spread: (r, q), directions are drawn as normal blends of its rows. pieces(U, D, low, high): draws from the
        feasible part of each line instead of from all of it.
        """
        D = rng.normal(size=(len(U), len(spread))) @ spread
        room = np.maximum(self._slack(U), 0.0)
        rate = np.hstack([-D, D, D @ self.A.T])
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = room / np.abs(rate)
        high = np.where(rate > 1e-12, reach, np.inf).min(axis=1, initial=np.inf)
        low = -np.where(rate < -1e-12, reach, np.inf).min(axis=1, initial=np.inf)
        still = ~(np.isfinite(low) & np.isfinite(high))
        low[still], high[still] = 0.0, 0.0
        t = low + (high - low) * rng.random(len(U)) if pieces is None else pieces(U, D, low, high)
        return np.clip(U + t[:, None] * D, 0.0, self.high)

    @property
    def directions(self) -> Array:
        """(r, q): an orthonormal basis of the directions in which the feasible part extends."""
        return self._span[1]


def _nearest(U: Array, low: Array, high: Array, A: Array, b: Array, E: Array, e: Array) -> Array:
    """Nearest rows in low <= u <= high, A u <= b, E u = e, bounds by row: Dykstra's alternating projections."""
    out, rows = U.copy(), np.arange(len(U))
    Y, box, weight = U.copy(), np.zeros_like(U), np.zeros(b.shape)
    norms = (A**2).sum(axis=1)
    norms[norms == 0] = 1.0  # over parameters with equal bounds, or held ones, only
    onto = np.linalg.pinv(E, rcond=1e-9).T
    for _ in range(SWEEPS):
        before = Y
        Y = np.clip(Y + box, low[rows], high[rows])
        box = before + box - Y
        for i, a in enumerate(A):
            new = np.maximum((Y @ a - b[rows, i]) / norms[i] + weight[:, i], 0.0)
            Y = Y + (weight[:, i] - new)[:, None] * a
            weight[:, i] = new
        Y = Y - (Y @ E.T - e[rows]) @ onto
        out[rows] = Y
        # it may stand still for a sweep while it is out of its bounds yet
        out_by = np.maximum(low[rows] - Y, Y - high[rows]).max(axis=1, initial=0.0)
        moving = (np.abs(Y - before).max(axis=1, initial=0.0) > EXACT) | (out_by > EXACT)
        if not moving.any():
            break
        rows, Y, box, weight = rows[moving], Y[moving], box[moving], weight[moving]
    return out
