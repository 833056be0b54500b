"""A box and a level line that are dragged over a picture, with the mouse or the arrow keys.

Both stand in a ViewBox whose coordinates are the picture's: 0.0 is the centre of the first pixel, as in
`vision.calibration.VialView`, so an ImageItem below them belongs at (-0.5, -0.5, width, height).
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPen

from gui.theme import CAPTION_PX, DARK, Theme

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in the picture, px."""
Edges = tuple[bool, bool, bool, bool]
"""Which of left, top, right and bottom are dragged; none of them moves the whole box."""

WHOLE: Edges = (False, False, False, False)
GRIP_PX = 7.0
"""On the screen: so near to an edge the mouse takes it, and so large are the grips."""
LEAST_PX = 8.0
NEAR_TOP = 0.06
"""Of the picture's height: no room for the name above a box that is so near to the top, and it stands inside."""
STEP_PX = 1.0
LEAP_PX = 10.0
_ARROWS = {
    Qt.Key.Key_Left: (-1.0, 0.0), Qt.Key.Key_Right: (1.0, 0.0),
    Qt.Key.Key_Up: (0.0, -1.0), Qt.Key.Key_Down: (0.0, 1.0),
}  # fmt: skip
_CURSORS = {
    (True, True): Qt.CursorShape.SizeFDiagCursor, (True, False): Qt.CursorShape.SizeHorCursor,
    (False, True): Qt.CursorShape.SizeVerCursor, (False, False): Qt.CursorShape.SizeAllCursor,
}  # fmt: skip


def moved(box: Box, edges: Edges, dx: float, dy: float, limits: Box, least: float = LEAST_PX) -> Box:
    """The box after a drag by (dx, dy) of the edges; inside the limits and no side shorter than `least`, px."""
    x0, y0, x1, y1 = box
    if not any(edges):
        dx = min(max(dx, limits[0] - x0), limits[2] - x1)
        dy = min(max(dy, limits[1] - y0), limits[3] - y1)
        return x0 + dx, y0 + dy, x1 + dx, y1 + dy
    left, top, right, bottom = edges
    return (
        min(max(x0 + dx, limits[0]), x1 - least) if left else x0,
        min(max(y0 + dy, limits[1]), y1 - least) if top else y0,
        max(min(x1 + dx, limits[2]), x0 + least) if right else x1,
        max(min(y1 + dy, limits[3]), y0 + least) if bottom else y1,
    )


