"""What the campaign may ask of a device: interfaces only, one blocking call each.

Every `stop()` may be called from any thread at any time and never waits for a lock that a running
command holds. A command that `stop()` cut short raises `StoppedError`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from hardware.spec import RigSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]
    """(h, w, 3) uint8, BGR."""
else:
    Image = Any  # the process that owns the ports starts without numpy


@dataclass(frozen=True)
class Traffic:
    """Bytes as they crossed the wire. `at_s` is on the monotonic clock; "!" marks a stop."""

    at_s: float
    direction: Literal[">", "<", "!"]
    data: bytes


@dataclass(frozen=True)
class Frame:
    """One picture. `taken_s` is on the monotonic clock; `number` grows by one per frame of the source."""

    image: Image
    taken_s: float
    number: int


@dataclass(frozen=True)
class PumpRange:
    """What a pump can do with the syringe it holds. step_ul: its resolution; 0 is as fine as min_volume_ul."""

    capacity_ul: float
    min_volume_ul: float
    min_rate_ul_s: float
    max_rate_ul_s: float
    step_ul: float = 0.0


@dataclass(frozen=True)
class PumpAbilities:
    """aspirates: can draw in. counts: tells how much it delivered, so that a cut dose is known. watchdog: stops by
    itself when the computer falls silent. repeats_safely: a command whose answer was lost can be sent again and is
    done once. ports: positions of its valve, by the names that `select` takes; empty without one."""

    aspirates: bool = True
    counts: bool = True
    watchdog: bool = False
    repeats_safely: bool = False
    ports: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageRange:
    """travel_mm: largest X, Y, Z; the smallest is 0. step_mm: resolution of each axis. drift_mm: further than this
    from where it believed to be when it is homed anew, it is homed and `home` raises; None when it cannot tell."""

    travel_mm: tuple[float, float, float]
    step_mm: tuple[float, float, float]
    max_speed_mm_s: float
    drift_mm: float | None = None


class Device(Protocol):
    """Anything with a port."""

    @property
    def name(self) -> str: ...
    @property
    def traffic(self) -> tuple[Traffic, ...]:
        """The last few hundred pieces of the conversation, oldest first; empty for a device without a wire."""
        ...

    def open(self) -> None:
        """Connect and make sure who answers. Moves and expels nothing. Again after a lost connection."""
        ...

    def identify(self) -> str:
        """Ask the device who it is: model and firmware. Moves nothing."""
        ...

    def about(self) -> Mapping[str, str]:
        """Settings and state as the device itself tells them now, in a person's words. Moves nothing."""
        ...

    def stop(self) -> None:
        """Stop now. Any thread, no lock, no reply awaited longer than 0.5 s."""
        ...

    def close(self) -> None: ...


class Pump(Device, Protocol):
    @property
    def range(self) -> PumpRange: ...
    @property
    def abilities(self) -> PumpAbilities: ...
    @property
    def left_ul(self) -> float:
        """Book-kept volume left in the syringe."""
        ...

    def loaded(self, volume_ul: float) -> None:
        """Book that the syringe now holds `volume_ul`."""
        ...

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        """Push `volume_ul` out; returns the volume the pump itself counted, in µL.

        Raises OutOfRangeError before anything is sent, StoppedError, DeviceTimeoutError, ReplyError,
        NotConnectedError.
        """
        ...

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        """Draw `volume_ul` in; returns the volume the pump itself counted, in µL."""
        ...


@runtime_checkable
class Valved(Protocol):
    """A pump with a valve, or a valve alone."""

    @property
    def port_now(self) -> str | None:
        """Where the valve stands; None while that is not known."""
        ...

    def select(self, port: str) -> None:
        """Turn the valve. Raises OutOfRangeError for a port that it does not have."""
        ...


@runtime_checkable
class NeedsReadying(Protocol):
    """A device that must make a movement of its own before it can be used, and only a person may say so."""

    @property
    def unready(self) -> str:
        """Why it is not ready, and what making it ready will do (move, expel). Empty when it is ready."""
        ...

    def make_ready(self) -> None:
        """Do it. Raises as `dispense` does."""
        ...


class Stage(Device, Protocol):
    @property
    def travel_mm(self) -> tuple[float, float, float]:
        """Largest X, Y, Z; the smallest is 0."""
        ...

    @property
    def range(self) -> StageRange: ...
    @property
    def homed(self) -> bool: ...
    def home(self) -> None: ...
    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        """Move and return when the stage stands. Raises OutOfRangeError before anything is sent."""
        ...

    def position_mm(self) -> tuple[float, float, float]: ...


class Camera(Device, Protocol):
    def capture(self, timeout_s: float = 5.0) -> Frame:
        """A frame exposed after this call. Raises DeviceTimeoutError when none comes."""
        ...

    def latest(self) -> Frame | None:
        """The newest frame, at once; for live view. None before the first."""
        ...

    def listen(self, function: Callable[[Frame], None]) -> Callable[[], None]:
        """Call `function` with every new frame, in another thread; it must be quick. Returns what ends it."""
        ...


class Meter(Device, Protocol):
    def read(self) -> tuple[float, str]:
        """The value and its unit. Raises ReplyError for overload, DeviceTimeoutError, NotConnectedError."""
        ...


StopListener = Callable[[str, tuple[str, ...]], None]
"""Told why everything was stopped, and which devices did not confirm."""


class Rig(Protocol):
    """The devices by role, with the rig's limits in force below every caller; in this process or in the owner's."""

    @property
    def spec(self) -> RigSpec: ...
    @property
    def pumps(self) -> Mapping[str, Pump]: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def camera(self) -> Camera | None: ...
    @property
    def meters(self) -> Mapping[str, Meter]: ...
    def dose(self, slot: str, role: str, volume_ul: float, rate_ul_s: float) -> float:
        """Dispense into the vial at the station, which must be `slot`; returns what the pump counted, in µL."""
        ...

    def contents_ul(self, slot: str) -> float:
        """Book-kept volume in a vial."""
        ...

    def set_contents(self, slot: str, volume_ul: float) -> None:
        """Say what a vial holds: 0 for a clean one."""
        ...

    def loaded(self, role: str, volume_ul: float) -> None:
        """Say what a syringe holds. A rig opens with full ones."""
        ...

    def stop_all(self) -> tuple[str, ...]:
        """Stop every device at once and stay stopped until `rearm`; the devices that did not confirm."""
        ...

    @property
    def lost(self) -> Mapping[str, str]:
        """Devices that are disconnected, and why; they are connected again by themselves once they can be."""
        ...

    @property
    def stopped(self) -> bool: ...
    def rearm(self, asked: int | None = None) -> None:
        """Release the stop. Moves nothing. asked: the `latch.moment` at which a person wanted it; now without one.

        Raises HardwareError while what was stopped has not come to its end, StoppedError when it was stopped since:
        that stop stays in force.
        """
        ...

    def listen(self, function: StopListener) -> Callable[[], None]:
        """Call `function` when something else than `stop_all` of this rig has stopped it; returns what ends it."""
        ...

    def exchange_log(self) -> str:
        """Every byte of late, by device, time-stamped: for a help request."""
        ...

    def close(self) -> None: ...
