"""The self-test of a rig: who is there, how it is set, whether it obeys, refuses and stops. A table for a person.

Nothing moves and nothing flows unless `consent` says so, question by question. What is checked of limits is checked
by the silence on the wire: a command beyond them must be refused before a byte is sent.
"""

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from hardware.check_facts import Part, facts, pictures, reading, refusals
from hardware.check_moves import doses, moves
from hardware.check_row import CheckRow, Consent, guarded
from hardware.devices import Device, Rig
from hardware.rig import RigOpenError, open_rig
from hardware.spec import RigSpec

__all__ = ["CheckRow", "Consent", "check", "check_file", "table", "versions"]


def check_file(
    spec: RigSpec,
    consent: Consent,
    *,
    speed: float = 1.0,
    opened: Callable[[RigSpec], Rig] | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> Iterator[CheckRow]:
    """Open the rig and check it; devices that do not open are rows, and the others are checked without them.

    speed: how much faster than real time the bench's clock runs. opened: opens the rig; in this process when it is
    left out. log: gets what was said on the wires, at the end.
    """
    try:
        rig = opened(spec) if opened is not None else open_rig(spec, speed=speed)
    except RigOpenError as error:
        gone = {missing.role for missing in error.missing}
        yield from (CheckRow(m.role, "open", "fail", f"{m.port}: {m.message}") for m in error.missing)
        if "stage" in gone:
            every = {*spec.pumps, *spec.meters, *(["camera"] if spec.camera else [])}
            for role in sorted(every - gone):
                yield CheckRow(role, "everything", "skipped", "the stage is missing")
        else:
            yield from check_file(_without(spec, gone), consent, speed=speed, opened=opened, log=log)
        return
    try:
        yield from check(rig, consent, speed=speed)
        log(rig.exchange_log())
    finally:
        rig.close()


def _without(spec: RigSpec, gone: set[str]) -> RigSpec:
    return replace(
        spec,
        pumps={role: pump for role, pump in spec.pumps.items() if role not in gone},
        meters={role: meter for role, meter in spec.meters.items() if role not in gone},
        camera=None if "camera" in gone else spec.camera,
    )


def check(rig: Rig, consent: Consent, *, speed: float = 1.0) -> Iterator[CheckRow]:
    """Check a rig that is open. consent: asked before anything moves, flows or stops."""
    devices: dict[str, tuple[Device, Part]] = {
        role: (pump, rig.spec.pumps[role]) for role, pump in rig.pumps.items()
    }
    devices["stage"] = (rig.stage, rig.spec.stage)
    devices |= {role: (meter, rig.spec.meters[role]) for role, meter in rig.meters.items()}
    if rig.camera is not None and rig.spec.camera is not None:
        devices["camera"] = (rig.camera, rig.spec.camera)
    for role, (device, part) in devices.items():
        yield from facts(role, device, part)
    for role, meter in rig.meters.items():
        yield guarded(role, "reading", partial(reading, role, meter, rig.spec.meters[role]))
    if rig.camera is not None:
        yield guarded("camera", "pictures", partial(pictures, rig.camera))
    yield from refusals(rig)
    if rig.stopped:
        yield CheckRow("rig", "moves", "skipped", "everything is stopped: release the stop, then check again")
        return
    yield from moves(rig, consent, speed)
    yield from doses(rig, consent, speed)


def table(spec: RigSpec, rows: Iterable[CheckRow]) -> str:
    """Rows as Markdown, under what a helper must know of program and computer."""
    rows = list(rows)
    counts = {word: sum(row.result == word for row in rows) for word in ("ok", "warn", "fail", "skipped")}
    lines = [
        f"# Check of {_cell(spec.name)}",
        "",
        *(f"- {name}: {value}" for name, value in versions().items()),
        f"- simulated: {'yes' if spec.simulated else 'no'}",
        f"- {', '.join(f'{n} {word}' for word, n in counts.items())}",
        "",
        "| device | what | result | detail |",
        "|---|---|---|---|",
    ]
    lines += [f"| {_cell(r.device)} | {_cell(r.what)} | {r.result} | {_cell(r.detail)} |" for r in rows]
    return "\n".join(lines) + "\n"


def versions() -> Mapping[str, str]:
    """Of the program, of what it talks through, and of the computer."""
    told = {}
    for package in ("aliquot", "pyserial", "opencv-python-headless"):
        try:
            told[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            told[package] = "not installed"
    return {**told, "Python": sys.version.split()[0], "system": f"{platform.platform()} ({platform.machine()})"}


def _cell(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace("|", "\\|")
