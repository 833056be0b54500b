"""A clock that runs faster than the wall by a factor."""

import time
from collections.abc import Callable


class VirtualClock:
    """Seconds of the virtual world. With `speed` 20, one second on the wall is twenty seconds at the bench."""

    def __init__(self, speed: float = 1.0, source: Callable[[], float] = time.monotonic) -> None:
        if not 0.0 < speed <= 10_000.0:
            raise ValueError(f"speed is {speed:g}; it must be above 0 and at most 10000")
        self.speed = speed
        self._source = source
        self._start_s = source()

    def now_s(self) -> float:
        """Virtual seconds since the clock was made."""
        return (self._source() - self._start_s) * self.speed

    def wall_s(self, virtual_s: float) -> float:
        """How long that many virtual seconds take on the wall."""
        return virtual_s / self.speed
