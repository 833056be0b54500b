"""Zaber stages when things go wrong: cables, noise, stops, stalls, power. The world tells what truly happened."""

import itertools
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hardware.dialects.zaber import flags_of, message_of, number
from hardware.drivers import zaber
from hardware.drivers.zaber import Driver
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts import zaber_chain
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.zaber import Instrument
from hardware.virtual.world import World
from tests.hardware.unplug import Cable, outcome_of
from tests.hardware.zaber_talk import a_stage, summed

pytestmark = pytest.mark.usefixtures("quick_unplug")
PLACES = {"step_um": 0.1, "x": "1.1", "y": "1.2"}
TRAVEL_MM = (150.0, 105.0, 20.0)


class Table:
    """A stage of two axes on the virtual bench, with its driver, homed."""

    def __init__(self, speed: float, *, cable: bool = False, **fields) -> None:
        places = {**PLACES, **fields}
        vial = VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0)
        stage = StageSpec("zaber", "", TRAVEL_MM, places)
        pumps = {"red": PumpSpec("new_era", "", 26.59, 60_000.0, {}, "red dye")}
        spec = RigSpec("bench", pumps, stage, RackSpec(4, 4, 24.0, (15.0, 15.0), vial))
        self.world = World(spec, VirtualClock(speed))
        self.device = Instrument(self.world, {"stage": stage})
        self.device.start()
        self.cable = Cable(self.device.address) if cable else None
        self.latch = threading.Event()
        port = self.cable.address if self.cable else self.device.address
        self.driver: Driver = a_stage(port, speed=speed, travel_mm=TRAVEL_MM, latch=self.latch, **places)
        self.driver.open()
        self.driver.home()

    def at_mm(self) -> tuple[float, float]:
        return self.world.stage_mm()[:2]

    def close(self) -> None:
        self.driver.close()
        if self.cable:
            self.cable.close()
        self.device.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """No machine is so busy that braking, or the answer to a stop, comes too late."""
    monkeypatch.setattr(zaber, "BRAKING_S", 10.0)
    monkeypatch.setattr(zaber, "STOP_S", 20.0)


@pytest.fixture
def table():
    tables = []

    def make(speed: float = 1.0, **fields) -> Table:
        tables.append(Table(speed, **fields))
        return tables[-1]

    yield make
    for made in tables:
        made.close()


def in_background(act: Callable[[], object]) -> tuple[threading.Thread, list[HardwareError]]:
    failures: list[HardwareError] = []

    def work() -> None:
        try:
            act()
        except HardwareError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures


def moving(table: Table) -> tuple[threading.Thread, list[HardwareError]]:
    """A long move that is well under way."""
    began = table.at_mm()
    thread, failures = in_background(lambda: table.driver.move_to(150, 105))
    deadline = time.monotonic() + 10
    while table.at_mm()[0] < began[0] + 1:
        assert time.monotonic() < deadline, failures
        time.sleep(0.005)
    return thread, failures


def test_a_cable_pulled_at_every_byte_of_a_move(table):
    """Both directions of the line; the world knows whether anything moved."""
    bench = table(400.0, cable=True)
    driver, world, cable = bench.driver, bench.world, bench.cable
    seen = set()
    ends = itertools.cycle([((60.0, 20.0), (60.0, 21.0)), ((59.0, 20.0), (59.0, 21.0))])
    for k in itertools.count():
        (start, target) = next(ends)
        driver.move_to(*start)
        before = world.stage_mm()
        cable.pull_at(k)
        outcome = outcome_of(lambda to=target: driver.move_to(*to))
        cable.pull_at(None)
        seen.add(outcome)
        if outcome == "not_done":
            assert world.stage_mm() == before, k
        if outcome == "done":
            assert world.stage_mm()[:2] == pytest.approx(target, abs=1e-3)
            break
        driver.open()
        assert driver.homed, "the devices kept their place; only the cable was out"
    assert seen == {"not_done", "unknown", "done"}
    assert k > 250


def test_a_cable_pulled_while_it_homes(table):
    bench = table(1.0, cable=True)
    bench.driver.move_to(20, 20)
    bench.cable.pull_at(300)
    assert outcome_of(bench.driver.home) == "unknown"
    bench.cable.pull_at(None)
    bench.driver.open()
    assert not bench.driver.homed, "it stopped on its way home"
    with pytest.raises(HardwareError, match="home it first"):
        bench.driver.move_to(1, 1)
    bench.driver.home()
    assert bench.driver.position_mm() == (0, 0, 0)


