"""A chain of Zaber devices on one port, byte for byte, as firmware 7 speaks the ASCII protocol.

Source: Zaber's ASCII Protocol Manual (message format, commands, settings) and what `zaber-motion` asks. One device
for each address in the rig file, integrated (no peripherals), open loop. After power-up there is no reference (WR)
until `home`; comm.checksum and comm.alert are kept without power. A second stop while braking stops dead.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from hardware.spec import StageSpec
from hardware.virtual.motion import Point
from hardware.virtual.server import PortServer
from hardware.virtual.world import World

SPEED_MM_S, HOMING_MM_S, ACCEL_MM_S2 = 100.0, 40.0, 800.0
SPEED_DATA, ACCEL_DATA = 1.6384, 1.6384e-4
LINE_BYTES = 80
_FATAL = ("FF", "FH", "FV", "FO", "FD", "FS", "FE", "WL", "WR", "WH", "NC", "NI")
"""By priority, those that this bench can show."""
_CLEARABLE = frozenset({"FS", "FE", "WL"})
_DEVICE = {
    "deviceid": "50081", "version": "7.35", "version.build": "12345", "device.hw.modified": "0",
    "comm.packet.size.max": "80", "comm.command.packets.max": "1", "comm.word.size.max": "50",
    "get.settings.max": "10", "system.voltage": "24.1", "system.temperature": "31.0", "system.access": "1",
}  # fmt: skip


@dataclass
class Axis:
    """letter: 0 for X. offset_mm: the world's true place, less the one that the device believes in."""

    letter: int
    step_mm: float
    travel_mm: float
    offset_mm: float
    homing: bool = False
    moving: bool = False
    braking: bool = False
    target: int = 0
    flags: set[str] = field(default_factory=lambda: {"WR"})
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def flag(self) -> str:
        return next((flag for flag in _FATAL if flag in self.flags), "--")


@dataclass
class Device:
    address: int
    serial: str
    axes: dict[int, Axis] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=lambda: {"comm.checksum": "0", "comm.alert": "0"})


class RejectedError(Exception):
    """The reason in a reply with RJ."""


