"""The inside of a New Era NE-1000 syringe pump: its commands, its pumping program, its alarms.

Maker: New Era Pump Systems. Manual: publication 1200-01, firmware V3.9xx, §7 and §10.4. Letters of status:
I infusing, W withdrawing, S stopped, P paused, T timed pause, X purging; `A?` and a letter for an alarm.
How the words come and go over the wire, and what one alarm does, is in `instruments.new_era`.
"""

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum

from hardware.virtual.syringe import Direction
from hardware.virtual.world import World

PHASES = 41
MAX_MM_MIN = {"NE4000": 180.6}
"""Fastest plunger of models that are not as the NE-1000, 51.005."""
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
    """A number as the pump writes it: a point and at most 4 digits, at most 3 of them decimals."""
    for decimals in (3, 2, 1, 0):
        text = f"{value:.{decimals}f}"
        if len(text.replace(".", "")) <= 4:
            return text if decimals else f"{text}."
    return "9999."


def number(text: str) -> float:
    """Read what `four_digits` writes; anything longer is out of range."""
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", text):
        raise RefusedError(Refused.UNKNOWN)
    whole, _, decimals = text.partition(".")
    if len(whole) + len(decimals) > 4 or len(decimals) > 3:
        raise RefusedError(Refused.OUT_OF_RANGE)
    return float(text)


class Pump:
    """One pump. `alarm`: its letter until it has been told. `safe_s`: time-out of Safe mode, 0 in Basic mode.

    model, has_safe: other members of the family, and firmware from before Safe mode.
    """

    def __init__(
        self, world: World, role: str, address: int, model: str = "NE1000", *, has_safe: bool = True
    ) -> None:
        self.address = address
        self.alarm = "R"
        self.safe_s = 0
        self._world, self._role = world, role
        self._model, self._has_safe = model, has_safe
        self._program = Program()
        self._selected = 0
        self._status = "S"
        self._running = 0
        self._left_ul = 0.0
        self._pause_until_s = 0.0
        self._zero = (0.0, 0.0)
        self._kept = dict(_KEPT)

    def answer(self, packet: str, *, damaged: bool = False) -> str | None:
        """What the pump says to a packet, None when it is not for this one."""
        match = re.match(r"(\*|\d{0,2})(.*)", packet)
        address, command = (match[1], match[2]) if match is not None else ("", "")
        if address != "*" and int(address or 0) != self.address:
            return None
        self.walk()
        if damaged:
            return f"{self.address:02d}{self._status}{Refused.BAD_PACKET}"
        if self.alarm:
            letter, self.alarm = self.alarm, ""
            return f"{self.address:02d}A?{letter}"
        try:
            data = self._obey(command)
        except RefusedError as refused:
            data = str(refused)
        return f"{self.address:02d}{self._status}{data}"

    def ends_in_s(self) -> float:
        """Virtual seconds until something happens by itself."""
        if self._status == "T":
            return self._pause_until_s - self._world.clock.now_s()
        return self._world.pump_ends_in_s(self._role)

    def halt(self, alarm: str) -> None:
        """An alarm stops the pump and its program."""
        self._world.stop_pump(self._role)
        self._status, self.alarm = "S", alarm

    def power_cycle(self) -> None:
        """Off and on again: the program and the mode stay, what it had counted and where it was do not."""
        ran = self._status in "IWT"
        self.halt("R")
        self._selected, self._zero = 0, self._world.counted_ul(self._role)
        if ran and self._kept["PF"] == "1":
            self._enter(0)

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
    def _fastest_mm_s(self) -> float:
        return MAX_MM_MIN.get(self._model, 51.005) / 60

    @property
    def _phase(self) -> Phase:
        return self._program.phases[self._selected]

    def _needs_stop(self) -> None:
        if self._status != "S":
            raise RefusedError(Refused.NOT_NOW)

    def _version(self, data: str) -> str:
        if data:
            raise RefusedError(Refused.UNKNOWN)
        return f"{self._model}V3.928"

    def _address(self, data: str) -> str:
        if not data:
            return f"{self.address:02d}"
        if not data.isdigit() or int(data) > 99:
            raise RefusedError(Refused.OUT_OF_RANGE)
        self.address = int(data)
        return ""

    def _safe(self, data: str) -> str:
        if not self._has_safe:
            raise RefusedError(Refused.UNKNOWN)
        if not data:
            return str(self.safe_s)
        if not data.isdigit() or int(data) > 255:
            raise RefusedError(Refused.OUT_OF_RANGE)
        self.safe_s = int(data)
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
        slowest, fastest = (mm_s * self._program.area_mm2 for mm_s in (MIN_MM_H / 3600, self._fastest_mm_s))
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
        self._world.start_pump(self._role, self._phase.direction, self._fastest_mm_s * self._program.area_mm2)
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

    def walk(self) -> None:
        """Follow what the plunger did since last time."""
        if self._status == "T" and self._world.clock.now_s() >= self._pause_until_s:
            self._enter(self._running + 1)
        if self._status in "IWX" and not self._world.pump_moves(self._role):
            if self._world.pump_ended(self._role) == "stalled":
                self.halt("S")
            else:
                self._enter(self._running + 1)


_COMMANDS = {
    "VER": Pump._version,
    "SAF": Pump._safe,
    "ADR": Pump._address,
    "DIA": Pump._diameter,
    "PHN": Pump._phase_number,
    "FUN": Pump._function,
    "RAT": Pump._rate,
    "VOL": Pump._volume,
    "DIR": Pump._direction,
    "RUN": Pump._run,
    "STP": Pump._stop,
    "PUR": Pump._purge,
    "DIS": Pump._dispensed,
    "CLD": Pump._clear,
}
