"""marlin-host, other people's host of Marlin boards, on the virtual one: numbers, checksums, capabilities."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

marlin_host = pytest.importorskip("marlin_host")

from marlin_host.host import HaltError, MarlinHost  # noqa: E402
from marlin_host.transport import SerialTransport  # noqa: E402

from hardware.virtual.clock import VirtualClock  # noqa: E402
from hardware.virtual.instruments.marlin import Build, Instrument  # noqa: E402
from hardware.virtual.world import World  # noqa: E402
from tests.hardware.stages import a_bench  # noqa: E402
from tests.peers.pseudo_terminal import as_a_device  # noqa: E402
from tests.peers.waiting import soon  # noqa: E402

pytestmark = pytest.mark.peer


@contextmanager
def their_host(speed: float = 50.0, **build: bool) -> Iterator[tuple[MarlinHost, World]]:
    world = World(a_bench("marlin"), VirtualClock(speed), seed=1)
    instrument = Instrument(world, {"stage": world.spec.stage}, build=Build(**build))
    instrument.start()
    with as_a_device(instrument.address) as device:
        host = MarlinHost(SerialTransport(device, 115200, reset_on_open=False), reliable=True, startup_timeout=0.5)
        host.connect()
        try:
            yield host, world
        finally:
            host.close()
            instrument.close()


def test_it_negotiates_homes_streams_and_asks_where_it_is() -> None:
    with their_host() as (host, world):
        assert host.profile.firmware.startswith("FIRMWARE_NAME:Marlin")
        assert host.profile.emergency_stop_immediate
        host.send("G28")
        program = ["G21", "G90", *(f"G1 X{10 + n} Y{2 * n} F6000" for n in range(1, 21)), "M400"]
        assert sum(1 for _ in host.stream(program)) == 23
        assert world.stage_mm() == pytest.approx((30, 40, 0), abs=0.02)
        position = host.position()
        assert (position["X"], position["Y"]) == (30, 40)
        assert host.temperatures() is not None


def test_its_emergency_stop_kills() -> None:
    with their_host(speed=2.0) as (host, world):
        host.send("G28")
        host.send("G1 X140 F1200")
        soon(world.stage_moves)
        host.emergency_stop()
        soon(lambda: not world.stage_moves())
        assert world.stage_mm()[0] < 140
        with pytest.raises(HaltError):
            host.send("G1 X1")
