"""What the eye sees, painted over the picture in the same way as `vision.overlay` draws it into a file.

Frame: solid, dashed when in doubt, corners only where no vial stands; a bar on its top is a cap. Surface: a line
that reaches out of the frame, with its 95 % interval as a bracket. Boundaries are dashed, each layer has a swatch
and the name of its colour. In a picture shown small the words stand beside it alone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from gui.theme import CAPTION_PX, DARK, Theme
from gui.widgets.digits import with_unit
from vision.reading import Layer, VialReading
from vision.words import EMPTY, STATES, Z95, colour_word, doubtful, doubts, here, interval

SURFACE = "#D55E00"
HALO = QColor(0, 0, 0, 140)
"""Under every line. Lines are light in both themes: the picture behind them is the same."""
WORDS_FROM_PX = 44.0
"""A frame narrower than this on the screen has no room for words."""
DASH_PX = (7.0, 6.0)
SWATCH_PX, GAP_PX, PAD_PX = 9.0, 4.0, 3.0


def tag(reading: VialReading, number: int | None) -> tuple[str, ...]:
    """The lines above a frame: its number where there are several, state or level, how sure, and every doubt."""
    first = "" if number is None else f"{number}  "
    if reading.level_mm is not None and reading.state not in EMPTY and here(reading):
        first += with_unit(f"{reading.level_mm:.1f}{interval(reading.level_sd_mm, 1)}", "mm")
    else:
        first += STATES[reading.state] if here(reading) else "no vial"
    sure = (f"{with_unit(f'{reading.confidence * 100:.0f}', '%')} sure",) if here(reading) else ()
    return (first, *sure, *(("capped",) if reading.cap else ()), *(doubts(reading) if here(reading) else ()))


class ReadingOverlay(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph publishes no types
    """Stands in the picture's own coordinates: 0.0 is the centre of its first pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.readings: tuple[VialReading, ...] = ()
        self._theme: Theme = DARK
        self._picture = QRectF()
        self.setZValue(5)

    def show_readings(self, readings: Sequence[VialReading], picture: QRectF) -> None:
        """picture: all of it, in its own coordinates; nothing is painted outside."""
        if picture != self._picture:
            self.prepareGeometryChange()
            self._picture = picture
        self.readings = tuple(r for r in readings if all(map(math.isfinite, r.box_px)))
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        return self._picture

    def paint(self, painter: QPainter, *_: object) -> None:
        """In pixels of the screen, so that lines and words have one size at every zoom."""
        to_screen = painter.transform()
        painter.setClipRect(self._picture)
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = to_screen.mapRect(self._picture)
        frames = [to_screen.mapRect(_rect(reading.box_px)) for reading in self.readings]

        def row(value: float) -> float:
            return float(to_screen.map(QPointF(0.0, value)).y())

        for reading, frame in zip(self.readings, frames, strict=True):
            self._lines(painter, reading, frame, edge, row)
        for number, (reading, frame) in enumerate(zip(self.readings, frames, strict=True), 1):
            if frame.width() >= WORDS_FROM_PX:  # over all lines: they are to be read
                for layer in _layers(reading):
                    self._swatch(painter, layer, row, frame, edge)
                self._words(painter, tag(reading, number if len(frames) > 1 else None), frame, edge)

    def _lines(
        self, painter: QPainter, reading: VialReading, frame: QRectF, edge: QRectF, row: Callable[[float], float]
    ) -> None:
        """row: that of the screen for one of the picture."""
        self._frame(painter, reading, frame)
        surface = reading.surface_row if here(reading) else None
        if surface is not None and math.isfinite(surface):
            half = abs(row(surface + Z95 * (reading.surface_sd_px or 0.0)) - row(surface))
            self._surface(painter, row(surface), half if math.isfinite(half) else 0.0, frame, edge)
        for layer in _layers(reading)[1:]:
            y = row(layer.top_row)
            _line(painter, QLineF(frame.left(), y, frame.right(), y), _pen("#FFFFFF", 2, dashed=True))

    def _frame(self, painter: QPainter, reading: VialReading, frame: QRectF) -> None:
        if not here(reading):
            x, y = min(12.0, frame.width() / 4), min(12.0, frame.height() / 4)
            for corner, dx, dy in (
                (frame.topLeft(), x, y), (frame.topRight(), -x, y), (frame.bottomLeft(), x, -y),
                (frame.bottomRight(), -x, -y),
            ):  # fmt: skip
                for by in (QPointF(dx, 0.0), QPointF(0.0, dy)):
                    _line(painter, QLineF(corner, corner + by), _pen(DARK.muted, 2))
            return
        unsure = doubtful(reading)
        pen = _pen(DARK.warn if unsure else DARK.ok, 2, dashed=unsure)
        for line in _sides(frame):
            _line(painter, line, pen)
        if reading.cap:
            _line(painter, QLineF(frame.topLeft(), frame.topRight()), _pen(pen.color().name(), 5))

    def _surface(self, painter: QPainter, y: float, half: float, frame: QRectF, edge: QRectF) -> None:
        reach = max(6.0, frame.width() * 0.25)
        left, right = max(edge.left(), frame.left() - reach), min(edge.right(), frame.right() + reach)
        if half >= 1.0:
            for end in (y - half, y + half):
                _line(painter, QLineF(right - 5.0, end, right, end), _pen(SURFACE, 1))
            _line(painter, QLineF(right, y - half, right, y + half), _pen(SURFACE, 1))
        _line(painter, QLineF(left, y, right, y), _pen(SURFACE, 2))

    def _swatch(
        self, painter: QPainter, layer: Layer, row: Callable[[float], float], frame: QRectF, edge: QRectF
    ) -> None:
        """The layer's colour and its name, right of the frame."""
        from vision.colour import lab_to_bgr

        blue, green, red = (int(v) for v in lab_to_bgr(layer.lab))
        middle = (row(layer.top_row) + row(layer.bottom_row)) / 2
        at = QRectF(frame.right() + GAP_PX, middle - SWATCH_PX / 2, SWATCH_PX, SWATCH_PX)
        painter.setPen(QPen(HALO, 1))
        painter.setBrush(QColor(red, green, blue))
        painter.drawRect(at)
        self._write(painter, colour_word(layer.lab), QPointF(at.right() + GAP_PX, middle), edge)

    def _words(self, painter: QPainter, lines: Sequence[str], frame: QRectF, edge: QRectF) -> None:
        """Above the frame, or inside it where the picture ends."""
        step = QFontMetricsF(self._font()).height() + 1.0
        top = frame.top() - GAP_PX - step * (len(lines) - 0.5)
        if top - step / 2 < edge.top():
            top = edge.top() + step / 2 + 1.0
        for n, line in enumerate(lines):
            self._write(painter, line, QPointF(frame.left(), top + n * step), edge)

    def _write(self, painter: QPainter, text: str, at: QPointF, edge: QRectF) -> None:
        """Text on a ground of its own, its left end and middle at `at`, moved into the picture."""
        metrics = QFontMetricsF(self._font())
        ground = metrics.boundingRect(text).adjusted(-PAD_PX, -1.0, PAD_PX, 1.0)
        x = min(max(at.x(), edge.left()), edge.right() - ground.width())
        ground.moveTo(x, at.y() - ground.height() / 2)
        painter.setFont(self._font())
        painter.fillRect(ground, QColor(self._theme.panel))
        painter.setPen(QColor(self._theme.text))
        painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, text)

    def _font(self) -> QFont:
        font = QFont()
        font.setPixelSize(self._theme.px(CAPTION_PX))
        return font


