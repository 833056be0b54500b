"""Best so far, experiment by experiment, against what random search would have reached."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from campaign.state import CampaignState, Experiment
from gui.theme import DARK, Theme
from gui.widgets import digits
from gui.widgets.card import Empty, label
from gui.widgets.plot import Band, chart, dress, faded, name_axis, view

if TYPE_CHECKING:
    from optimiser import impact
    from optimiser.surrogate import Posterior

Array = npt.NDArray[np.float64]
ENOUGH = 5


def best_so_far(values: list[float | None], direction: str) -> Array:
    """The running best; NaN before the first value."""
    sign = 1.0 if direction == "maximise" else -1.0
    raw = np.array([np.nan if v is None else sign * v for v in values], dtype=float)
    return np.asarray(sign * np.fmax.accumulate(raw)) if len(raw) else raw


def verdict(believed: Array, sd: float, band: "impact.Band", faster: float | None, direction: str) -> str:
    """The sentence about random search. A gain is claimed only beyond the band and beyond the model's own doubt
    (sd: at the best point)."""
    made = len(believed)
    if made < ENOUGH:
        return "too early to compare with random search"
    sign = 1.0 if direction == "maximise" else -1.0
    edge = band.high if direction == "maximise" else band.low
    if not sign * (believed[-1] - edge[made - 1]) > sd:
        return "not clearly better than random search so far, as the model sees it"
    if faster is None:
        return f"random search would not get there within {len(band.median)} experiments, as the model sees it"
    return f"about {faster:.1f}x faster than random search, as the model sees it"


class ProgressPanel(QWidget):
    """Steps: best measured so far. Band: the middle half of random searches on the current model."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.area = view()
        self.plot = chart(self.area, 0, 0)
        self.band = Band(self.plot)
        self.dots = pg.ScatterPlotItem(size=7)
        self.steps = pg.PlotCurveItem(antialias=True)
        for item in (self.dots, self.steps):
            self.plot.addItem(item)
        self.words = label("", wrap=True)
        self.words.setMinimumHeight(18)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self.words)
        layout.addWidget(self.area, 1)
        self.pages = QStackedLayout(self)
        self.pages.addWidget(Empty("No result yet: the best so far appears here after the first one."))
        self.pages.addWidget(page)
        self.theme: Theme = DARK
        self.state: CampaignState | None = None
        self.posterior: Posterior | None = None
        self._stale = True

    def show_state(self, state: CampaignState) -> None:
        changed = self.state is None or self.state.experiments != state.experiments or self.state.spec != state.spec
        self.state = state
        if changed:
            self._touch()

    def show_model(self, posterior: "Posterior | None") -> None:
        self.posterior = posterior
        self._touch()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._touch()

    def _touch(self) -> None:
        """Draw now when it is seen, else when it is."""
        self._stale = True
        if self.isVisible():
            self._draw()

    def _draw(self) -> None:
        if self.state is None or not self._stale:
            return
        self._stale = False
        objective = self.state.spec.objective
        seen = [e for e in self.state.experiments if e.status in ("done", "failed")]
        self.pages.setCurrentIndex(1 if self.state.observed else 0)
        line = best_so_far([e.value if e.include else None for e in seen], objective.direction)
        number = np.array([e.number for e in seen], dtype=float)
        known = np.isfinite(line)
        if not known.any():
            return
        x, y = number[known], line[known]
        self.steps.setData(np.append(np.repeat(x, 2)[1:], x[-1] + 0.5), np.repeat(y, 2))
        shown = [e for e in seen if e.value is not None]
        self.dots.setData([e.number for e in shown], [e.value for e in shown])
        name_axis(self.plot, "bottom", "experiment")
        name_axis(self.plot, "left", objective.unit or objective.name)
        budget = max(self.state.spec.stop.budget, len(self.state.experiments))
        self.plot.setXRange(0.5, budget + 0.5, padding=0.01)
        best = f"Best measured so far {digits.with_sd(float(y[-1]), None, objective.unit)}"
        compared = self._compare(seen, budget)
        self.words.setText(f"{best}; {compared}." if compared else f"{best}.")

    def _compare(self, seen: list[Experiment], budget: int) -> str:
        """Draw the band of random search and say what it means; empty while there is no model."""
        counted = [e for e in seen if e.value is not None and e.include]
        if self.posterior is None or not counted or self.state is None:
            self.band.clear()
            return ""
        from optimiser import impact

        direction = self.state.spec.objective.direction
        band = impact.random_band(self.posterior, budget)
        self.band.set_data(np.arange(1.0, budget + 1), band.median, band.low, band.high)
        mean, sd = self.posterior.predict([e.point for e in counted])
        doubt = float(sd[int(mean.argmax() if direction == "maximise" else mean.argmin())])
        believed = best_so_far([float(v) for v in mean], direction)
        return verdict(believed, doubt, band, impact.times_faster(believed, band, direction), direction)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.area.setBackground(theme.panel)
        dress(self.plot, theme)
        self.plot.getAxis("left").setWidth(theme.px(58))
        self.band.set_colour(theme.muted)
        self.steps.setPen(pg.mkPen(theme.accent, width=2.5))
        self.dots.setBrush(pg.mkBrush(faded(theme.text, 0.7)))
        self.dots.setPen(pg.mkPen(theme.panel, width=1.5))


if __name__ == "__main__":
    from gui.preview import alone

    alone(ProgressPanel)
