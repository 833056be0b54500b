"""What RepRapFirmware 3 says over HTTP, and how it is asked: Duet3D/RepRapFirmware wiki, "HTTP requests" and
"Object model documentation"; DuetSoftwareFramework, DuetWebServer, for boards with a single-board computer (SBC).

A board alone answers rr_… requests: rr_gcode only queues, what came of it is in the object model and in rr_reply. A
board with an SBC answers /machine/…: a code is answered when it is done.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

Position = tuple[float, float, float]


class Word(StrEnum):
    """G-code, one word or more a line."""

    HOME = "G28"
    KILL = "M112"
    RESTART = "M999"


STANDING = frozenset({"idle"})
DEAD = frozenset({"halted", "off"})


@dataclass(frozen=True)
class Axis:
    """machine_mm: where it is now. user_mm: where G-code coordinates put the last planned place. None: not told."""

    homed: bool
    machine_mm: float | None
    user_mm: float | None
    least_mm: float
    most_mm: float
    steps_per_mm: float | None
    fastest_mm_s: float | None


def connect_path(password: str) -> str:
    return f"/rr_connect?password={quote(password, safe='')}&sessionKey=yes"


def sbc_connect_path(password: str) -> str:
    return f"/machine/connect?password={quote(password, safe='')}"


def code_path(code: str) -> str:
    return f"/rr_gcode?gcode={quote(code, safe='')}"


def model_path(key: str) -> str:
    """d99: all levels, v: also what is seldom asked for, n: also what has no value."""
    return f"/rr_model?key={key}&flags=d99vn"


def move_words(target_mm: tuple[float, ...], feed_mm_min: float) -> str:
    """A straight move in mm from the origin, and its end. One request: all of it is taken, or nothing."""
    axes = " ".join(f"{axis}{value:.3f}" for axis, value in zip("XYZ", target_mm, strict=False))
    return f"G21\nG90\nG1 {axes} F{feed_mm_min:.0f}\nM400"


def json_of(body: bytes) -> Any:
    """The JSON of an answer, or None: a board alone sends its web page for what it does not know."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def result_of(body: bytes, key: str) -> Any:
    """The answer to rr_model, only if it is about that key."""
    answer = json_of(body)
    return answer.get("result") if isinstance(answer, dict) and answer.get("key") == key else None


def part_of(model: Any, key: str) -> Any:
    """One branch of a whole object model; None when it is not there."""
    for name in key.split("."):
        model = model.get(name) if isinstance(model, Mapping) else None
    return model


def status_of(state: Any) -> str | None:
    """The word for what the firmware is doing, of the branch `state`."""
    status = state.get("status") if isinstance(state, Mapping) else None
    return status if isinstance(status, str) else None


def reply_number_of(seqs: Any) -> int | None:
    """Grows with every reply that rr_reply has to tell, of the branch `seqs`."""
    number = seqs.get("reply") if isinstance(seqs, Mapping) else None
    return number if isinstance(number, int) else None


def axes_of(axes: Any) -> tuple[Axis, Axis, Axis] | None:
    """X, Y and Z, of the branch `move.axes`; None unless all three are there with their limits."""
    if not isinstance(axes, list):
        return None
    told = [
        [axis for axis in axes if isinstance(axis, Mapping) and axis.get("letter") == letter] for letter in "XYZ"
    ]
    x, y, z = (_axis(found[0]) if len(found) == 1 else None for found in told)
    return (x, y, z) if x is not None and y is not None and z is not None else None


def _axis(told: Mapping[str, Any]) -> Axis | None:
    least, most = number_of(told.get("min")), number_of(told.get("max"))
    if not isinstance(told.get("homed"), bool) or least is None or most is None:
        return None
    speed = number_of(told.get("speed"))
    return Axis(
        told["homed"],
        number_of(told.get("machinePosition")),
        number_of(told.get("userPosition")),
        least,
        most,
        number_of(told.get("stepsPerMm")),
        speed / 60 if speed is not None else None,  # told in mm/min
    )


def are_at(axes: tuple[Axis, Axis, Axis], machine_mm: tuple[float, ...], within_mm: float) -> bool:
    pairs = zip(axes, machine_mm, strict=False)
    return all(a.machine_mm is not None and abs(a.machine_mm - mm) <= within_mm for a, mm in pairs)


def number_of(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def firmware_of(boards: Any) -> str | None:
    """Firmware, version and board, of the branch `boards`; None if it is no RepRapFirmware."""
    board = boards[0] if isinstance(boards, list) and boards else None
    name = board.get("firmwareName") if isinstance(board, Mapping) else None
    if not isinstance(board, Mapping) or not isinstance(name, str) or "reprapfirmware" not in name.lower():
        return None
    return " ".join(str(board[part]) for part in ("firmwareName", "firmwareVersion", "name") if board.get(part))


def error_of(reply: str) -> str | None:
    """The first complaint in a reply; warnings are none."""
    lines = (line.strip() for line in reply.splitlines())
    return next((line for line in lines if line.lower().startswith("error")), None)
