"""While everything is stopped a device can be asked, opened and found again: that is when a person needs it."""

import threading
from dataclasses import replace

import pytest

from hardware.errors import NotConnectedError
from hardware.latch import Latch
from hardware.rig import open_rig
from hardware.spec import MeterSpec, PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.bench import VirtualBench
from tests.hardware.unplug import Cable

VALVED = {"bottle_ul": 50_000.0, "ports": {"draw": "input", "deliver": "output"}}
PUMPS = {
    "new_era": PumpSpec("new_era", "1", 26.59, 60_000.0, {}),
    "harvard": PumpSpec("harvard", "2", 26.59, 60_000.0, {}),
    "reglo_icc": PumpSpec("reglo_icc", "3", 1.02, 60_000.0, {}),
    "grbl_axis": PumpSpec("grbl_axis", "4", 26.59, 60_000.0, {}),
    "cavro": PumpSpec("cavro", "5", 5.0, 1000.0, {}, **VALVED),
}
RACK = RackSpec(4, 6, 24.0, (15.0, 15.0), VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0))


def a_rig(pumps, stage="grbl", meters=()) -> RigSpec:
    settings = {"step_um": 1.0} if stage == "zaber" else {}
    return RigSpec(
        "bench", {kind: PUMPS[kind] for kind in pumps}, StageSpec(stage, "s", (150.0, 105.0, 20.0), settings), RACK,
        meters={kind: MeterSpec(kind, kind, {}) for kind in meters},
    )  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        a_rig(PUMPS, meters=("balance", "scpi")),
        *(a_rig(["new_era"], stage) for stage in ("marlin", "rrf", "zaber")),
    ],
    ids=["grbl and all pumps", "marlin", "rrf", "zaber"],
)
def test_who_is_stopped_is_asked_and_opened(spec):
    latch = Latch()
    latch.set()
    with VirtualBench(spec, speed=100.0) as bench, open_rig(bench.rig, speed=100.0, latch=latch) as rig:
        assert rig.stop_all() == ()
        devices = {**rig.pumps, "stage": rig.stage, **rig.meters}
        for device in devices.values():
            assert device.identify()
            assert device.about()
        rig.rearm()
        for device in devices.values():
            assert device.identify()
            assert device.about()


@pytest.mark.parametrize("kind", sorted(PUMPS.keys() - {"cavro"}))
def test_a_pump_that_ran_on_without_its_cable_is_stopped_when_it_is_found(kind):
    with VirtualBench(a_rig([kind]), speed=3.0) as bench:
        cable = Cable(bench.rig.pumps[kind].port)
        hung = replace(bench.rig.pumps[kind], port=cable.address)
        with open_rig(replace(bench.rig, pumps={kind: hung}), speed=3.0) as rig:
            rig.stage.home()
            pump = rig.pumps[kind]
            if pump.unready:
                rig.stage.move_to(150.0, 105.0)
                pump.make_ready()
            rig.stage.move_to(15.0, 15.0)
            failed: list[Exception] = []

            def pour():
                try:
                    rig.dose("A1", kind, 1000.0, max(pump.range.min_rate_ul_s * 1.01, 10.0))
                except NotConnectedError as error:
                    failed.append(error)

            pouring = threading.Thread(target=pour)
            pouring.start()
            while not bench.truth.contents_ul("A1"):
                assert pouring.is_alive()
                pouring.join(0.01)
            cable.pull_at(0)
            pouring.join(20)
            assert failed
            assert rig.stop_all() == (kind,)
            assert bench.truth.pump_moves(kind)
            cable.pull_at(None)
            assert pump.identify()
            assert not bench.truth.pump_moves(kind)
            assert rig.stopped
        cable.close()
