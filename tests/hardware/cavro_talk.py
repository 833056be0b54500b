"""What is said between the driver and a Cavro pump, and benches on which the virtual one stands."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hardware.dialects.cavro import checksum
from hardware.drivers.cavro import Driver, Settings
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.cavro import Instrument
from hardware.virtual.world import World
from hardware.wire import Wire

IO = {"draw": "I", "deliver": "O"}
FIRMWARE = "XLP6000 P/N 30012345"


def dt(status: str, data: str = "") -> bytes:
    return f"/0{status}{data}".encode() + b"\x03\r\n"


def oem(status: str, data: str = "") -> bytes:
    block = f"\x020{status}{data}\x03".encode()
    return block + checksum(block)


def asked(query: str, data: str = "", status: str = "`"):
    return f"/1{query}\r".encode(), dt(status, data)


def greeting(position: int = 3000, valve: str = "o"):
    """An XLP 6000 that was initialised by an earlier program."""
    twice = [asked("&", FIRMWARE), asked("?", str(position))] if position else []
    return [
        asked("&", FIRMWARE),
        asked("Q"),
        asked("?28", "0"),
        asked("Q"),
        asked("?", str(position)),
        *twice,
        asked("?19", status="b"),
        asked("Q", status="b"),
        asked("?6", valve),
    ]


def prepared(position: int, pulses: int, valve: str = "o"):
    return [
        asked("Q"),
        asked("?", str(position)),
        asked("?6", valve),
        asked(f"V{pulses}R"),
        asked("Q"),
        asked("?2", str(pulses)),
    ]


def looked_again(position: int):
    """What is asked of a pump that stands where it should not."""
    here = asked("?", str(position))
    return [here, asked("&", FIRMWARE), asked("Q"), here, asked("&", FIRMWARE), here]


def a_pump(
    port: str, *, capacity_ul: float = 1000.0, ports: Mapping[str, str] = IO, speed: float = 1.0,
    latch: threading.Event | None = None, wire: Wire | None = None, **settings,
) -> Driver:  # fmt: skip
    spec = PumpSpec("cavro", port, 7.3, capacity_ul, settings, ports=ports)
    latch = latch or threading.Event()
    return Driver("red", spec, Settings(**settings), speed=speed, latch=latch, wire=wire)


def opening() -> Iterator[Callable[..., Driver]]:
    """A way to make drivers that are open; they are closed at the end."""
    pumps: list[Driver] = []

    def open_pump(port: str, **fields) -> Driver:
        pump = a_pump(port, **fields)
        pumps.append(pump)
        pump.open()
        return pump

    yield open_pump
    for pump in pumps:
        pump.close()


def a_rig(pumps: Mapping[str, PumpSpec]) -> RigSpec:
    vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)
    stage = StageSpec("grbl", "", (150.0, 105.0, 20.0), {})
    return RigSpec("bench", pumps, stage, RackSpec(4, 6, 24.0, (15.0, 15.0), vial))


@dataclass
class Bench:
    """Virtual pumps on a line of their own, and how to make a driver for one of them."""

    world: World
    instrument: Instrument
    speed: float

    @property
    def pump(self):
        return next(iter(self.instrument.pumps.values()))

    def driver(self, role: str = "red", *, port: str | None = None, wire: Wire | None = None, **settings) -> Driver:
        spec = replace(self.world.spec.pumps[role], port=port or self.instrument.address)
        kept = Settings(**{**spec.settings, **settings})
        return Driver(role, spec, kept, speed=self.speed, latch=threading.Event(), wire=wire)

    def spilled_ul(self) -> float:
        return sum(self.world.spilled_ul().values())


@contextmanager
def a_bench(
    *, speed: float = 500.0, capacity_ul: float = 1000.0, ports: Mapping[str, str] = IO, addresses=(1,), **settings
) -> Iterator[Bench]:
    roles = ("red", "blue", "green")[: len(addresses)]
    pumps = {
        role: PumpSpec("cavro", "", 7.3, capacity_ul, {**settings, "address": n}, f"{role} dye", ports=ports)
        for role, n in zip(roles, addresses, strict=True)
    }
    world = World(a_rig(pumps), VirtualClock(speed), seed=1)
    instrument = Instrument(world, pumps)
    instrument.start()
    try:
        yield Bench(world, instrument, speed)
    finally:
        instrument.close()


@contextmanager
def at_work(bench: Bench, *, filled_ul: float = 0.0, **settings) -> Iterator[Driver]:
    """A driver whose pump is open, ready and filled."""
    driver = bench.driver(**settings)
    driver.open()
    try:
        driver.make_ready()
        if filled_ul:
            driver.aspirate(filled_ul, 500.0)
        yield driver
    finally:
        driver.close()