def test_opening_stops_what_moves_for_a_program_that_is_gone(table):
    bench = table(1.0, cable=True)
    thread, failures = moving(bench)
    bench.cable.pull_at(0)
    thread.join(10)
    assert isinstance(failures[0], NotConnectedError)
    assert failures[0].outcome == "unknown"
    bench.cable.pull_at(None)
    bench.driver.open()
    here = bench.at_mm()
    assert 0 < here[0] < 150
    assert bench.driver.homed
    assert bench.driver.position_mm()[:2] == pytest.approx(here, abs=1e-3)


def test_stop_brakes_both_axes_and_keeps_the_position(table):
    bench = table()
    thread, failures = moving(bench)
    bench.driver.stop()
    here = bench.at_mm()
    thread.join(10)
    assert isinstance(failures[0], StoppedError)
    assert "position is kept" in str(failures[0])
    assert bench.at_mm() == here, "it stood when stop returned"
    assert bench.driver.homed
    assert bench.driver.position_mm()[:2] == pytest.approx(here, abs=1e-3)
    bench.driver.move_to(here[0] + 1, here[1])


def test_who_still_moves_after_a_while_is_stopped_hard_and_must_be_homed(table, monkeypatch):
    monkeypatch.setattr(zaber, "BRAKING_S", 0.3)
    bench = table()
    for axis in filter(None, bench.device._axes):
        axis.settings["accel"] = str(int(axis.settings["accel"]) // 40)
    bench.world.halt_stage()
    thread, failures = moving(bench)
    time.sleep(0.5)
    began = time.monotonic()
    bench.driver.stop()
    assert time.monotonic() - began > 0.3
    assert not bench.world.stage_moves()
    thread.join(10)
    assert "home it before the next move" in str(failures[0])
    assert not bench.driver.homed


def test_an_estop_stops_at_once_and_is_homed_after(table):
    bench = table(stop="estop")
    thread, failures = moving(bench)
    bench.driver.stop()
    thread.join(10)
    assert isinstance(failures[0], StoppedError)
    assert not bench.driver.homed
    bench.driver.stop()  # at rest it costs nothing
    bench.driver.home()
    bench.driver.stop()
    assert bench.driver.homed


def test_a_stop_in_mid_homing_leaves_it_unhomed(table):
    bench = table()
    bench.driver.move_to(20, 20)
    thread, failures = in_background(bench.driver.home)
    while not bench.world.stage_moves():
        time.sleep(0.005)
    bench.driver.stop()
    thread.join(10)
    assert isinstance(failures[0], StoppedError)
    assert not bench.driver.homed


def test_stops_that_race_with_commands_end_them_all(table):
    bench = table(20.0)
    for i in range(12):
        thread, failures = in_background(lambda i=i: bench.driver.move_to(100 - 5 * i, 50))
        time.sleep(0.004 * i)
        bench.driver.stop()
        assert not bench.world.stage_moves()
        thread.join(10)
        assert not thread.is_alive()
        assert all(isinstance(error, StoppedError) for error in failures)
        assert bench.driver.homed


def test_nothing_starts_while_everything_is_stopped(table):
    bench = table(50.0)
    here = bench.at_mm()
    bench.latch.set()
    bench.driver.stop()
    with pytest.raises(StoppedError):
        bench.driver.move_to(10, 10)
    assert bench.at_mm() == here
    assert bench.driver.position_mm() == (0, 0, 0), "asking is allowed"
    bench.latch.clear()
    bench.driver.move_to(10, 10)


def test_a_stop_that_nobody_confirms_is_said_to_be_unconfirmed(table, monkeypatch):
    monkeypatch.setattr(zaber, "STOP_S", 0.5)
    bench = table(cable=True)
    bench.device._hear = lambda line: None
    with pytest.raises(DeviceTimeoutError, match="X and Y did not confirm"):
        bench.driver.stop()


def test_stop_does_not_wait_for_whoever_awaits_an_answer(table, monkeypatch):
    monkeypatch.setattr(zaber, "STOP_S", 0.5)
    bench = table()
    with bench.driver._link.lock:
        thread, failures = in_background(bench.driver.stop)
        thread.join(10)
    assert isinstance(failures[0], DeviceTimeoutError)
    assert [t.data for t in bench.driver.traffic if t.direction == "!"][-1].startswith(b"/0 0 ")


def test_a_stall_stops_everything_and_stays_until_homed(table):
    bench = table()
    thread, failures = moving(bench)
    bench.device.stall("x")
    thread.join(10)
    assert isinstance(failures[0], ReplyError)
    assert failures[0].outcome == "unknown"
    assert "X stalled and stopped" in str(failures[0])
    assert not bench.driver.homed
    with pytest.raises(HardwareError, match="home it first"):
        bench.driver.move_to(1, 1)
    bench.driver.home()
    bench.driver.move_to(1, 1)
    assert bench.at_mm() == pytest.approx((1, 1), abs=1e-3)


def test_a_fault_that_goes_away_by_itself_is_not_forgotten(table):
    """FD ends when the motor has cooled; where it stands then is not known."""
    bench = table(50.0)
    axis = bench.device._axes[0]
    axis.flags |= {"FD"}
    with pytest.raises(HardwareError, match="too hot"):
        bench.driver.move_to(1, 1)
    axis.flags.clear()
    with pytest.raises(HardwareError, match="too hot"):
        bench.driver.move_to(1, 1)
    bench.driver.home()
    bench.driver.move_to(1, 1)


def test_motors_that_are_off_are_switched_on_by_homing(table):
    bench = table(50.0)
    bench.device.disable("y")
    with pytest.raises(HardwareError, match="Y its motor is switched off"):
        bench.driver.move_to(1, 1)
    bench.driver.home()
    bench.driver.move_to(1, 1)


def test_a_knob_that_is_turned_ends_the_move(table):
    bench = table()
    thread, failures = moving(bench)
    bench.device._axes[1].flags |= {"NC"}
    thread.join(10)
    assert "moved by hand" in str(failures[0])
    assert bench.driver.homed, "the device has counted along"


def test_a_power_cut_loses_the_place(table):
    bench = table()
    thread, failures = moving(bench)
    bench.device.power_cycle()
    thread.join(10)
    assert isinstance(failures[0], ReplyError)
    assert failures[0].outcome == "unknown"
    assert "does not know its position" in str(failures[0])
    assert not bench.driver.homed
    with pytest.raises(HardwareError, match="home it first"):
        bench.driver.position_mm()
    assert "does not know its position" in bench.driver.about()["X state"]


@settings(deadline=None)
@given(st.binary(max_size=90))
@example(b"@01 1 05 OK IDLE -- 5\\:00")
def test_no_line_is_half_understood(line):
    message = message_of(line)
    if message is not None:
        assert line.strip(b"\r\n\0 ")[:1] in b"@!#"
        value = number(message.data)
        assert value is None or abs(value) < 1e12
        assert message.kind != "reply" or flags_of(message.data) is None or message.data[:1].isdigit()


@settings(deadline=None)
@given(st.data())
def test_no_damaged_byte_changes_a_checked_value(data):
    whole = summed(f"@{data.draw(st.integers(1, 99)):02} 1 {data.draw(st.integers(0, 94)):02} OK IDLE -- "
                   f"{data.draw(st.integers(-(10**9), 10**9))}")  # fmt: skip
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    message = message_of(damaged)
    assert message is None or not message.checked or message == message_of(whole)


class Noise:
    """A device that answers `get pos` as it is told, in the pieces that it is told."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def __call__(self, received: bytes):
        line, end, _ = received.partition(b"\n")
        if not end:
            return None
        device, axis, ident, *words = line.decode().split(":")[0][1:].split(" ", 3)
        if words == ["get pos"] and self.pieces:
            return len(line) + 1, [piece.replace(b"ID", ident.encode()) for piece in self.pieces]
        known = {"get limit.max": "2000000", "get resolution": "64", "get maxspeed": "1638400", "warnings": "00"}
        data = "1" if words == ["get comm.checksum"] else known.get(" ".join(words), "0")
        return len(line) + 1, summed(f"@{int(device):02} {axis} {ident} OK IDLE -- {data}") + b"\r\n"


FRAGMENTS = st.sampled_from(
    [b"@01 1 ID OK IDLE -- 77\r\n", b"@01 1 ID OK IDLE -- ", b"77:00\r\n", b"@", b"\r\n", b"/1 1 ID get pos\n",
     b"!01 1 IDLE --\r\n", b"#01 1 ID cont 77\r\n", b"@01 1 00 OK BUSY WR 77:C0\r\n"]
)  # fmt: skip


def test_noise_on_the_line_never_becomes_a_position(serving, monkeypatch):
    noise = Noise()
    with serving(noise) as instrument:
        stage = a_stage(instrument.port, travel_mm=(200.0, 200.0, 50.0))
        stage.open()
        monkeypatch.setattr(zaber_chain, "ANSWER_S", 0.03)

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.lists(st.one_of(st.binary(min_size=1, max_size=60), FRAGMENTS), min_size=1, max_size=5))
        def check(pieces: list[bytes]) -> None:
            noise.pieces = pieces
            began = time.monotonic()
            try:
                position = stage.position_mm()
            except HardwareError:
                position = None
            assert position in (None, (0.0, 0.0, 0.0))
            assert time.monotonic() - began < 30
            noise.pieces = []

        check()
        stage.close()
