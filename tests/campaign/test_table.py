"""Tables: read without guessing, all mistakes named by row and column, replayed row by row."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.cells import neutral, number_of, plain
from campaign.config import campaign_to_toml, parse_campaign
from campaign.measure_executor import ReplayExecutor
from campaign.replay import Pool, campaign_from_table, with_candidates
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec
from campaign.steps import Measure
from campaign.table import MOST_SHOWN, TableError, experiments, load_data, read_table
from optimiser.space import Categorical, Continuous, Mixture, SearchSpace

SPACE = SearchSpace((Continuous("a", 0.0, 10.0), Categorical("solvent", ("water", "ethanol"))))
SPEC = CampaignSpec("t", SPACE, ObjectiveSpec("column", "yield", "maximise", column="yield"))
GOOD = "a,solvent,yield\n1,water,10\n2,ethanol,20\n1,water,12\n3,water,failed\n"


def table(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(path: Path, spec: CampaignSpec = SPEC) -> tuple[str, ...]:
    with pytest.raises(TableError) as caught:
        experiments(read_table(path), spec)
    return caught.value.mistakes


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD + "\n\n",
        GOOD.replace("water", '"water"').replace("1,", " 1 ,"),
        "other,a,solvent,yield\n" + "".join(f"x,{line}\n" for line in GOOD.splitlines()[1:]),
    ],
)
def test_a_good_table_is_read_however_it_was_saved(tmp_path: Path, text: str):
    rows = experiments(read_table(table(tmp_path, text)), SPEC)
    assert [(r.number, r.point["a"], r.point["solvent"], r.value) for r in rows] == [
        (2, 1.0, "water", 10.0), (3, 2.0, "ethanol", 20.0), (4, 1.0, "water", 12.0), (5, 3.0, "water", None),
    ]  # fmt: skip


def test_every_bad_cell_is_named_by_row_and_column(tmp_path: Path):
    text = (
        "a,solvent,yield\nabc,water,1\n99,watr,2\n1,water,\n1,water,nan\n1_0,water,1\n１,water,1\n1,ethanol,1e999\n"
    )
    found = mistakes(table(tmp_path, text.replace("1,ethanol,1e999", '"1,5",ethanol,1e999')))
    assert found == (
        'row 2, column "a": expected a number, got "abc"',
        'row 3, column "a": 99 is outside 0 to 10',
        'row 3, column "solvent": "watr" is not one of water, ethanol (did you mean "water"?)',
        'row 4, column "yield": expected a number, the cell is empty',
        'row 5, column "yield": expected a number, got "nan"',
        'row 6, column "a": expected a number, got "1_0"',
        'row 7, column "a": expected a number, got "１"',
        'row 8, column "a": expected a number, got "1,5" (a decimal comma? write a point)',
        'row 8, column "yield": expected a number, got "1e999"',
    )


def test_missing_columns_come_with_a_hint_and_the_list(tmp_path: Path):
    found = mistakes(table(tmp_path, "A,solvnt,b\n1,water,2\n"))
    assert found == (
        'column "a" is missing (did you mean "A"?)',
        'column "solvent" is missing (did you mean "solvnt"?)',
        'column "yield" is missing',
        "the table has A, solvnt, b",
    )


def test_at_most_twenty_mistakes_are_listed_and_the_rest_counted(tmp_path: Path):
    found = mistakes(table(tmp_path, "a,solvent,yield\n" + "x,water,1\n" * 50))
    assert len(found) == MOST_SHOWN + 1
    assert found[-1] == "and 30 more like these"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"a,solvent,yield\n", "no rows"),
        (b"a,a,yield\n1,2,3\n", '"a" stands there twice'),
        (b"a,solvent,yield\n1,water\n1,water,2,3\n", "row 2: 2 cells, and the header has 3"),
        (b'a,solvent,yield\n1,"wat\n', "not CSV"),
        (b"a,solvent,yield\n\xff,water,1\n", "row 2: not UTF-8"),
        (b"a,solvent,yield\n1," + b"x" * 200_000 + b",1\n", "not CSV"),
        (b"," * 1000 + b"\n" + b"," * 1000, "500 columns|no rows"),
        (b"x" * 20_000_001, "larger than 20 MB"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path: Path, content: bytes, reason: str):
    with pytest.raises(TableError, match=reason):
        read_table(table(tmp_path, content))


def test_no_file(tmp_path: Path):
    with pytest.raises(TableError, match="no such file"):
        read_table(tmp_path / "none.csv")


def test_data_for_suggestions_leaves_out_what_waits_to_be_measured(tmp_path: Path):
    spec = replace(SPEC, objective=ObjectiveSpec("function", "yield", "maximise"))
    seen = load_data(table(tmp_path, GOOD + "4,water,\n"), spec)
    assert [(o.point["a"], o.value) for o in seen] == [(1.0, 10.0), (2.0, 20.0), (1.0, 12.0), (3.0, None)]


def test_replicates_are_drawn_in_turn_and_start_over(tmp_path: Path):
    executor = ReplayExecutor.open(table(tmp_path, GOOD), SPEC)
    point = {"a": 1.0, "solvent": "water"}
    assert [executor.perform(Measure(point)).data["value"] for _ in range(3)] == [10.0, 12.0, 10.0]
    assert ReplayExecutor.open(table(tmp_path, GOOD), SPEC, seed=1).perform(Measure(point)).data["value"] == 12.0


def test_a_point_between_rows_gets_the_nearest_untested_row(tmp_path: Path):
    executor = ReplayExecutor.open(table(tmp_path, GOOD), SPEC)
    asked = {"a": 1.2, "solvent": "water"}
    rows = [executor.perform(Measure(asked)).data for _ in range(3)]
    assert [r["row"] for r in rows] == [2, 5, 3]
    assert rows[0]["point"] == {"a": 1.0, "solvent": "water"}
    assert rows[1]["value"] is None


def test_the_rows_are_the_only_points_and_survive_the_campaign_file(tmp_path: Path):
    executor = ReplayExecutor.open(table(tmp_path, GOOD), SPEC)
    assert executor.spec.space.size == 3
    assert executor.check(executor.spec) == ()
    assert executor.check(SPEC) != ()
    again = parse_campaign(campaign_to_toml(executor.spec), "journal")
    assert again == executor.spec
    assert executor.check(again) == ()


def test_what_was_drawn_before_a_restart_is_remembered(tmp_path: Path):
    executor = ReplayExecutor.open(table(tmp_path, GOOD), SPEC)
    step = Measure({"a": 1.0, "solvent": "water"})
    first = executor.perform(step)
    reopened = ReplayExecutor.open(table(tmp_path, GOOD), SPEC)
    reopened.recall([(step, first.data)])
    assert reopened.perform(step).data["value"] == 12.0


def test_a_campaign_from_a_table_takes_the_last_column_and_finds_blends(tmp_path: Path):
    blends = "p,q,r,value\n60,30,10,1\n10,80,10,2\n33.3,33.3,33.4,3\n"
    spec = campaign_from_table(table(tmp_path, blends), direction="minimise", stop=StopSpec(3))
    assert spec.space.mixture == Mixture(("p", "q", "r"), 100.0)
    assert (spec.objective.column, spec.objective.direction, spec.stop.budget) == ("value", "minimise", 3)
    mixed = campaign_from_table(table(tmp_path, GOOD.replace("failed", "9")))
    assert mixed.space.mixture is None
    assert mixed.space.parameters == (Continuous("a", 1.0, 3.0), Categorical("solvent", ("water", "ethanol")))
    with pytest.raises(TableError, match="has no name"):
        campaign_from_table(table(tmp_path, ",a,y\n0,1,2\n1,2,3\n"))


def test_too_many_rows_for_one_campaign_are_refused(tmp_path: Path):
    text = "a,solvent,yield\n" + "".join(f"{i / 8000!r},water,1\n" for i in range(80_000))
    with pytest.raises(TableError, match="too many"):
        with_candidates(SPEC, read_table(table(tmp_path, text)))


def test_all_rows_are_served_once_before_any_is_served_twice():
    rng = np.random.default_rng(0)
    text = [{"a": float(v), "solvent": "water"} for v in rng.uniform(0, 10, 40)]
    from campaign.table import Row

    pool = Pool(SPEC, [Row(i, p, 1.0) for i, p in enumerate(text)])
    drawn = [pool.draw({"a": float(v), "solvent": "ethanol"})[0].number for v in rng.uniform(0, 10, 40)]
    assert sorted(drawn) == list(range(40))


@given(st.text(max_size=30))
def test_no_text_cell_starts_a_formula(cell: str):
    out = neutral(cell)
    assert number_of(out) is not None or not out.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain(out) == cell or cell.startswith("'")


@pytest.mark.parametrize(
    "cell", ["=cmd|'/C calc'!A0", "@SUM(1)", "+1+1", "-x", "\t=1", "\r=1", " =1", "\uff1d1", "--1"]
)
def test_formulae_are_neutralised(cell: str):
    assert neutral(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-1.5", "+2", "1e-3", "", "water", "a=b", "3 mL"])
def test_numbers_and_plain_text_stay(cell: str):
    assert neutral(cell) == cell


def test_a_name_in_quotes_may_hold_the_other_delimiters(tmp_path: Path):
    assert read_table(table(tmp_path, '"yield, %";a\n1;2\n')).columns == ("yield, %", "a")


def test_slips_in_a_column_of_numbers_are_no_choices(tmp_path: Path):
    text = "a,solvent,yield\n1,water,5\n1o,water,6\n,ethanol,7\n4,,8\n5,water,9\n"
    with pytest.raises(TableError) as caught:
        campaign_from_table(table(tmp_path, text))
    assert caught.value.mistakes == (
        'row 3, column "a": expected a number, as in most of the column, got "1o"',
        'row 4, column "a": expected a number, as in most of the column, the cell is empty',
        'row 5, column "solvent": expected a value, the cell is empty',
    )


def test_a_column_of_labels_is_heeded_and_another_of_that_name_is_not(tmp_path: Path):
    spec = replace(SPEC, objective=ObjectiveSpec("function", "yield", "maximise"))
    head, *lines = GOOD.rstrip().split("\n")
    words = ["Outlier", "", "measured", "infeasible"]
    ours = "\n".join([f"{head},label", *(f"{line},{w}" for line, w in zip(lines, words, strict=True))])
    assert [o.label for o in load_data(table(tmp_path, ours), spec)] == [
        "outlier", "measured", "measured", "infeasible"
    ]  # fmt: skip
    theirs = "\n".join([f"{head},label", *(f"{line},batch {i}" for i, line in enumerate(lines))])
    assert len(load_data(table(tmp_path, theirs), spec)) == 4
    with pytest.raises(TableError, match=r'row 2, column label: "outlyer" is not one of .*did you mean'):
        load_data(table(tmp_path, ours.replace("Outlier", "outlyer")), spec)
