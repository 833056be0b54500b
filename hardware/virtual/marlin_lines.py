"""How Marlin takes in bytes: a small receive buffer, numbered lines with checksums, an eye for emergencies.

Source: MarlinFirmware/Marlin 2.1.2, gcode/queue.cpp and feature/e_parser.h.
"""

import re
from collections.abc import Callable

from hardware.virtual.motion import Point, along
from hardware.virtual.world import SWITCH_MM

RX_BYTES = 128
LINE_BYTES = 96
_EMERGENCY = re.compile(rb"\s*(?:N\d+\s*)?(M112|M410)(?!\d)")


class LineReader:
    """last_number: M110 sets it when it is read, and once more when it is done. garble: so many lines arrive with
    one bit turned, `spare` lines from now."""

    def __init__(self) -> None:
        self._rx = bytearray()
        self._line = bytearray()
        self._seen = bytearray()
        self.last_number = 0
        self.spare = self.garble = 0

    def take(self, byte: int) -> str | None:
        """One byte off the wire; what does not fit is lost. Returns M112 or M410 when that has come by."""
        if len(self._rx) < RX_BYTES:
            self._rx.append(byte)
        if byte not in b"\r\n":
            self._seen.append(byte)
            return None
        match = _EMERGENCY.match(bytes(self._seen))
        self._seen.clear()
        return match[1].decode("ascii") if match is not None else None

    def next_line(self, complain: Callable[[str, int], None]) -> str | None:
        """The next line that is in order. A garbled one is complained of, with the line that is wanted again."""
        while self._rx:
            byte = self._rx.pop(0)
            if byte not in b"\r\n":
                if len(self._line) < LINE_BYTES - 1:
                    self._line.append(byte)
                continue
            line, self._line = self._line.decode("latin-1").lstrip(" "), bytearray()
            if not line:
                continue
            if self.spare > 0:
                self.spare -= 1
            elif self.garble > 0:
                self.garble -= 1
                line = line[:-1] + chr(ord(line[-1]) ^ 1)
            why = self._fault(line)
            if why is None:
                return line
            self._rx.clear()
            complain(f"{why}, Last Line: {self.last_number}", self.last_number + 1)
        return None

    def _fault(self, line: str) -> str | None:
        if not line.startswith("N"):
            return None
        renumbers = "M110" in line
        second = line.find("N", 4) if renumbers else -1
        match = re.match(r"N(-?\d+)", line[max(second, 0) :])
        number = int(match[1]) if match is not None else 0
        if number != self.last_number + 1 and not renumbers:
            return "Line Number is not Last Line Number+1"
        body, star, told = line.rpartition("*")
        if not star:
            return "No Checksum with line number"
        checksum = 0
        for char in body:
            checksum ^= ord(char)
        if not told.strip().isdigit() or int(told) != checksum:
            return "checksum mismatch"
        self.last_number = number
        return None


def until_a_switch(start: Point, target: Point) -> tuple[Point, str]:
    """Where a move ends when switches end moves, and the axis whose switch at the low end did it, "" for none."""
    ends = [
        (max(0.0, (a + SWITCH_MM) / (a - b)), axis)
        for axis, a, b in zip("XYZ", start, target, strict=True)
        if b < a and b <= -SWITCH_MM
    ]
    if not ends:
        return target, ""
    fraction, axis = min(ends)
    return along(start, target, fraction), axis
