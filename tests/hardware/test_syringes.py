"""Syringes by name, as people write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.syringes import SYRINGES, UnknownSyringeError, find, nearest


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("BD plastic 60 mL", "BD plastic 60 mL"),
        ("b-d 60cc plastic", "BD plastic 60 mL"),
        ("Becton Dickinson Plastipak 10 ml", "BD plastic 10 mL"),
        ("Hamilton 1000 series 2.5ml", "Hamilton Gastight 1000 2.5 mL"),
        ("hamilton gastight 1700 50 ul", "Hamilton Gastight 1700 50 µL"),
        ("Air-Tite 10ml", "HSW Norm-Ject 10 mL"),
        ("Norm-Ject 1,0 mL", "HSW Norm-Ject 1 mL"),
        ("Tecan Cavro XLP 500 μL", "Tecan XLP 500 µL"),
        ("BD plastic syringe 10 mL", "BD plastic 10 mL"),
        ("SGE 0.25 ml", "SGE 250 µL"),
    ],
)
def test_a_syringe_is_found_however_it_is_written(written, meant):
    assert find(written).name == meant


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("BD plastik 60 mL", "BD plastic 60 mL"),
        ("Terumo 2 mL", "Terumo 3 mL"),
        ("BD plastic 50 mL", "BD plastic 60 mL"),
        ("BD 10ml", r"mean BD plastic 10 mL\?"),
        ("Becton Dickinson 10 mL syringe", r"mean BD plastic 10 mL\?"),
        ("BD Luer-Lok 5 mL", r"mean BD plastic 5 mL\?"),
        ("Hamilton 2.5 mL", r"mean Hamilton Gastight 1000 2.5 mL\?"),
    ],
)
def test_an_unknown_one_is_told_the_nearest(written, near):
    with pytest.raises(UnknownSyringeError, match=near):
        find(written)


@pytest.mark.parametrize("syringe", SYRINGES, ids=lambda s: s.name)
def test_every_syringe_is_found_by_its_own_name_and_can_be_true(syringe):
    assert find(syringe.name) is syringe
    stroke_mm = syringe.capacity_ul / (math.pi / 4 * syringe.diameter_mm**2)
    assert 35 < stroke_mm < 145, "a slip of the pen in the table"
    assert syringe.source


def test_names_are_unique():
    assert len({s.name for s in SYRINGES}) == len(SYRINGES)


@given(st.text(max_size=300))
def test_any_text_is_a_syringe_or_is_refused(text):
    try:
        assert find(text) in SYRINGES
    except UnknownSyringeError:
        assert len(nearest(text)) <= 3
