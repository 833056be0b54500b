"""An area that cannot be reached: hatched at the same density whatever the zoom."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPolygonF

Array = npt.NDArray[np.float64]


def above_sum(x: tuple[float, float], y: tuple[float, float], low: float, high: float) -> QPainterPath:
    """The part of the rectangle where x + y is below `low` or above `high`."""
    path = QPainterPath()
    corners = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    for limit, sign in ((high, 1.0), (low, -1.0)):
        polygon = _clip(corners, limit, sign)
        if len(polygon) > 2:
            path.addPolygon(QPolygonF([QPointF(*c) for c in polygon]))
            path.closeSubpath()
    return path


def _clip(corners: list[tuple[float, float]], limit: float, sign: float) -> list[tuple[float, float]]:
    """Sutherland and Hodgman against sign * (x + y - limit) > 0."""
    kept: list[tuple[float, float]] = []
    for i, here in enumerate(corners):
        before = corners[i - 1]
        a, b = sign * (before[0] + before[1] - limit), sign * (here[0] + here[1] - limit)
        if (a > 0) != (b > 0):
            t = a / (a - b)
            kept.append((before[0] + t * (here[0] - before[0]), before[1] + t * (here[1] - before[1])))
        if b > 0:
            kept.append(here)
    return kept


def of_mask(x: Array, y: Array, feasible: npt.NDArray[np.bool_]) -> QPainterPath:
    """The cells that are not feasible, row by row; feasible[i, j] belongs to x[j], y[i]."""
    path = QPainterPath()
    dx, dy = x[1] - x[0], y[1] - y[0]
    for i, row in enumerate(feasible):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], (~row).astype(int), [0]))))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            path.addRect(QRectF(x[start] - dx / 2, y[i] - dy / 2, (stop - start) * dx, dy))
    return path


class Hatch(pg.GraphicsObject):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.path, self.frame = QPainterPath(), QPainterPath()
        self.paper, self.ink = QColor("#262C33"), QColor("#9AA4AF")
        self.setZValue(5)

    def set_frame(self, inside: QRectF) -> None:
        """Cover what reaches over the edge of the ranges."""
        self.prepareGeometryChange()
        self.frame = QPainterPath()
        width, height = inside.width() / 10, inside.height() / 10
        self.frame.addRect(inside.adjusted(-width, -height, width, height))
        self.frame.addRect(inside)
        self.update()

    def set_path(self, path: QPainterPath) -> None:
        self.prepareGeometryChange()
        self.path = path
        self.update()

    def set_colours(self, paper: str, ink: str) -> None:
        self.paper, self.ink = QColor(paper), QColor(ink)
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        return self.path.boundingRect().united(self.frame.boundingRect())

    def paint(self, painter: QPainter, *_: Any) -> None:
        to_screen = painter.transform()
        shape = to_screen.map(self.path)
        painter.save()
        painter.resetTransform()
        painter.fillPath(shape, self.paper)
        painter.fillPath(shape, QBrush(self.ink, Qt.BrushStyle.BDiagPattern))
        painter.fillPath(to_screen.map(self.frame), self.paper)
        painter.restore()
