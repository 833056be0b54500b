"""A meter, a person or a function measures what the rig has mixed: instruments that speak their real bytes."""

from dataclasses import replace

import pytest

from campaign.bench_executor import BenchExecutor
from campaign.config import CampaignFileError, campaign_to_toml, load_campaign, parse_campaign
from campaign.guard import campaign_mistakes
from campaign.opening import RefusedError
from campaign.spec import ChecksSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.steps import Look, Measure
from campaign.suitable import executor_for
from hardware.errors import HardwareError
from hardware.rig import open_rig
from hardware.rig_file import load_rig, parse_rig
from hardware.spec import MeterSpec
from hardware.virtual.bench import VirtualBench
from hardware.virtual.instruments.scpi import Instrument, conductivity_ms_cm
from resources import path
from tests.campaign.paper_bench import Watch, begin

CONDUCTIVITY = load_campaign(path("campaigns/conductivity.toml"))
POINT = {"acid": 1000.0, "salt": 1500.0, "water": 1500.0}
TRUE = conductivity_ms_cm({"acetic acid": 1000, "potassium chloride": 1500, "water": 1500})
SPEED = 100.0


def on_bench(spec=CONDUCTIVITY, meters=None, function=None):
    rig_spec = load_rig(path("rigs/probe.toml"))
    bench = VirtualBench(rig_spec if meters is None else replace(rig_spec, meters=meters), speed=SPEED)
    return bench, lambda served: BenchExecutor(
        open_rig(served.rig, speed=SPEED), spec, speed=SPEED, attendant=served.truth, function=function
    )


def made(executor, point=POINT):
    return [executor.perform(step) for step in executor.plan(point, "A1")]


def test_what_the_probe_reads_in_the_vial_is_the_value():
    bench, opened = on_bench()
    with bench as served:
        executor = opened(served)
        assert executor.check(CONDUCTIVITY) == ()
        outcomes = made(executor)
        assert outcomes[-1].data["meter"] == "probe"
        assert executor.value(POINT, outcomes)[0] == pytest.approx(TRUE, rel=0.03)
        executor._rig.close()


def test_nothing_is_photographed_where_the_level_is_not_checked():
    spec = replace(CONDUCTIVITY, checks=ChecksSpec(presence=False, level=False))
    rig = replace(load_rig(path("rigs/probe.toml")), camera=None, view=None)
    assert campaign_mistakes(spec, rig, {}) == ()
    bench, opened = on_bench(spec)
    with bench as served:
        executor = opened(served)
        steps = executor.plan(POINT, "A1")
        assert not any(isinstance(step, Look) for step in steps)
        assert steps[-1] == Measure(POINT, "A1", "probe")
        executor._rig.close()


@pytest.mark.parametrize(
    ("unit", "fault", "said"), [("S/m", "", "reads in mS/cm, and the campaign's conductivity is in S/m"),
                                ("mS/cm", "overload", "overloaded")],
)  # fmt: skip
def test_a_reading_that_is_no_value_may_be_repeated(unit, fault, said):
    spec = replace(CONDUCTIVITY, objective=replace(CONDUCTIVITY.objective, unit=unit))
    bench, opened = on_bench(spec)
    with bench as served:
        executor = opened(served)
        made_steps = executor.plan(POINT, "A1")
        for step in made_steps[:-1]:
            executor.perform(step)
        (probe,) = (part for part in served._started if isinstance(part, Instrument))
        probe.fault = fault
        with pytest.raises(HardwareError, match=said) as caught:
            executor.perform(made_steps[-1])
        assert caught.value.outcome == "not_done"
        executor._rig.close()


def test_a_person_at_the_bench_is_asked_for_each_vial(tmp_path):
    asks = MeterSpec(
        "by_person", "person", {"question": "Dip the probe in", "unit": "mS/cm", "lowest": 0.0, "highest": 200.0}
    )
    spec = replace(CONDUCTIVITY, stop=StopSpec(budget=2), strategy=StrategySpec("random", initial=1))
    bench, opened = on_bench(spec, {"probe": asks})
    with bench as served:
        executor = opened(served)
        with begin(tmp_path, executor, spec) as campaign:
            watch = Watch(campaign)
            campaign.start()
            for slot, value in (("A1", "31"), ("A2", "42.5")):
                state = watch.until(lambda s, slot=slot: s.question is not None and slot in s.question.question)
                assert state.question.question == f"{slot}: Dip the probe in"
                assert (state.question.number_unit, state.question.highest) == ("mS/cm", 200.0)
                watch.until(lambda s: s.phase == "Held")
                campaign.answer(value)
            state = watch.until(lambda s: s.phase == "Complete")
        assert [e.value for e in state.experiments] == [31.0, 42.5]
        executor._rig.close()


def test_a_function_measures_what_the_rig_has_mixed():
    spec = replace(CONDUCTIVITY, objective=ObjectiveSpec("function", "absorbance", "maximise"))
    seen = []

    def spectrometer(acid, salt, water):
        seen.append((acid, salt, water))
        return (0.25, 0.01)

    bench, opened = on_bench(spec, function=spectrometer)
    with bench as served:
        executor = opened(served)
        assert executor.check(spec) == ()
        assert executor.value(POINT, made(executor)) == (0.25, 0.01)
        assert seen == [tuple(POINT.values())]
        executor._rig.close()


