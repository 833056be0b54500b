"""Best so far, experiment by experiment, against what random search would have reached."""

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QVBoxLayout, QWidget

from campaign.state import CampaignState
from gui.theme import DARK, Theme
from gui.widgets import digits
from gui.widgets.card import Empty, label
from gui.widgets.plot import calm, dress, faded, name_axis, view

if TYPE_CHECKING:
    from optimiser.surrogate import Posterior


def best_so_far(values: list[float | None], direction: str) -> list[float]:
    """The running best; NaN before the first value."""
    best, out = float("nan"), []
    for value in values:
        if value is not None and (np.isnan(best) or (value > best) == (direction == "maximise")):
            best = value
        out.append(best)
    return out


class ProgressPanel(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.area = view()
        self.plot = self.area.addPlot()
        calm(self.plot)
        self.dots = pg.ScatterPlotItem(size=7)
        self.steps = pg.PlotCurveItem(antialias=True)
        for item in (self.dots, self.steps):
            self.plot.addItem(item)
        self.words = label("")
        self.empty = Empty("No result yet: the best so far appears here after the first one.")
        self.empty.setParent(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self.words)
        layout.addWidget(self.area, 1)
        layout.addWidget(self.empty, 1)
        self.theme: Theme = DARK
        self.state: CampaignState | None = None

    def show_state(self, state: CampaignState) -> None:
        self.state = state
        seen = [e for e in state.experiments if e.status in ("done", "failed")]
        self.empty.setVisible(not state.observed)
        self.area.setVisible(bool(state.observed))
        objective = state.spec.objective
        line = best_so_far([e.value if e.include else None for e in seen], objective.direction)
        x = np.array([e.number for e in seen], dtype=float)
        keep = [i for i, v in enumerate(line) if not np.isnan(v)]
        if not keep:
            return
        self.steps.setData(np.repeat(x[keep], 2)[1:], np.repeat([line[i] for i in keep], 2)[:-1])
        shown = [e for e in seen if e.value is not None]
        self.dots.setData([e.number for e in shown], [e.value for e in shown])
        name_axis(self.plot, "bottom", "experiment")
        name_axis(self.plot, "left", digits.title(objective.name, objective.unit))
        self.plot.setXRange(0.5, max(state.spec.stop.budget, len(state.experiments)) + 0.5, padding=0.01)
        self.words.setText(f"Best so far {digits.with_sd(line[keep[-1]], None, objective.unit)}")

    def show_model(self, posterior: "Posterior | None") -> None:
        pass

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.area.setBackground(theme.panel)
        dress(self.plot, theme)
        self.plot.getAxis("left").setWidth(theme.px(58))
        self.steps.setPen(pg.mkPen(theme.accent, width=2))
        self.dots.setBrush(pg.mkBrush(faded(theme.muted, 0.6)))
        self.dots.setPen(pg.mkPen(theme.panel, width=1.5))
