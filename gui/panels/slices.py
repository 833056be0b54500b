"""One cut through the model per parameter, all through the next point, with the acquisition function below."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from campaign.spec import ObjectiveSpec
from campaign.state import Experiment
from gui.models.next_point import Point, bounds
from gui.theme import DARK, Theme, series_of
from gui.widgets import digits
from gui.widgets.plot import Band, chart, dress, faded, name_axis, series, view
from optimiser.space import Categorical, Parameter

if TYPE_CHECKING:
    from optimiser.acquisition import Acquisition
    from optimiser.surrogate import Posterior

Array = npt.NDArray[np.float64]
SD_95 = 1.959964
STRIP_PX = 44
PER_ROW = 4


class OneSlice:
    """Curve, band, dots and the line of the next point above; the acquisition function below."""

    def __init__(self, area: Any, row: int, column: int, parameter: Parameter, colour: str) -> None:
        self.parameter, self.colour = parameter, colour
        self.words = isinstance(parameter, Categorical)
        self.plot, self.strip = chart(area, row, column), chart(area, row + 1, column)
        self.strip.setMaximumHeight(STRIP_PX * 2)
        self.strip.getAxis("left").setTicks([])
        self.plot.getAxis("bottom").setStyle(showValues=False)
        self.band = Band(self.plot)
        self.bars = pg.ErrorBarItem(beam=0.15)
        self.marks = pg.ScatterPlotItem(symbol="o", size=9)
        self.dots = pg.ScatterPlotItem(size=8)
        self.promise = pg.PlotCurveItem(fillLevel=0.0, antialias=True)
        self.steps = pg.BarGraphItem(x=[], height=[], width=0.5)
        self.line = pg.InfiniteLine(movable=True, angle=90)
        self.line.setZValue(20)
        for item in (self.bars, self.marks, self.dots, self.line):
            self.plot.addItem(item)
        self.strip.addItem(self.steps if self.words else self.promise)
        low, high = bounds(parameter)
        self.line.setBounds((low, high))
        pad = 0.5 if self.words else 0.0
        for plot in (self.plot, self.strip):
            plot.setXRange(low - pad, high + pad, padding=0.03)
        if isinstance(parameter, Categorical):
            ticks = [list(enumerate(parameter.choices))]
            self.strip.getAxis("bottom").setTicks(ticks)
        name_axis(self.strip, "bottom", digits.title(parameter.name, parameter.unit))

    def values(self, posterior: "Posterior", at: Point) -> tuple[Array, Array, Array]:
        """Positions, mean and sd along this parameter."""
        if isinstance(self.parameter, Categorical):
            name = self.parameter.name
            mean, sd = posterior.predict([{**at, name: choice} for choice in self.parameter.choices])
            return np.arange(len(mean), dtype=float), mean, sd
        from optimiser.views import slice_1d  # not before a model needs it

        cut = slice_1d(posterior, self.parameter.name, at)
        return cut.x, cut.mean, cut.sd

    def draw(self, x: Array, mean: Array, sd: Array, promise: Array) -> None:
        known = np.isfinite(mean)
        x, mean, sd, promise = x[known], mean[known], sd[known], promise[known]
        reach = SD_95 * sd
        floor = float(promise.min()) if promise.size else 0.0
        if self.words:
            self.bars.setData(x=x, y=mean, height=2 * reach)
            self.marks.setData(x, mean)
            self.steps.setOpts(x=x, y0=floor, height=promise - floor, width=0.5)
        else:
            self.band.set_data(x, mean, mean - reach, mean + reach)
            self.promise.setFillLevel(floor)
            self.promise.setData(x, promise)
        if promise.size:
            top = float(promise.max())
            self.strip.setYRange(floor, top if top > floor else floor + 1.0, padding=0.05)

    def position(self, value: float | str) -> float:
        if isinstance(self.parameter, Categorical):
            return float(self.parameter.choices.index(str(value)))
        return float(value)

    def value(self, position: float) -> float | str:
        if isinstance(self.parameter, Categorical):
            return self.parameter.choices[round(position)]
        return position

    def set_theme(self, theme: Theme) -> None:
        for plot in (self.plot, self.strip):
            dress(plot, theme, grid=plot is self.plot)
        colour = series(self.colour, theme)
        self.band.set_colour(colour)
        self.bars.setData(pen=pg.mkPen(colour, width=2))
        self.marks.setBrush(pg.mkBrush(colour))
        self.promise.setPen(pg.mkPen(colour, width=1.5))
        self.promise.setBrush(pg.mkBrush(faded(colour, 0.25)))
        self.steps.setOpts(brush=pg.mkBrush(faded(colour, 0.5)), pen=pg.mkPen(colour))
        self.line.setPen(pg.mkPen(theme.text, width=1.5, style=Qt.PenStyle.DashLine))
        self.line.setHoverPen(pg.mkPen(theme.accent, width=3))


class Slices(QWidget):
    """`moved` tells of one parameter changed by dragging its line, `released` when it is let go."""

    moved = Signal(object)
    released = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.area = view()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)
        self.theme: Theme = DARK
        self.cuts: dict[str, OneSlice] = {}
        self.parameters: tuple[Parameter, ...] = ()
        self._quiet = False

    def set_parameters(self, parameters: tuple[Parameter, ...], objective: ObjectiveSpec) -> None:
        if parameters != self.parameters:
            self.parameters = parameters
            self.area.clear()
            self.cuts = {}
            count = len(parameters)
            per_row = count if count <= PER_ROW else -(-count // -(-count // PER_ROW))
            colours = series_of([p.name for p in parameters])
            for i, parameter in enumerate(parameters):
                row, column = divmod(i, per_row)
                cut = OneSlice(self.area, 2 * row, column, parameter, colours[i])
                cut.line.sigDragged.connect(lambda _, cut=cut: self._dragged(cut))
                cut.line.sigPositionChangeFinished.connect(lambda _, cut=cut: self._dropped(cut))
                if column:
                    cut.plot.getAxis("left").setStyle(showValues=False)
                    cut.plot.setYLink(next(iter(self.cuts.values())).plot)
                self.cuts[parameter.name] = cut
            for column in range(per_row):
                self.area.ci.layout.setColumnStretchFactor(column, 1)
                self.area.ci.layout.setColumnPreferredWidth(column, 400)
            for row in range(-(-count // per_row)):
                self.area.ci.layout.setRowStretchFactor(2 * row, 4)
                self.area.ci.layout.setRowStretchFactor(2 * row + 1, 1)
            self.set_theme(self.theme)
        for i, cut in enumerate(self.cuts.values()):
            if i == 0 or cut.plot.getAxis("left").style["showValues"]:
                short = len(self.cuts) > PER_ROW and objective.unit
                name_axis(cut.plot, "left", short or digits.title(objective.name, objective.unit))

    def draw(
        self, posterior: "Posterior", at: Point, acquisition: "Acquisition | None", best: float, *, rescale: bool
    ) -> None:
        """All cuts through `at`; the strips below are empty without an acquisition function. rescale: fit the value
        axis too (never while something is dragged)."""
        lows, highs = [], []
        for cut in self.cuts.values():
            x, mean, sd = cut.values(posterior, at)
            none = np.zeros_like(mean)
            cut.draw(
                x, mean, sd, none if acquisition is None else acquisition.value(mean, sd, best, posterior.direction)
            )
            lows.append(np.nanmin(mean - SD_95 * sd))
            highs.append(np.nanmax(mean + SD_95 * sd))
        self._quiet = True
        for name, cut in self.cuts.items():
            cut.line.setPos(cut.position(at[name]))
        self._quiet = False
        if rescale and self.cuts:
            spots = [cut.dots.getData()[1] for cut in self.cuts.values()]
            seen = np.concatenate([np.asarray(s, dtype=float) for s in spots]) if spots else np.array([])
            low, high = float(min([*lows, *seen])), float(max([*highs, *seen]))
            for cut in self.cuts.values():
                cut.plot.setYRange(low, high, padding=0.05)

    def show_measured(self, experiments: Sequence[Experiment]) -> None:
        for name, cut in self.cuts.items():
            shown = [e for e in experiments if name in e.point and e.value is not None]
            cut.dots.setData(
                x=[cut.position(e.point[name]) for e in shown],
                y=[e.value for e in shown],
                brush=[pg.mkBrush(self.theme.text if e.include else self.theme.panel) for e in shown],
                pen=[pg.mkPen(self.theme.panel if e.include else self.theme.muted, width=1.5) for e in shown],
            )

    def _dragged(self, cut: OneSlice) -> None:
        if not self._quiet:
            self.moved.emit(self._change(cut))

    def _dropped(self, cut: OneSlice) -> None:
        if not self._quiet:
            self.released.emit(self._change(cut))

    def _change(self, cut: OneSlice) -> Mapping[str, float | str]:
        return {cut.parameter.name: cut.value(float(cut.line.value()))}

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.area.setBackground(theme.panel)
        for cut in self.cuts.values():
            cut.set_theme(theme)
            first = cut.plot.getAxis("left").style["showValues"]
            for plot in (cut.plot, cut.strip):
                plot.getAxis("left").setWidth(theme.px(54) if first else theme.px(8))
