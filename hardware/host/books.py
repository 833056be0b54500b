"""What vials and syringes hold, kept beyond the life of any program: a restart makes no vial empty.

One small file per set-up in the person's own folder. A rig that says `simulated` has none: its bench begins anew.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from platformdirs import user_data_path

from hardware.errors import OutOfRangeError
from hardware.ports import lasting
from hardware.rig import LocalRig
from hardware.spec import PumpSpec, RigSpec, StageSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Book:
    """devices: of pumps and stage, by serial number where they have one and by port where not."""

    file: Path
    name: str
    devices: tuple[str, ...]


def book_of(spec: RigSpec) -> Book | None:
    """The book of this set-up: of its name, and of the devices behind its roles. None for a rehearsal.

    A set-up that was changed and kept a device takes its book along: a new cable makes no vial empty.
    """
    if spec.simulated:
        return None
    parts: dict[str, PumpSpec | StageSpec] = {
        **{f"pumps.{r}": p for r, p in spec.pumps.items()},
        "stage": spec.stage,
    }
    behind = {role: lasting(part.port) for role, part in parts.items()}
    devices = sorted(set(behind.values()))
    exactly = [spec.name, sorted((r, behind[r], str(p.settings.get("address", ""))) for r, p in parts.items())]
    key = hashlib.sha256(json.dumps(exactly).encode()).hexdigest()[:12]
    words = re.sub(r"[^A-Za-z0-9]+", "-", spec.name).strip("-").lower() or "rig"  # none are left of other letters
    folder = user_data_path("aliquot", appauthor=False) / "books"
    book = Book(folder / f"{words}-{key}.json", spec.name, tuple(devices))
    if not book.file.exists():
        former = [file for file in folder.glob(f"{words}-*.json") if _is_of(file, book)]
        if former:
            max(former, key=lambda file: file.stat().st_mtime).replace(book.file)
    return book


def _is_of(file: Path, book: Book) -> bool:
    """Whether this is the book of the same set-up as it was before; one that does not say belongs to its name."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return bool(
            told.get("name", book.name) == book.name and set(told.get("devices", book.devices)) & {*book.devices}
        )
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        log.warning("%s cannot be read and is left alone: %s", file, error)
        return False


def passed_over(book: Book) -> str:
    """For a set-up without a book: which one of its name was not taken for its own, and what to do. Empty for none.

    A rig all of whose ports have new names looks like another rig of the same name.
    """
    if book.file.exists():
        return ""
    others = book.file.parent.glob(f"{book.file.stem.rpartition('-')[0]}-*.json")
    names = ", ".join(sorted(str(file) for file in others if _name_in(file) in (None, book.name)))
    if not names:
        return ""
    anew = "the books begin anew, every vial clean and every syringe full"
    return f"{anew}: {names} cannot be read or is of other ports. If it is of this rig, say what is in them now"


def _name_in(file: Path) -> str | None:
    """The rig's name in a book; None when it does not say."""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def recalled(rig: LocalRig, book: Book) -> str:
    """Fill the books from the file; when they were written, empty without one.

    What is doubtful counts for the worst: a vial whose volume cannot be read is full until a person says otherwise.
    Raises ValueError, with all vials full, when nothing can be read.
    """
    try:
        told = json.loads(book.file.read_text(encoding="utf-8"))
        left_ul, contents_ul, when = dict(told["left_ul"]), dict(told["contents_ul"]), str(told["when"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        for slot in rig.spec.rack.slots:
            rig.set_contents(slot, rig.spec.rack.vial.capacity_ul)
        raise ValueError(
            f"{book.file} cannot be read, so every vial counts as full: say which are clean"
        ) from error
    for role in rig.pumps.keys() & left_ul.keys():
        with suppress(OutOfRangeError, TypeError, ValueError):  # another syringe, or the pump knows better
            rig.loaded(role, float(left_ul[role]))
    for slot in contents_ul.keys() & set(rig.spec.rack.slots):
        rig.set_contents(slot, _held_ul(contents_ul[slot], rig.spec.rack.vial.capacity_ul))
    return when


def _held_ul(told: object, capacity_ul: float) -> float:
    known = isinstance(told, int | float) and 0 <= told <= capacity_ul
    return float(told) if known and isinstance(told, int | float) else capacity_ul


def written(book: Book, left_ul: Mapping[str, float], contents_ul: Mapping[str, float]) -> None:
    """Old or new, never half. Raises OSError."""
    file = book.file
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = {slot: volume_ul for slot, volume_ul in contents_ul.items() if volume_ul}
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as out:
        of = {"name": book.name, "devices": book.devices}
        json.dump({"when": when, "left_ul": dict(left_ul), "contents_ul": held, **of}, out)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
