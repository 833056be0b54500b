"""The G-code of Grbl 1.1h, as far as a stage needs it: one line in, one block or an error number out."""

import re
from dataclasses import dataclass, replace
from typing import Literal

INCH_MM = 25.4
_GROUPS = {0: "motion", 1: "motion", 4: "dwell", 17: "plane", 20: "units", 21: "units", 53: "machine", 54: "system",
           90: "distance", 91: "distance", 94: "feed"}  # fmt: skip
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

    def report(self) -> str:
        feed = self.feed_mm_min / INCH_MM if self.inches else self.feed_mm_min
        return (
            f"[GC:G{self.motion} G54 G17 G{20 if self.inches else 21} G{91 if self.relative else 90} G94 "
            f"M5 M9 T0 F{feed:g} S0]"
        )


@dataclass(frozen=True)
class Block:
    """axes_mm: what the line says of each axis. feed_mm_min: None for a rapid. dwell_s: of G4."""

    modes: Modes
    axes_mm: dict[str, float]
    relative: bool
    feed_mm_min: float | None
    dwell_s: float | None = None


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


def parse(line: str, modes: Modes, *, jog: bool = False) -> Block:
    """Read one stripped line. A jog leaves the modes alone and needs its own feed rate."""
    groups: dict[str, int] = {}
    values: dict[str, float] = {}
    for letter, value in words(line):
        if letter == "G":
            code = int(value)
            if value != code or code not in _GROUPS:
                raise GrblError(20)
            if jog and code not in (20, 21, 53, 90, 91):
                raise GrblError(16)
            if _GROUPS[code] in groups:
                raise GrblError(21)
            groups[_GROUPS[code]] = code
        elif letter not in "XYZFPN":
            raise GrblError(20)
        elif letter in values:
            raise GrblError(25)
        else:
            values[letter] = value
    return _block(groups, values, modes, jog=jog)


def _block(groups: dict[str, int], values: dict[str, float], modes: Modes, *, jog: bool) -> Block:
    inches = groups.get("units", 20 if modes.inches else 21) == 20
    relative = groups.get("distance", 91 if modes.relative else 90) == 91
    scale = INCH_MM if inches else 1.0
    if any(values.get(letter, 0.0) < 0 for letter in "FPN"):
        raise GrblError(4)
    axes_mm = {letter: values[letter] * scale for letter in "XYZ" if letter in values}
    feed = values["F"] * scale if "F" in values else None
    if jog:
        if not axes_mm:
            raise GrblError(26)
        if not feed:
            raise GrblError(22)
        return Block(modes, axes_mm, relative and "machine" not in groups, feed)
    motion: Literal[0, 1] = 0 if groups.get("motion", modes.motion) == 0 else 1
    after = replace(modes, motion=motion, inches=inches, relative=relative)
    after = replace(after, feed_mm_min=feed if feed is not None else modes.feed_mm_min)
    if "dwell" in groups:
        if "P" not in values:
            raise GrblError(28)
        if axes_mm or "motion" in groups:
            raise GrblError(24 if axes_mm else 21)
        return Block(after, {}, relative, None, values["P"])
    if "P" in values:
        raise GrblError(36)
    if axes_mm and motion == 1 and after.feed_mm_min <= 0:
        raise GrblError(22)
    speed = after.feed_mm_min if motion == 1 else None
    return Block(after, axes_mm, relative and "machine" not in groups, speed)
