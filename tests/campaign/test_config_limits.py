"""Constraints, keep-out regions and descriptors of a campaign file: read, refused with their place, written."""

import pytest

from campaign.config import CampaignFileError, campaign_to_toml, parse_campaign
from campaign.config_limits import limits_in_words
from optimiser.space import Categorical, Descriptors, KeepOut, LinearConstraint

SPACE = """
format = 1
name = "one"
[[parameters]]
name = "acid"
kind = "continuous"
low = 0
high = 100
[[parameters]]
name = "T"
kind = "stepped"
low = 20
high = 120
step = 5
[[parameters]]
name = "solvent"
kind = "categorical"
choices = ["water", "DMF"]
"""
DESCRIBED = """[parameters.descriptors]
logP = { water = -1.4, DMF = -1 }
"dipole, D" = { DMF = 3.8, water = 1.85 }
"""
LIMITS = """
[[constraint]]
coefficients = { acid = 2, T = 1 }
relation = "<="
bound = 150
name = "solubility"
[[constraint]]
coefficients = { acid = 1 }
relation = ">="
bound = 1
[[keep_out]]
region = { T = [80, 100], solvent = ["DMF"] }
"""
REST = """
[objective]
kind = "formula"
name = "loss"
direction = "minimise"
formula = "acid"
"""


def mistakes_of(text: str) -> tuple[str, ...]:
    with pytest.raises(CampaignFileError) as caught:
        parse_campaign(text, "campaign.toml")
    return caught.value.mistakes


def test_limits_and_descriptors_are_read_and_written_back_the_same():
    spec = parse_campaign(SPACE + DESCRIBED + LIMITS + REST, "x")
    assert spec.space.constraints == (
        LinearConstraint({"acid": 2.0, "T": 1.0}, "<=", 150.0, "solubility"),
        LinearConstraint({"acid": 1.0}, ">=", 1.0),
    )
    assert spec.space.keep_out == (KeepOut({"T": (80, 100), "solvent": ("DMF",)}),)
    solvent = spec.space.parameter("solvent")
    assert isinstance(solvent, Categorical)
    assert solvent.descriptors == Descriptors(("logP", "dipole, D"), ((-1.4, 1.85), (-1.0, 3.8)))
    assert parse_campaign(campaign_to_toml(spec), "again") == spec


def test_candidates_that_cannot_be_made_stay_in_the_file():
    rows = """
[candidates]
names = ["acid", "T", "solvent"]
rows = [[5, 80, "water"], [5, 80, "DMF"], [0, 20, "DMF"]]
"""
    spec = parse_campaign(SPACE + LIMITS + REST + rows, "x")
    assert spec.space.candidates == ({"acid": 5, "T": 80, "solvent": "water"},)
    again = parse_campaign(campaign_to_toml(spec), "again")
    assert again.space.given == spec.space.given
    assert len(again.space.given or ()) == 3


WRONG = """
[[constraint]]
coefficients = { acd = 1, solvent = 2 }
relation = "<"
bound = "x"
[[constraint]]
coefficients = { acid = 0 }
relation = "="
bound = 1
sum = 3
[[keep_out]]
region = { T = [100, 80], solvent = ["DFM"], acid = [1] }
[[keep_out]]
region = {}
[[keep_out]]
region = { U = [1, 2] }
"""


def test_every_mistake_is_named_with_its_place_and_a_hint():
    bad = DESCRIBED.replace("water = -1.4", "watr = -1.4")
    found = mistakes_of(SPACE + bad + WRONG + REST)
    for start in (
        'parameters[3].descriptors.logP.watr: "watr" is not a choice (did you mean "water"?)',
        'parameters[3].descriptors.logP: lacks "water"',
        'constraint[1].coefficients.acd: "acd" is not a parameter (did you mean "acid"?)',
        'constraint[1].coefficients.solvent: "solvent" has choices, and a constraint adds numbers',
        "constraint[1].relation: expected <= or >= or =",
        'constraint[1].bound: expected a number, got "x"',
        "constraint[2].sum: is not known here",
        "keep_out[1].region.T: 100 is above 80: are they reversed?",
        'keep_out[1].region.solvent[1]: "DFM" is not a choice (did you mean "DMF"?)',
        "keep_out[1].region.acid: expected its low and high end",
        "keep_out[2]: the keep-out region names no parameter",
        'keep_out[3].region.U: "U" is not a parameter',
    ):
        assert any(m.startswith(start) for m in found), (start, found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("bound = 150", "bound = 15", 'constraint: no point keeps "solubility"'),
        ('[80, 100], solvent = ["DMF"]', "[20, 120]", 'keep_out: the keep-out region "T 20 to 120" covers'),
        ("[80, 100]", '[80, "x"]', "keep_out[1].region.T: expected its low and high end"),
        ("bound = 1\n", "bound = nan\n", "constraint[2].bound: expected a finite number"),
        ("[[keep_out]]", "[[keepout]]", 'did you mean "keep_out"?'),
        ('["DMF"]', "[]", "keep_out[1].region.solvent: is empty"),
    ],
)
def test_a_single_mistake(old: str, new: str, expected: str):
    found = mistakes_of(SPACE + LIMITS.replace(old, new, 1) + REST)
    assert any(expected in m for m in found), found


def test_one_table_where_several_may_stand():
    found = mistakes_of(SPACE + REST + "[constraint]\nbound = 1\n")
    assert any("constraint: expected [[constraint]] tables, got" in m for m in found), found


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("[parameters.descriptors]\nlogP = { water = 1, DMF = 1 }\n", "logP is 1 for every choice"),
        ("[parameters.descriptors]\nlogP = { water = 1, DMF = nan }\n", "finite number"),
        ("descriptors = 3\n", "parameters[3].descriptors: expected a table"),
    ],
)
def test_descriptors_that_tell_nothing_are_refused_at_their_place(new: str, expected: str):
    found = mistakes_of(SPACE + new + REST)
    assert any(expected in m and m.startswith("parameters[3].descriptors") for m in found), found


def test_numbers_take_no_descriptors():
    text = SPACE.replace("high = 100\n", "high = 100\ndescriptors = { a = { b = 1 } }\n")
    assert any("does not belong to a continuous parameter" in m for m in mistakes_of(text + REST))


def test_limits_in_words():
    import tomllib

    words = limits_in_words(tomllib.loads(LIMITS))
    assert words == ("solubility: 2 acid + T ≤ 150. acid ≥ 1. Nothing is made at T 80 to 100 and solvent DMF.")
    assert limits_in_words(tomllib.loads(WRONG)).endswith("Nothing is made at U 1 to 2.")
    assert limits_in_words({}) == ""
    unread = "[[keep_out]]\nregion = { T = [20, inf] }\n[[constraint]]\ncoefficients = { T = inf }\nbound = 1"
    assert limits_in_words(tomllib.loads(unread)) == ""
