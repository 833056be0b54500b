"""A stage of a kind on the virtual bench, and its driver."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hardware.errors import HardwareError
from hardware.spec import RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.world import World

TRAVEL_MM = (150.0, 105.0, 20.0)


def a_bench(kind: str) -> RigSpec:
    rack = RackSpec(4, 6, 24.0, (15.0, 15.0), VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0))
    return RigSpec(name="bench", pumps={}, stage=StageSpec(kind, "", TRAVEL_MM, {}), rack=rack)


class Bench:
    """`instrument` is what `make` makes of a world; `stage` is the driver that `drive` makes of its address."""

    def __init__(self, kind: str, speed: float, make: Callable[..., Any], drive: Callable[..., Any]) -> None:
        self.world = World(a_bench(kind), VirtualClock(speed), seed=1)
        self.instrument = make(self.world, {"stage": self.world.spec.stage})
        self.instrument.start()
        self.latch = threading.Event()
        self.stage = drive(self.instrument.address, self.latch, speed)
        self.failed: list[HardwareError] = []

    def begins(self, act: Callable[[], object]) -> threading.Thread:
        """Start it, and wait until the stage is on its way."""

        def work() -> None:
            try:
                act()
            except HardwareError as error:
                self.failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while not self.world.stage_moves() and thread.is_alive():
            thread.join(0.001)
        return thread

    def races(self, act: Callable[[], object]) -> None:
        """Do it and stop at the same time; both come to their end, and the stage stands."""
        threads = [threading.Thread(target=quietly, args=(one,)) for one in (act, self.stage.stop)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not self.world.stage_moves()

    def stands_soon(self) -> bool:
        """Whether the stage stands, now or after braking."""
        pause = threading.Event()
        return any(not self.world.stage_moves() or pause.wait(0.01) for _ in range(2000))

    def close(self) -> None:
        self.stage.close()
        self.instrument.close()


def quietly(act: Callable[[], object]) -> None:
    with suppress(HardwareError):
        act()
