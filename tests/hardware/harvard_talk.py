"""What is said between the driver and an 11 Elite, to be put together into conversations; pumps on the bench."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from hardware.drivers.harvard import Driver, Settings
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.harvard import Instrument
from hardware.virtual.world import World
from hardware.wire import Wire

SPEC = PumpSpec("harvard", "", 23.03, 25_000.0, {})


def told(*lines: str, prompt: str = ":", address: int = 0, xon: bool = True) -> bytes:
    """An answer, as on page 51 of the Legato 200 manual."""
    before = f"{address:02d}" if address else ""
    text = "".join(f"\n{before + ':' if before else ''}{line}\r" for line in lines)
    return f"{text}\n{before}{prompt}".encode() + (b"\x11" if xon else b"")


def status(counted_fl: int, prompt: str = ":", flags: str = "i...I.", **how) -> bytes:
    return told(f"0 0 {counted_fl} {flags}", prompt=prompt, **how)


GREETING = [
    (b"poll on\r", told()),
    (b"stp\r", told()),
    (b"ver\r", told("11 ELITE I/W Single 3.0.4")),
    (b"status\r", status(0)),
    (b"status\r", status(0)),
    (b"diameter\r", told("23.0300 mm")),
    (b"svolume 25 ml\r", told()),
    (b"svolume\r", told("25.000 ml")),
    (b"irate lim\r", told("74.981 nl/min to 79.480 ml/min")),
]


def preparation(volume: str = "500 ul", rate: str = "6 ml/min", way: str = "i"):
    flags = f"{way}...I."
    return [
        (b"status\r", status(0, flags=flags)),
        (b"diameter\r", told("23.0300 mm")),
        (f"{way}rate {rate}\r".encode(), told()),
        (f"{way}rate\r".encode(), told(rate)),
        (b"ctvolume\r", told()),
        (f"tvolume {volume}\r".encode(), told()),
        (b"tvolume\r", told(volume)),
        (f"c{way}volume\r".encode(), told()),
        (f"{way}volume\r".encode(), told("0.0000 ml")),
    ]


def keeping(start: Callable[[bytes], bytes | None] | None = None):
    """Answers as in GREETING and `preparation`; `start` answers irun and what comes after it."""
    replies = dict(GREETING + preparation())
    began = threading.Event()

    def answer(line: bytes):
        if line == b"irun":
            began.set()
        if began.is_set() and start is not None:
            return start(line)
        return replies.get(line + b"\r", told())

    return answer


def a_pump(port: str, spec: PumpSpec = SPEC, *, speed: float = 1.0, wire: Wire | None = None, **fields) -> Driver:
    settings = Settings(**fields)
    return Driver("red", replace(spec, port=port), settings, speed=speed, latch=threading.Event(), wire=wire)


def a_world(speed: float, **addresses: int) -> World:
    """Pumps by role, each with its address, on one port."""
    pumps = {role: replace(SPEC, settings={"address": a}) for role, a in addresses.items()}
    vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0)
    stage, rack = StageSpec("grbl", "", (150.0, 105.0, 20.0), {}), RackSpec(4, 6, 24.0, (15.0, 15.0), vial)
    return World(RigSpec("bench", pumps, stage, rack), VirtualClock(speed), seed=1)


@contextmanager
def on_the_bench(speed: float = 500.0, **addresses: int) -> Iterator[tuple[World, Instrument]]:
    world = a_world(speed, **(addresses or {"red": 0}))
    instrument = Instrument(world, world.spec.pumps)
    instrument.start()
    try:
        yield world, instrument
    finally:
        instrument.close()
