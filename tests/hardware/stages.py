"""A rig whose stage is of a kind, for tests of stages on the virtual bench."""

from hardware.spec import RackSpec, RigSpec, StageSpec, VialSpec

TRAVEL_MM = (150.0, 105.0, 20.0)


def a_bench(kind: str) -> RigSpec:
    rack = RackSpec(4, 6, 24.0, (15.0, 15.0), VialSpec(8000.0, 6500.0, 15.0, 17.0, 60.0, 1.0))
    return RigSpec(name="bench", pumps={}, stage=StageSpec(kind, "", TRAVEL_MM, {}), rack=rack)
