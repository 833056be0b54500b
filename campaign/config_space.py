"""The search space of a campaign file: [[parameters]], [mixture] and [candidates]; `config_limits` has the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from campaign.config_limits import read_descriptors, read_limits
from hardware.toml_file import Mistakes, Table, did_you_mean, shown, what_is_good
from optimiser.space import (
    Categorical,
    Continuous,
    Descriptors,
    Mixture,
    Parameter,
    SearchSpace,
    SpaceError,
    Stepped,
)  # fmt: skip

Value = float | str
T = TypeVar("T")


@dataclass(frozen=True)
class ParameterRow:
    """One [[parameters]] table."""

    name: str
    kind: Literal["continuous", "stepped", "categorical"]
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] | None = None
    descriptors: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True)
class MixtureTable:
    names: tuple[str, ...]
    total: float


@dataclass(frozen=True)
class CandidatesTable:
    """The only points that can be made: one row of values per point, in the order of `names`."""

    names: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def read_space(table: Table, mistakes: Mistakes) -> tuple[SearchSpace | None, list[str | None]]:
    """The search space, None when it has mistakes; and the parameters' names, None where one cannot be read."""
    rows = _rows(table, mistakes)
    mixture = optional(MixtureTable, table, "mixture", mistakes, names=[], total=0)
    candidates = optional(CandidatesTable, table, "candidates", mistakes)
    parameters = [_parameter(r, f"parameters[{i + 1}]", mistakes) for i, r in enumerate(rows) if r]
    names = [r.name if r else None for r in rows]
    for i, name in enumerate(names):
        if name is not None and name in names[:i]:
            first = names.index(name) + 1
            mistakes.add(f"parameters[{i + 1}].name", f"{shown(name)} is the name of parameters[{first}] already")
    _check_mixture(mixture, [r for r in rows if r], mistakes)
    points = _points(candidates, [n for n in names if n], mistakes)
    constraints, keep_out = read_limits(table, [r for r in rows if r], mistakes)
    if mistakes.under("parameters", "mixture", "candidates", "constraint", "keep_out"):
        return None, names
    total = Mixture(mixture.names, mixture.total) if mixture else None
    place = "parameters"
    try:
        space = SearchSpace(tuple(p for p in parameters if p), total, points)
        if constraints:
            place = "constraint"
            space = replace(space, constraints=constraints)
        if keep_out:
            place = "keep_out"
            space = replace(space, candidates=points, keep_out=keep_out)
    except SpaceError as error:
        mistakes.add(place, str(error))
        return None, names
    return space, names


def optional(kind: type[T], table: Table, key: str, mistakes: Mistakes, **instead: object) -> T | None:
    """One table of the file, if it is there; with mistakes in it, what is good of it (`what_is_good`)."""
    return what_is_good(kind, table[key], key, mistakes, instead) if key in table else None


def _rows(table: Table, mistakes: Mistakes) -> list[ParameterRow | None]:
    """The parameters, None for one that cannot be read."""
    raw = table.get("parameters")
    if raw is None:
        mistakes.add("parameters", "no [[parameters]]: at least one is needed")
        return []
    if not isinstance(raw, list):
        mistakes.add("parameters", f"expected [[parameters]] tables, got {shown(raw)}")
        return []
    if not raw:
        mistakes.add("parameters", "is empty: at least one is needed")
    instead = {"kind": "continuous"}
    return [what_is_good(ParameterRow, row, f"parameters[{i + 1}]", mistakes, instead) for i, row in enumerate(raw)]


