"""The report: one file, nothing beside it, nothing in it that a name could smuggle in."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from campaign.charts import Chart, log_ticks, nice_ticks
from campaign.config import campaign_to_toml, load_campaign
from campaign.errors import JournalError
from campaign.events import (
    Answered,
    Asked,
    AttemptStarted,
    CampaignOpened,
    Decided,
    Event,
    Finished,
    Included,
    Labelled,
    Noted,
    Observed,
    PhaseChanged,
    StepDone,
    StepIntended,
    Suggested,
)  # fmt: skip
from campaign.fold import fold_all
from campaign.insight import LIGHTS, insight_of
from campaign.journal import Journal
from campaign.report import write_report
from campaign.steps import Look, Measure
from resources import path

EVIL = "<script>alert(1)</script>"
COURSE = load_campaign(path("campaigns/course.toml"))
COLOUR = load_campaign(path("campaigns/colour.toml"))


def course(count: int, name: str = COURSE.name) -> list[Event]:
    spec = replace(COURSE, name=name)
    events: list[Event] = [
        CampaignOpened(name, campaign_to_toml(spec), None, 7, True, "0.1.0"),
        PhaseChanged("Idle", "Running", "started"),
    ]
    rng = np.random.default_rng(1)
    for n in range(1, count + 1):
        point = {"x": float(rng.uniform(0, 5)), "y": float(rng.uniform(0, 5))}
        mean, sd = (None, None) if n <= 5 else (20.0, 4.0)
        step = Measure(point)
        value = 50.0 / n + 0.4
        events += [
            Suggested(n, point, mean, sd, None, f"because {EVIL}", "initial" if n <= 5 else "gp"),
            Decided(n, point, "accept", "strategy", "", mean, sd),
            AttemptStarted(n, 1, None, (step,)),
            StepIntended(n, 1, 0, step),
            StepDone(n, 1, 0, {"value": value}),
            Observed(n, 1, point, None if n == 3 else value, None, "no value" if n == 3 else ""),
        ]
    return events


def journal(folder: Path, events: list[Event]) -> Path:
    with Journal.create(folder / "journal.sqlite") as made:
        made.append(*events)
    return folder / "journal.sqlite"


class Page(HTMLParser):
    """Every tag closed, and what each kind of tag holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "action")]
        if tag not in ("meta", "img", "br", "link", "path", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def report(folder: Path, events: list[Event]) -> tuple[Page, str]:
    text = write_report(journal(folder, events), folder / "out" / "report.html").read_text(encoding="utf-8")
    return Page(text), text


def test_a_report_shows_result_charts_experiments_and_how_it_was_made(tmp_path: Path):
    best = {"x": 3.1416, "y": 3.55}
    end = Finished("the budget is used", 12, best, 0.398, 0.002, 61.0)
    page, _ = report(tmp_path, [*course(12), PhaseChanged("Running", "Completing", "x"), end])
    assert page.tags.count("svg") == 4  # best so far, predicted, and the two dials
    assert page.tags.count("tr") == 1 + 2 * 12  # each experiment, and why it was made
    for words in ("0.398 ± 0.002", "x 3.1416, y 3.55", "SIMULATED", "whole: every record", "Aliquot 0.1.0", "Seed"):
        assert words in page.words
    assert "random search" in page.words


def test_the_report_says_what_may_be_announced_whether_to_go_on_and_whether_to_trust_the_model(tmp_path: Path):
    events = course(12)
    rehearsed = fold_all(events)
    assert rehearsed is not None
    found = insight_of(rehearsed)
    assert found is not None
    best = found.headline.best
    assert best is not None
    end = Finished("the budget is used", 12, best.point, best.mean, 0.1, 61.0)
    page, text = report(tmp_path, [*events, PhaseChanged("Running", "Completing", "x"), end])
    said = " ".join(page.words.split())
    for words in (
        found.headline.sentence,
        found.advice.sentence,
        found.health.sentence,
        "measured once: unreplicated",
    ):
        assert words in said
    assert "95 % interval" in said
    assert f"{LIGHTS[found.health.light]}." in said  # the light's word stands beside its colour
    assert f'class="light {found.health.light}"' in text
    for hint in found.health.hints:
        assert hint in said


def test_it_needs_nothing_beside_it_and_follows_the_theme(tmp_path: Path):
    page, text = report(tmp_path, course(8))
    assert page.addresses == []
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", text)
    assert "default-src 'none'" in text
    assert not list(tmp_path.rglob("*.part"))


def test_names_and_notes_are_text_and_nothing_else(tmp_path: Path):
    page, text = report(tmp_path, [*course(7, EVIL), Noted(2, EVIL), Asked(3, EVIL, (EVIL,)), Answered(3, EVIL)])
    assert "<script" not in text
    assert page.words.count(EVIL) >= 10


@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_a_report_of_a_young_campaign(tmp_path: Path, count: int):
    page, _ = report(tmp_path, course(count))
    assert ("Nothing has been measured yet" in page.words) == (count == 0)


def test_what_is_left_out_does_not_become_the_best(tmp_path: Path):
    page, _ = report(tmp_path, [*course(7), Included(7, False)])
    assert "the best value measured so far, experiment 6" in page.words
    assert "left out of the model" in page.words


def test_labels_are_said(tmp_path: Path):
    events = [*course(7), Labelled(6, "outlier"), Labelled(3, "infeasible"), Labelled(7, "failed")]
    page, text = report(tmp_path, events)
    assert "the best value measured so far, experiment 5" in page.words
    assert "Experiment 6: labelled “outlier”: the value is not trusted" in page.words
    said = re.findall(r'<span class="muted">(\w+)</span></td>', text)
    assert said == ["infeasible", "outlier", "failed"]


def colour_events(folder: Path, digest: str | None = None) -> list[Event]:
    picture = np.full((240, 320, 3), (120, 160, 90), np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    point = {"red": 440.0, "yellow": 1040.0, "blue": 1780.0, "water": 740.0}
    look = Look("A1", 4000.0)
    with Journal.create(folder / "other.sqlite") as other:
        image, sha256 = other.save_image("0001-1-00.jpg", jpeg)
    data = {"lab": [58.0, -29.0, 15.0], "volume_ul": 3990.0, "state": "liquid"}
    return [
        CampaignOpened("c", campaign_to_toml(COLOUR), "# a rig", 0, False, "0.1.0"),
        Suggested(1, point, None, None, None, "first", "initial"),
        Decided(1, {**point, "red": 460.0, "water": 720.0}, "override", "person", "redder", None, None),
        AttemptStarted(1, 1, "A1", (look,)),
        StepIntended(1, 1, 0, look),
        StepDone(1, 1, 0, data, image, digest or sha256),
        Observed(1, 1, point, 0.8, 0.1),
    ]


def test_pictures_and_colours_are_inside_the_file(tmp_path: Path):
    page, text = report(tmp_path, colour_events(tmp_path))
    assert len(page.addresses) == 1
    assert page.addresses[0].startswith("data:image/jpeg;base64,")
    assert "all as they were taken" in page.words
    assert text.count('class="swatch" style="background:#') == 2
    assert "another point taken (red 460 µL, yellow 1040 µL" in page.words
    assert "3990" in page.words


def test_a_picture_that_was_altered_or_a_record_that_was_changed_is_told(tmp_path: Path):
    page, _ = report(tmp_path, colour_events(tmp_path, "0" * 64))
    assert "is not the picture that was taken" in page.words


def test_no_journal_is_said_so(tmp_path: Path):
    with pytest.raises(JournalError):
        write_report(tmp_path / "none.sqlite", tmp_path / "report.html")
    (tmp_path / "text.sqlite").write_text("no journal at all", encoding="utf-8")
    with pytest.raises(JournalError):
        write_report(tmp_path / "text.sqlite", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3.2, 7.9), (1e-9, 2e-9), (5, 5), (0, 0), (-1e6, 1e6), (99.99, 100.01)]
)
def test_ticks_are_round_and_span_the_range(low: float, high: float):
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8


@pytest.mark.parametrize(("low", "high"), [(0.4, 50), (1, 1), (3e-5, 8e7), (0.02, 0.9)])
def test_logarithmic_ticks_span_the_range(low: float, high: float):
    ticks = log_ticks(low, high)
    assert ticks[0] <= low * (1 + 1e-9)
    assert ticks[-1] >= high * (1 - 1e-9)


def test_titles_in_charts_are_escaped():
    chart = Chart((0.0, 1.0), (0.0, 1.0), EVIL, EVIL, words=(EVIL,))
    chart.dot(0.5, 0.5, "dot", EVIL)
    assert "<script" not in chart.svg(EVIL)
