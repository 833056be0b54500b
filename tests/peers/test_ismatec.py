"""ismatec, other people's driver of the Reglo ICC, on the virtual one."""

import pytest

peristaltic = pytest.importorskip("ismatec.peristaltic_pump")

from ismatec.errors import CommandError, PumpError  # noqa: E402

from tests.hardware.reglo_talk import on_the_bench  # noqa: E402
from tests.peers.pseudo_terminal import as_a_device  # noqa: E402
from tests.peers.waiting import soon  # noqa: E402

pytestmark = pytest.mark.peer


def test_it_identifies_doses_draws_stops_and_is_refused() -> None:
    with on_the_bench(10.0, red=1) as (world, instrument), as_a_device(instrument.address) as device:
        pump = peristaltic.RegloICC(device, safe_start=True)  # it asks for channel 1 whether anything runs
        assert instrument.addresses_channels
        assert not instrument.events
        assert pump.get_n_pump_channels() == 4
        pump.set_tubing_inner_diameter(1.02, pump_channel=1)
        assert pump.get_tubing_inner_diameter(1) == pytest.approx(1.02)
        pump.set_mode_pump_volume_at_rate(1, flow_rate=3.0, volume=0.5)
        assert pump.get_pump_mode(1) == "O"
        pump.set_clockwise(1)
        assert pump.clockwise(1)
        pump.start(1)
        assert pump.running()
        soon(lambda: not pump.running())
        assert world.counted_ul("red")[0] == pytest.approx(500.0, rel=0.01)
        pump.set_counter_clockwise(1)
        assert not pump.clockwise(1)
        pump.set_volume(5.0, 1)
        pump.start(1)
        pump.stop(1)
        assert not world.pump_moves("red")
        assert 0 < world.counted_ul("red")[1] < 5000.0
        pump.set_volume(9000.0, 1)
        with pytest.raises(PumpError, match="not achievable"):
            pump.start(1)
        assert pump.get_cause_of_run_error()[0] == "V"
        with pytest.raises(CommandError):
            pump.set_tubing_inner_diameter(1.03, pump_channel=1)
        pump.disconnect()
