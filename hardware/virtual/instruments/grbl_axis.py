"""A Grbl 1.1h board whose axes drive the plungers of syringe pumps; see `hardware.virtual.grbl_controller`.

Three axes, or as many as the rig file's letters need (then it is a grblHAL). Homing is on when a pump has a switch;
a plunger is homed by pressing it against the end of its barrel, without a pull-off.
"""

import math
from collections.abc import Mapping

from hardware.spec import PumpSpec
from hardware.virtual.grbl_controller import LETTERS
from hardware.virtual.grbl_lines import Lines
from hardware.virtual.grbl_mechanics import Plunger, PlungerMechanics
from hardware.virtual.grbl_settings import Settings
from hardware.virtual.world import World

TRAVEL_MM = 120.0
FASTEST_MM_MIN = 600.0
STEPS_MM = 800.0


class Instrument(Lines):
    """The board behind one port, and the pumps that share it."""

    def __init__(
        self, world: World, parts: Mapping[str, PumpSpec], *, host: str = "127.0.0.1", port: int = 0,
        resets_on_open: bool = True,
    ) -> None:  # fmt: skip
        plungers = {LETTERS.index(str(p.settings.get("address", "X"))): (role, p) for role, p in parts.items()}
        axes = max(3, *(axis + 1 for axis in plungers))
        settings = Settings((TRAVEL_MM,) * axes)
        for axis in range(axes):
            settings.set(100 + axis, STEPS_MM)
            settings.set(110 + axis, FASTEST_MM_MIN)
        switched = any(p.settings.get("switch", "none") != "none" for p in parts.values())
        for number, value in (
            (20, 0),
            (21, 0),
            (22, switched),
            (23, _low_ends(plungers)),
            (24, 60),
            (25, 300),
            (27, 0),
        ):
            settings.set(number, value)
        mechanics = PlungerMechanics(world, axes, {axis: _plunger(role, p) for axis, (role, p) in plungers.items()})
        super().__init__(
            world, mechanics, settings, f"pumps {', '.join(parts)}", host, port,
            firmware="grbl" if axes == 3 else "grblHAL", resets_on_open=resets_on_open,
        )  # fmt: skip


def _plunger(role: str, part: PumpSpec) -> Plunger:
    mm_per_ul = float(part.settings.get("mm_per_ul", 0.0))
    ul_per_mm = 1 / mm_per_ul if mm_per_ul else math.pi / 4 * part.diameter_mm**2
    return Plunger(role, ul_per_mm, 1.0 if part.settings.get("infuses", "+") == "+" else -1.0)


def _low_ends(plungers: Mapping[int, tuple[str, PumpSpec]]) -> int:
    """Homing goes to the end at which each pump has its switch."""
    mask = 0
    for axis, (_, part) in plungers.items():
        pushes_up, at_empty = part.settings.get("infuses", "+") == "+", part.settings.get("switch") == "empty"
        mask |= (pushes_up != at_empty) << axis
    return mask
