"""A person says what is in the vial where the eye is wrong: a frozen picture, a box and lines that are dragged."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from campaign.correction import STAYS, WITH_BOUNDARY, correction_mistakes
from campaign.events import Corrected
from gui.style import mark
from gui.theme import GRID_PX, PADDING_PX, Theme
from gui.widgets.card import label
from gui.widgets.controls import combo
from gui.widgets.drag_box import Box, DragBox, DragLine
from gui.widgets.overlay import Overlay
from vision.reading import State, VialReading
from vision.words import FILLED, STATES

Image = npt.NDArray[np.uint8]
SIZE_PX = (860, 600)
COLUMN_PX = 236
MOST_BOUNDARIES = 4
MARGIN = 0.14
"""Shown around the box, of its height."""
CHOICES: tuple[State, ...] = ("empty", "liquid", "two_phase", "liquid+solid", "solid", "gel", "no_vial")
"""A person who is not sure corrects nothing."""
_HINT = (
    "Drag the box and the lines. Or choose one and press the arrow keys: a pixel each, ten with Shift; with Ctrl "
    "the box grows. The wheel zooms."
)


class Corrector(Overlay):
    """`saved` carries the correction; its picture is `image`. `gone`: it was saved or given up."""

    saved = Signal(object)
    gone = Signal()

    def __init__(
        self,
        window: QWidget,
        image: Image,
        reading: VialReading | None,
        said: str,
        *,
        slot: str | None = None,
        experiment: int | None = None,
        theme: Theme,
    ) -> None:
        """image: BGR, frozen. said: what the eye says of it, in words. slot, experiment: those of this picture."""
        super().__init__(window, "Correct the eye")
        self.setProperty("ownEnter", True)  # here it never decides about an experiment
        self.image = image
        self._of = (experiment, slot)
        self._limits: Box = (-0.5, -0.5, image.shape[1] - 0.5, image.shape[0] - 0.5)
        self.state = combo("What is in the vial", "What you see in the vial")
        for state in CHOICES:
            self.state.addItem(STATES[state], state)
        self.count = QSpinBox(minimum=1, maximum=MOST_BOUNDARIES)
        self.count.setAccessibleName("Boundaries")
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.count.setToolTip("How many times one layer lies on another, below the surface")
        self._make_picture(reading)
        self.problem = label("", "bad", wrap=True)
        self.save, self.cancel = QPushButton("Save"), QPushButton("Cancel")
        self._lay_out(said)
        self._show_reading(reading)
        self.state.currentIndexChanged.connect(self._refresh)
        self.count.valueChanged.connect(self._refresh)
        self.save.clicked.connect(self._save)
        self.cancel.clicked.connect(self.close)
        self.set_theme(theme)
        self._refresh()

    def _make_picture(self, reading: VialReading | None) -> None:
        self.view = pg.GraphicsLayoutWidget()
        self.view.setAccessibleName("The picture that stands still")
        self.view.ci.setContentsMargins(0, 0, 0, 0)
        self.plot = self.view.addViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self.plot.setDefaultPadding(0)
        pixels = pg.ImageItem(self.image[..., ::-1], axisOrder="row-major")
        x0, y0, x1, y1 = self._limits
        pixels.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))
        self.plot.addItem(pixels)
        box = reading.box_px if reading is not None else _middle(self._limits)
        self.box = DragBox("box", box, self._limits)
        x0, y0, x1, y1 = self.box.box
        self.surface = DragLine("surface", self.box, (y0 + y1) / 2)
        self.boundaries = tuple(
            BoundaryLine("boundary" if n == 0 else f"boundary {n + 1}", self.box, (y0 + y1) / 2)
            for n in range(MOST_BOUNDARIES)
        )
        for item in (self.box, self.surface, *self.boundaries):
            self.plot.addItem(item, ignoreBounds=True)
            item.changed.connect(self._refresh)

    def _lay_out(self, said: str) -> None:
        self.picks: dict[str, QPushButton] = {}
        picks = QHBoxLayout()
        picks.setSpacing(4)
        items: dict[str, Callable[[], DragBox | DragLine]] = {
            "Box": lambda: self.box, "Surface": lambda: self.surface, "Boundary": self._next_boundary,
        }  # fmt: skip
        for name, item in items.items():
            pick = QPushButton(name)
            pick.setToolTip(f"Move the {name.lower()} with the arrow keys")
            pick.setStyleSheet("padding: 4px 6px;")
            pick.clicked.connect(lambda _=False, item=item: self._take(item()))
            self.picks[name] = pick
            picks.addWidget(pick)
        fields = QGridLayout()
        fields.setSpacing(GRID_PX)
        fields.addWidget(label("In the vial"), 0, 0)
        fields.addWidget(self.state, 0, 1)
        self.count_label = label("Boundaries")
        fields.addWidget(self.count_label, 1, 0)
        fields.addWidget(self.count, 1, 1)
        fields.setColumnStretch(1, 1)
        self.column = QWidget()
        column = QVBoxLayout(self.column)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID_PX)
        column.addWidget(label("Correct the eye", "cardTitle"))
        self.said = label(f"The eye said: {said or 'nothing'}.", "muted", wrap=True)
        column.addWidget(self.said)
        column.addLayout(fields)
        column.addLayout(picks)
        column.addWidget(label(_HINT, "caption", wrap=True))
        column.addWidget(self.problem)
        column.addStretch(1)
        column.addWidget(label(f"{STAYS}. The picture and your answer are kept.", "caption", wrap=True))
        self.save.setToolTip("Keep the picture with what you see in it (Enter)")
        self.cancel.setToolTip("Keep nothing (Esc)")
        mark(self.save, "filled")
        ends = QHBoxLayout()
        ends.setSpacing(GRID_PX)
        ends.addWidget(self.save, 1)
        ends.addWidget(self.cancel, 1)
        column.addLayout(ends)
        row = QHBoxLayout(self)
        row.setContentsMargins(PADDING_PX, PADDING_PX, PADDING_PX, PADDING_PX)
        row.setSpacing(PADDING_PX)
        row.addWidget(self.view, 1)
        row.addWidget(self.column)

    def _show_reading(self, reading: VialReading | None) -> None:
        """Begin where the eye ended."""
        x0, y0, x1, y1 = self.box.box
        state = reading.state if reading is not None and reading.state in CHOICES else "liquid"
        self.state.setCurrentIndex(CHOICES.index(state))
        if reading is not None and reading.surface_row is not None:
            self.surface.place(reading.surface_row)
        rows = reading.boundary_rows[:MOST_BOUNDARIES] if reading is not None else ()
        self.count.setValue(max(1, len(rows)))
        for n, line in enumerate(self.boundaries):
            share = (n + 1) / (MOST_BOUNDARIES + 1)
            line.place(rows[n] if n < len(rows) else self.surface.row + share * (y1 - self.surface.row))
        margin = MARGIN * (y1 - y0)
        self._shown = QRectF(x0 - margin, y0 - margin, x1 - x0 + 2 * margin, y1 - y0 + 2 * margin)
        self.plot.setLimits(
            xMin=self._limits[0] - margin, xMax=self._limits[2] + margin, yMin=self._limits[1] - margin,
            yMax=self._limits[3] + margin,
        )  # fmt: skip

    def begin(self) -> None:
        """Show it over the window, the surface line at hand."""
        theme = self._theme
        most = self._window.height() - 2 * GRID_PX - theme.px(48)
        self.open(min(theme.px(SIZE_PX[0]), self._window.width() - 2 * GRID_PX), min(theme.px(SIZE_PX[1]), most))
        QTimer.singleShot(0, self, self._fit)
        self._take(self.surface if self.surface.isVisible() else self.box)

    def _fit(self) -> None:
        """Once the picture has its size."""
        self.plot.setRange(self._shown, padding=0)

    def seen(self) -> Corrected:
        """What the person says now."""
        state = CHOICES[self.state.currentIndex()]
        surface = round(self.surface.row, 2) if state in FILLED else None
        rows = self.boundaries[: self.count.value()] if state in WITH_BOUNDARY else ()
        box = tuple(round(v, 2) for v in self.box.box)
        experiment, slot = self._of
        return Corrected(experiment, slot, box, state, surface, tuple(sorted(round(r.row, 2) for r in rows)))

    def _refresh(self) -> None:
        """Lines that the state has, and whether it makes sense."""
        state = CHOICES[self.state.currentIndex()]
        self.surface.setVisible(state in FILLED)
        for n, line in enumerate(self.boundaries):
            line.setVisible(state in WITH_BOUNDARY and n < self.count.value())
        for part in (self.count, self.count_label, self.picks["Boundary"]):
            part.setEnabled(state in WITH_BOUNDARY)
        self.picks["Surface"].setEnabled(state in FILLED)
        wrong = "; ".join(correction_mistakes(self.seen()))
        self.problem.setText(f"{wrong[:1].upper()}{wrong[1:]}." if wrong else "")
        self.save.setEnabled(not wrong)

    def _next_boundary(self) -> DragLine:
        """The one after that which has the keys."""
        shown = self.boundaries[: self.count.value()]
        at = next((n for n, line in enumerate(shown) if line.hasFocus()), -1)
        return shown[(at + 1) % len(shown)]

    def _take(self, item: DragBox | DragLine) -> None:
        """Give it the arrow keys."""
        self.view.setFocus()
        item.setFocus()

    def _save(self) -> None:
        self.saved.emit(self.seen())
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.save.click()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        super().closeEvent(event)
        self.gone.emit()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.view.setBackground(theme.panel)
        self.column.setFixedWidth(theme.px(COLUMN_PX))
        self.problem.setMinimumHeight(2 * self.problem.fontMetrics().lineSpacing())
        for item in (self.box, self.surface, *self.boundaries):
            item.set_theme(theme)


class BoundaryLine(DragLine):
    """Dashed, as a boundary is in the live picture."""

    def _pens(self) -> Iterator[QPen]:
        for pen in super()._pens():
            pen.setDashPattern([6.0 / pen.widthF(), 6.0 / pen.widthF()])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            yield pen


def _middle(limits: Box) -> Box:
    """A box to begin with where the eye has none: a third of the picture's width."""
    x0, y0, x1, y1 = limits
    return x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 6, x1 - (x1 - x0) / 3, y1 - (y1 - y0) / 6
