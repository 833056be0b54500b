"""Pictures of the window for the papers: the devices at rest, then a campaign, every other page, close."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer

from gui.panels.mode_rail import PAGES
from gui.wiring import Wiring

LOOK_MS = 200
SETTLE_MS = 900
_FIRST = "devices"
"""While a campaign uses the rig they are not asked."""


def take_when_ready(wiring: Wiring, path: Path, after: int) -> None:
    """Saves name_run.png, name_setup.png and so on, one per page, for a `path` of name.png."""
    timer = QTimer(wiring, interval=LOOK_MS)
    window = wiring.window
    left = ["run", *(page for page in PAGES if page not in ("run", _FIRST))]
    taken: list[str] = []

    def look() -> None:
        facts = wiring.facts
        if facts.unfinished is not None:
            wiring.session.leave_unfinished()
        elif wiring.state.phase == "Idle" and facts.link == "ready" and not facts.starting:
            if not taken:
                show_devices()
            else:
                wiring.start()
        if len(wiring.state.observed) >= after or wiring.state.finished:
            timer.stop()
            show_next()

    def show_devices() -> None:
        window.show_page(_FIRST)
        if window.devices_page.connected.devices or wiring.facts.rig is None:
            timer.stop()
            QTimer.singleShot(SETTLE_MS, lambda: grab(_FIRST, timer.start))

    def show_next() -> None:
        if not left:
            wiring.session.close()
            return
        window.show_page(left[0])
        QTimer.singleShot(SETTLE_MS, lambda: grab(left.pop(0), show_next))

    def grab(page: str, then: Callable[[], object]) -> None:
        taken.append(page)
        window.grab().save(str(path.with_name(f"{path.stem}_{page}{path.suffix or '.png'}")))
        then()

    timer.timeout.connect(look)
    timer.start()
