"""Killed, frozen, or stuck in C: whatever the program does, its pumps stop within the lease."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hardware.rig_file import rig_to_toml

ROOT = Path(__file__).resolve().parents[3]
FROZEN_S = 1.0
"""What is asked of a frozen program; a loaded machine is given this many times more."""
SLACK = 5.0
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture
def program(bench, tmp_path):
    """`program(how)` starts one and returns it once all its pumps run."""
    started = []

    def start(how=""):
        rig = tmp_path / "rig.toml"
        rig.write_text(rig_to_toml(bench.rig), encoding="utf-8")
        words = [sys.executable, "-P", "-m", "tests.hardware.host.program", str(rig), how]
        child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(child)
        assert child.stdout.readline().strip().isdigit()
        until(lambda: all(bench.truth.pump_moves(role) for role in bench.rig.pumps), 30.0)
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
        until(lambda: stand_still(bench), 2.5)
