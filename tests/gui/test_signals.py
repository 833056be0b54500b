"""A logout in the middle of a campaign: devices stop, the journal is closed, the next window offers to go on."""

import signal
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from gui.app import heed_signals
from tests.gui.conftest import MakeWindow
from tests.gui.test_app import connected, until


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_devices_and_closes_the_journal(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, number: int
) -> None:
    wiring = make_window(colour, speed=100.0)
    heed_signals(wiring)
    connected(qtbot, wiring, colour)
    wiring.do("start")
    until(qtbot, lambda: any(e.status == "running" for e in wiring.state.experiments))
    with qtbot.waitSignal(wiring.bridge.closed, timeout=60_000):
        signal.raise_signal(number)
    again = make_window(colour, speed=100.0)
    again.session.connect(colour)
    until(qtbot, lambda: again.facts.unfinished is not None)


def test_a_signal_in_the_middle_of_what_the_window_does_holds_nothing_up(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    wiring = make_window(course)
    heed_signals(wiring)
    with wiring.session._lock, wiring.session._stopping._telling:
        signal.raise_signal(signal.SIGTERM)
    until(qtbot, lambda: wiring.session.closed)
    assert wiring.session.facts.latched
