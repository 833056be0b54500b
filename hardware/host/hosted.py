"""A rig whose ports live in a process of their own; what the program sees of it."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hardware.devices import Camera, Meter, Pump, Stage, StopListener
from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.host.commands import ACTS
from hardware.host.hosted_camera import HostedCamera
from hardware.host.hosted_devices import HostedMeter, HostedPump, HostedStage
from hardware.host.line import Line, OwnerLostError
from hardware.host.messages import Message
from hardware.latch import Latch, moment
from hardware.parts.camera_address import without_secrets
from hardware.rig import STOP_CONFIRMED_S, Missing, RigOpenError
from hardware.rig_file import rig_to_toml
from hardware.spec import RigSpec
from hardware.toml_file import did_you_mean

OWNER = "port owner"
log = logging.getLogger(__name__)


class HostedRig:
    """Made by `open_hosted`; `close` it, or use it in a with statement. Any thread may call any method."""

    def __init__(self, spec: RigSpec, speed: float, lease_s: float, logs: Path | None) -> None:
        self.spec = spec
        self._eye = HostedCamera("camera", spec.camera) if spec.camera is not None else None
        self.camera: Camera | None = self._eye
        self._speed, self._lease_s, self._logs = speed, lease_s, logs
        self._listeners: list[StopListener] = []
        self._state: dict[str, Any] = {}
        self._books: dict[str, Any] = {}
        """Of an owner that was lost, until another has them."""
        self._latch = Latch()
        self._told_of = 0
        """The owner's moment of the newest stop of its own that it told."""
        self._reopening = threading.Lock()
        self._line = self._started()
        facts = self._opened(self._line)
        self.booked = str(facts.get("booked", ""))
        """When the books were written that this rig was opened with; empty for clean vials and full syringes."""
        self.pumps: Mapping[str, Pump] = MappingProxyType(
            {r: HostedPump(f"pumps.{r}", r, self._ask, self._look, self.stop_all, facts) for r in spec.pumps}
        )
        self.stage: Stage = HostedStage("stage", "stage", self._ask, self._look, self.stop_all, facts)
        self.meters: Mapping[str, Meter] = MappingProxyType(
            {r: HostedMeter(f"meters.{r}", r, self._ask, self._look, self.stop_all) for r in spec.meters}
        )

    def dose(self, slot: str, role: str, volume_ul: float, rate_ul_s: float) -> float:
        if role not in self.pumps:
            raise OutOfRangeError(self.spec.name, f"no pump {role!r}{did_you_mean(role, self.pumps)}")
        return float(self._ask("rig", "dose", slot, role, volume_ul, rate_ul_s))

    def contents_ul(self, slot: str) -> float:
        contents = self._look("contents_ul", {})
        if slot not in contents:
            raise OutOfRangeError("rack", f"has no slot {slot!r}{did_you_mean(slot, contents)}")
        return float(contents[slot])

    def set_contents(self, slot: str, volume_ul: float) -> None:
        self._ask("rig", "set_contents", slot, volume_ul)

    def loaded(self, role: str, volume_ul: float) -> None:
        self._ask("rig", "loaded", role, volume_ul)

    def stop_all(self) -> tuple[str, ...]:
        self._latch.set()
        try:
            return tuple(self._line.ask({"do": "stop", "at": self._latch.last_stop}, STOP_CONFIRMED_S + 0.5))
        except OwnerLostError:
            return (*self.spec.pumps, "stage")

    @property
    def lost(self) -> Mapping[str, str]:
        return dict(self._look("lost", {}))

    @property
    def stopped(self) -> bool:
        return self._latch.is_set() or bool(self._look("stopped", False))

    def rearm(self, asked: int | None = None) -> None:
        """As of any rig; a port owner that was lost is started anew, with the books as they were: RigOpenError."""
        asked = moment() if asked is None else asked
        with self._reopening:
            if self._line.dead:
                self._reopen()
            told_of = self._told_of  # read first: what is told from here on is a stop after `asked`
            if self._latch.last_stop <= asked:
                self._ask("rig", "rearm", asked, told_of)
            if not self._latch.release(asked):
                raise StoppedError("rig", "was stopped again meanwhile")

    def listen(self, function: StopListener) -> Callable[[], None]:
        self._listeners.append(function)
        return lambda: self._listeners.remove(function) if function in self._listeners else None

    def exchange_log(self) -> str:
        return str(self._ask("rig", "exchange_log"))

    def close(self) -> None:
        self._line.close()
        if self._eye is not None:
            self._eye.close()

    def __enter__(self) -> "HostedRig":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def owner_pid(self) -> int:
        """Of the process that owns the ports."""
        return self._line.pid

    def _started(self) -> Line:
        return Line(OWNER, "hardware.host.owner", self._heard, self._lost)

    def _opened(self, line: Line, books: Mapping[str, object] = MappingProxyType({})) -> Mapping[str, Any]:
        """The ports by their owner, the camera by its own process, side by side. Nothing stays open if it fails."""
        try:
            return self._both_opened(line, books)
        except BaseException:  # also when a person loses patience: somebody else may want the ports
            self.close()
            raise

    def _both_opened(self, line: Line, books: Mapping[str, object]) -> Mapping[str, Any]:
        ports = rig_to_toml(replace(self.spec, camera=None, view=None))
        asked: Message = {"do": "open", "rig": ports, "speed": self._speed, "lease_s": self._lease_s}
        asked |= {"logs": str(self._logs) if self._logs else "", "books": dict(books)}
        seen: list[HardwareError] = []
        seeing = threading.Thread(target=self._see, args=(line, seen), name="camera opens", daemon=True)
        seeing.start()
        facts: Mapping[str, Any] = line.ask(asked)
        seeing.join()
        missing = [Missing(*part) for part in facts.get("missing", ())]
        if seen and self.spec.camera is not None:
            missing.append(Missing("camera", without_secrets(self.spec.camera.source), seen[0].message))
        if missing:
            raise RigOpenError(self.spec.name, tuple(missing))
        for warning in facts["warnings"]:
            log.warning("%s: %s", self.spec.name, warning)
        return facts

    def _see(self, line: Line, failed: list[HardwareError]) -> None:
        if self._eye is None:
            return
        try:
            self._eye.open()
        except HardwareError as error:
            failed.append(error)
        if line.closed:  # the ports did not open, and nobody waits for the picture any more
            self._eye.close()

    def _reopen(self) -> None:
        """Stopped, and with the books as they were; they are kept should it fail."""
        self._books = books = self._books or dict(self._state)
        self._line.close()
        self._line, self._told_of = self._started(), 0
        self._opened(self._line, {name: books[name] for name in ("left_ul", "primed", "contents_ul")})
        self._books = {}

    def _ask(self, on: str, what: str, *arguments: object) -> Any:
        if self._latch.is_set() and what in ACTS:
            raise StoppedError(on.rpartition(".")[2], "everything is stopped; release the stop before going on")
        return self._line.ask({"do": "call", "on": on, "what": what, "arguments": list(arguments)})

    def _look(self, name: str, default: Any) -> Any:
        return (self._books or self._state).get(name, default)

    def _heard(self, message: Message) -> None:
        if isinstance(state := message.get("state"), dict):
            self._state.update(state)
        elif "stopped" in message:
            unconfirmed = message.get("unconfirmed")
            names = tuple(unconfirmed) if isinstance(unconfirmed, list) else ()
            self._tell(str(message["stopped"]), names)
            if isinstance(at := message.get("at"), int):
                self._told_of = max(at, self._told_of)

    def _lost(self, why: str) -> None:
        worst_ul = self._state.get("worst_left_ul", {})
        left_ul = self._state.get("left_ul", {})
        self._state["left_ul"] = {role: min(ul, worst_ul.get(role, ul)) for role, ul in left_ul.items()}
        self._state["homed"] = False
        self._tell(f"the process that owns the ports {why}", (*self.spec.pumps, "stage"))

    def _tell(self, why: str, unconfirmed: tuple[str, ...]) -> None:
        """From a thread of its own: whoever is told may ask the owner something."""
        self._latch.set()

        def tell() -> None:
            for function in tuple(self._listeners):
                try:
                    function(why, unconfirmed)
                except Exception:  # the others must hear it all the same
                    log.exception("a listener failed")

        threading.Thread(target=tell, name="tells of a stop", daemon=True).start()


def open_hosted(
    spec: RigSpec, *, speed: float = 1.0, lease_s: float | None = None, logs: Path | None = None
) -> HostedRig:
    """Start a port owner and have it open the rig; as `hardware.rig.open_rig`, in a process of its own.

    lease_s: instead of the rig's own. logs: folder in which the exchange log is saved when a command fails.
    Raises RigOpenError.
    """
    return HostedRig(spec, speed, spec.lease_s if lease_s is None else lease_s, logs)
