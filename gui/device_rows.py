"""One device as it tells of itself, and what a person can have it do: as plain values for the Devices page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hardware.devices import Device, Rig
from hardware.drivers import module_of
from hardware.errors import HardwareError
from hardware.parts.camera_address import without_secrets

Reader = Literal["", "instrument", "person"]
_KINDS = {
    "balance": "balance", "by_person": "read by a person", "cavro": "Cavro", "grbl": "GRBL",
    "grbl_axis": "axis of a GRBL board", "harvard": "Harvard", "image_folder": "pictures in a folder",
    "marlin": "Marlin", "new_era": "New Era", "opencv_camera": "camera", "reglo_icc": "Reglo ICC",
    "rrf": "RepRapFirmware", "scpi": "SCPI", "zaber": "Zaber",
}  # fmt: skip
_BARE_POINT = re.compile(r"(?<=\d)\.(?=\s|$)")
_MINUS_NOTHING = re.compile(r"(?<![\w.])-(?=0(\.0*)?(\s|$))")


@dataclass(frozen=True)
class DeviceRow:
    """unready: what making it ready would do; empty when it is ready. trouble: why it does not answer. ports,
    port_now: of its valve. tubing_ul: what priming pushes through. reader: who reads a meter. locked: a stage after
    an alarm that can be released. homed: of a stage."""

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
    homed: bool = True

    @property
    def state(self) -> str:
        """A few words for a list."""
        if self.trouble:
            return "does not answer"
        if self.unready:
            return "not ready"
        if self.locked:
            return "locked: home it"
        return self.about.get("state", "answers") if self.homed else "not homed"


def kind_words(kind: str) -> str:
    """A kind of a rig file as persons call it."""
    return _KINDS.get(kind, kind.replace("_", " "))


def tidy(value: str) -> str:
    """A value as devices print it, without their bare points and their minus before nothing: 7268. and -0."""
    return _MINUS_NOTHING.sub("", _BARE_POINT.sub("", value))


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
        told |= {
            "identity": device.identify(),
            "about": {name: tidy(value) for name, value in device.about().items()},
        }
    except HardwareError as error:
        told["trouble"] = error.message
    if role == "stage":
        told["homed"] = rig.stage.homed
    if role == "stage" and hasattr(module_of(spec.kind).Driver, "unlock"):
        told["locked"] = "alarm" in told.get("about", {}).get("state", "").lower()
    port = without_secrets(spec.source) if role == "camera" else spec.port
    return DeviceRow(role, spec.kind, port, **told)
