"""duetwebapi, other people's client of Duet boards, on the virtual one: the board alone, and with its computer."""

import pytest

duetwebapi = pytest.importorskip("duetwebapi")

from hardware.virtual.clock import VirtualClock  # noqa: E402
from hardware.virtual.instruments.rrf import Build, Instrument  # noqa: E402
from hardware.virtual.world import World  # noqa: E402
from tests.hardware.stages import a_bench  # noqa: E402
from tests.peers.waiting import soon  # noqa: E402

pytestmark = pytest.mark.peer


@pytest.mark.parametrize(
    ("build", "kind"), [(Build(lets_in=True), "DWC_REST"), (Build(sbc=True, old_sbc=True), "DSF_REST")]
)
def test_it_identifies_homes_moves_and_is_refused(build: Build, kind: str) -> None:
    """It has no sessions: such boards have no password, or are old."""
    world = World(a_bench("rrf"), VirtualClock(50.0), seed=1)
    board = Instrument(world, {"stage": world.spec.stage}, build=build)
    board.start()
    try:
        duet = duetwebapi.DuetWebAPI(f"http://127.0.0.1:{board.port}")
        assert duet.api_name == kind
        if kind == "DWC_REST":
            assert duet.connect("reprap")["err"] == 0
        assert duet.get_model("boards")[0]["firmwareName"] == "RepRapFirmware for Duet 3 MB6HC"
        assert "insufficient axes homed" in duet.send_code("G1 X10")["response"]
        duet.send_code("G28")
        soon(lambda: all(axis["homed"] for axis in duet.get_model("move")["axes"]))
        duet.send_code("G1 X30 Y20 F6000")
        soon(lambda: duet.get_model("state")["status"] == "idle")
        assert world.stage_mm()[:2] == pytest.approx((30, 20), abs=0.02)
        soon(lambda: [a["machinePosition"] for a in duet.get_model("move")["axes"]] == pytest.approx([30, 20, 0]))
        soon(lambda: "outside machine limits" in duet.send_code("G1 X999")["response"])
        duet.send_code("M112")
        assert duet.get_model("state")["status"] == "halted"
    finally:
        board.close()
