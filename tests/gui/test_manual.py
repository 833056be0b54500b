"""By hand: the map, the jog pad and the pumps, on a virtual bench; and when they are refused."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.facts import Facts
from gui.panels.manual import ManualPage, refusal
from gui.wiring import Wiring
from hardware.rig_file import load_rig
from hardware.spec import RigSpec
from resources import path
from tests.gui.conftest import MakeWindow

LONG_MS = 90_000


@pytest.fixture
def rig() -> RigSpec:
    return load_rig(path("rigs/virtual.toml"))


@pytest.fixture
def page(qtbot: QtBot, rig: RigSpec, colour: CampaignSpec) -> ManualPage:
    made = ManualPage()
    qtbot.addWidget(made)
    made.resize(1200, 760)
    made.show()
    made.show_state(CampaignState(spec=colour), Facts(link="ready", rig=rig))
    return made


def test_it_is_refused_in_words_unless_the_campaign_rests(rig: RigSpec, colour: CampaignSpec) -> None:
    ready = Facts(link="ready", rig=rig)
    for phase in ("Idle", "Held", "Complete", "Stopped"):
        assert refusal(CampaignState(spec=colour, phase=phase), ready) is None  # type: ignore[arg-type]
    for phase in ("Running", "Holding", "Restarting", "Stopping", "Aborted"):
        assert refusal(CampaignState(spec=colour, phase=phase), ready)  # type: ignore[arg-type]
    idle = CampaignState(spec=colour)
    assert "Re-arm" in (refusal(idle, replace(ready, latched=True)) or "")
    assert refusal(idle, replace(ready, busy="Homing the stage")) == "Homing the stage…"
    assert "Pause first" in (refusal(CampaignState(spec=colour, phase="Running"), ready) or "")


def test_jog_steps_are_bounded_by_the_travel(qtbot: QtBot, page: ManualPage, rig: RigSpec) -> None:
    page.show_position((0.4, 50.0, 0.0))
    with qtbot.waitSignal(page.wanted) as wanted:
        qtbot.mouseClick(page.stage.pad["X −"], Qt.MouseButton.LeftButton)
    assert wanted.args is not None
    assert wanted.args[1:] == ["move_to", (0.0, 50.0, 0.0)]
    page.show_position((0.0, 50.0, 0.0))
    with qtbot.assertNotEmitted(page.wanted):
        qtbot.mouseClick(page.stage.pad["X −"], Qt.MouseButton.LeftButton)
    page.stage.step.set_value("10")
    with qtbot.waitSignal(page.wanted) as wanted:
        qtbot.keyClick(page, Qt.Key.Key_Right)
    assert wanted.args is not None
    assert wanted.args[2] == (10.0, 50.0, 0.0)
    with qtbot.waitSignal(page.wanted) as wanted:
        qtbot.keyClick(page, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert wanted.args is not None
    assert wanted.args[2] == (min(100.0, rig.stage.travel_mm[0]), 50.0, 0.0)


def test_up_raises_the_nozzles_and_a_step_beyond_the_limit_is_told(
    qtbot: QtBot, page: ManualPage, rig: RigSpec
) -> None:
    page.show_position((50.0, 50.0, 5.0))
    for act, z_mm in ((Qt.Key.Key_PageUp, 4.0), (Qt.Key.Key_PageDown, 6.0)):
        with qtbot.waitSignal(page.wanted) as wanted:
            qtbot.keyClick(page, act)
        assert wanted.args is not None
        assert wanted.args[2] == (50.0, 50.0, z_mm)
    with qtbot.waitSignal(page.wanted) as wanted:
        qtbot.mouseClick(page.stage.pad["nozzles up, Z −"], Qt.MouseButton.LeftButton)
    assert wanted.args is not None
    assert wanted.args[2] == (50.0, 50.0, 4.0)
    page.show_position((rig.stage.travel_mm[0], 50.0, 0.0))
    with qtbot.assertNotEmitted(page.wanted):
        qtbot.mouseClick(page.stage.pad["nozzles up, Z −"], Qt.MouseButton.LeftButton)
    assert page.words.full == "The nozzles are as high as they go (Z 0\u202fmm). Nothing moved."
    with qtbot.assertNotEmitted(page.wanted):
        qtbot.keyClick(page, Qt.Key.Key_Right)
    assert "at its limit (X 150" in page.words.full


def test_a_click_on_the_map_asks_for_that_vial(qtbot: QtBot, page: ManualPage, rig: RigSpec) -> None:
    page.show_position((0.0, 0.0, 0.0))
    with qtbot.waitSignal(page.wanted) as wanted:
        qtbot.mouseClick(page.map, Qt.MouseButton.LeftButton, pos=page.map.place("C4").toPoint())
    assert wanted.args is not None
    assert wanted.args[2][:2] == rig.rack.position_mm("C4")
    page.show_position((*rig.rack.position_mm("C4"), 0.0))
    assert page.map.slot_at_station == "C4"
    assert page.pumps.rows["red"].dispense.isEnabled()


def test_nothing_can_be_pressed_while_a_campaign_is_going(
    qtbot: QtBot, page: ManualPage, rig: RigSpec, colour: CampaignSpec
) -> None:
    page.show_position((*rig.rack.position_mm("A1"), 0.0))
    page.show_state(CampaignState(spec=colour, phase="Running"), Facts(link="ready", rig=rig))
    assert "Press Pause first" in page.words.full
    with qtbot.assertNotEmitted(page.wanted):
        qtbot.mouseClick(page.map, Qt.MouseButton.LeftButton, pos=page.map.place("B2").toPoint())
        qtbot.mouseClick(page.stage.pad["X +"], Qt.MouseButton.LeftButton)
        qtbot.mouseClick(page.pumps.rows["red"].dispense, Qt.MouseButton.LeftButton)
        qtbot.mouseClick(page.stage.home_button, Qt.MouseButton.LeftButton)


def test_home_go_and_dispense_on_the_virtual_bench(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    wiring: Wiring = make_window(colour, speed=100.0)
    wiring.session.connect(colour)
    window = wiring.window
    window.show_page("manual")

    def idle() -> bool:
        return wiring.facts.link == "ready" and not wiring.facts.busy and not wiring.session.facts.busy

    def until(condition: object) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=LONG_MS)  # type: ignore[operator]

    until(idle)
    qtbot.mouseClick(window.manual_page.stage.home_button, Qt.MouseButton.LeftButton)
    until(lambda: wiring.session.homed and idle())
    until(lambda: window.manual_page.stage.pad["X +"].isEnabled())
    qtbot.mouseClick(
        window.manual_page.map, Qt.MouseButton.LeftButton, pos=window.manual_page.map.place("A2").toPoint()
    )
    until(lambda: idle() and window.manual_page.map.slot_at_station == "A2")
    row = window.manual_page.pumps.rows["blue"]
    until(row.dispense.isEnabled)
    left_ul = wiring.session.pumps_left_ul()["blue"]
    row.volume.setValue(500)
    qtbot.mouseClick(row.dispense, Qt.MouseButton.LeftButton)
    until(lambda: wiring.session.contents_ul()["A2"] == pytest.approx(500, abs=1) and idle())
    until(lambda: wiring.session.pumps_left_ul()["blue"] == pytest.approx(left_ul - 500, abs=1))
    until(lambda: "vial A2" in window.manual_page.words.full)
    row.volume.setValue(row.volume.maximum())
    qtbot.mouseClick(row.dispense, Qt.MouseButton.LeftButton)
    until(lambda: bool(wiring.facts.mistakes))
    assert wiring.session.contents_ul()["A2"] == pytest.approx(500, abs=1)


def test_a_fresh_rack_takes_two_presses_and_no_campaign(
    qtbot: QtBot, page: ManualPage, rig: RigSpec, colour: CampaignSpec
) -> None:
    wanted: list[tuple[str, str, tuple[object, ...]]] = []
    page.wanted.connect(lambda *what: wanted.append(what))
    qtbot.mouseClick(page.fresh, Qt.MouseButton.LeftButton)
    assert "Is every vial" in page.words.text() + page.words.toolTip()
    qtbot.mouseClick(page.no, Qt.MouseButton.LeftButton)
    assert page.fresh.text() == "Fresh rack, full syringes"
    qtbot.mouseClick(page.fresh, Qt.MouseButton.LeftButton)
    assert wanted == []
    qtbot.mouseClick(page.fresh, Qt.MouseButton.LeftButton)
    assert [act for _, act, _ in wanted] == ["fresh"]
    page.show_state(CampaignState(spec=colour, phase="Held"), Facts(link="ready", rig=rig))
    assert not page.fresh.isEnabled()
    assert "End it first" in page.fresh.toolTip()


def test_a_fresh_rack_is_what_the_books_say(qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec) -> None:
    wiring = make_window(colour, virtual=True, speed=100.0)
    wiring.session.connect(colour)
    qtbot.waitUntil(lambda: wiring.facts.link == "ready", timeout=LONG_MS)
    rig = wiring.session._lab.rig
    assert rig is not None
    rig.set_contents("A1", 900.0)
    rig.loaded("red", 1000.0)
    wiring.session.by_hand("Noting that all is clean and full", "fresh")
    qtbot.waitUntil(lambda: not wiring.session.facts.busy, timeout=LONG_MS)
    qtbot.waitUntil(lambda: wiring.session.contents_ul()["A1"] == 0.0, timeout=LONG_MS)
    qtbot.waitUntil(
        lambda: wiring.session.pumps_left_ul()["red"] == rig.spec.pumps["red"].capacity_ul, timeout=LONG_MS
    )


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [1.0, 1.6])
def test_it_needs_no_scrolling_sideways_on_the_smallest_screen(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, rig: RigSpec, scale: float, theme: str
) -> None:
    wiring = make_window(colour, theme=theme)
    window, page = wiring.window, wiring.window.manual_page
    window.resize(1280, 800)
    window.show_page("manual")
    page.show_state(CampaignState(spec=colour), Facts(link="ready", rig=rig))
    for now in (scale, 1.0, scale):  # and back again
        window._scale = now
        window.redress()
        area = window.pages.currentWidget()
        assert isinstance(area, QScrollArea)
        beside = now > 1.0  # the stage beside the camera, and the pumps in a row of their own
        qtbot.waitUntil(lambda beside=beside: (page.stage.y() == page.camera.y()) is beside)
        qtbot.waitUntil(lambda area=area: area.horizontalScrollBar().maximum() == 0)
        for part in (page.map_card, page.camera, page.stage, page.pumps):
            assert part.mapTo(page, part.rect().bottomRight()).x() < page.width()
        for button in page.stage.step.buttons.values():
            assert button.width() > button.fontMetrics().horizontalAdvance(button.text())