def _rect(box: tuple[float, float, float, float]) -> QRectF:
    x0, y0, x1, y1 = box
    return QRectF(x0, y0, x1 - x0, y1 - y0)


def _layers(reading: VialReading) -> tuple[Layer, ...]:
    """Those to be told apart: none where there is only one, or no vial."""
    if len(reading.layers) < 2 or not here(reading):
        return ()
    return tuple(la for la in reading.layers if all(map(math.isfinite, (la.top_row, la.bottom_row, *la.lab))))


def _pen(colour: str, width: float, *, dashed: bool = False) -> QPen:
    pen = QPen(QColor(colour), width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if dashed:
        pen.setDashPattern([DASH_PX[0] / width, DASH_PX[1] / width])
    return pen


def _line(painter: QPainter, line: QLineF, pen: QPen) -> None:
    """On a dark halo: seen on any picture."""
    halo = QPen(HALO, pen.widthF() + 2.0)
    halo.setCapStyle(Qt.PenCapStyle.FlatCap)
    if pen.style() == Qt.PenStyle.CustomDashLine:
        dash, gap = DASH_PX
        halo.setDashPattern([(dash + 2.0) / halo.widthF(), (gap - 2.0) / halo.widthF()])
        halo.setDashOffset(1.0 / halo.widthF())
    for one in (halo, pen):
        painter.setPen(one)
        painter.drawLine(line)


def _sides(frame: QRectF) -> Iterator[QLineF]:
    yield QLineF(frame.topLeft(), frame.topRight())
    yield QLineF(frame.topRight(), frame.bottomRight())
    yield QLineF(frame.bottomLeft(), frame.bottomRight())
    yield QLineF(frame.topLeft(), frame.bottomLeft())


def as_readings(given: Any) -> tuple[VialReading, ...]:
    """One reading, several, or none."""
    if given is None:
        return ()
    return (given,) if isinstance(given, VialReading) else tuple(given)
