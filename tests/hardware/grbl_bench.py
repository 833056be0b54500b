"""A stage, or pumps, on a virtual GRBL, with drivers that talk to them through a socket."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hardware.drivers import grbl, grbl_axis
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.grbl import Instrument as GrblStage
from hardware.virtual.instruments.grbl_axis import Instrument as GrblPumps
from hardware.virtual.world import World
from hardware.wire import Wire

TRAVEL_MM = (150.0, 105.0, 20.0)


def a_world(pumps: dict[str, PumpSpec], speed: float) -> World:
    vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)
    spec = RigSpec("bench", pumps, StageSpec("grbl", "", TRAVEL_MM, {}), RackSpec(4, 6, 24.0, (15.0, 15.0), vial))
    return World(spec, VirtualClock(speed), seed=1)


@contextmanager
def a_virtual_stage(speed: float = 50.0, **options) -> Iterator[tuple[GrblStage, World]]:
    world = a_world({}, speed)
    instrument = GrblStage(world, {"stage": world.spec.stage}, **options)
    instrument.start()
    try:
        yield instrument, world
    finally:
        instrument.close()


def a_driver(port: str, speed: float = 50.0, travel_mm=(140.0, 100.0, 18.0), latch=None, **fields) -> grbl.Driver:
    spec = StageSpec("grbl", port, travel_mm, {})
    settings = grbl.Settings(**fields)
    return grbl.Driver("stage", spec, settings, speed=speed, latch=latch or threading.Event())


@contextmanager
def virtual_pumps(
    speed: float = 100.0, resets_on_open: bool = True, **settings
) -> Iterator[tuple[GrblPumps, World]]:
    """`settings` by role: red={"address": "X"}."""
    pumps = {role: PumpSpec("grbl_axis", "", 10.3, 5000.0, fields) for role, fields in settings.items()}
    world = a_world(pumps, speed)
    instrument = GrblPumps(world, pumps, resets_on_open=resets_on_open)
    instrument.start()
    try:
        yield instrument, world
    finally:
        instrument.close()


def a_pump(port: str, world: World, role: str = "red", speed: float = 100.0, wire: Wire | None = None, latch=None):
    part = world.spec.pumps[role]
    settings = grbl_axis.Settings(**part.settings)
    spec = PumpSpec("grbl_axis", port, part.diameter_mm, part.capacity_ul, {})
    return grbl_axis.Driver(role, spec, settings, speed=speed, latch=latch or threading.Event(), wire=wire)
