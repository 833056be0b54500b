"""The valve of a Cavro pump: its ports by name, what they lead to, and where initialising pushes the liquid out."""

from collections.abc import Mapping
from typing import Literal

from hardware.dialects.cavro import force_of, port_named, ports_of
from hardware.errors import OutOfRangeError

Role = Literal["draw", "deliver", "waste"]


class Valve:
    """kind: "none", "3-port", "4-port" or "distribution", which has `count` ports. leads: which port is "draw",
    "deliver" and "waste", as the rig file says."""

    def __init__(self, name: str, kind: str, count: int, leads: Mapping[Role, str]) -> None:
        self._name, self._kind, self._leads = name, kind, dict(leads)
        self.ports = ports_of(kind, count)

    def check(self) -> None:
        """Raises OutOfRangeError for a port of the rig file that it does not have."""
        for role, port in self._leads.items():
            self.port(port, f"the port {role!r} of the rig file, ")

    def port(self, name: str, whose: str = "") -> str:
        """A port as it is called here. Raises OutOfRangeError."""
        port = port_named(name, self.ports)
        if port is None:
            has = f"its ports are {', '.join(self.ports)}" if self.ports else "it has no valve"
            raise OutOfRangeError(self._name, f"{whose}{name!r}, is not there; {has}")
        return port

    def of(self, role: Role) -> str | None:
        """The port to draw from or deliver through; None where the rig file leaves the valve as it stands."""
        return self.port(self._leads[role]) if role in self._leads else None

    def initialising(self, letter: str, capacity_ul: float) -> str:
        """Z or Y with force, port to draw from and port to push out through; W where there is no valve."""
        force = force_of(capacity_ul)
        if not self.ports:
            return f"W{force}R"
        if self._kind != "distribution":
            return f"{letter}{force}R"
        return f"{letter}{force},{self.of('draw') or 0},{self._out()[1] or 0}R"

    @property
    def outlet(self) -> str:
        """Through what the syringe is emptied when initialising, in words."""
        role, port = self._out()
        if port:
            return f"through port {port} ({role})"
        return "through the last port of its valve" if self.ports else "at its tip"

    def _out(self) -> tuple[str, str]:
        """A 3- or 4-port valve pushes out through its output, whatever that leads to; others as they are told."""
        if self._kind in ("3-port", "4-port"):
            return next((role for role in self._leads if self.of(role) == "O"), "output"), "O"
        return ("waste", waste) if (waste := self.of("waste")) else ("deliver", self.of("deliver") or "")
