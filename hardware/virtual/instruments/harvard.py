"""A chain of Harvard Apparatus Pump 11 Elite syringe pumps, or a single one, byte for byte.

Manuals: PHD ULTRA 5419-002 pp. 83-88, Legato 200 5617-002 pp. 58-65 (six status flags, `12irate`), Pump 33 DDS
5419-013 pp. 44-52 (poll, volumes), Legato 100 5617-006 (`@` before a command: the display is not drawn anew).
Commands end with CR, LF is passed over. Every line of an answer is
`LF [address:]text CR`, the last `LF [address]prompt`, with XON after it while `poll on`. With `poll off` a prompt
also comes by itself when the target is reached; a stall never does. A pump that is alone on its port answers
without being called by its address. An empty line stops all of a chain.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hardware.spec import PumpSpec
from hardware.virtual.server import PortServer
from hardware.virtual.syringe import Direction
from hardware.virtual.world import World

XON = b"\x11"
MAX_MM_MIN = 190.8
"""Fastest plunger."""
MIN_MM_MIN = 0.00018
"""Slowest plunger."""
_UL = {"m": 1000.0, "u": 1.0, "n": 1e-3, "p": 1e-6}
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = re.compile(r"\d+\.?\d*|\.\d+")
_METRICS = (
    "Pump type          Pump 11", "Pump type string   11 ELITE I/W Single", "Display type       Sharp",
    "Steps per rev      400", "Gear ratio         1:1", "Pulley ratio       2.4:1",
    "Lead screw         24 threads per inch", "Microstepping      16 microsteps per step",
    "Low speed limit    27 seconds", "High speed limit   26 microseconds", "Motor polarity     Reverse",
    "Min syringe size   0.1 mm", "Max syringe size   33 mm", "Min raw force %    20%", "Max raw force %    80%",
    "Encoder            100 lines", "Direction          Infuse/withdraw", "Programmable       Yes",
    "Limit switches     No", "Command set        None",
)  # fmt: skip


class RefusedError(Exception):
    """The pump will not do it; the text is its answer."""


def _command_error(why: str) -> RefusedError:
    return RefusedError(f"Command error: {why}")


def _argument_error(argument: str, why: str) -> RefusedError:
    return RefusedError(f"Argument error: {argument}\n   {why}")


def _digits(value: float) -> str:
    """Five of them."""
    whole = len(str(int(value)))
    return f"{value:.{max(0, 5 - whole)}f}"


def volume_text(volume_ul: float) -> str:
    unit = next(u for u in ("m", "u", "n", "p") if volume_ul >= _UL[u] or u == "p" or volume_ul == 0)
    return f"{_digits(volume_ul / _UL[unit])} {unit}l"


def rate_text(rate_ul_s: float) -> str:
    return f"{volume_text(rate_ul_s * 60)}/min"


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _argument_error(text, "Not a number")
    return float(text)


def _volume_ul(argument: str) -> float:
    digits, _, unit = argument.partition(" ")
    if not re.fullmatch("[munp]l?", unit):
        raise _argument_error(unit, "Unknown units")
    return _number(digits) * _UL[unit[0]]


def _rate_ul_s(argument: str) -> float:
    volume, _, per = argument.partition("/")
    if per not in ("h", "hr", "hour", "m", "min", "s", "sec"):
        raise _argument_error(per, "Unknown units")
    return _volume_ul(volume) / _SECONDS[per[0]]


@dataclass
class Pump:
    """One pump of the chain. Diameter, syringe volume, force, rates and target survive without power."""

    world: World
    role: str
    address: int
    diameter_mm: float = 14.567
    syringe_ul: float = 10_000.0
    force_percent: int = 50
    rates_ul_s: dict[Direction, float] = field(default_factory=lambda: {"infuse": 0.0, "withdraw": 0.0})
    target_ul: float = 0.0
    poll: str = "OFF"
    echo: str = "OFF"
    nvram: str = "ON"
    load: str = "QS IW"
    direction: Direction = "infuse"
    running: bool = False
    ended: str = ":"
    zero: tuple[float, float] = (0.0, 0.0)
    stall_needs_hand: bool = False

    @property
    def prompt(self) -> str:
        if self.running:
            return ">" if self.direction == "infuse" else "<"
        return self.ended

    @property
    def limits_ul_s(self) -> tuple[float, float]:
        area_mm2 = math.pi / 4 * self.diameter_mm**2
        return MIN_MM_MIN / 60 * area_mm2, MAX_MM_MIN / 60 * area_mm2

    def counted_ul(self, direction: Direction) -> float:
        which = 0 if direction == "infuse" else 1
        return self.world.counted_ul(self.role)[which] - self.zero[which]

    def walk(self) -> bool:
        """Follow the plunger; whether the target was reached just now."""
        if not self.running or self.world.pump_moves(self.role):
            return False
        self.running = False
        self.ended = "*" if self.world.pump_ended(self.role) == "stalled" else "T*"
        return self.ended == "T*"

    def run(self, direction: Direction) -> None:
        if self.ended == "*" and self.stall_needs_hand:
            raise _command_error("Pump is stalled")
        rate = self.rates_ul_s[direction]
        if rate == 0:
            raise _command_error("Rate not set")
        left_ul = self.target_ul - self.counted_ul(direction) if self.target_ul else math.inf
        self.direction = direction
        if left_ul <= 1e-9:
            self.ended = "T*"
            return
        self.world.start_pump(self.role, direction, rate, left_ul)
        self.running = True

    def stop(self) -> None:
        self.world.stop_pump(self.role)
        self.running = False
        if not (self.ended == "*" and self.stall_needs_hand):
            self.ended = ":"

    def clear(self, *directions: Direction) -> None:
        self.idle()
        counted = self.world.counted_ul(self.role)
        infused, withdrawn = self.zero
        self.zero = (
            counted[0] if "infuse" in directions else infused,
            counted[1] if "withdraw" in directions else withdrawn,
        )

    def idle(self) -> None:
        if self.running:
            raise _command_error("Pump is running")

    def set_rate(self, direction: Direction, argument: str) -> str:
        slowest, fastest = self.limits_ul_s
        if argument == "lim":
            return f"{rate_text(slowest)} to {rate_text(fastest)}"
        if argument in ("max", "min"):
            self.rates_ul_s[direction] = fastest if argument == "max" else slowest
        elif argument:
            rate = _rate_ul_s(argument)
            if not slowest * 0.9999 <= rate <= fastest * 1.0001:
                raise _argument_error(argument, f"Out of range {rate_text(slowest)} to {rate_text(fastest)}")
            self.rates_ul_s[direction] = rate
        else:
            return rate_text(self.rates_ul_s[direction])
        if self.running and self.direction == direction:
            self.run(direction)
        return ""

    def set_diameter(self, argument: str) -> str:
        if not argument:
            return f"{self.diameter_mm:.4f} mm"
        self.idle()
        value = _number(argument.removesuffix("mm").strip())
        if not 0.1 <= value <= 33.0:
            raise _argument_error(argument, "Out of range 0.1 to 33 mm")
        self.diameter_mm = value
        self.rates_ul_s = {"infuse": 0.0, "withdraw": 0.0}
        return ""

    def set_syringe(self, argument: str) -> str:
        if not argument:
            return volume_text(self.syringe_ul)
        self.idle()
        self.syringe_ul = _volume_ul(argument)
        return ""

    def set_target(self, argument: str) -> str:
        if not argument:
            return volume_text(self.target_ul) if self.target_ul else "Target volume not set"
        self.idle()
        value = _volume_ul(argument)
        if not 0 < value <= self.syringe_ul * (1 + 1e-9):
            raise _argument_error(argument, "Target volume is out of range")
        self.target_ul = value
        return ""

    def set_force(self, argument: str) -> str:
        if not argument:
            return f"{self.force_percent}%"
        if not argument.isdigit() or not 1 <= int(argument) <= 100:
            raise _argument_error(argument, "Out of range 1 to 100")
        self.force_percent = int(argument)
        return ""

    def status(self) -> str:
        rate = self.rates_ul_s[self.direction] if self.running else 0.0
        counted_ul = self.counted_ul(self.direction)
        letter = "i" if self.direction == "infuse" else "w"
        flags = (
            (letter.upper() if self.running else letter)
            + "."
            + ("S" if self.prompt == "*" else ".")
            + "."
            + "I"
            + ("T" if self.prompt == "T*" else ".")
        )
        return f"{round(rate * 1e9)} 0 {round(counted_ul * 1e9)} {flags}"

    def current_rate(self) -> str:
        if not self.running:
            raise _command_error("Pump is not running")
        verb = "Infusing" if self.direction == "infuse" else "Withdrawing"
        return f"{verb} at {rate_text(self.rates_ul_s[self.direction])}"

    def obey(self, command: str) -> str:
        """The text of the answer; empty when there is only the prompt."""
        name, _, argument = command.lower().partition(" ")
        argument = " ".join(argument.split())
        words = (*_SETTINGS, *_ACTS)
        full = next((w for w in words if w == name or (len(name) >= 4 and w.startswith(name))), None)
        if full is None:
            raise RefusedError(f"Unknown command: {name}")
        return _SETTINGS[full](self, argument) if full in _SETTINGS else _ACTS[full](self) or ""

    def choose(self, field_name: str, argument: str, allowed: tuple[str, ...]) -> str:
        if not argument:
            return str(getattr(self, field_name))
        if argument not in allowed:
            raise _argument_error(argument, "Unknown argument")
        setattr(self, field_name, argument.upper())
        return ""

    def clear_target(self) -> None:
        self.idle()
        self.target_ul = 0.0


_SETTINGS: dict[str, Callable[[Pump, str], str]] = {
    "echo": lambda p, a: p.choose("echo", a, ("on", "off")),
    "poll": lambda p, a: p.choose("poll", a, ("on", "off", "remote")),
    "nvram": lambda p, a: p.choose("nvram", a, ("on", "off", "none")),
    "load": lambda p, a: p.choose("load", a, ("qs i", "qs w", "qs iw", "qs wi")),
    "time": lambda _, a: a,
    "dim": lambda _, __: "",
    "force": Pump.set_force,
    "diameter": Pump.set_diameter,
    "svolume": Pump.set_syringe,
    "irate": lambda p, a: p.set_rate("infuse", a),
    "wrate": lambda p, a: p.set_rate("withdraw", a),
    "tvolume": Pump.set_target,
}
_ACTS: dict[str, Callable[[Pump], str | None]] = {
    "address": lambda p: f"Pump address is {p.address}",
    "ver": lambda _: "11 ELITE I/W Single 3.0.4",
    "version": lambda p: f"Firmware:      v3.0.4\nPump address:  {p.address}\nSerial number: D401460",
    "metrics": lambda _: "\n".join(_METRICS),
    "crate": Pump.current_rate,
    "ctvolume": Pump.clear_target,
    "ivolume": lambda p: volume_text(p.counted_ul("infuse")),
    "wvolume": lambda p: volume_text(p.counted_ul("withdraw")),
    "civolume": lambda p: p.clear("infuse"),
    "cwvolume": lambda p: p.clear("withdraw"),
    "cvolume": lambda p: p.clear("infuse", "withdraw"),
    "irun": lambda p: p.run("infuse"),
    "wrun": lambda p: p.run("withdraw"),
    "run": lambda p: p.run(p.direction),
    "stp": Pump.stop,
    "stop": Pump.stop,
    "status": Pump.status,
}


class Instrument(PortServer):
    """The chain behind one port. styles: how an address may be written; a model takes one of them."""

    def __init__(
        self, world: World, parts: Mapping[str, PumpSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(f"pumps {', '.join(parts)}", host, port)
        self._world = world
        self.pumps = {role: Pump(world, role, int(spec.settings.get("address", 0))) for role, spec in parts.items()}
        self.styles = ("", ":")
        self._line = bytearray()

    def on_connect(self) -> None:
        """What a line was begun with stays: the pump does not notice who listens."""

    def on_bytes(self, data: bytes) -> None:
        if any(p.echo == "ON" and p.poll != "REMOTE" for p in self.pumps.values()):
            self.send(data)
        for byte in data:
            if byte not in b"\r\n":
                self._line.append(byte)
            elif byte == 0x0D:
                line, self._line = bytes(self._line), bytearray()
                self._command(line.decode("ascii", "replace"))

    def moment_s(self) -> float:
        ends_s = min(self._world.pump_ends_in_s(role) for role in self.pumps)
        return min(0.1, self._world.clock.wall_s(max(0.0, ends_s)) + 0.0005)

    def on_moment(self) -> None:
        for pump in self.pumps.values():
            if pump.walk() and pump.poll == "OFF":
                self._prompt(pump)

    def _command(self, line: str) -> None:
        if not line.strip() and len(self.pumps) > 1:
            for each in self.pumps.values():
                each.stop()
        match = re.match(r"\s*(\d{0,2})(:?)(.*)", line, re.DOTALL)
        address, colon, command = (match[1], match[2], match[3].strip()) if match is not None else ("", "", line)
        command = command.removeprefix("@")
        pump = self._called(address)
        if pump is None:
            return
        pump.walk()
        try:
            if address and colon not in self.styles:
                command = address + colon + command  # which it takes for a word
            text = pump.obey(command) if command else ""
        except RefusedError as refused:
            text = str(refused)
        for part in text.split("\n") if text else ():
            self.send(b"\n" + self._prefix(pump, ":") + part.encode("ascii", "replace") + b"\r")
        self._prompt(pump)

    def _called(self, address: str) -> Pump | None:
        if not address and len(self.pumps) == 1:
            return next(iter(self.pumps.values()))
        return next((p for p in self.pumps.values() if p.address == int(address or 0)), None)

    def _prompt(self, pump: Pump) -> None:
        if pump.poll != "REMOTE":
            end = XON if pump.poll == "ON" else b""
            self.send(b"\n" + self._prefix(pump, "") + pump.prompt.encode("ascii") + end)

    def _prefix(self, pump: Pump, colon: str) -> bytes:
        return f"{pump.address:02d}{colon}".encode("ascii") if pump.address else b""
