"""Numbers as people type them."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.widgets.controls import spin


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1.5", 1.5), ("1,5", 1.5), (",5", 0.5), ("abc-1", 2.0), ("-", 2.0), ("nan", 2.0), ("", 2.0)],
)
def test_a_comma_is_a_decimal_point_and_what_is_no_number_changes_nothing(
    qtbot: QtBot, typed: str, value: float
) -> None:
    box = spin("Volume")
    qtbot.addWidget(box)
    box.setRange(0.0, 100.0)
    box.setDecimals(3)
    box.setValue(2.0)
    box.selectAll()
    QTest.keyClick(box, Qt.Key.Key_Delete)
    QTest.keyClicks(box, typed)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == pytest.approx(value)
