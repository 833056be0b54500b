"""The computer stays awake while something real is under way, and no longer, however the program ends."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.awake import UNABLE, Awake
from campaign.events import PhaseChanged
from campaign.measure_executor import FunctionExecutor
from campaign.steps import Dose
from tests.campaign.paper_bench import PATIENCE_S, Gate, PaperBench, Watch, of, spec

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake is a shell script")
HOUSE = Path(__file__).resolve().parent.parent.parent

FAKE = """#!/bin/sh
told=
while case "$1" in --*) true;; *) false;; esac; do told="$told $1"; shift; done
echo "held$told" > "{heard}"
"$@"
echo released > "{heard}"
"""
REFUSES = """#!/bin/sh
echo "Failed to inhibit: Access denied"
exit 1
"""
HELD = "held --what=sleep:idle --who=Aliquot --why=the campaign paper is running --mode=block"
CHILD = """
import sys, threading
from pathlib import Path
from campaign.steps import Dose
from tests.campaign.paper_bench import Gate, PaperBench, begin
bench = PaperBench(simulated=False, before=Gate(Dose))
campaign = begin(Path(sys.argv[1]), bench)
campaign.start()
threading.Event().wait()
"""


class Lock:
    """A `systemd-inhibit` on PATH that says in a FIFO what it is told and when it ends."""

    def __init__(self, folder: Path, script: str = FAKE) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        os.mkfifo(folder / "heard")
        self._heard = os.open(folder / "heard", os.O_RDWR)  # open at both ends: it never runs dry
        self._lines: list[str] = []
        path = self.bin / "systemd-inhibit"
        path.write_text(script.format(heard=folder / "heard"))
        path.chmod(0o755)

    def says(self) -> str:
        """The next line, once it is there."""
        while not self._lines:
            assert select.select([self._heard], [], [], PATIENCE_S)[0], "it said nothing"
            self._lines = os.read(self._heard, 4096).decode().splitlines()
        return self._lines.pop(0)

    @property
    def silent(self) -> bool:
        return not self._lines and not select.select([self._heard], [], [], 0)[0]

    def close(self) -> None:
        os.close(self._heard)


@pytest.fixture
def lock(tmp_path, monkeypatch):
    lock = Lock(tmp_path)
    monkeypatch.setenv("PATH", f"{lock.bin}{os.pathsep}{os.environ['PATH']}")
    yield lock
    lock.close()


def test_held_from_the_start_and_released_by_stop_all(lock, opened):
    gate = Gate(Dose)
    bench = PaperBench(simulated=False, before=gate)
    gate.bench = bench
    campaign = opened(bench)
    watch = Watch(campaign)
    campaign.start()
    assert gate.reached.wait(PATIENCE_S)
    assert lock.says() == HELD
    campaign.stop_all()
    assert lock.says() == "released"
    watch.until(lambda s: s.phase == "Aborted")


def test_a_pause_releases_it_once_the_step_is_done_and_going_on_takes_it_again(lock, opened):
    gate = Gate(Dose)
    campaign = opened(PaperBench(simulated=False, before=gate), spec(budget=1))
    watch = Watch(campaign)
    campaign.start()
    assert gate.reached.wait(PATIENCE_S)
    assert lock.says() == HELD
    campaign.pause()
    watch.until(lambda s: s.phase == "Holding")
    assert lock.silent, "a dose is still under way"
    gate.open.set()
    watch.until(lambda s: s.phase == "Held")
    assert lock.says() == "released"
    campaign.resume()
    assert lock.says() == HELD
    watch.until(lambda s: s.phase == "Complete")
    assert lock.says() == "released"


def test_closing_the_campaign_releases_it(lock, opened):
    gate = Gate(Dose)
    campaign = opened(PaperBench(simulated=False, before=gate))
    campaign.start()
    assert lock.says() == HELD
    assert gate.reached.wait(PATIENCE_S)
    gate.open.set()
    campaign.close()
    assert lock.says() == "released"
    assert lock.silent


def test_a_program_that_is_killed_leaves_no_lock_behind(lock, tmp_path):
    folder = tmp_path / "campaign"
    folder.mkdir()
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], cwd=HOUSE)
    try:
        assert lock.says() == HELD
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert lock.says() == "released"


def test_what_is_simulated_needs_no_lock(lock, opened):
    campaign = opened(PaperBench(), spec(budget=1))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.phase == "Complete")
    assert lock.silent


def test_a_function_that_measures_holds_it(lock, opened):
    campaign = opened(FunctionExecutor(lambda x, y: x + y), spec(budget=1))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.phase == "Complete")
    assert [lock.says(), lock.says()] == [HELD, "released"]


def test_where_it_is_refused_the_log_says_so_once_and_the_campaign_goes_on(lock, opened, caplog):
    (lock.bin / "systemd-inhibit").write_text(REFUSES)
    campaign = opened(PaperBench(simulated=False), spec(budget=1))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.phase == "Complete")
    campaign.close()
    said = [r.getMessage() for r in caplog.records if UNABLE in r.getMessage()]
    assert said == [f"Aliquot {UNABLE} (Failed to inhibit: Access denied)"]


def test_where_there_is_nothing_to_ask_the_record_says_so(opened, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    campaign = opened(PaperBench(simulated=False), spec(budget=1))
    watch = Watch(campaign)
    campaign.start()
    watch.until(lambda s: s.phase == "Complete")
    assert UNABLE in of(watch.events, PhaseChanged)[0].why


def test_a_lock_that_does_not_let_go_is_ended(lock):
    path = lock.bin / "systemd-inhibit"
    path.write_text(path.read_text().replace('"$@"', 'read word; echo "$word"; exec sleep 600'))
    awake = Awake()
    awake.hold("the campaign paper is running")
    assert lock.says() == HELD
    awake.close()
    assert awake._worker is not None
    assert not awake._worker._thread.is_alive()
