"""zaber-motion, the maker's own library, talks to the virtual devices.

It identifies a device from a database on the maker's server; without a network it drives devices that it has not
identified, in microsteps, which is all of the protocol that our driver uses.
"""

import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("zaber_motion")

from zaber_motion import Library
from zaber_motion.ascii import Axis, Connection, WarningFlags
from zaber_motion.dto.device_db_source_type import DeviceDbSourceType
from zaber_motion.exceptions import (
    BadCommandException,
    BadDataException,
    CommandFailedException,
    CommandPreemptedException,
    DeviceDbFailedException,
    DriverDisabledException,
    MotionLibException,
    MovementFailedException,
    MovementInterruptedException,
)

from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.zaber import Instrument
from hardware.virtual.world import World

pytestmark = pytest.mark.peer

SPEED = 5.0
PLACES = {"step_um": 0.1, "x": "1.1", "y": "1.2", "z": "2.1"}


class Bench:
    def __init__(self) -> None:
        vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)
        stage = StageSpec("zaber", "", (150.0, 105.0, 20.0), PLACES)
        pumps = {"red": PumpSpec("new_era", "", 26.59, 60_000.0, {}, "red dye")}
        self.world = World(
            RigSpec("bench", pumps, stage, RackSpec(4, 4, 24.0, (15.0, 15.0), vial)), VirtualClock(SPEED)
        )
        self.devices = Instrument(self.world, {"stage": stage})
        self.devices.start()
        host, _, port = self.devices.address.removeprefix("socket://").rpartition(":")
        self.connection = Connection.open_tcp(host, int(port))

    def axis(self, device: int, number: int) -> Axis:
        return self.connection.get_device(device).get_axis(number)

    @property
    def x(self) -> Axis:
        return self.axis(1, 1)

    def home(self) -> None:
        for place in ((2, 1), (1, 1), (1, 2)):
            self.axis(*place).home()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.connection.close()
    made.devices.close()


def raises_in_background(act) -> tuple[threading.Thread, list[Exception]]:
    failures: list[Exception] = []

    def work() -> None:
        try:
            act()
        except MotionLibException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures


def test_it_finds_both_devices(bench: Bench) -> None:
    found = bench.connection.detect_devices(identify_devices=False)
    assert [device.device_address for device in found] == [1, 2]


def test_it_identifies_as_far_as_it_can_without_a_network(bench: Bench) -> None:
    """All its questions are answered; only its own database is out of reach."""
    Library.set_device_db_source(DeviceDbSourceType.WEB_SERVICE, "http://127.0.0.1:9")
    with pytest.raises(DeviceDbFailedException, match="50081"):
        bench.connection.get_device(1).identify()


def test_it_homes_and_moves(bench: Bench) -> None:
    assert not bench.x.is_homed()
    with pytest.raises(CommandFailedException, match="BADDATA"):
        bench.x.move_absolute(1000)
    bench.home()
    assert bench.x.is_homed()
    assert bench.world.stage_mm() == pytest.approx((0, 0, 0))
    bench.x.move_absolute(200_000)
    bench.axis(1, 2).move_relative(50_000)
    assert bench.x.get_position() == 200_000
    assert bench.world.stage_mm() == pytest.approx((20, 5, 0))


def test_it_moves_two_axes_at_once(bench: Bench) -> None:
    bench.home()
    bench.x.move_absolute(400_000, wait_until_idle=False)
    bench.axis(1, 2).move_absolute(300_000, wait_until_idle=False)
    assert bench.x.is_busy()
    assert bench.axis(1, 2).is_busy()
    bench.x.wait_until_idle()
    bench.axis(1, 2).wait_until_idle()
    assert bench.world.stage_mm() == pytest.approx((40, 30, 0))


def test_its_refusals_have_names(bench: Bench) -> None:
    bench.home()
    with pytest.raises(BadDataException):
        bench.x.move_absolute(1_500_001)
    with pytest.raises(BadCommandException):
        bench.connection.get_device(1).generic_command("get no.such.setting")
    bench.devices.disable("x")
    with pytest.raises(DriverDisabledException):
        bench.x.move_absolute(1)


def test_it_stops_a_move(bench: Bench) -> None:
    bench.home()
    thread, failures = raises_in_background(lambda: bench.x.move_absolute(1_500_000))
    while bench.world.stage_mm()[0] < 1:
        time.sleep(0.005)
    assert bench.connection.stop_all() == [1, 2]
    assert not bench.world.stage_moves()
    thread.join(10)
    assert isinstance(failures[0], MovementInterruptedException | CommandPreemptedException)
    assert 0 < bench.x.get_position() < 1_500_000
    assert WarningFlags.MOVEMENT_INTERRUPTED in bench.x.warnings.get_flags()
    assert bench.x.is_homed()


def test_it_hears_of_a_stall_and_clears_it(bench: Bench) -> None:
    bench.home()
    thread, failures = raises_in_background(lambda: bench.x.move_absolute(1_500_000))
    while bench.world.stage_mm()[0] < 1:
        time.sleep(0.005)
    bench.devices.stall("x")
    thread.join(10)
    assert isinstance(failures[0], MovementFailedException)
    assert failures[0].details.warnings == [WarningFlags.STALLED_AND_STOPPED]
    assert bench.x.warnings.get_flags() == set(), "it has cleared what it told"


@pytest.mark.parametrize("checked", [True, False])
def test_it_reads_replies_with_and_without_checksums(bench: Bench, checked: bool) -> None:
    bench.connection.checksum_enabled = checked
    device = bench.connection.get_device(1)
    device.generic_command("set comm.checksum 1")
    assert device.generic_command("get comm.checksum").data == "1"
    assert device.generic_command("get comm.checksum", axis=0).warning_flag == "WR"


def test_it_hears_alerts(bench: Bench) -> None:
    heard: list[str] = []
    bench.connection.alert.subscribe(lambda alert: heard.append(alert.status))
    bench.home()
    bench.connection.enable_alerts()
    bench.x.move_absolute(10_000)
    deadline = time.monotonic() + 30
    while not heard and time.monotonic() < deadline:
        time.sleep(0.01)
    assert heard == ["IDLE"]


def test_settings(bench: Bench) -> None:
    assert bench.x.settings.get("limit.max") == 1_500_000
    bench.x.settings.set("maxspeed", 819_200)
    assert bench.x.settings.get("maxspeed") == 819_200
    replies = bench.connection.generic_command_multi_response("get system.serial")
    assert [reply.data for reply in replies] == ["70001", "70002"]


def test_a_reset_is_noticed(bench: Bench) -> None:
    bench.home()
    bench.connection.get_device(1).generic_command("system reset")
    assert not bench.x.is_homed()
    assert WarningFlags.NO_REFERENCE_POSITION in bench.x.warnings.get_flags()
