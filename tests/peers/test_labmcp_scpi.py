"""labmcp-scpi, other people's driver of SCPI instruments and simulator of one: each half against ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

driver = pytest.importorskip("labmcp_scpi.driver")
simulator = pytest.importorskip("labmcp_scpi.simulator")

from labmcp import InstrumentTimeout, open_transport  # noqa: E402

from hardware.drivers import scpi  # noqa: E402
from hardware.errors import ReplyError  # noqa: E402
from hardware.spec import MeterSpec  # noqa: E402
from hardware.virtual.instruments.scpi import Instrument  # noqa: E402
from tests.hardware.meters import a_meter, a_world, pulled_at_every_byte  # noqa: E402
from tests.hardware.unplug import Cable  # noqa: E402
from tests.peers.served import served  # noqa: E402

pytestmark = pytest.mark.peer


@contextmanager
def our_driver_on(theirs: Any, **fields: Any) -> Iterator[tuple[scpi.Driver, Cable]]:
    with served(theirs.handle, "\n", "\n") as address:
        cable = Cable(address)
        meter = a_meter(scpi, cable.address, **fields)
        try:
            meter.open()
            yield meter, cable
        finally:
            meter.close()
            cable.close()


def powered() -> "simulator.DMMPowerSupplySimulator":
    """5 V, on."""
    theirs = simulator.DMMPowerSupplySimulator()
    theirs.handle("VOLT 5;OUTP ON")
    return theirs


@pytest.mark.parametrize("query", ["READ?", "MEAS:VOLT:DC?", "CONF:VOLT:DC;READ?"])
def test_our_driver_identifies_and_reads(query: str) -> None:
    with our_driver_on(powered(), query=query, readings=3, settle_s=0.2) as (meter, _):
        assert meter.identify() == "LabMCP,SIM-DMM-PSU,SIM000001,1.0.0"
        assert meter.about()["error"] == '0,"No error"'
        assert meter.read() == (pytest.approx(5.0, abs=1e-3), "V")


def test_our_driver_sets_it_up_and_tells_what_it_refuses() -> None:
    with our_driver_on(powered(), setup="CONF:CURR:DC", unit="A", settle_s=0.2) as (meter, _):
        assert meter.read() == (pytest.approx(0.05, abs=1e-4), "A")
    with pytest.raises(ReplyError, match="-113"), our_driver_on(powered(), setup="CONF:NONSENSE"):
        pass
    with our_driver_on(powered(), query="MEAS:NONSENSE?", answer_s=0.3) as (meter, _):
        with pytest.raises(ReplyError, match="-113"):
            meter.read()
        assert meter.about()["error"] == '0,"No error"'


@pytest.mark.parametrize("setup", ["TRIG:COUN 3", "FORM REAL,32"])
def test_our_driver_takes_nothing_but_one_number_for_a_reading(setup: str) -> None:
    with our_driver_on(powered(), setup=setup, answer_s=0.3) as (meter, _), pytest.raises(ReplyError):
        meter.read()


def test_our_driver_connects_again_wherever_the_cable_is_cut(quick_unplug: None) -> None:
    with our_driver_on(powered()) as (meter, cable):
        while meter.read()[0] < 4.9999:  # it takes its time to come up
            pass
        assert pulled_at_every_byte(meter, cable, lambda result: result[0] == pytest.approx(5.0, abs=1e-3)) > 30


def test_their_driver_on_our_meter() -> None:
    instrument = Instrument(a_world(), {"meter": MeterSpec("scpi", "", {})})
    instrument.start()
    address = instrument.address.replace("socket", "tcp")
    with open_transport(address, read_termination="\n", write_termination="\n", timeout=1.0) as transport:
        theirs = driver.SCPIInstrument(transport)
        assert theirs.identify()["manufacturer"] == "Aliquot"
        reading = theirs.checked_query("READ?").response
        assert float(reading) == pytest.approx(instrument.truth(), rel=0.01)
        assert theirs.read_errors() == []
        with pytest.raises(InstrumentTimeout, match="-113"):
            theirs.checked_query("NONSENSE?", timeout=0.3)
        assert theirs.reset().errors == []
        assert theirs.wait_operation_complete(1.0) < 1.0
    instrument.close()
