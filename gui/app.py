"""Opens the window. The composition root: the only place of the window that knows the virtual bench."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from pyqtgraph.util.garbage_collector import GarbageCollector
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from campaign.config import load_campaign
from campaign.spec import CampaignSpec
from gui.bridge import Bridge
from gui.lab import Bench
from gui.main_window import MainWindow
from gui.session import Session
from gui.theme import Choice
from gui.wiring import Wiring
from hardware.spec import RigSpec
from resources import shipped_campaigns

DEFAULT_CAMPAIGN = "colour"
DEFAULT_SPEED = 10.0
SIGNAL_MS = 100


def main(
    campaign: str | Path | None = None,
    rig: Path | None = None,
    speed: float | None = None,
    theme: Choice = "system",
    *,
    virtual: bool | None = None,
    seed: int = 0,
    out: Path | None = None,
    screenshot: Path | None = None,
    after: int = 12,
) -> int:
    """Show the window until it is closed; returns the exit code.

    campaign: a file, or the name of a shipped one; the colour campaign when nothing is named. rig: a rig file,
    taken as it is; without one the shipped rig on the virtual bench, whose clock goes `speed` times as fast.
    virtual: rehearse the rig file on the virtual bench. out: the campaign's folder. screenshot: start the
    campaign, save a picture of each page beside this file name once `after` experiments are measured, and close.
    """
    spec = load_campaign(campaign_path(campaign))
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("Aliquot")
    _collector = GarbageCollector()  # in this thread alone: a widget that ends in another takes the program with it
    on_bench = rig is None if virtual is None else virtual
    wiring = build(app, spec, rig, virtual=on_bench, speed=speed, seed=seed, out=out, theme=theme)
    heed_signals(wiring)
    wiring.window.show()
    QTimer.singleShot(0, lambda: wiring.session.connect(spec))
    if screenshot is not None:
        from gui.screenshot import take_when_ready

        take_when_ready(wiring, screenshot, after)
    return app.exec()


def heed_signals(wiring: Wiring) -> None:
    """Ctrl+C, a logout or a closed terminal: every device stops, then the journal is closed and the window goes."""

    def leave() -> None:
        wiring.session.stop_all()
        wiring.session.close()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        threading.Thread(target=leave, name="asked to leave").start()  # what it interrupts may hold a lock

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
    alive = QTimer(wiring, interval=SIGNAL_MS)  # Qt's loop lets Python see a signal only when it calls Python
    alive.timeout.connect(lambda: None)
    alive.start()


def campaign_path(named: str | Path | None) -> Path:
    """The campaign file: the one named, or a shipped one by its name."""
    shipped = shipped_campaigns()
    if named is None:
        return shipped[DEFAULT_CAMPAIGN]
    path = Path(named)
    return path if path.exists() or str(named) not in shipped else shipped[str(named)]


def build(
    app: QApplication,
    spec: CampaignSpec,
    rig: Path | None = None,
    *,
    virtual: bool = True,
    speed: float | None = None,
    seed: int = 0,
    out: Path | None = None,
    theme: Choice = "system",
) -> Wiring:
    """The window with all its wires, not yet shown and not yet connected to anything."""
    pace = (speed or DEFAULT_SPEED) if virtual else 1.0

    def make_bench(rig_spec: RigSpec) -> Bench:
        from hardware.virtual.bench import VirtualBench

        return VirtualBench(rig_spec, speed=pace, seed=seed)

    window = MainWindow(app, spec, theme)
    bridge = Bridge(window)
    session = Session(
        bridge, make_bench=make_bench if virtual else None, rig_path=rig, speed=pace, seed=seed, out=out
    )
    return Wiring(window, session, bridge, spec)


if __name__ == "__main__":
    sys.exit(main())
