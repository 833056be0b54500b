"""A rig file with such a stage: read, rehearsed on the virtual bench, and moved."""

import pytest

from hardware.drivers import module_of
from hardware.rig import open_rig
from hardware.virtual.bench import VirtualBench
from tests.hardware.stages import a_bench


@pytest.mark.parametrize("kind", ["marlin", "rrf"])
def test_a_rig_with_such_a_stage_is_rehearsed(kind, quick_unplug):
    with VirtualBench(a_bench(kind), speed=200.0) as bench, open_rig(bench.rig, speed=200.0) as rig:
        rig.stage.home()
        rig.stage.move_to(39.0, 15.0, 5.0)
        assert bench.truth.stage_mm() == pytest.approx((39, 15, 5), abs=0.02)
        assert bench.truth.slot_at_station() == "A2"
        assert rig.stage.about()["firmware"].startswith(("Marlin", "RepRapFirmware"))
        assert rig.stop_all() == ()
        rig.rearm()
        rig.stage.home()
        assert rig.stage.homed


def test_a_marlin_board_is_known_by_its_answer_alone():
    probes = module_of("marlin").PROBES
    assert [probe.baud for probe in probes] == [115200, 250000]
    for probe in probes:
        assert probe.knows(b"start\nFIRMWARE_NAME:Marlin 2.1.2 (x) SOURCE_CODE") is None
        assert probe.knows(b"FIRMWARE_NAME:Marlin 2.1.2 (x) SOURCE_CODE_URL:y\nok\n") == "Marlin 2.1.2 (x)"
        assert probe.knows(b"FIRMWARE_NAME:Klipper PROTOCOL_VERSION:1\nok\n") is None
        assert module_of("marlin").Settings(**dict(probe.settings)).baud == probe.baud
    assert module_of("rrf").PROBES == ()
