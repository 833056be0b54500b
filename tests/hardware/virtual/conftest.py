"""A rig like the shipped one, its world, and instruments on ports, all on a clock that tests turn by hand."""

from collections.abc import Callable, Iterator

import pytest

from hardware.spec import CameraSpec, PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.grbl import Instrument as GrblStage
from hardware.virtual.instruments.new_era import Instrument as NewEraPump
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Wall


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def spec() -> RigSpec:
    pumps = {
        role: PumpSpec("new_era", "", 26.59, 60_000.0, {}, stock)
        for role, stock in {"red": "red dye", "yellow": "yellow dye", "blue": "blue dye", "water": "water"}.items()
    }
    vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)
    return RigSpec(
        name="bench",
        pumps=pumps,
        stage=StageSpec("grbl", "", (150.0, 105.0, 20.0), {}),
        rack=RackSpec(4, 6, 24.0, (15.0, 15.0), vial),
        camera=CameraSpec("opencv_camera", "", {}),
    )


@pytest.fixture
def world(spec: RigSpec, wall: Wall) -> World:
    return World(spec, VirtualClock(1.0, wall), seed=1)


@pytest.fixture
def put_stage(world: World, wall: Wall) -> Callable[[str], None]:
    """Bring a slot to the station."""

    def put(slot: str) -> None:
        x, y = world.spec.rack.position_mm(slot)
        end_s = world.start_stage((x, y, 0.0), 100.0, 400.0).end_s
        wall.passes(end_s - wall() + 0.01)

    return put


@pytest.fixture
def pump(world: World) -> Iterator[NewEraPump]:
    instrument = NewEraPump(world, {"red": world.spec.pumps["red"]})
    instrument.start()
    yield instrument
    instrument.close()


@pytest.fixture
def stage(world: World) -> Iterator[GrblStage]:
    instrument = GrblStage(world, {"stage": world.spec.stage})
    instrument.start()
    yield instrument
    instrument.close()
