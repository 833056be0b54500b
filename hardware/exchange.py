"""The exchange log: what was said on every wire of late, for a person who helps."""

import datetime
import time
from collections.abc import Mapping
from pathlib import Path

from hardware.devices import Traffic

KEPT = 20


def exchanged(traffic: Mapping[str, tuple[Traffic, ...]]) -> str:
    """All pieces of all devices in the order of time. `!` marks a stop; bytes that are no letters are escaped."""
    to_wall_s = time.time() - time.monotonic()
    pieces = sorted((piece.at_s, name, piece) for name, said in traffic.items() for piece in said)
    return "".join(
        f"{datetime.datetime.fromtimestamp(at_s + to_wall_s).astimezone().isoformat(timespec='milliseconds')} "
        f"{name:>10} {piece.direction} {str(piece.data)[2:-1]}\n"
        for at_s, name, piece in pieces
    )


def save_exchange(folder: Path, text: str, why: str) -> Path:
    """A new file in `folder`; the oldest beyond twenty go. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")
    file = folder / f"exchange-{stamp}.txt"
    file.write_text(f"{why}\n\n{text}", encoding="utf-8")
    for old in sorted(folder.glob("exchange-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return file
