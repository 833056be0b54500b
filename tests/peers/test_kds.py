"""KDSautolib (Legato 110) and python-syringe-pump (Legato 100), other people's drivers, on the virtual chain."""

import asyncio
from collections.abc import Iterator

import pytest

legato = pytest.importorskip("KDSautolib")
syringe_pump = pytest.importorskip("syringe_pump")
aioserial = pytest.importorskip("aioserial")

from quantiphy import Quantity  # noqa: E402
from syringe_pump.exceptions import PumpCommandError  # noqa: E402

from hardware.virtual.instruments.harvard import Instrument  # noqa: E402
from hardware.virtual.world import World  # noqa: E402
from tests.hardware.harvard_talk import on_the_bench  # noqa: E402
from tests.peers.pseudo_terminal import as_a_device  # noqa: E402
from tests.peers.waiting import soon  # noqa: E402

pytestmark = pytest.mark.peer

SPEED = 20.0


@pytest.fixture
def bench() -> Iterator[tuple[World, Instrument, str]]:
    with on_the_bench(SPEED) as (world, instrument), as_a_device(instrument.address) as device:
        yield world, instrument, device


def test_kdsautolib_doses_draws_and_stops(bench: tuple[World, Instrument, str]) -> None:
    """It says much and reads nothing."""
    world, _, device = bench
    pump = legato.Legato110(device, 115200)
    pump.set_syringe_size(23.03, 25, "ml")
    pump.set_infuse_rate("ml/min", 12)
    pump.set_target_volume(1, "ml")
    pump.run_motors("infuse")
    soon(lambda: world.counted_ul("red")[0] == pytest.approx(1000.0))
    pump.clear_volume("bothDirs")
    pump.set_target_volume(500, "ul")
    pump.set_withdraw_rate(setMax=True)
    pump.run_motors("withdraw")
    soon(lambda: world.counted_ul("red")[1] == pytest.approx(500.0))
    pump.clear_volume("bothDirs")
    pump.clear_volume("target")
    pump.run_motors("infuse")
    soon(lambda: world.pump_moves("red"))
    pump.stop()
    soon(lambda: not world.pump_moves("red"))
    pump.kds.ser.close()


def test_python_syringe_pump_reads_back_doses_and_stops(bench: tuple[World, Instrument, str]) -> None:
    world, instrument, device = bench

    async def work() -> None:
        serial = aioserial.AioSerial(port=device, baudrate=115200, timeout=2)
        async with syringe_pump.Pump(serial) as pump:
            assert (await pump.version()).serial_number == "D401460"
            await pump.syringe.set_diameter(23.03)
            await pump.syringe.set_volume(Quantity("25 ml"))
            assert float(await pump.syringe.get_volume()) == pytest.approx(0.025)
            await pump.infusion_rate.set(Quantity("12 ml/min"))
            assert float(await pump.infusion_rate.get()) == pytest.approx(0.012)
            slowest, fastest = await pump.infusion_rate.get_limits()
            assert float(slowest) < 1e-6 < float(fastest)
            with pytest.raises(PumpCommandError):
                await pump.infusion_rate.set(Quantity("500 ml/min"))
            await pump.target_volume.set(Quantity("1 ml"))
            await pump.run()
            while world.pump_moves("red"):
                await asyncio.sleep(0.01)
            assert float(await pump.infusion_volume.get()) == pytest.approx(0.001)
            await pump.target_volume.clear()
            await pump.run("infuse")
            await pump.stop()
            assert not world.pump_moves("red")
        serial.close()

    asyncio.run(work())
    assert instrument.pumps["red"].poll == "ON"
