"""What vials and syringes hold, kept beyond the life of any program: a restart makes no vial empty.

One small file per rig in the person's own folder. A rig that says `simulated` has none: its bench begins anew.
"""

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
    name = re.sub(r"[^A-Za-z0-9]+", "-", spec.name).strip("-").lower() or "rig"
    return user_data_path("aliquot", appauthor=False) / "books" / f"{name}.json"


def recalled(rig: LocalRig, file: Path) -> str:
    """Fill the books from the file; when they were written, empty without one. What fits no more is left out."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        kept = {"left_ul": rig.loaded, "contents_ul": rig.set_contents}
        volumes = [(put, name, float(ul)) for key, put in kept.items() for name, ul in told[key].items()]
        when = str(told["when"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none yet, or not ours
        return ""
    for put, name, volume_ul in volumes:
        with suppress(OutOfRangeError):  # another syringe, another rack, or the pump knows better
            put(name, volume_ul)
    return when


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
