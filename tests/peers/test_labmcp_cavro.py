"""labmcp-cavro, other people's driver and simulator of Cavro pumps in DT: each half against ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

labmcp_cavro = pytest.importorskip("labmcp_cavro")

from labmcp import open_transport  # noqa: E402
from labmcp_cavro.driver import CavroError, CavroPump  # noqa: E402
from labmcp_cavro.simulator import CavroSimulator  # noqa: E402

from hardware.drivers.cavro import Driver, Settings  # noqa: E402
from hardware.errors import HardwareError, ReplyError  # noqa: E402
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec  # noqa: E402
from hardware.virtual.clock import VirtualClock  # noqa: E402
from hardware.virtual.instruments.cavro import Instrument  # noqa: E402
from hardware.virtual.world import World  # noqa: E402
from tests.peers.served import served  # noqa: E402

pytestmark = pytest.mark.peer

SPEED = 50.0


@pytest.fixture
def world() -> World:
    ports = {"draw": "I", "deliver": "O"}
    pumps = {"red": PumpSpec("cavro", "", 7.3, 1000.0, {}, "red dye", ports=ports)}
    vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)
    stage = StageSpec("grbl", "", (150.0, 105.0, 20.0), {})
    spec = RigSpec("bench", pumps, stage, RackSpec(4, 6, 24.0, (15.0, 15.0), vial))
    return World(spec, VirtualClock(SPEED), seed=1)


@pytest.fixture
def theirs(world: World) -> Iterator[CavroPump]:
    """Their driver on our pump."""
    instrument = Instrument(world, world.spec.pumps)
    instrument.start()
    address = instrument.address.replace("socket", "tcp")
    with open_transport(
        address, read_termination="\x03\r\n", write_termination="\r", encoding="latin-1", timeout=10.0
    ) as transport:
        yield CavroPump(transport, syringe_ul=1000.0)
    instrument.close()


def test_their_driver_initialises_draws_and_delivers(theirs: CavroPump, world: World) -> None:
    assert theirs.identify()["firmware"].startswith("P/N")
    with pytest.raises(CavroError, match="not initialized"):
        theirs.move_valve("I")
    theirs.initialize()
    assert sum(world.spilled_ul().values()) == pytest.approx(400.0)
    assert theirs.move_valve("I") == "i"
    assert theirs.move_plunger("A", 3000, 2000, 30).position_steps == 3000
    assert theirs.move_valve("O") == "o"
    assert theirs.move_plunger("D", 600, 2000, 30).position_steps == 2400
    assert world.left_ul("red") == pytest.approx(400.0, rel=0.02)
    with pytest.raises(CavroError, match="invalid operand"):
        theirs.move_plunger("A", 9999, 2000, 30)


@contextmanager
def their_pump(**settings: int) -> Iterator[tuple[CavroSimulator, str]]:
    """Their simulator behind a port."""
    pump = CavroSimulator(speed=SPEED, **settings)

    def answer(line: str) -> str | None:
        told = pump.handle(line)
        return None if told is None else str(told)

    with served(answer, "\r", "\x03\r\n") as address:
        yield pump, address


@pytest.mark.parametrize(
    ("ports", "valve", "count"),
    [
        ({"draw": "I", "deliver": "O"}, "3-port", 0),
        ({"draw": "1", "deliver": "3", "waste": "9"}, "distribution", 9),
    ],
)
@pytest.mark.parametrize("microstep", [0, 1])
def test_our_driver_on_their_pump(ports, valve, count, microstep) -> None:
    with their_pump(valve_ports=count) as (simulator, port):
        spec = PumpSpec("cavro", port, 7.3, 1000.0, {}, ports=ports)
        settings = Settings(valve=valve, valve_ports=count or 6, microstep=microstep)
        pump = Driver("red", spec, settings, speed=SPEED, latch=threading.Event())
        pump.open()
        assert pump.unready, "it looks like one at the top, and would refuse to move"
        pump.make_ready()
        assert pump.aspirate(800.0, 400.0) == pytest.approx(800.0)
        assert pump.dispense(250.0, 400.0) == pytest.approx(250.0)
        assert pump.port_now == ports["deliver"]
        assert simulator.frac == pytest.approx(0.55)
        simulator.overload_next_move = True
        with pytest.raises(ReplyError, match="blocked"):
            pump.dispense(500.0, 400.0)
        with pytest.raises(HardwareError, match="Making it ready"):
            pump.dispense(10.0, 400.0)
        pump.make_ready()
        assert pump.aspirate(100.0, 400.0) == pytest.approx(100.0)
        pump.close()
