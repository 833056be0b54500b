"""sartorius, other people's driver of Sartorius scales on TCP, on the virtual balance, 22 characters a line."""

import asyncio

import pytest

sartorius = pytest.importorskip("sartorius")

from hardware.spec import MeterSpec  # noqa: E402
from hardware.virtual.instruments.balance import Instrument  # noqa: E402
from tests.hardware.meters import a_world  # noqa: E402

pytestmark = pytest.mark.peer


def test_it_identifies_weighs_and_tares() -> None:
    instrument = Instrument(a_world(), {"meter": MeterSpec("balance", "", {"format": "sbi"})})
    instrument.names_lines = True
    instrument.start()

    async def at_rest(scale: "sartorius.Scale") -> float:
        while not (reading := await scale.get())["stable"]:
            pass
        assert (reading["units"], reading["measurement"]) == ("g", "net")
        return reading["mass"]

    async def work() -> None:
        scale = sartorius.Scale(instrument.address.removeprefix("socket://"), timeout=0.3)
        assert await scale.get_info() == {"model": "VB224-1S", "serial": "0012345678", "software": "00-20-01.01"}
        before = await at_rest(scale)
        instrument.put_g(-5.0 - before)
        assert (await scale.get()) == {"on": False}  # nothing on the pan: less than its range
        instrument.put_g(12.5)
        assert not (await scale.get())["stable"]
        assert await at_rest(scale) - before == pytest.approx(12.5, abs=5e-4)
        await scale.zero()
        assert await at_rest(scale) == pytest.approx(0.0, abs=5e-4)
        instrument.put_g(1000.0)
        assert (await scale.get()) == {"on": False}
        scale.hw.close()

    asyncio.run(work())
    instrument.close()
