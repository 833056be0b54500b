"""Pictures of the window for the papers: start, wait for some experiments, grab every page, close."""

from pathlib import Path

from PySide6.QtCore import QTimer

from gui.panels.mode_rail import PAGES
from gui.wiring import Wiring

LOOK_MS = 200
SETTLE_MS = 900


def take_when_ready(wiring: Wiring, path: Path, after: int) -> None:
    """Saves name_run.png, name_setup.png and name_manual.png for a `path` of name.png."""
    timer = QTimer(wiring, interval=LOOK_MS)
    left = ["run", *(p for p in PAGES if p != "run")]

    def look() -> None:
        facts = wiring.facts
        if facts.unfinished is not None:
            wiring.session.leave_unfinished()
        elif wiring.state.phase == "Idle" and facts.link == "ready" and not facts.starting:
            wiring.start()
        if len(wiring.state.observed) >= after or wiring.state.finished:
            timer.stop()
            show_next()

    def show_next() -> None:
        if not left:
            wiring.session.close()
            return
        wiring.window.show_page(left[0])
        QTimer.singleShot(SETTLE_MS, grab)

    def grab() -> None:
        page = left.pop(0)
        wiring.window.grab().save(str(path.with_name(f"{path.stem}_{page}{path.suffix or '.png'}")))
        show_next()

    timer.timeout.connect(look)
    timer.start()
