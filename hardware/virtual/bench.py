"""The whole bench on this machine: instruments on TCP ports, a camera on HTTP, one world behind them."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hardware.spec import CameraSpec, RigSpec
from hardware.virtual.camera import MjpegCamera
from hardware.virtual.clock import VirtualClock
from hardware.virtual.grbl import GrblStage
from hardware.virtual.new_era import NewEraPump
from hardware.virtual.render import Renderer, view_of
from hardware.virtual.truth_log import TruthLog
from hardware.virtual.world import World

_TICK_S = 0.02
_PUMPS = ("new_era",)
_STAGES = ("grbl",)


class VirtualBench:
    """Rehearses any rig file. `rig` is that file with the bench's own addresses; `truth` is for tests only.

    ports: fixed TCP ports by role, with "stage" and "camera"; what is not named gets a free one.
    A fresh rack or a full syringe: `truth.swap_rack()` and `truth.refill(role)` are the person who brings it.
    truth_log: JSON lines of every delivery and spill, on disk as soon as it has ended.
    """

    def __init__(
        self,
        spec: RigSpec,
        *,
        speed: float = 1.0,
        seed: int = 0,
        truth_log: Path | None = None,
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
    ) -> None:
        _check_kinds(spec)
        ports = ports or {}
        spec = replace(spec, view=view_of(spec), simulated=True)
        self._closing = threading.Event()
        self._log = TruthLog(truth_log)
        self.truth = World(spec, VirtualClock(speed), seed=seed, log=self._log)
        self._started: list[NewEraPump | GrblStage | MjpegCamera] = []
        self._ticker = threading.Thread(target=self._tick, name="virtual bench", daemon=True)
        self._ticker.start()
        try:
            self.rig = self._start(spec, host, ports, seed)
        except BaseException:
            self.close()
            raise

    def _start(self, spec: RigSpec, host: str, ports: Mapping[str, int], seed: int) -> RigSpec:
        pumps = {}
        for role, pump in spec.pumps.items():
            address = int(pump.settings.get("address", 0))
            port = NewEraPump(self.truth, role, address=address, host=host, port=ports.get(role, 0))
            port.start()
            self._started.append(port)
            pumps[role] = replace(pump, port=f"socket://{host}:{port.port}")
        stage = GrblStage(self.truth, host=host, port=ports.get("stage", 0))
        stage.start()
        self._started.append(stage)
        camera: CameraSpec | None = None
        if spec.camera is not None:
            renderer = Renderer(spec, seed=seed)
            eye = MjpegCamera(lambda: renderer.frame(self.truth.scene()), host=host, port=ports.get("camera", 0))
            eye.start()
            self._started.append(eye)
            camera = replace(spec.camera, kind="opencv_camera", source=eye.url)
        return replace(
            spec, pumps=pumps, stage=replace(spec.stage, port=f"socket://{host}:{stage.port}"), camera=camera
        )

    def _tick(self) -> None:
        while not self._closing.wait(_TICK_S):
            self.truth.sync()

    def close(self) -> None:
        """Switch everything off."""
        if self._closing.is_set():
            return
        self._closing.set()
        for part in self._started:
            part.close()
        self._ticker.join()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_kinds(spec: RigSpec) -> None:
    strange = [f"pump {role} is a {p.kind}" for role, p in spec.pumps.items() if p.kind not in _PUMPS]
    if spec.stage.kind not in _STAGES:
        strange.append(f"the stage is a {spec.stage.kind}")
    if strange:
        raise ValueError(f"the virtual bench has no such instrument: {'; '.join(strange)}")
