"""The rig of a window: a stop that comes before it is open."""

from pathlib import Path

import pytest

from campaign.config import load_campaign
from gui.lab import Lab
from hardware.errors import StoppedError
from hardware.latch import moment
from hardware.virtual.bench import VirtualBench
from resources import path


def test_a_stop_while_the_rig_is_being_opened_is_in_force_when_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    lab = Lab(lambda spec: VirtualBench(spec, speed=50.0), None, 50.0, 0)
    try:
        assert lab.stop_all() == (), "nothing is open yet"
        lab.open(load_campaign(path("campaigns/colour.toml")))
        rig = lab.rig
        assert rig is not None
        assert rig.stopped
        with pytest.raises(StoppedError):
            rig.stage.home()
        lab.rearm(moment())
        assert not rig.stopped
        rig.stage.home()
    finally:
        lab.close()
