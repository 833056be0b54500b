"""NESP-Lib, other people's driver for New Era pumps, talks to the virtual one: in Basic and in Safe mode."""

import threading
from collections.abc import Callable, Iterator

import pytest

nesp_lib = pytest.importorskip("nesp_lib")

from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec  # noqa: E402
from hardware.virtual.clock import VirtualClock  # noqa: E402
from hardware.virtual.instruments.new_era import Instrument  # noqa: E402
from hardware.virtual.world import World  # noqa: E402
from tests.peers.pseudo_terminal import as_a_device  # noqa: E402

pytestmark = pytest.mark.peer

SPEED = 20.0


class Bench:
    """A pump behind a device name, and the world it pumps in. `connect` is a new program that opens the port."""

    def __init__(self, world: World, instrument: Instrument, port: "nesp_lib.Port") -> None:
        self.world, self.instrument, self._port = world, instrument, port

    def connect(self, **how: int) -> "nesp_lib.Pump":
        return nesp_lib.Pump(self._port, **how)


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    made: list[Callable[[], object]] = []

    def make(*, acknowledged: bool = True, **family: object) -> Bench:
        pumps = {"red": PumpSpec("new_era", "", 26.59, 60_000.0, {}, "red dye")}
        vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0)
        stage = StageSpec("grbl", "", (150.0, 105.0, 20.0), {})
        spec = RigSpec("bench", pumps, stage, RackSpec(4, 6, 24.0, (15.0, 15.0), vial))
        world = World(spec, VirtualClock(SPEED), seed=1)
        instrument = Instrument(world, pumps, **family)
        instrument.start()
        made.append(instrument.close)
        device = as_a_device(instrument.address)
        port = nesp_lib.Port(device.__enter__(), 19200)
        made.append(lambda: device.__exit__(None, None, None))
        made.append(port.close)
        bench = Bench(world, instrument, port)
        if acknowledged:
            bench.connect()
        return bench

    yield make
    for undo in reversed(made):
        undo()


def set_up(pump: "nesp_lib.Pump", volume_ml: float = 1.0, rate_ml_per_min: float = 20.0) -> None:
    pump.syringe_diameter_mm = 26.59
    pump.pumping_direction = nesp_lib.PumpingDirection.INFUSE
    pump.pumping_volume_ml = volume_ml
    pump.pumping_rate_ml_per_min = rate_ml_per_min
    pump.volume_infused_clear()
    pump.volume_withdrawn_clear()


@pytest.mark.parametrize("safe_mode_timeout_s", [0, 10])
def test_it_identifies_sets_runs_and_counts(make_bench: Callable[..., Bench], safe_mode_timeout_s: int) -> None:
    bench = make_bench()
    pump = bench.connect(model_number=1000, safe_mode_timeout_s=safe_mode_timeout_s)
    assert (pump.model_number, pump.firmware_version, pump.firmware_upgrade) == (1000, (3, 928), 0)
    assert pump.safe_mode_timeout_s == safe_mode_timeout_s
    set_up(pump)
    assert pump.syringe_diameter_mm == 26.59
    assert pump.pumping_direction is nesp_lib.PumpingDirection.INFUSE
    assert pump.pumping_volume_ml == pytest.approx(1.0)
    assert pump.pumping_rate_ml_per_min == pytest.approx(20.0)
    left_ul = bench.world.left_ul("red")
    pump.run()
    assert pump.status is nesp_lib.Status.STOPPED
    assert pump.volume_infused_ml == pytest.approx(1.0)
    assert left_ul - bench.world.left_ul("red") == pytest.approx(1000.0, rel=0.03)
    pump.pumping_direction = nesp_lib.PumpingDirection.WITHDRAW
    pump.run()
    assert pump.volume_withdrawn_ml == pytest.approx(1.0)
    pump.safe_mode_timeout_s = 0
    assert pump.safe_mode_timeout_s == 0


@pytest.mark.parametrize("safe_mode_timeout_s", [0, 10])
def test_it_stops_and_goes_on(make_bench: Callable[..., Bench], safe_mode_timeout_s: int) -> None:
    pump = make_bench().connect(safe_mode_timeout_s=safe_mode_timeout_s)
    set_up(pump, volume_ml=20.0)
    pump.run(False)
    assert pump.running
    with pytest.raises(nesp_lib.StateException):
        pump.syringe_diameter_mm = 20.0
    pump.stop()
    assert pump.status is nesp_lib.Status.PAUSED
    assert 0 < pump.volume_infused_ml < 20.0
    pump.stop()
    assert pump.status is nesp_lib.Status.STOPPED
    pump.safe_mode_timeout_s = 0


def test_small_syringes_count_in_microlitres(make_bench: Callable[..., Bench]) -> None:
    pump = make_bench().connect()
    set_up(pump)
    pump.syringe_diameter_mm = 4.699
    pump.pumping_rate_ml_per_min = 0.5
    pump.pumping_volume_ml = 0.05
    pump.run()
    assert pump.volume_infused_ml == pytest.approx(0.05)
    with pytest.raises(ValueError):
        pump.pumping_rate_ml_per_min = 20.0


def test_it_is_told_of_the_power_and_of_a_stall_once(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(acknowledged=False)
    pump = bench.connect()  # takes the alarm of being switched on for itself, and asks again
    set_up(pump, volume_ml=20.0)
    pump.run(False)
    bench.world.stall("red")
    with pytest.raises(nesp_lib.StatusAlarmException) as caught:
        pump.wait_while_running()
    assert caught.value.alarm_status is nesp_lib.AlarmStatus.STALLED
    assert pump.status is nesp_lib.Status.STOPPED
    bench.instrument.power_cycle()
    with pytest.raises(nesp_lib.StatusAlarmException) as caught:
        _ = pump.status
    assert caught.value.alarm_status is nesp_lib.AlarmStatus.RESET


def test_its_heartbeat_keeps_the_pump_going(make_bench: Callable[..., Bench]) -> None:
    pump = make_bench().connect(safe_mode_timeout_s=1)
    set_up(pump, volume_ml=20.0, rate_ml_per_min=20.0)
    pump.run(False)
    threading.Event().wait(1.6)
    assert pump.running
    pump.stop()
    pump.stop()
    pump.safe_mode_timeout_s = 0


def test_a_pump_left_in_safe_mode_is_taken_over(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    with pytest.raises(nesp_lib.ModelException):  # it has said SAF, and then goes away
        bench.connect(safe_mode_timeout_s=100, model_number=500)
    assert bench.connect(safe_mode_timeout_s=100).safe_mode_timeout_s == 100
    assert bench.connect().safe_mode_timeout_s == 0


def test_other_members_of_the_family(make_bench: Callable[..., Bench]) -> None:
    pump = make_bench(model="NE4000").connect(model_number=4000)
    set_up(pump, rate_ml_per_min=100.0)
    assert pump.pumping_rate_ml_per_min == pytest.approx(100.0)
