"""What a campaign file says besides the parameters' bounds: [[constraint]], [[keep_out]] and descriptors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from hardware.toml_file import Mistakes, Table, did_you_mean, joined, shown, what_is_good
from optimiser.constraints import KeepOut, LinearConstraint
from optimiser.parameters import Descriptors, SpaceError

T = TypeVar("T")


@dataclass(frozen=True)
class ConstraintRow:
    """One [[constraint]] table: the sum of coefficients times parameters against a bound."""

    coefficients: Mapping[str, float]
    relation: Literal["<=", ">=", "="]
    bound: float
    name: str = ""


@dataclass(frozen=True)
class KeepOutRow:
    """One [[keep_out]] table: by parameter its low and high end, or its choices."""

    region: Mapping[str, tuple[float | str, ...]]
    name: str = ""


class Named(Protocol):
    """A parameter as the file gives it."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def choices(self) -> tuple[str, ...] | None: ...


def read_limits(
    table: Table, rows: Sequence[Named], mistakes: Mistakes
) -> tuple[tuple[LinearConstraint, ...], tuple[KeepOut, ...]]:
    """The constraints and keep-out regions without mistakes; the mistakes of the others stay on the list."""
    by_name = {r.name: r for r in rows}
    constraints, regions = [], []
    for place, constraint in _tables(ConstraintRow, table, "constraint", mistakes, coefficients={}, bound=0.0):
        for name in constraint.coefficients:
            at = joined(f"{place}.coefficients", name)
            if name not in by_name:
                mistakes.add(at, f"{shown(name)} is not a parameter{did_you_mean(name, by_name)}")
            elif by_name[name].kind == "categorical":
                mistakes.add(at, f"{shown(name)} has choices, and a constraint adds numbers: use [[keep_out]]")
        if not mistakes.under(place):
            made = _made(
                LinearConstraint, place, mistakes,
                constraint.coefficients, constraint.relation, constraint.bound, constraint.name,
            )  # fmt: skip
            constraints += [made] if made else []
    for place, keep_out in _tables(KeepOutRow, table, "keep_out", mistakes, region={}):
        for name, values in keep_out.region.items():
            at = joined(f"{place}.region", name)
            if name not in by_name:
                mistakes.add(at, f"{shown(name)} is not a parameter{did_you_mean(name, by_name)}")
            elif by_name[name].kind == "categorical":
                _check_choices(at, values, by_name[name].choices, mistakes)
            elif len(values) != 2 or any(isinstance(v, str) for v in values):
                mistakes.add(at, f"expected its low and high end, as [20, 40], got {shown(list(values))}")
            elif float(values[0]) > float(values[1]):
                mistakes.add(at, f"{values[0]:g} is above {values[1]:g}: are they reversed?")
        if not mistakes.under(place):
            region = _made(KeepOut, place, mistakes, keep_out.region, keep_out.name)
            regions += [region] if region else []
    return tuple(constraints), tuple(regions)


def limits_in_words(table: Table) -> str:
    """The constraints and keep-out regions of a campaign document that can be read, a sentence each."""
    aside = Mistakes()
    out = []
    for place, row in _tables(ConstraintRow, table, "constraint", aside, coefficients={}, bound=0.0):
        if not aside.under(place) and any(row.coefficients.values()):
            made = _made(LinearConstraint, place, aside, row.coefficients, row.relation, row.bound, row.name)
            if made:
                out.append(f"{made.name}: {made.formula}." if made.name else f"{made.formula}.")
    for place, area in _tables(KeepOutRow, table, "keep_out", aside, region={}):
        known = not aside.under(place) and area.region
        if known and (keep_out := _made(KeepOut, place, aside, area.region, area.name)):
            words = f"othing is made at {keep_out.words}."
            out.append(f"{area.name}: n{words}" if area.name else f"N{words}")
    return " ".join(out)


def read_descriptors(
    given: Mapping[str, Mapping[str, float]], choices: Sequence[str], place: str, mistakes: Mistakes
) -> Descriptors | None:
    """By descriptor and choice, as a table in the order of the choices; None with mistakes."""
    for name, values in given.items():
        at = joined(place, name)
        for choice in values:
            if choice not in choices:
                mistakes.add(joined(at, choice), f"{shown(choice)} is not a choice{did_you_mean(choice, choices)}")
        if missing := [c for c in choices if c not in values]:
            mistakes.add(at, f"lacks {', '.join(map(shown, missing))}: each choice needs a number")
    if mistakes.under(place):
        return None
    return Descriptors(tuple(given), tuple(tuple(values[c] for values in given.values()) for c in choices))


def _tables(kind: type[T], table: Table, key: str, mistakes: Mistakes, **instead: object) -> list[tuple[str, T]]:
    raw = table.get(key, [])
    if not isinstance(raw, list):
        mistakes.add(key, f"expected [[{key}]] tables, got {shown(raw)}")
        return []
    instead = {"relation": "<=", **instead} if kind is ConstraintRow else instead
    places = [f"{key}[{i + 1}]" for i in range(len(raw))]
    read = [(p, what_is_good(kind, row, p, mistakes, instead)) for p, row in zip(places, raw, strict=True)]
    return [(place, row) for place, row in read if row is not None]


def _check_choices(at: str, values: Sequence[float | str], known: Sequence[str] | None, mistakes: Mistakes) -> None:
    if not values:
        mistakes.add(at, "is empty: at least one choice is needed")
    for i, value in enumerate(values):
        if known is not None and value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            mistakes.add(joined(at, i), f"{shown(value)} is not a choice{hint}")


def _made(kind: type[T], place: str, mistakes: Mistakes, *values: object) -> T | None:
    try:
        return kind(*values)
    except SpaceError as error:
        mistakes.add(place, str(error))
        return None
