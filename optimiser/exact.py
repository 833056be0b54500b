"""The nearest feasible point by mixed-integer programming: certain, and slow enough to be the last resort."""

from collections.abc import Sequence

import numpy as np

from optimiser.forbidden import Forbidden, Ints
from optimiser.parameters import SpaceError
from optimiser.polytope import Array, Polytope

FEW = 12
"""So many points at a time are worth solving for."""
GAP = 0.1
NODES = 5000
INFEASIBLE = 2


def nearest(
    polytope: Polytope, out: Sequence[Forbidden], counts: Array, codes: Sequence[Array], wanted: Array, choice: Ints
) -> tuple[Array, Ints] | None:
    """The point nearest to `wanted` and `choice` (sum of absolute differences), None when nothing is feasible.

    Variables: each number (steps counted), each number's distance, each choice, and for each keep-out region one
    per way out of it, of which at least one must be taken.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    q = len(counts)
    scale = np.where(counts > 0, 1.0 / np.maximum(counts, 1.0), 1.0)
    first = 2 * q + np.concatenate([[0], np.cumsum([len(c) for c in codes])]).astype(int)
    ways = [_ways(f, first) for f in out]
    total = int(first[-1]) + sum(len(w) for w in ways)
    rows: list[tuple[dict[int, float], float, float]] = []

    def add(row: Array, low: float, high: float) -> None:
        rows.append(({int(j): float(row[j] * scale[j]) for j in np.flatnonzero(row)}, low, high))

    for row, bound in zip(polytope.A, polytope.b, strict=True):
        add(row, -np.inf, bound)
    for row, bound in zip(polytope.E, polytope.e, strict=True):
        add(row, bound - 1e-8, bound + 1e-8)
    for j in range(q):
        rows.append(({j: scale[j], q + j: -1.0}, -np.inf, wanted[j]))
        rows.append(({j: -scale[j], q + j: -1.0}, -np.inf, -wanted[j]))
    for i in range(len(codes)):
        rows.append((dict.fromkeys(range(first[i], first[i + 1]), 1.0), 1.0, 1.0))
    at = int(first[-1])
    for mine in ways:
        rows.append((dict.fromkeys(range(at, at + len(mine)), 1.0), 1.0, np.inf))
        for number, (terms, limit) in enumerate(mine):
            scaled = {j: v * (scale[j] if j < q else 1.0) for j, v in terms.items()}
            rows.append((scaled | {at + number: 1.0}, -np.inf, limit + 1.0))
        at += len(mine)
    cost = np.concatenate([np.zeros(q), np.ones(q), np.zeros(total - 2 * q)])
    for i, code in enumerate(codes):
        cost[first[i] : first[i + 1]] = ((code - code[choice[i]]) ** 2).sum(axis=1)
    upper = np.concatenate(
        [np.where(counts > 0, counts, polytope.high), np.full(q, np.inf), np.ones(total - 2 * q)]
    )
    whole = np.concatenate([counts > 0, np.zeros(q), np.ones(total - 2 * q)])
    index = [(r, j) for r, (terms, _, _) in enumerate(rows) for j in terms]
    values = [v for terms, _, _ in rows for v in terms.values()]
    where = np.array(index, dtype=int).reshape(-1, 2).T
    matrix = csr_array((values, (where[0], where[1])), shape=(len(rows), total))
    # HiGHS now and then ends with an error of its own: without presolve, or for any point at all, it does not
    for price, presolve in ((cost, True), (cost, False), (0 * cost, True), (0 * cost, False)):
        found = milp(
            price,
            constraints=LinearConstraint(matrix, [low for _, low, _ in rows], [high for _, _, high in rows]),
            integrality=whole,
            bounds=Bounds(np.zeros(total), upper),
            options={"mip_rel_gap": GAP, "node_limit": NODES, "presolve": presolve},
        )
        if found.x is not None:
            break
        if found.status == INFEASIBLE:
            return None
    else:
        raise SpaceError(
            f"no point that keeps all constraints was found within {NODES} attempts; loosen one or refine a step"
        )
    x = np.where(counts > 0, np.rint(found.x[:q]), found.x[:q]) * scale
    chosen = [int(found.x[first[i] : first[i + 1]].argmax()) for i in range(len(codes))]
    return np.clip(x, 0.0, polytope.high), np.array(chosen, dtype=np.intp)


def _ways(f: Forbidden, first: Ints) -> list[tuple[dict[int, float], float]]:
    """Each way out of a region as terms and limit of a sum that must not be larger."""
    out: list[tuple[dict[int, float], float]] = []
    for column, below, above in zip(f.columns, f.below, f.above, strict=True):
        if below >= -1e-9:
            out.append(({int(column): 1.0}, float(below)))
        if above <= 1 + 1e-9:
            out.append(({int(column): -1.0}, -float(above)))
    for column, inside in f.choices:
        allowed = np.flatnonzero(~inside)
        if len(allowed):
            out.append((dict.fromkeys((int(first[column] + k) for k in allowed), -1.0), -1.0))
    return out