def test_a_function_that_does_not_fit_is_told_before_anything_moves():
    spec = replace(CONDUCTIVITY, objective=ObjectiveSpec("function", "absorbance", "maximise"))
    for function, said in (
        (None, "start the campaign from Python"),
        (lambda acid: 1.0, "does not take the parameters"),
    ):
        bench, opened = on_bench(spec, function=function)
        with bench as served:
            executor = opened(served)
            assert said in executor.check(spec)[0]
            executor._rig.close()


def test_a_function_that_fails_lets_the_vial_be_measured_again():
    spec = replace(CONDUCTIVITY, objective=ObjectiveSpec("function", "absorbance", "maximise"))

    def broken(**point):
        raise OSError("the spectrometer is off")

    bench, opened = on_bench(spec, function=broken)
    with bench as served:
        executor = opened(served)
        with pytest.raises(HardwareError, match="the spectrometer is off") as caught:
            executor.perform(Measure(POINT, "A1"))
        assert caught.value.outcome == "not_done"
        executor._rig.close()


def test_a_meter_in_another_unit_is_told_before_anything_is_dosed():
    spec = replace(CONDUCTIVITY, objective=replace(CONDUCTIVITY.objective, unit="S/m"))
    (mistake,) = campaign_mistakes(spec, load_rig(path("rigs/probe.toml")), {})
    assert "is S/m, but the rig's probe reads in mS/cm" in mistake


def test_a_meter_that_the_rig_lacks_is_told_with_the_nearest_name():
    spec = replace(CONDUCTIVITY, objective=replace(CONDUCTIVITY.objective, meter="prob"))
    (mistake,) = campaign_mistakes(spec, load_rig(path("rigs/probe.toml")), {})
    assert "no meter prob" in mistake
    assert "probe" in mistake
    (mistake,) = campaign_mistakes(spec, replace(load_rig(path("rigs/probe.toml")), meters={}), {})
    assert "by_person" in mistake


def test_the_campaign_file_says_which_meter():
    text = campaign_to_toml(CONDUCTIVITY)
    assert parse_campaign(text, "here") == CONDUCTIVITY
    with pytest.raises(CampaignFileError, match=r"objective\.meter: is missing"):
        parse_campaign(text.replace('meter = "probe"\n', ""), "here")
    with pytest.raises(CampaignFileError, match="does not belong to an objective of kind typed"):
        parse_campaign(text.replace('kind = "meter"', 'kind = "typed"'), "here")


def test_a_campaign_runs_on_the_rig_that_it_names(tmp_path):
    spec = replace(CONDUCTIVITY, stop=StopSpec(budget=2), strategy=StrategySpec("random", initial=1))

    def make_bench(rig, speed, seed):
        return VirtualBench(load_rig(rig), speed=speed, seed=seed)

    opened = executor_for(spec, None, None, None, SPEED, 0, make_bench, lambda role, why: True, fresh=False)
    with opened as (executor, toml, _):
        assert "[meters.probe]" in toml
        with begin(tmp_path, executor, spec) as campaign:
            watch = Watch(campaign)
            campaign.start()
            state = watch.until(lambda s: s.phase == "Complete")
    assert all(0 < e.value < 200 for e in state.experiments)


@pytest.mark.parametrize(
    ("kind", "rig", "measure", "said"),
    [("typed", "rig.toml", None, "meter of kind by_person"), ("formula", "rig.toml", None, "leave the rig out"),
     ("meter", None, lambda **_: 1.0, "leave measure out"), ("function", None, None, "start it from Python")],
)  # fmt: skip
def test_what_does_not_go_together_is_said(kind, rig, measure, said):
    spec = replace(CONDUCTIVITY, objective=replace(CONDUCTIVITY.objective, kind=kind))
    with (
        pytest.raises(ValueError, match=said),
        executor_for(spec, rig, None, measure, 1.0, 0, None, lambda role, why: True, fresh=False),
    ):
        pass


def test_a_rig_without_the_meter_is_refused_before_it_is_opened():
    spec = replace(CONDUCTIVITY, rig="virtual.toml")

    def make_bench(rig, speed, seed):
        return VirtualBench(load_rig(rig), speed=speed, seed=seed)

    with (
        pytest.raises(RefusedError, match="no meter probe"),
        executor_for(spec, None, None, None, SPEED, 0, make_bench, lambda role, why: True, fresh=False),
    ):
        pass


def test_a_rig_that_does_not_come_with_aliquot_is_named_on_the_command_line():
    with (
        pytest.raises(FileNotFoundError, match=r"ships no rigs/mine\.toml.*--rig"),
        executor_for(
            replace(CONDUCTIVITY, rig="mine.toml"),
            None,
            None,
            None,
            1.0,
            0,
            None,
            lambda role, why: True,
            fresh=False,
        ),
    ):
        pass


def test_a_meter_that_a_person_reads_needs_no_port():
    text = path("rigs/probe.toml").read_text(encoding="utf-8")
    text = (
        text[: text.rindex("[meters.probe]")]
        + """[meters.probe]
kind = "by_person"
settings = { question = "Dip the probe in and read it", unit = "mS/cm", lowest = 0.0, highest = 200.0 }
"""
    )
    assert parse_rig(text).meters["probe"].port == "person"
