"""Descriptors of choices: pasted with all mistakes told, encoded instead of one-hot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimiser.descriptors import paste
from optimiser.parameters import Descriptors
from optimiser.space import Categorical, Continuous, KeepOut, SearchSpace, SpaceError

CHOICES = ("water", "DMF", "toluene")
TEXT = "solvent,logP,dipole,phase\nDMF,-1.0,3.8,1\nwater,-1.4,1.85,1\ntoluene,2.7,0.4,1\nhexane,3.9,0.1,1\n"


def test_pasted_columns_follow_the_choices_and_constant_ones_are_left_out_with_a_note() -> None:
    pasted = paste(TEXT, CHOICES)
    assert pasted.descriptors == Descriptors(("logP", "dipole"), ((-1.4, 1.85), (-1.0, 3.8), (2.7, 0.4)))
    assert pasted.notes == (
        "line 5, hexane, is no choice and is left out",
        "phase is the same for every choice and is left out",
    )


def test_a_spreadsheet_pastes_tabs_and_decimal_commas() -> None:
    text = "\ufeffs\tlogP\nwater\t-1,4\nDMF\t-1,0\ntoluene\t2,7\n"
    assert paste(text, CHOICES).descriptors.rows == ((-1.4,), (-1.0,), (2.7,))


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpaceError) as told:
        paste("s,logP,logP,\nwater,much,1,2\nwater,1,1,1\nDMF,1\n", CHOICES)
    for part in (
        "column 4 has no name",
        "column logP is there twice",
        "line 2: logP is much",
        "line 3: water is there twice",
        "line 4: 2 cells; give 4",
        "no line for toluene",
    ):
        assert part in str(told.value)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "no rows"),
        ("s,a", "no rows"),
        ("s\nwater\nDMF\ntoluene", "no descriptor"),
        ("s,a\nwater,nan\nDMF,inf\ntoluene,", "a is nan.*a is inf.*a is empty"),
        ("s,a\nwater,1\nDMF,1\ntoluene,1", "add one that tells them apart"),
    ],
)
def test_a_table_that_tells_nothing_is_refused(text: str, advice: str) -> None:
    with pytest.raises(SpaceError, match=advice):
        paste(text, CHOICES)


@pytest.mark.parametrize(
    ("names", "rows", "advice"),
    [
        (("a",), ((1.0,), (2.0,)), "2 rows of descriptors for 3 choices"),
        (("a",), ((1.0,), (2.0,), (float("nan"),)), "toluene: a is nan"),
        (("a",), ((1.0,), (2.0,), (1.0,)), "water and toluene have the same descriptors"),
        (("a", "b"), ((1.0, 1.0), (2.0, 1.0), (3.0, 1.0)), "descriptor b is 1 for every choice"),
        (("a", "a"), ((1.0, 1.0), (2.0, 3.0), (3.0, 1.0)), "descriptor a is there twice"),
        (("a",), ((1.0,), (2.0, 5.0), (3.0,)), "DMF has 2 descriptors; give 1"),
        ((), ((), (), ()), "no columns"),
    ],
)
def test_descriptors_that_cannot_be_used_are_refused(
    names: tuple[str, ...], rows: tuple[tuple[float, ...], ...], advice: str
) -> None:
    with pytest.raises(SpaceError, match=advice):
        Categorical("solvent", CHOICES, "", Descriptors(names, rows))


def described() -> SearchSpace:
    solvent = Categorical("solvent", CHOICES, "", paste(TEXT, CHOICES).descriptors)
    return SearchSpace((Continuous("T", 0, 100), solvent))


def test_the_encoding_is_the_descriptors_from_0_to_1() -> None:
    space = described()
    assert space.columns == ("T", "solvent:logP", "solvent:dipole")
    assert space.encode([{"T": 50, "solvent": "DMF"}])[0] == pytest.approx([0.5, 0.4 / 4.1, 1.0])
    assert space.decode(np.array([[0.5, 0.9, 0.1]]))[0]["solvent"] == "toluene"
    assert space.repair(np.array([[2.0, 0.9, 0.1]]))[0] == pytest.approx([1.0, 1.0, 0.0])


def test_a_keep_out_region_is_left_for_the_likest_choice() -> None:
    space = described()
    limited = SearchSpace(space.parameters, keep_out=(KeepOut({"solvent": ("water",)}),))
    assert limited.snap({"T": 50.0, "solvent": "water"}) == {"T": 50.0, "solvent": "DMF"}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=6, unique=True), st.integers(0, 2**32 - 1))
def test_any_descriptors_encode_into_the_unit_box_and_back(values: list[float], seed: int) -> None:
    choices = tuple("abcdef"[: len(values)])
    table = Descriptors(("x", "number"), tuple((v, float(i)) for i, v in enumerate(values)))
    space = SearchSpace((Categorical("s", choices, "", table),))
    points = space.sample(20, np.random.default_rng(seed))
    X = space.encode(points)
    assert ((X >= 0) & (X <= 1)).all()
    assert space.decode(X) == points
