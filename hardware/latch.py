"""What a stop sets and only a person releases. Stops and releases of a program are counted in one order."""

import itertools
import threading

_order = itertools.count(1)


def moment() -> int:
    """This moment's number in the order of stops and releases of this process: above every earlier one."""
    return next(_order)


class Latch(threading.Event):
    """Set by a stop, from any thread. A release undoes the stops before the moment it was asked for, none after.

    The lock is held for two assignments and never while anything is waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._turning = threading.Lock()
        self.last_stop = 0
        """The moment of the newest stop; 0 before the first."""

    def set(self) -> None:
        with self._turning:
            self.last_stop = moment()
            super().set()

    def release(self, asked: int) -> bool:
        """asked: the moment of the release. False when there was a stop since: it stays in force."""
        with self._turning:
            if self.last_stop > asked:
                return False
            self.clear()
            return True
