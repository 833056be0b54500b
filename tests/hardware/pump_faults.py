"""Acts in the background, and a cable that is pulled at every byte of a dose: what must be true of any pump."""

import threading
import time
from collections import deque
from collections.abc import Callable

import pytest

from hardware.devices import Pump
from hardware.errors import HardwareError
from tests.hardware.unplug import Cable, outcome_of

DOSE_UL = 40.0


def in_background(act: Callable[[], object]) -> tuple[threading.Thread, deque[Exception]]:
    """The thread, and how the act failed once it has ended."""
    failures: deque[Exception] = deque()

    def work() -> None:
        try:
            act()
        except HardwareError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def pulled_at_every_byte(
    pump: Pump, cable: Cable, dose: Callable[[], object], moved_so_far_ul: Callable[[], float], *, step: int = 1
) -> int:
    """Doses of DOSE_UL through `cable`, pulled one byte later each time until one is done; how many bytes it was.

    Whatever the byte: one state, the truth about the dose and in the book, and no second dose by `moved_so_far_ul`,
    which the world tells, when the cable is in again.
    """
    pump.open()
    outcomes: list[str] = []
    k = 0
    while "done" not in outcomes:
        pump.loaded(pump.range.capacity_ul / 2)
        left_ul, before_ul = pump.left_ul, moved_so_far_ul()
        cable.pull_at(k)
        outcomes.append(outcome_of(dose))
        cable.pull_at(None)
        booked_ul = abs(pump.left_ul - left_ul)
        pump.open()  # also ends what the pump may still be doing
        moved_ul = moved_so_far_ul() - before_ul
        assert moved_ul <= DOSE_UL + 1e-6, f"dosed twice at byte {k}"
        if outcomes[-1] == "not_done":
            assert (moved_ul, booked_ul) == (0, 0), f"at byte {k}"
        else:
            assert booked_ul == pytest.approx(DOSE_UL), f"at byte {k}"
        if outcomes[-1] == "done":
            assert moved_ul == pytest.approx(DOSE_UL)
        k += step
    pump.close()
    cable.close()
    assert {"not_done", "unknown", "done"} == set(outcomes)
    return k
