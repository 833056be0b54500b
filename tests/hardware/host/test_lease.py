"""Killed, frozen, or stuck in C: whatever the program does, its pumps stop within the lease."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.host.lease import Lease
from hardware.rig_file import rig_to_toml

ROOT = Path(__file__).resolve().parents[3]
FROZEN_S = 1.0
"""What is asked of a frozen program; a loaded machine is given this many times more."""
SLACK = 10.0
LEASE_S = 2.5
"""Of programs that are to lose it: long enough for a loaded machine to get all pumps going before."""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture
def program(bench, tmp_path):
    """`program(how)` starts one and returns it once all its pumps run."""
    started = []

    def start(how=""):
        rig = tmp_path / "rig.toml"
        rig.write_text(rig_to_toml(replace(bench.rig, lease_s=LEASE_S)), encoding="utf-8")
        words = [sys.executable, "-P", "-m", "tests.hardware.host.program", str(rig), how]
        child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(child)
        child.owner = int(child.stdout.readline())
        until(lambda: all(bench.truth.pump_moves(role) for role in bench.rig.pumps), 60.0)
        return child

    yield start
    for child in started:
        os.kill(child.pid, signal.SIGCONT)
        child.kill()
        child.communicate()


def until(true, patience_s: float) -> float:
    """Seconds until it is true."""
    began = time.monotonic()
    pause = threading.Event()
    while not true():
        assert time.monotonic() - began < patience_s, "never"
        pause.wait(0.002)
    return time.monotonic() - began


def stand_still(bench) -> bool:
    return not any(bench.truth.pump_moves(role) for role in bench.rig.pumps)


def test_a_program_that_is_killed_leaves_no_pump_running(bench, program):
    child = program()
    child.kill()
    assert until(lambda: stand_still(bench), FROZEN_S * SLACK) < FROZEN_S * SLACK


def test_a_program_that_is_frozen_leaves_no_pump_running(bench, program):
    child = program()
    os.kill(child.pid, signal.SIGSTOP)
    until(lambda: stand_still(bench), FROZEN_S * SLACK)
    assert child.poll() is None


@pytest.mark.parametrize("how", ["c", "regex"])
def test_a_program_stuck_in_c_leaves_no_pump_running(bench, program, how):
    child = program(how)
    child.stdin.write("\n")
    child.stdin.flush()
    until(lambda: stand_still(bench), FROZEN_S * SLACK)
    assert child.poll() is None


def test_a_busy_python_loop_keeps_its_lease(bench, program):
    child = program("loop")
    child.stdin.write("\n")
    child.stdin.flush()
    with pytest.raises(AssertionError, match="never"):
        until(lambda: stand_still(bench), 7.0)


def test_a_program_that_was_frozen_with_its_owner_finds_it_alive_and_stopped(bench, program):
    """As on a computer that slept: whoever wakes first, nothing goes on."""
    child = program()
    owner = child.owner
    os.kill(owner, signal.SIGSTOP)
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(3.5)  # longer than an owner may be silent
    os.kill(child.pid, signal.SIGCONT)
    os.kill(owner, signal.SIGCONT)
    until(lambda: stand_still(bench), FROZEN_S * SLACK)
    time.sleep(0.5)
    os.kill(owner, 0)
    assert child.poll() is None


def test_a_child_of_the_program_does_not_keep_the_owner_alive(bench, program):
    child = program("fork")
    child.stdin.write("\n")
    child.stdin.flush()
    forked = int(child.stdout.readline())
    try:
        child.kill()
        until(lambda: stand_still(bench), FROZEN_S * SLACK)
        until(lambda: not lives(child.owner), 10.0)
    finally:
        os.kill(forked, signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Told:
    """What a lease has said, on a clock of the test's own."""

    def __init__(self, monkeypatch, lease_s=0.5):
        self.why = []
        self.now_s, self.slept_s = 100.0, 7.0
        monkeypatch.setattr("hardware.host.lease._asleep_s", lambda: self.slept_s)
        monkeypatch.setattr("hardware.host.lease.time", self)
        self.lease = Lease(self.why.append, lambda: None)
        self.lease._ended = self
        self.lease.counts(lease_s)
        self._then = []

    def monotonic(self):
        return self.now_s

    def wait(self, wait_s):
        self.now_s += wait_s
        if not self._then:
            return True
        self._then.pop(0)()
        return False

    def after(self, *then):
        self._then = list(then)
        self.lease._watch()
        return self.why


def passes(told, seconds):
    def pass_by():
        told.now_s += seconds

    return pass_by


def test_a_silence_is_told_once_and_anew_after_the_release(monkeypatch):
    told = Told(monkeypatch)
    slowly = [passes(told, 0.1)] * 20
    assert told.after(*slowly) == ["the program has not answered for 0.6 s"]
    told.lease.again()
    assert len(told.after(*slowly)) == 2
    told.lease.beat()
    assert len(told.after(passes(told, 0.1))) == 2
    assert len(told.after(*slowly)) == 3


def test_a_computer_that_slept_and_an_owner_that_was_held_up_are_told(monkeypatch):
    told = Told(monkeypatch)

    def sleep():
        told.slept_s += 3600
        told.lease.beat()

    def held_up():
        told.now_s += 2.0
        told.lease.beat()  # it had been waiting in the pipe

    assert told.after(sleep, passes(told, 0.1)) == ["the computer slept for 3600 s"]
    assert told.after(held_up, passes(told, 0.1))[1:] == ["the process that owns the ports was held up for 2.0 s"]
