"""Real windows, offscreen. Nothing of the user's own folders is touched."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from campaign.config import load_campaign
from campaign.spec import CampaignSpec, StopSpec
from gui import app as front
from gui.wiring import Wiring
from resources import path

MakeWindow = Callable[..., Wiring]


@pytest.fixture(autouse=True)
def _garbage_ends_in_this_thread() -> Iterator[None]:
    """As in the program: what Qt made is collected nowhere else. Nothing of a test is left to the next."""
    gc.disable()
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Campaigns of the tests lie in their own folder, found again by the next window of the same test."""
    monkeypatch.setattr("campaign.opening.campaigns_folder", lambda: tmp_path / "campaigns")
    (tmp_path / "campaigns").mkdir()
    return tmp_path


@pytest.fixture
def course() -> CampaignSpec:
    """A campaign that needs no bench: fast, and every part of the loop takes part."""
    spec = load_campaign(path("campaigns/course.toml"))
    return replace(spec, stop=StopSpec(budget=8), mode="automatic")


@pytest.fixture
def colour() -> CampaignSpec:
    return replace(load_campaign(path("campaigns/colour.toml")), stop=StopSpec(budget=8), mode="automatic")


@pytest.fixture
def make_window(qapp: QApplication, qtbot: QtBot) -> Iterator[MakeWindow]:
    """Opens windows; closes them, and waits until everything behind them is closed."""
    opened: list[Wiring] = []
    before = at_work()

    def make(spec: CampaignSpec, **options: object) -> Wiring:
        wiring = front.build(qapp, spec, **options)  # type: ignore[arg-type]
        opened.append(wiring)
        wiring.window.show()
        return wiring

    yield make
    for wiring in opened:
        shut(qtbot, wiring)

    def ended() -> None:
        assert at_work() <= before

    qtbot.waitUntil(ended, timeout=60_000)
    for wiring in opened:
        if shiboken6.isValid(wiring.window):
            wiring.window.deleteLater()


def shut(qtbot: QtBot, wiring: Wiring) -> None:
    """Close for good, whatever is going on."""
    wiring.session.close()
    qtbot.waitUntil(lambda: wiring.session.closed, timeout=60_000)


def at_work() -> set[threading.Thread]:
    """The threads of windows."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("aliquot-")}
