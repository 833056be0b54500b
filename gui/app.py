"""Opens the window. The composition root: the only place of the window that knows the virtual bench."""

import sys
from importlib.resources import as_file, files
from pathlib import Path

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

DEFAULT_CAMPAIGN = "colour.toml"
DEFAULT_SPEED = 10.0


def main(
    campaign: Path | None = None,
    rig: Path | None = None,
    *,
    virtual: bool = True,
    speed: float | None = None,
    seed: int = 0,
    out: Path | None = None,
    theme: Choice = "system",
    screenshot: Path | None = None,
    after: int = 12,
) -> int:
    """Show the window until it is closed; returns the exit code.

    campaign, rig: files; the shipped colour campaign on the shipped rig without them. virtual: on the virtual
    bench, whose clock goes `speed` times as fast. out: the campaign's folder. screenshot: start the campaign,
    save a picture of each page beside this file name once `after` experiments are measured, and close.
    """
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("Aliquot")
    spec = load_campaign(campaign) if campaign is not None else shipped_campaign()
    wiring = build(app, spec, rig, virtual=virtual, speed=speed, seed=seed, out=out, theme=theme)
    window = wiring.window
    window.show()
    QTimer.singleShot(0, lambda: wiring.session.connect(spec))
    if screenshot is not None:
        from gui.screenshot import take_when_ready

        take_when_ready(wiring, screenshot, after)
    return app.exec()


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

        bench = VirtualBench(rig_spec, speed=pace, seed=seed)
        bench.__enter__()
        return bench

    bridge = Bridge()
    session = Session(
        bridge, make_bench=make_bench if virtual else None, rig_path=rig, speed=pace, seed=seed, out=out
    )
    window = MainWindow(app, spec, theme)
    return Wiring(window, session, bridge, spec)


def shipped_campaign(name: str = DEFAULT_CAMPAIGN) -> CampaignSpec:
    with as_file(files("resources").joinpath("campaigns", name)) as path:
        return load_campaign(path)


if __name__ == "__main__":
    sys.exit(main())
