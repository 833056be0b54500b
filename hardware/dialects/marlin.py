"""What Marlin says and understands: MarlinFirmware/Marlin 1.1 to 2.1, gcode/queue.cpp, core/language.h, gcode/host.

Lines go out numbered and with a checksum, so that the firmware takes each of them once and in order. Its "ok" has
no name: only an answer with content of its own (a position, an echoed word) tells that what went before is done.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

Position = tuple[float, float, float]

END = b"\n"
_NUMBER = r"(-?\d{1,6}\.\d{1,4})"
_POSITION = re.compile(
    rf"(?:ok(?:\s+[NPB]\d+)*\s+)?X:\s*{_NUMBER}\s*Y:\s*{_NUMBER}\s*Z:\s*{_NUMBER}\s*(?:[A-W]:\s*-?\d|Count\b).*"
)
_OK = re.compile(r"ok(?:\s+(?:N(\d{1,9})\b)?.*)?")
_RESEND = re.compile(r"(?:resend|rs)\s*:?\s*N?(\d{1,9})", re.IGNORECASE)
_BANNER = re.compile(r"(?:echo:\s*)?\W*(?:start|PowerUp|(?:External|Brown out|Watchdog|Software) Reset)")
_BUSY = re.compile(r"(?:echo:\s*)?busy:.*")
_LINE_ERROR = re.compile(
    r"Error:\s*(?:(?:checksum mismatch|(?:No|Missing) checksum|No Line Number|Line Number is not).*"
    r"|expected line \d+ got \d+)",
    re.IGNORECASE,
)
_KILLED = re.compile(
    r".*(?:Printer halted|kill\(\) called|\bKILLED\b|Printer stopped due to errors).*", re.IGNORECASE
)
_LOCKED = re.compile(r"(?:echo:\s*)?Printer locked!.*", re.IGNORECASE)
_ENDSTOPS_HIT = re.compile(r"echo:\s*endstops hit:.*", re.IGNORECASE)
_AXIS_AT = re.compile(r"\b([XYZ]):?\s*(-?\d{1,6}(?:\.\d{1,4})?)(?![\d.])")
_NOT_HOMED = re.compile(r"echo:\s*Home\s.*first.*|echo:\s*Homing (?:Required|Failed).*", re.IGNORECASE)
_FIRMWARE = re.compile(r"(?:ok\s+)?FIRMWARE_NAME:\s*(.*)")
_FIELD = re.compile(r"\s+[A-Z_]+:")
_CAPABILITY = re.compile(r"Cap:([A-Z_]+):([01])")
_AXES = {word: re.compile(rf"(?:echo:)?\s*{word}((?: +[A-Z]-?\d+(?:\.\d+)?)+)\s*") for word in ("M92", "M203")}
_SOFT = re.compile(r"(?:echo:)?\s*(?:Soft endstops:?\s*(ON|OFF)|M211 S([01]))\b.*", re.IGNORECASE)
_SOFT_LIMITS = re.compile(r".*Min:\s*(X.*?)\s+Max:\s*(X.*)")
_SWITCH = re.compile(r"([xyz]\d?_(?:min|max|probe|stop)|z_probe|probe): *(open|TRIGGERED)", re.IGNORECASE)


class Word(StrEnum):
    """What the firmware understands, one word a line."""

    NUMBER = "M110"
    MILLIMETRES = "G21"
    ABSOLUTE = "G90"
    HOME = "G28"
    HOME_Z = "G28 Z"
    HOME_XY = "G28 X Y"
    FINISH = "M400"
    POSITION = "M114"
    FIRMWARE = "M115"
    ECHO = "M118"
    SWITCHES = "M119"
    SOFT_LIMITS = "M211"
    SOFT_LIMITS_ON = "M211 S1"
    SOFT_LIMITS_OFF = "M211 S0"
    SWITCHES_STOP = "M120"
    SWITCHES_IGNORED = "M121"
    SETTINGS = "M503"
    NO_POSITION_REPORTS = "M154 S0"
    QUICK_STOP = "M410"
    KILL = "M112"


@dataclass(frozen=True)
class Firmware:
    """Who answered M115. name: firmware and version."""

    name: str
    is_marlin: bool


def text_of(line: bytes) -> str:
    return line.decode("ascii", "replace").strip()


def numbered(number: int, line: str) -> bytes:
    """A line with its number and checksum: the XOR of all that stands before the asterisk."""
    body = f"N{number} {line}".encode("ascii")
    checksum = 0
    for byte in body:
        checksum ^= byte
    return body + f"*{checksum}\n".encode("ascii")


def plain(*lines: str) -> bytes:
    """Lines without a number, as a stop goes. The first line end closes whatever was cut off before."""
    return "".join(f"\n{line}" for line in lines).encode("ascii") + b"\n"


def move_words(target_mm: tuple[float, ...], feed_mm_min: float) -> str:
    """A straight move to an absolute position in mm."""
    axes = " ".join(f"{axis}{value:.3f}" for axis, value in zip("XYZ", target_mm, strict=False))
    return f"G1 {axes} F{feed_mm_min:.0f}"


def ok_of(text: str) -> tuple[bool, int | None]:
    """Whether the line is an "ok", and the line number that ADVANCED_OK puts into it."""
    match = _OK.fullmatch(text)
    return match is not None, int(match[1]) if match is not None and match[1] else None


def resend_of(text: str) -> int | None:
    """The line that the firmware did not get and wants again."""
    match = _RESEND.fullmatch(text)
    return int(match[1]) if match is not None else None


def is_banner(text: str) -> bool:
    """What is said after a reset, wanted or not."""
    return _BANNER.fullmatch(text) is not None


def is_busy(text: str) -> bool:
    return _BUSY.fullmatch(text) is not None


def is_killed(text: str) -> bool:
    return _KILLED.fullmatch(text) is not None


def is_locked(text: str) -> bool:
    """By a passcode; it does nothing then, and says "ok" to everything."""
    return _LOCKED.fullmatch(text) is not None


def is_line_error(text: str) -> bool:
    """A line was garbled on its way; which one is wanted again comes next, as a Resend."""
    return _LINE_ERROR.fullmatch(text) is not None


def is_endstop_hit(text: str) -> bool:
    return _ENDSTOPS_HIT.fullmatch(text) is not None


def hit_at(text: str) -> dict[str, float]:
    """Axes whose end switch was hit, and where they were by the firmware's count then, mm."""
    return _axes_at(text.partition("hit:")[2]) if is_endstop_hit(text) else {}


