"""labmcp-new-era, other people's driver and simulator of New Era pumps in Basic mode: each half against ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

driver = pytest.importorskip("labmcp_new_era.driver")
simulator = pytest.importorskip("labmcp_new_era.simulator")

from labmcp import InstrumentProtocolError, open_transport  # noqa: E402

from hardware.drivers.new_era import Driver  # noqa: E402
from hardware.errors import (  # noqa: E402
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.wire import Wire  # noqa: E402
from tests.hardware.new_era_talk import a_pump, in_background, on_the_bench  # noqa: E402
from tests.hardware.unplug import Cable, outcome_of  # noqa: E402
from tests.peers.served import served  # noqa: E402

pytestmark = pytest.mark.peer

SPEED = 100.0


class Counting(simulator.NewEraSimulator):
    """Theirs, with a count that no command clears."""

    infused_ml = 0.0

    def _advance(self) -> None:
        before_ml = self.dispensed["INF"]
        super()._advance()
        self.infused_ml += self.dispensed["INF"] - before_ml


@contextmanager
def their_pumps(*pumps: "simulator.NewEraSimulator") -> Iterator[str]:
    """Their simulators behind one port."""

    def answer(line: str) -> list[str]:
        return [told for pump in pumps if (told := pump.handle(line)) is not None]

    with served(answer, "\r", "\x03") as address:
        yield address


@contextmanager
def our_driver_on(pump: "simulator.NewEraSimulator", **fields: float) -> Iterator[Driver]:
    with their_pumps(pump) as address:
        ours = a_pump(address, speed=SPEED, watchdog_s=10, **fields)
        try:
            ours.open()
            yield ours
        finally:
            ours.close()


def test_our_driver_identifies_prepares_and_reads_back() -> None:
    pump = simulator.NewEraSimulator(speed=SPEED)
    with our_driver_on(pump) as ours:
        assert ours.identify() == "NE1000V3.923"
        told = ours.about()
    assert told["state"] == "stopped"
    assert told["diameter"] == "23.03 mm"
    assert told["last alarm"] == "was switched off or restarted and has forgotten its program"
    assert told["watchdog"] == "none: the pump has no Safe mode"
    assert (pump.diameter, pump.phases[1]["fun"], pump.phases[2]["fun"]) == (23.03, "RAT", "STP")


@pytest.mark.parametrize(("diameter_mm", "dose_ul"), [(23.03, 500.0), (4.699, 123.4)])
def test_our_driver_doses_and_draws(diameter_mm: float, dose_ul: float) -> None:
    pump = simulator.NewEraSimulator(speed=SPEED)
    with our_driver_on(pump, diameter_mm=diameter_mm) as ours:
        rate_ul_s = ours.range.max_rate_ul_s
        assert ours.dispense(dose_ul, rate_ul_s) == pytest.approx(dose_ul)
        assert ours.aspirate(dose_ul / 2, rate_ul_s / 3) == pytest.approx(dose_ul / 2)
    assert pump.dispensed["WDR"] * 1000 == pytest.approx(dose_ul / 2)


def test_every_rate_of_our_range_is_one_that_their_pump_takes() -> None:
    pump = simulator.NewEraSimulator(speed=1e7)
    with our_driver_on(pump) as ours:
        slowest, fastest = ours.range.min_rate_ul_s, ours.range.max_rate_ul_s
        for rate_ul_s in (slowest, slowest * 37, fastest / 13, fastest):
            assert ours.dispense(10.0, rate_ul_s) == pytest.approx(10.0)
        with pytest.raises(OutOfRangeError):
            ours.dispense(10.0, fastest * 1.01)


def test_our_driver_stops_in_mid_dose_and_goes_on() -> None:
    pump = simulator.NewEraSimulator(speed=1.0)
    with our_driver_on(pump) as ours:
        thread, failures = in_background(lambda: ours.dispense(5000.0, 300.0))
        while not pump.running:
            threading.Event().wait(0.01)
        ours.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert not pump.running
        assert not pump.paused
        assert 25_000.0 - ours.left_ul == pytest.approx(pump.dispensed["INF"] * 1000, abs=1.0)
        assert ours.dispense(50.0, 300.0) == pytest.approx(50.0)


def test_our_driver_hears_of_a_stall_once() -> None:
    pump = simulator.NewEraSimulator(speed=SPEED)
    with our_driver_on(pump) as ours:
        pump.stall_after_ml = 0.2
        with pytest.raises(ReplyError, match="stalled") as caught:
            ours.dispense(500.0, 200.0)
        assert caught.value.outcome == "unknown"
        assert 25_000.0 - ours.left_ul == pytest.approx(200.0)
        pump.stall_after_ml = None
        assert ours.dispense(300.0, 200.0) == pytest.approx(300.0)


def test_our_driver_tells_the_outcome_wherever_the_cable_is_cut() -> None:
    pump = Counting(speed=1000.0)
    outcomes = set()
    with their_pumps(pump) as address:
        cable = Cable(address)
        ours = a_pump(cable.address, speed=1000.0, watchdog_s=10)
        ours.open()
        cable.pull_at(None)
        ours.dispense(50.0, 300.0)
        for count in range(0, cable.carried, 13):
            before_ml = pump.infused_ml
            cable.pull_at(count)
            outcome = outcome_of(lambda: ours.dispense(50.0, 300.0))
            cable.pull_at(None)
            assert ours.identify() == "NE1000V3.923"
            ours.loaded(25_000.0)
            pumped_ul = (pump.infused_ml - before_ml) * 1000
            assert {"not_done": pumped_ul == 0, "unknown": pumped_ul <= 50.1}[outcome]
            outcomes.add(outcome)
        assert ours.dispense(500.0, 300.0) == pytest.approx(500.0)
        ours.close()
        cable.close()
    assert outcomes == {"not_done", "unknown"}


def test_our_driver_on_a_chain_of_theirs() -> None:
    pumps = [simulator.NewEraSimulator(address=address, speed=SPEED) for address in (0, 7)]
    with their_pumps(*pumps) as address:
        wire = Wire(address)
        first, second = (a_pump(address, speed=SPEED, wire=wire, address=number) for number in (0, 7))
        for ours in (first, second):
            ours.open()
        assert second.dispense(400.0, 300.0) == pytest.approx(400.0)
        assert first.dispense(200.0, 300.0) == pytest.approx(200.0)
        assert [pump.dispensed["INF"] for pump in pumps] == pytest.approx([0.2, 0.4])
        first.close()
        second.close()


def test_our_driver_gives_a_silent_pump_up() -> None:
    silent = served(lambda _: None, "\r", "\x03")
    with silent as address, pytest.raises(NotConnectedError, match="no New Era pump answers"):
        a_pump(address).open()


@contextmanager
def their_driver(address: str) -> Iterator["driver.NewEraPump"]:
    transport = open_transport(
        address.replace("socket", "tcp"), read_termination="\x03", write_termination="\r", timeout=5.0
    )
    with transport:
        yield driver.NewEraPump(transport)


def test_their_driver_doses_with_our_pump() -> None:
    with on_the_bench(SPEED) as (world, instrument), their_driver(instrument.address) as pump:
        info = pump.identify()
        assert (info["model"], info["firmware"], pump.reset_alarm_seen) == ("NE-1000", "3.928", True)
        pump.set_diameter(23.03)
        assert pump.diameter_mm() == 23.03
        pump.clear_dispensed()
        plan = pump.start_pumping("INF", 0.5, 10.0)
        assert plan.volume_text == "0.500ML"
        while pump.status().prompt == "I":
            pass
        assert pump.dispensed() == (0.5, 0.0, "ML")
        assert world.counted_ul("red")[0] == pytest.approx(500.0)
        assert pump.direction() == "INF"


def test_their_driver_stops_is_refused_and_is_told_of_a_stall() -> None:
    with on_the_bench(1.0) as (world, instrument), their_driver(instrument.address) as pump:
        pump.identify()
        pump.set_diameter(23.03)
        with pytest.raises(InstrumentProtocolError, match="out of range"):
            pump.start_pumping("INF", 0.5, 200.0)
        pump.start_pumping("WDR", 5.0, 10.0)
        assert pump.stop().prompt == "S"
        assert not world.pump_moves("red")
        pump.start_pumping("INF", 5.0, 10.0)
        world.stall("red")
        with pytest.raises(InstrumentProtocolError, match="stalled"):
            pump.dispensed()
        assert pump.status().prompt == "S"
