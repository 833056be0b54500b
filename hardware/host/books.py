"""What vials and syringes hold, kept beyond the life of any program: a restart makes no vial empty.

One small file per rig in the person's own folder. A rig that says `simulated` has none: its bench begins anew.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from platformdirs import user_data_path

from hardware.errors import OutOfRangeError
from hardware.rig import LocalRig
from hardware.spec import RigSpec


def book_of(spec: RigSpec) -> Path | None:
    if spec.simulated:
        return None
    words = re.sub(r"[^A-Za-z0-9]+", "-", spec.name).strip("-").lower()
    exactly = hashlib.sha256(spec.name.encode()).hexdigest()[:8]  # names in other letters have no words left
    return user_data_path("aliquot", appauthor=False) / "books" / f"{words or 'rig'}-{exactly}.json"


def recalled(rig: LocalRig, file: Path) -> str:
    """Fill the books from the file; when they were written, empty without one.

    What is doubtful counts for the worst: a vial whose volume cannot be read is full until a person says otherwise.
    Raises ValueError, with all vials full, when nothing can be read.
    """
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        left_ul, contents_ul, when = dict(told["left_ul"]), dict(told["contents_ul"]), str(told["when"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        for slot in rig.spec.rack.slots:
            rig.set_contents(slot, rig.spec.rack.vial.capacity_ul)
        raise ValueError(f"{file} cannot be read, so every vial counts as full: say which are clean") from error
    for role in rig.pumps.keys() & left_ul.keys():
        with suppress(OutOfRangeError, TypeError, ValueError):  # another syringe, or the pump knows better
            rig.loaded(role, float(left_ul[role]))
    for slot in contents_ul.keys() & set(rig.spec.rack.slots):
        rig.set_contents(slot, _held_ul(contents_ul[slot], rig.spec.rack.vial.capacity_ul))
    return when


def _held_ul(told: object, capacity_ul: float) -> float:
    known = isinstance(told, int | float) and 0 <= told <= capacity_ul
    return float(told) if known and isinstance(told, int | float) else capacity_ul


def written(file: Path, left_ul: Mapping[str, float], contents_ul: Mapping[str, float]) -> None:
    """Old or new, never half. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = {slot: volume_ul for slot, volume_ul in contents_ul.items() if volume_ul}
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as out:
        json.dump({"when": when, "left_ul": dict(left_ul), "contents_ul": held}, out)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
