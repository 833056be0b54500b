"""A value that a person types: the banner asks for it, says why one is not taken, and takes the right one."""

import threading
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from campaign.config import load_campaign
from campaign.events import Event
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.state import CampaignState
from gui.estimate import needs, paragraph
from gui.notices import Choice, Notice
from gui.panels.banner import Banner
from gui.theme import DARK
from hardware.rig_file import load_rig
from optimiser.space import Continuous, SearchSpace
from resources import path
from tests.gui.conftest import MakeWindow
from tests.gui.test_app import banner_button, connected, until
from tests.gui.test_setup import page

TYPED = CampaignSpec(
    "kettle", SearchSpace((Continuous("temperature", 20, 80, "°C"), Continuous("acid", 0, 5, "mL"))),
    ObjectiveSpec("typed", "yield", "maximise", "%"), StrategySpec("random", initial=1), StopSpec(budget=2),
)  # fmt: skip


def test_a_campaign_that_a_person_makes_and_measures(qtbot: QtBot, make_window: MakeWindow) -> None:
    wiring = make_window(TYPED)
    connected(qtbot, wiring, TYPED)
    banner = wiring.window.banner
    assert not banner.number.isVisible()
    wiring.do("start")
    until(qtbot, lambda: wiring.state.phase == "Held" and banner.number.isVisible())
    assert banner.text.text().startswith("Make this: temperature ")
    assert banner.text.text().endswith("Then type its yield")
    assert wiring.window.focusWidget() is banner.number
    assert not banner.enter.isEnabled()
    assert not wiring.facts.simulated
    qtbot.keyClicks(banner.number, "41,5")
    qtbot.mouseClick(banner.enter, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: "decimals with a point" in banner.text.text())
    assert banner.number.text() == "41,5", "what was typed stays, to be put right"
    banner.number.selectAll()
    qtbot.keyClicks(banner.number, "41.5")
    qtbot.mouseClick(banner.enter, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: wiring.state.phase == "Held" and len(wiring.state.observed) == 1)
    until(qtbot, lambda: banner.number.isVisible() and banner.number.text() == "")
    qtbot.mouseClick(banner_button(wiring, "Fail"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: wiring.state.made == 2 or len(wiring.state.experiments) == 3)
    until(qtbot, lambda: wiring.state.finished or banner.number.isVisible())
    assert [e.value for e in wiring.state.experiments][:2] == [41.5, None]


def test_a_number_typed_for_one_experiment_is_never_that_of_the_next(qtbot: QtBot, make_window: MakeWindow) -> None:
    wiring = make_window(TYPED)
    connected(qtbot, wiring, TYPED)
    banner = wiring.window.banner
    wiring.do("start")
    until(qtbot, lambda: wiring.state.phase == "Held" and banner.number.isVisible())
    asked, campaign = threading.Event(), wiring.session.campaign
    assert campaign is not None

    def heard(event: Event, state: CampaignState) -> None:
        if state.phase == "Held" and state.question is not None and state.question.experiment == 2:
            asked.set()

    campaign.listen(heard)
    qtbot.keyClicks(banner.number, "41.5")
    banner.number.returnPressed.emit()
    assert asked.wait(60), "meanwhile the window is busy and shows the first question still"
    banner.number.returnPressed.emit()
    until(qtbot, lambda: len(wiring.state.observed) == 1 and banner.number.text() == "")
    assert campaign.wait(60)
    assert [e.value for e in campaign.state.experiments] == [41.5, None]


def test_return_hands_the_number_in_and_leaves_an_editor_its_focus(qtbot: QtBot) -> None:
    window = QWidget()
    other, banner = QLineEdit(), Banner()
    column = QVBoxLayout(window)
    column.addWidget(other)
    column.addWidget(banner)
    qtbot.addWidget(window)
    banner.set_theme(DARK)
    window.show()
    other.setFocus()
    asked = Notice("warn", "Read the probe", (Choice("answer:fail", "Fail"),), None, "mS/cm", "experiment 1")
    banner.show_notice(asked)
    assert window.focusWidget() is other, "who types elsewhere goes on typing"
    qtbot.keyClicks(banner.number, " 12.5")
    with qtbot.waitSignal(banner.chosen) as chosen:
        qtbot.keyClick(banner.number, Qt.Key.Key_Return)
    assert chosen.args == ["answer:12.5"]
    banner.show_notice(None)
    banner.show_notice(asked)
    assert banner.number.text() == ""
    qtbot.keyClick(banner.number, Qt.Key.Key_Return)
    assert not banner.enter.isEnabled()


def test_the_form_offers_the_meters_of_the_rig(qtbot: QtBot) -> None:
    spec = load_campaign(path("campaigns/conductivity.toml"))
    form = page(qtbot, replace(spec, objective=replace(spec.objective, meter="pH")))
    assert form.objective.meter.isVisible()
    assert form.objective.meter.currentText() == "pH"
    rig = load_rig(path("rigs/probe.toml"))
    form.show_rig(rig)
    assert form.objective.meter.currentText() == "pH", "what the file says stays"
    assert [form.objective.meter.itemText(n) for n in range(form.objective.meter.count())] == ["probe"]
    assert ("Rig", "objective.meter: the rig has no meter pH; it has probe", False) in needs(form.spec, rig)
    form.objective.meter.setCurrentText("probe")
    assert form.spec == spec
    form.objective.meter.setCurrentText("")
    assert form.spec is None
    assert "is missing" in form.objective.sentences.text() or "expected" in form.objective.sentences.text()


def test_the_only_meter_of_the_rig_is_taken_at_once(qtbot: QtBot) -> None:
    form = page(qtbot, load_campaign(path("campaigns/conductivity.toml")))
    form.objective.meter.setCurrentText("")
    assert form.spec is None
    form.show_rig(load_rig(path("rigs/probe.toml")))
    assert form.objective.meter.currentText() == "probe"
    assert form.spec is not None


def test_the_summary_says_who_makes_and_measures() -> None:
    assert "type what came of it" in paragraph(TYPED)
    assert needs(TYPED, None) == (("Experiments", "2 at most; you make each and type its value", True),)


def test_another_objective_does_not_keep_the_colours_words(qtbot: QtBot, colour: CampaignSpec) -> None:
    form = page(qtbot, colour)
    form.objective.kind.setCurrentIndex(form.objective.kind.findData("typed"))
    assert (form.objective.name.text(), form.objective.unit.text()) == ("", "")
    assert form.spec is None
