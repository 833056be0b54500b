"""What the program may ask of the port owner, and what is said back, as plain values. Nothing else is reachable."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hardware.devices import NeedsReadying, Traffic, Valved
from hardware.errors import HardwareError
from hardware.rig import LocalRig

DEVICE = frozenset({"identify", "about", "traffic"})
PUMP = DEVICE | {"dispense", "aspirate", "select", "make_ready", "prime", "discard", "filled"}
STAGE = DEVICE | {"home", "move_to", "position_mm", "unlock"}
METER = DEVICE | {"read", "answer", "tare"}
RIG = frozenset({"dose", "set_contents", "loaded", "rearm", "exchange_log"})


def called(rig: LocalRig, on: str, what: str, arguments: list[Any]) -> object:
    """Do it. Raises HardwareError."""
    device: object
    group, _, role = on.partition(".")
    if group == "rig" and what in RIG:
        device = rig
    elif group == "pumps" and role in rig.pumps and what in PUMP:
        device = rig.pumps[role]
    elif group == "stage" and what in STAGE:
        device = rig.stage
    elif group == "meters" and role in rig.meters and what in METER:
        device = rig.meters[role]
    else:
        raise HardwareError(on, f"has no {what!r} for the program to ask")
    asked = getattr(device, what, None)
    if asked is None:
        raise HardwareError(role or on, f"cannot {what.replace('_', ' ')}")
    return _plain(asked(*arguments) if callable(asked) else asked)


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Traffic):
        return [value.at_s, value.direction, value.data.decode("latin-1")]
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def facts(rig: LocalRig) -> dict[str, object]:
    """What does not change while the rig is open."""
    return {
        "ranges": {role: asdict(pump.range) for role, pump in rig.pumps.items()},
        "abilities": {role: asdict(pump.abilities) for role, pump in rig.pumps.items()},
        "stage_range": asdict(rig.stage.range),
    }


def state(rig: LocalRig) -> dict[str, object]:
    """What the program shows without asking."""
    everyone: Mapping[str, object] = {**rig.pumps, "stage": rig.stage, **rig.meters}
    return {
        "left_ul": {role: pump.left_ul for role, pump in rig.pumps.items()},
        "contents_ul": {slot: rig.contents_ul(slot) for slot in rig.spec.rack.slots},
        "homed": rig.stage.homed,
        "stopped": rig.stopped,
        "unready": {n: d.unready for n, d in everyone.items() if isinstance(d, NeedsReadying)},
        "ports": {n: d.port_now for n, d in everyone.items() if isinstance(d, Valved)},
        "waiting": {n: w for n, d in everyone.items() if (w := getattr(d, "waiting", ""))},
    }
