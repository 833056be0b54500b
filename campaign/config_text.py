"""A campaign as TOML text; `config.parse_campaign` reads the same campaign from it."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, Table

from campaign.spec import CampaignSpec
from optimiser.space import Categorical, Continuous, KeepOut, LinearConstraint, Mixture, Parameter, SearchSpace

FORMAT = 1


def campaign_to_toml(spec: CampaignSpec) -> str:
    """The whole campaign as the text of a campaign file. Settings at their default are left out, except in
    the tables that people change most."""
    document = tomlkit.document()
    document["format"] = FORMAT
    document["name"] = spec.name
    if spec.about:
        document["about"] = tomlkit.string(spec.about, multiline="\n" in spec.about)
    document["mode"] = spec.mode
    if spec.rig is not None:
        document["rig"] = spec.rig
    rows = tomlkit.aot()
    for parameter in spec.space.parameters:
        rows.append(_parameter(parameter))
    document["parameters"] = rows
    if spec.space.mixture is not None:
        document["mixture"] = _mixture(spec.space.mixture)
    for key, tables in (("constraint", spec.space.constraints), ("keep_out", spec.space.keep_out)):
        if tables:
            listed = tomlkit.aot()
            for limit in tables:
                listed.append(_limit(limit))
            document[key] = listed
    document["objective"] = _table(spec.objective)
    document["strategy"] = _table(spec.strategy)
    document["stop"] = _table(spec.stop)
    document["dosing"] = _table(spec.dosing)
    document["checks"] = _table(spec.checks)
    if spec.constants:
        constants = tomlkit.table()
        for name, value in spec.constants.items():
            constants[name] = value
        document["constants"] = constants
    return tomlkit.dumps(document) + _candidates(spec.space)


def _table(values: Any) -> Table:
    """A dataclass as a table, without what is not set."""
    table = tomlkit.table()
    for item in fields(values):
        value = getattr(values, item.name)
        if value is None or (value == "" and item.default == ""):
            continue
        table[item.name] = list(value) if isinstance(value, tuple) else value
    return table


def _parameter(parameter: Parameter) -> Table:
    table = tomlkit.table()
    table["name"] = parameter.name
    if isinstance(parameter, Categorical):
        table["kind"] = "categorical"
        table["choices"] = list(parameter.choices)
    else:
        table["kind"] = "continuous" if isinstance(parameter, Continuous) else "stepped"
        table["low"] = parameter.low
        table["high"] = parameter.high
        if not isinstance(parameter, Continuous):
            table["step"] = parameter.step
    if parameter.unit:
        table["unit"] = parameter.unit
    if isinstance(parameter, Categorical) and parameter.descriptors is not None:
        columns = tomlkit.table()
        for name, values in zip(
            parameter.descriptors.names, zip(*parameter.descriptors.rows, strict=True), strict=True
        ):
            columns[name] = _inline(dict(zip(parameter.choices, values, strict=True)))
        table["descriptors"] = columns
    return table


def _limit(limit: LinearConstraint | KeepOut) -> Table:
    table = tomlkit.table()
    if limit.name:
        table["name"] = limit.name
    if isinstance(limit, LinearConstraint):
        table["coefficients"] = _inline(limit.coefficients)
        table["relation"] = limit.relation
        table["bound"] = limit.bound
    else:
        table["region"] = _inline({name: list(values) for name, values in limit.region.items()})
    return table


def _inline(values: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    for name, value in values.items():
        table[name] = value
    return table


def _mixture(mixture: Mixture) -> Table:
    table = tomlkit.table()
    table["names"] = list(mixture.names)
    table["total"] = mixture.total
    return table


def _candidates(space: SearchSpace) -> str:
    """Written by hand: there may be thousands, and nobody edits them."""
    if space.given is None:
        return ""
    names = [p.name for p in space.parameters]
    rows = ",\n".join("  [" + ", ".join(_cell(point[n]) for n in names) + "]" for point in space.given)
    listed = ", ".join(_quoted(n) for n in names)
    return f"\n[candidates]\nnames = [{listed}]\nrows = [\n{rows},\n]\n"


def _cell(value: float | str) -> str:
    return _quoted(value) if isinstance(value, str) else repr(float(value))


def _quoted(text: str) -> str:
    """A TOML basic string; its escapes are those of JSON, and DEL has to be escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
