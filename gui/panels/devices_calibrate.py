"""Weigh doses: dose ten times, type the weights, get factor, error and repeatability for the rig file.

Made for gloves: one large button, the weight's cell has the focus after each dose, Enter brings it back.
"""

import re
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QApplication,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QTableWidgetItem,
    QVBoxLayout,
)

from gui.panels.devices_tab import DevicesTab, IntoRigFile, button, table
from gui.panels.dose_result import DoseResult
from gui.style import mark
from gui.theme import GRID_PX, MAIN_CONTROL_PX, Theme
from gui.units import volume
from gui.widgets.card import label
from gui.widgets.controls import combo, spin
from gui.widgets.field import Field
from gui.widgets.paragraph import Paragraph
from hardware.calibration import ENOUGH, WATER_20C_MG_UL, Calibration, Weighed, calibrate, values
from hardware.spec import RigSpec

_NUMBER = re.compile(r"\d{1,9}(\.\d{1,6})?")
_COLUMNS = ("Dose", "Asked, µL", "Weight, mg", "True volume, µL")
_WEIGHT = 2
_HALF = ENOUGH // 2


class CalibrateTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Weigh doses")
        self._rig: RigSpec | None = None
        self._doses: list[float] = []
        self._result: Calibration | None = None
        self.role = combo("Pump", "Which pump is weighed")
        self.volume = _box("Volume of doses 1 to 5", "\u202fµL")
        self.other = _box("Volume of doses 6 to 10", "\u202fµL")
        self.rate = _box("Rate of a dose", "\u202fµL/s")
        self.density = _box("Density of the liquid", "\u202fmg/µL")
        self.density.setRange(0.3, 20.0)
        self.density.setDecimals(4)
        self.density.setSingleStep(0.001)
        self.density.setValue(WATER_20C_MG_UL)
        self.dose = button("Dose", "Dose once, into the cup under the nozzles", filled=True, height=MAIN_CONTROL_PX)
        self.again = button("Start over", "Forget these doses", height=MAIN_CONTROL_PX)
        self.save = button(
            "Use in the rig file", "Write factor and offset beside the pump in the rig file", height=MAIN_CONTROL_PX
        )
        self.into = IntoRigFile(self, self.save)
        self.now = Paragraph(kind="sentence", least=2)
        self.now.setAccessibleName("What to do now")
        self.bar = QProgressBar(maximum=ENOUGH, textVisible=False)
        self.bar.setAccessibleName("Weighed doses")
        self.count = label()
        self.result = DoseResult()
        self.table = table("Weighed doses", _COLUMNS, 3)
        triggers = self.table.EditTrigger
        self.table.setEditTriggers(
            triggers.DoubleClicked | triggers.AnyKeyPressed | triggers.EditKeyPressed | triggers.SelectedClicked
        )
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column in range(3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self._lay_out()
        self._connect()
        self.fit()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        fields = (
            ("Pump", self.role), ("Doses 1 to 5", self.volume), ("Doses 6 to 10", self.other), ("Rate", self.rate),
            ("Density", self.density),
        )  # fmt: skip
        for column, (text, widget) in enumerate(fields):
            grid.addWidget(Field("", text, widget, widget.toolTip() or widget.accessibleName()), 0, column)
            grid.setColumnStretch(column, 1)
        left, right, row = QVBoxLayout(), QVBoxLayout(), QHBoxLayout()
        for each in (left, right, row):
            each.setSpacing(GRID_PX)
        left.addWidget(self.now)
        row.addWidget(self.dose, 2)
        row.addWidget(self.again, 1)
        left.addLayout(row)
        far = QHBoxLayout()
        far.setSpacing(GRID_PX)
        far.addWidget(self.bar, 1)
        far.addWidget(self.count)
        left.addLayout(far)
        left.addWidget(self.table, 1)
        right.addWidget(self.result, 1)
        right.addWidget(self.save, 0, Qt.AlignmentFlag.AlignRight)
        both = QHBoxLayout()
        both.setSpacing(16)
        both.addLayout(left, 1)
        both.addLayout(right, 1)
        self.card.body.addLayout(grid)
        self.card.body.addLayout(both, 1)

    def _connect(self) -> None:
        self.dose.clicked.connect(self._dose)
        self.again.clicked.connect(self._forget)
        self.save.clicked.connect(self._save)
        self.role.currentTextChanged.connect(self._chosen)
        self.density.valueChanged.connect(lambda _: self._reckon())
        for box in (self.volume, self.other):
            box.valueChanged.connect(lambda _: self.fit())
        self.table.itemChanged.connect(lambda item: self._reckon() if item.column() == _WEIGHT else None)
        self.table.itemDelegate().closeEditor.connect(self._typed)
        self.table.installEventFilter(self)

    def show_rig(self, rig: RigSpec | None) -> None:
        self._rig = rig
        self.role.clear()
        self.role.addItems(list(rig.pumps) if rig is not None else [])
        self._forget()

    def add_dose(self, dose: Any) -> None:
        """A dose was given: its weight is to be typed."""
        _, volume_ul = dose
        self._doses.append(volume_ul)
        at = self.table.rowCount()
        self.table.insertRow(at)
        for column, text in enumerate((str(at + 1), f"{volume_ul:g}", "", "")):
            item = _number(text)
            if column != _WEIGHT:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(at, column, item)
        self.table.scrollToBottom()

    def ended(self) -> None:
        super().ended()
        if self._waits_for is not None and self.isVisible():
            QTimer.singleShot(0, self, self._edit)

    @property
    def _waits_for(self) -> int | None:
        """The row of the last dose, while its weight has not been typed."""
        last = len(self._doses) - 1
        item = self.table.item(last, _WEIGHT)
        return last if item is not None and not item.text().strip() else None

    def _edit(self) -> None:
        item = self.table.item(self._waits_for, _WEIGHT) if self._waits_for is not None else None
        if item is not None and not self._typing:  # whoever corrects another weight just now finishes that first
            self.table.setFocus()
            self.table.setCurrentItem(item)
            if not self._typing:
                self.table.editItem(item)

    @property
    def _typing(self) -> bool:
        """Whether a cell is open."""
        focus = QApplication.focusWidget()
        return isinstance(focus, QLineEdit) and self.table.isAncestorOf(focus)

    def _typed(self, _: object, hint: QAbstractItemDelegate.EndEditHint) -> None:
        """Enter hands the weight in; the next thing to press is Dose."""
        if hint == QAbstractItemDelegate.EndEditHint.SubmitModelCache:
            last = self._waits_for is None
            QTimer.singleShot(0, self, self.dose.setFocus if last else self._edit)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if watched is self.table and event.type() == QEvent.Type.KeyPress:
            key = event.key()  # type: ignore[attr-defined]  # a key press has one
            item = self.table.item(self.table.currentRow(), _WEIGHT)
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
                if not self._typing:
                    self.table.editItem(item)
                return True
        return super().eventFilter(watched, event)

    @property
    def _next_ul(self) -> float:
        return self.volume.value() if len(self._doses) < _HALF else self.other.value()

    def _chosen(self, role: str) -> None:
        self._forget()
        pump = self._rig.pumps.get(role) if self._rig is not None else None
        if pump is None:
            return
        for box, share, most in ((self.volume, 10, 200.0), (self.other, 4, 500.0)):
            box.setDecimals(0 if pump.capacity_ul >= 1000 else 1)
            box.setRange(0.1 if pump.capacity_ul < 1000 else 1.0, pump.capacity_ul)
            box.setValue(min(most, pump.capacity_ul / share))
        self.rate.setRange(0.01, pump.max_rate_ul_s or pump.capacity_ul)
        self.rate.setValue(min(50.0, pump.capacity_ul / 20))

    def _forget(self) -> None:
        self._doses, self._result = [], None
        self.table.setRowCount(0)
        self._reckon()

    def _weighed(self) -> tuple[list[Weighed], list[int]]:
        """What was typed, and the rows it stands in. Raises ValueError for what is no weight."""
        weighed, rows = [], []
        for at, volume_ul in enumerate(self._doses):
            item = self.table.item(at, _WEIGHT)
            text = item.text().strip().replace(",", ".") if item is not None else ""
            if not text:
                continue
            if not _NUMBER.fullmatch(text):
                raise ValueError(f"dose {at + 1}: {text!r} is no weight in mg")
            weighed.append(Weighed(volume_ul, float(text)))
            rows.append(at)
        return weighed, rows

    def _reckon(self) -> None:
        self._result = None
        try:
            weighed, rows = self._weighed()
            self.bar.setValue(min(len(weighed), ENOUGH))
            self.count.setText(f"{len(weighed)} of {ENOUGH} weighed")
            spec = self._rig.pumps.get(self.role.currentText()) if self._rig is not None else None
            self._result = calibrate(weighed, self.density.value(), spec)
        except ValueError as error:
            self.result.show_trouble(str(error))
        else:
            self.result.show_result(self._result, rows)
            self.table.blockSignals(True)
            true = dict(zip(rows, self._result.true_ul, strict=True))
            for at in range(self.table.rowCount()):
                item = self.table.item(at, 3)
                if item is not None:
                    item.setText(f"{true[at]:.2f}" if at in true else "")
            self.table.blockSignals(False)
            self.table.viewport().update()
        self.fit()

    def _dose(self) -> None:
        self.ask("weigh_dose", self.role.currentText(), self._next_ul, self.rate.value())

    def _save(self) -> None:
        go_on, new = self.into.ask() if self._result is not None else (False, None)
        if go_on and self._result is not None:
            n = len(self._result.true_ul)
            note = f"{n} weighed {'dose' if n == 1 else 'doses'}"
            self.ask("save_calibration", self.role.currentText(), values(self._result), note, new)

    def fit(self) -> None:
        done, any_pump = len(self._doses), self.role.count() > 0
        self.able(self.dose, when=any_pump)
        self.dose.setText(f"Dose {volume(self._next_ul)}" if any_pump else "Dose")
        enough = done >= ENOUGH and self._waits_for is None
        mark(self.dose, "plain" if enough else "filled")
        mark(self.save, "filled" if enough else "plain")
        self.again.setEnabled(bool(done) and not self.going)
        for each in (self.role, self.volume, self.other, self.rate):
            each.setEnabled(not self.going and any_pump)
        self.save.setEnabled(self._result is not None and self._result.usable and not self.going)
        if self.going == "weigh_dose":
            said = f"Dose {done + 1} of {ENOUGH} is under way…"
        elif self.refused is not None:
            said = self.refused
        elif self._waits_for is not None:
            said = (
                f"Weigh dose {done}, type its weight in mg and press Enter. Clear a weight to leave its dose out."
            )
        elif done >= ENOUGH:
            said = "All doses are weighed: look at the result, then use it. More doses make it surer."
        else:
            said = (
                f"Dose {done + 1} of {ENOUGH}: tare the cup, put it under the nozzles and press Dose (space bar)."
            )
        self.now.say(said)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.table.verticalHeader().setDefaultSectionSize(theme.px(32))
        self.bar.setFixedHeight(theme.px(12))


def _number(text: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item


def _box(name: str, suffix: str) -> QDoubleSpinBox:
    made = spin(name)
    made.setSuffix(suffix)
    made.setToolTip(name)
    return made
