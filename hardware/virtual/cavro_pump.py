"""A Cavro XLP 6000 behind its port: plunger, valve, command string and errors, as its manual (734237-C) tells.

It wakes up not initialised, at position 0, with liquid in its syringe. An operand out of range and a move in bypass
are accepted and told as an error by the next Q, which clears it. After an overload moves go on failing until Z. T
stops the plunger, not the valve and not an initialisation; an R after it goes on with what was stopped.
"""

import math
import re
from collections import deque

from hardware.spec import PumpSpec
from hardware.virtual.syringe import Direction, Path
from hardware.virtual.world import World

FIRMWARE = "P/N: 30038165 REV: C"
LONGEST = 255
LEFT_AT_POWER_UP = 0.4
"""Part of the syringe that is full when the bench is switched on."""
_VALVE_S = 0.25
_INITIALISE_S = 4.0
_END_OF_BARREL = 0.03
"""A true syringe is not quite as long as its count: so near an end it is no overload."""
_LIMITS = {
    "V": (5, 6000),
    "v": (50, 1000),
    "c": (50, 2700),
    "L": (1, 20),
    "K": (0, 31),
    "N": (0, 2),
    "M": (0, 30_000),
}
_LEADS: dict[str, Path] = {"deliver": "nozzle", "draw": "bottle", "waste": "waste"}
_TOKEN = re.compile(r"([A-Za-z])(\d+(?:,\d+)*)?")

Token = tuple[str, tuple[int, ...]]


def port_in(text: str) -> str:
    """A port as ?6 tells it, from what a rig file calls it."""
    digits = re.sub(r"\D", "", text)
    return digits or text.strip()[:1].lower()


def tokens_in(text: str) -> list[Token]:
    return [(m[1], tuple(int(n) for n in (m[2] or "").split(",") if n)) for m in _TOKEN.finditer(text)]


