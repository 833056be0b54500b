"""What a device tells of itself, beside what the rig file says; and what must be refused without a byte."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from hardware import ports
from hardware.check_row import CheckRow, guarded
from hardware.devices import Camera, Device, Meter, NeedsReadying, Pump, Rig, Stage
from hardware.discovery import ports_now
from hardware.errors import HardwareError, OutOfRangeError
from hardware.spec import CameraSpec, MeterSpec, PumpSpec, StageSpec

Part = PumpSpec | StageSpec | CameraSpec | MeterSpec
_PERSON = "person"
_SAME = 0.01
_TRIES = 5
_LOOK_S = 1.0
_LATE_S = 0.5


def facts(role: str, device: Device, part: Part) -> Iterator[CheckRow]:
    yield guarded(role, "identify", lambda: _identify(role, device))
    yield guarded(role, "settings", lambda: _settings(role, device, part))
    if not isinstance(part, CameraSpec) and part.port != _PERSON:
        yield guarded(role, "port", lambda: _port(role, part))
    if isinstance(device, NeedsReadying) and device.unready:
        yield CheckRow(role, "ready", "warn", device.unready)


def _identify(role: str, device: Device) -> CheckRow:
    began = time.monotonic()
    who = device.identify()
    return CheckRow(
        role, "identify", "ok" if who else "warn", f"{who} ({1000 * (time.monotonic() - began):.0f} ms)"
    )


def _settings(role: str, device: Device, part: Part) -> CheckRow:
    told = device.about()
    said = "; ".join(f"{name}: {value}" for name, value in told.items()) or "it tells nothing of itself"
    strange = tuple(_contradictions(told, part))
    return CheckRow(role, "settings", "warn" if strange else "ok", "; ".join([*strange, said]))


def _contradictions(told: Mapping[str, str], part: Part) -> Iterator[str]:
    if isinstance(part, PumpSpec):
        found = _numbers(told.get("diameter", ""), "mm")
        if found and abs(found[0] - part.diameter_mm) > _SAME * part.diameter_mm:
            yield f"its diameter is {found[0]:g} mm, the rig file says {part.diameter_mm:g} mm"
    if isinstance(part, StageSpec) and len(found := _numbers(told.get("travel", ""), "mm")) >= 2:
        for axis, own, ours in zip("XYZ", found, part.travel_mm, strict=False):
            if own > 0 and ours > own * (1 + _SAME):
                yield f"its {axis} travels {own:g} mm, the rig file says {ours:g} mm: correct travel_mm"


def _numbers(text: str, unit: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?|nan", text)] if text.endswith(unit) else []


def _port(role: str, part: PumpSpec | StageSpec | MeterSpec) -> CheckRow:
    baud = f" at {part.settings['baud']} baud" if "baud" in part.settings else ""
    if "://" in part.port:
        return CheckRow(role, "port", "ok", f"{part.port}{baud}")
    try:
        name = ports.resolved(part.port)
    except FileNotFoundError as error:
        return CheckRow(role, "port", "fail", ports.advice(part.port, error))
    info = next((p for p in ports_now() if p.port == name), None)
    if info is None:
        return CheckRow(role, "port", "ok", f"{name}{baud}; the system does not list it")
    number = f", serial number {info.serial_number}" if info.serial_number else ""
    if info.serial_number and not part.port.startswith(ports.USB):
        bind = f'port = "{ports.USB}{info.serial_number}" finds it in whatever socket it is plugged'
        return CheckRow(role, "port", "warn", f"{info.words}{number}{baud}; bound to the socket's name: {bind}")
    return CheckRow(role, "port", "ok", f"{info.words}{number}{baud}")


def reading(role: str, meter: Meter, part: MeterSpec) -> CheckRow:
    if part.port == _PERSON:
        return CheckRow(role, "reading", "skipped", "a person reads it")
    value, unit = meter.read()
    return CheckRow(role, "reading", "ok", f"{value:g} {unit}")


def pictures(camera: Camera) -> CheckRow:
    first = camera.capture()
    began = time.monotonic()
    last = first
    while time.monotonic() - began < _LOOK_S:
        time.sleep(0.01)
        last = camera.latest() or last
    per_s = (last.number - first.number) / (time.monotonic() - began)
    age_s = time.monotonic() - last.taken_s
    size = f"{last.image.shape[1]} x {last.image.shape[0]}"
    detail = f"{size}, {per_s:.1f} pictures per second, the newest {1000 * age_s:.0f} ms old"
    return CheckRow("camera", "pictures", "ok" if per_s >= 1 and age_s < _LATE_S else "warn", detail)


def refusals(rig: Rig) -> Iterator[CheckRow]:
    """Were one of them not refused, it would do as little as such a command can."""
    stage, (x, y, z) = rig.stage, rig.stage.travel_mm
    beyond: list[tuple[str, str, Pump | Stage, Callable[[], object]]] = [
        ("stage", "a move beyond its travel", stage, partial(stage.move_to, x + 1, y / 2)),
        ("stage", "nozzles below their travel", stage, partial(stage.move_to, x / 2, y / 2, z + 1)),
    ]
    for role, pump in rig.pumps.items():
        limits = pump.range
        too_much_ul, too_fast_ul_s = 1.01 * limits.capacity_ul + 1, 1.1 * limits.max_rate_ul_s
        beyond += [
            (role, "a dose beyond its range", pump, partial(pump.dispense, too_much_ul, limits.max_rate_ul_s)),
            (role, "a rate beyond its range", pump, partial(pump.dispense, limits.min_volume_ul, too_fast_ul_s)),
        ]
    for role, what, device, act in beyond:
        yield guarded(role, what, partial(_is_refused, role, what, device, act))


def _is_refused(role: str, what: str, device: Pump | Stage, act: Callable[[], object]) -> CheckRow:
    """Refused, and without a byte. What others ask of the device meanwhile is no byte of ours: so try again."""
    for _ in range(_TRIES):
        before = device.traffic[-1:]
        try:
            act()
        except HardwareError as error:
            if not isinstance(error, OutOfRangeError) and error.outcome != "stopped":
                return CheckRow(role, what, "warn", f"was refused, but not for its range: {error.message}")
            if device.traffic[-1:] == before:
                return CheckRow(role, what, "ok", f"refused, nothing was sent: {error.message}")
        else:
            return CheckRow(role, what, "fail", "was NOT refused; use emergency stop and report this")
        time.sleep(0.05)
    return CheckRow(role, what, "warn", "was refused, but something was said on the wire meanwhile")
