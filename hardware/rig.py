"""A rig: its devices by role, one door for doses, one stop for everything."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from hardware.devices import Camera, Device, Meter, Pump, Stage, StopListener
from hardware.drivers import module_of
from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError
from hardware.exchange import exchanged
from hardware.fluidics import Delivery, for_driver
from hardware.latch import Latch, moment
from hardware.limits import LimitedPump, LimitedStage
from hardware.parts.camera_address import without_secrets
from hardware.plunger import Cut
from hardware.spec import CameraSpec, MeterSpec, PumpSpec, RigSpec, StageSpec
from hardware.station import Station
from hardware.toml_file import did_you_mean
from hardware.wire import Wire

STOP_CONFIRMED_S = 1.0
Part = PumpSpec | StageSpec | CameraSpec | MeterSpec


@dataclass(frozen=True)
class Missing:
    """A device that did not open: what was tried and what to do."""

    role: str
    port: str
    message: str


class RigOpenError(NotConnectedError):
    """Every device that is missing, one line each."""

    def __init__(self, rig: str, missing: tuple[Missing, ...]) -> None:
        lines = "\n".join(f"  {m.role} on {m.port}: {m.message}" for m in missing)
        super().__init__(rig, f"{len(missing)} of its devices did not open:\n{lines}")
        self.missing = missing


class LocalRig:
    """Devices that are open. Made by `open_rig`; `close` it, or use it in a with statement."""

    def __init__(
        self,
        spec: RigSpec,
        pumps: Mapping[str, Pump],
        stage: Stage,
        camera: Camera | None,
        latch: Latch,
        meters: Mapping[str, Meter] = MappingProxyType({}),
    ) -> None:
        self.spec = spec
        self._latch = latch
        self._stops: list[threading.Event] = []
        """Those under way."""
        self._drivers: dict[str, Device] = {**pumps, "stage": stage, **meters}
        self._drivers |= {"camera": camera} if camera else {}
        self.meters: Mapping[str, Meter] = MappingProxyType(dict(meters))
        self._station = Station(stage, spec.rack, latch)
        self.limited: Mapping[str, LimitedPump] = MappingProxyType(
            {role: LimitedPump(pump, self._station) for role, pump in pumps.items()}
        )
        self.pumps: Mapping[str, Pump] = self.limited
        self.stage: Stage = LimitedStage(stage, self._station)
        self.camera = camera

    def dose(self, slot: str, role: str, volume_ul: float, rate_ul_s: float) -> float:
        """Dispense into the vial at the station, which must be `slot`; returns what the pump counted, in µL."""
        self._station.known(slot)
        return self._pump(role).pour(slot, volume_ul, rate_ul_s)

    def contents_ul(self, slot: str) -> float:
        """Book-kept volume in a vial."""
        return self._station.contents_ul(slot)

    def set_contents(self, slot: str, volume_ul: float) -> None:
        """Say what a vial holds: 0 for a clean one."""
        self._station.set_contents(slot, volume_ul)

    def loaded(self, role: str, volume_ul: float) -> None:
        """Say what a syringe holds. A rig opens with full ones."""
        self._pump(role).loaded(volume_ul)

    def stop_all(self) -> tuple[str, ...]:
        """Stop every device at once, each from a thread of its own, and stay stopped until `rearm`.

        Returns the devices that did not confirm within a second.
        """
        over = threading.Event()
        self._stops.append(over)
        self._latch.set()
        try:
            return tuple(_at_once({name: device.stop for name, device in self._drivers.items()}, STOP_CONFIRMED_S))
        finally:
            self._stops.remove(over)
            over.set()

    def worst_left_ul(self) -> dict[str, float]:
        """Of the pumps at work: what each has left should nobody learn how far it came."""
        return self._station.worst_left_ul()

    def when_booked(self, function: Callable[[], None]) -> None:
        """Call `function` whenever a dose has been booked, before it flows."""
        self._station.booked = function

    def listen(self, function: StopListener) -> Callable[[], None]:
        """As of any rig; in this process nobody else can stop it, so that `function` is never called."""
        del function
        return lambda: None

    def exchange_log(self) -> str:
        """Every byte of late, by device, time-stamped: for a help request."""
        return exchanged({name: device.traffic for name, device in self._drivers.items()})

    @property
    def lost(self) -> Mapping[str, str]:
        """As of any rig; in this process nobody keeps watch."""
        return {}

    @property
    def stopped(self) -> bool:
        return self._latch.is_set()

    def rearm(self, asked: int | None = None) -> None:
        """As of any rig. The last bytes of a stop must not meet what begins after the release."""
        asked = moment() if asked is None else asked
        for over in tuple(self._stops):
            if not over.wait(2 * STOP_CONFIRMED_S):
                raise HardwareError("rig", "is just being stopped; wait a moment")
        self._station.release(asked)

    def close(self) -> None:
        _at_once({name: device.close for name, device in self._drivers.items()}, 2.0)

    def __enter__(self) -> "LocalRig":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pump(self, role: str) -> LimitedPump:
        if role not in self.pumps:
            known = ", ".join(self.pumps)
            raise OutOfRangeError(
                self.spec.name,
                f"no pump {role!r}{did_you_mean(role, self.pumps)}; known: {known}",
            )
        return self.limited[role]


def open_rig(spec: RigSpec, *, speed: float = 1.0, latch: Latch | None = None) -> LocalRig:
    """Open all devices side by side, without the camera if `spec.camera` is None.

    speed: how much faster than real time the bench's clock runs. latch: while it is set nothing moves.

    Raises RigOpenError that names every device that is missing; nothing stays open then.
    """
    latch = latch if latch is not None else Latch()
    parts: dict[str, Part] = {**spec.pumps, "stage": spec.stage, **spec.meters}
    if spec.camera is not None:
        parts["camera"] = spec.camera
    wires: dict[str, Wire] = {}
    drivers = {role: _driver(role, part, speed, latch, wires) for role, part in parts.items()}
    failures = _at_once({role: driver.open for role, driver in drivers.items()}, 30.0)
    if failures:
        _at_once({role: driver.close for role, driver in drivers.items()}, 2.0)
        raise RigOpenError(
            spec.name, tuple(Missing(role, _port(parts[role]), why) for role, why in failures.items())
        )
    pumps = {role: drivers[role] for role in spec.pumps}
    meters = {role: drivers[role] for role in spec.meters}
    return LocalRig(spec, pumps, drivers["stage"], drivers.get("camera"), latch, meters)


def _port(part: Part) -> str:
    return without_secrets(part.source) if isinstance(part, CameraSpec) else part.port


def _driver(role: str, part: Part, speed: float, latch: threading.Event, wires: dict[str, Wire]) -> Any:
    module = module_of(part.kind)
    settings = TypeAdapter(module.Settings).validate_python(dict(part.settings))
    shared = {"wire": wires.setdefault(_port(part), Wire(_port(part)))} if getattr(module, "CHAINED", False) else {}
    if not isinstance(part, PumpSpec):
        return module.Driver(role, part, settings, speed=speed, latch=latch, **shared)
    cut = Cut(latch)
    return Delivery(module.Driver(role, for_driver(part), settings, speed=speed, latch=cut, **shared), part, cut)


def _at_once(calls: Mapping[str, Callable[[], object]], patience_s: float) -> dict[str, str]:
    """Make all calls, a thread each; returns why each of those failed that did, in the order of `calls`."""
    results: dict[str, str | None] = {}

    def make(name: str, call: Callable[[], object]) -> None:
        try:
            call()
            results[name] = None
        except HardwareError as error:
            results[name] = error.message
        except Exception as error:  # noqa: BLE001  a driver's bug must not hide from the caller, nor stop the others
            results[name] = f"{type(error).__name__}: {error}"

    threads = []
    for item in calls.items():
        thread = threading.Thread(target=make, args=item, name=item[0], daemon=True)
        try:
            thread.start()
            threads.append(thread)
        except RuntimeError:  # the system gives no more threads
            make(*item)
    deadline = time.monotonic() + patience_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    done = dict(results)
    outcome = {name: done.get(name, f"no answer within {patience_s:g} s") for name in calls}
    return {name: why for name, why in outcome.items() if why is not None}
