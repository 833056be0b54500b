"""What a person is told when campaign and bench are not made for each other."""

from dataclasses import replace

import resources
from campaign.config import load_campaign
from campaign.events import PhaseChanged
from campaign.reopen import not_here
from campaign.state import CampaignState
from hardware.rig_file import load_rig
from tests.campaign.paper_bench import PATIENCE_S, PaperBench, begin, journaled


def test_a_campaign_of_another_rig_is_told_by_what_this_one_lacks():
    rig = load_rig(resources.path("rigs/virtual.toml"))
    colour = load_campaign(resources.path("campaigns/colour.toml"))
    vials = dict.fromkeys(rig.rack.slots, "clean")
    state = CampaignState(spec=colour, simulated=rig.simulated, vials=vials)
    assert not_here(state, "home", rig) == ""
    poor = replace(rig, name="poor", pumps={"water": rig.pumps["water"]}, rack=replace(rig.rack, columns=2))
    lacks = "has no pump red, yellow, blue and has other places for vials"
    assert not_here(state, "home", poor) == f"It was begun on the rig home; this one, poor, {lacks}."
    assert "is real" in not_here(replace(state, simulated=True), "home", replace(rig, simulated=False))
    course = load_campaign(resources.path("campaigns/course.toml"))
    assert not_here(CampaignState(spec=course), "none", poor) == ""


def test_what_a_person_should_know_is_told_at_the_start_and_kept(tmp_path, caplog):
    bench = PaperBench()
    bench.warnings = lambda spec: ("the bench has no dye for beetroot",)
    with begin(tmp_path, bench) as campaign:
        campaign.start()
        assert campaign.wait(PATIENCE_S)
    assert "paper: the bench has no dye for beetroot" in caplog.text
    starts = [e.why for e in journaled(tmp_path) if isinstance(e, PhaseChanged) and e.new == "Running"]
    assert starts == ["started; the bench has no dye for beetroot"]
