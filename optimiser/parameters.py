"""Parameters: the axes of a search space."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from optimiser.given import amiss, did_you_mean, shown

Point = Mapping[str, float | str]
"""One value per parameter, by name; a number for continuous and stepped ones, a word for categorical ones."""

SAME = 1e-6
"""Values closer than this part of their parameter's range are the same value."""


class SpaceError(ValueError):
    """The space contradicts itself, or a point lies outside; the message says what to change."""


class ExhaustedError(RuntimeError):
    """Every candidate has been tried or is pending."""


@dataclass(frozen=True)
class Continuous:
    name: str
    low: float
    high: float
    unit: str = ""

    def __post_init__(self) -> None:
        _check_bounds(self)


@dataclass(frozen=True)
class Stepped:
    """A grid from low to high in steps of the instrument's resolution."""

    name: str
    low: float
    high: float
    step: float
    unit: str = ""

    def __post_init__(self) -> None:
        _check_bounds(self)
        if not (finite(self.step) and self.step > 0):
            raise SpaceError(f"{self.name}: step is {amiss(self.step, 'give a step above 0')}")
        if abs(self.low + self.count * self.step - self.high) > 1e-6 * self.step:
            below, above = (clean(self.low + k * self.step) for k in (self.count, self.count + 1))
            raise SpaceError(
                f"{self.name}: {self.high:g} is not a whole number of steps of {self.step:g} above {self.low:g};"
                f" set high to {below:g} or {above:g}"
            )

    @property
    def count(self) -> int:
        """How many steps lie between low and high."""
        return math.floor((self.high - self.low) / self.step + 1e-6)


@dataclass(frozen=True)
class Descriptors:
    """Numbers that say how alike the choices of a categorical parameter are, as logP and boiling point of solvents.

    names: of the columns. rows: one per choice, in the order of the choices.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Categorical:
    """Choices that the surrogate takes for equally unlike, or for as alike as their descriptors are."""

    name: str
    choices: tuple[str, ...]
    unit: str = ""
    descriptors: Descriptors | None = None

    def __post_init__(self) -> None:
        if isinstance(self.choices, str) or not isinstance(self.choices, Sequence):
            raise SpaceError(
                f"{self.name}: the choices are {shown(self.choices)}; give a tuple of words, as ('water', 'DMF')"
            )
        if not self.choices:
            raise SpaceError(f"{self.name}: no choices; name at least one")
        if words := [shown(c) for c in self.choices if not isinstance(c, str)]:
            raise SpaceError(
                f"{self.name}: {', '.join(words)} among the choices is no word; write it as text,"
                " or use Stepped for numbers"
            )
        if len(set(self.choices)) < len(self.choices):
            raise SpaceError(f"{self.name}: a choice is named twice; name each once")
        if self.descriptors is not None:
            _check_descriptors(self, self.descriptors)

    @cached_property
    def codes(self) -> npt.NDArray[np.float64]:
        """(choices, columns): one-hot, or each descriptor from 0 at its lowest to 1 at its highest."""
        if self.descriptors is None:
            return np.eye(len(self.choices))
        values = np.array(self.descriptors.rows, dtype=float)
        values /= np.abs(values).max(axis=0)  # so that the span of huge numbers does not overflow
        low, high = values.min(axis=0), values.max(axis=0)
        return np.asarray((values - low) / (high - low))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Name of each encoded column: `solvent=water`, or `solvent:logP` with descriptors."""
        if self.descriptors is None:
            return tuple(f"{self.name}={c}" for c in self.choices)
        return tuple(f"{self.name}:{n}" for n in self.descriptors.names)


Parameter = Continuous | Stepped | Categorical


@dataclass(frozen=True)
class Mixture:
    """The named components sum to `total`."""

    names: tuple[str, ...]
    total: float


def finite(value: Any) -> bool:
    """A number that can be reckoned with: no text, no truth value, no NaN, nothing beyond what floats hold."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool | np.bool_) and math.isfinite(value)
    except OverflowError:  # of a whole number with hundreds of digits
        return False


def check_named(point: Any) -> None:
    if not isinstance(point, Mapping):
        raise SpaceError(f"the point is {shown(point)}; give its values by name, as {{'T': 20.0}}")


def check_names(names: Sequence[str], point: Point) -> None:
    """Every parameter named, and nothing else."""
    check_named(point)
    missing = [n for n in names if n not in point]
    if extra := [f"{n}{did_you_mean(n, missing)}" for n in point if n not in names]:
        raise SpaceError(f"{', '.join(extra)} is no parameter; there are {', '.join(names)}")
    if missing:
        raise SpaceError(f"the point lacks {', '.join(missing)}; give every parameter a value")


def clean(value: float) -> float:
    """Without the last binary digits: 0.3, not 0.30000000000000004."""
    return float(f"{value:.12g}")


def _check_bounds(p: Continuous | Stepped) -> None:
    ends = {"low": p.low, "high": p.high}
    if bad := [f"{end} is {amiss(v, 'give a finite number')}" for end, v in ends.items() if not finite(v)]:
        raise SpaceError(f"{p.name}: {', and '.join(bad)}")
    if not math.isfinite(p.high - p.low):
        raise SpaceError(f"{p.name}: {p.low:g} to {p.high:g} is too wide to reckon with; use a larger unit")
    if p.low > p.high:
        raise SpaceError(f"{p.name}: low {p.low:g} is above high {p.high:g}; exchange them")


def _check_descriptors(p: Categorical, table: Descriptors) -> None:
    """All mistakes at once."""
    wrong = []
    if len(p.choices) < 2:
        wrong.append("a parameter with one choice needs no descriptors; leave them out")
    if not table.names:
        wrong.append("the descriptors have no columns; give at least one, or leave them out")
    wrong += [f"descriptor {n} is there twice; rename one" for n in sorted(_twice(table.names))]
    if len(table.rows) != len(p.choices):
        wrong.append(f"{len(table.rows)} rows of descriptors for {len(p.choices)} choices; give one row per choice")
    for choice, row in zip(p.choices, table.rows, strict=False):
        if len(row) != len(table.names):
            wrong.append(f"{choice} has {len(row)} descriptors; give {len(table.names)}")
        wrong += [
            f"{choice}: {n} is {amiss(x, 'give a finite number')}"
            for n, x in zip(table.names, row, strict=False)
            if not finite(x)
        ]
    if not wrong:
        for column, n in zip(zip(*table.rows, strict=True), table.names, strict=True):
            if len(set(column)) == 1:
                wrong.append(f"descriptor {n} is {column[0]:g} for every choice and tells nothing; leave it out")
        first = dict(reversed(list(zip(table.rows, p.choices, strict=True))))
        wrong += [
            f"{first[row]} and {choice} have the same descriptors; add a column that tells them apart"
            for row, choice in zip(table.rows, p.choices, strict=True)
            if first[row] != choice
        ]
    if wrong:
        raise SpaceError(f"{p.name}: " + "; ".join(wrong))


def _twice(names: Sequence[str]) -> set[str]:
    return {n for n in names if names.count(n) > 1}
