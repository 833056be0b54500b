"""An Ismatec Reglo ICC peristaltic pump with four channels, byte for byte.

Manual: 14-036-E rev. D, chapters 14-16. `channel command CR` -> one status character without an end, or data CR LF.
As on RS-232 it begins with the number before a command being the pump's (1), and every command for all channels;
`~1` makes it the channel's, and 0 is all of them. Events, once `xE1` is told, come between the answers. The bottle
may run empty: the rollers go on turning.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hardware.spec import PumpSpec
from hardware.virtual.server import PortServer
from hardware.virtual.world import World

CHANNELS = 4
BORES_MM = (
    0.13, 0.19, 0.25, 0.38, 0.44, 0.51, 0.57, 0.64, 0.76, 0.89, 0.95, 1.02, 1.09, 1.14, 1.22, 1.30, 1.42, 1.52,
    1.65, 1.75, 1.85, 2.06, 2.29, 2.54, 2.79, 3.17,
)  # fmt: skip
ML_MIN_PER_MM2 = 5.4
"""At 100 rpm."""
MOST_ML = 8308.0
_TYPE_2 = re.compile(r"(\d)(\d{3})([+-]\d)")


class RefusedError(Exception):
    """The pump answers # or -."""


def type_1(value: float) -> str:
    """1.200e-2 as the pump writes it."""
    if value == 0:
        return "0000E+0"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{mantissa.replace('.', '')}E{int(exponent):+d}"


def type_2(text: str) -> float:
    """1200-2 as it is told to the pump."""
    match = _TYPE_2.fullmatch(text)
    if match is None:
        raise RefusedError("#")
    return float(f"{match[1]}.{match[2]}e{match[3]}")


@dataclass
class Channel:
    """One channel. role: whose liquid it moves; none when no tubing is in it."""

    number: int
    world: World
    role: str | None
    mode: str = "L"
    bore_mm: float = 3.17
    rate_ml_min: float = 1.0
    volume_ml: float = 0.0
    direction: str = "J"
    by_flow: bool = False
    runs: bool = False
    until_s: float = 0.0
    why: str = "C 0000E+0"

    @property
    def fastest_ml_min(self) -> float:
        return ML_MIN_PER_MM2 * self.bore_mm**2

    def start(self) -> None:
        """A mode that goes on for ever does; the others refuse what they cannot."""
        rate = self.rate_ml_min if self.by_flow or self.mode == "M" else self.fastest_ml_min / 2
        if not 0 < rate <= self.fastest_ml_min * 1.0001:
            self.why = f"R {type_1(self.fastest_ml_min)}"
            raise RefusedError("-")
        if self.mode == "O" and not 0 < self.volume_ml <= MOST_ML:
            self.why = f"V {type_1(MOST_ML)}"
            raise RefusedError("-")
        if self.mode not in "LMO":
            self.why = "C 0000E+0"
            raise RefusedError("-")
        endless = self.mode != "O"
        self.until_s = float("inf") if endless else self.world.clock.now_s() + self.volume_ml / rate * 60
        self.runs = True
        if self.role is not None:
            ul = float("inf") if endless else self.volume_ml * 1000
            way = "infuse" if self.direction == "J" else "withdraw"
            self.world.start_pump(self.role, way, rate * 1000 / 60, ul)  # type: ignore[arg-type]

    def stop(self) -> None:
        self.runs = False
        if self.role is not None:
            self.world.stop_pump(self.role)

    def obey(self, command: str) -> str | None:
        """Data, or None for done."""
        name = next((n for n in sorted(_SETTINGS, key=len, reverse=True) if command.startswith(n)), "")
        if command in _ACTS:
            return _ACTS[command](self)
        if not name:
            raise RefusedError("#")
        return _SETTINGS[name](self, command.removeprefix(name))

    def set_rate(self, told: str) -> str:
        self.rate_ml_min = type_2(told) if told else self.rate_ml_min
        return type_1(self.rate_ml_min)

    def set_volume(self, told: str) -> str:
        self.volume_ml = type_2(told) if told else self.volume_ml
        return type_1(self.volume_ml)

    def set_bore(self, told: str) -> str | None:
        if not told:
            return f"{self.bore_mm:.2f} mm"
        if not re.fullmatch(r"\d{4}", told) or int(told) / 100 not in BORES_MM:
            raise RefusedError("#")
        self.bore_mm = int(told) / 100
        return None

    def set_by_flow(self, told: str) -> str | None:
        if not told:
            return "1" if self.by_flow else "0"
        if told not in ("0", "1"):
            raise RefusedError("#")
        self.by_flow = told == "1"
        return None

    def becomes(self, **fields: str) -> None:
        if self.runs:
            raise RefusedError("#")
        for name, value in fields.items():
            setattr(self, name, value)


