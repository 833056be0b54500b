"""rig.toml: the file that says what stands on the bench. Every mistake in it is told at once, with its place."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from hardware.drivers import KINDS, module_of
from hardware.spec import RackSpec, RigSpec, StageSpec, VialSpec
from hardware.toml_file import (
    Mistakes,
    Table,
    TomlFileError,
    did_you_mean,
    parse_table,
    read_text,
    shown,
    validated,
)

_DUTIES = {"pump": "dispense", "stage": "move_to", "camera": "capture", "meter": "read"}
_NO_PORT = "person"


class RigFileError(TomlFileError):
    """A rig file that cannot be used; `mistakes` has all that is wrong with it."""


def load_rig(path: str | Path) -> RigSpec:
    """Read and check a rig file. Raises RigFileError with every mistake."""
    path = Path(path)
    try:
        return parse_rig(read_text(path), path)
    except RigFileError:
        raise
    except TomlFileError as error:
        raise RigFileError(path, error.mistakes) from error


def parse_rig(text: str, where: str | Path = "rig.toml") -> RigSpec:
    """The text of a rig file as a RigSpec. Raises RigFileError with every mistake."""
    mistakes = Mistakes()
    try:
        table = parse_table(text, where, mistakes)
    except TomlFileError as error:
        raise RigFileError(where, error.mistakes) from error
    _settings_may_be_left_out(table)
    spec = validated(RigSpec, table, "", mistakes)
    for place, part, duty in _devices(table):
        _check_driver(place, part, duty, mistakes)
    _check_names(table, mistakes)
    _check_ports(table, mistakes)
    _check_rack(table, mistakes)
    if spec is None or mistakes.lines:
        raise RigFileError(where, mistakes.lines)
    return spec


def rig_to_toml(spec: RigSpec) -> str:
    """A rig file that `load_rig` reads back as the same RigSpec."""
    document = tomlkit.document()
    plain = _plain(dataclasses.asdict(spec))
    plain = {"format": plain.pop("format"), "name": plain.pop("name"), "simulated": plain.pop("simulated"), **plain}
    for key, value in plain.items():
        document.add(key, value)
    return tomlkit.dumps(document)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None and v != {}}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


def _devices(table: Table) -> list[tuple[str, Table, str]]:
    """(place, table, duty) of every device that is written as a table."""
    pumps = table.get("pumps")
    found = [(f"pumps.{role}", part, "pump") for role, part in (pumps if isinstance(pumps, dict) else {}).items()]
    found += [(duty, table.get(duty), duty) for duty in ("stage", "camera")]
    meters = table.get("meters")
    found += [(f"meters.{r}", part, "meter") for r, part in (meters if isinstance(meters, dict) else {}).items()]
    return [(place, part, duty) for place, part, duty in found if isinstance(part, dict)]


def _settings_may_be_left_out(table: Table) -> None:
    for _, part, _ in _devices(table):
        part.setdefault("settings", {})


def _check_driver(place: str, part: Table, duty: str, mistakes: Mistakes) -> None:
    kind = part.get("kind")
    if not isinstance(kind, str):
        return
    if kind not in KINDS or not hasattr(module_of(kind).Driver, _DUTIES[duty]):
        fit = sorted(k for k in KINDS if hasattr(module_of(k).Driver, _DUTIES[duty]))
        why = f"{shown(kind)} is no driver of a {duty}{did_you_mean(kind, fit)}; there are {', '.join(fit)}"
        mistakes.add(f"{place}.kind", why)
    elif isinstance(part["settings"], dict):
        validated(module_of(kind).Settings, part["settings"], f"{place}.settings", mistakes)


def _check_names(table: Table, mistakes: Mistakes) -> None:
    pumps = table.get("pumps")
    if not isinstance(pumps, dict):
        return
    if not pumps:
        mistakes.add("pumps", "expected at least one pump")
    meters = table.get("meters")
    names = {"stage", "camera"}
    for group, roles in (("meters", meters if isinstance(meters, dict) else {}), ("pumps", pumps)):
        for role in sorted(names & roles.keys()):
            mistakes.add(f"{group}.{role}", "cannot be called that; the name belongs to another device")
        names |= roles.keys()


def _check_ports(table: Table, mistakes: Mistakes) -> None:
    first: dict[tuple[str, object], tuple[str, Table]] = {}
    for place, part, duty in _devices(table):
        key = "source" if duty == "camera" else "port"
        port = part.get(key)
        if not isinstance(port, str) or port == _NO_PORT:
            continue
        if not port.strip():
            mistakes.add(f"{place}.{key}", "is empty")
            continue
        same = _same_port(port)
        address = _address(part)
        sharing = first.setdefault((same, None), (place, part))
        other = first.setdefault((same, address), (place, part))[0]
        if sharing[0] != place and (address is None or sharing[1].get("kind") != part.get("kind")):
            other = sharing[0]
        if other != place:
            needs = "a port of its own" if address is None else "a port or an address of its own"
            its = "source" if other == "camera" else "port"
            mistakes.add(f"{place}.{key}", f"{shown(port)} is also {other}.{its}; each device needs {needs}")


def _address(part: Table) -> object:
    """Of a device that may share its port with others of its kind; None for one that may not."""
    kind, settings = part.get("kind"), part.get("settings")
    if not isinstance(kind, str) or kind not in KINDS or not getattr(module_of(kind), "CHAINED", False):
        return None
    default = getattr(module_of(kind).Settings(), "address", None)
    return settings.get("address", default) if isinstance(settings, dict) else default


def _same_port(port: str) -> str:
    """One spelling for one port: COM3 is com3, and /dev/serial/by-id/... is the port that it points to."""
    return os.path.realpath(port) if port.startswith("/") else port.strip().casefold()


def _check_rack(table: Table, mistakes: Mistakes) -> None:
    rack = _good(RackSpec, table.get("rack"), "rack", mistakes)
    rack_table = table.get("rack")
    vial_table = rack_table.get("vial") if isinstance(rack_table, dict) else None
    vial = _good(VialSpec, vial_table, "rack.vial", mistakes)
    stage = _good(StageSpec, table.get("stage"), "stage", mistakes)
    if vial is not None:
        if vial.fill_limit_ul > vial.capacity_ul:
            limit = f"{vial.fill_limit_ul:g} is above the vial's capacity_ul, {vial.capacity_ul:g}"
            mistakes.add("rack.vial.fill_limit_ul", f"{limit}; it would overflow")
        if vial.bore_mm >= vial.outer_mm:
            mistakes.add("rack.vial.bore_mm", f"{vial.bore_mm:g} is not smaller than outer_mm, {vial.outer_mm:g}")
    if rack is not None and vial is not None and rack.pitch_mm < vial.outer_mm:
        mistakes.add("rack.pitch_mm", f"{rack.pitch_mm:g} is less than a vial's outer_mm, {vial.outer_mm:g}")
    if rack is not None and stage is not None:
        far = rack.position_mm(rack.slots[-1])
        for axis, near_mm, far_mm, travel_mm in zip("XY", rack.a1_mm, far, stage.travel_mm, strict=False):
            if near_mm < 0 or far_mm > travel_mm:
                span = f"slots {rack.slots[0]} to {rack.slots[-1]} need {axis} {near_mm:g} to {far_mm:g} mm"
                mistakes.add("rack.a1_mm", f"{span}, but the stage travels from 0 to {travel_mm:g} mm")


def _good(kind: type[Any], value: object, place: str, mistakes: Mistakes) -> Any:
    return None if mistakes.under(place) else validated(kind, value, place, mistakes)
