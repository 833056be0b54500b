"""The rack from above: which vial is clean, in work, done or given up."""

from collections import Counter

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from campaign.state import CampaignState, Experiment, VialStatus
from gui.theme import CAPTION_PX, DARK, Theme
from gui.widgets import digits, glyphs
from gui.widgets.card import Card, label

GAP_PX = 4
MARGIN_PX = 16
ROW_PX = 20


def grid(slots: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Row and column of every slot; names that are no letter and number are laid out eight to a row."""
    if slots and all(len(s) > 1 and s[0].isalpha() and s[1:].isdigit() for s in slots):
        return {s: (ord(s[0].upper()) - 65, int(s[1:]) - 1) for s in slots}
    return {s: divmod(i, 8) for i, s in enumerate(slots)}


class Rack(QWidget):
    """One rounded box per slot, with the shape and colour of its state; names on the edges as in a plate."""

    def __init__(self) -> None:
        super().__init__()
        self.theme = DARK
        self.vials: dict[str, VialStatus] = {}
        self.places: dict[str, tuple[int, int]] = {}
        self.experiments: dict[str, Experiment] = {}
        self.unit = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Vial map")

    @property
    def shape(self) -> tuple[int, int]:
        rows = max((r for r, _ in self.places.values()), default=0) + 1
        return rows, max((c for _, c in self.places.values()), default=0) + 1

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(320, MARGIN_PX + self.shape[0] * ROW_PX)

    def box(self, slot: str) -> QRectF:
        rows, columns = self.shape
        width = (self.width() - MARGIN_PX) / columns
        height = (self.height() - MARGIN_PX) / rows
        row, column = self.places[slot]
        return QRectF(MARGIN_PX + column * width, MARGIN_PX + row * height, width - GAP_PX, height - GAP_PX)

    def slot_at(self, position: QPoint) -> str | None:
        return next((s for s in self.places if self.box(s).contains(position)), None)

    def words(self, slot: str) -> str:
        """What the tool tip says."""
        status = glyphs.VIAL[self.vials[slot]][1]
        experiment = self.experiments.get(slot)
        if experiment is None:
            return f"Vial {slot}: {status}"
        text = f"Vial {slot}: {status}, experiment {experiment.number}"
        if experiment.value is not None:
            text += f"\nmeasured {digits.with_sd(experiment.value, experiment.value_sd, self.unit)}"
        return text

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            slot = self.slot_at(event.pos())
            QToolTip.showText(event.globalPos(), self.words(slot) if slot else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPixelSize(min(self.theme.px(CAPTION_PX), MARGIN_PX - 2))
        painter.setFont(font)
        seen: set[str] = set()
        for slot, status in self.vials.items():
            box = self.box(slot)
            self._edge_names(painter, slot, box, seen)
            shape = glyphs.VIAL[status][0]
            colour = QColor(glyphs.colour_of(status, self.theme))
            if shape is None:
                painter.setPen(QPen(QColor(self.theme.border), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
            else:
                fill = QColor(colour)
                fill.setAlphaF(0.22)
                painter.setPen(QPen(colour, 1.5))
                painter.setBrush(fill)
            painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            if shape is not None:
                side = min(box.height(), box.width()) * 0.62
                centre = box.center()
                glyphs.draw(
                    painter, shape, QRectF(centre.x() - side / 2, centre.y() - side / 2, side, side), colour
                )
        painter.end()

    def _edge_names(self, painter: QPainter, slot: str, box: QRectF, seen: set[str]) -> None:
        row, column = self.places[slot]
        painter.setPen(QColor(self.theme.muted))
        if row == 0 and f"c{column}" not in seen:
            seen.add(f"c{column}")
            area = QRectF(box.x(), 0, box.width(), MARGIN_PX)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, str(column + 1))
        if column == 0 and f"r{row}" not in seen:
            seen.add(f"r{row}")
            area = QRectF(0, box.y(), MARGIN_PX, box.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, slot[0])


class VialMap(Card):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Vials", parent)
        self.counts = label("", "caption")
        self.header.addWidget(self.counts)
        self.rack = Rack()
        self.body.addWidget(self.rack)

    def show_state(self, state: CampaignState) -> None:
        vials = dict(state.vials or {})
        experiments = {e.slot: e for e in state.experiments if e.slot}
        unit = state.spec.objective.unit
        if (vials, experiments, unit) == (self.rack.vials, self.rack.experiments, self.rack.unit):
            return
        if tuple(vials) != tuple(self.rack.vials):
            self.rack.places = grid(tuple(vials))
            self.rack.updateGeometry()
        self.rack.vials = vials
        self.rack.unit, self.rack.experiments = unit, experiments
        counts = Counter(vials.values())
        words = [f"{counts['done'] + counts['in_use']} used"]
        if counts["given_up"]:
            words.append(f"{counts['given_up']} given up")
        words.append(f"{counts['clean']} clean")
        self.counts.setText(" · ".join(words))
        self.rack.update()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.rack.theme = theme
        self.rack.update()
