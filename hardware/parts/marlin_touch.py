"""Where the end switches of a Marlin stage close by its own count, looked for before it is homed anew.

Homing sets the count anew and does not tell what it was. But a move that is ended by a switch says where it was by
the count (`echo:endstops hit: X:-0.98`, Marlin/src/module/endstops.cpp), if switches end moves, which M120 switches
on, and if the soft limits let it go there. What is switched for that is switched back before it is homed, also when
a stop came between.
"""

import math
from collections.abc import Callable

from hardware.dialects import marlin as says
from hardware.dialects.marlin import Position, Word
from hardware.errors import ReplyError
from hardware.parts.numbered_lines import NumberedLines

NEAR_MM = 10.0
"""Homing ends no further than this from the switch: what ends elsewhere homes to the other end."""
CLEAR_MM = 3.0
"""So far before the switch it goes slowly."""
BEYOND_MM = 5.0
"""So far beyond the limit it looks for the switch."""
SLOW_MM_MIN = 240.0


class Touch:
    """move: send a line that moves, and return when that motion, which may take so many seconds, has ended."""

    def __init__(
        self, lines: NumberedLines, move: Callable[[str, float], None], position: Callable[[], Position]
    ) -> None:
        self._lines, self._move, self._position = lines, move, position
        self._undo: list[str] = []

    def drift_mm(self, home_mm: Position, limit_mm: float, feed_mm_min: float, *, always: bool) -> dict[str, float]:
        """How far X and Y are from where it believes them, infinite for further than it looked.

        Nothing is said of an axis that cannot tell. It does not know its place afterwards.
        home_mm: where homing ended. always: its switches end every move anyway.
        """
        self._lines.settle()
        soft = self._lines.ask_all(Word.SOFT_LIMITS)
        least_mm = says.soft_least_of(soft)
        axes = [
            (axis, least_mm[axis])
            for axis, home in zip("XY", home_mm, strict=False)
            if axis in least_mm and 0 <= home - least_mm[axis] <= NEAR_MM
        ]
        if not axes:
            return {}
        if (says.soft_limits_of(soft) or "").startswith("on"):
            self._undo.append(Word.SOFT_LIMITS_ON)
            self._lines.ask(Word.SOFT_LIMITS_OFF)
        if not always:
            self._undo.append(Word.SWITCHES_IGNORED)
            self._lines.ask(Word.SWITCHES_STOP)
        return {axis: self._off_mm(axis, at_mm, limit_mm, feed_mm_min) for axis, at_mm in axes}

    def undo(self) -> None:
        """Switch back whatever was switched."""
        while self._undo:
            self._lines.ask(self._undo[-1])
            self._undo.pop()

    def _off_mm(self, axis: str, switch_mm: float, limit_mm: float, feed_mm_min: float) -> float:
        slow_mm = CLEAR_MM + limit_mm + BEYOND_MM
        legs = (
            (f"G1 {axis}{switch_mm + CLEAR_MM:.3f} F{feed_mm_min:.0f}", 0.0),
            (f"G1 {axis}{switch_mm + CLEAR_MM - slow_mm:.3f} F{SLOW_MM_MIN:.0f}", slow_mm / SLOW_MM_MIN * 60),
        )
        self._lines.settle()
        try:
            for line, lasts_s in legs:
                self._move(line, lasts_s)
                self._position()  # what was hit may be told after the "ok" of what waited for the end of the move
        except ReplyError as error:
            if axis not in (hit_mm := says.hit_at(error.reply)):
                raise
            return abs(hit_mm[axis] - switch_mm)
        return math.inf


def in_words(drift_mm: dict[str, float], limit_mm: float) -> str:
    """What is told when an axis has drifted further than its limit; empty when none has."""
    most_mm = limit_mm + BEYOND_MM
    off = [
        f"{axis} by {'more than ' if mm == math.inf else ''}{min(mm, most_mm) if mm == math.inf else mm:.1f} mm"
        for axis, mm in drift_mm.items()
        if mm > limit_mm
    ]
    if not off:
        return ""
    lost = f"had lost its place: {' and '.join(off)}, and {limit_mm:g} mm are allowed (drift_mm of the stage)"
    look = "look for a loose belt, a slipping coupling or something in its way"
    vials = "what was dosed since it was homed last may have gone beside the vials: look at the last of them"
    return f"{lost}. It is homed anew and knows its place; {look}; {vials}"
