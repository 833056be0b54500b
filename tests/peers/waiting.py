"""Until something has become true of a bench whose clock runs on its own."""

import time
from collections.abc import Callable

PATIENCE_S = 20.0


def soon(true: Callable[[], object]) -> None:
    """Fails when it does not come true in 20 s."""
    give_up = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)
