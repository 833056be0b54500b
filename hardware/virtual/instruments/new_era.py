"""A New Era NE-1000 syringe pump, byte for byte.

Maker: New Era Pump Systems. Manual: publication 1200-01, firmware V3.9xx, §10 (RS-232 protocol and command set).
Basic mode: `[address][command][data] CR` -> `STX address status [data] ETX`. Letters of status: I infusing,
W withdrawing, S stopped, P paused, T timed pause, X purging; `A?` and a letter when an alarm is pending.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardware.spec import PumpSpec
from hardware.virtual.server import PortServer
from hardware.virtual.syringe import Direction
from hardware.virtual.world import World

STX, ETX = b"\x02", b"\x03"
PHASES = 41
MAX_MM_MIN = 51.0
"""Fastest plunger."""
MIN_MM_H = 0.04205
"""Slowest plunger."""
_UNIT_UL_S = {"UM": 1 / 60, "MM": 1000 / 60, "UH": 1 / 3600, "MH": 1000 / 3600}
_KEPT = {"AL": "0", "PF": "0", "LOC": "0", "BUZ": "0", "TRG": "FT", "DIN": "0"}
"""Settings that are kept and do nothing here."""


class Refused(StrEnum):
    UNKNOWN = "?"
    NOT_NOW = "?NA"
    OUT_OF_RANGE = "?OOR"
    BAD_PACKET = "?COM"


class RefusedError(Exception):
    """The pump will not do it; the text is its answer."""


@dataclass
class Phase:
    """One phase of the pumping program."""

    function: str = "STP"
    rate: float = 0.0
    unit: str = "MH"
    volume: float = 0.0
    direction: Direction = "infuse"


@dataclass
class Program:
    """What the pump keeps without power."""

    diameter_mm: float = 26.59
    volume_unit: str = "ML"
    phases: list[Phase] = field(default_factory=lambda: [Phase("RAT"), *(Phase() for _ in range(PHASES - 1))])

    @property
    def unit_ul(self) -> float:
        return 1000.0 if self.volume_unit == "ML" else 1.0

    @property
    def area_mm2(self) -> float:
        return math.pi * self.diameter_mm**2 / 4


def four_digits(value: float) -> str:
    """A number as the pump writes it: at most 4 digits, at most 3 of them decimals."""
    for decimals in (3, 2, 1, 0):
        text = f"{value:.{decimals}f}"
        if len(text.replace(".", "")) <= 4:
            return text
    return "9999"


def number(text: str) -> float:
    """Read what `four_digits` writes; anything longer is out of range."""
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", text):
        raise RefusedError(Refused.UNKNOWN)
    whole, _, decimals = text.partition(".")
    if len(whole) + len(decimals) > 4 or len(decimals) > 3:
        raise RefusedError(Refused.OUT_OF_RANGE)
    return float(text)


class Instrument(PortServer):
    """The instrument behind one port."""

    def __init__(
        self, world: World, parts: Mapping[str, PumpSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        role, spec = next(iter(parts.items()))
        super().__init__(f"pump {role}", host, port)
        self._world, self._role = world, role
        self._number = int(spec.settings.get("address", 0))
        self._program = Program()
        self._selected = 0
        self._status = "S"
        self._alarm = "R"
        self._running = 0
        self._left_ul = 0.0
        self._pause_until_s = 0.0
        self._zero = (0.0, 0.0)
        self._kept = dict(_KEPT)
        self._line = bytearray()

    # the wire

    def on_bytes(self, data: bytes) -> None:
        for byte in data:
            if byte != 0x0D:
                self._line.append(byte)
                continue
            packet, self._line = bytes(self._line), bytearray()
            self._packet(packet)

    def moment_s(self) -> float:
        if self._status == "T":
            ends_s = self._pause_until_s - self._world.clock.now_s()
        else:
            ends_s = self._world.pump_ends_in_s(self._role)
        return min(0.1, self._world.clock.wall_s(max(0.0, ends_s)) + 0.0005)

    def on_moment(self) -> None:
        self._walk()

    def _packet(self, packet: bytes) -> None:
        garbage = any(byte > 0x7E for byte in packet) or len(packet) > 64
        text = "".join(chr(b) for b in packet if 0x20 < b <= 0x7E).upper()
        match = re.match(r"(\*|\d{0,2})(.*)", text)
        address, command = (match[1], match[2]) if match is not None else ("", "")
        if address != "*" and int(address or 0) != self._number:
            return
        self._walk()
        if self._alarm:
            answer, self._alarm = f"A?{self._alarm}", ""
            self._reply(answer)
            return
        try:
            data = Refused.BAD_PACKET if garbage else self._obey(command)
        except RefusedError as refused:
            data = str(refused)
        self._reply(self._status + data)

    def _reply(self, text: str) -> None:
        self.send(STX + f"{self._number:02d}{text}".encode("ascii") + ETX)

    # the command set

    def _obey(self, command: str) -> str:
        if not command:
            return ""
        name = next((n for n in (*_COMMANDS, *self._kept) if command.startswith(n)), None)
        if name is None:
            raise RefusedError(Refused.UNKNOWN)
        data = command.removeprefix(name)
        if name in self._kept:
            self._kept[name] = data or self._kept[name]
            return "" if data else self._kept[name]
        return _COMMANDS[name](self, data)

    @property
    def _phase(self) -> Phase:
        return self._program.phases[self._selected]

    def _needs_stop(self) -> None:
        if self._status != "S":
            raise RefusedError(Refused.NOT_NOW)

    def _version(self, data: str) -> str:
        if data:
            raise RefusedError(Refused.UNKNOWN)
        return "NE1000V3.928"

    def _address(self, data: str) -> str:
        if not data:
            return f"{self._number:02d}"
        if not data.isdigit() or int(data) > 99:
            raise RefusedError(Refused.OUT_OF_RANGE)
        self._number = int(data)
        return ""

    def _diameter(self, data: str) -> str:
        program = self._program
        if not data:
            return four_digits(program.diameter_mm)
        self._needs_stop()
        value = number(data)
        if not 0.1 <= value <= 50.0:
            raise RefusedError(Refused.OUT_OF_RANGE)
        program.diameter_mm = value
        program.volume_unit = "UL" if value <= 14.0 else "ML"
        self._zero = self._world.counted_ul(self._role)
        return ""

    def _phase_number(self, data: str) -> str:
        if not data:
            return f"{self._selected + 1:02d}"
        self._needs_stop()
        if not data.isdigit() or not 1 <= int(data) <= PHASES:
            raise RefusedError(Refused.OUT_OF_RANGE)
        self._selected = int(data) - 1
        return ""

    def _function(self, data: str) -> str:
        if not data:
            return self._phase.function
        self._needs_stop()
        if data not in ("RAT", "STP") and not re.fullmatch(r"PAS\d{1,2}", data):
            raise RefusedError(Refused.OUT_OF_RANGE)
        self._phase.function = data
        return ""

    def _rate(self, data: str) -> str:
        phase = self._program.phases[self._running] if self._status in "IW" else self._phase
        if not data:
            return four_digits(phase.rate) + phase.unit
        unit = data[-2:] if data[-2:] in _UNIT_UL_S else phase.unit
        value = number(data.removesuffix(unit))
        if self._status in "IW" and unit != phase.unit:
            raise RefusedError(Refused.NOT_NOW)
        self._plunger_can(value * _UNIT_UL_S[unit])
        phase.rate, phase.unit = value, unit
        if self._status in "IW":
            self._go(self._world.stop_pump(self._role))
        return ""

    def _plunger_can(self, rate_ul_s: float) -> None:
        slowest, fastest = (mm_s * self._program.area_mm2 for mm_s in (MIN_MM_H / 3600, MAX_MM_MIN / 60))
        if not slowest * 0.999 <= rate_ul_s <= fastest * 1.001:
            raise RefusedError(Refused.OUT_OF_RANGE)

    def _volume(self, data: str) -> str:
        program = self._program
        if not data:
            return four_digits(self._phase.volume) + program.volume_unit
        self._needs_stop()
        if data in ("UL", "ML"):
            program.volume_unit = data
        else:
            self._phase.volume = number(data)
        return ""

    def _direction(self, data: str) -> str:
        words: dict[str, Direction] = {"INF": "infuse", "WDR": "withdraw"}
        if not data:
            return "INF" if self._phase.direction == "infuse" else "WDR"
        self._needs_stop()
        if data == "REV":
            self._phase.direction = "withdraw" if self._phase.direction == "infuse" else "infuse"
        elif data in words:
            self._phase.direction = words[data]
        else:
            raise RefusedError(Refused.OUT_OF_RANGE)
        return ""

    def _run(self, data: str) -> str:
        if self._status == "P" and not data:
            self._go(self._left_ul)
            return ""
        self._needs_stop()
        if data and (not data.isdigit() or not 1 <= int(data) <= PHASES):
            raise RefusedError(Refused.OUT_OF_RANGE)
        self._enter(int(data or 1) - 1)
        return ""

    def _stop(self, data: str) -> str:
        if data or self._status == "S":
            raise RefusedError(Refused.NOT_NOW if not data else Refused.UNKNOWN)
        if self._status in "IW":
            self._left_ul = self._world.stop_pump(self._role)
            self._status = "P"
        else:
            self._world.stop_pump(self._role)
            self._status = "S"
        return ""

    def _purge(self, data: str) -> str:
        if data:
            raise RefusedError(Refused.UNKNOWN)
        self._needs_stop()
        self._world.start_pump(self._role, self._phase.direction, MAX_MM_MIN / 60 * self._program.area_mm2)
        self._status = "X"
        return ""

    def _dispensed(self, data: str) -> str:
        if data:
            raise RefusedError(Refused.UNKNOWN)
        counted = self._world.counted_ul(self._role)
        values = ((c - z) / self._program.unit_ul for c, z in zip(counted, self._zero, strict=True))
        infused, withdrawn = (four_digits(value) for value in values)
        return f"I{infused}W{withdrawn}{self._program.volume_unit}"

    def _clear(self, data: str) -> str:
        if self._status in "IWX":
            raise RefusedError(Refused.NOT_NOW)
        counted = self._world.counted_ul(self._role)
        if data == "INF":
            self._zero = (counted[0], self._zero[1])
        elif data == "WDR":
            self._zero = (self._zero[0], counted[1])
        else:
            raise RefusedError(Refused.OUT_OF_RANGE)
        return ""

    # the pumping program

    def _enter(self, index: int) -> None:
        """Begin a phase; the end of the program is a stop."""
        self._running = index
        phase = self._program.phases[index] if index < PHASES else Phase()
        if phase.function == "STP":
            self._status = "S"
        elif phase.function == "RAT":
            self._go(phase.volume * self._program.unit_ul or math.inf)
        else:
            self._pause_until_s = self._world.clock.now_s() + int(phase.function.removeprefix("PAS"))
            self._status = "T"

    def _go(self, volume_ul: float) -> None:
        phase = self._program.phases[self._running]
        rate_ul_s = phase.rate * _UNIT_UL_S[phase.unit]
        self._plunger_can(rate_ul_s)
        self._world.start_pump(self._role, phase.direction, rate_ul_s, volume_ul)
        self._status = "I" if phase.direction == "infuse" else "W"

    def _walk(self) -> None:
        """Follow what the plunger did since last time."""
        if self._status == "T" and self._world.clock.now_s() >= self._pause_until_s:
            self._enter(self._running + 1)
        if self._status in "IWX" and not self._world.pump_moves(self._role):
            if self._world.pump_ended(self._role) == "stalled":
                self._status, self._alarm = "S", "S"
            else:
                self._enter(self._running + 1)


_COMMANDS = {
    "VER": Instrument._version,
    "ADR": Instrument._address,
    "DIA": Instrument._diameter,
    "PHN": Instrument._phase_number,
    "FUN": Instrument._function,
    "RAT": Instrument._rate,
    "VOL": Instrument._volume,
    "DIR": Instrument._direction,
    "RUN": Instrument._run,
    "STP": Instrument._stop,
    "PUR": Instrument._purge,
    "DIS": Instrument._dispensed,
    "CLD": Instrument._clear,
}
