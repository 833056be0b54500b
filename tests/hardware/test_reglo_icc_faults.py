"""Reglo ICC pumps when things go wrong: cables, stops, keys, channels. The world tells what truly happened."""

import threading
import time
from collections.abc import Callable

import pytest

from hardware.drivers import module_of
from hardware.drivers.reglo_icc import PROBES
from hardware.errors import HardwareError, NotConnectedError, StoppedError
from hardware.wire import Wire
from tests.hardware.reglo_talk import a_pump, line, on_the_bench
from tests.hardware.unplug import Cable, outcome_of

pytestmark = pytest.mark.usefixtures("quick_unplug")


def test_a_cable_pulled_at_any_byte():
    """Whatever the byte: one state, the truth about the dose, and no second one when the cable is in again."""
    with on_the_bench(1000.0, red=2) as (world, instrument):
        cable = Cable(instrument.address)
        pump = a_pump(cable.address, speed=1000.0, address=2)
        pump.open()
        outcomes, k = [], 0
        while "done" not in outcomes:
            pump.loaded(200_000)
            before_ul = world.counted_ul("red")[0]
            cable.pull_at(k)
            outcomes.append(outcome_of(lambda: pump.dispense(40.0, 80.0)))
            cable.pull_at(None)
            booked_ul = 200_000 - pump.left_ul
            pump.open()  # also ends what the pump may still be doing
            moved_ul = world.counted_ul("red")[0] - before_ul
            assert moved_ul <= 40.0 + 1e-6, f"dosed twice at byte {k}"
            if outcomes[-1] == "not_done":
                assert (moved_ul, booked_ul) == (0, 0), f"at byte {k}"
            else:
                assert booked_ul == pytest.approx(40), f"at byte {k}"
            if outcomes[-1] == "done":
                assert moved_ul == pytest.approx(40)
            k += 1
        pump.close()
        cable.close()
        assert {"not_done", "unknown", "done"} == set(outcomes)
        assert k > 80
        assert sum(world.counted_ul("red")) == world.counted_ul("red")[0], "never drawn back"


@pytest.fixture
def bench():
    """Two channels of a pump, red in 1 and blue in 3, in real time; (world, instrument, red, blue)."""
    with on_the_bench(1.0, red=1, blue=3) as (world, instrument):
        wire = Wire(instrument.address)
        red = a_pump(instrument.address, wire=wire)
        blue = a_pump(instrument.address, wire=wire, address=3)
        for pump in (red, blue):
            pump.open()
        yield world, instrument, red, blue
        for pump in (red, blue):
            pump.close()


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


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_dose_ends_by_itself_and_moves_one_channel_only(bench):
    world, _, red, blue = bench
    assert blue.dispense(20, 80) == 20
    assert world.counted_ul("blue")[0] == pytest.approx(20)
    assert world.counted_ul("red") == (0, 0)
    assert (red.left_ul, blue.left_ul) == (250_000, 249_980)


def test_channels_dose_side_by_side_and_a_stop_stops_one(bench):
    world, _, red, blue = bench
    thread, failures = in_background(lambda: red.dispense(30, 80))
    other, stopped = in_background(lambda: blue.dispense(10_000, 80))
    until(lambda: world.counted_ul("red")[0] > 0.5 and world.counted_ul("blue")[0] > 0.5)
    blue.stop()
    assert not world.pump_moves("blue")
    thread.join(10)
    other.join(10)
    assert not failures
    assert world.counted_ul("red")[0] == pytest.approx(30)
    assert isinstance(stopped[0], StoppedError)
    assert 250_000 - blue.left_ul == pytest.approx(world.counted_ul("blue")[0], abs=40), "half a second of flow"


@pytest.mark.parametrize("after_s", [0.0, 0.0005, 0.001, 0.002, 0.004, 0.008])
def test_a_stop_at_any_moment_of_a_command_leaves_nothing_running(bench, after_s):
    world, _, red, _ = bench
    thread, failures = in_background(lambda: red.dispense(10_000, 80))
    time.sleep(after_s)
    red._halting._latch.set()
    red.stop()
    thread.join(10)
    assert isinstance(failures[0], StoppedError)
    assert not world.pump_moves("red")


def test_keys_at_the_pump_end_a_dose_and_that_is_noticed(bench):
    world, instrument, red, _ = bench
    thread, failures = in_background(lambda: red.dispense(10_000, 80))
    until(lambda: world.counted_ul("red")[0] > 1)
    instrument.press_stop(1)
    thread.join(10)
    assert isinstance(failures[0], StoppedError)
    assert "own keys" in str(failures[0])
    assert 250_000 - red.left_ul >= world.counted_ul("red")[0] - 0.01, "no less is booked than flowed"


def test_a_pump_that_runs_for_a_program_that_is_gone_is_stopped_when_it_is_opened(bench):
    world, instrument, red, _ = bench
    instrument.channels[1].mode = "M"
    instrument.channels[1].start()
    red.open()
    assert not world.pump_moves("red")
    assert instrument.channels[1].mode == "O"


def test_after_a_power_cut_the_pump_is_told_everything_again(bench):
    world, instrument, red, _ = bench
    instrument.addresses_channels, instrument.events = False, True
    channel = instrument.channels[1]
    channel.mode, channel.bore_mm, channel.by_flow, channel.direction = "L", 3.17, False, "K"
    red.open()
    assert red.dispense(20, 80) == 20
    assert world.counted_ul("red") == pytest.approx((20, 0))


def test_an_overload_is_told_before_anything_moves(bench):
    world, instrument, red, _ = bench
    instrument.overloaded = True
    with pytest.raises(HardwareError) as caught:
        red.dispense(20, 80)
    assert (caught.value.outcome, world.counted_ul("red")) == ("not_done", (0, 0))
    with pytest.raises(NotConnectedError):
        red.open()


def test_what_the_pump_says_of_itself(bench):
    _, _, _, blue = bench
    assert dict(blue.about()) == {
        "model": "REGLO ICC 0208 306",
        "channel": "3",
        "tubing": "1.02 mm",
        "fastest": "5.62 mL/min",
        "mode": "volume at rate",
        "direction": "clockwise",
        "state": "stopped",
    }


def test_the_kind_is_known_and_found_by_its_model():
    assert module_of("reglo_icc").CHAINED
    (probe,) = PROBES
    assert (probe.baud, probe.asks) == (9600, b"1#\r")
    assert probe.knows(b"^X1|A\r\n" + line("REGLO ICC 0208 306")) == "REGLO ICC 0208 306"
    for strange in (b"", b"#", b"*", b"REGLO IC", b"ok\r\n", b"\x0200SNE1000V3.923\x03"):
        assert probe.knows(strange) is None
