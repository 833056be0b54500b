"""The guard: nothing starts that cannot be made, and what is seen must be what was dosed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.config import load_campaign
from campaign.guard import (
    campaign_mistakes,
    level_question,
    most_ul,
    recipe_mistakes,
    syringe_question,
    vial_question,
)
from campaign.recipe import Aliquot, Recipe, make_recipe
from campaign.spec import ChecksSpec, DosingSpec
from hardware.devices import PumpRange
from hardware.rig_file import load_rig
from optimiser.space import Categorical, Continuous, Mixture, SearchSpace
from resources import path
from vision.reading import Doubt, VialReading

RIG = load_rig(path("rigs/virtual.toml"))
COLOUR = load_campaign(path("campaigns/colour.toml"))
RANGES = {role: PumpRange(60_000.0, 1.0, 0.01, 470.0) for role in RIG.pumps}
READING = VialReading(
    (0, 0, 1, 1), "liquid", True, 1, 1, 22.6, 0.1, 4000.0, 20.0, (), (50, 0, 0), 1.0, Doubt.NONE, 0.9
)


def test_the_shipped_campaign_fits_the_shipped_rig():
    assert campaign_mistakes(COLOUR, RIG, RANGES) == ()


def test_everything_that_does_not_fit_is_said_at_once():
    space = SearchSpace(
        (
            Continuous("rad", 0, 10, "µL"),
            Continuous("yellow", -5, 10, "µL"),
            Continuous("blue", 0, 100, "mL"),
            Categorical("water", ("much", "little")),
            Continuous("red", 0, 5, "°C"),
        )
    )
    rig = replace(RIG, camera=None, stage=replace(RIG.stage, travel_mm=(100.0, 105.0, 20.0)))
    spec = replace(COLOUR, space=space, dosing=DosingSpec(rate_ul_s=1000, smallest_ul=0.5))
    found = "\n".join(campaign_mistakes(spec, rig, RANGES))
    for expected in (
        'parameter rad: the rig has no pump of this role (did you mean "red"?); it has red, yellow, blue, water',
        "parameter yellow: -5 is below zero",
        "parameter blue: up to 100000 µL in one vial, and its syringe holds 60000 µL",
        "parameter water: has choices",
        "parameter red: the unit '°C' is no volume",
        "a vial gets up to 100020 µL, above the rig's fill limit of 6500 µL",
        "dosing.rate_ul_s: 1000 is faster than pump yellow can, 470",
        "dosing.smallest_ul: 0.5 is less than pump blue can make, 1",
        "the stage cannot reach A5, A6, B5, B6, C5, C6 and more",
        "the rig has no camera, which objective.kind colour and checks.presence and checks.level need",
    ):
        assert expected in found


def test_a_rig_does_not_measure_columns():
    spec = replace(COLOUR, objective=replace(COLOUR.objective, kind="column", column="y", target_lab=None))
    assert any("not measured on a bench" in m for m in campaign_mistakes(spec, RIG, RANGES))


def test_mixtures_count_once():
    parts = tuple(Continuous(n, 0, 4000, "µL") for n in ("red", "blue"))
    assert most_ul(SearchSpace((*parts, Continuous("water", 0, 500)), Mixture(("red", "blue"), 4000))) == 4500
    assert most_ul(SearchSpace(parts)) == 8000


@given(st.lists(st.floats(0, 10_000), min_size=4, max_size=4))
def test_no_recipe_above_the_fill_limit_passes(volumes: list[float]):
    recipe = Recipe(tuple(Aliquot(r, v) for r, v in zip(RIG.pumps, volumes, strict=True)), {})
    refused = recipe_mistakes(recipe, RIG, RANGES)
    assert bool(refused) == (sum(volumes) > RIG.rack.vial.fill_limit_ul + 1e-6)


def test_a_campaign_that_passes_has_no_recipe_that_does_not():
    import numpy as np

    for point in COLOUR.space.sample(200, np.random.default_rng(0)):
        assert recipe_mistakes(make_recipe(point, COLOUR.space, COLOUR.dosing), RIG, RANGES) == ()


def test_recipes_of_unknown_stocks_or_too_much_of_one_are_refused():
    small = {**RANGES, "red": PumpRange(100.0, 1.0, 0.01, 470.0)}
    found = recipe_mistakes(Recipe((Aliquot("red", 500.0), Aliquot("blu", 5.0)), {}), RIG, small)
    assert found == ("500 µL of red is more than its syringe holds", 'no pump for blu (did you mean "blue"?)')


def test_syringes_must_last_for_the_next_vial():
    assert syringe_question({"red": 100.0}, {"red": 100.0}) is None
    assert syringe_question({"red": 100.0, "blue": 1.0}, {"red": 60.0, "blue": 5.0}) == (
        "Refill: red has 60 µL and the next vial needs 100 µL."
    )


def test_before_dosing_a_vial_must_stand_there_and_be_empty():
    assert vial_question("A1", replace(READING, state="empty", volume_ul=0.0)) is None
    some = replace(READING, state="empty", volume_ul=0.0, doubt=Doubt.AMBIGUOUS)
    assert "cannot tell" in (vial_question("A1", some) or ""), "only some of the frames saw an empty vial"
    assert vial_question("A1", replace(READING, present=False)) == "No vial stands in A1."
    assert "blurred" in (vial_question("A1", replace(READING, present=None, doubt=Doubt.BLUR)) or "")
    assert "4000 µL" in (vial_question("A1", READING) or "")
    unsure = replace(READING, state="unknown", volume_ul=None, doubt=Doubt.AMBIGUOUS)
    assert "two explanations" in (vial_question("A1", unsure) or "")


@pytest.mark.parametrize(
    ("seen_ul", "asks"), [(4000, False), (3751, False), (3749, True), (4251, True), (None, True)]
)
def test_after_dosing_the_level_must_agree(seen_ul: float | None, asks: bool):
    question = level_question("A1", replace(READING, volume_ul=seen_ul), 4000.0, ChecksSpec(level_tolerance_ul=250))
    assert (question is not None) == asks
    off = level_question("A1", replace(READING, volume_ul=seen_ul), 4000.0, ChecksSpec(level=False))
    assert off is None


def test_a_vial_that_is_gone_is_asked_about_even_without_the_level_check():
    gone = replace(READING, present=False)
    assert "No vial is seen" in (level_question("A1", gone, 4000.0, ChecksSpec(level=False)) or "")
