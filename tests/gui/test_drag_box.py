"""The box and the line that are dragged over a picture: mouse, arrow keys, limits."""

import pyqtgraph as pg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest

from gui.theme import DARK, LIGHT
from gui.widgets.drag_box import LEAST_PX, DragBox, DragLine, moved

LIMITS = (-0.5, -0.5, 639.5, 479.5)
side = st.floats(-1000, 1000)


@given(st.tuples(*[st.booleans()] * 4), side, side)
def test_a_drag_never_leaves_the_picture_nor_turns_the_box_inside_out(edges, dx, dy):
    x0, y0, x1, y1 = moved((100.0, 120.0, 180.0, 400.0), edges, dx, dy, LIMITS)
    assert LIMITS[0] <= x0
    assert LIMITS[1] <= y0
    assert x1 <= LIMITS[2]
    assert y1 <= LIMITS[3]
    assert x1 - x0 >= LEAST_PX - 1e-6
    assert y1 - y0 >= LEAST_PX - 1e-6


def test_what_is_not_dragged_stays():
    assert moved((100, 120, 180, 400), (True, False, False, False), 7, 9, LIMITS) == (107, 120, 180, 400)
    assert moved((100, 120, 180, 400), (False,) * 4, 7, 9, LIMITS) == (107, 129, 187, 409)


class Stage:
    """A picture of 640 x 480 with a box and its line in a shown window."""

    def __init__(self, qtbot, theme):
        self.view = pg.GraphicsLayoutWidget()
        self.view.ci.setContentsMargins(0, 0, 0, 0)
        self.vb = self.view.addViewBox(lockAspect=True, invertY=True, enableMouse=False, enableMenu=False)
        self.box = DragBox("1", (100.0, 100.0, 200.0, 400.0), LIMITS)
        self.line = DragLine("bottom", self.box, 380.0)
        for item in (self.box, self.line):
            item.set_theme(theme)
            self.vb.addItem(item, ignoreBounds=True)
        qtbot.addWidget(self.view)
        self.view.resize(640, 480)
        self.view.show()
        qtbot.waitExposed(self.view)
        self.vb.setRange(QRectF(0, 0, 640, 480), padding=0)
        qtbot.wait(1)

    def at(self, x, y) -> QPoint:
        return self.view.mapFromScene(self.vb.mapViewToScene(QPointF(x, y)))

    def drag(self, start, end) -> None:
        port = self.view.viewport()
        QTest.mouseMove(port, self.at(*start))
        QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=self.at(*start))
        for part in (0.4, 0.8, 1.0):
            between = [a + (b - a) * part for a, b in zip(start, end, strict=True)]
            QTest.mouseMove(port, self.at(*between))
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=self.at(*end))


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def stage(qtbot, request):
    limit = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOption("mouseRateLimit", 0)  # a test's mouse is faster than a hand, and no move of it is left out
    yield Stage(qtbot, request.param)
    pg.setConfigOption("mouseRateLimit", limit)


def test_the_mouse_moves_box_and_line_together(stage):
    told = []
    stage.box.placed.connect(lambda: told.append(stage.box.box))
    stage.drag((150, 250), (180, 240))
    assert stage.box.box == pytest.approx((130, 90, 230, 390), abs=2)
    assert stage.line.row == pytest.approx(370, abs=2)
    assert told == [stage.box.box]


def test_the_mouse_drags_one_side(stage):
    stage.drag((200, 250), (260, 250))
    assert stage.box.box == pytest.approx((100, 100, 260, 400), abs=2)
    assert stage.line.row == pytest.approx(380)


def test_the_line_stays_in_its_box(stage):
    stage.drag((150, 380), (150, 300))
    assert stage.line.row == pytest.approx(300, abs=2)
    stage.drag((150, 300), (150, 470))
    assert stage.line.row == pytest.approx(400, abs=1)
    assert stage.box.box == (100, 100, 200, 400)
    stage.box.place((100, 100, 200, 250))
    stage.line.follow()
    assert stage.line.row == 250


def test_arrow_keys_nudge(stage):
    port = stage.view
    stage.box.setFocus()
    QTest.keyClick(port, Qt.Key.Key_Right)
    assert stage.box.box == (101, 100, 201, 400)
    QTest.keyClick(port, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert stage.box.box == (101, 110, 201, 410)
    assert stage.line.row == 390
    QTest.keyClick(port, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert stage.box.box == (101, 110, 200, 410)
    stage.line.setFocus()
    QTest.keyClick(port, Qt.Key.Key_Up)
    assert stage.line.row == 389


def test_a_box_outside_the_picture_is_brought_in(stage):
    stage.box.place((-50, 470, 900, 500))
    x0, y0, x1, y1 = stage.box.box
    assert (x0, x1, y1) == (-0.5, 639.5, 479.5)
    assert y1 - y0 >= LEAST_PX


@pytest.mark.parametrize(("top", "inside"), [(-0.5, True), (100.0, False)])
def test_the_name_of_a_box_at_the_top_of_the_picture_stands_inside_it(qtbot, top, inside):
    stage = Stage(qtbot, DARK)
    stage.box.place((100.0, top, 200.0, 400.0))
    name = stage.box._label
    assert (name.mapRectToParent(name.boundingRect()).center().y() > top) == inside
