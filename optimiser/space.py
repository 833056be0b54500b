"""The space that parameters span: what can be made, drawn evenly, snapped to what a pump or a table can do."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from optimiser import listed, refuse, region, simplex
from optimiser.constraints import KeepOut, LinearConstraint, check_constraint, check_keep_out, check_mixture
from optimiser.parameters import (
    SAME,
    Categorical,
    Continuous,
    Descriptors,
    ExhaustedError,
    Mixture,
    Parameter,
    Point,
    SpaceError,
    Stepped,
    clean,
)  # fmt: skip
from optimiser.point_checks import check_kinds, check_steps, check_total, check_values
from optimiser.polytope import TOLERANCE

Array = npt.NDArray[np.float64]
Key = tuple[float | str, ...]

__all__ = [
    "Array",
    "Categorical",
    "Continuous",
    "Descriptors",
    "ExhaustedError",
    "KeepOut",
    "Key",
    "LinearConstraint",
    "Mixture",
    "Parameter",
    "Point",
    "SearchSpace",
    "SpaceError",
    "Stepped",
]  # fmt: skip


@dataclass(frozen=True)
class SearchSpace:
    """`candidates`: when given, only these points can be made, without those that break a constraint or lie in a
    keep-out region (`given` has them all).

    With candidates a mixture is a help for drawing: measured tables sum only roughly, and rows are taken as they
    are.
    """

    parameters: tuple[Parameter, ...]
    mixture: Mixture | None = None
    candidates: tuple[Point, ...] | None = None
    constraints: tuple[LinearConstraint, ...] = ()
    keep_out: tuple[KeepOut, ...] = ()

    def __post_init__(self) -> None:
        if not self.parameters:
            raise SpaceError("the space has no parameters; add at least one")
        if twice := {n for n in self.names if self.names.count(n) > 1}:
            raise SpaceError(f"parameter {sorted(twice)[0]} is there twice; rename one")
        by_name = {p.name: p for p in self.parameters}
        if self.mixture is not None:
            check_mixture(self.mixture, by_name, table=self.candidates is not None)
        for constraint in self.constraints:
            check_constraint(constraint, by_name)
        for keep_out in self.keep_out:
            check_keep_out(keep_out, by_name)
        object.__setattr__(self, "given", self.candidates)
        if self.candidates is not None:
            self._take(self.candidates)
        elif self.limited:
            refuse.check_feasible(self.parameters, self.mixture, self.constraints, self.keep_out)

    given: ClassVar[tuple[Point, ...] | None]
    """The candidate table as it was given, with the rows that cannot be made."""

    def _take(self, table: tuple[Point, ...]) -> None:
        """Check the candidate table, and keep the rows that can be made."""
        if not table:
            raise SpaceError("the candidate table has no rows; give at least one, or leave the table out")
        for number, row in enumerate(table, 1):
            try:
                check_values(self.parameters, row)
            except SpaceError as error:
                raise SpaceError(f"candidate row {number}: {error}") from None
        if self.limited:
            broken = self.region.broken(*self._split(self.encode(table)))
            refuse.check_rows(broken, self.region.labels)
            kept = tuple(table[i] for i in np.flatnonzero(~broken.any(axis=1)))
            object.__setattr__(self, "candidates", kept)

    @property
    def limited(self) -> bool:
        """Whether there are constraints or keep-out regions."""
        return bool(self.constraints or self.keep_out)

    @cached_property
    def region(self) -> region.Region:
        """What the constraints leave, as arrays. The rows of a table need not sum to the mixture's total."""
        mixture = self.mixture if self.candidates is None else None
        return region.compiled(self.parameters, mixture, self.constraints, self.keep_out)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters)

    def parameter(self, name: str) -> Parameter:
        for p in self.parameters:
            if p.name == name:
                return p
        raise SpaceError(f"there is no parameter {name}; there are {', '.join(self.names)}")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Name of each encoded column; `solvent=water` for a choice, `solvent:logP` for a descriptor."""
        return tuple(c for p in self.parameters for c in (p.columns if isinstance(p, Categorical) else (p.name,)))

    @cached_property
    def blocks(self) -> Mapping[str, slice]:
        """Encoded columns of each parameter."""
        out, start = {}, 0
        for p in self.parameters:
            width = len(p.columns) if isinstance(p, Categorical) else 1
            out[p.name] = slice(start, start + width)
            start += width
        return out

    @cached_property
    def codes(self) -> Mapping[str, Array]:
        """(choices, columns) of each categorical parameter: what `encode` writes for each choice."""
        return {p.name: p.codes for p in self.parameters if isinstance(p, Categorical)}

    @cached_property
    def size(self) -> float:
        """How many points there are: a whole number, or infinity. An upper bound with constraints or keep-out
        regions, unless there is a table."""
        if self.candidates is not None:
            return len(self.candidate_rows)
        parts = set(self.mixture.names) if self.mixture else set()
        total = 1.0
        for p in self.parameters:
            if p.name in parts:
                continue
            if isinstance(p, Continuous):
                total *= 1 if p.high == p.low else math.inf
            else:
                total *= len(p.choices) if isinstance(p, Categorical) else p.count + 1
        if self.mixture is None:
            return total
        stepped = [p for p in self.parameters if p.name in parts and isinstance(p, Stepped)]
        if not stepped:
            return math.inf
        free = self.mixture.total - sum(p.low for p in stepped)
        return total * simplex.count([p.count for p in stepped], round(free / stepped[0].step))

    def key(self, point: Point) -> Key:
        """Equal for points that count as the same experiment."""
        out: list[float | str] = []
        for name, low, unit in self._key_units:
            value = point[name]
            out.append(value if unit is None or isinstance(value, str) else round((value - low) / unit / SAME))
        return tuple(out)

    @cached_property
    def _key_units(self) -> tuple[tuple[str, float, float | None], ...]:
        """Each parameter's name, low bound and range; None for a categorical one."""
        return tuple(
            (p.name, 0.0, None) if isinstance(p, Categorical) else (p.name, p.low, (p.high - p.low) or 1.0)
            for p in self.parameters
        )

    @cached_property
    def candidate_rows(self) -> Mapping[Key, tuple[int, ...]]:
        """The numbers of the candidate rows that count as the same experiment, by their key."""
        out: dict[Key, list[int]] = {}
        for i, row in enumerate(self.candidates or ()):
            out.setdefault(self.key(row), []).append(i)
        return {key: tuple(rows) for key, rows in out.items()}

    @cached_property
    def listed(self) -> "listed.Listed | None":
        """All points that can be made, where they are few enough to be gone through."""
        return listed.everything(self)

    def validate(self, point: Point) -> None:
        """Raise SpaceError, saying what to change, unless the point can be made."""
        check_values(self.parameters, point)
        if self.candidates is not None:
            if self.key(point) in self.candidate_rows:
                return
            self._check_limits(point)
            raise SpaceError("the point is not a row of the candidate table; choose one of its rows")
        check_steps(self.parameters, point)
        if self.mixture is not None:
            check_total(self.mixture, point)
        self._check_limits(point)

    def _check_limits(self, point: Point) -> None:
        """Constraints and keep-out regions."""
        if not self.limited:
            return
        U, C = self._split(self.encode([point]))
        excess = self.region.excess(U)[0]
        for constraint, over in zip(self.constraints, excess, strict=False):
            if over > TOLERANCE:
                raise SpaceError(constraint.advice(point))
        for keep_out, compiled in zip(self.keep_out, self.region.out, strict=True):
            if compiled.holds(U, C)[0]:
                raise SpaceError(keep_out.advice())

    def contains(self, point: Point) -> bool:
        try:
            self.validate(point)
        except SpaceError:
            return False
        return True

    def feasible(self, points: Iterable[Point]) -> npt.NDArray[np.bool_]:
        return np.array([self.contains(p) for p in points], dtype=bool)

    def keeps(self, X: Array) -> npt.NDArray[np.bool_]:
        """Which encoded rows break no constraint and lie in no keep-out region, whatever the steps or the table."""
        return self.region.holds(*self._split(X)) if self.limited else np.ones(len(X), dtype=bool)

    def breaks(self, X: Array) -> npt.NDArray[np.bool_]:
        """(m, rules): which encoded rows break which constraint, then which lie in which keep-out region."""
        broken = self.region.broken(*self._split(X))
        rules = len(self.constraints)
        return np.hstack([broken[:, :rules], broken[:, broken.shape[1] - len(self.keep_out) :]])

    @cached_property
    def encoded_candidates(self) -> Array:
        """The candidate table as `encode` sees it; no rows without a table."""
        return self.encode(self.candidates or ())

    def encode(self, points: Sequence[Point]) -> Array:
        """(m, d): numbers as their part of the range, choices as their codes. A feasible point lies in [0, 1]."""
        out = np.zeros((len(points), len(self.columns)))
        for p in self.parameters:
            block, name = self.blocks[p.name], p.name
            if isinstance(p, Categorical):
                number = {c: i for i, c in enumerate(p.choices)}
                out[:, block] = p.codes[[number[str(point[name])] for point in points]]
            else:
                values = np.array([point[name] for point in points], dtype=float)
                out[:, block.start] = (values - p.low) / ((p.high - p.low) or 1.0)
        return np.where((out > -SAME) & (out < 1 + SAME), np.clip(out, 0.0, 1.0), out)

    def decode(self, X: Array) -> tuple[Point, ...]:
        """The feasible point nearest to each encoded row."""
        if self.candidates is not None:
            table = self.encoded_candidates
            near = ((table**2).sum(axis=1) - 2.0 * (X @ table.T)).argmin(axis=1)
            return tuple(self.candidates[i] for i in near)
        if self.limited:
            U, C = self.region.snap(*self._split(X))
            return self._named(U, C)
        U, C = self._split(self.repair(X))
        first = self.parameter(self.mixture.names[0]) if self.mixture is not None else None
        if self.mixture is not None and isinstance(first, Stepped):
            low, high, part = *self._part_bounds, self._parts
            raw = simplex.to_steps(low + U[:, part] * (high - low), low, high, first.step, self.mixture.total)
            U[:, part] = (raw - low) / np.where(high > low, high - low, 1.0)
        return self._named(U, C)

    def _named(self, U: Array, C: npt.NDArray[np.intp]) -> tuple[Point, ...]:
        """Points of numbers (steps rounded) and choices."""
        U = np.clip(U, 0.0, 1.0)  # a pump takes no more than its limit, not by a rounding error either
        lists: list[list[float] | list[str]] = []
        number = word = 0
        for p in self.parameters:
            if isinstance(p, Categorical):
                lists.append([p.choices[i] for i in C[:, word]])
                word += 1
                continue
            if isinstance(p, Stepped):
                steps = np.clip(np.rint(U[:, number] * p.count), 0, p.count)
                lists.append([clean(v) for v in (p.low + steps * p.step).tolist()])
            else:
                lists.append((p.low + U[:, number] * (p.high - p.low)).tolist())
            number += 1
        return tuple(dict(zip(self.names, row, strict=True)) for row in zip(*lists, strict=True))

    @cached_property
    def _numbers(self) -> npt.NDArray[np.intp]:
        """Encoded columns of the numeric parameters."""
        return np.array(
            [self.blocks[p.name].start for p in self.parameters if not isinstance(p, Categorical)], dtype=np.intp
        )

    @cached_property
    def mixture_columns(self) -> npt.NDArray[np.intp]:
        """Encoded columns of the mixture's components."""
        return self._numbers[self._parts]

    @cached_property
    def _parts(self) -> npt.NDArray[np.intp]:
        """The mixture's components among the numeric parameters."""
        numbers = [p.name for p in self.parameters if not isinstance(p, Categorical)]
        return np.array([numbers.index(n) for n in (self.mixture.names if self.mixture else ())], dtype=np.intp)

    @cached_property
    def _part_bounds(self) -> tuple[Array, Array]:
        """Low and high amounts of the mixture's components."""
        numbers = [p for p in self.parameters if not isinstance(p, Categorical)]
        return np.array([numbers[i].low for i in self._parts]), np.array([numbers[i].high for i in self._parts])

    def _split(self, X: Array) -> tuple[Array, npt.NDArray[np.intp]]:
        """Numbers (n, q), and the nearest choice of each categorical parameter (n, c)."""
        C = np.zeros((len(X), len(self.codes)), dtype=np.intp)
        for i, (name, codes) in enumerate(self.codes.items()):
            C[:, i] = ((codes**2).sum(axis=1) / 2 - X[:, self.blocks[name]] @ codes.T).argmin(axis=1)
        return X[:, self._numbers], C

    def _join(self, U: Array, C: npt.NDArray[np.intp]) -> Array:
        X = np.zeros((len(U), len(self.columns)))
        X[:, self._numbers] = U
        for i, (name, codes) in enumerate(self.codes.items()):
            X[:, self.blocks[name]] = codes[C[:, i]]
        return X

    def repair(self, X: Array) -> Array:
        """The nearest encoded rows in the box, on the mixture's plane, within the constraints and out of keep-out
        regions, each choice at the code nearest to it; steps are left alone."""
        U, C = self._split(X)
        if self.candidates is None and self.limited:
            return self._join(*self.region.repair(U, C))
        wanted, U = U, np.clip(U, 0.0, self._top)
        if self.mixture is not None and self.candidates is None:
            low, high, part = *self._part_bounds, self._parts
            span = np.where(high > low, high - low, 1.0)
            amounts = simplex.project(low + wanted[:, part] * span, low, high, self.mixture.total)
            U[:, part] = np.clip((amounts - low) / span, 0.0, 1.0)
        return self._join(U, C)

    @cached_property
    def _top(self) -> Array:
        """1 for each numeric parameter, 0 for one with equal bounds."""
        return np.array([float(p.high > p.low) for p in self.parameters if not isinstance(p, Categorical)])

    def snap(self, point: Point) -> Point:
        """The nearest point that can be made: within bounds and constraints, on the steps, summing to the total, in
        the table."""
        check_kinds(self.parameters, point)
        return point if self.contains(point) else self.decode(self.encode([point]))[0]

    def sample_encoded(self, n: int, rng: np.random.Generator) -> Array:
        """n encoded rows drawn evenly, steps not yet snapped (rows of the table when there is one)."""
        if self.candidates is not None:
            return self.encoded_candidates[rng.choice(len(self.candidates), n, replace=n > len(self.candidates))]
        if not self.limited:
            return self._join(*self._draw(n, rng))
        return self._join(*self.region.draw(n, rng, None if self.region.flat else self._draw))

    def _draw(self, n: int, rng: np.random.Generator) -> tuple[Array, npt.NDArray[np.intp]]:
        """n rows drawn evenly from the box and the mixture, whatever the constraints are."""
        U, C = np.zeros((n, len(self._numbers))), np.zeros((n, len(self.codes)), dtype=np.intp)
        number = word = 0
        for p in self.parameters:
            if isinstance(p, Categorical):
                C[:, word] = rng.integers(0, len(p.choices), n)
                word += 1
                continue
            if isinstance(p, Stepped):
                U[:, number] = rng.integers(0, p.count + 1, n) / max(p.count, 1)
            elif p.high > p.low:
                U[:, number] = rng.random(n)
            number += 1
        if self.mixture is not None:
            low, high, part = *self._part_bounds, self._parts
            span = np.where(high > low, high - low, 1.0)
            U[:, part] = (simplex.draw(n, low, high, self.mixture.total, rng) - low) / span
        return U, C

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Point, ...]:
        """n feasible points drawn evenly (different rows of a table while it has enough)."""
        if self.candidates is not None:
            chosen = rng.choice(len(self.candidates), n, replace=n > len(self.candidates))
            return tuple(self.candidates[i] for i in chosen)
        return self.decode(self.sample_encoded(n, rng))
