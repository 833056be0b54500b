"""What the campaign may ask of a device: interfaces only, one blocking call each.

Every `stop()` may be called from any thread at any time and never waits for a lock that a running
command holds. A command that `stop()` cut short raises `StoppedError`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""(h, w, 3) uint8, BGR."""


@dataclass(frozen=True)
class Frame:
    """One picture. `taken_s` is on the monotonic clock; `number` grows by one per frame of the source."""

    image: Image
    taken_s: float
    number: int


@dataclass(frozen=True)
class PumpRange:
    """What a pump can do with the syringe it holds."""

    capacity_ul: float
    min_volume_ul: float
    min_rate_ul_s: float
    max_rate_ul_s: float


class Device(Protocol):
    """Anything with a port."""

    @property
    def name(self) -> str: ...
    def identify(self) -> str:
        """Ask the device who it is: model and firmware. Moves nothing."""
        ...

    def stop(self) -> None:
        """Stop now. Any thread, no lock, no reply awaited longer than 0.5 s."""
        ...

    def close(self) -> None: ...


class Pump(Device, Protocol):
    @property
    def range(self) -> PumpRange: ...
    @property
    def left_ul(self) -> float:
        """Book-kept volume left in the syringe."""
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


class Stage(Device, Protocol):
    @property
    def travel_mm(self) -> tuple[float, float, float]:
        """Largest X, Y, Z; the smallest is 0."""
        ...

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


class Meter(Device, Protocol):
    def read(self) -> tuple[float, str]:
        """The value and its unit."""
        ...
