"""The whole bench on this machine: instruments on TCP ports, a camera on HTTP, one world behind them."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hardware.spec import CameraSpec, MeterSpec, PumpSpec, RigSpec, StageSpec
from hardware.virtual.camera import MjpegCamera
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments import KINDS, Served, instrument_of
from hardware.virtual.render import HEIGHT, WIDTH, Renderer, view_of
from hardware.virtual.truth_log import TruthLog
from hardware.virtual.world import World

_TICK_S = 0.02
_NO_INSTRUMENT = frozenset({"by_person"})


class VirtualBench:
    """Rehearses any rig file. `rig` is that file with the bench's own addresses; `truth` is for tests only.

    ports: fixed TCP ports by role, with "stage" and "camera"; what is not named gets a free one.
    A fresh rack or a full syringe: `truth.swap_rack()` and `truth.refill(role)` are the person who brings it.
    camera: its fault can be set. It has the size that the rig file asks of the camera, where the view fits in it.
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
        view = replace(view_of(spec), picture="", colours="")  # which are of another camera
        spec = replace(spec, view=view, simulated=True)
        self._closing = threading.Event()
        self._log = TruthLog(truth_log)
        self.truth = World(spec, VirtualClock(speed), seed=seed, log=self._log)
        self._started: list[Served | MjpegCamera] = []
        self.camera: MjpegCamera | None = None
        self._ticker = threading.Thread(target=self._tick, name="virtual bench", daemon=True)
        self._ticker.start()
        try:
            self.rig = self._start(spec, host, ports, seed)
        except BaseException:
            self.close()
            raise

    def _start(self, spec: RigSpec, host: str, ports: Mapping[str, int], seed: int) -> RigSpec:
        addresses: dict[str, str] = {}
        for parts in _by_port(spec):
            first = next(iter(parts))
            instrument = instrument_of(parts[first].kind)(self.truth, parts, host=host, port=ports.get(first, 0))
            instrument.start()
            self._started.append(instrument)
            addresses |= dict.fromkeys(parts, instrument.address)
        pumps = {role: replace(pump, port=addresses[role]) for role, pump in spec.pumps.items()}
        meters = {role: replace(m, port=addresses.get(role, m.port)) for role, m in spec.meters.items()}
        camera: CameraSpec | None = None
        if spec.camera is not None:
            width, height = _size(spec.camera)
            renderer = Renderer(spec, seed=seed, width=width, height=height)
            eye = MjpegCamera(lambda: renderer.frame(self.truth.scene()), host=host, port=ports.get("camera", 0))
            eye.start()
            self._started.append(eye)
            self.camera = eye
            settings = dict(spec.camera.settings) if spec.camera.kind == "opencv_camera" else {}
            settings |= {side: px for side, px in (("width", width), ("height", height)) if settings.get(side)}
            camera = replace(spec.camera, kind="opencv_camera", source=eye.url, settings=settings)
        stage = replace(spec.stage, port=addresses["stage"])
        return replace(spec, pumps=pumps, stage=stage, camera=camera, meters=meters)

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


def _size(camera: CameraSpec) -> tuple[int, int]:
    """Pixels of the served picture: as asked, but never so small that the vial would be cut off."""
    width, height = (camera.settings.get(side, 0) for side in ("width", "height"))
    return max(WIDTH, int(width)), max(HEIGHT, int(height))


def _check_kinds(spec: RigSpec) -> None:
    strange = [f"{role} is a {p.kind}" for role, p in _parts(spec).items() if p.kind not in KINDS | _NO_INSTRUMENT]
    if strange:
        raise ValueError(f"the virtual bench has no such instrument: {'; '.join(strange)}")


def _parts(spec: RigSpec) -> dict[str, PumpSpec | StageSpec | MeterSpec]:
    return {**spec.pumps, "stage": spec.stage, **spec.meters}


def _by_port(spec: RigSpec) -> list[dict[str, PumpSpec | StageSpec | MeterSpec]]:
    """The devices that share a port, together; those whose port is empty each have their own."""
    grouped: dict[str, dict[str, PumpSpec | StageSpec | MeterSpec]] = {}
    for role, part in _parts(spec).items():
        if part.kind not in _NO_INSTRUMENT:
            grouped.setdefault(part.port or role, {})[role] = part
    return list(grouped.values())
