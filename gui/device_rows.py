"""One device as it tells of itself, and what a person can have it do: as plain values for the Devices page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hardware.devices import Device, Rig
from hardware.drivers import module_of
from hardware.errors import HardwareError
from hardware.parts.camera_address import without_secrets

Reader = Literal["", "instrument", "person"]


@dataclass(frozen=True)
class DeviceRow:
    """unready: what making it ready would do; empty when it is ready. trouble: why it does not answer. ports,
    port_now: of its valve. tubing_ul: what priming pushes through. reader: who reads a meter. locked: a stage after
    an alarm that can be released."""

    role: str
    kind: str
    port: str
    identity: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    unready: str = ""
    trouble: str = ""
    ports: tuple[str, ...] = ()
    port_now: str = ""
    tubing_ul: float = 0.0
    reader: Reader = ""
    tares: bool = False
    locked: bool = False

    @property
    def state(self) -> str:
        """A few words for a list."""
        if self.trouble:
            return "does not answer"
        if self.unready:
            return "not ready"
        return "locked: home it" if self.locked else self.about.get("state", "answers")


def rows_of(rig: Rig) -> tuple[DeviceRow, ...]:
    """Every device of the rig is asked; one that does not answer is a row too."""
    devices: dict[str, Device] = {**rig.pumps, "stage": rig.stage, **rig.meters}
    devices |= {"camera": rig.camera} if rig.camera is not None else {}
    return tuple(_row(rig, role, device) for role, device in devices.items())


def _row(rig: Rig, role: str, device: Device) -> DeviceRow:
    spec: Any = rig.spec.pumps.get(role) or rig.spec.meters.get(role)
    spec = spec or (rig.spec.stage if role == "stage" else rig.spec.camera)
    told: dict[str, Any] = {"unready": str(getattr(device, "unready", ""))}
    if role in rig.pumps:
        told |= {"ports": rig.pumps[role].abilities.ports, "port_now": getattr(device, "port_now", None) or ""}
        told["tubing_ul"] = spec.dead_volume_ul
    elif role in rig.meters:
        told["reader"] = "person" if spec.port == "person" else "instrument"
        told["tares"] = hasattr(module_of(spec.kind).Driver, "tare")
    try:
        told |= {"identity": device.identify(), "about": dict(device.about())}
    except HardwareError as error:
        told["trouble"] = error.message
    if role == "stage" and hasattr(module_of(spec.kind).Driver, "unlock"):
        told["locked"] = "alarm" in told.get("about", {}).get("state", "").lower()
    port = without_secrets(spec.source) if role == "camera" else spec.port
    return DeviceRow(role, spec.kind, port, **told)
