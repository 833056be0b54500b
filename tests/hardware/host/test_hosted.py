"""The rig through its port owner: as the one in this process, and stopped by everything that should stop it."""

import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, ReplyError, StoppedError
from hardware.host import door
from hardware.host.hosted import HostedRig, open_hosted
from hardware.rig import RigOpenError
from hardware.virtual.bench import VirtualBench

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


class Heard:
    """What `listen` was told, and waiting for it."""

    def __init__(self, rig: HostedRig) -> None:
        self.news = threading.Event()
        self.why, self.unconfirmed = "", ()
        rig.listen(self._hear)

    def _hear(self, why, unconfirmed):
        self.why, self.unconfirmed = why, unconfirmed
        self.news.set()


class Dosing:
    """A dose of 6 mL at 10 µL/s (30 s of this test's time) that runs until something stops it."""

    def __init__(self, bench: VirtualBench, rig: HostedRig, role: str = "blue", slot: str = "A1") -> None:
        self.bench, self.role, self.slot = bench, role, slot
        self.ended: Exception | float | None = None
        self._thread = threading.Thread(target=self._dose, args=(rig,), daemon=True)
        self._thread.start()
        waiting = threading.Event()
        while not bench.truth.pump_moves(role):
            assert self._thread.is_alive(), self.ended
            waiting.wait(0.005)

    def _dose(self, rig):
        try:
            self.ended = rig.dose(self.slot, self.role, 6000.0, 10.0)
        except HardwareError as error:
            self.ended = error

    def end(self):
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.ended

    def stands_soon(self) -> bool:
        waiting = threading.Event()
        for _ in range(1000):
            if not self.bench.truth.pump_moves(self.role):
                return True
            waiting.wait(0.01)
        return False


def test_it_does_and_books_what_the_rig_in_this_process_does(bench, rig):
    assert rig.dose("A1", "red", 500.0, 200.0) == pytest.approx(500.0)
    assert rig.pumps["red"].left_ul == pytest.approx(59_500.0)
    assert rig.contents_ul("A1") == pytest.approx(500.0)
    assert rig.stage.position_mm()[:2] == pytest.approx(rig.spec.rack.position_mm("A1"))
    assert rig.stage.homed
    assert rig.pumps["red"].range.capacity_ul == 60_000.0
    assert "NE1000" in rig.pumps["red"].identify()
    assert sum(bench.truth.contents_ul("A1").values()) == pytest.approx(500.0, rel=0.03)


def test_the_owner_refuses_what_breaks_the_rigs_limits_whoever_asks(bench, rig):
    asked = [("rig", "dose", "A1", "red", 6600.0, 200.0), ("pumps.red", "dispense", 6600.0, 200.0)]
    asked += [("stage", "move_to", 500.0, 10.0, None), ("pumps.red", "aspirate", 100.0, 1e6)]
    for on, what, *arguments in asked:
        with pytest.raises(OutOfRangeError):
            rig._line.ask({"do": "call", "on": on, "what": what, "arguments": arguments})
    with pytest.raises(HardwareError, match="for the program to ask"):
        rig._line.ask({"do": "call", "on": "rig", "what": "__init__", "arguments": []})
    assert bench.truth.contents_ul("A1") == {}


def test_an_operation_that_comes_twice_is_done_once(bench, rig):
    once = {"do": "call", "on": "rig", "what": "dose", "arguments": ["A1", "red", 300.0, 200.0], "op": "exp-1/1/3"}
    assert rig._line.ask(once) == rig._line.ask(once) == pytest.approx(300.0)
    assert sum(bench.truth.contents_ul("A1").values()) == pytest.approx(300.0, rel=0.03)


