"""Making devices ready that must first make a movement of their own: only on the word of a person who read why."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress

from hardware.devices import NeedsReadying, Pump, Rig, Stage
from hardware.errors import OutOfRangeError

MOST_STEPS = 3
"""The pump itself, then its tubing."""


def unready(rig: Rig) -> Mapping[str, str]:
    """By role, why a device is not ready, and what making it ready will do."""
    devices: Mapping[str, Pump | Stage] = {"stage": rig.stage, **rig.pumps}
    told = {role: device.unready for role, device in devices.items() if isinstance(device, NeedsReadying)}
    return {role: why for role, why in told.items() if why}


def make_ready(rig: Rig, role: str, slot: str | None = None) -> None:
    """One step. What is measured goes into the vial in `slot` (the first one), the rest beside the rack.

    Raises HardwareError.
    """
    device: Pump | Stage = rig.stage if role == "stage" else rig.pumps[role]
    if not isinstance(device, NeedsReadying) or not device.unready:
        return
    if role == "stage":
        device.make_ready()
        return
    rack, stage = rig.spec.rack, rig.stage
    if stage.homed:
        stage.move_to(*rack.position_mm(slot or rack.slots[0]))
    try:
        device.make_ready()
    except OutOfRangeError:  # what it pushes out is not measured, and may go into no vial
        x_mm, y_mm, _ = stage.travel_mm
        corners = [(x, y) for x in (0.0, x_mm) for y in (0.0, y_mm)]
        stage.move_to(*max(corners, key=lambda at: math.dist(at, rack.position_mm(rack.nearest(*at)))))
        device.make_ready()


def all_fresh(rig: Rig) -> None:
    """A person says that every vial is clean and every syringe and bottle full."""
    for slot in rig.spec.rack.slots:
        rig.set_contents(slot, 0.0)
    all_full(rig)


def all_full(rig: Rig) -> None:
    """A person says that every syringe and bottle is full."""
    for role, pump in rig.pumps.items():
        with suppress(OutOfRangeError):  # a plunger that tells where it stands knows better
            rig.loaded(role, pump.range.capacity_ul)


def ready_all(rig: Rig, agreed: Callable[[str, str], bool]) -> Mapping[str, str]:
    """Make ready what is not, if `agreed(role, why)`; returns what is still not ready. Raises HardwareError."""
    for role in unready(rig):
        for _ in range(MOST_STEPS):
            why = unready(rig).get(role, "")
            if not why or not agreed(role, why):
                break
            if role != "stage" and not rig.stage.homed:
                rig.stage.home()
            make_ready(rig, role)
    return unready(rig)
