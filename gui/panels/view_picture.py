"""The camera's picture on which a person draws the vial's box, its inner bottom and a white patch."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QGraphicsRectItem, QStackedLayout, QWidget

from gui.models.view_draft import white_beside
from gui.theme import CAPTION_PX, Theme
from gui.widgets.card import Empty
from gui.widgets.drag_box import Box, DragBox, DragLine

Image = npt.NDArray[np.uint8]
MOST_PX = 1920
"""Width above which every second pixel, or third, is drawn: more of them hold up the window and are not seen."""


class ViewPicture(QWidget):
    """`changed`: box, inner bottom or patch was dragged. `levelled`: the level of a fill was. `picked`: one of the
    proposed boxes was clicked, by its place in the list."""

    changed = Signal()
    levelled = Signal()
    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.view = pg.GraphicsLayoutWidget()
        self.view.ci.setContentsMargins(0, 0, 0, 0)
        self.view.setAccessibleName("The camera's picture with the vial's box")
        self.port = self.view.addViewBox(lockAspect=True, invertY=True, enableMouse=False, enableMenu=False)
        self.port.setDefaultPadding(0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.port.addItem(self.image)
        self.box = DragBox("vial", (0.0, 0.0, 20.0, 60.0), (-0.5, -0.5, 639.5, 479.5))
        self.bottom = DragLine("inner bottom", self.box, 55.0)
        self.level = DragLine("level", self.box, 30.0)
        self.white = DragBox("white", (30.0, 10.0, 50.0, 40.0), (-0.5, -0.5, 639.5, 479.5))
        for item in (self.white, self.box, self.bottom):
            self.port.addItem(item, ignoreBounds=True)
            item.changed.connect(self.changed)
            item.hide()
        self.port.addItem(self.level, ignoreBounds=True)
        self.level.changed.connect(self.levelled)
        self.level.hide()
        self.size_px: tuple[int, int] | None = None
        """Of the picture; None while there is none."""
        self.proposals: list[Box] = []
        self._outlines: list[tuple[QGraphicsRectItem, pg.TextItem]] = []
        self._theme: Theme | None = None
        self.empty = Empty("")
        self.pages = QStackedLayout(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.view)
        self.view.scene().sigMouseClicked.connect(self._clicked)

    def say_nothing(self, why: str) -> None:
        """There is no picture, and why."""
        self.empty.setText(why)
        self.pages.setCurrentIndex(0)

    def show_image(self, image: Image) -> None:
        """A BGR picture; the boxes stay, inside it."""
        height, width = image.shape[:2]
        self.size_px = (width, height)
        every = -(-width // MOST_PX)
        drawn = np.ascontiguousarray(image[::every, ::every, ::-1])
        self.image.setImage(drawn, autoLevels=False, levels=(0, 255))
        # the middle of each pixel that is drawn stays where it was
        self.image.setRect(QRectF(-every / 2, -every / 2, every * drawn.shape[1], every * drawn.shape[0]))
        self.port.setRange(QRectF(-0.5, -0.5, width, height), padding=0)
        limits = (-0.5, -0.5, width - 0.5, height - 0.5)
        row = self.bottom.row
        for item in (self.box, self.white):
            item.place(item.box, limits)
        self.bottom.place(row)
        self.level.hide()
        self.pages.setCurrentIndex(1)
        self.box.show()
        self.bottom.show()

    def draw(self, box: Box, base_row: float, white: Box | None) -> None:
        """Boxes of a rig file or of a proposal. white: None for none; `box` says where it would be."""
        self.box.place(box)
        self.bottom.place(base_row)
        self.level.hide()
        if white is not None:
            self.white.place(white)
        self.white.setVisible(white is not None)

    def use_white(self, used: bool) -> None:
        """Show the white patch, beside the vial when it was not shown before, or hide it."""
        if used and not self.white.isVisible() and (size := self.size_px) is not None:
            self.white.place(white_beside(self.box.box, size))
        self.white.setVisible(used)
        self.changed.emit()

    def show_level(self, row: float | None) -> None:
        """Where a surface was seen, to be dragged; None hides it."""
        if row is not None:
            self.level.place(row)
        self.level.setVisible(row is not None)

    def propose(self, boxes: Sequence[Box]) -> None:
        """Outlines with numbers, of which one may be clicked."""
        for outline, number in self._outlines:
            self.port.removeItem(outline)
            self.port.removeItem(number)
        self.proposals, self._outlines = list(boxes), []
        for i, (x0, y0, x1, y1) in enumerate(boxes):
            outline = QGraphicsRectItem(QRectF(x0, y0, x1 - x0, y1 - y0))
            outline.setZValue(5)
            number = pg.TextItem(str(i + 1), anchor=(0, 0))
            number.setPos(x0, y0)
            number.setZValue(6)
            for item in (outline, number):
                self.port.addItem(item, ignoreBounds=True)
            self._outlines.append((outline, number))
        self._dress()

    def _clicked(self, event: object) -> None:
        at: QPointF = self.port.mapSceneToView(event.scenePos())  # type: ignore[attr-defined]  # pyqtgraph's event
        mine = QRectF(*self.box.box[:2], self.box.box[2] - self.box.box[0], self.box.box[3] - self.box.box[1])
        for i, (x0, y0, x1, y1) in enumerate(self.proposals):
            if x0 <= at.x() <= x1 and y0 <= at.y() <= y1 and not mine.contains(at):
                self.picked.emit(i)
                return

    def _dress(self) -> None:
        theme = self._theme
        if theme is None:
            return
        font = QFont()
        font.setPixelSize(theme.px(CAPTION_PX))
        for outline, number in self._outlines:
            outline.setPen(pg.mkPen(QColor(0, 0, 0, 190), width=1.5, style=Qt.PenStyle.DashLine))
            number.setFont(font)
            number.setColor(theme.text)
            number.fill = pg.mkBrush(theme.panel)
            number.border = pg.mkPen(theme.border)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.view.setBackground(theme.panel)
        for item in (self.box, self.bottom, self.white, self.level):
            item.set_theme(theme)
        self._dress()