def _parameter(row: ParameterRow, place: str, mistakes: Mistakes) -> Parameter | None:
    """Check what belongs to the kind of parameter, and make it."""
    if f"{place}.kind" in mistakes:
        return None
    needs: Mapping[str, Sequence[str]] = {
        "continuous": ("low", "high"), "stepped": ("low", "high", "step"), "categorical": ("choices",),
    }  # fmt: skip
    for key in ("low", "high", "step", "choices"):
        given = getattr(row, key) is not None
        if key in needs[row.kind] and not given:
            mistakes.add(f"{place}.{key}", f'is missing: a {row.kind} parameter ("{row.name}") needs it')
        elif given and key not in needs[row.kind]:
            mistakes.add(f"{place}.{key}", f'does not belong to a {row.kind} parameter ("{row.name}")')
    if row.kind != "categorical" and row.descriptors is not None:
        mistakes.add(f"{place}.descriptors", f'does not belong to a {row.kind} parameter ("{row.name}")')
    if not row.name.strip() or row.name != row.name.strip():
        mistakes.add(f"{place}.name", f"expected a name without spaces around it, got {shown(row.name)}")
    if any(f"{place}.{key}" in mistakes for key in needs[row.kind]):
        return None
    if row.low is not None and row.high is not None and row.low > row.high:
        mistakes.add(f"{place}.low", f"{row.low:g} is above high, {row.high:g}: are they reversed?")
        return None
    described = None
    if row.descriptors is not None and row.kind == "categorical":
        described = read_descriptors(row.descriptors, row.choices or (), f"{place}.descriptors", mistakes)
        if described is None:
            return None
    try:
        return _made(row, described)
    except SpaceError as error:
        key = "descriptors" if described is not None else needs[row.kind][-1]
        mistakes.add(f"{place}.{key}", str(error).removeprefix(f"{row.name}: "))
        return None


def _made(row: ParameterRow, described: Descriptors | None) -> Parameter:
    if row.kind == "categorical":
        return Categorical(row.name, row.choices or (), row.unit, described)
    low, high = row.low or 0.0, row.high or 0.0
    if row.kind == "continuous":
        return Continuous(row.name, low, high, row.unit)
    return Stepped(row.name, low, high, row.step or 0.0, row.unit)


def _check_mixture(mixture: MixtureTable | None, rows: Sequence[ParameterRow], mistakes: Mistakes) -> None:
    """Mixture components are different numeric parameters that can reach the total."""
    if mixture is None:
        return
    if mistakes.under("mixture.names"):
        return
    by_name = {r.name: r for r in rows}
    for i, name in enumerate(mixture.names):
        place = f"mixture.names[{i + 1}]"
        if name not in by_name:
            mistakes.add(place, f"{shown(name)} is not a parameter{did_you_mean(name, by_name)}")
        elif by_name[name].kind == "categorical":
            mistakes.add(place, f"{shown(name)} has choices, and a mixture adds numbers")
        elif name in mixture.names[:i]:
            mistakes.add(place, f"{shown(name)} is given twice")
    if len(mixture.names) < 2:
        mistakes.add("mixture.names", f"expected at least 2 parameters, got {len(mixture.names)}")
        return
    parts = [by_name.get(n) for n in mixture.names]
    lows = [p.low for p in parts if p is not None and p.low is not None]
    highs = [p.high for p in parts if p is not None and p.high is not None]
    if len(lows) == len(highs) == len(parts) and not sum(lows) - 1e-9 <= mixture.total <= sum(highs) + 1e-9:
        mistakes.add(
            "mixture.total",
            f"{mixture.total:g} cannot be reached: its parameters add up to {sum(lows):g} at least and "
            f"{sum(highs):g} at most",
        )


def _points(
    candidates: CandidatesTable | None, names: Sequence[str], mistakes: Mistakes
) -> tuple[Mapping[str, Value], ...] | None:
    if candidates is None:
        return None
    if sorted(candidates.names) != sorted(names):
        mistakes.add(
            "candidates.names", f"expected the parameters {', '.join(names)}, got {', '.join(candidates.names)}"
        )
        return None
    for i, row in enumerate(candidates.rows):
        if len(row) != len(candidates.names):
            mistakes.add(f"candidates.rows[{i + 1}]", f"expected {len(candidates.names)} values, got {len(row)}")
    if not candidates.rows:
        mistakes.add("candidates.rows", "is empty: at least one point is needed")
    return tuple(dict(zip(candidates.names, row, strict=False)) for row in candidates.rows)
