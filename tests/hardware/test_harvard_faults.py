"""Harvard pumps when things go wrong: cables, stops, stalls, chains. The world tells what truly happened."""

import time

import pytest

from hardware.drivers import module_of
from hardware.drivers.harvard import PROBES
from hardware.errors import ReplyError, StoppedError
from hardware.wire import Wire
from tests.hardware.harvard_talk import a_pump, on_the_bench, told
from tests.hardware.pump_faults import DOSE_UL, in_background, pulled_at_every_byte, until
from tests.hardware.unplug import Cable

pytestmark = pytest.mark.usefixtures("quick_unplug")


@pytest.mark.parametrize(("way", "step"), [("dispense", 1), ("aspirate", 9)])
def test_a_cable_pulled_at_any_byte(way, step):
    with on_the_bench(1000.0, red=7) as (world, instrument):
        cable = Cable(instrument.address)
        pump = a_pump(cable.address, speed=1000.0, address=7)

        def dose() -> float:
            world.set_left("red", 12_500)
            return getattr(pump, way)(DOSE_UL, 400.0)

        assert pulled_at_every_byte(pump, cable, dose, lambda: sum(world.counted_ul("red")), step=step) > 250


@pytest.fixture
def bench():
    """A chain of two, red at 0 and blue at 12, in real time; (world, instrument, red, blue)."""
    with on_the_bench(1.0, red=0, blue=12) as (world, instrument):
        wire = Wire(instrument.address)
        red = a_pump(instrument.address, wire=wire)
        blue = a_pump(instrument.address, wire=wire, address=12)
        for pump in (red, blue):
            pump.open()
        yield world, instrument, red, blue
        for pump in (red, blue):
            pump.close()


def test_stop_stands_the_plunger_and_books_what_was_counted(bench):
    world, _, red, _ = bench
    thread, failures = in_background(lambda: red.dispense(20_000, 1000))
    until(lambda: world.counted_ul("red")[0] > 50)
    red.stop()
    assert not world.pump_moves("red")
    thread.join(10)
    assert isinstance(failures[0], StoppedError)
    assert red.left_ul == pytest.approx(25_000 - world.counted_ul("red")[0], abs=0.01)


def test_a_stop_of_one_pump_leaves_the_other_of_the_chain_running(bench):
    world, _, red, blue = bench
    thread, failures = in_background(lambda: red.dispense(300, 300))
    other, stopped = in_background(lambda: blue.dispense(20_000, 1000))
    until(lambda: world.counted_ul("red")[0] > 1 and world.counted_ul("blue")[0] > 1)
    blue.stop()
    thread.join(10)
    other.join(10)
    assert not failures
    assert isinstance(stopped[0], StoppedError)
    assert world.counted_ul("red")[0] == pytest.approx(300)


@pytest.mark.parametrize("after_s", [0.0, 0.0005, 0.001, 0.002, 0.004, 0.008])
def test_a_stop_at_any_moment_of_a_command_leaves_nothing_running(bench, after_s):
    world, _, _, blue = bench
    thread, failures = in_background(lambda: blue.dispense(20_000, 1000))
    time.sleep(after_s)
    blue._halting._latch.set()
    blue.stop()
    thread.join(10)
    assert isinstance(failures[0], StoppedError)
    assert not world.pump_moves("blue")
    assert blue.left_ul == pytest.approx(25_000 - world.counted_ul("blue")[0], abs=0.01)


def test_a_stall_ends_the_dose_and_the_pump_can_be_used_again(bench):
    world, instrument, red, _ = bench
    thread, failures = in_background(lambda: red.dispense(20_000, 1000))
    until(lambda: world.counted_ul("red")[0] > 5)
    world.stall("red")
    thread.join(10)
    assert isinstance(failures[0], ReplyError)
    assert (failures[0].outcome, "stalled" in str(failures[0])) == ("unknown", True)
    assert red.left_ul == pytest.approx(25_000 - world.counted_ul("red")[0], abs=0.01)
    assert red.dispense(10, 1000) == pytest.approx(10)
    instrument.pumps["red"].stall_needs_hand = True
    thread, failures = in_background(lambda: red.dispense(20_000, 1000))
    until(lambda: world.pump_moves("red"))
    world.stall("red")
    thread.join(10)
    with pytest.raises(ReplyError, match="display") as caught:
        red.dispense(10, 1000)
    assert caught.value.outcome == "not_done"


def test_a_pump_that_runs_for_a_program_that_is_gone_is_stopped_when_it_is_opened(bench):
    world, _, red, _ = bench
    world.start_pump("red", "infuse", 1000.0)
    red.open()
    assert not world.pump_moves("red")


def test_what_another_program_left_is_undone(bench):
    """Another diameter at the panel, a target that was reached, echo and no poll."""
    _, instrument, red, _ = bench
    left = instrument.pumps["red"]
    left.diameter_mm, left.poll, left.echo, left.target_ul, left.ended = 4.7, "OFF", "ON", 3.0, "T*"
    red.open()
    assert red.dispense(100, 1000) == pytest.approx(100)
    left.poll, left.diameter_mm = "REMOTE", 4.7
    red.open()
    assert red.dispense(100, 1000) == pytest.approx(100)
    assert left.diameter_mm == 23.03


def test_what_the_pump_says_of_itself(bench):
    _, _, _, blue = bench
    assert dict(blue.about()) == {
        "model": "11 ELITE I/W Single 3.0.4",
        "diameter": "23.0300 mm",
        "syringe": "25.000 ml",
        "force": "50%",
        "rates": "74.981 nl/min to 79.480 ml/min",
        "target": "Target volume not set",
        "state": "stopped",
    }


def test_the_kind_is_known_and_found_by_its_version():
    assert module_of("harvard").CHAINED
    knows = PROBES[0].knows
    assert knows(told("11 ELITE I/W Single 3.0.4", xon=False)) == "11 ELITE I/W Single 3.0.4"
    assert knows(b"ver\r" + told("PHD ULTRA 3.0.5", address=4)) == "PHD ULTRA 3.0.5, address 4"
    for strange in (b"", b"\n:", b"\n11 ELI", b"ok\r\n", told("NE1000V3.923"), told("Grbl 1.1")):
        assert knows(strange) is None