class _Draggable(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph publishes no types
    """`changed`: while it is dragged. `placed`: when it is let go, and after a key."""

    changed = Signal()
    placed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._theme: Theme = DARK
        self._hot = False
        self._label = pg.TextItem(name, anchor=(0, 1))
        self._label.setParentItem(self)
        self.setFlag(self.GraphicsItemFlag.ItemIsFocusable)
        self.setZValue(10)

    def set_name(self, name: str) -> None:
        """What is written beside it: a number or a word, so that colour says nothing alone."""
        self.name = name
        self._label.setText(name)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        font = QFont()
        font.setPixelSize(theme.px(CAPTION_PX))
        self._label.setFont(font)
        self._label.setColor(theme.text)
        self._label.fill = pg.mkBrush(theme.panel)
        self._label.border = pg.mkPen(theme.border)
        self.update()

    def hoverEvent(self, event: Any) -> None:  # noqa: N802
        self._hot = not event.isExit() and bool(event.acceptDrags(Qt.MouseButton.LeftButton))
        if self._hot:
            event.acceptClicks(Qt.MouseButton.LeftButton)
            self.setCursor(self._cursor(event.pos()))
        self.update()

    def mouseClickEvent(self, event: Any) -> None:  # noqa: N802
        self.setFocus()
        event.accept()

    def mouseDragEvent(self, event: Any) -> None:  # noqa: N802
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        if event.isStart():
            self.setFocus()
            self._take(event.buttonDownPos())
        self._drag(event.pos() - event.buttonDownPos())
        self.changed.emit()
        if event.isFinish():
            self.placed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows move by a pixel of the picture, with Shift by ten, with Ctrl the right and lower edge."""
        way = _ARROWS.get(Qt.Key(event.key()))
        if way is None:
            event.ignore()
            return
        event.accept()
        held = event.modifiers()
        step = LEAP_PX if held & Qt.KeyboardModifier.ShiftModifier else STEP_PX
        self._nudge(way[0] * step, way[1] * step, resize=bool(held & Qt.KeyboardModifier.ControlModifier))
        self.changed.emit()
        self.placed.emit()

    def focusInEvent(self, event: Any) -> None:  # noqa: N802
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: Any) -> None:  # noqa: N802
        super().focusOutEvent(event)
        self.update()

    def viewTransformChanged(self) -> None:  # noqa: N802
        super().viewTransformChanged()
        self.prepareGeometryChange()

    def _pixel(self) -> tuple[float, float]:
        """Width and height of a pixel of the screen, in pixels of the picture."""
        width, height = self.pixelSize()
        return (width or 1.0), (height or 1.0)

    def _pens(self) -> Iterable[QPen]:
        """A dark halo and a light line: seen on any picture."""
        busy = self._hot or self.hasFocus()
        width = 3 if busy else 2
        yield pg.mkPen(QColor(0, 0, 0, 150), width=width + 3)
        yield pg.mkPen("#FFFFFF" if busy else "#56B4E9", width=width)

    @abstractmethod
    def _cursor(self, at: QPointF) -> Qt.CursorShape: ...

    @abstractmethod
    def _take(self, at: QPointF) -> None: ...

    @abstractmethod
    def _drag(self, by: QPointF) -> None: ...

    @abstractmethod
    def _nudge(self, dx: float, dy: float, *, resize: bool) -> None: ...


class DragBox(_Draggable):
    """A box with grips at its corners and sides."""

    def __init__(self, name: str, box: Box, limits: Box) -> None:
        super().__init__(name)
        self._limits = limits
        self._box = self._start = box
        self._edges = WHOLE
        self.place(box)

    @property
    def box(self) -> Box:
        return self._box

    def place(self, box: Box, limits: Box | None = None) -> None:
        """Show another box, telling nobody. limits: of the picture; the box is brought into them."""
        self.prepareGeometryChange()
        self._limits = lx0, ly0, lx1, ly1 = limits or self._limits
        x0, x1 = sorted((box[0], box[2]))
        y0, y1 = sorted((box[1], box[3]))
        x0, y0 = max(lx0, min(x0, lx1 - LEAST_PX)), max(ly0, min(y0, ly1 - LEAST_PX))
        self._box = x0, y0, min(lx1, max(x1, x0 + LEAST_PX)), min(ly1, max(y1, y0 + LEAST_PX))
        self._label.setPos(self._box[0], self._box[1])
        near_top = self._box[1] - ly0 < NEAR_TOP * (ly1 - ly0)
        self._label.setAnchor((0, 0 if near_top else 1))
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        px, py = self._pixel()
        x0, y0, x1, y1 = self._box
        return QRectF(x0, y0, x1 - x0, y1 - y0).adjusted(-GRIP_PX * px, -GRIP_PX * py, GRIP_PX * px, GRIP_PX * py)

    def paint(self, painter: QPainter, *_: object) -> None:
        x0, y0, x1, y1 = self._box
        for pen in self._pens():
            painter.setPen(pen)
            painter.drawRect(QRectF(x0, y0, x1 - x0, y1 - y0))
        px, py = self._pixel()
        painter.setPen(pg.mkPen(QColor(0, 0, 0, 200), width=1))
        painter.setBrush(QColor("#FFFFFF"))
        for x, y in ((x, y) for x in (x0, (x0 + x1) / 2, x1) for y in (y0, (y0 + y1) / 2, y1)):
            if (x, y) != ((x0 + x1) / 2, (y0 + y1) / 2):
                painter.drawRect(QRectF(x - GRIP_PX / 2 * px, y - GRIP_PX / 2 * py, GRIP_PX * px, GRIP_PX * py))

    def edges_at(self, at: QPointF) -> Edges:
        """What a drag from there takes hold of."""
        px, py = self._pixel()
        x0, y0, x1, y1 = self._box
        wide, high = min(GRIP_PX * px, (x1 - x0) / 3), min(GRIP_PX * py, (y1 - y0) / 3)
        return at.x() < x0 + wide, at.y() < y0 + high, at.x() > x1 - wide, at.y() > y1 - high

    def _cursor(self, at: QPointF) -> Qt.CursorShape:
        left, top, right, bottom = self.edges_at(at)
        if (left and bottom) or (right and top):
            return Qt.CursorShape.SizeBDiagCursor
        return _CURSORS[left or right, top or bottom]

    def _take(self, at: QPointF) -> None:
        self._start, self._edges = self._box, self.edges_at(at)

    def _drag(self, by: QPointF) -> None:
        self.place(moved(self._start, self._edges, by.x(), by.y(), self._limits))

    def _nudge(self, dx: float, dy: float, *, resize: bool) -> None:
        edges = (False, False, dx != 0, dy != 0) if resize else WHOLE
        self.place(moved(self._box, edges, dx, dy, self._limits))


class DragLine(_Draggable):
    """A horizontal line limited to a box: it goes along when the box is moved and stays within a resized one.
    Who places the box by program places the line too."""

    def __init__(self, name: str, box: DragBox, row: float) -> None:
        super().__init__(name)
        self._of = box
        self._held = box.box
        self._row = self._start = row
        self._label.setAnchor((0, 0.5))
        self.setZValue(11)
        self.place(row)
        box.changed.connect(self.follow)

    @property
    def row(self) -> float:
        return self._row

    def place(self, row: float) -> None:
        """Show another row, telling nobody; it is brought into the box."""
        self.prepareGeometryChange()
        self._held = self._of.box
        self._row = min(max(row, self._held[1]), self._held[3])
        self._label.setPos(self._ends()[1], self._row)
        self.update()

    def follow(self) -> None:
        """The box has changed: go along with a move, stay within a resized one."""
        before, now = self._held, self._of.box
        same = abs((before[3] - before[1]) - (now[3] - now[1])) < 1e-6
        self.place(self._row + (now[1] - before[1] if same else 0.0))

    def boundingRect(self) -> QRectF:  # noqa: N802
        left, right = self._ends()
        high = GRIP_PX * self._pixel()[1]
        return QRectF(left, self._row - high, right - left, 2 * high)

    def paint(self, painter: QPainter, *_: object) -> None:
        left, right = self._ends()
        for pen in self._pens():
            painter.setPen(pen)
            painter.drawLine(QPointF(left, self._row), QPointF(right, self._row))

    def _ends(self) -> tuple[float, float]:
        """It reaches out of its box on both sides, and so is told from the box's own."""
        x0, x1 = self._of.box[0], self._of.box[2]
        return x0 - 0.25 * (x1 - x0), x1 + 0.25 * (x1 - x0)

    def _cursor(self, at: QPointF) -> Qt.CursorShape:  # noqa: ARG002
        return Qt.CursorShape.SizeVerCursor

    def _take(self, at: QPointF) -> None:  # noqa: ARG002
        self._start = self._row

    def _drag(self, by: QPointF) -> None:
        self.place(self._start + by.y())

    def _nudge(self, dx: float, dy: float, *, resize: bool) -> None:  # noqa: ARG002
        self.place(self._row + dy)
