"""The camera's picture with what the eye sees drawn over it."""

from collections import deque
from time import monotonic

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QPen
from PySide6.QtWidgets import (
    QBoxLayout,
    QGraphicsLineItem,
    QGraphicsRectItem,
    QHBoxLayout,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from campaign.state import CampaignState
from gui.theme import GRID_PX, Theme
from gui.widgets.card import Card, Empty, label
from gui.widgets.digits import with_unit
from vision.reading import Doubt, VialReading

STALE_S = 3.0
ASIDE_PX = 96
Image = npt.NDArray[np.uint8]
STATES = {
    "no_vial": "no vial", "empty": "empty", "liquid": "liquid", "two_phase": "two phases",
    "liquid+solid": "liquid over solid", "solid": "solid", "gel": "gel", "unknown": "not sure what",
}  # fmt: skip
DOUBTS = {
    Doubt.NO_VIAL: "no vial", Doubt.GLARE: "glare", Doubt.LABEL: "a label in the way", Doubt.BLUR: "blurred",
    Doubt.DARK: "too dark", Doubt.SATURATED: "too bright", Doubt.FULL: "full to the brim",
    Doubt.NO_EDGE: "no liquid edge", Doubt.AMBIGUOUS: "more than one edge", Doubt.FROZEN: "picture frozen",
    Doubt.MOVED: "vial moved", Doubt.OUT_OF_FRAME: "vial out of the picture", Doubt.VORTEX: "stirred",
    Doubt.FOAM: "foam", Doubt.EXPOSURE: "light changed", Doubt.CAMERA_MOVED: "camera moved",
    Doubt.NO_WHITE: "no white",
}  # fmt: skip


def words(reading: VialReading, slot: str | None) -> str:
    """`vial B4, level 22.6 mm`. A vial that stands off its place is not read, and so not judged."""
    if Doubt.MOVED in reading.doubt:
        return "no vial in its place"
    parts = [f"vial {slot}" if slot else "vial"] if reading.present is not False else ["no vial"]
    if reading.present is not False:
        if reading.level_mm is not None and reading.state not in ("empty", "no_vial"):
            parts.append(f"level {with_unit(f'{reading.level_mm:.1f}', 'mm')}")
        else:
            parts.append(STATES[reading.state])
    parts.extend(said for flag, said in DOUBTS.items() if flag in reading.doubt and said not in parts)
    return ", ".join(parts)


class CameraCard(Card):
    """Frames come in through `show_frame`; when none comes for a while the card says so."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Camera", parent)
        self.rate = label("", "caption")
        self.header.addWidget(self.rate)
        self.view = pg.GraphicsLayoutWidget()
        self.view.ci.setContentsMargins(0, 0, 0, 0)
        self.box = self.view.addViewBox(lockAspect=True, invertY=True, enableMouse=False, enableMenu=False)
        self.box.setDefaultPadding(0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.box.addItem(self.image)
        self.vial = QGraphicsRectItem()
        self.level = QGraphicsLineItem()
        for item in (self.vial, self.level):
            item.hide()
            self.box.addItem(item, ignoreBounds=True)
        self.level_digits = label("", "cardTitle")
        self.sees = label("", "caption", wrap=True)
        self.sees.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.empty = Empty("")
        stage = QWidget()
        self.pages = QStackedLayout(stage)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.view)
        self.aside = QWidget()
        words_column = QVBoxLayout(self.aside)
        words_column.setContentsMargins(0, 0, 0, 0)
        words_column.setSpacing(4)
        words_column.addWidget(self.level_digits)
        words_column.addWidget(self.sees, 1)
        self._row = QHBoxLayout()
        self._row.setSpacing(GRID_PX)
        self._row.addWidget(stage, 1)
        self._row.addWidget(self.aside)
        self.body.addLayout(self._row, 1)
        self.slot: str | None = None
        self._times: deque[float] = deque(maxlen=20)
        self._size: tuple[int, int] | None = None
        self._watch = QTimer(self)
        self._watch.setInterval(500)
        self._watch.timeout.connect(self._check)
        self._say_nothing("No picture yet: the camera's picture appears here.")

    def stack(self, stacked: bool) -> None:
        """Whether the words stand below the picture, for a card that is narrow."""
        way = QBoxLayout.Direction.TopToBottom if stacked else QBoxLayout.Direction.LeftToRight
        self._row.setDirection(way)
        self.sees.setMinimumHeight(2 * self.sees.fontMetrics().lineSpacing() if stacked else 0)

    @property
    def has_picture(self) -> bool:
        return self.pages.currentIndex() == 1

    def show_state(self, state: CampaignState) -> None:
        used = [e.slot for e in state.experiments if e.slot]
        self.slot = used[-1] if used else None

    def show_frame(self, image: Image | None, reading: VialReading | None = None) -> None:
        """A BGR picture; None: the camera has nothing to give."""
        if image is None:
            self._say_nothing("No picture: the camera does not answer. Is it connected and switched on?")
            return
        now = monotonic()
        self._times.append(now)
        import cv2  # not before there is a picture

        self.image.setImage(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), autoLevels=False)
        height, width = image.shape[:2]
        if self._size != (width, height):
            self._size = (width, height)
            self.box.setRange(QRectF(0, 0, width, height), padding=0)
        if not self.has_picture:
            self.pages.setCurrentIndex(1)
            self.aside.show()
        self._draw(reading, width)
        span = now - self._times[0]
        fps = f"{(len(self._times) - 1) / span:.0f} fps" if span > 0.2 else ""
        if fps != self.rate.text():
            self.rate.setText(fps)
        if not self._watch.isActive():
            self._watch.start()

    def _draw(self, reading: VialReading | None, width: int) -> None:
        shown = reading is not None and reading.present is not False and Doubt.MOVED not in reading.doubt
        self.vial.setVisible(shown)
        self.level.setVisible(shown and reading is not None and reading.surface_row is not None)
        if reading is None:
            self._tell("", "")
            return
        x0, y0, x1, y1 = reading.box_px
        self.vial.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))
        if reading.surface_row is not None:
            reach = max(12.0, (x1 - x0) * 0.25)
            self.level.setLine(
                max(0.0, x0 - reach), reading.surface_row, min(float(width), x1 + reach), reading.surface_row
            )
        sure = with_unit(f"{reading.confidence * 100:.0f}", "%")
        level = "" if reading.level_mm is None else with_unit(f"{reading.level_mm:.1f}", "mm")
        said = words(reading, self.slot)
        self._tell(level, f"{said}, {sure} sure" if shown else said)
        self._pens(doubtful=reading.doubt != Doubt.NONE)

    def _tell(self, level: str, said: str) -> None:
        """The same sentence stacked beside the picture, and whole as a tool tip."""
        if said != self.aside.toolTip():
            self.aside.setToolTip(said)
            self.level_digits.setText(level)
            parts = [p for p in said.split(", ") if not p.startswith("level ")]
            self.sees.setText("\n".join(("level", *parts) if level else parts))

    def _pens(self, *, doubtful: bool) -> None:
        frame = pg.mkPen(self.theme.warn if doubtful else self.theme.ok, width=2)
        if doubtful:
            frame.setStyle(Qt.PenStyle.DashLine)
        self.vial.setPen(frame)
        self.level.setPen(QPen(pg.mkPen("#D55E00", width=2)))

    def _check(self) -> None:
        if self._times and monotonic() - self._times[-1] > STALE_S:
            self._say_nothing("No new picture for some seconds. Is the camera connected and switched on?")

    def _say_nothing(self, why: str) -> None:
        self._watch.stop()
        self._times.clear()
        self.empty.setText(why)
        self.pages.setCurrentIndex(0)
        self.rate.setText("")
        self._tell("", "")
        self.aside.hide()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.view.setBackground(theme.panel)
        self.aside.setFixedWidth(theme.px(ASIDE_PX))
        self._pens(doubtful=False)
