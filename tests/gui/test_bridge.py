"""What crosses from other threads arrives in the window's thread, the newest of each kind."""

import threading

from pytestqt.qtbot import QtBot

from gui.bridge import Bridge


def test_states_are_latest_wins_and_events_come_one_by_one_in_the_windows_thread(qtbot: QtBot) -> None:
    bridge = Bridge()
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


def test_each_kind_has_its_own_slot(qtbot: QtBot) -> None:
    bridge = Bridge()
    got: dict[str, object] = {}
    for name in ("state", "model", "facts", "reading", "position"):
        getattr(bridge, f"{name}_changed").connect(lambda value, name=name: got.__setitem__(name, value))
        getattr(bridge, f"post_{name}")(f"a {name}")
    qtbot.waitUntil(lambda: len(got) == 5, timeout=60_000)
    assert got == {name: f"a {name}" for name in got}
