"""The camera's picture with what the eye sees drawn over it."""

from collections import deque
from collections.abc import Sequence
from time import monotonic

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from campaign.state import CampaignState
from gui.panels.camera_correct import Corrector
from gui.panels.camera_overlay import ReadingOverlay, as_readings, tag
from gui.style import mark
from gui.theme import GRID_PX, Theme
from gui.widgets.card import Card, Empty, label
from gui.widgets.digits import with_unit
from vision.reading import Doubt, VialReading
from vision.words import DOUBTS, EMPTY, STATES, here

STALE_S = 3.0
SAVED_MS = 6000
ASIDE_PX = 96
Image = npt.NDArray[np.uint8]
Readings = VialReading | Sequence[VialReading] | None


def words(reading: VialReading, slot: str | None) -> str:
    """`vial B4, level 22.6 mm`. A vial that stands off its place is not read, and so not judged."""
    if Doubt.MOVED in reading.doubt:
        return "no vial in its place"
    parts = [f"vial {slot}" if slot else "vial"] if reading.present is not False else ["no vial"]
    if reading.present is not False:
        if reading.level_mm is not None and reading.state not in EMPTY:
            parts.append(f"level {with_unit(f'{reading.level_mm:.1f}', 'mm')}")
        else:
            parts.append(STATES[reading.state])
    parts.extend(said for flag, said in DOUBTS.items() if flag in reading.doubt and said not in parts)
    return ", ".join(parts)


class CameraCard(Card):
    """Frames come in through `show_frame`; when none comes for a while the card says so. `corrected` carries what a
    person sees instead of the eye, and the BGR picture."""

    corrected = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Camera", parent)
        self.rate = label("", "caption")
        self.header.addWidget(self.rate)
        self.saved = label("", "caption")
        self.header.addWidget(self.saved)
        self._saved_for = QTimer(self, singleShot=True, interval=SAVED_MS)
        self._saved_for.timeout.connect(lambda: self.saved.setText(""))
        self.correct = QPushButton("Correct")
        self.correct.setCheckable(True)
        self.correct.setEnabled(False)
        self.correct.setToolTip("Is the eye wrong? The picture stands still, and you say what is in the vial")
        mark(self.correct, "small")
        self.correct.toggled.connect(self._correct)
        self.header.addWidget(self.correct)
        self.view = pg.GraphicsLayoutWidget()
        self.view.ci.setContentsMargins(0, 0, 0, 0)
        self.box = self.view.addViewBox(lockAspect=True, invertY=True, enableMouse=False, enableMenu=False)
        self.box.setDefaultPadding(0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.box.addItem(self.image)
        self.seen = ReadingOverlay()
        self.box.addItem(self.seen, ignoreBounds=True)
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
        self.experiment: int | None = None
        """The one in work."""
        self._frame: Image | None = None
        self._corrector: Corrector | None = None
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
        self.experiment = state.attempt.experiment if state.attempt is not None else None

    def show_frame(self, image: Image | None, reading: Readings = None) -> None:
        """A BGR picture and what the eye sees in it; None: the camera has nothing to give."""
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
            self._picture = QRectF(-0.5, -0.5, width, height)  # 0.0 is the centre of the first pixel
            self.image.setRect(self._picture)
            self.box.setRange(self._picture, padding=0)
        if not self.has_picture:
            self.pages.setCurrentIndex(1)
            self.aside.show()
            self.correct.setEnabled(True)
        self._frame = image
        self._draw(as_readings(reading))
        span = now - self._times[0]
        fps = f"{(len(self._times) - 1) / span:.0f} fps" if span > 0.2 else ""
        if fps != self.rate.text():
            self.rate.setText(fps)
        if not self._watch.isActive():
            self._watch.start()

    def _draw(self, readings: tuple[VialReading, ...]) -> None:
        self.seen.show_readings(readings, self._picture)
        if not readings:
            self._tell("", "")
        elif len(readings) == 1:
            (reading,) = readings
            none = reading.level_mm is None or reading.state in EMPTY or not here(reading)
            level = "" if none else with_unit(f"{reading.level_mm:.1f}", "mm")
            self._tell(level, self._said(reading))
        else:
            self._tell("", ", ".join(tag(reading, number)[0] for number, reading in enumerate(readings, 1)))

    def _said(self, reading: VialReading) -> str:
        said = words(reading, self.slot)
        return f"{said}, {with_unit(f'{reading.confidence * 100:.0f}', '%')} sure" if here(reading) else said

    def _correct(self, on: bool) -> None:
        """Open the frozen picture, or give it up."""
        if not on:
            if self._corrector is not None:
                self._corrector.close()
            return
        if self._frame is None:
            self.correct.setChecked(False)
            return
        reading = min(self.seen.readings, key=lambda r: r.confidence, default=None)
        made = Corrector(
            self.window(), self._frame.copy(), reading, self._said(reading) if reading is not None else "",
            slot=self.slot, experiment=self.experiment, theme=self.theme,
        )  # fmt: skip
        self._corrector = made
        made.saved.connect(lambda seen: self.corrected.emit(seen, made.image))
        made.gone.connect(self._corrected)
        made.begin()

    def show_saved(self, words: str) -> None:
        """The newest correction is kept."""
        self.saved.setText("saved")
        self.saved.setToolTip(words)
        self._saved_for.start()

    def _corrected(self) -> None:
        self._corrector = None
        self.correct.setChecked(False)

    def _tell(self, level: str, said: str) -> None:
        """The same sentence stacked beside the picture, and whole as a tool tip."""
        if said != self.aside.toolTip():
            self.aside.setToolTip(said)
            self.level_digits.setText(level)
            parts = [p for p in said.split(", ") if not p.startswith("level ")]
            self.sees.setText("\n".join(("level", *parts) if level else parts))

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
        self.correct.setEnabled(False)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.view.setBackground(theme.panel)
        self.aside.setFixedWidth(theme.px(ASIDE_PX))
        self.seen.set_theme(theme)
        if self._corrector is not None:
            self._corrector.set_theme(theme)
