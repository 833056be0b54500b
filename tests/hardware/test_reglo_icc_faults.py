"""Reglo ICC pumps when things go wrong: cables, stops, keys, channels. The world tells what truly happened."""

import time

import pytest

from hardware.drivers import module_of, reglo_icc
from hardware.drivers.reglo_icc import PROBES
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, StoppedError
from hardware.wire import Wire
from tests.hardware.pump_faults import DOSE_UL, in_background, pulled_at_every_byte, until
from tests.hardware.reglo_talk import RUNS, STANDS, a_pump, line, on_the_bench
from tests.hardware.unplug import Cable

pytestmark = pytest.mark.usefixtures("quick_unplug")


def test_a_cable_pulled_at_any_byte():
    with on_the_bench(1000.0, red=2) as (world, instrument):
        cable = Cable(instrument.address)
        pump = a_pump(cable.address, speed=1000.0, address=2)

        def moved_so_far_ul() -> float:
            assert world.counted_ul("red")[1] == 0, "never drawn back"
            return world.counted_ul("red")[0]

        assert pulled_at_every_byte(pump, cable, lambda: pump.dispense(DOSE_UL, 80.0), moved_so_far_ul) > 80


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


def test_a_late_answer_of_one_channel_is_not_taken_for_that_of_another(answering, monkeypatch):
    """A character does not say whose it is."""
    monkeypatch.setattr(reglo_icc, "ANSWER_S", 1.0)

    def pump(told: bytes):
        late = {b"3#": STANDS + line("REGLO ICC 0208 306"), b"3E": RUNS}
        return late.get(told)

    with answering(b"\r", pump) as instrument:
        wire = Wire(instrument.port)
        red, blue = (a_pump(instrument.port, wire=wire, address=channel) for channel in (1, 3))
        red._link.open()
        blue._link.open()
        with pytest.raises(DeviceTimeoutError):
            red._runs()
        assert blue._runs()
        red.close()
        blue.close()


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
