"""A stage controller with Grbl 1.1h, byte for byte; see `hardware.virtual.grbl_controller`.

As the bench makes it: built with HOMING_FORCE_SET_ORIGIN and homing towards zero on every axis, so that machine
positions are 0 to the travel. Tests make others: a Grbl as it is built (`forces_origin=False`: machine positions
from minus the travel to 0), a grblHAL, one that opening the port does not reset. A stage whose rig file has
it homed by hand has no switches, and stands at its zero corner as if a person had put it there.
"""

from collections.abc import Mapping

from hardware.spec import StageSpec
from hardware.virtual.grbl_controller import Firmware
from hardware.virtual.grbl_lines import Lines
from hardware.virtual.grbl_mechanics import StageMechanics
from hardware.virtual.grbl_settings import Settings
from hardware.virtual.world import World


class Instrument(Lines):
    """The controller behind one port; the mechanics are the world's."""

    def __init__(
        self, world: World, parts: Mapping[str, StageSpec], *, host: str = "127.0.0.1", port: int = 0,
        firmware: Firmware = "grbl", forces_origin: bool = True, resets_on_open: bool = True,
        values: Mapping[int, float] | None = None,
    ) -> None:  # fmt: skip
        settings = Settings(world.spec.stage.travel_mm, forces_origin=forces_origin)
        told, ways = next(iter(parts.values())).settings, (1.0, 1.0, 1.0)
        if told.get("homing") == "by_hand":
            values = {20: 0, 21: 0, 22: 0} | dict(values or {})
            x, y, z = (1.0 if way == "+" else -1.0 for way in str(told.get("directions", "+++")))
            ways = (x, y, z)
            world.start_stage((0.0, 0.0, 0.0), 1e6, 1e9)
        for number, value in (values or {}).items():
            settings.set(number, value)
        super().__init__(
            world, StageMechanics(world, ways), settings, next(iter(parts)), host, port,
            firmware=firmware, resets_on_open=resets_on_open,
        )  # fmt: skip
