"""A stage that lost its steps holds the campaign before it begins a vial."""

from dataclasses import replace

import pytest

from campaign.bench_executor import BenchExecutor
from campaign.choices import RETRY
from campaign.config import load_campaign
from campaign.events import Asked, StepDone, StepFailed
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.steps import Move
from hardware.errors import HardwareError
from hardware.host.hosted import open_hosted
from hardware.latch import moment
from hardware.rig_file import load_rig
from hardware.virtual.bench import VirtualBench
from hardware.virtual.instruments.marlin import Instrument
from resources import path
from tests.campaign.paper_bench import Watch

SPEED = 50.0


@pytest.fixture
def bench():
    spec = load_rig(path("rigs/virtual.toml"))
    with VirtualBench(replace(spec, stage=replace(spec.stage, kind="marlin")), speed=SPEED) as served:
        yield served


@pytest.fixture
def rig(bench):
    with open_hosted(bench.rig, speed=SPEED, lease_s=10.0) as opened:
        yield opened


def slips(bench: VirtualBench, x_mm: float) -> None:
    """The stage is knocked aside."""
    next(part for part in bench._started if isinstance(part, Instrument)).slip((x_mm, 0.0, 0.0))


def test_a_campaign_is_held_with_the_millimetres_and_goes_on_from_the_right_place(tmp_path, bench, rig):
    rig.stage.home()
    rig.stage.move_to(*rig.spec.rack.position_mm("B2"))
    slips(bench, 1.9)
    what = load_campaign(path("campaigns/colour.toml"))
    with Campaign(
        what, BenchExecutor(rig, what, speed=SPEED), Journal.create(tmp_path / "journal.sqlite")
    ) as campaign:
        watch = Watch(campaign)
        campaign.start()
        asked = watch.heard(Asked)
        assert "X by 1.9 mm" in asked.question
        assert "Not done: bring A1 to the station" in asked.question
        assert watch.heard(StepFailed).outcome == "not_done"
        assert watch.until(lambda s: s.phase == "Held").question == asked
        campaign.answer(RETRY)
        done = watch.heard(StepDone)
        assert done.data["x_mm"] == pytest.approx(rig.spec.rack.position_mm("A1")[0])
        assert bench.truth.stage_mm()[:2] == pytest.approx(rig.spec.rack.position_mm("A1"), abs=0.05)
        campaign.stop_all()


def test_whoever_puts_in_a_fresh_rack_may_have_knocked_it(bench, rig):
    what = load_campaign(path("campaigns/colour.toml"))
    executor = BenchExecutor(rig, what, speed=SPEED)
    move = Move("A1", *rig.spec.rack.position_mm("A1"))
    executor.perform(move)
    slips(bench, -1.2)
    executor.perform(move)  # between vials of one rack nobody looks
    executor.fresh_rack()
    with pytest.raises(HardwareError, match=r"X by 1\.2 mm"):
        executor.perform(move)
    executor.perform(move)
    assert bench.truth.stage_mm()[:2] == pytest.approx(rig.spec.rack.position_mm("A1"), abs=0.05)


def test_a_look_that_was_refused_is_made_once_it_can_be(bench, rig):
    rig.stage.home()
    what = load_campaign(path("campaigns/colour.toml"))
    executor = BenchExecutor(rig, what, speed=SPEED)
    move = Move("A1", *rig.spec.rack.position_mm("A1"))
    slips(bench, 1.9)
    executor.stop()
    with pytest.raises(HardwareError, match="stopped"):
        executor.perform(move)
    executor.rearm(moment())
    assert rig.stage.homed
    with pytest.raises(HardwareError, match=r"X by 1\.9 mm"):
        executor.perform(move)
    executor.perform(move)
    assert bench.truth.stage_mm()[:2] == pytest.approx(rig.spec.rack.position_mm("A1"), abs=0.05)
