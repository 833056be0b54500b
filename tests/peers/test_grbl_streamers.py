"""grbl-streamer and pygrbl-streamer, other people's hosts of GRBL, on the virtual one: both count characters.

grbl-streamer does not know grblHAL by its banner.
"""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

grbl_streamer = pytest.importorskip("grbl_streamer")
pygrbl_streamer = pytest.importorskip("pygrbl_streamer")

from hardware.virtual.world import World  # noqa: E402
from tests.hardware.grbl_bench import a_virtual_stage  # noqa: E402
from tests.peers.pseudo_terminal import as_a_device  # noqa: E402
from tests.peers.waiting import soon  # noqa: E402

pytestmark = pytest.mark.peer

JOB = ["G21", "G90", "G54", *(f"G1 X{10 + n % 40} Y{5 + n % 30} F6000" for n in range(120)), "G1 X100 Y50 F6000"]


@pytest.fixture(params=["grbl", "grblHAL"])
def bench(request: pytest.FixtureRequest) -> Iterator[tuple[World, str]]:
    with (
        a_virtual_stage(50.0, firmware=request.param) as (instrument, world),
        as_a_device(instrument.address) as device,
    ):
        yield world, device


@pytest.mark.parametrize("bench", ["grbl"], indirect=True)
def test_grbl_streamer_homes_streams_a_job_and_counts_every_ok(bench: tuple[World, str]) -> None:
    world, device = bench
    seen: Counter[str] = Counter()
    begin = threading.Event()

    def heard(event: str, *_: object) -> None:
        seen[event] += 1
        if event == "on_rx_buffer_percent" and begin.is_set():
            begin.clear()
            host.job_run()  # in the thread that hears the oks: from another one it would race with it

    host = grbl_streamer.GrblStreamer(heard)
    host.cnect(device, 115200)
    try:
        soon(lambda: seen["on_settings_downloaded"] and host.connected)
        host.homing()
        host.poll_start()
        soon(lambda: host.cmode == "Idle")
        host.poll_stop()
        host.write(JOB)
        seen.clear()
        begin.set()
        host.send_immediately("G21")
        soon(lambda: seen["on_job_completed"] or seen["on_error"])
        assert (seen["on_error"], seen["on_alarm"]) == (0, 0)
        assert seen["on_processed_command"] == host.buffer_size == len(JOB)
        soon(lambda: world.stage_mm()[:2] == pytest.approx((100.0, 50.0), abs=0.02))
    finally:
        host.poll_stop()
        host.disconnect()


def test_pygrbl_streamer_homes_streams_stops_and_recovers(bench: tuple[World, str]) -> None:
    world, device = bench
    host = pygrbl_streamer.GrblStreamer(device, auto_unlock=False)
    host.connect()
    assert host.home(wait_idle=True)
    assert host.stream(JOB, total=len(JOB), stop_on_error=True)
    assert world.stage_mm()[:2] == pytest.approx((100.0, 50.0), abs=0.02)
    done: list[bool] = []
    slow = threading.Thread(target=lambda: done.append(host.stream(["G1 X10 F100", "G1 X100"] * 20)))
    slow.start()
    soon(world.stage_moves)
    host.pause()
    soon(lambda: not world.stage_moves())
    host.resume()
    soon(world.stage_moves)
    host.stop()
    slow.join(10)
    assert done == [False]
    assert not world.stage_moves()
    host.reset(unlock=False)
    assert host.home(wait_idle=True)
    assert host.stream(["G1 X20 Y20 F6000"])
    assert world.stage_mm()[:2] == pytest.approx((20.0, 20.0), abs=0.02)
    assert not host.stream(["G1 X9999 F6000"], stop_on_error=True)
    host.disconnect()