class Pump:
    """One pump on the line. `valve_sticks` and `jam` are what can happen to it; `lost_steps` is lost at each T."""

    def __init__(self, world: World, role: str, spec: PumpSpec) -> None:
        self._world, self._role, self._capacity_ul = world, role, spec.capacity_ul
        self._full = int(spec.settings.get("full_stroke", 6000))
        self._pulses = int(spec.settings.get("stroke_pulses", 6000))
        valve = spec.settings.get("valve", "3-port")
        self._count = int(spec.settings.get("valve_ports", 6)) if valve == "distribution" else 0
        self._letters = {"3-port": "iob", "4-port": "iobe"}.get(str(valve), "")
        self._leads = {port_in(port): _LEADS[role] for role, port in spec.ports.items()}
        self.valve_sticks, self.lost_steps = False, 0
        world.set_left(role, LEFT_AT_POWER_UP * spec.capacity_ul)
        self._wake()

    def _wake(self) -> None:
        self.protocol: str | None = None
        self.last_sequence: int | None = None
        self.initialised = False
        self.error = 0
        self.port = "1" if self._count else self._letters[:1]
        self._numbers = {"V": 1400, "v": 900, "c": 900, "L": 14, "K": 12, "N": 0}
        self._overloaded = False
        self._at = 0.0  # of the whole stroke
        self._doing: Token | None = None
        self._until_s, self._next_port = 0.0, self.port
        self._from, self._goal, self._way = 0.0, 0.0, 0
        self._buffer = ""
        self._todo: deque[Token] = deque()
        self._stopped: list[Token] = []

    def power_cycle(self) -> None:
        self._world.stop_pump(self._role)
        self._wake()

    def jam(self) -> None:
        """Block the plunger on its way."""
        self._world.stall(self._role)

    # what is heard

    def hears(self, data: str) -> str:
        """A command string, or a report; returns status and data of the answer."""
        self.walk()
        if (report := self._report(data)) is not None:
            return report
        if data.startswith("T"):
            self._terminate()
            data = data[1:]
            if not data:
                return self.status()
        busy = self._doing is not None
        if len(data) > LONGEST or (busy and not re.fullmatch(r"V\d+R?", data)):
            self.error = 15
            return self.status()
        return self._string(data, busy)

    def _string(self, data: str, busy: bool) -> str:
        run = data.endswith("R")
        body = data.removesuffix("R")
        tokens = tokens_in(body)
        known = set("APDZYWM" + "".join(_LIMITS) + ("IO" if self._count else self._letters.upper()))
        if _TOKEN.sub("", body) or not {letter for letter, _ in tokens} <= known:
            self.error = 2
            return self.status()
        if not run:
            self._buffer = body
            return self.status()
        if not body:
            tokens = tokens_in(self._buffer) or self._stopped
        self._buffer, self._stopped = "", []
        if busy:
            self._start(*tokens[0])  # a speed on the fly
            return self.status()
        if tokens and tokens[0][0] in "APDIOBE" and not self.initialised:
            self.error = 7
            return self.status()
        self._todo.extend(tokens)
        told = self.status(busy=any(letter in "APDZYWMIOBE" for letter, _ in tokens))
        self.walk()  # its errors come too late for this answer
        return told

    def status(self, data: str = "", *, busy: bool | None = None) -> str:
        busy = self._doing is not None if busy is None else busy
        return chr(0x40 | (0 if busy else 0x20) | self.error) + data

    def _report(self, data: str) -> str | None:
        numbers = self._numbers
        if data in ("Q", "?29"):
            told = self.status()
            if self.error != 7:
                self.error = 0
            return told
        told_by = {
            "?": str(self._steps()), "?4": str(self._steps()), "?1": str(numbers["v"]), "?2": str(numbers["V"]),
            "?3": str(numbers["c"]), "?6": self.port, "?10": str(int(bool(self._buffer))),
            "F": str(int(bool(self._buffer))), "?12": str(numbers["K"]), "?23": FIRMWARE, "&": FIRMWARE,
            "?25": str(numbers["L"]), "?28": str(numbers["N"]),
        }  # fmt: skip
        return self.status(told_by[data]) if data in told_by else None

    # what is done

    def ends_in_s(self) -> float:
        """Virtual seconds until `walk` is wanted."""
        if self._doing is None:
            return math.inf
        if self._until_s:
            return max(0.0, self._until_s - self._world.clock.now_s())
        return self._world.pump_ends_in_s(self._role)

    def walk(self) -> None:
        """Follow what plunger and valve did since last time."""
        while self._doing is not None or self._todo:
            if self._doing is None:
                self._start(*self._todo.popleft())
            elif self._until_s:
                if self._world.clock.now_s() < self._until_s:
                    return
                self._doing, self._until_s = None, 0.0
                self.port = self._next_port
            elif self._world.pump_moves(self._role):
                return
            else:
                self._stroke_ended(*self._doing)

    def _start(self, letter: str, operands: tuple[int, ...]) -> None:
        if letter in "ZYW":
            self._initialise(letter, operands)
        elif letter in "IOBE":
            self._turn(letter, operands)
        elif letter in "APD":
            self._move(letter, operands)
        elif letter in _LIMITS:
            low, high = _LIMITS[letter]
            if not operands or not low <= operands[0] <= (8 * high if letter in "Vvc" and self._fine2 else high):
                self._fail(3)
            elif letter == "M":
                self._wait((letter, operands), operands[0] / 1000, self.port)
            else:
                self._numbers[letter] = operands[0]

    @property
    def _fine2(self) -> bool:
        return self._numbers["N"] == 2

    @property
    def _steps_full(self) -> int:
        return self._full * (8 if self._numbers["N"] else 1)

    def _steps(self) -> int:
        at = self._at
        stroke = self._world.stroke(self._role)
        if stroke is not None and self._way:
            at = self._from + self._way * stroke.counted_ul / self._capacity_ul
        return round(min(max(at, 0.0), 1.0) * self._steps_full)

    def _fail(self, error: int) -> None:
        self.error = error
        self._doing, self._until_s, self._way = None, 0.0, 0
        self._todo.clear()

    def _wait(self, token: Token, wait_s: float, then_port: str) -> None:
        self._doing, self._until_s, self._next_port = token, self._world.clock.now_s() + wait_s, then_port

    def _turn(self, letter: str, operands: tuple[int, ...]) -> None:
        port = str(operands[0]) if self._count and operands else "" if operands else letter.lower()
        if not self.initialised:
            self._fail(7)
        elif self.valve_sticks:
            self.initialised = False
            self._fail(10)
        elif port not in (self._letters or [str(n + 1) for n in range(self._count)]) or not port:
            self._fail(3)
        else:
            self._wait((letter, operands), _VALVE_S, port)

    def _path(self, port: str) -> Path | None:
        if not port:
            return None
        known: dict[str, Path] = {"i": "bottle", "o": "nozzle", "b": "closed", "1": "bottle"}
        return self._leads.get(port, known.get(port, "waste"))

    def _move(self, letter: str, operands: tuple[int, ...]) -> None:
        now = self._steps()
        target = (operands or (0,))[0]
        target = {"A": target, "P": now + target, "D": now - target}[letter]
        path = self._path(self.port)
        if not self.initialised:
            return self._fail(7)
        if self._overloaded:
            return self._fail(9)
        if path == "closed":
            return self._fail(11)
        if not 0 <= target <= self._steps_full:
            return self._fail(3)
        if target == now:
            return None
        self._from, self._way = self._at, 1 if target > now else -1
        self._goal = target / self._steps_full
        pulses = self._pulses * (8 if self._fine2 else 1)
        rate_ul_s = self._numbers["V"] / pulses * self._capacity_ul
        volume_ul = abs(self._goal - self._from) * self._capacity_ul
        self._doing = ("A", (target,))
        way: Direction = "withdraw" if self._way > 0 else "infuse"
        self._world.start_pump(self._role, way, rate_ul_s, volume_ul, path)
        return None

    def _initialise(self, letter: str, operands: tuple[int, ...]) -> None:
        force, _, out = (*operands, 0, 0, 0)[:3]
        if force not in (0, 1, 2) and not 10 <= force <= 40:
            return self._fail(3)
        self.error, self._overloaded, self.initialised = 0, False, False
        if letter != "W":
            self.port = str(out or self._count) if self._count else "o"
        self._doing, self._way = (letter, operands), -1
        self._from = self._at
        self._world.start_pump(
            self._role, "infuse", self._capacity_ul / _INITIALISE_S, math.inf, self._path(self.port)
        )
        return None

    def _stroke_ended(self, letter: str, _: tuple[int, ...]) -> None:
        stalled = self._world.pump_ended(self._role) == "stalled"
        left = self._world.left_ul(self._role) / self._capacity_ul
        self._doing = None
        if letter in "ZYW":
            self._at, self._way, self.initialised = 0.0, 0, True
        elif stalled and min(left, 1 - left) > _END_OF_BARREL:
            self._at, self._way = min(max(left, 0.0), 1.0), 0
            self._overloaded = True
            self._fail(9)
        else:
            self._at, self._way = self._goal, 0

    def _terminate(self) -> None:
        if self._doing is None or self._doing[0] != "A":
            self._todo.clear()
            return
        steps = self._steps() + self._way * self.lost_steps
        self._world.stop_pump(self._role)
        self._stopped = [self._doing, *self._todo]
        self._todo.clear()
        self._at, self._way, self._doing = min(max(steps / self._steps_full, 0.0), 1.0), 0, None
