"""What is said between the driver and an NE-1000, to be put together into conversations; pumps on the bench."""

import binascii
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from hardware.drivers.new_era import Driver, Settings
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.new_era import Instrument
from hardware.virtual.world import World
from hardware.wire import Wire

SPEC = PumpSpec("new_era", "", 23.03, 25_000.0, {})
VIAL = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0)


def packet(text: str) -> bytes:
    return b"\x02" + text.encode() + b"\x03"


def safe_packet(text: str) -> bytes:
    """In either direction."""
    data = text.encode()
    return bytes([2, len(data) + 4]) + data + binascii.crc_hqx(data, 0).to_bytes(2, "big") + b"\x03"


def in_safe_mode(script: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The same conversation after SAF."""
    return [
        (safe_packet(sent[:-1].decode()), answer and safe_packet(answer[1:-1].decode())) for sent, answer in script
    ]


def programmed(rate: str, direction: str = "INF", diameter: str = "23.03", unit: str = "ML"):
    return [
        (b"DIA\r", packet(f"00S{diameter}")),
        (b"PHN1\r", packet("00S")),
        (b"FUNRAT\r", packet("00S")),
        (b"VOL\r", packet(f"00S0.000{unit}")),
        (f"RAT{rate}\r".encode(), packet("00S")),
        (b"RAT\r", packet(f"00S{rate}")),
        (f"DIR{direction}\r".encode(), packet("00S")),
        (b"DIR\r", packet(f"00S{direction}")),
    ]


HELLO = [
    (b"\r", packet("00S")),
    (b"VER\r", packet("00SNE1000V3.923")),
    (b"PF\r", packet("00S0")),
    (b"PHN2\r", packet("00S")),
    (b"FUNSTP\r", packet("00S")),
]
GREETING = [*HELLO, *programmed("10.62MM")]


def preparation(volume: str = "0.500", rate: str = "6000UM", direction: str = "INF"):
    return [
        *programmed(rate, direction),
        (f"VOL{volume}\r".encode(), packet("00S")),
        (b"VOL\r", packet(f"00S{volume}ML")),
        (f"CLD{direction}\r".encode(), packet("00S")),
        (b"DIS\r", packet("00SI0.000W0.000ML")),
    ]


def keeping(volume: str = "0.500"):
    """Answers as in GREETING and `preparation`, by a pump that keeps every rate."""
    replies = {f[:-1]: r for f, r in GREETING + preparation(volume)}

    def answer(line: bytes):
        if line.startswith(b"RAT") and line != b"RAT":
            replies[b"RAT"] = packet(f"00S{line[3:].decode()}")
            return packet("00S")
        return replies.get(line)

    return answer


ARMED = [(b"SAF10\r", safe_packet("00S")), (safe_packet("SAF"), safe_packet("00S10"))]
DISARMED = [(safe_packet("SAF0"), packet("00S"))]
"""The answer to SAF comes in the mode that it brings."""


def a_pump(
    port: str, *, diameter_mm: float = 23.03, speed: float = 1.0, watchdog_s: int = 0, wire: Wire | None = None,
    **fields,
) -> Driver:  # fmt: skip
    """In Basic mode, unless a watchdog is asked for."""
    settings, latch = Settings(watchdog_s=watchdog_s, **fields), threading.Event()
    return Driver(
        "red", replace(SPEC, port=port, diameter_mm=diameter_mm), settings, speed=speed, latch=latch, wire=wire
    )


@contextmanager
def on_the_bench(
    speed: float = 500.0, addresses: dict[str, int] | None = None, clock: VirtualClock | None = None, **family
) -> Iterator[tuple[World, Instrument]]:
    """Pumps by role, each with its address, on one port. family: as of the virtual pump."""
    pumps = {role: replace(SPEC, settings={"address": a}) for role, a in (addresses or {"red": 0}).items()}
    stage, rack = StageSpec("grbl", "", (150.0, 105.0, 20.0), {}), RackSpec(4, 6, 24.0, (15.0, 15.0), VIAL)
    world = World(RigSpec("bench", pumps, stage, rack), clock or VirtualClock(speed), seed=1)
    instrument = Instrument(world, pumps, **family)
    instrument.start()
    try:
        yield world, instrument
    finally:
        instrument.close()


def in_background(act: Callable[[], object]) -> tuple[threading.Thread, list[Exception]]:
    """Its thread, and what it will have raised."""
    failures: list[Exception] = []

    def work() -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  the test looks at it
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures
