"""flowchem, other people's driver for the Harvard 11 Elite, talks to the virtual one on addresses 1 to 99.

On address 0 its parser takes the first two characters of every line for an address: it cannot be used there.
"""

import asyncio
from collections.abc import Iterator

import pytest

elite11 = pytest.importorskip("flowchem.devices.harvardapparatus.elite11")
pumpio = pytest.importorskip("flowchem.devices.harvardapparatus._pumpio")
exceptions = pytest.importorskip("flowchem.utils.exceptions")

from hardware.virtual.world import World  # noqa: E402
from tests.hardware.harvard_talk import on_the_bench  # noqa: E402
from tests.peers.pseudo_terminal import as_a_device  # noqa: E402

pytestmark = pytest.mark.peer

SPEED = 2.5
PATIENCE_S = 0.25
"""It takes so much silence for the end of an answer; its own 0.1 s is too little on a busy machine."""


@pytest.fixture
def bench() -> Iterator[tuple[World, str]]:
    with on_the_bench(SPEED, red=3, blue=4) as (world, instrument), as_a_device(instrument.address) as device:
        yield world, device
        elite11.Elite11._io_instances.clear()


def a_pump(device: str, address: int = 3):
    return elite11.Elite11.from_config(
        device, syringe_diameter="23.03 mm", syringe_volume="25 ml", address=address, force=50, timeout=PATIENCE_S
    )


def test_it_finds_and_prepares_the_pump(bench) -> None:
    _, device = bench
    pump = a_pump(device)

    async def work() -> None:
        await pump.initialize()
        assert await pump.version() == "11 ELITE I/W Single 3.0.4"
        assert not pump._infuse_only
        assert await pump.get_syringe_diameter() == "23.0300 mm"
        assert await pump.get_syringe_volume() == "25.000 ml"
        assert await pump.get_force() == 50
        assert not await pump.is_moving()
        info = await pump.pump_info()
        assert (info.pump_description, info.infuse_only) == ("11 ELITE I/W Single", False)

    asyncio.run(work())


def test_it_doses_to_a_target_in_both_directions(bench) -> None:
    world, device = bench
    pump = a_pump(device)

    async def work() -> None:
        await pump.initialize()
        await pump.set_flow_rate("6 ml/min")
        assert await pump.get_flow_rate() == pytest.approx(6)
        await pump.set_target_volume("1 ml")
        await pump.infuse()
        assert await pump.is_moving()
        assert await pump.get_current_flow_rate() == pytest.approx(6)
        await pump.wait_until_idle()
        assert world.counted_ul("red") == pytest.approx((1000, 0))
        await pump.set_withdrawing_flow_rate("6 ml/min")
        await pump.set_target_volume("0.9 ml")
        await pump.withdraw()
        assert await pump.is_moving()
        assert await pump.get_current_flow_rate() == pytest.approx(-6)
        await pump.wait_until_idle()
        assert world.counted_ul("red") == pytest.approx((1000, 900))

    asyncio.run(work())


def test_rates_are_bounded_by_the_limits_it_reads(bench) -> None:
    _, device = bench
    pump = a_pump(device)

    async def work() -> None:
        await pump.initialize()
        await pump.set_flow_rate("500 ml/min")
        assert await pump.get_flow_rate() == pytest.approx(79.48, rel=1e-3)
        await pump.set_flow_rate("1e-9 ml/min")
        assert await pump.get_flow_rate() == pytest.approx(74.98e-6, rel=1e-3)

    asyncio.run(work())


def test_its_stop_stops_one_pump_of_the_chain(bench) -> None:
    world, device = bench
    red, blue = a_pump(device), a_pump(device, 4)

    async def work() -> None:
        for pump in (red, blue):
            await pump.initialize()
            await pump.set_flow_rate("1 ml/min")
            await pump.infuse()
        await red.stop()
        assert not await red.is_moving()
        assert await blue.is_moving()
        await blue.stop()

    asyncio.run(work())
    assert not world.pump_moves("blue")


def test_it_sees_a_stall(bench) -> None:
    world, device = bench
    pump = a_pump(device)

    async def work() -> None:
        await pump.initialize()
        await pump.set_flow_rate("1 ml/min")
        await pump.infuse()
        world.stall("red")
        with pytest.raises(exceptions.DeviceError, match="stalled"):
            await pump.is_moving()

    asyncio.run(work())


def test_it_finds_the_address_by_itself_when_the_pump_is_alone() -> None:
    with on_the_bench(SPEED, red=6) as (_, instrument), as_a_device(instrument.address) as device:
        assert pumpio.HarvardApparatusPumpIO(device, timeout=PATIENCE_S).autodiscover_address() == 6
