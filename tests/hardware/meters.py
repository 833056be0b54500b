"""Meters on the virtual bench, with their drivers, and what every one of them must bear."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from pydantic import TypeAdapter

from hardware.spec import MeterSpec, PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.world import World
from tests.hardware.unplug import Cable, outcome_of

SPEED = 50.0


def a_meter(module: ModuleType, port: str, *, speed: float = 1.0, **fields) -> Any:
    settings = TypeAdapter(module.Settings).validate_python(fields)
    spec = MeterSpec("meter", port, fields)
    return module.Driver("meter", spec, settings, speed=speed, latch=threading.Event())


def a_world(speed: float = SPEED) -> World:
    """A rack whose vial A1 goes to the station at once; it holds 1 mL of red and 3 mL of water."""
    vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)
    pumps = {"red": PumpSpec("new_era", "", 26.59, 60_000.0, {}, "red dye")}
    stage = StageSpec("grbl", "", (150.0, 105.0, 20.0), {})
    rig = RigSpec("bench", pumps, stage, RackSpec(4, 4, 24.0, (15.0, 15.0), vial))
    world = World(rig, VirtualClock(speed))
    world.put_vial("A1", {"red dye": 1000.0, "water": 3000.0})
    world.start_stage((15.0, 15.0, 0.0), 1e6, 1e9)
    return world


@contextmanager
def on_the_bench(module: ModuleType, instrument: Any, **fields) -> Iterator[tuple[Any, Any, Cable]]:
    """A driver that is open, the instrument at the other end, and the cable between them."""
    device = instrument(a_world(), {"meter": MeterSpec("meter", "", fields)})
    device.start()
    cable = Cable(device.address)
    meter = a_meter(module, cable.address, speed=SPEED, **fields)
    try:
        meter.open()
        yield meter, device, cable
    finally:
        meter.close()
        cable.close()
        device.close()


def pulled_at_every_byte(meter: Any, cable: Cable, is_right: Callable[[tuple[float, str]], bool]) -> int:
    """Read again and again, the cable pulled one byte later each time; returns how many bytes a reading has."""
    for k in itertools.count():
        results: list[tuple[float, str]] = []
        cable.pull_at(k)
        outcome = outcome_of(lambda to=results: to.append(meter.read()))
        cable.pull_at(None)
        assert all(is_right(result) for result in results), (k, results)
        if outcome == "done":
            return k
        meter.open()
        assert is_right(result := meter.read()), (k, result, meter.traffic[-14:])
    raise AssertionError
