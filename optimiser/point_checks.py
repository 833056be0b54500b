"""Whether one point can be made; each check raises SpaceError, saying what to change."""

from collections.abc import Sequence

from optimiser.given import amiss, shown
from optimiser.parameters import (
    SAME,
    Categorical,
    Mixture,
    Parameter,
    Point,
    SpaceError,
    Stepped,
    check_names,
    clean,
    finite,
)  # fmt: skip


def check_kinds(parameters: Sequence[Parameter], point: Point) -> None:
    """Names, and a number or a known choice for each."""
    check_names([p.name for p in parameters], point)
    for p in parameters:
        value = point[p.name]
        if isinstance(p, Categorical):
            if value not in p.choices:
                word = value if isinstance(value, str) else shown(value)
                raise SpaceError(f"{p.name} = {word} is unknown; choose one of {', '.join(p.choices)}")
        elif not finite(value):
            instead = f"give a number from {p.low:g} to {p.high:g}"
            raise SpaceError(f"{p.name} is {amiss(value, instead)}")


def check_values(parameters: Sequence[Parameter], point: Point) -> None:
    """Names, kinds and bounds."""
    check_kinds(parameters, point)
    for p in parameters:
        value = point[p.name]
        if isinstance(p, Categorical) or isinstance(value, str):
            continue
        slack = SAME * (p.high - p.low or 1.0)
        if not p.low - slack <= value <= p.high + slack:
            raise SpaceError(f"{p.name} = {value:g} is outside {p.low:g} to {p.high:g}; choose a value between")


def check_steps(parameters: Sequence[Parameter], point: Point) -> None:
    for p in parameters:
        value = point[p.name]
        if isinstance(p, Stepped) and not isinstance(value, str):
            nearest = clean(p.low + round((value - p.low) / p.step) * p.step)
            if abs(value - nearest) > 1e-6 * max(p.step, SAME * abs(value)):
                raise SpaceError(f"{p.name} = {value:g} is between two steps; use {nearest:g}")


def check_total(mixture: Mixture, point: Point) -> None:
    amount = sum(float(point[n]) for n in mixture.names)
    if abs(amount - mixture.total) > SAME * mixture.total:
        what = "take away" if amount > mixture.total else "add"
        raise SpaceError(
            f"{' + '.join(mixture.names)} is {amount:g}, not {mixture.total:g};"
            f" {what} {abs(amount - mixture.total):g}"
        )
