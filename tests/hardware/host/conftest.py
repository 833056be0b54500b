"""A virtual bench, and rigs on it whose ports live in a process of their own, in folders of the test's own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import resources
from hardware.host.hosted import HostedRig, open_hosted
from hardware.rig_file import load_rig
from hardware.virtual.bench import VirtualBench

SPEED = 20.0
LONG_S = 30.0
"""A lease that no loaded test machine outlasts; tests of the lease itself give a short one."""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stop doors of other tests, and of a person, are elsewhere."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def bench() -> Iterator[VirtualBench]:
    shipped = load_rig(resources.path("rigs/virtual.toml"))
    with VirtualBench(replace(shipped, camera=None, view=None), speed=SPEED, seed=1) as served:
        yield served


@pytest.fixture
def hosted(bench: VirtualBench) -> Iterator[Callable[..., HostedRig]]:
    """`hosted(lease_s=...)` opens the bench's rig."""
    rigs: list[HostedRig] = []

    def opened(**options: object) -> HostedRig:
        rig = open_hosted(bench.rig, speed=SPEED, **{"lease_s": LONG_S, **options})
        rigs.append(rig)
        return rig

    yield opened
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(hosted: Callable[..., HostedRig]) -> HostedRig:
    opened = hosted()
    opened.stage.home()
    opened.stage.move_to(*opened.spec.rack.position_mm("A1"))
    return opened
