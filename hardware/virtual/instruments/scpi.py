"""A conductivity meter that speaks SCPI: what it shows depends on what is in the vial at the station.

Standard: SCPI-1999 and IEEE 488.2. A probe in air, or in an empty vial, is an open circuit: overload. `fault` makes
it misbehave.
"""

import math
import random
import zlib
from collections import deque
from collections.abc import Mapping
from typing import Literal

from hardware.spec import MeterSpec
from hardware.virtual.server import PortServer
from hardware.virtual.world import World

NOISE = 0.001
READING_S = 0.05
_IDENTITY = "Aliquot,Virtual Conductivity Meter,VC0001,1.0"
_ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
Fault = Literal["", "silent", "nan", "garbage", "overload"]


def conductivity_ms_cm(contents_ul: Mapping[str, float]) -> float | None:
    """Of a mixture, from its stocks: water has next to none, every other one its own. None without liquid.

    Ions that are crowded pair up, so that half salt and half water conduct better than the salt alone.
    """
    total = sum(contents_ul.values())
    if total <= 0:
        return None
    ions = sum(ul for stock, ul in contents_ul.items() if stock != "water") / total
    each = (ul * (20 + zlib.crc32(stock.encode()) % 300) for stock, ul in contents_ul.items() if stock != "water")
    return 0.005 + sum(each) / total * math.exp(-2 * ions)


class Instrument(PortServer):
    def __init__(
        self, world: World, parts: Mapping[str, MeterSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        name, part = next(iter(parts.items()))
        super().__init__(name, host, port)
        self._world = world
        self._end = _ENDS[str(part.settings.get("end", "LF"))]
        self._query = str(part.settings.get("query", "READ?"))
        self._random = random.Random(0)
        self._line = ""
        self._errors: deque[str] = deque(maxlen=20)
        self._commands: deque[str] = deque()
        self._due_s: float | None = None
        self.fault: Fault = ""

    def truth(self) -> float | None:
        """What a perfect meter would show; None for an open circuit."""
        slot = self._world.slot_at_station()
        return None if slot is None else conductivity_ms_cm(self._world.contents_ul(slot))

    def on_bytes(self, data: bytes) -> None:
        self._line += data.decode("ascii", "replace")
        while (at := min((i for i in map(self._line.find, "\r\n") if i >= 0), default=-1)) >= 0:
            line, self._line = self._line[:at], self._line[at + 1 :]
            for command in [line] if line == self._query else line.split(";"):
                self._commands.append(command.strip())
        self.on_moment()

    def moment_s(self) -> float:
        if self._due_s is None:
            return 0.1
        return min(0.1, self._world.clock.wall_s(max(0.0, self._due_s - self._world.clock.now_s())) + 0.0003)

    def on_moment(self) -> None:
        """One command after the other: what follows a reading waits for it."""
        while self._due_s is not None or self._commands:
            if self._due_s is None:
                self._obey(self._commands.popleft())
            elif self._due_s <= self._world.clock.now_s():
                self._due_s = None
                self._say(self._reading())
            else:
                return

    def _obey(self, command: str) -> None:
        word = command.upper().lstrip(":")
        if command == self._query or word.startswith(("MEAS", "READ?", "FETC")):
            if self.fault != "silent":
                self._due_s = self._world.clock.now_s() + READING_S
        elif word == "*IDN?":
            self._say(_IDENTITY)
        elif word == "*OPC?":
            self._say("1")
        elif word in ("SYST:ERR?", "SYSTEM:ERROR?", "SYST:ERR:NEXT?"):
            self._say(self._errors.popleft() if self._errors else '+0,"No error"')
        elif word in ("*CLS", "*RST"):
            self._errors.clear()
        elif word and not word.startswith(("SYST:REM", "SYST:LOC", "CONF", "SENS", "*ESE", "*SRE")):
            self._errors.append('-113,"Undefined header"')

    def _reading(self) -> str:
        value = self.truth()
        if self.fault == "nan":
            return "9.91000000E+37"
        if self.fault == "garbage":
            return "+1.2#4E-"
        if value is None or self.fault == "overload":
            return "+9.90000000E+37"
        return f"{value * (1 + self._random.gauss(0, NOISE)):+.8E}"

    def _say(self, text: str) -> None:
        self.send((text + self._end).encode("ascii"))
