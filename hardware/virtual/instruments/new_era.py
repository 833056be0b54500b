"""New Era NE-1000 syringe pumps on one port, byte for byte: one, or several with addresses of their own.

Maker: New Era Pump Systems. Manual: publication 1200-01, firmware V3.9xx, §10.2.
Basic mode: `[address][command][data] CR` -> `STX address status [data] ETX`. Safe mode: both are packets,
`STX length data CRC16 ETX`; half a packet is dropped after 0.5 s; an alarm is sent unasked, which does not
acknowledge it; and when no valid packet comes for as long as `SAF` said, the pump stops with an alarm. A packet is
understood in either mode (it is the way back to Basic mode), and answered in the mode that the pump is in by then.

Both time-outs run on the clock of the wall, which is the computer's, however fast the bench's own clock runs.
"""

import binascii
import threading
from collections.abc import Iterator, Mapping

from hardware.spec import PumpSpec
from hardware.virtual.new_era_pump import Pump
from hardware.virtual.server import PortServer
from hardware.virtual.world import World

_STX, _ETX, _CR = 0x02, 0x03, 0x0D
_BETWEEN_BYTES_S = 0.5
_PACKET_BYTES = range(4, 70)
_LONGEST_LINE = 64


class _Ear:
    """Makes packets and lines of the bytes that one pump hears."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._packet: bytearray | None = None
        self._heard_s = 0.0

    def drop_half(self) -> None:
        """Whoever plugs in a cable takes longer than is allowed between two bytes."""
        self._packet = None

    def hear(self, data: bytes, now_s: float, *, lines: bool) -> Iterator[tuple[str, bool, bool]]:
        """Each as its text, whether it is damaged, and whether it was a packet. lines: those count too."""
        if now_s - self._heard_s > _BETWEEN_BYTES_S:
            self._packet = None
        self._heard_s = now_s
        for byte in data:
            if self._packet is not None:
                yield from self._next_of_packet(byte)
            elif byte == _STX:
                self._packet = bytearray()
            elif byte == _CR:
                line, self._line = bytes(self._line), bytearray()
                if lines:
                    yield _text(line), any(b > 0x7E for b in line) or len(line) > _LONGEST_LINE, False
            else:
                self._line.append(byte)

    def _next_of_packet(self, byte: int) -> Iterator[tuple[str, bool, bool]]:
        packet = self._packet or bytearray()
        packet.append(byte)
        if packet[0] not in _PACKET_BYTES:
            self._packet = None
        elif len(packet) == packet[0]:
            self._packet = None
            data, crc = bytes(packet[1:-3]), bytes(packet[-3:-1])
            whole = packet[-1] == _ETX and crc == binascii.crc_hqx(data, 0).to_bytes(2, "big")
            yield _text(data), not whole, True
        else:
            self._packet = packet


class _Unit:
    """One pump and its watchdog."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self.ear = _Ear()
        self._told_unasked = ""
        self._valid_s: float | None = None

    def hear(self, data: bytes, now_s: float) -> Iterator[bytes]:
        """What it says to that."""
        for text, damaged, packet in self.ear.hear(data, now_s, lines=not self.pump.safe_s):
            answer = self.pump.answer(text, damaged=damaged)
            if answer is None:
                continue
            if not self.pump.safe_s:
                self._valid_s = None  # a new Safe mode begins with its own first packet
            elif packet and not damaged:
                self._valid_s = now_s
            yield self._framed(answer)

    def moment(self, now_s: float) -> Iterator[bytes]:
        """What it says unasked."""
        pump = self.pump
        pump.walk()
        if pump.safe_s and self._valid_s is not None and now_s - self._valid_s > pump.safe_s:
            self._valid_s = None
            pump.halt("T")
        if pump.alarm != self._told_unasked:
            self._told_unasked = pump.alarm
            if pump.alarm and pump.safe_s:
                yield self._framed(f"{pump.address:02d}A?{pump.alarm}")

    def barks_in_s(self, now_s: float) -> float:
        """Wall seconds until the watchdog stops the pump."""
        return self._valid_s + self.pump.safe_s - now_s if self.pump.safe_s and self._valid_s is not None else 1.0

    def power_cycle(self) -> None:
        self.ear, self._told_unasked, self._valid_s = _Ear(), "", None
        self.pump.power_cycle()

    def _framed(self, answer: str) -> bytes:
        data = answer.encode("ascii")
        if not self.pump.safe_s:
            return bytes([_STX, *data, _ETX])
        return bytes([_STX, len(data) + 4, *data, *binascii.crc_hqx(data, 0).to_bytes(2, "big"), _ETX])


class Instrument(PortServer):
    """The pumps behind one port. model, has_safe: as of `Pump`, for all of them."""

    def __init__(
        self,
        world: World,
        parts: Mapping[str, PumpSpec],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        model: str = "NE1000",
        has_safe: bool = True,
    ) -> None:
        super().__init__(f"pump {', '.join(parts)}", host, port)
        self._world = world
        self._lock = threading.Lock()
        self._units = {
            role: _Unit(Pump(world, role, int(part.settings.get("address", 0)), model, has_safe=has_safe))
            for role, part in parts.items()
        }

    def power_cycle(self) -> None:
        """Pull the plug of all of them and put it in again. The program and the mode stay."""
        with self._lock:
            for unit in self._units.values():
                unit.power_cycle()
            self._say_unasked()

    def on_connect(self) -> None:
        for unit in self._units.values():
            unit.ear.drop_half()

    def on_bytes(self, data: bytes) -> None:
        with self._lock:
            self._say_unasked()
            for unit in self._units.values():
                for answer in unit.hear(data, self._wall_s()):
                    self.send(answer)

    def on_moment(self) -> None:
        with self._lock:
            self._say_unasked()

    def moment_s(self) -> float:
        now_s = self._wall_s()
        waits = [self._world.clock.wall_s(max(0.0, unit.pump.ends_in_s())) for unit in self._units.values()]
        barks = [max(0.0, unit.barks_in_s(now_s)) for unit in self._units.values()]
        return min(0.1, *(wait + 0.0005 for wait in waits + barks))

    def _say_unasked(self) -> None:
        for unit in self._units.values():
            for alarm in unit.moment(self._wall_s()):
                self.send(alarm)

    def _wall_s(self) -> float:
        clock = self._world.clock
        return clock.wall_s(clock.now_s())


def _text(data: bytes) -> str:
    return "".join(chr(byte) for byte in data if 0x20 < byte <= 0x7E).upper()
