"""The commands about the rig itself: stop it, find its devices, check them."""

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from campaign.suitable import IN_HERE_S, MakeBench
from hardware.devices import Rig
from hardware.spec import RigSpec


def rig_command(arguments: argparse.Namespace, make_bench: MakeBench) -> int:
    match arguments.command:
        case "stop":
            return _stop(arguments)
        case "find":
            return _find(arguments)
        case _:
            return _check(arguments, make_bench)


def _stop(arguments: argparse.Namespace) -> int:
    """Returns 1 when a device did not confirm: somebody must go and look."""
    from hardware.host.door import stop_everything

    answers = stop_everything()
    if arguments.json:
        print(json.dumps(answers))
    elif not answers:
        print("No rig of yours is open on this computer.")
    for rig, unconfirmed in answers.items() if not arguments.json else ():
        told = f"NOT confirmed by {', '.join(unconfirmed)}: go and look" if unconfirmed else "stopped"
        print(f"{rig}: {told}")
    return 1 if any(answers.values()) else 0


def _find(arguments: argparse.Namespace) -> int:
    """Returns 1 when nothing was recognised."""
    from hardware.camera_list import list_cameras
    from hardware.discovery import find
    from hardware.rig_proposal import proposal

    live = sys.stderr.isatty()

    def progress(share: float, doing: str) -> None:
        if live:
            print(f"\r{100 * share:3.0f} %  {doing:<70.70}", end="", file=sys.stderr, flush=True)

    findings = find(progress)
    cameras = list_cameras()
    if live:
        print(file=sys.stderr)
    found = [{"port": f.port.port, "serial_number": f.port.serial_number, "kind": f.kind, "identity": f.identity,
              "settings": dict(f.settings)} for f in findings.found]  # fmt: skip
    if arguments.json:
        closed = [{"port": port.port, "why": why} for port, why in findings.closed]
        silent = [port.port for port in findings.silent]
        seen = [{"name": camera.name, "source": camera.source} for camera in cameras]
        print(json.dumps({"found": found, "silent": silent, "closed": closed, "cameras": seen}))
    else:
        rows = [(f.port.words, f.kind.replace("_", " "), f.identity) for f in findings.found]
        rows += [(port.words, "nobody answered", "") for port in findings.silent]
        rows += [(port.words, "not asked", why) for port, why in findings.closed]
        rows += [(camera.source, "camera", camera.name) for camera in cameras]
        _print_rows(rows or [("No port and no camera", "plug a device in and try again", "")])
        if rows and not found:
            print("Nobody was recognised. Switched on? Spoken to in another way (see its menu for baud and mode)?")
    if arguments.write and not found and not cameras:
        print("No rig file written: switch the devices on, plug them in, then find again.", file=sys.stderr)
    elif arguments.write:
        if arguments.write.exists():
            raise FileExistsError(f"{arguments.write} exists already: take another name")
        arguments.write.write_text(proposal(findings, cameras), encoding="utf-8")
        print(f"Proposed rig file: {arguments.write}", file=sys.stderr)
    return 0 if found or cameras else 1


def _print_rows(rows: Iterable[tuple[str, str, str]]) -> None:
    rows = list(rows)
    first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
    for row in rows:
        print(f"{row[0]:<{first}}  {row[1]:<{second}}  {row[2]}".rstrip())


def _check(arguments: argparse.Namespace, make_bench: MakeBench) -> int:
    """Returns 1 when a check failed."""
    from hardware.check import check_file, table
    from hardware.host.hosted import open_hosted
    from hardware.rig_file import load_rig
    from resources import path

    file = arguments.rig or path("rigs/virtual.toml")
    virtual = arguments.virtual or arguments.rig is None
    logs: list[str] = []
    if arguments.out:
        Path(arguments.out).touch()  # now, and not when all is done
    with make_bench(file, speed=arguments.speed) if virtual else nullcontext() as bench:
        spec = bench.rig if bench is not None else load_rig(file)

        kind = "a virtual bench, not your instruments" if spec.simulated else "real devices"
        print(f"Checking {spec.name}: {kind}.", flush=True)

        def opened(part: RigSpec) -> Rig:
            return open_hosted(part, speed=arguments.speed, lease_s=IN_HERE_S if virtual else None)

        def consent(question: str) -> bool:
            return bool(arguments.yes) or _agreed(question)

        rows = []
        for row in check_file(spec, consent, speed=arguments.speed, opened=opened, log=logs.append):
            rows.append(row)
            print(f"{row.result:<8} {row.device:<10} {row.what:<24} {row.detail}".rstrip(), flush=True)
    failed = sum(row.result == "fail" for row in rows)
    if arguments.out:
        text = f"{table(spec, rows)}\n## What was said on the wires\n\n```\n{''.join(logs)}```\n"
        Path(arguments.out).write_text(text, encoding="utf-8")
        print(f"Saved: {arguments.out}")
    counts = {word: sum(row.result == word for row in rows) for word in ("ok", "warn", "fail", "skipped")}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    print(f"{failed} of {len(rows)} checks FAILED ({told})." if failed else f"Nothing failed ({told}).")
    return 1 if failed else 0


def _agreed(question: str) -> bool:
    """Whether somebody types yes; where nobody can type, nothing moves."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
