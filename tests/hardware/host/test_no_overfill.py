"""Whatever three hands at once ask for, in any order: no vial above its fill limit, no book below the truth."""

import os
import random
import signal
import threading
import time
from contextlib import suppress

import pytest

from hardware.errors import HardwareError
from tests.hardware.host.test_hosted import Heard

LASTS_S = 6.0
GAIN = 0.03
"""By how much a virtual pump gives more or less than it counts."""


def act(rig, chance: random.Random, slots) -> None:
    role, pump = chance.choice(list(rig.pumps.items()))
    volume_ul, kind = chance.choice([50.0, 400.0, 1500.0, 6500.0]), chance.random()
    if kind < 0.3:
        rig.dose(chance.choice(slots), role, volume_ul, 500.0)
    elif kind < 0.5:
        pump.dispense(volume_ul, 500.0)
    elif kind < 0.6:
        pump.aspirate(volume_ul, 500.0)
    elif kind < 0.7:
        rig.loaded(role, 60_000.0)
    elif kind < 0.9:
        x_mm, y_mm = rig.spec.rack.position_mm(chance.choice(slots))
        rig.stage.move_to(x_mm + chance.choice([0.0, 0.0, 0.3, 0.7, 3.0, 12.0]), y_mm)
    elif kind < 0.95:
        rig.stop_all()
    else:
        rig.rearm()
        rig.stage.home()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("seed", [1, 2])
def test_no_sequence_overfills_a_vial(bench, rig, seed):
    slots, until_s = rig.spec.rack.slots[:3], time.monotonic() + LASTS_S

    def hand(number: int) -> None:
        chance = random.Random(10 * seed + number)
        while time.monotonic() < until_s:
            with suppress(HardwareError):
                act(rig, chance, slots)

    hands = [threading.Thread(target=hand, args=(n,), daemon=True) for n in range(3)]
    for thread in hands:
        thread.start()
    hands[0].join(LASTS_S / 2)
    heard = Heard(rig)
    os.kill(rig.owner_pid, signal.SIGKILL)
    assert heard.news.wait(10)
    for thread in hands:
        thread.join(60)
        assert not thread.is_alive()
    with suppress(HardwareError):
        rig.rearm()
    limit_ul = rig.spec.rack.vial.fill_limit_ul
    for slot in slots:
        true_ul = sum(bench.truth.contents_ul(slot).values())
        assert true_ul <= limit_ul * (1 + GAIN)
        assert rig.contents_ul(slot) >= true_ul * (1 - GAIN) - 5.0
