"""What the program may ask of the port owner, and what is said back, as plain values. Nothing else is reachable."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hardware.devices import NeedsReadying, Traffic, Valved
from hardware.errors import HardwareError, OutOfRangeError
from hardware.rig import LocalRig

DEVICE = frozenset({"identify", "about", "traffic"})
PUMP = DEVICE | {"dispense", "aspirate", "select", "make_ready", "prime", "discard", "filled"}
STAGE = DEVICE | {"home", "move_to", "position_mm", "unlock", "make_ready"}
METER = DEVICE | {"read", "answer", "tare"}
RIG = frozenset({"dose", "set_contents", "loaded", "rearm", "exchange_log"})
QUESTIONS = frozenset({"identify", "about", "traffic", "position_mm", "exchange_log"})
"""They change nothing, so that it does no harm to ask twice."""
ACTS = frozenset(
    {"dose", "dispense", "aspirate", "prime", "discard", "make_ready", "select", "home", "move_to", "unlock"}
)
"""They move something: not while everything is stopped."""
_TAKES = {
    "dose": "text text number number", "set_contents": "text number", "loaded": "text number", "select": "text",
    "dispense": "number number", "aspirate": "number number", "prime": "number?", "discard": "number number?",
    "move_to": "number number number?", "answer": "text",
}  # fmt: skip
"""What an act is told; a mark where it may be left out."""


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
    checked = _checked(on, what, arguments)
    return _plain(asked(*checked) if callable(asked) else asked)


def _checked(on: str, what: str, arguments: list[Any]) -> list[str | float | None]:
    """The arguments as the act takes them. Raises OutOfRangeError for all else, what is no finite number too."""
    takes = _TAKES.get(what, "").split()
    least = sum(not kind.endswith("?") for kind in takes)
    if not least <= len(arguments) <= len(takes) or not all(map(_is, takes, arguments)):
        wants = " and ".join(takes) or "nothing"
        raise OutOfRangeError(on, f"{what} takes {wants}, not {str(arguments)[:80]}")
    return [float(value) if isinstance(value, int) else value for value in arguments]


def _is(kind: str, value: object) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if value is None or isinstance(value, bool):
        return value is None and kind.endswith("?")
    return isinstance(value, int | float) and abs(value) <= 1e300


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Traffic):
        return [value.at_s, value.direction, value.data.decode("latin-1")]
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def restore(rig: LocalRig, books: Any) -> None:
    """Books as `state` told them: those of an owner that was lost."""
    for role, volume_ul in books["left_ul"].items():
        pump = rig.spec.pumps[role]
        rig.loaded(role, min(volume_ul, pump.bottle_ul or pump.capacity_ul))
    for role, primed in books["primed"].items():
        if primed:
            rig.limited[role].filled()
    for slot, volume_ul in books["contents_ul"].items():
        rig.set_contents(slot, min(volume_ul, rig.spec.rack.vial.capacity_ul))


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
        "worst_left_ul": rig.worst_left_ul(),
        "primed": {role: pump.primed for role, pump in rig.limited.items()},
        "contents_ul": {slot: rig.contents_ul(slot) for slot in rig.spec.rack.slots},
        "homed": rig.stage.homed,
        "stopped": rig.stopped,
        "unready": {n: d.unready for n, d in everyone.items() if isinstance(d, NeedsReadying)},
        "ports": {n: d.port_now for n, d in everyone.items() if isinstance(d, Valved)},
        "waiting": {n: w for n, d in everyone.items() if (w := getattr(d, "waiting", ""))},
    }
