"""The marker of the next point: a white ring with a black halo, seen on any colour map, and draggable."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

RING_PX = 22


def _ring() -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QPointF(0, 0), 0.5, 0.5)
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        path.moveTo(x * 0.5, y * 0.5)
        path.lineTo(x * 0.85, y * 0.85)
    return path


class Target(pg.TargetItem):  # type: ignore[misc]
    """Emits sigPositionChanged while it is dragged and sigPositionChangeFinished when it is let go."""

    def __init__(self) -> None:
        super().__init__(
            symbol=_ring(), size=RING_PX, pen=pg.mkPen("w"), hoverPen=pg.mkPen("w"), label="NEXT",
            labelOpts={"color": "#FFFFFF", "fill": pg.mkBrush(0, 0, 0, 170), "offset": (RING_PX, 0)},
        )  # fmt: skip
        self.setZValue(30)

    def paint(self, painter: QPainter, *_: Any) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        wide = 1.0 if self.mouseHovering or self.moving else 0.0
        for colour, width in (("#000000", 6 + wide), ("#FFFFFF", 2.5 + wide)):
            pen = QPen(pg.mkColor(colour), width)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(self.shape())

    def keep_label_inside(self, low: float, high: float) -> None:
        """The word stands right of the ring, or left of it near the right edge."""
        left = (float(self.pos().x()) - low) > 0.75 * (high - low)
        label = self.label()
        label.setAnchor((1, 0.5) if left else (0, 0.5))
        label.offset = pg.Point(-RING_PX if left else RING_PX, 0)
        label.viewTransformChanged()  # or the word stays where the old side was

    def boundingRect(self) -> Any:  # noqa: N802
        box = self.shape().boundingRect()
        return box.adjusted(-box.width() / 4, -box.height() / 4, box.width() / 4, box.height() / 4)

    def hoverEvent(self, event: Any) -> None:  # noqa: N802
        super().hoverEvent(event)
        self.setCursor(Qt.CursorShape.OpenHandCursor if self.movable else Qt.CursorShape.ArrowCursor)


class Ghost:
    """Where the optimiser wished to go, after a person moved the target: a dashed ring."""

    def __init__(self, plot: Any) -> None:
        self.items = []
        for colour, width in (("#000000", 4), ("#FFFFFF", 2)):
            pen = pg.mkPen(colour, width=width, style=Qt.PenStyle.DotLine)
            item = pg.ScatterPlotItem(size=RING_PX - 4, symbol="o", brush=None, pen=pen)
            item.setZValue(20)
            plot.addItem(item)
            self.items.append(item)

    def show_at(self, x: float | None, y: float | None) -> None:
        for item in self.items:
            item.setData([] if x is None else [x], [] if y is None else [y])
