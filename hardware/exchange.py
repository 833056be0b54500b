"""The exchange log: what was said on every wire of late, for a person who helps."""

import datetime
import time
from collections.abc import Mapping
from pathlib import Path

from hardware.devices import Traffic

KEPT = 20
TOGETHER_S = 0.02
LONGEST = 2_000_000
"""Characters, of which the newest are kept: a line full of noise says much in little time."""


def exchanged(traffic: Mapping[str, tuple[Traffic, ...]]) -> str:
    """What was said, in the order of time, of late. `!` marks a stop; bytes that are no letters are escaped."""
    to_wall_s = time.time() - time.monotonic()
    said = sorted(((p.at_s, name, p.direction, p.data) for name, pieces in traffic.items() for p in pieces))
    lines: list[tuple[float, str, str, bytes]] = []
    for at_s, name, direction, data in said:
        if lines and lines[-1][1:3] == (name, direction) and at_s - lines[-1][0] < TOGETHER_S:
            lines[-1] = (*lines[-1][:3], lines[-1][3] + data)  # one answer that came in pieces
        else:
            lines.append((at_s, name, direction, data))
    text = "".join(
        f"{datetime.datetime.fromtimestamp(at_s + to_wall_s).astimezone().isoformat(timespec='milliseconds')} "
        f"{name:>10} {direction} {str(data)[2:-1]}\n"
        for at_s, name, direction, data in lines
    )
    return text if len(text) <= LONGEST else text[-LONGEST:].partition("\n")[2]


def save_exchange(folder: Path, text: str, why: str) -> Path:
    """A new file in `folder`; the oldest beyond twenty go. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")
    file = folder / f"exchange-{stamp}.txt"
    file.write_text(f"{why}\n\n{text}", encoding="utf-8")
    for old in sorted(folder.glob("exchange-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return file
