"""The G-code of Grbl 1.1h, as far as a stage needs it: one line in, one block or an error number out."""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

INCH_MM = 25.4
SYSTEMS = ("G54", "G55", "G56", "G57", "G58", "G59")
_GROUPS = {"G0": "motion", "G1": "motion", "G4": "dwell", "G10": "sets", "G92": "sets", "G92.1": "sets",
           "G17": "plane", "G20": "units", "G21": "units", "G40": "cutter", "G49": "tool", "G53": "machine",
           "G61": "path", "G80": "motion", "G90": "distance", "G91": "distance", "G94": "feed",
           **dict.fromkeys(SYSTEMS, "system")}  # fmt: skip
_JOG = frozenset({"G20", "G21", "G53", "G90", "G91"})
_WORD = re.compile(r"([A-Z])([-+]?(?:\d+\.?\d*|\.\d+))")


class GrblError(Exception):
    """error:n"""

    def __init__(self, number: int) -> None:
        super().__init__(f"error:{number}")
        self.number = number


@dataclass(frozen=True)
class Modes:
    """The parser's state."""

    motion: Literal[0, 1] = 0
    inches: bool = False
    relative: bool = False
    feed_mm_min: float = 0.0
    system: str = "G54"

    def report(self) -> str:
        feed = self.feed_mm_min / INCH_MM if self.inches else self.feed_mm_min
        return (
            f"[GC:G{self.motion} {self.system} G17 G{20 if self.inches else 21} G{91 if self.relative else 90} G94 "
            f"M5 M9 T0 F{feed:g} S0]"
        )


@dataclass(frozen=True)
class Block:
    """axes_mm: what the line says of each axis, as of `relative`, of the machine or of the work system.
    feed_mm_min: None for a rapid. dwell_s: of G4. sets: "L2" or "L20" (of G10, for the system `place`), "G92",
    "G92.1"; nothing moves then."""

    modes: Modes
    axes_mm: dict[str, float] = field(default_factory=dict)
    relative: bool = False
    feed_mm_min: float | None = None
    machine: bool = False
    dwell_s: float | None = None
    sets: str = ""
    place: str = ""


def strip(line: str) -> str:
    """Capitals, no blanks, no comments: what Grbl keeps of a line."""
    return re.sub(r"\s", "", re.sub(r"\([^)]*\)?", "", line).split(";", 1)[0]).replace("/", "").upper()


def words(line: str) -> list[tuple[str, float]]:
    """Letter and value pairs. error:1 no letter, error:2 no number."""
    found, at = [], 0
    while at < len(line):
        if not line[at].isalpha():
            raise GrblError(1)
        match = _WORD.match(line, at)
        if match is None:
            raise GrblError(2)
        found.append((match[1], float(match[2])))
        at = match.end()
    return found


def parse(line: str, modes: Modes, *, axes: str = "XYZ", jog: bool = False) -> Block:
    """Read one stripped line. A jog leaves the modes alone and needs its own feed rate."""
    groups: dict[str, str] = {}
    values: dict[str, float] = {}
    for letter, value in words(line):
        if letter == "G":
            code = f"G{value:g}"
            if code not in _GROUPS:
                raise GrblError(20)
            if jog and code not in _JOG:
                raise GrblError(16)
            if _GROUPS[code] in groups:
                raise GrblError(21)
            groups[_GROUPS[code]] = code
        elif letter not in axes + "FPNL":
            raise GrblError(20)
        elif letter in values:
            raise GrblError(25)
        else:
            values[letter] = value
    return _block(groups, values, modes, axes, jog=jog)


def _block(groups: dict[str, str], values: dict[str, float], modes: Modes, axes: str, *, jog: bool) -> Block:
    inches = groups.get("units", "G20" if modes.inches else "G21") == "G20"
    relative = groups.get("distance", "G91" if modes.relative else "G90") == "G91"
    scale = INCH_MM if inches else 1.0
    if any(values.get(letter, 0.0) < 0 for letter in "FPN"):
        raise GrblError(4)
    axes_mm = {letter: values[letter] * scale for letter in axes if letter in values}
    feed = values["F"] * scale if "F" in values else None
    machine = "machine" in groups
    if jog:
        if not feed:
            raise GrblError(22)
        if not axes_mm:
            raise GrblError(26)
        return Block(modes, axes_mm, relative and not machine, feed, machine)
    motion: Literal[0, 1] = 0 if groups.get("motion", f"G{modes.motion}") == "G0" else 1
    after = replace(
        modes, motion=motion, inches=inches, relative=relative, system=groups.get("system", modes.system)
    )
    after = replace(after, feed_mm_min=feed if feed is not None else modes.feed_mm_min)
    if "dwell" in groups:
        if "P" not in values:
            raise GrblError(28)
        if axes_mm or "motion" in groups:
            raise GrblError(24 if axes_mm else 21)
        return Block(after, dwell_s=values["P"])
    if "sets" in groups:
        return _setting(groups, values, after, axes_mm)
    if "P" in values or "L" in values:
        raise GrblError(36)
    if (axes_mm or groups.get("motion") == "G1") and motion == 1 and after.feed_mm_min <= 0:
        raise GrblError(22)
    speed = after.feed_mm_min if motion == 1 else None
    return Block(after, axes_mm, relative and not machine, speed, machine)


def _setting(groups: dict[str, str], values: dict[str, float], after: Modes, axes_mm: dict[str, float]) -> Block:
    code = groups["sets"]
    if "motion" in groups and axes_mm:
        raise GrblError(24)
    if code == "G92.1":
        return Block(after, sets=code)
    if not axes_mm:
        raise GrblError(26)
    if code == "G92":
        return Block(after, axes_mm, sets=code)
    if "L" not in values or "P" not in values:
        raise GrblError(28)
    if values["L"] not in (2, 20):
        raise GrblError(20)
    if values["P"] > len(SYSTEMS):
        raise GrblError(29)
    place = SYSTEMS[int(values["P"]) - 1] if values["P"] else after.system
    return Block(after, axes_mm, sets=f"L{values['L']:.0f}", place=place)
