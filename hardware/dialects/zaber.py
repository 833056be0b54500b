"""Zaber's ASCII protocol: the ASCII Protocol Manual for firmware 6 and 7, sections Message Format and Checksumming.

A command is `/device axis id words:CS LF`, its reply `@device axis id OK|RJ IDLE|BUSY flag data[:CS] CR LF`. Alerts
begin with `!`, further packets and information with `#`. The checksum makes the sum of all bytes after the first,
with itself, 0 modulo 256. The flag is the one of highest priority: FS hides a WR behind it, `warnings` lists all.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

END = b"\n"
LAST_ID = 94
SPEED_DATA = 1.6384
"""What the device calls a speed, per microstep per second."""
DEFAULT_RESOLUTION = 64
"""Microsteps per full step, for which data sheets give the size of a microstep."""

_CHECKED = re.compile(r"(.*):([0-9A-Fa-f]{2}|100)", re.DOTALL)
_REPLY = re.compile(r"@(\d\d?) +(\d)(?: +(\d\d?))? +(OK|RJ) +(IDLE|BUSY) +(--|[A-Z][A-Z0-9])(?: +(.*))?")
_ALERT = re.compile(r"!(\d\d?) +(\d) +(IDLE|BUSY) +(--|[A-Z][A-Z0-9])(?: +(.*))?")
_MORE = re.compile(r"#(\d\d?) +(\d)(?: +(\d\d?))? +cont(?: +(.*))?")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?")
_NOTHING = frozenset({"", "--"})


class Word(StrEnum):
    """What the device understands."""

    STATUS = ""
    HOME = "home"
    MOVE = "move abs"
    STOP = "stop"
    ESTOP = "estop"
    POSITION = "get pos"
    WARNINGS = "warnings"
    CLEAR_WARNINGS = "warnings clear"
    ENABLE = "driver enable"
    CHECKSUM = "get comm.checksum"
    CHECKSUM_ON = "set comm.checksum 1"
    DEVICE_ID = "get deviceid"
    VERSION = "get version"
    SERIAL = "get system.serial"
    RESOLUTION = "get resolution"
    LIMIT_MIN = "get limit.min"
    LIMIT_MAX = "get limit.max"
    MAX_SPEED = "get maxspeed"
    SET_MAX_SPEED = "set maxspeed"


FLAGS = {
    "FF": "reports a critical fault in itself; switch it off and on",
    "FN": "does not support the stage that is plugged into it",
    "FZ": "has not activated the stage that is plugged into it; use Zaber Launcher",
    "FH": "its emergency stop input is open",
    "FV": "switched its motor off: the supply voltage is too high or too low",
    "FO": "its motor is switched off",
    "FC": "switched its motor off: the current was too high",
    "FM": "switched its motor off: the motor is too hot",
    "FD": "switched its motor off: it is too hot",
    "FQ": "its encoder fails; look for dust or a loose cable",
    "FI": "its encoder's index is not where it was; look for a slipped coupling",
    "FA": "its analogue encoder lost count",
    "FR": "exceeded its energy limit and rests",
    "FS": "stalled and stopped: look for an obstacle or too much load",
    "FB": "a streamed path leaves its limits",
    "FP": "strayed from its path",
    "FE": "did not find its limit sensor",
    "FT": "its two motors pull against each other (excessive twist)",
    "WL": "ran into a limit sensor unexpectedly",
    "WV": "its supply voltage is out of range",
    "WT": "is hot",
    "WS": "stalled and recovered",
    "WM": "was pushed out of its place while it stood",
    "WP": "has a calibration that does not fit",
    "WR": "does not know its position",
    "WH": "has not been homed",
    "NC": "is moved by hand, at its knob",
    "NI": "was interrupted by another command",
    "ND": "a streamed path was interrupted",
    "NR": "rounded a value",
    "NT": "shortened a value",
    "NU": "has a setting that waits to be used",
    "NJ": "calibrates a joystick",
    "NB": "waits for new firmware",
}
MOTOR_OFF = frozenset({"FD", "FO", "FH", "FV", "FC", "FM"})
PLACE_LOST = frozenset(flag for flag in FLAGS if flag[0] == "F") | {"WL"}
"""After these the count of microsteps may be wrong, whatever the device believes."""
UNREFERENCED = frozenset({"WR", "WH"})

REASONS = {
    "AGAIN": "cannot do that at this moment",
    "BADAXIS": "has no such axis",
    "BADCOMMAND": "does not know the command",
    "BADDATA": "says the value is out of its range, or it has no reference",
    "BADMESSAGEID": "did not take the number of the message",
    "DEVICEONLY": "takes that for the whole device only",
    "DRIVERDISABLED": "its motor is switched off; home it",
    "FULL": "has no more room for commands",
    "INACTIVE": "the stage plugged into it is not activated; use Zaber Launcher",
    "LOCKSTEP": "its axis is locked to another one",
    "NOTSUPPORTED": "does not support the stage that is plugged into it",
    "PARKED": "is parked; home it",
    "REMOTE": "is controlled by another bus",
    "STATUSBUSY": "is busy",
}


@dataclass(frozen=True)
class Message:
    """ident: the number of the command that it answers, None without one. checked: it carried a checksum that is
    right. more: another packet follows."""

    kind: Literal["reply", "alert", "more"]
    device: int
    axis: int
    ident: int | None
    accepted: bool
    busy: bool
    flag: str
    data: str
    checked: bool
    more: bool = False


def checksum(body: bytes) -> str:
    """Of what stands between the first byte of a message and the colon."""
    return f"{-sum(body) % 256:02X}"


def command(device: int, axis: int, ident: int, words: str) -> bytes:
    """A whole line. device and axis 0 are all of them."""
    body = f"{device} {axis} {ident:02}{' ' if words else ''}{words}".encode("ascii")
    return b"/" + body + b":" + checksum(body).encode("ascii") + END


def message_of(line: bytes) -> Message | None:
    """A line without its end; None for noise, for information that continues nothing, and for a wrong checksum."""
    try:
        text = line.strip(b"\r\n\0 ").decode("ascii")
    except UnicodeDecodeError:
        return None
    checked = _CHECKED.fullmatch(text)
    if checked is not None:
        text = checked[1]
        if (sum(text[1:].encode("ascii")) + int(checked[2], 16)) % 256 != 0:
            return None
    carried = checked is not None
    if (m := _REPLY.fullmatch(text)) is not None:
        data, more = _packet(m[7])
        ident = None if m[3] is None else int(m[3])
        return Message(
            "reply", int(m[1]), int(m[2]), ident, m[4] == "OK", m[5] == "BUSY", m[6], data, carried, more
        )
    if (m := _ALERT.fullmatch(text)) is not None:
        return Message("alert", int(m[1]), int(m[2]), None, True, m[3] == "BUSY", m[4], m[5] or "", carried)
    if (m := _MORE.fullmatch(text)) is not None:
        data, more = _packet(m[4])
        ident = None if m[3] is None else int(m[3])
        return Message("more", int(m[1]), int(m[2]), ident, True, False, "--", data, carried, more)
    return None


def number(data: str) -> float | None:
    """A value as the device writes it; None for anything else."""
    return float(data) if _NUMBER.fullmatch(data) else None


def flags_of(data: str) -> frozenset[str] | None:
    """All flags in the answer to `warnings`, which begins with their count; None for anything else."""
    count, *flags = data.split() or [""]
    if not count.isdigit() or any(not re.fullmatch("--|[A-Z][A-Z0-9]", flag) for flag in flags):
        return None
    return frozenset(flags) - _NOTHING


def in_words(flag: str) -> str:
    return FLAGS.get(flag, f"gives the warning {flag}")


def _packet(data: str | None) -> tuple[str, bool]:
    data = (data or "").strip()
    return data.removesuffix("\\").strip(), data.endswith("\\")
