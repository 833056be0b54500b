"""One panel by itself, on a rehearsed campaign: `python -m gui.panels.run_page`."""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QWidget

from gui.bridge import Bridge
from gui.theme import apply, wanted


def alone(make: Callable[[], QWidget], size: tuple[int, int] = (640, 480)) -> None:
    """Show the panel while the course campaign goes on; it waits for decisions where the panel takes them."""
    from campaign import opening
    from campaign.config import load_campaign
    from campaign.measure_executor import FormulaExecutor
    from resources import path

    app = QApplication.instance() or QApplication(sys.argv)
    assert isinstance(app, QApplication)  # noqa: S101  for the type checker
    theme = wanted("system")
    apply(app, theme)
    panel: Any = make()
    panel.set_theme(theme)
    panel.resize(*size)
    bridge = Bridge(panel)
    for signal, name in (
        (bridge.state_changed, "show_state"), (bridge.model_changed, "show_model"),
        (bridge.event_happened, "show_event"), (bridge.insight_changed, "show_insight"),
    ):  # fmt: skip
        if hasattr(panel, name):
            signal.connect(getattr(panel, name))
    decides = hasattr(panel, "decided")
    spec = replace(load_campaign(path("campaigns/course.toml")), mode="approve" if decides else "automatic")
    with tempfile.TemporaryDirectory() as folder:
        campaign = opening.begin(spec, FormulaExecutor(spec), Path(folder) / "campaign", simulated=True)
        campaign.listen(bridge.post_event)
        campaign.listen_model(bridge.post_model)
        campaign.listen_insight(bridge.post_insight)
        if decides:
            panel.decided.connect(campaign.decide)
            panel.mode_changed.connect(lambda mode: campaign.change(replace(campaign.state.spec, mode=mode)))
        panel.show_state(campaign.state)
        panel.show()
        campaign.start()
        app.exec()
        campaign.close()
