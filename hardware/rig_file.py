"""rig.toml: the file that says what stands on the bench. Every mistake in it is told at once, with its place."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from hardware.rig_checks import check, devices
from hardware.rig_parts import fill_labware, fill_syringes, find_beside
from hardware.spec import RigSpec
from hardware.toml_file import Mistakes, Table, TomlFileError, parse_table, read_text, validated


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
    """The text of a rig file as a RigSpec. Raises RigFileError with every mistake.

    where: its path, beside which the labware file, the picture and the colour correction lie that it names.
    """
    mistakes = Mistakes()
    try:
        table = parse_table(text, where, mistakes)
    except TomlFileError as error:
        raise RigFileError(where, error.mistakes) from error
    _what_goes_without_saying(table)
    fill_syringes(table, mistakes)
    fill_labware(table, Path(where).parent, mistakes)
    for key in ("picture", "colours"):
        find_beside(table, key, Path(where).parent, mistakes)
    spec = validated(RigSpec, table, "", mistakes)
    check(table, mistakes)
    if spec is None or mistakes.lines:
        raise RigFileError(where, mistakes.lines_in(text))
    return spec


def rig_to_toml(spec: RigSpec) -> str:
    """A rig file that `load_rig` reads back as the same RigSpec, without the picture and the colours of its view:
    those lie beside another file."""
    document = tomlkit.document()
    if spec.view is not None:
        spec = dataclasses.replace(spec, view=dataclasses.replace(spec.view, picture="", colours=""))
    plain = _plain(dataclasses.asdict(spec))
    plain = {"format": plain.pop("format"), "name": plain.pop("name"), "simulated": plain.pop("simulated"), **plain}
    for key, value in plain.items():
        document.add(key, value)
    return tomlkit.dumps(document)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None and v != {}}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


def _what_goes_without_saying(table: Table) -> None:
    for _, part, _ in devices(table):
        part.setdefault("settings", {})
        if part.get("kind") == "by_person":
            part.setdefault("port", "person")  # who has none
