"""What constraints, a mixture's total and keep-out regions leave of a space, over arrays of numbers and choices.

Numbers U (n, q) are parts of the parameters' ranges, choices C (n, c) are counted from 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimiser import exact, forbidden, steps
from optimiser.constraints import KeepOut, LinearConstraint, mixture_label
from optimiser.forbidden import Forbidden, Ints
from optimiser.parameters import Categorical, Mixture, Parameter, Stepped
from optimiser.polytope import TOLERANCE, Array, Bools, Polytope

Draw = Callable[[int, np.random.Generator], tuple[Array, Ints]]

POOL = 192
WORTH = 0.05
LIKEST = 8
ROUNDS = 4
FAR = 1e6
"""A bound farther away than this many ranges binds never, or always."""


@dataclass(frozen=True, eq=False)
class Region:
    """What is left. Constraints come in the order given, the total of a mixture after them.

    counts: how many steps each number has, 0 for a continuous one. labels: of all that can be broken, regions last.
    equalities: how many constraints are equalities. order: the column of `Polytope.excess` of each constraint.
    """

    polytope: Polytope
    out: tuple[Forbidden, ...]
    counts: Array
    codes: tuple[Array, ...]
    labels: tuple[str, ...]
    equalities: int
    order: Ints

    def excess(self, U: Array) -> Array:
        """(n, constraints): by how much each row breaks each constraint, and at last the mixture's total."""
        return self.polytope.excess(U)[:, self.order]

    def broken(self, U: Array, C: Ints) -> Bools:
        """(n, labels): which rows break what."""
        return np.hstack([self.excess(U) > TOLERANCE, *(f.holds(U, C)[:, None] for f in self.out)])

    def holds(self, U: Array, C: Ints) -> Bools:
        """Which rows keep everything; steps are not looked at."""
        out = self.polytope.holds(U)
        for f in self.out:
            out &= ~f.holds(U, C)
        return out

    def repair(self, U: Array, C: Ints) -> tuple[Array, Ints]:
        """The nearest rows that keep everything; steps are left alone."""
        wanted, C = U, C.copy()
        U = self.polytope.project(U)
        if not self.out:
            return U, C
        low, high = np.zeros_like(U), np.tile(self.polytope.high, (len(U), 1))
        for _ in range(ROUNDS):
            inside = [np.flatnonzero(f.holds(U, C)) for f in self.out]
            if not any(len(rows) for rows in inside):
                break
            for f in self.out:
                rows = np.flatnonzero(f.holds(U, C))
                if len(rows):
                    self._leave(f, rows, wanted, U, C, low, high)
        return self._rescue(wanted, U, C, np.flatnonzero(~self.holds(U, C)))

    def _leave(self, f: Forbidden, rows: Ints, wanted: Array, U: Array, C: Ints, low: Array, high: Array) -> None:
        """Move rows out of a region the shortest way: past one of its sides, or to the likest other choice."""
        best = np.full(len(rows), np.inf)
        new_U, new_C, new_low, new_high = U[rows], C[rows], low[rows], high[rows]

        def offer(V: Array, K: Ints, lower: Array, upper: Array, extra: Array | float) -> None:
            cost = ((V - wanted[rows]) ** 2).sum(axis=1) + extra
            cost += 4.0 * np.any([g.holds(V, K) for g in self.out], axis=0)
            cost[~self.polytope.holds(V)] = np.inf
            better = cost < best
            best[better] = cost[better]
            for mine, new in ((new_U, V), (new_C, K), (new_low, lower), (new_high, upper)):
                mine[better] = new[better]

        for column, below, above in zip(f.columns, f.below, f.above, strict=True):
            for side, limit in (("below", below), ("above", above)):
                lower, upper = low[rows], high[rows]
                if side == "below":
                    upper[:, column] = np.minimum(upper[:, column], limit)
                else:
                    lower[:, column] = np.maximum(lower[:, column], limit)
                can = lower[:, column] <= upper[:, column]
                if not can.any() or not 0.0 <= limit <= 1.0:
                    continue
                V = U[rows]
                V[can] = self.polytope.project_between(wanted[rows][can], lower[can], upper[can])
                offer(V, C[rows], lower, upper, np.where(can, 0.0, np.inf))
        for column, inside in f.choices:
            others = np.flatnonzero(~inside)
            codes = self.codes[column]
            apart = ((codes[C[rows, column]][:, None] - codes[others][None]) ** 2).sum(axis=2)
            for likest in np.argsort(apart, axis=1, kind="stable")[:, :LIKEST].T:
                K = C[rows]
                K[:, column] = others[likest]
                offer(U[rows], K, low[rows], high[rows], apart[np.arange(len(rows)), likest])
        U[rows], C[rows], low[rows], high[rows] = new_U, new_C, new_low, new_high

    def snap(self, U: Array, C: Ints) -> tuple[Array, Ints]:
        """Rows that keep everything and lie on the steps, near the given ones."""
        wanted = U
        U, C = self.repair(U, C)
        if not self.counts.any():
            return U, C
        on, _ = steps.rounded(U, self.counts)
        V = steps.to_grid(self.polytope, self.counts, U)
        loose = (self.counts == 0) & (self.polytope.high > 0)
        if loose.any():
            V = self.polytope.project_part(np.where(loose, U, V), loose)
        kept = self.polytope.holds(on) & (np.abs(on - U) < 1e-9).all(axis=1)
        V[kept] = on[kept]
        return self._rescue(wanted, V, C, np.flatnonzero(~self.holds(V, C)), on_steps=True)

    def _rescue(self, wanted: Array, U: Array, C: Ints, rows: Ints, on_steps: bool = False) -> tuple[Array, Ints]:
        """What no short way mends: the first few rows exactly, the others by the nearest row known to be good."""
        for i in rows[: exact.FEW]:
            U[i], C[i] = self._exact(wanted[i], C[i], on_steps)
        rest = rows[exact.FEW :]
        if len(rest):
            known_U, known_C = self._known if on_steps else self.pool
            near_U = np.vstack([known_U, U[rows[: exact.FEW]]])
            near_C = np.vstack([known_C, C[rows[: exact.FEW]]])
            apart = ((wanted[rest][:, None] - near_U[None]) ** 2).sum(axis=2)
            apart += (C[rest][:, None] != near_C[None]).sum(axis=2)
            nearest = apart.argmin(axis=1)
            U[rest], C[rest] = near_U[nearest], near_C[nearest]
        return U, C

    def _exact(self, wanted: Array, C: Ints, on_steps: bool) -> tuple[Array, Ints]:
        counts = self.counts if on_steps else np.zeros_like(self.counts)
        found = exact.nearest(self.polytope, self.out, counts, self.codes, wanted, C)
        if found is None:
            raise ArithmeticError("no point keeps all constraints, though the space was found to have some")
        # the solver takes what is nearly whole for whole, which the numbers without steps must make up for
        return self.polytope.project_part(found[0][None], counts == 0)[0], found[1]

    @cached_property
    def _known(self) -> tuple[Array, Ints]:
        """A few points on the steps that keep everything, apart from each other."""
        rng = np.random.default_rng(0)
        U = rng.random((exact.FEW, len(self.counts))) * self.polytope.high
        C = self._any_choice(exact.FEW, rng)
        found = [self._exact(u, c, on_steps=True) for u, c in zip(U, C, strict=True)]
        return np.array([u for u, _ in found]), np.array([c for _, c in found], dtype=np.intp).reshape(len(U), -1)

    def _any_choice(self, n: int, rng: np.random.Generator) -> Ints:
        sizes = [len(c) for c in self.codes]
        return rng.integers(0, sizes, (n, len(sizes))).astype(np.intp)

    @cached_property
    def pool(self) -> tuple[Array, Ints]:
        """Rows that keep everything, spread evenly: where draws begin."""
        rng = np.random.default_rng(0)
        U, C = self.polytope.starts(POOL, rng), self._any_choice(POOL, rng)
        bad = np.flatnonzero(~self.holds(U, C))
        if len(bad):
            good = np.flatnonzero(self.holds(U, C))
            # some from afar even when most are good, so that every separate part is found
            for i in bad[: exact.FEW]:
                U[i], C[i] = self._exact(U[i], C[i], on_steps=False)
            rest = bad[exact.FEW :]
            chosen = rng.choice(np.concatenate([good, bad[: exact.FEW]]), len(rest))
            U[rest], C[rest] = U[chosen], C[chosen]
        for _ in range(4):
            U, C = self._walk(U, C, rng, self._spread(U))
        return U, C

    def _spread(self, U: Array) -> Array:
        """Directions in the lengths in which the rows are spread, so that long thin parts are walked along."""
        directions = self.polytope.directions
        if not len(directions):
            return directions
        scores = (U - U.mean(axis=0)) @ directions.T
        values, vectors = np.linalg.eigh(scores.T @ scores / len(U))
        lengths = np.sqrt(np.maximum(values, 1e-6 * max(values.max(), 1e-12)))
        return np.asarray((lengths[:, None] * vectors.T) @ directions)

    def _walk(self, U: Array, C: Ints, rng: np.random.Generator, spread: Array) -> tuple[Array, Ints]:
        def pieces(V: Array, D: Array, low: Array, high: Array) -> Array:
            """A draw from what is left of the line at the choices and at others, in proportion to the lengths."""
            nonlocal C
            K = self._other_choice(C, rng)
            here, there = (forbidden.free_pieces(self.out, V, choice, D, low, high) for choice in (C, K))
            t, piece = forbidden.draw_along(np.hstack([here[0], there[0]]), np.hstack([here[1], there[1]]), rng)
            inside = np.any([f.holds(V, K) for f in self.out], axis=0)
            changed = np.where(piece < 0, ~inside, piece >= here[0].shape[1])
            C = np.where(changed[:, None], K, C)
            return t

        for _ in range(10 + 3 * len(spread)):
            U = self.polytope.step(U, spread, rng, pieces if self.out else None)
        return self.polytope.settle(U), C if self.out else self._any_choice(len(U), rng)

    def _other_choice(self, C: Ints, rng: np.random.Generator) -> Ints:
        """One categorical parameter drawn anew."""
        K = C.copy()
        if self.codes:
            column = int(rng.integers(len(self.codes)))
            K[:, column] = rng.integers(0, len(self.codes[column]), len(K))
        return K

    @property
    def flat(self) -> bool:
        """Whether there are equalities besides a mixture's total, which no even draw from the box keeps."""
        return self.equalities > 0

    def draw(self, n: int, rng: np.random.Generator, box: Draw | None) -> tuple[Array, Ints]:
        """n rows drawn evenly from what keeps everything, steps not snapped.

        box: draws from the space without constraints, whose draws are taken while enough of them can be kept.
        """
        if box is not None:
            kept = self._chosen(n, rng, box)
            if kept is not None:
                return kept
        U, C = self.pool
        chosen = rng.integers(0, len(U), n)
        U, C = self._walk(U[chosen], C[chosen], rng, self._spread(U))
        return self._rescue(U, U, C, np.flatnonzero(~self.holds(U, C)))

    def _chosen(self, n: int, rng: np.random.Generator, box: Draw) -> tuple[Array, Ints] | None:
        """n draws of the box that keep everything; None when these are too few to wait for."""
        numbers, choices, found, drawn = [], [], 0, 0
        while found < n:
            U, C = box(max(256, 2 * n), rng)
            good = self.holds(U, C)
            numbers.append(U[good])
            choices.append(C[good])
            found, drawn = found + int(good.sum()), drawn + len(U)
            if found < WORTH * drawn:
                return None
        return np.vstack(numbers)[:n], np.vstack(choices)[:n]