_SETTINGS: dict[str, Callable[[Channel, str], str | None]] = {
    "f": Channel.set_rate,
    "v": Channel.set_volume,
    "+": Channel.set_bore,
    "xf": Channel.set_by_flow,
}
_ACTS: dict[str, Callable[[Channel], str | None]] = {
    "H": Channel.start,
    "I": Channel.stop,
    "J": lambda c: c.becomes(direction="J"),
    "K": lambda c: c.becomes(direction="K"),
    **{mode: lambda c, mode=mode: c.becomes(mode=mode) for mode in "LMOGQNP"},  # type: ignore[misc]
    "xD": lambda c: c.direction,
    "xM": lambda c: c.mode,
    "xe": lambda c: c.why,
    "?": lambda c: f"{c.fastest_ml_min:.3f} ml/min",
    "!": lambda c: f"{c.fastest_ml_min:.3f} ml/min",
}
_OF_THE_PUMP = {"#": "REGLO ICC 0208 306", "xA": str(CHANNELS), "x!": "8", "xS": "1401234-5", "(": "0208"}


class Instrument(PortServer):
    """The pump behind one port; `parts` have its channels."""

    def __init__(
        self, world: World, parts: Mapping[str, PumpSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(f"Reglo ICC {', '.join(parts)}", host, port)
        self._world = world
        roles = {int(spec.settings.get("address", 1)): role for role, spec in parts.items()}
        self.channels = {n: Channel(n, world, roles.get(n)) for n in range(1, CHANNELS + 1)}
        self.addresses_channels, self.events, self.number = False, False, 1
        self.overloaded = False
        self._line = bytearray()

    def on_bytes(self, data: bytes) -> None:
        for byte in data:
            if byte not in b"\r\n":
                self._line.append(byte)
            elif byte == 0x0D:
                line, self._line = bytes(self._line), bytearray()
                self._command(line.decode("ascii", "replace"))

    def moment_s(self) -> float:
        now_s = self._world.clock.now_s()
        ends_s = min((c.until_s - now_s for c in self.channels.values() if c.runs), default=1e9)
        return min(0.1, self._world.clock.wall_s(max(0.0, ends_s)) + 0.0005)

    def on_moment(self) -> None:
        for channel in self.channels.values():
            if channel.runs and self._world.clock.now_s() >= channel.until_s:
                channel.runs = False
                self._event(f"X{channel.number}|A")

    def press_stop(self, channel: int) -> None:
        """A person at its keys."""
        self.channels[channel].stop()
        self._event(f"X{channel}|1")

    def _event(self, text: str) -> None:
        if self.events:
            self.send(f"^{text}\r\n".encode("ascii"))

    def _command(self, line: str) -> None:
        self.on_moment()
        if re.fullmatch(r"@[1-8]", line):
            self.number = int(line[1])
            self.send(b"*")
            return
        match = re.fullmatch(r"(\d)(.+)", line)
        if match is None or (not self.addresses_channels and int(match[1]) not in (0, self.number)):
            return
        try:
            answer = self._obey(int(match[1]), match[2])
        except RefusedError as refused:
            self.send(str(refused).encode("ascii"))
            return
        single = answer is None or answer in ("+", "-")
        self.send((answer or "*").encode("ascii") if single else f"{answer}\r\n".encode("ascii"))

    def _obey(self, address: int, command: str) -> str | None:
        if self.overloaded and command != "-":
            raise RefusedError("#")
        if command == "-":
            self.overloaded = False
            return None
        for name, flag in (("~", "addresses_channels"), ("xE", "events")):
            if command == name:
                return "1" if getattr(self, flag) else "0"
            if command in (f"{name}0", f"{name}1"):
                setattr(self, flag, command[-1] == "1")
                return None
        if command in _OF_THE_PUMP:
            return _OF_THE_PUMP[command]
        every = not self.addresses_channels or address == 0
        if not every and address not in self.channels:
            raise RefusedError("#")
        chosen = list(self.channels.values()) if every else [self.channels[address]]
        if command == "E":
            return "+" if any(c.runs for c in chosen) else "-"
        answers = [self._by_channel(c, command) for c in chosen]
        return answers[0]

    def _by_channel(self, channel: Channel, command: str) -> str | None:
        answer = channel.obey(command)
        if command == "H":
            self._event(f"U{channel.number}|A|{round(channel.volume_ml)}|0|0")
        if command == "I":
            self._event(f"X{channel.number}|1")
        return answer
