"""A window that stands still is written down while it does, and told once it goes on."""

import time

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from gui.stall import StallWatch
from tests.gui.conftest import MakeWindow


def test_a_stall_is_logged_with_its_place_and_told_afterwards(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    parent = QObject()
    now_s = [0.0]  # on a clock of its own it stalls once, however busy the machine is
    watch = StallWatch(parent, limit_s=0.8, clock=lambda: now_s[0])
    stood: list[float] = []
    watch.stalled.connect(stood.append)
    now_s[0] = 1.0
    deadline = time.monotonic() + 20.0
    while "has stood still" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.05)  # the GUI thread hangs here, and its clock does not tick
    assert "has stood still" in caplog.text
    assert "test_a_stall_is_logged" in caplog.text, "where it hangs"
    assert not stood
    qtbot.waitUntil(lambda: bool(stood), timeout=60_000)
    assert stood == [1.0]
    assert caplog.text.count("has stood still") == 1
    watch.close()


def test_the_banner_says_so_once_the_window_is_back(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    wiring = make_window(course)
    wiring._stall.stalled.emit(41.0)
    qtbot.waitUntil(wiring.window.banner.isVisible, timeout=60_000)
    assert "stood still for 41" in wiring.window.banner.text.text()
