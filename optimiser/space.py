"""Parameters and the space they span."""

from collections.abc import Mapping
from dataclasses import dataclass


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


@dataclass(frozen=True)
class Stepped:
    """A grid from low to high in steps of the instrument's resolution."""

    name: str
    low: float
    high: float
    step: float
    unit: str = ""


@dataclass(frozen=True)
class Categorical:
    name: str
    choices: tuple[str, ...]
    unit: str = ""


Parameter = Continuous | Stepped | Categorical


@dataclass(frozen=True)
class Mixture:
    """The named components sum to `total`."""

    names: tuple[str, ...]
    total: float


@dataclass(frozen=True)
class SearchSpace:
    """`candidates`: when given, only these points can be made."""

    parameters: tuple[Parameter, ...]
    mixture: Mixture | None = None
    candidates: tuple[Mapping[str, float | str], ...] | None = None
