"""What crosses from other threads arrives in the window's thread, the newest of each kind."""

import threading
import weakref

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.bridge import Bridge


def test_states_are_latest_wins_and_events_come_one_by_one_in_the_windows_thread(
    qapp: QApplication, qtbot: QtBot
) -> None:
    bridge = Bridge(qapp)
    states: list[object] = []
    events: list[object] = []
    threads: set[int] = set()
    bridge.state_changed.connect(lambda s: (states.append(s), threads.add(threading.get_ident())))
    bridge.event_happened.connect(lambda e: (events.append(e), threads.add(threading.get_ident())))

    def work() -> None:
        for number in range(500):
            bridge.post_event(f"event {number}", number)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    qtbot.waitUntil(lambda: len(events) == 500 and bool(states) and states[-1] == 499, timeout=60_000)
    assert events == [f"event {n}" for n in range(500)]
    assert len(states) < 500
    assert threads == {threading.get_ident()}


def test_each_kind_has_its_own_slot(qapp: QApplication, qtbot: QtBot) -> None:
    bridge = Bridge(qapp)
    got: dict[str, object] = {}
    for name in ("state", "model", "insight", "facts", "reading", "position"):
        getattr(bridge, f"{name}_changed").connect(lambda value, name=name: got.__setitem__(name, value))
        getattr(bridge, f"post_{name}")(f"a {name}")
    qtbot.waitUntil(lambda: len(got) == 6, timeout=60_000)
    assert got == {name: f"a {name}" for name in got}


def test_it_ends_in_the_windows_thread_whoever_lets_go_of_it_last(qapp: QApplication, qtbot: QtBot) -> None:
    parent = QObject()
    held = [Bridge(parent)]
    ended_in: list[int] = []
    weakref.finalize(held[0], lambda: ended_in.append(threading.get_ident()))

    def lets_go() -> None:
        held[0].post_facts("late")
        held.clear()

    worker = threading.Thread(target=lets_go)
    worker.start()
    worker.join()
    assert ended_in == []
    parent.deleteLater()
    del parent
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert ended_in == [threading.get_ident()]


def test_after_the_end_nothing_is_told(qapp: QApplication, qtbot: QtBot) -> None:
    bridge = Bridge(qapp)
    told: list[object] = []
    bridge.device_told.connect(lambda what, payload: told.append((what, payload)))
    bridge.plugged.connect(told.append)
    bridge.facts_changed.connect(told.append)
    with qtbot.waitSignal(bridge.closed):
        bridge.end()
    bridge.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert not shiboken6.isValid(bridge)
    bridge.tell_device("done", "")
    bridge.tell_plugged("COM1")
    bridge.post_facts("late")
    assert told == []
