"""A rig of other makers' instruments, from its file to a colour campaign, on its virtual twin."""

from dataclasses import replace

import pytest

import aliquot
import resources
from campaign.choices import MAKE_READY
from hardware.errors import StoppedError
from hardware.host.hosted import open_hosted
from hardware.readying import ready_all, unready
from hardware.rig_file import load_rig, rig_to_toml
from hardware.virtual.bench import VirtualBench

SPEED = 40.0


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with VirtualBench(load_rig(resources.path("rigs/mixed.toml")), speed=SPEED, seed=2) as served:
        yield served


@pytest.fixture
def rig(bench):
    with open_hosted(bench.rig, speed=SPEED, lease_s=10.0) as opened:
        yield opened


def test_nothing_is_expelled_before_a_person_has_agreed(bench, rig):
    assert set(unready(rig)) == {"blue"}
    assert "pushes what is in the syringe" in unready(rig)["blue"]
    asked = []
    assert set(ready_all(rig, lambda role, why: bool(asked.append((role, why))))) == {"blue"}
    assert [role for role, _ in asked] == ["blue"]
    assert bench.truth.spilled_ul() == {}
    assert ready_all(rig, lambda role, why: True) == {}
    assert all(sum(bench.truth.contents_ul(slot).values()) == 0 for slot in rig.spec.rack.slots)


def test_every_kind_of_pump_doses_what_it_says_and_stops(bench, rig):
    ready_all(rig, lambda role, why: True)
    rig.stage.move_to(*rig.spec.rack.position_mm("B2"))
    for role, volume_ul in {"red": 300.0, "yellow": 200.0, "blue": 3000.0, "water": 400.0}.items():
        rate_ul_s = min(200.0, rig.pumps[role].range.max_rate_ul_s)
        assert rig.dose("B2", role, volume_ul, rate_ul_s) == pytest.approx(volume_ul, rel=0.01)
        stock = rig.spec.pumps[role].stock
        assert bench.truth.contents_ul("B2")[stock] == pytest.approx(volume_ul, rel=0.04)
    assert rig.contents_ul("B2") == pytest.approx(3900.0, rel=0.01)
    assert rig.stop_all() == ()
    with pytest.raises(StoppedError):
        rig.dose("B2", "red", 100.0, 50.0)
    rig.rearm()
    assert rig.dose("B2", "red", 100.0, 50.0) == pytest.approx(100.0, rel=0.01)
    value, unit = rig.meters["balance"].read()
    assert (value, unit) == (pytest.approx(4.0, rel=0.05), "g")


def test_a_colour_campaign_runs_on_it(bench, tmp_path):
    file = tmp_path / "twin.toml"
    file.write_text(rig_to_toml(replace(bench.rig, lease_s=10.0)), encoding="utf-8")
    asked = []

    def person(question):
        asked.append(question.question)
        return MAKE_READY if MAKE_READY in question.choices else None

    result = aliquot.run("colour", rig=file, speed=SPEED, budget=2, out=tmp_path / "out", person=person, seed=1)
    assert len(result.experiments) == 2
    assert all(experiment.value is not None for experiment in result.experiments)
    assert [question.split(" is not ready")[0] for question in asked] == ["blue"]
