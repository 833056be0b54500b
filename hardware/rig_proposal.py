"""A rig file written from what was found, with a comment wherever a person knows what no device can tell."""

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from hardware.discovery import Findings, Found
from hardware.drivers import module_of
from hardware.ports import USB

_SYRINGE, _VALVED_SYRINGE = "BD plastic 60 mL", "Tecan XLP 1 mL"
_RACK = """\
[rack]
# Or `labware = "file.json"`, an Opentrons labware file beside this one, and a1_mm.
rows = 4
columns = 6
pitch_mm = 24.0
a1_mm = [15.0, 15.0]  # where the stage stands when A1 is under the nozzles

[rack.vial]
capacity_ul = 8000.0
fill_limit_ul = 6500.0
bore_mm = 15.0
outer_mm = 17.0
height_mm = 60.0
"""


class Camera(Protocol):
    """A camera of this computer."""

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...


def proposal(findings: Findings, cameras: Sequence[Camera] = (), name: str = "My bench") -> str:
    """The text of a rig file. What stands after "check" must be looked at before it is used."""
    every = {
        p.port: p for p in (*(f.port for f in findings.found), *findings.silent, *(p for p, _ in findings.closed))
    }
    numbers = Counter(p.serial_number for p in every.values())
    by_duty: dict[str, list[Found]] = {"dispense": [], "move_to": [], "read": []}
    for found in findings.found:
        for duty, devices in by_duty.items():
            if hasattr(module_of(found.kind).Driver, duty):
                devices.append(found)
                break
    lines = [
        *_missing(by_duty),
        "# Written from the devices that answered. Check every line that says so.",
        "format = 1",
        f"name = {_text(name)}",
        "",
    ]
    for number, found in enumerate(by_duty["dispense"], 1):
        lines += _pump(found, f"pump{number}", numbers)
    if not by_duty["dispense"]:
        lines += ["# No pump answered. [pumps.NAME] needs kind, port and syringe.", ""]
    lines += _stage(by_duty["move_to"], numbers)
    lines += [_RACK]
    for number, found in enumerate(by_duty["read"], 1):
        lines += [f"[meters.meter{number}]", *_device(found, numbers), ""]
    for i, camera in enumerate(cameras):
        entry = ["[camera]", 'kind = "opencv_camera"', f"source = {_text(camera.source)}  # {_words(camera.name)}"]
        lines += entry if i == 0 else [f"# {line}" for line in entry]
        lines += [""]
    for info, why in findings.closed:
        lines.append(f"# Not asked: {_words(info.words)}: {_words(why)}")
    lines += [f"# Nobody answered on {_words(info.words)}" for info in findings.silent]
    return "\n".join(lines).rstrip() + "\n"


def _missing(by_duty: Mapping[str, Sequence[Found]]) -> list[str]:
    """What the file lacks before it can be used, and what to do next."""
    tables = (("dispense", "pump", "[pumps.NAME]"), ("move_to", "stage", "[stage]"))
    lacks = [(what, table) for duty, what, table in tables if not by_duty[duty]]
    if not lacks:
        return []
    what, by_hand = (" and ".join(words) for words in zip(*lacks, strict=True))
    return [
        f"# THIS FILE CANNOT BE USED YET: no {what.replace(' and ', ' and no ')} answered.",
        "# Next: plug in, switch on, close other programs that use the ports, and find again.",
        f"# Or copy {by_hand} from resources/rigs/mixed.toml and put in your own ports.",
        "",
    ]


def _device(found: Found, numbers: Counter[str]) -> list[str]:
    number = found.port.serial_number
    if number and numbers[number] == 1:
        port = f"port = {_text(USB + number)}  # now {_words(found.port.words)}"
    else:
        port = f"port = {_text(found.port.port)}  # {_words(found.port.words)}; no serial number of its own"
    settings = ", ".join(f"{key} = {_value(value)}" for key, value in found.settings.items())
    lines = [f"# {_words(found.identity)}", f"kind = {_text(found.kind)}", port]
    lines += [f"settings = {{ {settings} }}"] if settings else []
    fields = dataclasses.fields(module_of(found.kind).Settings)
    needed = [
        f.name
        for f in fields
        if f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
        and f.name not in found.settings
    ]
    return lines + [f"# check: settings must also have {key}; see the device's data sheet" for key in needed]


def _pump(found: Found, role: str, numbers: Counter[str]) -> list[str]:
    valve = hasattr(module_of(found.kind).Driver, "select")
    lines = [f"[pumps.{role}]  # check: call it as your recipes do", *_device(found, numbers)]
    lines += [f"syringe = {_text(_VALVED_SYRINGE if valve else _SYRINGE)}  # check: make and size of what is in it"]
    lines += [f"stock = {_text(role)}  # check: what is in it"]
    if valve:
        lines += ['# check: ports = { draw = "...", deliver = "..." } and bottle_ul, if it draws from a bottle']
    return [*lines, ""]


def _stage(stages: Sequence[Found], numbers: Counter[str]) -> list[str]:
    if not stages:
        return [
            "# No stage answered. Check its power and cable, or fill this in.",
            "# [stage]",
            '# kind = "grbl"',
            '# port = "..."',
            "# travel_mm = [150.0, 105.0, 20.0]",
            "",
        ]
    lines: list[str] = []
    for i, found in enumerate(stages):
        entry = [
            "[stage]",
            *_device(found, numbers),
            "travel_mm = [150.0, 105.0, 20.0]  # check: largest X, Y and Z; too large a number breaks things",
        ]
        lines += [*(entry if i == 0 else [f"# {line}" for line in entry]), ""]
    return lines


def _text(value: str) -> str:
    """A TOML string: JSON's escapes are TOML's too, but for a lone surrogate and DEL."""
    clean = value.encode("utf-8", "replace").decode("utf-8").replace("\x7f", " ")
    return json.dumps(clean, ensure_ascii=False)


def _value(value: str | int | float | bool) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _words(text: str) -> str:
    """One line that may stand in a comment."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in clean).split())[:200]
