"""What a point must keep besides its bounds: linear constraints, keep-out regions and the total of a mixture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from optimiser.given import amiss, shown
from optimiser.parameters import (
    SAME,
    Categorical,
    Mixture,
    Parameter,
    Point,
    SpaceError,
    Stepped,
    clean,
    finite,
)  # fmt: skip

Relation = Literal["<=", ">=", "="]
SIGNS: Mapping[str, str] = {"<=": "≤", ">=": "≥", "=": "="}


@dataclass(frozen=True)
class LinearConstraint:
    """A weighted sum of numeric parameters against a bound, in the parameters' own units.

    name: what the scientist calls it; the formula is shown without one.
    """

    coefficients: Mapping[str, float]
    relation: Relation
    bound: float
    name: str = ""

    def __post_init__(self) -> None:
        if self.relation not in SIGNS:
            raise SpaceError(f'a constraint\'s relation is {self.relation}; write one of "<=", ">=" or "="')
        if not isinstance(self.coefficients, Mapping):
            given = shown(self.coefficients)
            raise SpaceError(f"the constraint's coefficients are {given}; give them by name, as {{'T': 2.0}}")
        if not finite(self.bound):
            raise SpaceError(f"the constraint's bound is {amiss(self.bound, 'give a finite number')}")
        for name, c in self.coefficients.items():
            if not finite(c):
                raise SpaceError(f"the coefficient of {name} is {amiss(c, 'give a finite number')}")
        if not any(self.coefficients.values()):
            raise SpaceError("the constraint has no coefficient other than 0; name at least one parameter")

    @property
    def label(self) -> str:
        return self.name or self.formula

    @property
    def formula(self) -> str:
        """`2 a - b ≤ 100`."""
        text = ""
        for name, c in self.coefficients.items():
            if c:
                size = "" if abs(c) == 1 else f"{abs(c):.6g} "
                join = (" - " if c < 0 else " + ") if text else ("-" if c < 0 else "")
                text += f"{join}{size}{name}"
        return f"{text} {SIGNS[self.relation]} {self.bound:.6g}"

    def value(self, point: Point) -> float:
        """The weighted sum at the point."""
        return math.fsum(c * float(point[n]) for n, c in self.coefficients.items())

    def advice(self, point: Point) -> str:
        """By how much the point breaks the constraint, and what to change."""
        value = self.value(point)
        much = value > self.bound
        lower = [n for n, c in self.coefficients.items() if c and (c > 0) == much]
        higher = [n for n, c in self.coefficients.items() if c and (c > 0) != much]
        turn = [f"lower {' or '.join(lower)}"] if lower else []
        turn += [f"raise {' or '.join(higher)}"] if higher else []
        shown = self.formula if not self.name else f"{self.name} ({self.formula})"
        amount = f"{abs(value - self.bound):.4g} too {'much' if much else 'little'}"
        return f"{shown} is broken: the point gives {value:.6g}, {amount}; {', or '.join(turn)}"


@dataclass(frozen=True)
class KeepOut:
    """A region in which nothing may be made: every named parameter lies in its range (its ends included) or among
    its choices.

    region: by parameter, (low, high) in its unit, or the choices of a categorical one; a word alone is one choice.
    """

    region: Mapping[str, tuple[float | str, ...]]
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.region, Mapping):
            given = shown(self.region)
            raise SpaceError(f"the keep-out region is {given}; give its ranges by name, as {{'T': (20, 80)}}")
        if not self.region:
            raise SpaceError("the keep-out region names no parameter; name at least one")
        region = {name: (value,) if isinstance(value, str) else value for name, value in self.region.items()}
        for name, value in region.items():
            if not isinstance(value, Sequence) or not _alike(value):
                raise SpaceError(
                    f"the keep-out region's {name} is {shown(value)}; give {name} a low and a high number,"
                    " as (20, 80), or words, as ('water', 'DMF')"
                )
        object.__setattr__(self, "region", region)

    @property
    def label(self) -> str:
        return self.name or self.words

    @property
    def words(self) -> str:
        """`T 80 to 100 and solvent DMF or DMA`."""
        return " and ".join(f"{name} {_range(value)}" for name, value in self.region.items())

    def advice(self) -> str:
        """What to change at a point inside."""
        shown = self.words if not self.name else f"{self.name} ({self.words})"
        return f"the point lies in the keep-out region {shown}; move {' or '.join(self.region)} out of it"


def _alike(value: Sequence[float | str]) -> bool:
    return all(isinstance(v, str) for v in value) or all(map(finite, value))


def _range(value: tuple[float | str, ...]) -> str:
    if value and isinstance(value[0], str):
        return " or ".join(map(str, value))
    return " to ".join(f"{float(v):.6g}" for v in value)


def check_constraint(constraint: LinearConstraint, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a constraint over what is no numeric parameter."""
    for name in constraint.coefficients:
        if name not in parameters:
            raise SpaceError(
                f"constraint {constraint.label}: there is no parameter {name}; there are {', '.join(parameters)}"
            )
        if isinstance(parameters[name], Categorical):
            raise SpaceError(f"constraint {constraint.label}: {name} is categorical; use a keep-out region for it")


def check_keep_out(keep_out: KeepOut, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a region that names no parameter, unknown choices, or a range without two ordered numbers."""
    for name, value in keep_out.region.items():
        if name not in parameters:
            raise SpaceError(
                f"keep-out region {keep_out.label}: there is no parameter {name}; there are {', '.join(parameters)}"
            )
        p = parameters[name]
        if isinstance(p, Categorical):
            unknown = [str(c) for c in value if c not in p.choices]
            if unknown or not value:
                raise SpaceError(
                    f"keep-out region {keep_out.label}: {name} = {', '.join(unknown) or 'nothing'} is unknown;"
                    f" choose from {', '.join(p.choices)}"
                )
        elif text := [v for v in value if isinstance(v, str)]:
            raise SpaceError(
                f"keep-out region {keep_out.label}: {name} is {amiss(text[0], 'give a low and a high number')}"
            )
        elif len(value) != 2 or float(value[0]) > float(value[1]):
            raise SpaceError(f"keep-out region {keep_out.label}: give {name} a low and a high number, low first")


def check_mixture(mixture: Mixture, parameters: Mapping[str, Parameter], table: bool) -> None:
    """Refuse a mixture that cannot reach its total. table: the points come from a candidate table."""
    if len(set(mixture.names)) < max(2, len(mixture.names)):
        raise SpaceError("a mixture needs two or more different components")
    if not (finite(mixture.total) and mixture.total > 0):
        raise SpaceError(f"the mixture's total is {amiss(mixture.total, 'give a total above 0')}")
    parts = []
    for name in mixture.names:
        if name not in parameters:
            raise SpaceError(f"there is no parameter {name}; there are {', '.join(parameters)}")
        part = parameters[name]
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
    if table:
        return
    if len(steps) > 1:
        raise SpaceError("components of a mixture must all have the same step, or all none")
    step = steps.pop()
    if step is not None:
        count = (mixture.total - low) / step
        if abs(count - round(count)) > SAME:
            fitting = clean(low + math.floor(count) * step)
            raise SpaceError(
                f"steps of {step:g} cannot sum to {mixture.total:g}; set the total to {fitting:g}"
                " or choose a step that divides it"
            )


def mixture_label(mixture: Mixture) -> str:
    """`a + b + c = 100`."""
    return f"{' + '.join(mixture.names)} = {mixture.total:.6g}"


def together(labels: Sequence[str]) -> str:
    """`x`, `y` and `z`, quoted."""
    quoted = [f'"{label}"' for label in labels]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
