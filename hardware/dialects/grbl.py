"""What GRBL 1.1 says and understands: gnea/grbl, doc/markdown/{interface,commands}.md, doc/csv; revision 1.1h."""

import re
from dataclasses import dataclass
from enum import StrEnum

Position = tuple[float, float, float]

END = b"\n"
_STATUS = re.compile(r"<([A-Z][a-z]+)(?::(\d))?\|([!-~]*)>")
_BANNER = re.compile(r"Grbl 1\.\d.*")
_AXES = re.compile(r"-?\d{1,5}\.\d{1,4}(?:,-?\d{1,5}\.\d{1,4}){2,5}")

ALARMS = {
    "1": "ran into a limit switch; look for an obstacle",
    "2": "refused a target outside its own soft limits; compare travel_mm with $130 to $132",
    "3": "was reset while it moved",
    "6": "was reset while homing",
    "7": "its door opened while homing",
    "8": "found a limit switch still pressed after homing",
    "9": "found no limit switch while homing",
}
ERRORS = {
    "5": "homing is switched off in the controller; fit limit switches and set $22=1",
    "8": "is not standing still",
    "9": "is locked after an alarm; home it",
    "15": "the target is beyond its travel",
    "20": "does not know the command",
}


class Word(StrEnum):
    """What the controller understands. The first three act at once, even while a line is being worked off."""

    STATUS = "?"
    HOLD = "!"
    RESET = "\x18"
    HOME = "$H"
    VERSION = "$I"


@dataclass(frozen=True)
class Status:
    """One report. Positions are None where the report leaves them out."""

    state: str
    substate: str
    machine_mm: Position | None
    work_mm: Position | None
    offset_mm: Position | None


def text_of(line: bytes) -> str:
    return line.strip().decode("ascii", "replace")


def is_banner(text: str) -> bool:
    """The welcome after a reset, wanted or not."""
    return _BANNER.fullmatch(text) is not None


def status_of(text: str) -> Status | None:
    """A status report `<...>`, or None for any other line."""
    match = _STATUS.fullmatch(text)
    if match is None:
        return None
    fields = dict(part.partition(":")[::2] for part in match[3].split("|"))
    axes = [_axes(fields.get(name)) for name in ("MPos", "WPos", "WCO")]
    return Status(match[1], match[2] or "", *axes)


def move_words(target_mm: tuple[float, ...], feed_mm_min: float) -> str:
    """A straight move to an absolute position in mm."""
    axes = "".join(f"{axis}{value:.3f}" for axis, value in zip("XYZ", target_mm, strict=False))
    return f"G21G90G1{axes}F{feed_mm_min:.0f}"


def _axes(text: str | None) -> Position | None:
    if text is None or not _AXES.fullmatch(text):
        return None
    x, y, z = (float(part) for part in text.split(",")[:3])
    return x, y, z