def compiled(
    parameters: Sequence[Parameter],
    mixture: Mixture | None,
    constraints: Sequence[LinearConstraint],
    keep_out: Sequence[KeepOut],
) -> Region:
    """The region that checked constraints leave."""
    numbers = [p for p in parameters if not isinstance(p, Categorical)]
    high = np.array([float(p.high > p.low) for p in numbers])
    upper: list[tuple[Array, float]] = []
    equal: list[tuple[Array, float]] = []
    order: list[tuple[bool, int]] = []
    for c in constraints:
        row, bound = _row(numbers, c.coefficients, c.bound)
        order.append((c.relation == "=", len(equal) if c.relation == "=" else len(upper)))
        if c.relation == "=":
            equal.append((row, bound))
        else:
            turn = 1.0 if c.relation == "<=" else -1.0
            upper.append((turn * row, turn * bound))
    equalities = len(equal)
    if mixture is not None:
        order.append((True, len(equal)))
        equal.append(_row(numbers, dict.fromkeys(mixture.names, 1.0), mixture.total))
    labels = [*(c.label for c in constraints), *([mixture_label(mixture)] if mixture else [])]
    q = len(numbers)
    polytope = Polytope(
        high,
        np.array([r for r, _ in upper]).reshape(len(upper), q), np.array([b for _, b in upper]),
        np.array([r for r, _ in equal]).reshape(len(equal), q), np.array([b for _, b in equal]),
    )  # fmt: skip
    return Region(
        polytope,
        tuple(forbidden.compiled(k, parameters) for k in keep_out),
        np.array([float(p.count) if isinstance(p, Stepped) else 0.0 for p in numbers]),
        tuple(p.codes for p in parameters if isinstance(p, Categorical)),
        (*labels, *(k.label for k in keep_out)),
        equalities,
        np.array([at + len(upper) * equality for equality, at in order], dtype=np.intp),
    )


def _row(numbers: Sequence[Parameter], coefficients: Mapping[str, float], bound: float) -> tuple[Array, float]:
    """Coefficients over parts of the ranges, the largest 1, and the bound that goes with them."""
    largest = max(abs(c) for c in coefficients.values())
    row, rest = np.zeros(len(numbers)), bound / largest
    for i, p in enumerate(numbers):
        c = coefficients.get(p.name, 0.0) / largest
        if c and not isinstance(p, Categorical):
            row[i] = c * (p.high - p.low)
            rest -= c * p.low
    size = float(np.abs(row).max(initial=0.0)) or max(abs(bound / largest), 1e-300)
    return row / size, float(np.clip(rest / size, -FAR, FAR))
