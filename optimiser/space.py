"""The space that parameters span: what can be made, drawn evenly, snapped to what a pump or a table can do."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from optimiser import simplex
from optimiser.parameters import (
    SAME,
    Categorical,
    Continuous,
    ExhaustedError,
    Mixture,
    Parameter,
    Point,
    SpaceError,
    Stepped,
    check_names,
    clean,
)  # fmt: skip

Array = npt.NDArray[np.float64]

__all__ = [
    "Array",
    "Categorical",
    "Continuous",
    "ExhaustedError",
    "Mixture",
    "Parameter",
    "Point",
    "SearchSpace",
    "SpaceError",
    "Stepped",
]  # fmt: skip


@dataclass(frozen=True)
class SearchSpace:
    """`candidates`: when given, only these points can be made.

    With candidates a mixture is a help for drawing: measured tables sum only roughly, and rows are taken as they
    are.
    """

    parameters: tuple[Parameter, ...]
    mixture: Mixture | None = None
    candidates: tuple[Point, ...] | None = None

    def __post_init__(self) -> None:
        if not self.parameters:
            raise SpaceError("the space has no parameters; add at least one")
        if twice := {n for n in self.names if self.names.count(n) > 1}:
            raise SpaceError(f"parameter {sorted(twice)[0]} is there twice; rename one")
        if self.mixture is not None:
            self._check_mixture(self.mixture)
        if self.candidates is not None:
            if not self.candidates:
                raise SpaceError("the candidate table has no rows; give at least one, or leave the table out")
            for number, row in enumerate(self.candidates, 1):
                try:
                    self._check_values(row)
                except SpaceError as error:
                    raise SpaceError(f"candidate row {number}: {error}") from None

    def _check_mixture(self, mixture: Mixture) -> None:
        if len(set(mixture.names)) < max(2, len(mixture.names)):
            raise SpaceError("a mixture needs two or more different components")
        if not (math.isfinite(mixture.total) and mixture.total > 0):
            raise SpaceError(f"the mixture's total is {mixture.total}; give a total above 0")
        parts = []
        for name in mixture.names:
            part = self.parameter(name)
            if isinstance(part, Categorical):
                raise SpaceError(f"{name} is categorical and cannot be part of a mixture; take it out")
            parts.append(part)
        low, high = sum(p.low for p in parts), sum(p.high for p in parts)
        slack = SAME * mixture.total
        if low > mixture.total + slack:
            raise SpaceError(
                f"the lowest amounts already sum to {low:g}, above the total of {mixture.total:g};"
                " lower some low bounds or raise the total"
            )
        if high < mixture.total - slack:
            raise SpaceError(
                f"the highest amounts sum to {high:g} only, below the total of {mixture.total:g};"
                " raise some high bounds or lower the total"
            )
        steps = {p.step if isinstance(p, Stepped) else None for p in parts}
        if self.candidates is None and len(steps) > 1:
            raise SpaceError("components of a mixture must all have the same step, or all none")
        step = steps.pop()
        if self.candidates is None and step is not None:
            count = (mixture.total - low) / step
            if abs(count - round(count)) > 1e-6:
                fitting = clean(low + math.floor(count) * step)
                raise SpaceError(
                    f"steps of {step:g} cannot sum to {mixture.total:g}; set the total to {fitting:g}"
                    " or choose a step that divides it"
                )

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
        """Name of each encoded column; `solvent=water` for a categorical choice."""
        out: list[str] = []
        for p in self.parameters:
            out += [f"{p.name}={c}" for c in p.choices] if isinstance(p, Categorical) else [p.name]
        return tuple(out)

    @cached_property
    def blocks(self) -> Mapping[str, slice]:
        """Encoded columns of each parameter."""
        out, start = {}, 0
        for p in self.parameters:
            width = len(p.choices) if isinstance(p, Categorical) else 1
            out[p.name] = slice(start, start + width)
            start += width
        return out

    @cached_property
    def size(self) -> float:
        """How many points there are: a whole number, or infinity."""
        if self.candidates is not None:
            return len(set(map(self.key, self.candidates)))
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

    def key(self, point: Point) -> tuple[float | str, ...]:
        """Equal for points that count as the same experiment."""
        out: list[float | str] = []
        for p in self.parameters:
            value = point[p.name]
            if isinstance(p, Categorical) or isinstance(value, str):
                out.append(value)
            else:
                out.append(round((value - p.low) / ((p.high - p.low) or 1.0) / SAME))
        return tuple(out)

    def validate(self, point: Point) -> None:
        """Raise SpaceError, saying what to change, unless the point can be made."""
        self._check_values(point)
        if self.candidates is not None:
            if self.key(point) not in self._candidate_keys:
                raise SpaceError("the point is not a row of the candidate table; choose one of its rows")
            return
        for p in self.parameters:
            value = point[p.name]
            if isinstance(p, Stepped) and not isinstance(value, str):
                nearest = clean(p.low + round((value - p.low) / p.step) * p.step)
                if abs(value - nearest) > 1e-6 * max(p.step, SAME * abs(value)):
                    raise SpaceError(f"{p.name} = {value:g} is between two steps; use {nearest:g}")
        if self.mixture is not None:
            amount = sum(float(point[n]) for n in self.mixture.names)
            if abs(amount - self.mixture.total) > SAME * self.mixture.total:
                what = "take away" if amount > self.mixture.total else "add"
                raise SpaceError(
                    f"{' + '.join(self.mixture.names)} is {amount:g}, not {self.mixture.total:g};"
                    f" {what} {abs(amount - self.mixture.total):g}"
                )

    def _check_values(self, point: Point) -> None:
        """Names, kinds and bounds."""
        check_names(self.names, point)
        for p in self.parameters:
            value = point[p.name]
            if isinstance(p, Categorical):
                if value not in p.choices:
                    raise SpaceError(f"{p.name} = {value} is unknown; choose one of {', '.join(p.choices)}")
                continue
            if isinstance(value, str) or not math.isfinite(value):
                raise SpaceError(f"{p.name} = {value} is not a number; give one from {p.low:g} to {p.high:g}")
            slack = SAME * (p.high - p.low or 1.0)
            if not p.low - slack <= value <= p.high + slack:
                raise SpaceError(f"{p.name} = {value:g} is outside {p.low:g} to {p.high:g}; choose a value between")

    def contains(self, point: Point) -> bool:
        try:
            self.validate(point)
        except SpaceError:
            return False
        return True

    def feasible(self, points: Iterable[Point]) -> npt.NDArray[np.bool_]:
        return np.array([self.contains(p) for p in points], dtype=bool)

    @cached_property
    def _candidate_keys(self) -> frozenset[tuple[float | str, ...]]:
        return frozenset(map(self.key, self.candidates or ()))

    @cached_property
    def encoded_candidates(self) -> Array:
        """The candidate table as `encode` sees it; no rows without a table."""
        return self.encode(self.candidates or ())

    @cached_property
    def _bounds(self) -> tuple[Array, Array]:
        low, high = np.zeros(len(self.columns)), np.ones(len(self.columns))
        for p in self.parameters:
            if not isinstance(p, Categorical):
                low[self.blocks[p.name]], high[self.blocks[p.name]] = p.low, p.high
        return low, high

    def encode(self, points: Sequence[Point]) -> Array:
        """(m, d): numbers as their part of the range, categories one-hot. A feasible point lies in [0, 1]."""
        low, high = self._bounds
        X = np.zeros((len(points), len(self.columns)))
        for row, point in zip(X, points, strict=True):
            for p in self.parameters:
                start = self.blocks[p.name].start
                if isinstance(p, Categorical):
                    row[start + p.choices.index(str(point[p.name]))] = 1.0
                else:
                    row[start] = float(point[p.name])
        out: Array = (X - low) / np.where(high > low, high - low, 1.0)
        return np.where((out > -SAME) & (out < 1 + SAME), np.clip(out, 0.0, 1.0), out)

    def decode(self, X: Array) -> tuple[Point, ...]:
        """The feasible point nearest to each encoded row."""
        if self.candidates is not None:
            near = ((X[:, None, :] - self.encoded_candidates[None]) ** 2).sum(axis=2).argmin(axis=1)
            return tuple(self.candidates[i] for i in near)
        X = self.repair(X)
        low, high = self._bounds
        raw = low + X * (high - low)
        for p in self.parameters:
            if isinstance(p, Stepped):
                column = raw[:, self.blocks[p.name].start]
                if self.mixture is None or p.name not in self.mixture.names:
                    column[:] = p.low + np.clip(np.rint((column - p.low) / p.step), 0, p.count) * p.step
        if self.mixture is not None:
            first = self.parameter(self.mixture.names[0])
            if isinstance(first, Stepped):
                part = self.mixture_columns
                raw[:, part] = simplex.to_steps(raw[:, part], low[part], high[part], first.step, self.mixture.total)
        return tuple(self._named(row) for row in raw)

    def _named(self, row: Array) -> Point:
        out: dict[str, float | str] = {}
        for p in self.parameters:
            block = row[self.blocks[p.name]]
            if isinstance(p, Categorical):
                out[p.name] = p.choices[int(block.argmax())]
            else:
                out[p.name] = clean(float(block[0])) if isinstance(p, Stepped) else float(block[0])
        return out

    @cached_property
    def mixture_columns(self) -> npt.NDArray[np.intp]:
        names = self.mixture.names if self.mixture else ()
        return np.array([self.blocks[n].start for n in names], dtype=np.intp)

    def repair(self, X: Array) -> Array:
        """Encoded rows moved into the box and onto the mixture's plane; steps are left alone."""
        out: Array = np.clip(X, 0.0, 1.0)
        if self.mixture is not None and self.candidates is None:
            low, high = self._bounds
            part = self.mixture_columns
            span = np.where(high > low, high - low, 1.0)[part]
            amounts = simplex.project(low[part] + X[:, part] * span, low[part], high[part], self.mixture.total)
            out[:, part] = np.clip((amounts - low[part]) / span, 0.0, 1.0)
        return out

    def snap(self, point: Point) -> Point:
        """The nearest point that can be made: within bounds, on the steps, summing to the total, in the table."""
        check_names(self.names, point)
        for p in self.parameters:
            value = point[p.name]
            if isinstance(p, Categorical):
                if value not in p.choices:
                    raise SpaceError(f"{p.name} = {value} is unknown; choose one of {', '.join(p.choices)}")
            elif isinstance(value, str) or not math.isfinite(value):
                raise SpaceError(f"{p.name} = {value} is not a number; give one from {p.low:g} to {p.high:g}")
        return point if self.contains(point) else self.decode(self.encode([point]))[0]

    def sample_encoded(self, n: int, rng: np.random.Generator) -> Array:
        """n encoded rows drawn evenly, steps not yet snapped (rows of the table when there is one)."""
        if self.candidates is not None:
            return self.encoded_candidates[rng.choice(len(self.candidates), n, replace=n > len(self.candidates))]
        X = rng.random((n, len(self.columns)))
        low, high = self._bounds
        for p in self.parameters:
            block = self.blocks[p.name]
            if isinstance(p, Categorical):
                X[:, block] = np.eye(len(p.choices))[rng.integers(0, len(p.choices), n)]
            elif isinstance(p, Stepped):
                X[:, block] = rng.integers(0, p.count + 1, (n, 1)) / max(p.count, 1)
        if self.mixture is not None:
            part = self.mixture_columns
            span = np.where(high > low, high - low, 1.0)[part]
            X[:, part] = (simplex.draw(n, low[part], high[part], self.mixture.total, rng) - low[part]) / span
        return X

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Point, ...]:
        """n feasible points drawn evenly (different rows of a table while it has enough)."""
        if self.candidates is not None:
            chosen = rng.choice(len(self.candidates), n, replace=n > len(self.candidates))
            return tuple(self.candidates[i] for i in chosen)
        return self.decode(self.sample_encoded(n, rng))
