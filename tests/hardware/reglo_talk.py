"""What is said between the driver and a Reglo ICC, to be put together into conversations; pumps on the bench."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hardware.drivers.reglo_icc import Driver, Settings
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.reglo_icc import Instrument
from hardware.virtual.world import World
from hardware.wire import Wire

SPEC = PumpSpec("reglo_icc", "", 1.02, 250_000.0, {})
DONE, RUNS, STANDS = b"*", b"+", b"-"


def line(text: str) -> bytes:
    return text.encode() + b"\r\n"


def asking(channel: int, *turns: tuple[str, bytes | None]) -> list[tuple[bytes, bytes | None]]:
    return [(f"{channel}{command}\r".encode(), answer) for command, answer in turns]


def mode(channel: int = 1, turn: str = "J"):
    done = [(word, DONE) for word in ("O", "xf1", turn)]
    return asking(channel, *done, ("xM", line("O")), ("xD", line(turn)))


def greeting(channel: int = 1, turn: str = "J"):
    return [
        *asking(channel, ("I", DONE)),
        (b"1~1\r", DONE),
        *asking(channel, ("I", DONE), ("xE0", DONE), ("#", line("REGLO ICC 0208 306")), ("xA", line("4"))),
        *asking(channel, ("E", STANDS), ("+", line("1.02 mm")), ("!", line("5.618 ml/min"))),
        *mode(channel, turn),
    ]


def preparation(rate: str = "1200E+0", volume: str = "5000E-1", channel: int = 1):
    """1.2 mL/min (20 µL/s) and 0.5 mL unless told otherwise; the pump answers a number with the number it kept."""
    return [
        *asking(channel, ("E", STANDS), ("+", line("1.02 mm"))),
        *mode(channel),
        *asking(channel, (f"f{rate.replace('E', '')}", line(rate)), ("f", line(rate))),
        *asking(channel, (f"v{volume.replace('E', '')}", line(volume)), ("v", line(volume))),
    ]


def keeping(start=None):
    """Answers as in `greeting` and `preparation`; `start` answers H and what comes after it."""
    replies = dict(greeting() + preparation())
    began = threading.Event()

    def answer(told: bytes):
        if told == b"1H":
            began.set()
        if began.is_set() and start is not None:
            return start(told)
        return replies.get(told + b"\r", DONE)

    return answer


def a_pump(port: str, spec: PumpSpec = SPEC, *, speed: float = 1.0, wire: Wire | None = None, **fields) -> Driver:
    settings = Settings(**fields)
    return Driver("red", replace(spec, port=port), settings, speed=speed, latch=threading.Event(), wire=wire)


@contextmanager
def on_the_bench(speed: float = 500.0, **channels: int) -> Iterator[tuple[World, Instrument]]:
    """Channels by role."""
    pumps = {role: replace(SPEC, settings={"address": c}) for role, c in (channels or {"red": 1}).items()}
    vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0)
    stage, rack = StageSpec("grbl", "", (150.0, 105.0, 20.0), {}), RackSpec(4, 6, 24.0, (15.0, 15.0), vial)
    world = World(RigSpec("bench", pumps, stage, rack), VirtualClock(speed), seed=1)
    instrument = Instrument(world, pumps)
    instrument.start()
    try:
        yield world, instrument
    finally:
        instrument.close()
