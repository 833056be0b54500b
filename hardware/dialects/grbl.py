"""What GRBL 1.1 and grblHAL say and understand.

Source: gnea/grbl, doc/markdown/{interface,commands,jogging}.md and grbl/report.c, revision 1.1h; grblHAL/core, wiki
"For sender developers". A line ends with LF; the answer to it is `ok` or `error:n`, one for each line sent.
Everything in <>, in [] and after ALARM: comes whenever it likes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Axes = tuple[float, ...]
Position = tuple[float, float, float]

END = b"\n"
LETTERS = "XYZABCUVW"
_STATUS = re.compile(r"<([A-Z][A-Za-z]{1,11})(?::(\d{1,3}))?\|([ -;=?-~]*)>")
_BANNER = re.compile(r"[^\[<$]*\bGrbl(?:HAL)? [1-9]\d*\.\d.*", re.IGNORECASE)
_AXES = re.compile(r"-?\d{1,6}\.\d{1,4}(?:,-?\d{1,6}\.\d{1,4}){0,8}")
_PAIR = re.compile(r"(\d{1,5}),(\d{1,6})")
_VERSION = re.compile(r"\[VER:([1-9]\d*\.[^:\]]*):?([^\]]*)\]")
_OPTIONS = re.compile(r"\[OPT:([^,\]]*)(?:,(\d+),(\d+))?(?:,[^\]]*)?\]")
_LETTERED = re.compile(r"\[AXS:(\d):([A-Z]+)\]")
_SETTING = re.compile(r"\$(\d{1,4})=(-?\d+(?:\.\d*)?)(?: .*)?")


class Word(StrEnum):
    """What the controller understands. Those of one character act at once, even while a line is being worked off;
    they take no place in its buffer and get no ok."""

    STATUS = "?"
    HOLD = "!"
    RESUME = "~"
    RESET = "\x18"
    DOOR = "\x84"
    JOG_CANCEL = "\x85"
    HOME = "$H"
    UNLOCK = "$X"
    BUILD = "$I"
    SETTINGS = "$$"

    @property
    def byte(self) -> bytes:
        return self.value.encode("latin-1")


@dataclass(frozen=True)
class Status:
    """One report. What it leaves out is None. blocks: free places in the planner. homed: as grblHAL tells it."""

    state: str
    substate: str
    machine_mm: Axes | None
    work_mm: Axes | None
    offset_mm: Axes | None
    blocks: int | None = None
    homed: bool | None = None


@dataclass(frozen=True)
class Build:
    """Answer to $I. rx_bytes, blocks: size of its receive buffer and of its planner; 0 when it does not say."""

    version: str = ""
    firmware: str = "GRBL"
    options: str = ""
    blocks: int = 0
    rx_bytes: int = 0
    axes: str = ""

    def __str__(self) -> str:
        return f"{self.firmware} {self.version}".strip()


def text_of(line: bytes) -> str:
    return line.strip(b"\r\n\t \x00").decode("ascii", "replace")


def is_banner(text: str) -> bool:
    """The welcome after a reset, wanted or not; noise of a starting port may stand before it."""
    return _BANNER.fullmatch(text) is not None


def status_of(text: str) -> Status | None:
    """A status report `<...>`, or None for any other line."""
    match = _STATUS.fullmatch(text)
    if match is None:
        return None
    fields = dict(part.partition(":")[::2] for part in match[3].split("|"))
    machine, work, offset = (_axes(fields.get(name)) for name in ("MPos", "WPos", "WCO"))
    free = _PAIR.fullmatch(fields.get("Bf", ""))
    homed = {"0": False, "1": True}.get(fields.get("H", "").partition(",")[0])
    return Status(match[1], match[2] or "", machine, work, offset, int(free[1]) if free else None, homed)


def build_of(said: list[str]) -> Build:
    """The lines that came before the ok of $I."""
    version, firmware, options, blocks, rx_bytes, axes = "", "GRBL", "", 0, 0, ""
    for line in said:
        if (match := _VERSION.fullmatch(line)) is not None:
            version = match[1]
        elif (match := _OPTIONS.fullmatch(line)) is not None:
            options, blocks, rx_bytes = match[1], int(match[2] or 0), int(match[3] or 0)
        elif (match := _LETTERED.fullmatch(line)) is not None and len(match[2]) == int(match[1]):
            axes = match[2]
        elif line.startswith("[FIRMWARE:"):
            firmware = line.removeprefix("[FIRMWARE:").removesuffix("]")
    return Build(version, firmware, options, blocks, rx_bytes, axes)


def setting_of(text: str) -> tuple[int, float] | None:
    """One line of the answer to $$, where it is a number; grblHAL has some that are words."""
    match = _SETTING.fullmatch(text)
    return None if match is None else (int(match[1]), float(match[2]))


def knows(heard: bytes) -> str | None:
    """Who answered a probe: a controller of this kind says its banner or its version."""
    lines = [text_of(line) for line in heard.split(END)[:-1]]
    if (build := build_of(lines)).version:
        return str(build)
    banner = next((line for line in lines if is_banner(line)), None)
    return None if banner is None else banner[banner.lower().index("grbl") :].partition(" [")[0]


def straight(targets_mm: Mapping[str, float], feed_mm_min: float) -> str:
    """A straight move to an absolute position, by axis, in mm and work coordinates."""
    axes = "".join(f"{axis}{number(mm)}" for axis, mm in targets_mm.items())
    return f"G21G90G1{axes}F{number(feed_mm_min)}"


def jog(by_mm: Mapping[str, float], feed_mm_min: float) -> str:
    """A jog from where it stands; it touches no modes and ends at 0x85."""
    axes = "".join(f"{axis}{number(mm)}" for axis, mm in by_mm.items())
    return f"$J=G21G91{axes}F{number(feed_mm_min)}"


def number(value: float) -> str:
    """To a tenth of a micrometre, and no longer than that needs."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _axes(text: str | None) -> Axes | None:
    if text is None or not _AXES.fullmatch(text):
        return None
    return tuple(float(part) for part in text.split(","))
