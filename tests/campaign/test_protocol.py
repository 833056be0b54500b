"""From a point to the steps of one vial."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.protocol import make_protocol
from campaign.rack import clean_left, next_clean
from campaign.recipe import Aliquot, RecipeError, make_recipe
from campaign.spec import ChecksSpec, DosingSpec
from campaign.steps import CheckVial, Dose, Look, Move, Wait
from hardware.spec import RackSpec, VialSpec
from optimiser.space import Categorical, Continuous, Mixture, SearchSpace

RACK = RackSpec(2, 3, 20.0, (10.0, 30.0), VialSpec(8000, 6500, 15, 17, 60))
SPACE = SearchSpace(
    (Continuous("red", 0, 4000, "µL"), Continuous("blue", 0, 4, "mL"), Continuous("water", 0, 4000)),
)


def test_aliquots_are_largest_first_in_microlitres_and_tiny_ones_are_left_out():
    recipe = make_recipe({"red": 3.0, "blue": 1.5, "water": 2500.0}, SPACE, DosingSpec(smallest_ul=5))
    assert recipe.aliquots == (Aliquot("water", 2500.0), Aliquot("blue", 1500.0))
    assert recipe.left_out_ul == {"red": 3.0}
    assert recipe.total_ul == 4000.0


def test_the_steps_of_a_vial():
    recipe = make_recipe({"red": 100.0, "blue": 0.0, "water": 900.0}, SPACE, DosingSpec())
    steps = make_protocol(recipe, "B3", RACK, DosingSpec(rate_ul_s=50, settle_s=2), ChecksSpec())
    assert steps == (
        Move("B3", 50.0, 50.0),
        CheckVial("B3"),
        Dose("B3", "water", 900.0, 50),
        Dose("B3", "red", 100.0, 50),
        Wait(2),
        Look("B3", 1000.0),
    )
    bare = make_protocol(recipe, "A1", RACK, DosingSpec(settle_s=0), ChecksSpec(presence=False))
    assert [s.kind for s in bare] == ["move", "dose", "dose", "look"]
    with pytest.raises(KeyError, match="no slot 'C1'"):
        make_protocol(recipe, "C1", RACK, DosingSpec(), ChecksSpec())


@pytest.mark.parametrize("red", [-1.0, float("nan"), float("inf"), "much"])
def test_what_is_no_volume_is_refused(red: object):
    with pytest.raises(RecipeError, match="red = "):
        make_recipe({"red": red, "blue": 0.0, "water": 0.0}, SPACE, DosingSpec())  # type: ignore[dict-item]


def test_other_kinds_and_units_are_refused():
    with pytest.raises(RecipeError, match="no volume"):
        make_recipe({"s": "a"}, SearchSpace((Categorical("s", ("a", "b")),)), DosingSpec())
    with pytest.raises(RecipeError, match="use µL or mL"):
        make_recipe({"t": 3.0}, SearchSpace((Continuous("t", 0, 5, "°C"),)), DosingSpec())


@given(st.lists(st.floats(0, 4000), min_size=3, max_size=3), st.floats(0, 50))
def test_what_is_dosed_and_left_out_is_what_was_asked(parts: list[float], smallest_ul: float):
    space = SearchSpace(tuple(Continuous(n, 0, 4000) for n in "abc"), Mixture(("a", "b", "c"), 4000))
    recipe = make_recipe(dict(zip("abc", parts, strict=True)), space, DosingSpec(smallest_ul=smallest_ul))
    assert recipe.total_ul + sum(recipe.left_out_ul.values()) == pytest.approx(sum(parts))
    assert all(a.volume_ul >= smallest_ul > 0 or a.volume_ul > 0 for a in recipe.aliquots)
    assert sorted(recipe.aliquots, key=lambda a: -a.volume_ul) == list(recipe.aliquots)


def test_vials_are_taken_in_the_racks_order():
    slots = RACK.slots
    assert next_clean(slots, None) == "A1"
    assert next_clean(slots, {"A1": "done", "A2": "given_up", "A3": "clean"}) == "A3"
    assert next_clean(slots, dict.fromkeys(slots, "done")) is None
    assert clean_left(slots, {"A1": "done"}) == 5
