"""The shapes that go with every state, drawn as paths so that no font can lack them."""

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from campaign.state import ExperimentStatus, VialStatus
from gui.theme import Theme

Shape = Literal["tick", "play", "cross", "ring", "dot", "lock", "unlock"]
EXPERIMENT: dict[ExperimentStatus, tuple[Shape, str]] = {
    "suggested": ("ring", "waits"),
    "running": ("play", "running"),
    "done": ("tick", "done"),
    "failed": ("cross", "failed"),
    "given_up": ("cross", "given up"),
}
VIAL: dict[VialStatus, tuple[Shape | None, str]] = {
    "clean": (None, "clean, free"),
    "in_use": ("play", "in work"),
    "done": ("tick", "done"),
    "given_up": ("cross", "given up"),
}


def colour_of(status: ExperimentStatus | VialStatus, theme: Theme) -> str:
    match status:
        case "done":
            return theme.ok
        case "running" | "in_use":
            return theme.run
        case "failed" | "given_up":
            return theme.fail
        case _:
            return theme.muted


def draw(painter: QPainter, shape: Shape, box: QRectF, colour: QColor) -> None:
    """One shape in a box, as bold as the box is large."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(colour, max(1.5, box.width() / 6.5))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)

    def at(x: float, y: float) -> QPointF:
        return QPointF(box.x() + x * box.width(), box.y() + y * box.height())

    path = QPainterPath()
    match shape:
        case "tick":
            path.moveTo(at(0.12, 0.55))
            path.lineTo(at(0.40, 0.82))
            path.lineTo(at(0.88, 0.20))
            painter.strokePath(path, pen)
        case "cross":
            path.moveTo(at(0.18, 0.18))
            path.lineTo(at(0.82, 0.82))
            path.moveTo(at(0.82, 0.18))
            path.lineTo(at(0.18, 0.82))
            painter.strokePath(path, pen)
        case "play":
            path.moveTo(at(0.22, 0.10))
            path.lineTo(at(0.92, 0.50))
            path.lineTo(at(0.22, 0.90))
            path.closeSubpath()
            painter.fillPath(path, colour)
        case "ring":
            path.addEllipse(at(0.5, 0.5), box.width() * 0.36, box.height() * 0.36)
            painter.strokePath(path, pen)
        case "dot":
            path.addEllipse(at(0.5, 0.5), box.width() * 0.34, box.height() * 0.34)
            painter.fillPath(path, colour)
        case "lock" | "unlock":
            path.addRoundedRect(QRectF(at(0.14, 0.46), at(0.86, 0.96)), 1.5, 1.5)
            painter.fillPath(path, colour)
            shackle = QPainterPath(at(0.28, 0.46))
            shackle.lineTo(at(0.28, 0.30))
            shackle.cubicTo(at(0.28, -0.02), at(0.72, -0.02), at(0.72, 0.30))
            if shape == "lock":
                shackle.lineTo(at(0.72, 0.46))
            painter.strokePath(shackle, QPen(colour, max(1.5, box.width() / 8)))
    painter.restore()


def icon(shape: Shape, colour: str, size: int = 14, ratio: float = 2.0) -> QIcon:
    picture = QPixmap(int(size * ratio), int(size * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    draw(painter, shape, QRectF(1, 1, size - 2, size - 2), QColor(colour))
    painter.end()
    return QIcon(picture)
