"""The whole window on the virtual bench: start, watch, stop, go on, close, find again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from gui.wiring import Wiring
from hardware.rig_file import load_rig, rig_to_toml
from resources import path
from tests.gui.conftest import MakeWindow, shut

LONG_MS = 90_000


def until(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=LONG_MS)


def connected(qtbot: QtBot, wiring: Wiring, spec: CampaignSpec) -> None:
    wiring.session.connect(spec)
    until(qtbot, lambda: wiring.facts.link == "ready")


def banner_button(wiring: Wiring, words: str) -> QPushButton:
    return next(b for b in wiring.window.banner.buttons if words in b.text())


def test_a_campaign_without_a_bench_goes_from_start_to_the_end(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    wiring = make_window(course)
    connected(qtbot, wiring, course)
    qtbot.mouseClick(wiring.window.top.primary, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: wiring.state.phase == "Complete")
    assert len(wiring.state.observed) == 8
    assert wiring.window.top.chip.word.text() == "DONE"
    assert banner_button(wiring, "report").isVisible()

    def modelled() -> int:
        believed = wiring.window.run_page.posterior
        return 0 if believed is None else len(believed.measured)

    until(qtbot, lambda: modelled() == 8)
    wiring.do("label")
    menu = wiring.window.run_page.experiments.menu
    assert menu.isVisible()
    next(a for a in menu.actions() if a.text().startswith("Outlier")).trigger()
    menu.close()
    until(qtbot, lambda: wiring.state.experiments[-1].label == "outlier")
    until(qtbot, lambda: modelled() == 7)


def test_the_colour_campaign_makes_experiments_on_the_virtual_bench_and_stop_all_needs_two_acts_to_go_on(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    wiring = make_window(colour, speed=100.0)
    connected(qtbot, wiring, colour)
    assert wiring.window.status.simulated.isVisible()
    wiring.do("start")
    until(qtbot, lambda: wiring.state.observed)
    until(qtbot, lambda: any(e.status == "running" for e in wiring.state.experiments))
    qtbot.mousePress(wiring.window.top.stop, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: wiring.state.phase == "Aborted")
    assert "Stopped" in wiring.window.banner.text.text()
    wiring.do("resume")
    assert wiring.state.phase == "Aborted"
    rearm = banner_button(wiring, "Re-arm")
    qtbot.mouseClick(rearm, Qt.MouseButton.LeftButton)
    assert wiring.facts.latched
    qtbot.mousePress(rearm, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: wiring.state.phase == "Held")
    made = len(wiring.state.observed)
    assert not wiring.facts.latched
    wiring.do("resume")
    until(qtbot, lambda: len(wiring.state.observed) > made)


def test_closing_a_campaign_in_progress_asks_and_the_next_window_offers_it_again(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    slow = replace(course, mode="approve", stop=replace(course.stop, budget=30))
    wiring = make_window(slow)
    connected(qtbot, wiring, slow)
    wiring.do("start")
    until(qtbot, lambda: wiring.state.waiting is not None)
    wiring.window.close()
    assert wiring.window.isVisible()
    qtbot.mouseClick(banner_button(wiring, "Keep going"), Qt.MouseButton.LeftButton)
    assert wiring.state.phase == "Running"
    wiring.window.close()
    with qtbot.waitSignal(wiring.bridge.closed, timeout=LONG_MS):
        qtbot.mouseClick(banner_button(wiring, "Hold and close"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not wiring.window.isVisible())

    again = make_window(course)
    connected(qtbot, again, course)
    until(qtbot, lambda: again.facts.unfinished is not None)
    assert "An unfinished campaign was found" in again.window.banner.text.text()
    qtbot.mouseClick(banner_button(again, "Go on"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: again.state.phase == "Held")
    again.do("resume")
    until(qtbot, lambda: again.state.phase == "Running")


def test_a_campaign_of_another_rig_is_offered_to_be_looked_at_only(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, own_folder: Path
) -> None:
    wiring = make_window(replace(colour, mode="approve"), speed=100.0)
    connected(qtbot, wiring, wiring.state.spec)
    wiring.do("start")
    until(qtbot, lambda: wiring.state.waiting is not None)
    shut(qtbot, wiring)

    whole = load_rig(path("rigs/virtual.toml"))
    file = own_folder / "small.toml"
    file.write_text(rig_to_toml(replace(whole, name="small", pumps={"water": whole.pumps["water"]})))
    again = make_window(colour, rig=file)
    connected(qtbot, again, colour)
    until(qtbot, lambda: again.facts.unfinished is not None)
    said = again.window.banner.text.text()
    assert f"It was begun on the rig {whole.name}; this one, small, has no pump red, yellow, blue." in said
    assert [b.text() for b in again.window.banner.buttons] == ["Look at it only", "Leave it"]
    again.session.open_rig(path("rigs/virtual.toml"), colour)
    until(qtbot, lambda: [b.text() for b in again.window.banner.buttons][:1] == ["Go on"])


def test_looking_only_shows_the_campaign_and_moves_nothing(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    held = replace(course, mode="approve")
    wiring = make_window(held)
    connected(qtbot, wiring, held)
    wiring.do("start")
    until(qtbot, lambda: wiring.state.waiting is not None)
    wiring.do("accept")
    until(qtbot, lambda: len(wiring.state.observed) == 1)
    shut(qtbot, wiring)

    again = make_window(course)
    connected(qtbot, again, course)
    until(qtbot, lambda: again.facts.unfinished is not None)
    qtbot.mouseClick(banner_button(again, "Look at it only"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: again.facts.looking_only and again.state.observed)
    assert not again.window.actions_["resume"].isEnabled()
    assert not again.window.actions_["start"].isEnabled()
    assert "Looking only" in again.window.banner.text.text()
    assert not again.window.actions_["label"].isEnabled()
    again.window.run_page.labelled.emit((1,), "outlier")
    assert "only looked at" in again.window.status.notes.toolTip()


def test_stop_after_this_measures_the_experiment_in_work_and_ends(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    wiring = make_window(colour, speed=100.0)
    connected(qtbot, wiring, colour)
    wiring.do("start")
    until(qtbot, lambda: any(e.status == "running" for e in wiring.state.experiments))
    number = wiring.state.experiments[-1].number
    wiring.do("stop_after")
    until(qtbot, lambda: wiring.state.finished)
    assert wiring.state.phase == "Stopped"
    assert [e.number for e in wiring.state.observed] == list(range(1, number + 1))


def test_a_rig_file_with_mistakes_is_told_in_the_banner(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, tmp_path: Path
) -> None:
    broken = tmp_path / "rig.toml"
    broken.write_text("format = 1\nnmae = 'x'\n", encoding="utf-8")
    wiring = make_window(colour, rig=broken, virtual=False)
    wiring.session.connect(colour)
    until(qtbot, lambda: wiring.facts.link == "failed")
    until(qtbot, lambda: wiring.window.banner.isVisible())
    assert "nmae" in wiring.window.banner.text.text()
    assert not wiring.window.actions_["start"].isEnabled()
    assert banner_button(wiring, "Try again")


@pytest.mark.parametrize("how", ["key", "button", "esc"])
def test_stop_all_works_without_a_campaign(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec, how: str
) -> None:
    wiring = make_window(course)
    connected(qtbot, wiring, course)
    window = wiring.window
    if how == "button":
        qtbot.mousePress(window.top.stop, Qt.MouseButton.LeftButton)
    elif how == "key":
        qtbot.keyClick(window, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    else:
        qtbot.keyClick(window, Qt.Key.Key_Escape)
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    until(qtbot, lambda: wiring.facts.latched)
    until(qtbot, lambda: window.banner.isVisible())
    assert not window.actions_["start"].isEnabled()


def test_the_space_bar_pauses_after_a_click_on_start(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    slow = replace(course, mode="approve")
    wiring = make_window(slow)
    window = wiring.window
    connected(qtbot, wiring, slow)
    qtbot.mouseClick(window.top.primary, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: wiring.state.phase == "Running")
    assert not window.top.stop.hasFocus()
    assert not window.top.stop_after.hasFocus()
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Space)
    until(qtbot, lambda: wiring.state.phase == "Held")
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Space)
    until(qtbot, lambda: wiring.state.phase == "Running")


def test_the_report_is_written_beside_the_journal(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("gui.showing.QDesktopServices.openUrl", lambda url: shown.append(url.toLocalFile()))
    wiring = make_window(course)
    connected(qtbot, wiring, course)
    wiring.do("start")
    until(qtbot, lambda: wiring.state.phase == "Complete")
    qtbot.mouseClick(banner_button(wiring, "report"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: shown)
    assert "<html" in Path(shown[0]).read_text(encoding="utf-8")
    assert wiring.facts.folder is not None
    assert Path(shown[0]).parent == wiring.facts.folder


def test_a_budget_changed_on_the_set_up_page_leaves_mode_beta_and_acquisition(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    """Whatever was set on the Run page stays in force, and the suggestion that waits goes on waiting."""
    wiring = make_window(course)
    wanted = replace(course, stop=replace(course.stop, budget=25))
    connected(qtbot, wiring, wanted)
    window, run = wiring.window, wiring.window.run_page
    window.setup_page.load(replace(wanted, mode="approve"))
    wiring.do("start")
    until(qtbot, lambda: wiring.state.waiting is not None)
    run.mode_changed.emit("automatic")  # at once one after the other: none undoes another
    run.mode_changed.emit("approve")
    run.beta_changed.emit(4.0)
    run.acquisition_changed.emit("ei")
    run.acquisition_changed.emit("ucb")
    run.acquisition_changed.emit("pi")
    until(qtbot, lambda: wiring.state.spec.strategy.acquisition == "pi")
    until(qtbot, lambda: wiring.state.waiting is not None)
    before = wiring.state
    assert (before.spec.mode, before.spec.strategy.beta) == ("approve", 4.0)
    window.show_page("setup")
    form = window.setup_page
    assert form.strategy.beta.text() == "4"
    assert form.strategy.mode.currentData() == "approve"
    form.strategy.budget.selectAll()
    qtbot.keyClicks(form.strategy.budget, "30")
    qtbot.mouseClick(form.summary.apply, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: wiring.state.spec.stop.budget == 30)
    after = wiring.state
    assert after.spec == replace(before.spec, stop=replace(before.spec.stop, budget=30))
    assert after.waiting == before.waiting
    until(qtbot, lambda: "Settings changed: budget 25 → 30." in run.log.text.toPlainText())


def test_after_a_refused_start_the_next_campaign_has_its_picture_and_an_empty_log(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    wiring = make_window(colour, speed=100.0)
    connected(qtbot, wiring, colour)
    wiring.do("start")
    until(qtbot, lambda: any(e.status == "running" for e in wiring.state.experiments))
    wiring.session.command("stop")
    until(qtbot, lambda: wiring.state.phase == "Stopped")
    column = replace(colour, objective=replace(colour.objective, kind="column", column="x", target_lab=None))
    wiring.window.setup_page.load(column)
    assert not wiring.window.actions_["start"].isEnabled()
    wiring.session.begin(column)
    until(qtbot, lambda: any("command line" in m for m in wiring.facts.mistakes))
    wiring.choose("dismiss")
    wiring.window.setup_page.load(colour)
    until(qtbot, lambda: wiring.window.actions_["start"].isEnabled())
    wiring.do("start")
    until(qtbot, lambda: wiring.state.phase == "Running")
    assert "Stopped" not in wiring.window.run_page.log.text.toPlainText()
    camera = wiring.window.run_page.camera
    until(qtbot, lambda: camera.has_picture and camera.sees.text())
    assert camera.isVisible()
    until(qtbot, lambda: any(e.slot == "A1" for e in wiring.state.experiments))
