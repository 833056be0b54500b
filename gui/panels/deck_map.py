"""The deck to scale: what the stage can reach, the rack on it, and what stands at the station. Click = go."""

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import CAPTION_PX, DARK, Theme
from gui.units import volume
from hardware.spec import RigSpec

MARGIN_PX = 30
NEAR_MM = 0.5


class DeckMap(QWidget):
    """Stage coordinates: X to the right, Y downwards, origin at the top left, as the rack is seen from above."""

    slot_clicked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._rig: RigSpec | None = None
        self._theme: Theme = DARK
        self._position: tuple[float, float, float] | None = None
        self._contents: Mapping[str, float] = {}
        self._hover: str | None = None
        self._focused: str | None = None
        self._allowed = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Map of the deck")
        self.setAccessibleDescription("Arrow keys choose a vial, Enter brings it to the station")

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(420, 300)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(300, 200)

    def show_rig(self, rig: RigSpec | None) -> None:
        self._rig = rig
        self.update()

    def show_position(self, position: tuple[float, float, float] | None) -> None:
        if position != self._position:
            self._position = position
            self.update()

    def show_contents(self, contents_ul: Mapping[str, float]) -> None:
        self._contents = contents_ul
        self.update()

    def allow(self, allowed: bool) -> None:
        self._allowed = allowed
        self.setCursor(Qt.CursorShape.PointingHandCursor if allowed else Qt.CursorShape.ArrowCursor)
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    @property
    def slot_at_station(self) -> str | None:
        if self._rig is None or self._position is None:
            return None
        for slot in self._rig.rack.slots:
            x, y = self._rig.rack.position_mm(slot)
            if abs(x - self._position[0]) <= NEAR_MM and abs(y - self._position[1]) <= NEAR_MM:
                return slot
        return None

    def place(self, slot: str) -> QPointF:
        """Where a slot is drawn."""
        if self._rig is None:
            return QPointF()
        return self._to_px(*self._rig.rack.position_mm(slot))

    # -- drawing

    def _frame(self) -> tuple[QRectF, float]:
        """The travel as a rectangle, and pixels per mm."""
        assert self._rig is not None  # noqa: S101  # callers looked
        width, depth = self._rig.stage.travel_mm[:2]
        free_w, free_h = self.width() - 2 * MARGIN_PX, self.height() - 2 * MARGIN_PX
        scale = max(0.1, min(free_w / width, free_h / depth))
        left = (self.width() - width * scale) / 2
        top = (self.height() - depth * scale) / 2
        return QRectF(left, top, width * scale, depth * scale), scale

    def _to_px(self, x_mm: float, y_mm: float) -> QPointF:
        frame, scale = self._frame()
        return QPointF(frame.left() + x_mm * scale, frame.top() + y_mm * scale)

    def _radius(self) -> float:
        if self._rig is None:
            return 0.0
        return self._rig.rack.vial.outer_mm * self._frame()[1] / 2

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, ARG002
        if self._rig is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(self._theme.px(CAPTION_PX))
        painter.setFont(font)
        frame, scale = self._frame()
        painter.setPen(QPen(QColor(self._theme.muted), 1, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(self._theme.background))
        painter.drawRect(frame)
        self._draw_scale(painter, frame)
        rack = self._rig.rack
        xs, ys = zip(*(rack.position_mm(slot) for slot in rack.slots), strict=True)
        first, last = self._to_px(min(xs), min(ys)), self._to_px(max(xs), max(ys))
        wide, deep = (pitch_mm * scale / 2 for pitch_mm in rack.pitches_mm)
        painter.setPen(QPen(QColor(self._theme.border), 1))
        painter.setBrush(QColor(self._theme.raised))
        painter.drawRoundedRect(QRectF(first, last).adjusted(-wide, -deep, wide, deep), 6, 6)
        for slot in rack.slots:
            self._draw_vial(painter, slot)
        self._draw_station(painter)
        painter.end()

    def _draw_scale(self, painter: QPainter, frame: QRectF) -> None:
        assert self._rig is not None  # noqa: S101
        painter.setPen(QColor(self._theme.muted))
        x, y, _ = self._rig.stage.travel_mm
        metrics = QFontMetrics(painter.font())
        below = frame.bottom() + metrics.height() + 2
        painter.drawText(QPointF(frame.left(), below), "0")
        right = f"X {x:g} mm"
        painter.drawText(QPointF(frame.right() - metrics.horizontalAdvance(right), below), right)
        painter.drawText(QPointF(frame.left(), frame.top() - 6), "limits of the stage")
        painter.save()
        painter.translate(frame.left() - 6, frame.bottom())
        painter.rotate(-90)
        painter.drawText(QPointF(0, 0), f"Y {y:g} mm")
        painter.restore()

    def _draw_vial(self, painter: QPainter, slot: str) -> None:
        assert self._rig is not None  # noqa: S101
        centre, radius = self.place(slot), self._radius()
        here = slot == self.slot_at_station
        lit = slot == self._hover or (slot == self._focused and self.hasFocus())
        pen = QPen(QColor(self._theme.muted), 1.2)
        if here:
            pen = QPen(QColor(self._theme.accent), 2.5)
        elif lit:  # pointed at only: it does not stand at the station
            pen = QPen(QColor(self._theme.text), 1.5, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(QColor(self._theme.panel))
        painter.drawEllipse(centre, radius, radius)
        share = min(1.0, self._contents.get(slot, 0.0) / self._rig.rack.vial.fill_limit_ul)
        if share > 0.01:
            fill = QColor(self._theme.run)
            fill.setAlpha(90)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawEllipse(centre, radius * share**0.5, radius * share**0.5)
        painter.setPen(QColor(self._theme.text if share <= 0.01 or here else self._theme.muted))
        box = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, slot)

    def _draw_station(self, painter: QPainter) -> None:
        if self._position is None:
            return
        at = self._to_px(self._position[0], self._position[1])
        reach = self._radius() * 1.35
        inside = self._frame()[0]
        at.setX(min(max(at.x(), inside.left()), inside.right()))
        at.setY(min(max(at.y(), inside.top()), inside.bottom()))
        painter.setPen(QPen(QColor(self._theme.warn), 2))
        painter.setClipRect(inside.adjusted(-1, -1, 1, 1))
        inner, outer = (reach * 0.75 if self.slot_at_station else 0.0), reach
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            painter.drawLine(
                QPointF(at.x() + dx * inner, at.y() + dy * inner), QPointF(at.x() + dx * outer, at.y() + dy * outer)
            )

    # -- pointing

    def slot_at(self, point: QPointF) -> str | None:
        if self._rig is None:
            return None
        radius = self._radius()
        for slot in self._rig.rack.slots:
            away = self.place(slot) - point
            if away.x() ** 2 + away.y() ** 2 <= radius**2:
                return slot
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        slot = self.slot_at(event.position())
        if slot != self._hover:
            self._hover = slot
            held = f", holds {volume(self._contents.get(slot, 0.0))}" if slot else ""
            go = ": click to bring it to the station" if self._allowed else ""
            self.setToolTip(f"Vial {slot}{held}{go}" if slot else "")
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        slot = self.slot_at(event.position())
        if slot and self._allowed and event.button() == Qt.MouseButton.LeftButton:
            self._focused = slot
            self.slot_clicked.emit(slot)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        steps = {
            Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if self._rig is None:
            return
        if key in steps:
            rack = self._rig.rack
            here = self._focused if self._focused in rack.slots else rack.slots[0]
            self._focused = rack.beside(here, *steps[key])
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._focused and self._allowed:
            self.slot_clicked.emit(self._focused)
        else:
            super().keyPressEvent(event)
