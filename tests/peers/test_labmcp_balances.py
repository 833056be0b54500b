"""labmcp-mettler-toledo and labmcp-sartorius, drivers and simulators of balances by others: each against ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

mettler = pytest.importorskip("labmcp_mettler_toledo.driver")
mettler_simulator = pytest.importorskip("labmcp_mettler_toledo.simulator")
sartorius = pytest.importorskip("labmcp_sartorius.driver")
sartorius_simulator = pytest.importorskip("labmcp_sartorius.simulator")

from labmcp import InstrumentProtocolError, open_transport  # noqa: E402

from hardware.drivers import balance  # noqa: E402
from hardware.errors import DeviceTimeoutError, NotConnectedError, ReplyError, StoppedError  # noqa: E402
from hardware.spec import MeterSpec  # noqa: E402
from hardware.virtual.instruments.balance import Instrument  # noqa: E402
from tests.hardware.meters import a_meter, a_world, pulled_at_every_byte  # noqa: E402
from tests.hardware.new_era_talk import in_background  # noqa: E402
from tests.hardware.unplug import Cable  # noqa: E402
from tests.peers.served import served  # noqa: E402

pytestmark = pytest.mark.peer


@contextmanager
def our_driver_on(simulator: Any, **fields: Any) -> Iterator[tuple[balance.Driver, Cable]]:
    with served(simulator.handle, "\r\n", "\r\n") as address:
        cable = Cable(address)
        meter = a_meter(balance, cable.address, speed=20.0, **fields)
        try:
            meter.open()
            yield meter, cable
        finally:
            meter.close()
            cable.close()


def sbi(**how: Any) -> "sartorius_simulator.SBISimulator":
    return sartorius_simulator.SBISimulator(time_scale=20.0, **how)


@pytest.fixture(params=["sics", "sbi 16", "sbi 22"])
def theirs(request: pytest.FixtureRequest) -> tuple[str, Any]:
    if request.param == "sics":
        return "sics", mettler_simulator.MTSICSSimulator()
    return "sbi", sbi(fmt=int(request.param[-2:]))


def test_our_driver_identifies_weighs_tares_and_zeroes(theirs: tuple[str, Any]) -> None:
    kind, simulator = theirs
    with our_driver_on(simulator, format=kind) as (meter, _):
        assert (
            meter.identify()
            == {
                "sics": "XS205DU Excellence 220.0000 g, serial number B123456789",
                "sbi": "QUINTIX224-1S",
            }[kind]
        )
        assert "at rest" in meter.about()["weight"]
        assert meter.read() == (pytest.approx(52.18734, abs=5e-4), "g")
        meter.tare()
        simulator.load_g += 1.25
        assert meter.read()[0] == pytest.approx(1.25, abs=5e-4)
        simulator.load_g = 0.5
        meter.zero()
        assert meter.read()[0] == pytest.approx(0.0, abs=5e-4)
        simulator.load_g = 300.0
        with pytest.raises(ReplyError, match="overloaded"):
            meter.read()
        simulator.load_g = 0.5
        assert meter.read()[0] == pytest.approx(0.0, abs=5e-4)


def test_our_driver_counts_in_the_unit_of_the_rig_file() -> None:
    with our_driver_on(mettler_simulator.MTSICSSimulator(load_g=0.125), unit="mg") as (meter, _):
        assert meter.read() == (pytest.approx(125.0, abs=0.5), "mg")


@pytest.mark.parametrize("theirs", ["sics", "sbi 22"], indirect=True)
def test_our_driver_connects_again_wherever_the_cable_is_cut(theirs: tuple[str, Any], quick_unplug: None) -> None:
    kind, simulator = theirs
    with our_driver_on(simulator, format=kind) as (meter, cable):
        right = (pytest.approx(52.18734, abs=5e-4), "g")
        assert pulled_at_every_byte(meter, cable, lambda result: result == right) >= 20


def test_our_driver_waits_for_rest() -> None:
    simulator = sbi()
    with our_driver_on(simulator, format="sbi") as (meter, _):
        simulator.place(20.0)
        assert meter.read()[0] == pytest.approx(20.0, abs=5e-4)
        simulator.handle("\x1bZ")  # an adjustment: no weight until it is over
        assert meter.about()["weight"].startswith("cannot weigh now")
        assert meter.read()[0] == pytest.approx(20.0, abs=5e-4)


def test_our_driver_gives_up_a_balance_that_finds_no_rest_and_is_stopped_while_it_waits() -> None:
    simulator = sbi()
    simulator._settled_at = 300.0  # of its seconds, which are 20 times as fast
    with our_driver_on(simulator, format="sbi", patience_s=1.0) as (meter, _):
        with pytest.raises(DeviceTimeoutError, match="no rest"):
            meter.read()
        thread, failures = in_background(meter.read)
        while meter.traffic[-1].direction != "<":
            threading.Event().wait(0.01)
        threading.Event().wait(0.1)
        meter.stop()
        thread.join(5)
        assert isinstance(failures[0], StoppedError)


@pytest.mark.parametrize("ours", ["sics", "sbi"])
def test_our_driver_does_not_take_one_language_for_another(ours: str) -> None:
    theirs = sbi() if ours == "sics" else mettler_simulator.MTSICSSimulator()
    with (
        served(theirs.handle, "\r\n", "\r\n") as address,
        pytest.raises((NotConnectedError, ReplyError), match="format"),
    ):
        a_meter(balance, address, format=ours).open()


@contextmanager
def our_balance(kind: str) -> Iterator[tuple[Instrument, Any]]:
    instrument = Instrument(a_world(), {"meter": MeterSpec("balance", "", {"format": kind})})
    instrument.start()
    transport = open_transport(
        instrument.address.replace("socket", "tcp"), read_termination="\r\n", write_termination="\r\n", timeout=2.0
    )
    with transport:
        yield instrument, transport
    instrument.close()


def test_their_mettler_driver_on_our_balance() -> None:
    with our_balance("sics") as (instrument, transport):
        theirs = mettler.MTSICSBalance(transport)
        info = theirs.identify()
        assert (info["serial"], info["mt_sics_level"]) == ("B123456789", "01")
        before = theirs.weight()
        assert (before.unit, before.stable) == ("g", True)
        instrument.put_g(10.0)
        assert not theirs.weight(stable=False).stable
        assert theirs.weight().value - before.value == pytest.approx(10.0, abs=5e-4)
        assert theirs.tare().stable
        assert theirs.weight().value == pytest.approx(0.0, abs=5e-4)
        assert theirs.zero()
        instrument.put_g(1000.0)
        with pytest.raises(InstrumentProtocolError, match="overload"):
            theirs.weight()
        instrument.put_g(0.0)
        assert theirs.reset() == "B123456789"
        with pytest.raises(InstrumentProtocolError, match="syntax error"):
            theirs.set_door(1)


def test_their_sartorius_driver_on_our_balance() -> None:
    with our_balance("sbi") as (instrument, transport):
        theirs = sartorius.SBIBalance(transport)
        assert theirs.identify()["model"] == "VB224-1S"
        before = theirs.weight()
        assert (before.unit, before.decimals) == ("g", 4)
        instrument.put_g(10.0)
        assert theirs.print_reading().unit is None
        assert theirs.weight().value - before.value == pytest.approx(10.0, abs=5e-4)
        theirs.tare()
        assert theirs.weight().value == pytest.approx(0.0, abs=5e-4)
        theirs.zero()
        assert theirs.weight().value == pytest.approx(0.0, abs=5e-4)
        instrument.put_g(1000.0)
        with pytest.raises(InstrumentProtocolError, match="overloaded"):
            theirs.print_reading()