class Instrument(PortServer):
    """All devices behind one port; the mechanics are the world's."""

    def __init__(
        self, world: World, parts: Mapping[str, StageSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        name, part = next(iter(parts.items()))
        super().__init__(name, host, port)
        self._world = world
        self._line = b""
        self.devices: dict[int, Device] = {}
        self._axes: list[Axis | None] = [self._axis(part, i, letter) for i, letter in enumerate("xyz")]
        self.power_cycle()

    def _axis(self, part: StageSpec, index: int, letter: str) -> Axis | None:
        place = str(part.settings.get(letter, {"x": "1.1", "y": "2.1"}.get(letter, "")))
        if not place:
            return None
        address, _, number = place.partition(".")
        step_um = float(part.settings.get(f"{letter}_step_um") or part.settings.get("step_um") or 0.047625)
        travel_mm = self._world.spec.stage.travel_mm[index]
        step_mm = step_um / 1000
        most = math.ceil(travel_mm / step_mm)
        axis = Axis(index, step_mm, travel_mm, 0.0)
        axis.settings = {
            "limit.min": "0", "limit.max": f"{most}", "resolution": "64",
            "maxspeed": f"{SPEED_MM_S / step_mm * SPEED_DATA:.0f}",
            "limit.approach.maxspeed": f"{HOMING_MM_S / step_mm * SPEED_DATA:.0f}",
            "accel": f"{ACCEL_MM_S2 / step_mm * ACCEL_DATA:.0f}",
        }  # fmt: skip
        device = self.devices.setdefault(int(address), Device(int(address), f"{70000 + int(address)}"))
        device.axes[int(number)] = axis
        return axis

    # what a person or a fault does to it

    def power_cycle(self) -> None:
        """The motors stop dead; no axis knows where it is."""
        self._world.halt_stage()
        self._line = b""
        for axis in filter(None, self._axes):
            axis.flags, axis.moving, axis.homing, axis.braking = {"WR"}, False, False, False
            axis.offset_mm = self._true_mm(axis)  # it reads 0 wherever it stands

    def stall(self, letter: str) -> None:
        """An obstacle: the axis stops, and says FS until that is cleared."""
        axis = self._axes["xyz".index(letter)]
        if axis is not None:
            axis.moving = axis.homing = axis.braking = False
            self._hold(axis)
            axis.offset_mm += 0.3  # it counts steps that it did not make
            axis.flags |= {"FS"}

    def disable(self, letter: str) -> None:
        """The motor of an axis is switched off."""
        axis = self._axes["xyz".index(letter)]
        if axis is not None:
            axis.moving = axis.homing = axis.braking = False
            self._hold(axis)
            axis.flags |= {"FO", "WR"}

    # bytes

    def on_connect(self) -> None:
        self._line = b""

    def on_bytes(self, data: bytes) -> None:
        for byte in data:
            if byte in b"\r\n":
                line, self._line = self._line, b""
                self.on_moment()
                if line:
                    self._hear(line)
            else:
                self._line = (self._line + bytes([byte]))[: LINE_BYTES + 1]

    def moment_s(self) -> float:
        return min(0.02, self._world.clock.wall_s(self._world.stage_ends_in_s()) + 0.0003)

    def on_moment(self) -> None:
        """See which axes have come to their end."""
        for device in self.devices.values():
            for number, axis in device.axes.items():
                if axis.moving and not self._still_moves(axis):
                    axis.moving = axis.braking = False
                    if axis.homing:
                        axis.homing, axis.offset_mm = False, 0.0
                        axis.flags -= {"WR", "WH"}
                    if device.settings["comm.alert"] == "1":
                        self._say(device, f"!{device.address:02} {number} IDLE {axis.flag}")

    def _hear(self, line: bytes) -> None:
        text = line.decode("ascii", "replace")
        if not text.startswith("/") or len(text) > LINE_BYTES:
            return
        body, colon, told = text[1:].partition(":")
        if colon and told.upper() != f"{-sum(body.encode()) & 0xFF:02X}":
            return
        words = body.split()
        numbers = [int(words.pop(0)) for _ in range(3) if words and words[0].isdigit()]
        address, number, ident = [*numbers, *[None] * 3][:3]
        if words == ["stop"] and not address and not number:
            self._brake([axis for axis in self._axes if axis is not None])
            words = []
        for device in self.devices.values():
            if not address or address == device.address:
                self._answer(device, number or 0, ident, words)

    def _answer(self, device: Device, number: int, ident: int | None, words: list[str]) -> None:
        axes = [axis for n, axis in device.axes.items() if number in (0, n)]
        try:
            verdict, data = "OK", self._obey(device, axes, number, words)
        except RejectedError as error:
            verdict, data = "RJ", str(error)
        busy = "BUSY" if any(axis.moving for axis in axes) else "IDLE"
        flag = next((flag for flag in _FATAL if any(flag in axis.flags for axis in axes)), "--")
        named = "" if ident is None else f" {ident:02}"
        self._say(device, f"@{device.address:02} {number}{named} {verdict} {busy} {flag} {data}")

    def _say(self, device: Device, text: str) -> None:
        total = f":{-sum(text[1:].encode()) & 0xFF:02X}" if device.settings["comm.checksum"] == "1" else ""
        self.send(f"{text}{total}\r\n".encode("ascii"))

    # commands

    def _obey(self, device: Device, axes: list[Axis], number: int, words: list[str]) -> str:
        if not axes:
            raise RejectedError("BADAXIS")
        match words:
            case []:
                return "0"
            case ["get", name]:
                return self._get(device, axes, name)
            case ["set", name, value]:
                return self._set(device, axes, name, value)
            case ["warnings"] | ["warnings", "clear"]:
                shown = sorted({flag for axis in axes for flag in axis.flags})
                for axis in axes if words[1:] else ():
                    axis.flags -= _CLEARABLE
                return " ".join([f"{len(shown):02}", *shown])
            case ["tools", "echo", *rest]:
                return " ".join(rest) or "0"
            case ["system", "reset"] if not number:
                self.power_cycle()
            case ["driver", "enable"]:
                for axis in axes:
                    axis.flags.discard("FO")
            case ["driver", "disable"]:
                for axis in axes:
                    self.disable("xyz"[axis.letter])
            case ["stop"]:
                self._brake(axes)
            case ["estop"]:
                self._halt(axes)
            case ["home"] | ["move", *_] if any(axis.flags & {"FO", "FD"} for axis in axes):
                raise RejectedError("DRIVERDISABLED")
            case ["home"]:
                for axis in axes:
                    self._go(axis, 0, homing=True)
            case ["move", *how]:
                for axis, target in [(axis, self._target(axis, how)) for axis in axes]:
                    self._go(axis, target)
            case _:
                raise RejectedError("BADCOMMAND")
        return "0"

    def _get(self, device: Device, axes: list[Axis], name: str) -> str:
        if name in _DEVICE:
            return _DEVICE[name]
        if name in device.settings:
            return device.settings[name]
        if name == "system.serial":
            return device.serial
        if name == "system.axiscount":
            return str(len(device.axes))
        if name == "pos":
            return " ".join(str(self._count(axis)) for axis in axes)
        if all(name in axis.settings for axis in axes):
            return " ".join(axis.settings[name] for axis in axes)
        raise RejectedError("BADCOMMAND")

    def _set(self, device: Device, axes: list[Axis], name: str, value: str) -> str:
        if not value.lstrip("-").isdigit():
            raise RejectedError("BADDATA")
        if name in device.settings:
            if value not in ("0", "1"):
                raise RejectedError("BADDATA")
            device.settings[name] = value
        elif all(name in axis.settings for axis in axes) and name != "resolution":
            if not 0 <= int(value) <= 10**9:
                raise RejectedError("BADDATA")
            for axis in axes:
                axis.settings[name] = value
        else:
            raise RejectedError("BADCOMMAND")
        return "0"

    def _target(self, axis: Axis, how: list[str]) -> int:
        least, most = int(axis.settings["limit.min"]), int(axis.settings["limit.max"])
        match how:
            case ["abs", value] if value.lstrip("-").isdigit():
                target = int(value)
            case ["rel", value] if value.lstrip("-").isdigit():
                target = self._count(axis) + int(value)
            case ["min"] | ["max"]:
                target = least if how == ["min"] else most
            case _:
                raise RejectedError("BADCOMMAND")
        if "WR" in axis.flags or not least <= target <= most:
            raise RejectedError("BADDATA")
        return target

    # motion

    def _go(self, axis: Axis, target: int, *, homing: bool = False) -> None:
        axis.flags -= {"NI", "NC"}
        if axis.moving:
            axis.flags |= {"NI"}
        axis.moving, axis.homing, axis.braking, axis.target = True, homing, False, target
        name = "limit.approach.maxspeed" if homing else "maxspeed"
        end_mm = 0.0 if homing else target * axis.step_mm + axis.offset_mm
        self._travel(axis, end_mm, int(axis.settings[name]) / SPEED_DATA * axis.step_mm)

    def _brake(self, axes: list[Axis]) -> None:
        """What brakes already stops dead; so does, on this bench, one axis alone while another goes on."""
        moving = [axis for axis in axes if axis.moving]
        self._halt([axis for axis in moving if axis.braking])
        braking = [axis for axis in moving if axis.moving]
        if any(axis.moving and axis not in braking for axis in self._axes if axis is not None):
            self._halt(braking)
        elif (travel := self._world.brake_stage()) is not None:
            for axis in braking:
                axis.flags |= {"NI"}
                axis.homing, axis.braking = False, True
                axis.target = round((travel.target[axis.letter] - axis.offset_mm) / axis.step_mm)

    def _halt(self, axes: list[Axis]) -> None:
        for axis in axes:
            if axis.moving:
                axis.flags |= {"NI"}
                axis.homing = axis.braking = axis.moving = False
                self._hold(axis)

    def _hold(self, axis: Axis) -> None:
        """This axis dead, the others on their way."""
        self._travel(axis, self._true_mm(axis), SPEED_MM_S)

    def _travel(self, axis: Axis, end_mm: float, v_mm_s: float) -> None:
        ends = list(self._world.stage_mm())
        for other in filter(None, self._axes):
            if other.moving:
                ends[other.letter] = 0.0 if other.homing else other.target * other.step_mm + other.offset_mm
        if self._axes[2] is None:
            ends[2] = 0.0  # nozzles that nothing lowers
        ends[axis.letter] = end_mm
        target: Point = (ends[0], ends[1], ends[2])
        accel = int(axis.settings["accel"]) / ACCEL_DATA * axis.step_mm
        self._world.start_stage(target, max(v_mm_s, 0.001), max(accel, 1.0))

    def _still_moves(self, axis: Axis) -> bool:
        if not self._world.stage_moves():
            return False
        end_mm = 0.0 if axis.homing else axis.target * axis.step_mm + axis.offset_mm
        return axis.braking or abs(self._true_mm(axis) - end_mm) > axis.step_mm / 2

    def _true_mm(self, axis: Axis) -> float:
        return self._world.stage_mm()[axis.letter]

    def _count(self, axis: Axis) -> int:
        return round((self._true_mm(axis) - axis.offset_mm) / axis.step_mm)
