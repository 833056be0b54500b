"""Parameters: the axes of a search space."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
        if not (math.isfinite(self.step) and self.step > 0):
            raise SpaceError(f"{self.name}: step is {self.step}; give a step above 0")
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
class Categorical:
    name: str
    choices: tuple[str, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.choices:
            raise SpaceError(f"{self.name}: no choices; name at least one")
        if len(set(self.choices)) < len(self.choices):
            raise SpaceError(f"{self.name}: a choice is named twice; name each once")


Parameter = Continuous | Stepped | Categorical


@dataclass(frozen=True)
class Mixture:
    """The named components sum to `total`."""

    names: tuple[str, ...]
    total: float


def check_names(names: Sequence[str], point: Point) -> None:
    """Every parameter named, and nothing else."""
    if missing := [n for n in names if n not in point]:
        raise SpaceError(f"the point lacks {', '.join(missing)}; give every parameter a value")
    if extra := [n for n in point if n not in names]:
        raise SpaceError(f"{', '.join(extra)} is no parameter; there are {', '.join(names)}")


def clean(value: float) -> float:
    """Without the last binary digits: 0.3, not 0.30000000000000004."""
    return float(f"{value:.12g}")


def _check_bounds(p: Continuous | Stepped) -> None:
    if not (math.isfinite(p.low) and math.isfinite(p.high)):
        raise SpaceError(f"{p.name}: bounds {p.low} to {p.high} are not finite; give two numbers")
    if p.low > p.high:
        raise SpaceError(f"{p.name}: low {p.low:g} is above high {p.high:g}; exchange them")
