"""The top bar, the banner and the status bar, from states; and the words in them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from campaign.events import Asked, AttemptStarted, Finished, Observed, Suggested
from campaign.spec import CampaignSpec
from campaign.state import CampaignState, Experiment
from campaign.steps import Dose
from gui.actions import Actions
from gui.facts import DeviceFact, Facts, Unfinished
from gui.notices import Notice, notice
from gui.pace import Pace
from gui.panels.banner import Banner
from gui.panels.status_bar import StatusBar
from gui.panels.top_bar import TopBar
from gui.theme import DARK
from gui.units import duration, volume
from gui.words import badge, progress, sentence


@pytest.fixture
def running(colour: CampaignSpec) -> CampaignState:
    experiments = tuple(Experiment(n, {}, "done", "strategy", value=1.0) for n in (1, 2))
    return CampaignState(
        spec=colour, phase="Running", experiments=(*experiments, Experiment(3, {}, "running", "strategy")),
        step=Dose("A3", "red", 240.0, 100.0), step_index=2, step_count=6,
    )  # fmt: skip


def test_words_of_a_campaign(running: CampaignState) -> None:
    assert sentence(running) == "Experiment 3, step 3 of 6: dose 240 µL of red into A3"
    assert badge(running).word == "RUNNING 2/8"
    noon = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
    assert progress(running, 6720.0, noon).startswith("2 of 8 · about 1\u202fh 52\u202fmin left (done ≈ 13:52)")
    asked = replace(running, phase="Held", question=Asked(3, "Is the vial empty?", ("retry", "fail")))
    assert badge(asked).word == "NEEDS YOU"
    assert sentence(asked) == "Is the vial empty?"
    waiting = replace(
        running, spec=replace(running.spec, mode="approve"), waiting=Suggested(4, {}, None, None, None, "", "gp")
    )
    assert badge(waiting).word == "NEEDS YOU"
    assert "Experiment 4 waits" in sentence(waiting)


def test_every_phase_has_a_shape_and_a_word(running: CampaignState) -> None:
    from campaign.events import Phase

    seen = {badge(replace(running, phase=phase)).icon for phase in Phase.__args__}  # type: ignore[attr-defined]
    assert {"ready", "play", "pause", "stop", "check"} <= seen


def test_numbers_as_people_write_them() -> None:
    assert volume(240.0) == "240\u202fµL"
    assert volume(1250.0) == "1.25\u202fmL"
    assert [duration(s) for s in (4, 59.6, 725, 6720, 190_000)] == [
        "4\u202fs", "1\u202fmin", "12\u202fmin", "1\u202fh 52\u202fmin", "2\u202fd 5\u202fh",
    ]  # fmt: skip


def test_the_bar_shows_the_state_and_stops_on_the_way_down(qtbot: QtBot, running: CampaignState) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    bar = TopBar(Actions(window))
    qtbot.addWidget(bar)
    bar.set_theme(DARK)
    bar.resize(1176, 56)
    bar.show()
    bar.show_state(running, 60.0)
    assert bar.chip.word.text() == "RUNNING 2/8"
    assert bar.sentence.full.startswith("Experiment 3")
    assert (bar.progress.value(), bar.progress.maximum()) == (2, 8)
    assert bar.primary.text() == "Pause"
    assert (bar.stop.width(), bar.stop.height()) == (150, 44)
    with qtbot.waitSignal(bar.stop_all):
        qtbot.mousePress(bar.stop, Qt.MouseButton.LeftButton)
    bar.show_state(replace(running, phase="Held"))
    assert bar.primary.text() == "Resume"


def test_the_most_urgent_notice_is_the_one_that_is_shown(running: CampaignState) -> None:
    asked = replace(running, phase="Held", question=Asked(3, "Is it empty?", ("retry", "new vial")))
    assert notice(running, Facts()) is None
    found = notice(asked, Facts())
    assert found is not None
    assert [c.text for c in found.choices] == ["Retry", "New vial"]
    failed = notice(asked, Facts(mistakes=("The pump does not answer.",)))
    assert failed is not None
    assert failed.text == "The pump does not answer.\nIs it empty?"
    assert [c.name for c in failed.choices] == ["answer:retry", "answer:new vial", "dismiss"]
    stopped = Facts(latched=True, stopped_at=datetime(2025, 5, 1, 14, 12, 3, tzinfo=UTC), unconfirmed=("red",))
    urgent = notice(asked, stopped, closing=True)
    assert urgent is not None
    assert "14:12:03" in urgent.text
    assert "not confirmed by red" in urgent.text
    assert [c.hold for c in urgent.choices] == [True]
    for by, said in (
        ("aliquot stop", "14:12:03 by aliquot stop"),
        ("the program has ended", "(the program has ended)"),
    ):
        urgent = notice(asked, replace(stopped, stopped_by=by))
        assert urgent is not None
        assert said in urgent.text
    crash = notice(running, Facts(unfinished=Unfinished(Path("x"), "Gel", 7, "dose 40 µL of red into B1")))
    assert crash is not None
    assert "In doubt: dose 40 µL of red into B1" in crash.text


def test_the_banner_emits_the_choice_and_a_hold_needs_a_second(qtbot: QtBot, running: CampaignState) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.set_theme(DARK)
    asked = replace(running, phase="Held", question=Asked(3, "Is it empty?", ("retry", "new vial")))
    banner.show_notice(notice(asked, Facts()))
    with qtbot.waitSignal(banner.chosen) as chosen:
        qtbot.mouseClick(banner.buttons[1], Qt.MouseButton.LeftButton)
    assert chosen.args == ["answer:new vial"]
    banner.show_notice(notice(running, Facts(latched=True)))
    hold = banner.buttons[0]
    with qtbot.assertNotEmitted(banner.chosen):
        qtbot.mouseClick(hold, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(banner.chosen, timeout=20_000):
        qtbot.mousePress(hold, Qt.MouseButton.LeftButton)
    banner.show_notice(None)
    assert not banner.isVisible()


def test_the_status_bar_names_devices_and_the_simulation(qtbot: QtBot) -> None:
    bar = StatusBar()
    qtbot.addWidget(bar)
    bar.set_theme(DARK)
    bar.show_devices((DeviceFact("pump red", "24 mL", "ok"), DeviceFact("stage", "not homed", "warn")))
    bar.show_simulated(True)
    bar.show()
    words = [label.text() for _, label in bar._labels if label.isVisible()]
    assert words == ["pump red 24 mL", "stage not homed"]
    assert bar.simulated.isVisible()


def test_the_pace_is_learnt_from_experiments_and_not_from_waiting(running: CampaignState) -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace.seconds_left(running) is None
    for _ in range(2):
        pace.hear(AttemptStarted(1, 1, "A1", ()))
        now[0] += 50.0
        pace.hear(Observed(1, 1, {}, 1.0, None))
        now[0] += 500.0
    assert pace.seconds_left(running) == pytest.approx(300.0)


def test_the_end_is_told_with_the_best_point_and_a_message_comes_before_it(running: CampaignState) -> None:
    over = replace(running, phase="Complete", why="the budget of 8 experiments is used", experiments=())
    best = {"red": 440.0, "yellow": 1060.0, "blue": 1600.0, "water": 900.0}
    told = notice(over, Facts(), ended=Finished("budget", 8, best, 1.76, 0.3, 60.0))
    assert told is not None
    assert told.text.startswith(
        "The budget of 8 experiments is used. Best: colour difference 1.8 ± 0.3\u202fΔE00 with red"
    )
    for count, words in ((1, "(measured once: unreplicated)."), (3, "(3 readings).")):
        made = tuple(Experiment(i + 1, best, "done", "strategy", value=1.8) for i in range(count))
        told = notice(replace(over, experiments=made), Facts(), ended=Finished("budget", 8, best, 1.76, 0.3, 60.0))
        assert told is not None
        assert told.text.endswith(words)
    message = Notice("ok", "The report is written: x")
    assert notice(over, Facts(), message=message) is message