def _axes_at(text: str) -> dict[str, float]:
    return {axis: float(mm) for axis, mm in _AXIS_AT.findall(text)}


def wants_homing(text: str) -> bool:
    return _NOT_HOMED.fullmatch(text) is not None


def echoes(text: str, token: str) -> bool:
    """Whether M118's word came back: as it was, or in the complaint of a firmware that is too old to know M118."""
    return re.search(rf"\b{token}\b", text) is not None


def is_unknown(text: str, word: str) -> bool:
    """Whether it complains that it does not know a command."""
    return re.fullmatch(rf'(?:echo:\s*)?unknown command:\s*"?{word}\b.*', text, re.IGNORECASE) is not None


def position_of(text: str) -> Position | None:
    """The answer to M114: X, Y, Z in mm. None for what is no such answer, or was cut off."""
    match = _POSITION.fullmatch(text)
    return (float(match[1]), float(match[2]), float(match[3])) if match is not None else None


def firmware_of(text: str) -> Firmware | None:
    """The first line of the answer to M115."""
    match = _FIRMWARE.fullmatch(text)
    if match is None:
        return None
    return Firmware(_FIELD.split(match[1])[0].strip(), "marlin" in text.lower())


def capability_of(text: str) -> tuple[str, bool] | None:
    match = _CAPABILITY.fullmatch(text)
    return (match[1], match[2] == "1") if match is not None else None


def axes_of(word: str, text: str) -> dict[str, float]:
    """M92 (steps per mm) or M203 (mm/s) by axis, from a line of M503; empty for another line."""
    match = _AXES[word].fullmatch(text.partition(";")[0])
    return {part[0]: float(part[1:]) for part in match[1].split()} if match is not None else {}


def soft_limits_of(said: list[str]) -> str | None:
    """The answer to M211 in words."""
    states = [match for text in said if (match := _SOFT.fullmatch(text)) is not None]
    if not states:
        return None
    on = states[0][1].upper() == "ON" if states[0][1] else states[0][2] == "1"
    spans = [match for text in said if (match := _SOFT_LIMITS.fullmatch(text)) is not None]
    return ("on" if on else "off") + (f", {spans[0][1]} to {spans[0][2]}" if spans else "")


def soft_least_of(said: list[str]) -> dict[str, float]:
    """The lower ends in the answer to M211, mm: of an axis that homes towards them, where its switch closes."""
    spans = [match for text in said if (match := _SOFT_LIMITS.fullmatch(text)) is not None]
    return _axes_at(spans[0][1]) if spans else {}


def switches_of(said: list[str]) -> dict[str, bool]:
    """The answer to M119: which end switch is pressed."""
    found = [match for text in said if (match := _SWITCH.fullmatch(text)) is not None]
    return {match[1].lower(): match[2].upper() == "TRIGGERED" for match in found}


def knows(heard: bytes) -> str | None:
    """Who answered M115: for discovery. None while no whole line of the answer has come, or it is no Marlin."""
    for line in heard.split(END)[:-1]:
        firmware = firmware_of(text_of(line))
        if firmware is not None and firmware.is_marlin:
            return firmware.name
    return None
