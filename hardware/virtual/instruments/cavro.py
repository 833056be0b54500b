"""Cavro syringe pumps on one line, byte for byte: up to fifteen, in DT or OEM, whichever each hears first.

Manual: Tecan Cavro XLP 6000, 734237-C, section 3.2. Answers in DT begin with FFh, which lets the line settle. To an
address of several pumps all obey and none answers. In OEM a block with a wrong checksum stays without an answer,
and a repeated block with the sequence number of the last is acknowledged without data and not done again.
"""

from collections.abc import Mapping
from functools import reduce
from operator import xor

from hardware.spec import PumpSpec
from hardware.virtual.cavro_pump import Pump
from hardware.virtual.server import PortServer
from hardware.virtual.world import World

STX, ETX, CR = 0x02, 0x03, 0x0D
_LONGEST_BLOCK = 600
_GROUPS = {c: (n, n + 1) for c, n in zip("ACEGIKM", range(1, 15, 2), strict=True)} | {
    "Q": (1, 2, 3, 4), "U": (5, 6, 7, 8), "Y": (9, 10, 11, 12), "]": (13, 14, 15), "_": tuple(range(1, 16))
}  # fmt: skip


class Instrument(PortServer):
    """The instruments behind one port. `pumps` by their roles; the next `lost_answers` never arrive."""

    def __init__(
        self, world: World, parts: Mapping[str, PumpSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(f"pumps {', '.join(parts)}", host, port)
        self._clock = world.clock
        self.pumps = {role: Pump(world, role, spec) for role, spec in parts.items()}
        self._by_number = {int(parts[role].settings.get("address", 1)): pump for role, pump in self.pumps.items()}
        self.lost_answers = 0
        self._block = bytearray()

    def on_bytes(self, data: bytes) -> None:
        for byte in data:
            oem = self._block[:1] == bytes([STX])
            if oem and ETX in self._block:
                block, self._block = bytes(self._block), bytearray()
                if reduce(xor, block) == byte:
                    self._hears("oem", block[1:-1].decode("latin-1"))
            elif byte in (STX, ord("/")) and not (oem and byte != STX):
                self._block = bytearray([byte])
            elif byte == CR and self._block and not oem:
                block, self._block = bytes(self._block), bytearray()
                self._hears("dt", block[1:].decode("latin-1"))
            elif self._block and len(self._block) < _LONGEST_BLOCK:
                self._block.append(byte)

    def _hears(self, protocol: str, text: str) -> None:
        called, data = text[:1], text[1:]
        number = ord(called) - ord("0") if called else 0
        numbers = _GROUPS.get(called, (number,))
        for pump in (self._by_number[n] for n in numbers if n in self._by_number):
            pump.protocol = pump.protocol or protocol
            if pump.protocol == protocol:
                answer = self._obeyed(pump, protocol, data)
                if len(numbers) == 1:
                    self._answer(protocol, answer)

    def _obeyed(self, pump: Pump, protocol: str, data: str) -> str:
        if protocol == "dt":
            return pump.hears(data)
        stamp, data = ord(data[:1] or "0"), data[1:]
        sequence, repeated = stamp & 0b111, bool(stamp & 0b1000)
        if repeated and sequence == pump.last_sequence:
            pump.walk()
            return pump.status()
        pump.last_sequence = sequence
        return pump.hears(data)

    def _answer(self, protocol: str, text: str) -> None:
        if self.lost_answers:
            self.lost_answers -= 1
            return
        if protocol == "dt":
            self.send(b"\xff/0" + text.encode("latin-1") + b"\x03\r\n")
            return
        block = b"\x020" + text.encode("latin-1") + b"\x03"
        self.send(block + bytes([reduce(xor, block)]))

    def moment_s(self) -> float:
        ends_s = min(pump.ends_in_s() for pump in self.pumps.values())
        return min(0.1, self._clock.wall_s(max(0.0, ends_s)) + 0.0005)

    def on_moment(self) -> None:
        for pump in self.pumps.values():
            pump.walk()
