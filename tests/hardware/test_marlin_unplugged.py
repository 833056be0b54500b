"""The cable of a Marlin stage is pulled at every byte of a move, both ways."""

import pytest

from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.marlin import Build, Instrument
from hardware.virtual.world import World
from tests.hardware.marlin_talk import a_stage
from tests.hardware.stages import a_bench
from tests.hardware.unplug import Cable, outcome_of

SPEED = 1000.0


@pytest.mark.usefixtures("quick_unplug")
def test_the_cable_is_pulled_at_every_byte_of_a_move():
    world = World(a_bench("marlin"), VirtualClock(SPEED), seed=1)
    instrument = Instrument(world, {"stage": world.spec.stage})
    instrument.start()
    cable = Cable(instrument.address)
    stage = a_stage(cable.address, speed=SPEED)
    try:
        stage.open()
        outcomes = []
        while not outcomes or outcomes[-1] != "done":
            stage.home()
            before = world.stage_mm()
            cable.pull_at(len(outcomes))
            outcomes.append(outcome_of(lambda: stage.move_to(2, 1)))
            cable.pull_at(None)
            if outcomes[-1] == "done":
                assert world.stage_mm() == pytest.approx((2, 1, 0), abs=0.02)
                break
            assert not stage.homed
            stage.open()
            assert not stage.homed
            if outcomes[-1] == "not_done":
                assert world.stage_mm() == pytest.approx(before, abs=1e-6)
        assert len(outcomes) > 100
        assert set(outcomes[:20]) == {"not_done"}
        assert set(outcomes[60:-1]) == {"unknown"}
    finally:
        stage.close()
        cable.close()
        instrument.close()


@pytest.mark.parametrize("build", [Build(), Build(ok_after_resend=False), Build(advanced_ok=True)])
@pytest.mark.usefixtures("quick_unplug")
def test_garbled_lines_are_done_once(build, monkeypatch):
    world = World(a_bench("marlin"), VirtualClock(SPEED), seed=1)
    instrument = Instrument(world, {"stage": world.spec.stage}, build=build)
    instrument.start()
    started = []
    start_stage = world.start_stage
    monkeypatch.setattr(world, "start_stage", lambda *how: started.append(how[0]) or start_stage(*how))
    stage = a_stage(instrument.address, speed=SPEED)
    try:
        stage.open()
        stage.home()
        for spare in range(6):
            for many in (1, 2, 5):
                started.clear()
                target = (10.0 + 3 * spare + many, 10.0 + many, 0.0)
                instrument.garble(many, spare)
                stage.move_to(*target)
                assert [pytest.approx(target) == place for place in started] == [True]
    finally:
        stage.close()
        instrument.close()
