"""The network of a RepRapFirmware stage is cut at every byte of a move, both ways."""

import pytest

from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.rrf import Build, Instrument
from hardware.virtual.world import World
from tests.hardware.rrf_talk import a_stage
from tests.hardware.stages import a_bench
from tests.hardware.unplug import Cable, outcome_of

SPEED = 1000.0


class Bench:
    def __init__(self, build: Build) -> None:
        self.world = World(a_bench("rrf"), VirtualClock(SPEED), seed=1)
        self.board = Instrument(self.world, {"stage": self.world.spec.stage}, build=build)
        self.board.start()
        self.cable = Cable(self.board.address.replace("http", "socket"))
        self.stage = a_stage(self.cable.address.replace("socket", "http"), speed=SPEED)
        self.moved = 0

    def cut(self, k: int) -> str:
        """What a move says of itself that is cut off after k bytes, which must be true."""
        before, target = self.world.stage_mm(), (2.0 + k % 2, 1.0)
        self.cable.pull_at(k)
        outcome = outcome_of(lambda: self.stage.move_to(*target))
        self.cable.pull_at(None)
        if outcome == "done":
            assert self.world.stage_mm() == pytest.approx((*target, 0), abs=0.02)
            return outcome
        assert not self.stage.homed
        self.stage.open()
        assert self.stage.homed  # the board knows where it is
        while self.board.model()["state"]["status"] != "idle":
            pass
        if self.world.stage_mm() != pytest.approx(before, abs=1e-6):
            self.moved += 1
            assert outcome == "unknown"
            assert self.world.stage_mm() == pytest.approx((*target, 0))
        return outcome


@pytest.mark.parametrize(("build", "step"), [(Build(), 1), (Build(sbc=True), 5)])
def test_the_network_is_cut_at_every_byte_of_a_move(build, step):
    """Every byte of what moves it (every fifth with an SBC), fewer of the questions before and after."""
    bench = Bench(build)
    try:
        bench.stage.open()
        bench.stage.home()
        k = 0
        while bench.cut(k) == "not_done":
            k += 7
        k -= 6
        while bench.cut(k) != "done":
            k += step if bench.moved < 100 else 3 * step
        assert k > 1000
        assert bench.moved > 50
    finally:
        bench.stage.close()
        bench.cable.close()
        bench.board.close()