def test_stop_all_cuts_a_dose_and_is_latched_until_rearmed(bench, rig):
    dose = Dosing(bench, rig)
    assert rig.stop_all() == ()
    assert isinstance(dose.end(), StoppedError)
    assert rig.stopped
    assert not bench.truth.pump_moves("blue")
    with pytest.raises(StoppedError):
        rig.dose("A1", "red", 100.0, 100.0)
    rig.rearm()
    assert not rig.stopped
    assert rig.dose("A1", "red", 100.0, 100.0) == pytest.approx(100.0)


def test_the_stop_door_stops_and_the_program_is_told(bench, rig):
    heard, dose = Heard(rig), Dosing(bench, rig)
    assert door.stop_everything("a foot switch") == {rig.spec.name: ()}
    assert heard.news.wait(10)
    assert heard.why == "a foot switch"
    assert isinstance(dose.end(), StoppedError)
    assert rig.stopped


def test_a_stranger_at_the_stop_door_is_not_heard(rig, monkeypatch):
    (file,) = door.doors().glob("*.json")
    text = file.read_text()
    file.write_text(text.replace('"password": "', '"password": "x'))
    assert door.stop_everything() == {rig.spec.name: ("the port owner",)}
    file.write_text(text)
    assert not rig.stopped


@posix
def test_an_owner_that_is_killed_is_told_and_started_anew_with_its_books(bench, rig):
    rig.dose("A1", "red", 500.0, 200.0)
    heard, dose = Heard(rig), Dosing(bench, rig)
    os.kill(rig.owner_pid, signal.SIGKILL)
    assert heard.news.wait(10)
    assert "owns the ports" in heard.why
    error = dose.end()
    assert isinstance(error, NotConnectedError)
    assert error.outcome == "unknown"
    assert rig.stop_all() == (*rig.spec.pumps, "stage"), "nobody can confirm"
    with pytest.raises(HardwareError):
        rig.stage.move_to(10, 10)
    rig.rearm()
    assert not rig.stage.homed
    assert dose.stands_soon(), "opening a pump stops it"
    assert rig.pumps["red"].left_ul == pytest.approx(59_500.0)
    assert rig.contents_ul("A1") == pytest.approx(6_500.0), "a dose of unknown outcome counts in full"


@posix
def test_an_owner_that_hangs_is_ended_and_told(rig, monkeypatch):
    monkeypatch.setattr("hardware.host.line.HUNG_S", 0.6)
    heard = Heard(rig)
    os.kill(rig.owner_pid, signal.SIGSTOP)
    assert heard.news.wait(10)
    assert "hung" in heard.why


def test_what_does_not_open_is_named_and_nothing_stays_open(bench, hosted):
    nowhere = replace(bench.rig.pumps["red"], port="/dev/nowhere")
    with pytest.raises(RigOpenError, match="red on /dev/nowhere") as caught:
        open_hosted(replace(bench.rig, pumps={**bench.rig.pumps, "red": nowhere}), speed=20.0)
    assert [m.role for m in caught.value.missing] == ["red"]
    hosted()


def test_the_exchange_is_kept_when_a_command_fails(bench, hosted, tmp_path):
    rig = hosted(logs=tmp_path / "logs")
    rig.stage.home()
    rig.stage.move_to(*rig.spec.rack.position_mm("A1"))
    dose = Dosing(bench, rig)
    bench.truth.stall("blue")
    assert isinstance(dose.end(), ReplyError)
    pause = threading.Event()
    while not (files := list((tmp_path / "logs").glob("exchange-*.txt"))) or not files[0].read_text():
        pause.wait(0.01)  # it is saved after the error was told: a slow disk keeps nobody waiting
    (file,) = files
    assert "stalled" in file.read_text().splitlines()[0]
    assert re.search(r"blue > .*RUN.*\n.*blue < .*00I", file.read_text())
    assert "A?S" in file.read_text()


def test_the_owner_starts_without_qt_and_without_numpy():
    code = "import sys, hardware.host.owner; print([m for m in ('numpy', 'cv2', 'PySide6') if m in sys.modules])"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
