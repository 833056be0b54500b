"""Charts as a journal would print them: panel background, no box, ticks outside, a faint grid."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont

from gui.theme import CAPTION_PX, Theme


def series(colour: str, theme: Theme) -> str:
    """A colour of `theme.series_of`, a shade lighter on a dark ground."""
    return QColor(colour).lighter(125).name() if theme.name == "dark" else colour


def faded(colour: str, alpha: float) -> QColor:
    made = QColor(colour)
    made.setAlphaF(alpha)
    return made


def view() -> Any:
    """A graphics area without margins or context menus."""
    made = pg.GraphicsLayoutWidget()
    made.ci.setContentsMargins(0, 0, 0, 0)
    made.ci.setSpacing(4)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def chart(area: Any, row: int, column: int) -> Any:
    """A plot in which nothing pans, zooms or pops up under the mouse. (Menus would take most of its making.)"""
    plot = area.addPlot(row=row, col=column, viewBox=pg.ViewBox(enableMenu=False, enableMouse=False))
    plot.setMenuEnabled(False, None)
    plot.hideButtons()
    for name in ("left", "bottom"):
        plot.getAxis(name).enableAutoSIPrefix(False)
    return plot


def dress(plot: Any, theme: Theme, *, grid: bool = True) -> None:
    font = QFont()
    font.setPixelSize(theme.px(CAPTION_PX))
    for name in ("left", "bottom", "right"):
        axis = plot.getAxis(name)
        axis.setPen(pg.mkPen(theme.muted, width=1))
        axis.setTextPen(pg.mkPen(theme.muted))
        axis.setStyle(tickLength=5, tickFont=font, maxTickLevel=1)
        axis.labelStyle = {"color": theme.text, "font-size": f"{theme.px(CAPTION_PX)}px"}
        if axis.labelText:
            axis.setLabel(axis.labelText, **axis.labelStyle)
    if grid:
        plot.showGrid(x=True, y=True, alpha=0.10)


def name_axis(plot: Any, side: str, text: str) -> None:
    axis = plot.getAxis(side)
    axis.setLabel(text, **axis.labelStyle)


class Band:
    """A curve with its 95 % band. The band needs curves that have a pen, if a transparent one."""

    def __init__(self, plot: Any) -> None:
        nothing = pg.mkPen((0, 0, 0, 0))
        self.low, self.high = pg.PlotCurveItem(pen=nothing), pg.PlotCurveItem(pen=nothing)
        self.fill = pg.FillBetweenItem(self.low, self.high)
        self.line = pg.PlotCurveItem(antialias=True)
        for item in (self.fill, self.low, self.high, self.line):
            plot.addItem(item)

    def set_colour(self, colour: str) -> None:
        self.fill.setBrush(pg.mkBrush(faded(colour, 0.25)))
        self.line.setPen(pg.mkPen(colour, width=2))

    def set_data(self, x: Any, line: Any, low: Any, high: Any) -> None:
        self.low.setData(x, low)
        self.high.setData(x, high)
        self.line.setData(x, line)

    def clear(self) -> None:
        self.set_data([], [], [], [])
