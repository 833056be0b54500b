"""Campaign files: everything that is wrong is said at once, and what is written is read back the same."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.config import CampaignFileError, campaign_to_toml, load_campaign, parse_campaign
from campaign.spec import CampaignSpec, ChecksSpec, DosingSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.worth import WORTHS
from optimiser.space import Categorical, Continuous, Mixture, Parameter, SearchSpace, Stepped
from resources import path as resource
from resources import shipped_campaigns

GOOD = """
format = 1
name = "one"
[[parameters]]
name = "x"
kind = "continuous"
low = 0
high = 5
[objective]
kind = "formula"
name = "loss"
direction = "minimise"
formula = "x**2"
"""

WRONG = """
format = 2
nam = "x"
mode = "auto"
[[parameters]]
name = "red"
kind = "steppd"
[[parameters]]
name = "blue"
kind = "stepped"
low = 5
high = 3
step = 1
[[parameters]]
name = "water"
kind = "continuous"
low = 0
high = nan
stepp = 3
[[parameters]]
name = "water"
kind = "continuous"
low = 0
high = 3
step = 3
[mixture]
names = ["rad", "blue"]
total = "4"
[objective]
kind = "colour"
name = "x"
direction = "max"
[strategy]
initial = 30
beta = 11
[checks]
presence = "yes"
[constants]
a = "3"
blue = 3
"""


def mistakes_of(text: str) -> tuple[str, ...]:
    with pytest.raises(CampaignFileError) as caught:
        parse_campaign(text, "campaign.toml")
    assert caught.value.path == "campaign.toml"
    assert all(m in str(caught.value) for m in caught.value.mistakes)
    return caught.value.mistakes


def test_every_mistake_is_named_at_once_with_its_place_and_a_hint():
    found = mistakes_of(WRONG)
    for expected in (
        'nam: is not known here (did you mean "name"?)',
        "format: expected 1, got 2",
        "name: is missing",
        'mode: expected automatic or approve, got "auto" (did you mean "automatic"?)',
        'parameters[1].kind: expected continuous or stepped or categorical, got "steppd" (did you mean "stepped"?)',
        "parameters[2].low: 5 is above high, 3: are they reversed?",
        "parameters[3].high: expected a finite number, got nan",
        'parameters[3].stepp: is not known here (did you mean "step"?)',
        'parameters[4].name: "water" is the name of parameters[3] already',
        'parameters[4].step: does not belong to a continuous parameter ("water")',
        'mixture.names[1]: "rad" is not a parameter (did you mean "red"?)',
        'mixture.total: expected a number, got "4"',
        "objective.target_lab: is missing: an objective of kind colour needs it",
        'objective.direction: expected maximise or minimise, got "max"',
        "strategy.beta: expected less than or equal to 10, got 11",
        "strategy.initial: 30 initial experiments are more than the budget of 25 (stop.budget)",
        'checks.presence: expected true or false, got "yes"',
        'constants.a: expected a number, got "3"',
        "constants.blue: is the name of a parameter too",
    ):
        assert expected in found
    assert len(found) == 19


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('formula = "x**2"', "", "objective.formula: is missing"),
        ('formula = "x**2"', 'formula = "x + yy"\n[constants]\nyyy = 1', '"yy" (did you mean "yyy"?)'),
        ('formula = "x**2"', 'formula = "x.real"', "a dot after a name is not allowed"),
        ('formula = "x**2"', 'formula = "x"\ncolumn = "y"', "objective.column: does not belong"),
        ('kind = "formula"', 'kind = "column"', "objective.column: is missing"),
        ('name = "loss"', 'name = "x"', "objective.name: "),
        ('name = "x"', 'name = "sin"', "means something else in a formula"),
        ('name = "x"', 'name = " x"', "without spaces around it"),
        ("high = 5", 'high = "5"', 'parameters[1].high: expected a number, got "5"'),
        ("high = 5", "high = true", "parameters[1].high: expected a number, got true"),
        ("high = 5", "high = 1e999", "parameters[1].high: expected a finite number"),
        ("high = 5", "high = 1979-05-27", "parameters[1].high: expected no date"),
        ("high = 5", "", "parameters[1].high: is missing"),
        ("high = 5", 'high = 5\nchoices = ["a"]', "parameters[1].choices: does not belong"),
        ("format = 1", "format = 1\nstrategy = 3", "strategy: expected a table, got 3"),
        ("format = 1", "format = 1\n[strategy]\nkind = 'ucb'\n", "strategy.kind: expected gp or random"),
        ("format = 1", "format = 1\nnam.e = 3", "nam: is not known here"),
        ("format = 1", "", "format: is missing"),
        ('name = "one"', 'name = " "', "name: expected a name"),
        ("low = 0", "low = 0\nlow = 1", "twice"),
        ("low = 0", "low = [0", "not TOML"),
        ("low = 0", "low = 10000000000000000000000", "out of range"),
    ],
)
def test_a_single_mistake(old: str, new: str, expected: str):
    found = mistakes_of(GOOD.replace(old, new, 1))
    assert any(expected in m for m in found), found


def test_mixture_that_cannot_be_reached_or_stepped():
    text = GOOD.replace("[objective]", "{}[objective]")
    two = '[[parameters]]\nname = "y"\nkind = "continuous"\nlow = 0\nhigh = 5\n'
    mixture = '[mixture]\nnames = ["x", "y"]\ntotal = {}\n'
    assert parse_campaign(text.format(two + mixture.format(10)), "here").space.mixture == Mixture(("x", "y"), 10)
    assert "cannot be reached" in mistakes_of(text.format(two + mixture.format(11)))[0]
    other = two.replace('"continuous"', '"stepped"\nstep = 1')
    assert "same step" in mistakes_of(text.format(other + mixture.format(5)))[0]


HOSTILE = {
    "empty": b"",
    "binary": bytes(range(256)),
    "utf-16": GOOD.encode("utf-16"),
    "over 1 MB": b"# " + b"x" * 1_000_000,
    "deep list": b"a = " + b"[" * 100_000,
    "deep key": b"a" + b".a" * 40 + b" = 1",
    "very deep key": b"a" + b".a" * 100_000 + b" = 1",
    "long number": b"a = " + b"9" * 100_000,
    "duplicate table": b"[stop]\n[stop]\n",
    "duplicate key": b"format = 1\nformat = 1\n",
    "inline duplicate": b"x = {a = 1, a = 2}\n",
    "no rows": b"format = 1\nname = 'x'\nparameters = []\n",
    "rows that are none": b"format = 1\nname = 'x'\nparameters = [1, 'a', []]\n",
    "all wrong kinds": b"format = '1'\nname = 1\nabout = []\nobjective = 1\nmixture = 2\nconstants = 4",
    "many tables": b"[[a]]\n" * 160_000,
    "many keys": b"".join(b"a%d = 1\n" % i for i in range(90_000)),
    "yaml": b"name: x\nformat: 1\n",
    "expression": GOOD.replace("x**2", "__import__('os').system('true')").encode(),
    "nul": GOOD.replace("one", "o\0ne").encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_reason(name: str, tmp_path: Path):
    path = tmp_path / "campaign.toml"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(CampaignFileError) as caught:
        load_campaign(path)
    assert caught.value.mistakes
    assert caught.value.path == str(path)


def test_no_file_and_a_folder_are_said_to_be_so(tmp_path: Path):
    with pytest.raises(CampaignFileError, match="no such file"):
        load_campaign(tmp_path / "none.toml")
    with pytest.raises(CampaignFileError, match="cannot be read"):
        load_campaign(tmp_path)


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path):
    path = tmp_path / "campaign.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_campaign(path) == parse_campaign(GOOD, "here")


@given(st.text(max_size=300) | st.text(alphabet='[]{}="\n.a1 #', max_size=300))
def test_any_text_is_read_or_refused(text: str):
    with suppress(CampaignFileError):
        parse_campaign(text, "here")


@pytest.mark.parametrize("name", sorted(shipped_campaigns()))
def test_shipped_campaigns_are_good_and_survive_a_round_trip(name: str):
    spec = load_campaign(shipped_campaigns()[name])
    assert parse_campaign(campaign_to_toml(spec), name) == spec


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).filter(
    lambda s: s == s.strip()
)
finite = st.floats(-1e6, 1e6).map(lambda v: round(v, 6))


@st.composite
def parameters(draw: st.DrawFn, name: str) -> Parameter:
    kind = draw(st.sampled_from(("continuous", "stepped", "categorical")))
    if kind == "categorical":
        return Categorical(name, tuple(draw(st.lists(st.text(max_size=8), min_size=1, max_size=5, unique=True))))
    low, unit = draw(finite), draw(st.sampled_from(("", "µL", "°C")))
    if kind == "continuous":
        return Continuous(name, low, low + draw(st.floats(0.5, 1e5)), unit)
    step = draw(st.sampled_from((0.1, 0.25, 1.0, 20.0)))
    return Stepped(name, 0.0, step * draw(st.integers(1, 500)), step, unit)


@st.composite
def campaigns(draw: st.DrawFn) -> CampaignSpec:
    given_names = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    made = tuple(draw(parameters(n)) for n in given_names)
    mixture = None
    numeric = [p for p in made if isinstance(p, Continuous)]
    if len(numeric) >= 2 and sum(p.low + p.high for p in numeric) > 1:
        mixture = Mixture(tuple(p.name for p in numeric), sum(p.low + p.high for p in numeric) / 2)
    candidates = None
    if draw(st.booleans()):
        candidates = tuple(
            {
                p.name: draw(st.sampled_from(p.choices) if isinstance(p, Categorical) else st.just(p.low))
                for p in made
            }
            for _ in range(draw(st.integers(1, 4)))
        )
    if mixture and candidates is None and any(isinstance(p, Stepped) for p in numeric):
        mixture = None
    target = draw(st.none() | st.tuples(st.floats(0, 100), st.floats(-100, 100), st.floats(-100, 100)))
    objective = (
        ObjectiveSpec("column", "the value", draw(st.sampled_from(("maximise", "minimise"))), column="a column")
        if target is None
        else ObjectiveSpec("colour", "the value", "minimise", "ΔE00", target)
    )
    return CampaignSpec(
        name=draw(names),
        space=SearchSpace(made, mixture, candidates),
        objective=objective,
        strategy=StrategySpec("gp", draw(st.sampled_from(("ucb", "ei", "pi"))), draw(st.floats(0, 10)), 3),
        stop=StopSpec(draw(st.integers(4, 10_000)), draw(st.none() | finite), draw(st.integers(0, 10_000))),
        dosing=DosingSpec(draw(st.floats(0.001, 1e4)), draw(st.floats(0, 100)), draw(st.floats(0, 1e4))),
        checks=ChecksSpec(draw(st.booleans()), draw(st.booleans()), draw(st.floats(0.1, 1e4))),
        mode=draw(st.sampled_from(("automatic", "approve"))),
        rig=draw(st.none() | st.text(max_size=20)),
        about=draw(st.text(st.characters(codec="utf-8"), max_size=60)),
        constants={n: draw(finite) for n in draw(st.lists(names, max_size=3, unique=True)) if n not in given_names},
    )


@settings(deadline=None, max_examples=50)
@given(campaigns())
def test_what_is_written_is_read_back_the_same(spec: CampaignSpec):
    if spec.objective.name in spec.space.names or spec.objective.column in spec.space.names:
        return
    assert parse_campaign(campaign_to_toml(spec), "round trip") == spec


def test_acquisitions_by_name_with_a_hint_and_turns_when_none_is_named():
    text = resource("campaigns/colour.toml").read_text(encoding="utf-8")
    assert parse_campaign(text, "c").strategy.acquisition == "ucb"
    assert parse_campaign(text.replace('acquisition = "ucb"\n', ""), "c").strategy.acquisition == "turns"
    for name in WORTHS:
        spec = parse_campaign(text.replace('"ucb"', f'"{name}"'), "c")
        assert spec.strategy.acquisition == name
        assert parse_campaign(campaign_to_toml(spec), "c").strategy == spec.strategy
    with pytest.raises(CampaignFileError) as caught:
        parse_campaign(text.replace('"ucb"', '"uncertain"'), "c")
    expected = "turns or ucb or ei or pi or uncertainty or schedule or thompson"
    hint = '(did you mean "uncertainty"?)'
    assert caught.value.mistakes == (f'strategy.acquisition: expected {expected}, got "uncertain" {hint}',)
