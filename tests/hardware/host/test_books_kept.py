"""The books of vials and syringes outlive the process that kept them: never less in a vial than is there."""

import os
import signal
import threading
from dataclasses import replace

import pytest

from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, StoppedError
from hardware.rig import RigOpenError
from hardware.virtual.bench import VirtualBench
from tests.hardware.host.conftest import SPEED
from tests.hardware.host.test_hosted import Heard, posix
from tests.hardware.host.test_lease import until


@pytest.fixture
def bench(bench):
    """Its red pump has a tubing to prime."""
    piped = replace(bench.rig.pumps["red"], dead_volume_ul=200.0)
    with VirtualBench(replace(bench.rig, pumps={**bench.rig.pumps, "red": piped}), speed=SPEED, seed=1) as served:
        yield served


def kill(rig) -> None:
    heard = Heard(rig)
    os.kill(rig.owner_pid, signal.SIGKILL)
    assert heard.news.wait(10)


def test_priming_by_hand_is_said_and_shown(rig):
    red = rig.pumps["red"]
    assert not red.primed
    assert "priming" in red.unready
    with pytest.raises(HardwareError, match="not filled"):
        red.dispense(100.0, 100.0)
    red.filled()
    assert red.primed
    assert red.unready == ""
    assert red.dispense(100.0, 100.0) == pytest.approx(100.0)
    with pytest.raises(OutOfRangeError, match="no port to waste"):
        red.discard(100.0)


def test_priming_counts_for_the_vial_and_takes_its_rate(bench, rig):
    assert rig.pumps["red"].prime(150.0) == pytest.approx(200.0)
    assert rig.contents_ul("A1") == pytest.approx(200.0)
    assert rig.pumps["red"].primed


@posix
@pytest.mark.parametrize("by_hand", [False, True])
def test_what_was_under_way_when_the_owner_was_killed_counts_in_full(bench, rig, by_hand):
    rig.pumps["red"].filled()
    failed: list[HardwareError] = []

    def pour():
        try:
            if by_hand:
                rig.pumps["blue"].dispense(6000.0, 10.0)
            else:
                rig.dose("A1", "blue", 6000.0, 10.0)
        except HardwareError as error:
            failed.append(error)

    pouring = threading.Thread(target=pour)
    pouring.start()
    until(lambda: bench.truth.pump_moves("blue"), 10.0)
    kill(rig)
    pouring.join(10)
    assert isinstance(failed[0], NotConnectedError)
    assert rig.contents_ul("A1") == pytest.approx(6000.0)
    assert rig.pumps["blue"].left_ul == pytest.approx(54_000.0)
    rig.rearm()
    assert rig.contents_ul("A1") == pytest.approx(6000.0)
    assert rig.pumps["blue"].left_ul == pytest.approx(54_000.0)
    assert rig.pumps["red"].primed
    assert not rig.stage.homed


@posix
def test_a_rig_that_does_not_open_again_keeps_its_books_for_the_next_try(rig):
    rig.pumps["red"].filled()
    rig.dose("A1", "red", 500.0, 200.0)
    kill(rig)
    whole = rig.spec
    rig.spec = replace(whole, pumps={**whole.pumps, "blue": replace(whole.pumps["blue"], port="/dev/nowhere")})
    for _ in range(2):
        with pytest.raises(RigOpenError, match="blue on /dev/nowhere"):
            rig.rearm()
        assert rig.stopped
        assert rig.contents_ul("A1") == pytest.approx(500.0)
        assert rig.pumps["red"].left_ul == pytest.approx(59_500.0)
    rig.spec = whole
    rig.rearm()
    assert rig.contents_ul("A1") == pytest.approx(500.0)
    assert rig.pumps["red"].left_ul == pytest.approx(59_500.0)
    assert rig.pumps["red"].primed


@posix
def test_a_stop_while_a_lost_owner_is_replaced_is_not_forgotten(rig, monkeypatch):
    kill(rig)
    opened = rig._opened

    def stopped_meanwhile(line, books):
        facts = opened(line, books)
        rig.stop_all()
        return facts

    monkeypatch.setattr(rig, "_opened", stopped_meanwhile)
    with pytest.raises(StoppedError, match="again meanwhile"):
        rig.rearm()
    assert rig.stopped
    with pytest.raises(StoppedError):
        rig._line.ask({"do": "call", "on": "stage", "what": "home", "arguments": []})
    rig.rearm()
    rig.stage.home()
