"""Devices whose ports live in the owner's process: the interfaces of `hardware.devices`, asked over the line."""

from collections.abc import Callable, Mapping
from typing import Any

from hardware.devices import PumpAbilities, PumpRange, StageRange, Traffic

Ask = Callable[..., Any]
"""ask(on, what, *arguments): the value, or the error that the device raised."""
Look = Callable[[str, Any], Any]
"""look(name, default): what the owner last told of itself."""


class Hosted:
    """What every device can be asked."""

    def __init__(self, on: str, name: str, ask: Ask, look: Look, stop: Callable[[], object]) -> None:
        self.name = name
        self._on, self._ask, self._look, self._stop = on, ask, look, stop

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        pieces = self._ask(self._on, "traffic")
        return tuple(Traffic(at_s, direction, data.encode("latin-1")) for at_s, direction, data in pieces)

    @property
    def unready(self) -> str:
        return str(self._look("unready", {}).get(self.name, ""))

    @property
    def port_now(self) -> str | None:
        port: str | None = self._look("ports", {}).get(self.name)
        return port

    def open(self) -> None:
        """The owner opens its ports when the rig is opened, and a lost one when the device is identified."""
        self.identify()

    def identify(self) -> str:
        return str(self._ask(self._on, "identify"))

    def about(self) -> Mapping[str, str]:
        told: Mapping[str, str] = self._ask(self._on, "about")
        return told

    def make_ready(self) -> None:
        self._ask(self._on, "make_ready")

    def select(self, port: str) -> None:
        self._ask(self._on, "select", port)

    def stop(self) -> None:
        """Stops the whole rig: the owner knows no smaller stop."""
        self._stop()

    def close(self) -> None:
        """The rig closes its devices together."""


class HostedPump(Hosted):
    def __init__(
        self, on: str, name: str, ask: Ask, look: Look, stop: Callable[[], object], facts: Mapping[str, Any]
    ) -> None:
        super().__init__(on, name, ask, look, stop)
        self.range = PumpRange(**facts["ranges"][name])
        abilities = facts["abilities"][name]
        self.abilities = PumpAbilities(**{**abilities, "ports": tuple(abilities["ports"])})

    @property
    def left_ul(self) -> float:
        return float(self._look("left_ul", {})[self.name])

    @property
    def primed(self) -> bool:
        """Whether the tubing is known to be full."""
        return bool(self._look("primed", {}).get(self.name, True))

    def filled(self) -> None:
        """Book that the tubing is full, as after priming by hand."""
        self._ask(self._on, "filled")

    def loaded(self, volume_ul: float) -> None:
        self._ask("rig", "loaded", self.name, volume_ul)

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        return float(self._ask(self._on, "dispense", volume_ul, rate_ul_s))

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        return float(self._ask(self._on, "aspirate", volume_ul, rate_ul_s))

    def prime(self, rate_ul_s: float | None = None) -> float:
        """Fill the tubing; returns what went through it, in µL. All of it counts for the vial at the station."""
        return float(self._ask(self._on, "prime", rate_ul_s))

    def discard(self, volume_ul: float, rate_ul_s: float | None = None) -> float:
        """Push `volume_ul` to waste; returns what went there, in µL."""
        return float(self._ask(self._on, "discard", volume_ul, rate_ul_s))


class HostedStage(Hosted):
    def __init__(
        self, on: str, name: str, ask: Ask, look: Look, stop: Callable[[], object], facts: Mapping[str, Any]
    ) -> None:
        super().__init__(on, name, ask, look, stop)
        told = facts["stage_range"]
        travel_mm, step_mm = tuple(told["travel_mm"]), tuple(told["step_mm"])
        self.range = StageRange(travel_mm, step_mm, told["max_speed_mm_s"], told["drift_mm"])

    @property
    def travel_mm(self) -> tuple[float, float, float]:
        return self.range.travel_mm

    @property
    def homed(self) -> bool:
        return bool(self._look("homed", False))

    def home(self) -> None:
        self._ask(self._on, "home")

    def unlock(self) -> None:
        self._ask(self._on, "unlock")

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        self._ask(self._on, "move_to", x_mm, y_mm, z_mm)

    def position_mm(self) -> tuple[float, float, float]:
        x_mm, y_mm, z_mm = self._ask(self._on, "position_mm")
        return x_mm, y_mm, z_mm


class HostedMeter(Hosted):
    @property
    def waiting(self) -> str:
        """The question that a person is asked now; empty when none is."""
        return str(self._look("waiting", {}).get(self.name, ""))

    def read(self) -> tuple[float, str]:
        value, unit = self._ask(self._on, "read")
        return float(value), str(unit)

    def answer(self, value: str) -> None:
        """What a person read."""
        self._ask(self._on, "answer", value)

    def tare(self) -> None:
        self._ask(self._on, "tare")
