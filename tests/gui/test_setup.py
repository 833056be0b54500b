"""The set-up form says what a campaign file would say, and what is wrong at the place where it is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from campaign.config import load_campaign
from campaign.spec import CampaignSpec, StopSpec
from campaign.state import CampaignState
from campaign.worth import NO_BETA, WORTHS
from gui.actions import Actions
from gui.estimate import needs
from gui.panels.setup import SetupPage
from gui.revision import revised, said
from hardware.rig_file import load_rig
from optimiser.space import (
    Categorical,
    Continuous,
    Descriptors,
    KeepOut,
    LinearConstraint,
    SearchSpace,
)  # fmt: skip
from resources import path


def page(qtbot: QtBot, spec: CampaignSpec) -> SetupPage:
    window = QWidget()
    qtbot.addWidget(window)
    made = SetupPage(spec, Actions(window))
    qtbot.addWidget(made)
    made.show()
    return made


def retype(qtbot: QtBot, line: QWidget, text: str) -> None:
    line.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(line, text)


@pytest.mark.parametrize("name", ["colour", "conductivity", "course", "replay_p3ht"])
def test_shipped_campaigns_come_back_from_the_form_unchanged(qtbot: QtBot, name: str) -> None:
    spec = load_campaign(path(f"campaigns/{name}.toml"))
    assert page(qtbot, spec).spec == spec


def test_constraints_regions_and_descriptors_are_told_and_kept(qtbot: QtBot, course: CampaignSpec) -> None:
    table = Descriptors(("logP",), ((-1.4,), (-1.0,)))
    parts = (Continuous("T", 0, 100), Categorical("solvent", ("water", "DMF"), "", table))
    rules = (
        (LinearConstraint({"T": 2.0}, "<=", 150.0, "pressure"),),
        (KeepOut({"T": (10, 20), "solvent": ("DMF",)}),),
    )
    spec = replace(
        course,
        space=SearchSpace(parts, None, None, *rules),
        objective=replace(course.objective, formula="T**2"),
        constants={},
    )
    form = page(qtbot, spec)
    assert form.spec == spec
    told = form.parameters.limits
    assert told.isVisible()
    assert told.text().startswith(
        "pressure: 2 T ≤ 150. Nothing is made at T 10 to 20 and solvent DMF. What is left: about "
    )
    assert '% of the space; "pressure" cuts most' in told.text()
    retype(qtbot, form.parameters.rows[0].high, "5")
    assert form.spec is not None
    assert form.spec.space.constraints == spec.space.constraints


def test_a_bad_cell_is_outlined_with_its_sentence_below(qtbot: QtBot, colour: CampaignSpec) -> None:
    form = page(qtbot, colour)
    row = form.parameters.rows[1]
    retype(qtbot, row.low, "plenty")
    retype(qtbot, form.strategy.budget, "0")
    assert form.spec is None
    assert row.low.property("kind") == "bad"
    assert "plenty" in row.sentence.text()
    assert row.sentence.isVisible()
    assert form.parameters.rows[0].low.property("kind") != "bad"
    assert form.strategy.budget.property("kind") == "bad"
    assert "Budget: " in form.strategy.sentences.text()
    assert "to put right" in form.summary.words.text()
    assert "yellow, low" in form.summary.words.text()
    retype(qtbot, row.low, "0")
    retype(qtbot, form.strategy.budget, "12")
    assert form.spec == replace(colour, stop=StopSpec(budget=12))
    assert not row.sentence.isVisible()


def test_a_mixture_that_cannot_reach_its_total_is_told_beside_the_total(qtbot: QtBot, colour: CampaignSpec) -> None:
    form = page(qtbot, colour)
    retype(qtbot, form.parameters.total, "90000")
    assert form.spec is None
    assert form.parameters.total.property("kind") == "bad"
    assert "cannot be reached" in form.parameters.sentence.text()


def test_parameters_are_added_changed_and_taken_out(qtbot: QtBot, course: CampaignSpec) -> None:
    form = page(qtbot, course)
    before = len(form.parameters.rows)
    qtbot.mouseClick(form.parameters.add, Qt.MouseButton.LeftButton)
    row = form.parameters.rows[-1]
    assert form.spec is None
    qtbot.keyClicks(row.name, "solvent")
    row.kind.setCurrentIndex(row.kind.findData("categorical"))
    qtbot.keyClicks(row.choices, "water, ethanol")
    assert form.spec is not None
    assert form.spec.space.parameters[-1] == Categorical("solvent", ("water", "ethanol"))
    qtbot.mouseClick(row.remove, Qt.MouseButton.LeftButton)
    assert len(form.parameters.rows) == before
    assert form.spec == course


def test_a_picked_colour_becomes_the_target_and_the_swatch_shows_it(qtbot: QtBot, colour: CampaignSpec) -> None:
    form = page(qtbot, colour)
    form.objective.take_colour(QColor(200, 120, 60))
    assert form.spec is not None
    lab = form.spec.objective.target_lab
    assert lab is not None
    assert lab == pytest.approx((58.1, 26.2, 45.2), abs=0.2)
    shown = QColor(form.objective.swatch.text())
    assert abs(shown.red() - 200) <= 2
    assert abs(shown.blue() - 60) <= 2


def test_fields_that_do_not_apply_cannot_be_edited(qtbot: QtBot, colour: CampaignSpec) -> None:
    form = page(qtbot, colour)
    form.strategy.acquisition.setCurrentIndex(form.strategy.acquisition.findData("ei"))
    assert not form.strategy.beta.isEnabled()
    assert form.strategy.beta.toolTip() == NO_BETA
    assert form.strategy.worth.text() == WORTHS["ei"].why
    form.strategy.acquisition.setCurrentIndex(form.strategy.acquisition.findData("ucb"))
    assert form.strategy.beta.isEnabled()
    assert form.strategy.beta.toolTip() == WORTHS["ucb"].beta
    form.strategy.kind.setCurrentIndex(form.strategy.kind.findData("random"))
    assert not form.strategy.acquisition.isEnabled()
    assert "no model" in form.strategy.worth.text()
    form.objective.kind.setCurrentIndex(form.objective.kind.findData("formula"))
    assert form.objective.formula.isVisible()
    assert not form.objective.swatch.isVisible()


def test_while_a_campaign_is_going_only_strategy_end_and_mode_may_change(
    qtbot: QtBot, colour: CampaignSpec
) -> None:
    form = page(qtbot, colour)
    form.show_state(CampaignState(spec=colour, phase="Running"))
    assert not form.parameters.isEnabled()
    assert not form.summary.start.isVisible()
    retype(qtbot, form.strategy.budget, "9")
    with qtbot.waitSignal(form.applied) as applied:
        qtbot.mouseClick(form.summary.apply, Qt.MouseButton.LeftButton)
    assert applied.args is not None
    assert applied.args == [{"stop.budget": 9}]


def test_the_form_follows_the_campaign_and_keeps_what_is_being_typed(qtbot: QtBot, colour: CampaignSpec) -> None:
    form = page(qtbot, colour)
    form.show_state(CampaignState(spec=colour, phase="Running"))
    retype(qtbot, form.strategy.budget, "30")
    now = replace(colour, mode="approve", strategy=replace(colour.strategy, beta=4.0))
    form.show_state(CampaignState(spec=now, phase="Running"))
    assert form.strategy.beta.text() == "4"
    assert form.strategy.mode.currentData() == "approve"
    assert form.strategy.budget.text() == "30"
    with qtbot.waitSignal(form.applied) as applied:
        qtbot.mouseClick(form.summary.apply, Qt.MouseButton.LeftButton)
    assert applied.args == [{"stop.budget": 30}]
    form.show_state(CampaignState(spec=replace(now, stop=StopSpec(budget=30)), phase="Aborted"))
    assert not form.strategy.edited
    with qtbot.assertNotEmitted(form.applied):
        qtbot.mouseClick(form.summary.apply, Qt.MouseButton.LeftButton)


def test_a_change_is_told_setting_by_setting(colour: CampaignSpec) -> None:
    spec = replace(colour, stop=StopSpec(budget=25))
    changes = {"stop.budget": 30, "strategy.beta": 4.0, "mode": "approve", "stop.target": 2.5, "stop.no_gain": 8}
    assert said(spec, changes) == (
        "budget 25 → 30, beta 0.5 → 4, who decides automatic → approve each, good enough at none → 2.5, "
        "stop without gain in never → 8"
    )
    made = revised(spec, changes)
    assert made.space is spec.space
    assert (made.mode, made.strategy.beta, made.stop) == ("approve", 4.0, StopSpec(30, 2.5, 8))


def test_the_form_is_saved_as_a_campaign_file(qtbot: QtBot, colour: CampaignSpec, tmp_path: Path) -> None:
    form = page(qtbot, colour)
    retype(qtbot, form.name, "Another colour")
    form.save(tmp_path / "mine.toml")
    assert load_campaign(tmp_path / "mine.toml") == replace(colour, name="Another colour")


def test_what_the_window_cannot_start_is_not_offered_and_told_when_it_is_loaded(
    qtbot: QtBot, colour: CampaignSpec
) -> None:
    form = page(qtbot, colour)
    kind = form.objective.kind
    assert [kind.itemData(n) for n in range(kind.count())] == ["colour", "meter", "typed", "formula"]
    form.load(load_campaign(path("campaigns/replay_p3ht.toml")))
    assert kind.currentData() == "column"
    assert form.spec is not None
    ((what, said_, enough),) = needs(form.spec, None)
    assert (what, enough) == ("Measured", False)
    assert "command line" in said_
    form.load(colour)
    assert kind.findData("column") < 0


def test_the_supply_is_compared_with_what_is_left(colour: CampaignSpec) -> None:
    rig = load_rig(path("rigs/virtual.toml"))
    spec = replace(colour, stop=StopSpec(budget=30))
    full = {what: (text, enough) for what, text, enough in needs(spec, rig)}
    assert full["Blue"][1]
    assert full["Blue"][0].endswith("the syringe holds 60.00\u202fmL: it may ask for a refill")
    left = {what: (text, enough) for what, text, enough in needs(spec, rig, {"blue": 19_680.0})}
    assert not left["Blue"][1]
    assert left["Blue"][0].endswith("19.68\u202fmL left: the campaign will ask for a refill")
    assert left["Red"][1]
    late = {what: enough for what, _, enough in needs(spec, rig, {"blue": 19_680.0}, over=20)}
    assert late["Blue"]
