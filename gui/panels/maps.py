"""Two maps side by side: what the model expects, and how unsure it is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QVBoxLayout, QWidget

from campaign.state import Experiment
from gui.models.next_point import Point, bounds
from gui.theme import CAPTION_PX, DARK, Theme
from gui.widgets import digits
from gui.widgets.hatch import Hatch, above_sum, of_mask
from gui.widgets.plot import chart, dress, name_axis, view
from gui.widgets.target import Ghost, Target
from optimiser.space import SearchSpace

if TYPE_CHECKING:
    from optimiser.views import Map

Array = npt.NDArray[np.float64]
OLD_PX, NEW_PX = 7.0, 12.0


class SmoothImage(pg.ImageItem):  # type: ignore[misc]
    """Cells run into each other; the model is smooth."""

    def paint(self, painter: QPainter, *rest: Any) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        super().paint(painter, *rest)


class OneMap:
    """One map with everything that lies on it."""

    def __init__(self, area: Any, column: int, colours: str) -> None:
        self.plot = chart(area, 0, column)
        self.image = SmoothImage(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get(colours))
        self.plot.addItem(self.image)
        self.hatch = Hatch()
        self.plot.addItem(self.hatch)
        self.dots = pg.ScatterPlotItem(hoverable=True, tip=None, hoverSize=14)
        self.dots.setZValue(10)
        self.plot.addItem(self.dots)
        self.ghost = Ghost(self.plot)
        self.star = pg.ScatterPlotItem(
            symbol="star", size=20, brush=pg.mkBrush("#E69F00"), pen=pg.mkPen("#000000", width=1.2)
        )
        self.star.setZValue(40)
        self.plot.addItem(self.star)
        self.target = Target()
        self.plot.addItem(self.target)
        self.bar = pg.ColorBarItem(
            interactive=False, width=10, colorMap=pg.colormap.get(colours), colorMapMenu=False
        )
        self.bar.setImageItem(self.image, insert_in=self.plot)

    def draw(self, values: Array, box: QRectF) -> None:
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if high - low < 1e-12 * max(abs(high), 1.0):
            high = low + max(abs(low), 1.0) * 1e-3
        self.image.setImage(values, autoLevels=False, levels=(low, high))
        self.image.setRect(box)
        self.bar.setLevels((low, high))


class Maps(QWidget):
    """`moved` tells where the target is while it is dragged, `released` where it was let go: both
    carry the two coordinates by parameter name."""

    moved = Signal(object)
    released = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.area = view()
        self.mean = OneMap(self.area, 0, "viridis")
        self.doubt = OneMap(self.area, 1, "cividis")
        self.both = (self.mean, self.doubt)
        self.doubt.plot.setXLink(self.mean.plot)
        self.doubt.plot.setYLink(self.mean.plot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)
        self.theme: Theme = DARK
        self.x_name = self.y_name = ""
        self._quiet = False
        for one in self.both:
            one.target.sigPositionChanged.connect(self._dragged)
            one.target.sigPositionChangeFinished.connect(self._dropped)

    def set_axes(self, space: SearchSpace, x: str, y: str) -> None:
        """The ranges are the parameters' bounds and stay so."""
        self.x_name, self.y_name = x, y
        px, py = space.parameter(x), space.parameter(y)
        self.mean.plot.setRange(xRange=bounds(px), yRange=bounds(py), padding=0.05)
        (x_low, x_high), (y_low, y_high) = bounds(px), bounds(py)
        for one in self.both:
            one.hatch.set_frame(QRectF(x_low, y_low, x_high - x_low, y_high - y_low))
            name_axis(one.plot, "bottom", digits.title(px.name, px.unit))
        name_axis(self.mean.plot, "left", digits.title(py.name, py.unit))

    def set_names(self, name: str, unit: str) -> None:
        size = f"{self.theme.px(CAPTION_PX + 1)}px"
        self.mean.plot.setTitle(f"expected {digits.title(name, unit)}", color=self.theme.text, size=size)
        self.doubt.plot.setTitle(f"uncertainty ± {f'({unit})' if unit else ''}", color=self.theme.text, size=size)

    def draw(self, map_: "Map", hidden: QPainterPath | None) -> None:
        """hidden: the exact outline of what cannot be reached; without one it is made from the cells."""
        x, y, feasible = map_.x, map_.y, map_.feasible
        dx, dy = float(x[1] - x[0]), float(y[1] - y[0])
        box = QRectF(float(x[0]) - dx / 2, float(y[0]) - dy / 2, dx * len(x), dy * len(y))
        path = hidden if hidden is not None else of_mask(x, y, feasible)
        for one, values in ((self.mean, map_.mean), (self.doubt, map_.sd)):
            seen = np.where(feasible, values, np.nan)
            one.draw(seen if hidden is None else _bleed(_bleed(seen)), box)
            one.hatch.set_path(path)

    def show_measured(self, experiments: Sequence[Experiment], unit: str) -> None:
        """White dots, the newer the larger; those left out of the model are hollow."""
        shown = [e for e in experiments if self.x_name in e.point and self.y_name in e.point]
        count = max(len(shown) - 1, 1)
        spots = [
            {
                "pos": (float(e.point[self.x_name]), float(e.point[self.y_name])),
                "size": OLD_PX + (NEW_PX - OLD_PX) * i / count,
                "brush": pg.mkBrush("#FFFFFF") if e.include else pg.mkBrush(0, 0, 0, 60),
                "pen": pg.mkPen("#000000" if e.include else "#FFFFFF", width=1.5),
                "data": f"experiment {e.number}: {digits.with_sd(e.value, e.value_sd, unit)}",
            }
            for i, e in enumerate(shown)
        ]
        for one in self.both:
            one.dots.setData(spots)
            one.dots.opts["tip"] = lambda x, y, data: data  # noqa: ARG005

    def show_best(self, point: Point | None) -> None:
        where = self._place(point)
        for one in self.both:
            one.star.setData([where[0]], [where[1]]) if where else one.star.setData([], [])

    def show_next(self, point: Point | None, wish: Point | None, words: str = "NEXT") -> None:
        """The target; the ghost appears where the optimiser's wish is elsewhere."""
        where, ghost = self._place(point), self._place(wish)
        self._quiet = True
        for one in self.both:
            one.target.setVisible(where is not None)
            one.target.label().setFormat(words)
            one.target.label().setVisible(bool(words))
            if where is not None:
                one.target.setPos(*where)
                one.target.keep_label_inside(*one.plot.getViewBox().viewRange()[0])
            one.ghost.show_at(*(ghost or (None, None)))
        self._quiet = False

    def _place(self, point: Point | None) -> tuple[float, float] | None:
        if point is None or self.x_name not in point or self.y_name not in point:
            return None
        return float(point[self.x_name]), float(point[self.y_name])

    def _where(self, target: Target) -> Mapping[str, float]:
        position = target.pos()
        return {self.x_name: float(position.x()), self.y_name: float(position.y())}

    def _dragged(self, target: Target) -> None:
        if not self._quiet:
            self.moved.emit(self._where(target))

    def _dropped(self, target: Target) -> None:
        self.released.emit(self._where(target))

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.area.setBackground(theme.panel)
        for one in self.both:
            dress(one.plot, theme, grid=False)
            one.hatch.set_colours(theme.panel, theme.muted)
            dress(one.bar, theme, grid=False)
            one.bar.getAxis("right").setWidth(theme.px(38))
            one.bar.getAxis("right").setTickDensity(0.5)
            one.plot.getAxis("left").setTickDensity(0.7)
        self.mean.plot.getAxis("left").setWidth(theme.px(58))
        self.doubt.plot.getAxis("left").setWidth(theme.px(58))


def outline(space: SearchSpace, x: str, y: str) -> QPainterPath | None:
    """The exact edge of a mixture seen along two of its components; None where there is none to tell."""
    mixture = space.mixture
    if mixture is None or x not in mixture.names or y not in mixture.names:
        return None
    rest = [bounds(space.parameter(name)) for name in mixture.names if name not in (x, y)]
    if len(rest) > 1 and any(low > 0 or high < mixture.total for low, high in rest):
        return None
    low = mixture.total - sum(high for _, high in rest)
    high = mixture.total - sum(low for low, _ in rest)
    return above_sum(bounds(space.parameter(x)), bounds(space.parameter(y)), low, high)


def _bleed(values: Array) -> Array:
    """Give every empty cell beside a full one its neighbours' mean, so that the hatching meets the colours."""
    padded = np.pad(values, 1, constant_values=np.nan)
    shifts = np.stack([padded[1 + i : len(padded) - 1 + i, 1 + j : padded.shape[1] - 1 + j]
                       for i, j in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1))])  # fmt: skip
    known = np.isfinite(shifts)
    count = known.sum(axis=0)
    near = np.where(known, shifts, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(np.isfinite(values) | (count == 0), values, near)
