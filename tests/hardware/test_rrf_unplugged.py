"""The network of a RepRapFirmware stage is cut at every byte of a move, both ways."""

import pytest

from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.rrf import Build, Instrument
from hardware.virtual.world import World
from tests.hardware.rrf_talk import a_stage
from tests.hardware.stages import a_bench
from tests.hardware.unplug import Cable, outcome_of

SPEED = 1000.0


@pytest.mark.parametrize(("build", "step"), [(Build(), 1), (Build(sbc=True), 3)])
def test_the_network_is_cut_at_every_byte_of_a_move(build, step):
    world = World(a_bench("rrf"), VirtualClock(SPEED), seed=1)
    board = Instrument(world, {"stage": world.spec.stage}, build=build)
    board.start()
    cable = Cable(board.address.replace("http", "socket"))
    stage = a_stage(cable.address.replace("socket", "http"), speed=SPEED)
    try:
        stage.open()
        stage.home()
        outcomes, moved = [], []
        for target in ((2.0 + (k % 2), 1.0) for k in range(100_000)):
            before = world.stage_mm()
            cable.pull_at(step * len(outcomes))
            outcomes.append(outcome_of(lambda to=target: stage.move_to(*to)))
            cable.pull_at(None)
            if outcomes[-1] == "done":
                assert world.stage_mm() == pytest.approx((*target, 0), abs=0.02)
                break
            assert not stage.homed
            stage.open()
            assert stage.homed  # the board knows where it is
            while board.model()["state"]["status"] != "idle":
                pass
            moved.append(world.stage_mm() != pytest.approx(before, abs=1e-6))
            assert not moved[-1] or (outcomes[-1] == "unknown" and world.stage_mm() == pytest.approx((*target, 0)))
        assert set(outcomes[:-1]) == {"not_done", "unknown"}
        assert step * len(outcomes) > 1000
        assert True in moved
    finally:
        stage.close()
        cable.close()
        board.close()
