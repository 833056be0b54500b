"""A release undoes the stops before it was asked for, and none that came later, whoever is quicker."""

import threading

import pytest

from hardware.errors import StoppedError
from hardware.latch import Latch, moment
from hardware.rig import open_rig
from hardware.virtual.bench import VirtualBench
from tests.hardware.test_books import SPEC, SPEED


def test_a_stop_after_the_release_was_asked_for_stays_in_force():
    latch = Latch()
    latch.set()
    asked = moment()
    latch.set()
    assert not latch.release(asked)
    assert latch.is_set()
    assert latch.release(moment())
    assert not latch.is_set()


def test_of_many_stops_and_releases_at_once_the_last_stop_wins():
    latch, asked, begin = Latch(), moment(), threading.Barrier(8)

    def work(stops: bool) -> None:
        begin.wait(10)
        for _ in range(2000):
            latch.set() if stops else latch.release(asked)

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert latch.is_set(), "every stop came after the release was asked for"
    assert latch.release(moment())


def test_a_rig_refuses_a_release_older_than_its_last_stop():
    with VirtualBench(SPEC, speed=SPEED) as bench, open_rig(bench.rig, speed=SPEED) as rig:
        rig.stop_all()
        asked = moment()
        rig.stop_all()
        with pytest.raises(StoppedError, match="again meanwhile"):
            rig.rearm(asked)
        assert rig.stopped
        rig.rearm()
        rig.stage.home()
