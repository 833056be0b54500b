"""A release of a window undoes the Stop all that it was pressed for, and no later one."""

import threading
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from campaign import opening
from campaign.loop import Campaign
from campaign.spec import CampaignSpec
from gui.wiring import Wiring
from hardware.latch import moment
from tests.gui.conftest import MakeWindow
from tests.gui.test_app import banner_button, connected, until
from tests.gui.test_typed import TYPED


@pytest.fixture
def stopped(qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec) -> Wiring:
    """A window whose campaign was stopped in the middle."""
    wiring = make_window(colour, speed=100.0)
    connected(qtbot, wiring, colour)
    wiring.do("start")
    until(qtbot, lambda: any(e.status == "running" for e in wiring.state.experiments))
    wiring.session.stop_all()
    until(qtbot, lambda: wiring.state.phase == "Aborted")
    return wiring


def in_force(wiring: Wiring) -> bool:
    rig, campaign = wiring.session._lab.rig, wiring.session.campaign
    assert rig is not None
    assert campaign is not None
    return rig.stopped and campaign._hands.stopped and wiring.session.facts.latched


def test_a_stop_all_between_the_release_of_the_campaign_and_that_of_the_rig_stays_in_force(
    qtbot: QtBot, stopped: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, rearmed = stopped.session, threading.Event()
    campaign, rig = session.campaign, session._lab.rig
    assert campaign is not None
    assert rig is not None
    rearm, stop_all = campaign.rearm, rig.stop_all
    sent = threading.Event()

    def stop_and_tell() -> tuple[str, ...]:
        unconfirmed = stop_all()
        sent.set()
        return unconfirmed

    def and_a_stop(*asked: Any) -> None:
        rearm(*asked)
        campaign.wait(30)
        monkeypatch.setattr(rig, "stop_all", stop_and_tell)
        session.stop_all()
        assert sent.wait(30)
        rearmed.set()

    monkeypatch.setattr(campaign, "rearm", and_a_stop)
    with qtbot.waitSignal(stopped.bridge.facts_changed, timeout=30_000):
        stopped.choose(f"rearm:{moment()}")
    assert rearmed.wait(30)
    session._work.submit(int).result(30)
    assert in_force(stopped)
    assert campaign._hands._stop is not None
    campaign._hands._stop.result(30)  # the campaign's own stop of the rig is out too: a press now is later
    monkeypatch.undo()
    stopped.choose(f"rearm:{moment()}")
    until(qtbot, lambda: stopped.state.phase == "Held" and not stopped.facts.latched)
    assert not rig.stopped


def test_a_stop_all_while_the_button_is_held_is_not_undone_by_it(qtbot: QtBot, stopped: Wiring) -> None:
    session = stopped.session
    session._work.submit(int).result(30)
    until(qtbot, lambda: session.facts == stopped.facts)
    button = banner_button(stopped, "Re-arm")
    qtbot.mousePress(button, Qt.MouseButton.LeftButton)
    campaign = session.campaign
    assert campaign is not None
    campaign.stop_all("somebody else")
    with qtbot.waitSignal(button.held, timeout=30_000):
        pass
    session._work.submit(int).result(30)
    assert campaign.wait(30)
    assert in_force(stopped)
    assert stopped.state.phase == "Aborted"
    until(qtbot, lambda: "again meanwhile" in stopped.window.banner.text.text())


def test_a_stop_of_the_port_owner_beside_a_campaign_without_the_rig_is_released(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    wiring = make_window(colour, speed=100.0)
    connected(qtbot, wiring, colour)
    wiring.showing.show_idle(TYPED)
    wiring.session.begin(TYPED)
    until(qtbot, lambda: wiring.state.phase == "Held" and wiring.state.question is not None)
    rig: Any = wiring.session._lab.rig
    rig._heard({"stopped": "the stop door", "unconfirmed": []})
    until(qtbot, lambda: wiring.facts.latched)
    wiring.choose(f"rearm:{moment()}")
    until(qtbot, lambda: not wiring.facts.latched)
    assert not rig.stopped
    assert wiring.state.question is not None, "who types a value is not disturbed by the rig"


def test_a_stop_all_while_the_campaign_is_being_opened_reaches_it_and_is_released(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = make_window(colour, speed=100.0)
    connected(qtbot, wiring, colour)
    session, begin, told = wiring.session, opening.begin, threading.Event()
    stop_all = session._lab.stop_all

    def stop_and_tell() -> tuple[str, ...]:
        unconfirmed = stop_all()
        told.set()
        return unconfirmed

    def stopped_meanwhile(*values: Any, **named: Any) -> Campaign:
        session.stop_all()
        assert told.wait(30)
        return begin(*values, **named)

    monkeypatch.setattr(session._lab, "stop_all", stop_and_tell)
    monkeypatch.setattr(opening, "begin", stopped_meanwhile)
    wiring.do("start")
    until(qtbot, lambda: wiring.state.phase == "Aborted" and not wiring.facts.starting)
    assert not wiring.state.experiments, "nothing was begun"
    campaign = session.campaign
    assert campaign is not None
    assert campaign._hands._stop is not None
    campaign._hands._stop.result(30)
    wiring.choose(f"rearm:{moment()}")
    until(qtbot, lambda: wiring.state.phase == "Held" and not wiring.facts.latched)
    wiring.do("resume")
    until(qtbot, lambda: wiring.state.observed)
