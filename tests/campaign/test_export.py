"""Exports: a spreadsheet can open them, and so can we."""

import csv
import json
from dataclasses import replace
from pathlib import Path

from campaign.config import campaign_to_toml, load_campaign
from campaign.events import (
    AttemptStarted,
    CampaignOpened,
    Decided,
    Event,
    Labelled,
    Noted,
    Observed,
    StepDone,
    StepIntended,
    Suggested,
)
from campaign.export import export_csv, export_json
from campaign.journal import Journal
from campaign.spec import CampaignSpec, ObjectiveSpec
from campaign.steps import Measure
from campaign.table import load_data
from optimiser.space import Categorical, Continuous, SearchSpace
from resources import path

SPACE = SearchSpace(
    (Continuous("x", -5.0, 5.0), Categorical("base", ("-OH", "=O", "plain")), Continuous("note", 0, 1))
)
SPEC = CampaignSpec("e", SPACE, ObjectiveSpec("function", "yield", "maximise"))
POINTS = [
    {"x": -1.5, "base": "-OH", "note": 0.1},
    {"x": 2.0, "base": "=O", "note": 0.2},
    {"x": 0.1 + 0.2, "base": "plain", "note": 0.3},
]


def journal(folder: Path, spec: CampaignSpec = SPEC) -> Path:
    events: list[Event] = [CampaignOpened("e", campaign_to_toml(spec), None, 3, True, "0.1.0")]
    for n, (point, value) in enumerate(zip(POINTS, (-7.25, None, 1e-7), strict=True), 1):
        step = Measure(point)
        events += [
            Suggested(n, point, 1.0, 2.0, 0.5, "=HYPERLINK(1)", "gp"),
            Decided(n, point, "accept", "strategy", "", 1.0, 2.0),
            AttemptStarted(n, 1, None, (step,)),
            StepIntended(n, 1, 0, step),
            StepDone(n, 1, 0, {"value": value}),
            Observed(n, 1, point, value, None),
        ]
    events += [Noted(1, "@cmd"), Suggested(4, POINTS[0], None, None, None, "", "gp")]
    with Journal.create(folder / "journal.sqlite") as made:
        made.append(*events)
    return folder / "journal.sqlite"


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def test_one_row_per_experiment_and_no_cell_is_a_formula(tmp_path: Path):
    out = rows(export_csv(journal(tmp_path), tmp_path / "deep" / "out.csv"))
    assert [r["experiment"] for r in out] == ["1", "2", "3", "4"]
    assert [r["yield"] for r in out] == ["-7.25", "failed", "1e-07", ""]
    assert [r["x"] for r in out] == ["-1.5", "2.0", "0.30000000000000004", "-1.5"]
    assert [r["base"] for r in out] == ["'-OH", "'=O", "plain", "'-OH"]
    assert out[0]["reason"] == "'=HYPERLINK(1)"
    assert (out[0]["note"], out[0]["note_"]) == ("0.1", "'@cmd")  # a parameter keeps its name, our column gives way


def test_the_export_is_read_back_as_the_same_observations(tmp_path: Path):
    seen = load_data(export_csv(journal(tmp_path), tmp_path / "out.csv"), SPEC)
    assert [dict(o.point) for o in seen] == POINTS
    assert [o.value for o in seen] == [-7.25, None, 1e-7]


def test_labels_are_exported_and_read_back(tmp_path: Path):
    made = journal(tmp_path)
    with Journal.open(made) as more:
        more.append(Labelled(1, "outlier"), Labelled(2, "infeasible"))
    file = export_csv(made, tmp_path / "out.csv")
    assert [r["label"] for r in rows(file)] == ["outlier", "infeasible", "measured", ""]
    seen = load_data(file, SPEC)
    assert [(o.value, o.label) for o in seen] == [(-7.25, "outlier"), (None, "infeasible"), (1e-7, "measured")]


def test_a_replayed_campaign_exports_its_column(tmp_path: Path):
    objective = ObjectiveSpec("column", "yield", "maximise", column="measured yield")
    out = rows(export_csv(journal(tmp_path, replace(SPEC, objective=objective)), tmp_path / "out.csv"))
    assert out[0]["measured yield"] == "-7.25"


def test_json_holds_everything(tmp_path: Path):
    whole = json.loads(export_json(journal(tmp_path), tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (whole["format"], whole["seed"], whole["problem"]) == (1, 3, None)
    assert whole["experiments"][2]["value"] == 1e-7
    assert len(whole["events"]) == 1 + 3 * 6 + 2
    assert whole["events"][0]["kind"] == "campaign_opened"


def test_an_export_replaces_the_file_as_a_whole(tmp_path: Path):
    out = tmp_path / "out.csv"
    out.write_text("old", encoding="utf-8")
    first = export_csv(journal(tmp_path), out).read_bytes()
    assert b"old" not in first
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_the_shipped_colour_campaign_has_a_header_at_once(tmp_path: Path):
    spec = load_campaign(path("campaigns/colour.toml"))
    with Journal.create(tmp_path / "journal.sqlite") as made:
        made.append(CampaignOpened("c", campaign_to_toml(spec), None, 0, True, "0.1.0"))
    text = export_csv(tmp_path / "journal.sqlite", tmp_path / "out.csv").read_text(encoding="utf-8-sig")
    assert text.startswith("red,yellow,blue,water,colour difference,experiment,")
