"""Weigh doses: dose ten times, type the weights, get factor, error and repeatability for the rig file."""

import re
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QHeaderView, QTableWidgetItem

from gui.panels.devices_tab import DevicesTab, button, table
from gui.widgets.card import label
from gui.widgets.controls import combo, spin
from hardware.calibration import ENOUGH, WATER_20C_MG_UL, Calibration, Weighed, calibrate, values
from hardware.spec import RigSpec

_NUMBER = re.compile(r"\d{1,9}(\.\d{1,6})?")
_COLUMNS = ("Dose", "Asked, µL", "Weight, mg", "True volume, µL")
_HOW = (
    f"Put a tared cup under the nozzles and press Dose: {ENOUGH} times, some of them with another volume. "
    "Type what each dose weighs; double-click a weight to change it, and clear it to leave the dose out."
)


class CalibrateTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Weigh doses")
        self._rig: RigSpec | None = None
        self._doses: list[tuple[str, float]] = []
        self._result: Calibration | None = None
        self.role = combo("Pump", "Which pump is weighed")
        self.volume = spin("Volume of a dose")
        self.volume.setSuffix("\u202fµL")
        self.rate = spin("Rate of a dose")
        self.rate.setSuffix("\u202fµL/s")
        self.density = spin("Density of the liquid")
        self.density.setRange(0.3, 20.0)
        self.density.setDecimals(4)
        self.density.setSingleStep(0.001)
        self.density.setValue(WATER_20C_MG_UL)
        self.density.setSuffix("\u202fmg/µL")
        self.dose = button("Dose", "Dose once, into what stands under the nozzles", filled=True)
        self.again = button("Start over", "Forget these doses")
        self.save = button("Use in the rig file", "Write factor and offset beside the pump in the rig file")
        self.how = label(_HOW, "muted", wrap=True)
        self.result = label(wrap=True)
        self.result.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.result.setMinimumHeight(96)
        self.result.setAccessibleName("What the weights say")
        self.table = table("Weighed doses", _COLUMNS, 3)
        triggers = self.table.EditTrigger
        self.table.setEditTriggers(triggers.DoubleClicked | triggers.AnyKeyPressed | triggers.EditKeyPressed)
        for column in range(3):
            self.table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self._lay_out()
        self.dose.clicked.connect(self._dose)
        self.again.clicked.connect(self._forget)
        self.save.clicked.connect(self._save)
        self.role.currentTextChanged.connect(self._chosen)
        self.density.valueChanged.connect(lambda _: self._reckon())
        self.table.itemChanged.connect(lambda item: self._reckon() if item.column() == 2 else None)
        self.fit()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        for column, (text, widget) in enumerate(
            {"Pump": self.role, "Volume": self.volume, "Rate": self.rate, "Density": self.density}.items()
        ):
            grid.addWidget(label(text, "caption"), 0, column)
            grid.addWidget(widget, 1, column)
        grid.setColumnStretch(6, 1)
        grid.addWidget(self.dose, 1, 4)
        grid.addWidget(self.again, 1, 5)
        self.card.body.addWidget(self.how)
        self.card.body.addLayout(grid)
        row = QHBoxLayout()
        row.addWidget(self.table, 1)
        row.addWidget(self.result, 1)
        self.card.body.addLayout(row, 1)
        self.card.body.addWidget(self.save, 0, Qt.AlignmentFlag.AlignRight)

    def show_rig(self, rig: RigSpec | None) -> None:
        self._rig = rig
        self._forget()
        self.role.clear()
        self.role.addItems(list(rig.pumps) if rig is not None else [])

    def add_dose(self, dose: Any) -> None:
        role, volume_ul = dose
        self._doses.append((role, volume_ul))
        at = self.table.rowCount()
        self.table.insertRow(at)
        for column, text in enumerate((str(at + 1), f"{volume_ul:g}", "", "")):
            item = QTableWidgetItem(text)
            if column != 2:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(at, column, item)
        weight = self.table.item(at, 2)
        if weight is not None:
            self.table.setCurrentItem(weight)
            self.table.editItem(weight)

    def _chosen(self, role: str) -> None:
        self._forget()
        pump = self._rig.pumps.get(role) if self._rig is not None else None
        if pump is None:
            return
        self.volume.setRange(0.1, pump.capacity_ul)
        self.volume.setDecimals(0 if pump.capacity_ul >= 1000 else 1)
        self.volume.setValue(min(500.0, pump.capacity_ul / 5))
        self.rate.setRange(0.01, pump.max_rate_ul_s or pump.capacity_ul)
        self.rate.setValue(min(50.0, pump.capacity_ul / 20))

    def _forget(self) -> None:
        self._doses, self._result = [], None
        self.table.setRowCount(0)
        self._reckon()

    def _weighed(self) -> tuple[list[Weighed], list[int]]:
        """What was typed, and the rows it stands in. Raises ValueError for what is no weight."""
        weighed, rows = [], []
        for at, (_, volume_ul) in enumerate(self._doses):
            item = self.table.item(at, 2)
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
            spec = self._rig.pumps.get(self.role.currentText()) if self._rig is not None else None
            self._result = calibrate(weighed, self.density.value(), spec)
        except ValueError as error:
            self.result.setText(str(error)[:1].upper() + str(error)[1:] + ("" if str(error).endswith(".") else "."))
        else:
            self._show(self._result, rows)
        self.fit()

    def _show(self, result: Calibration, rows: list[int]) -> None:
        self.table.blockSignals(True)
        for at, true_ul in zip(rows, result.true_ul, strict=True):
            item = self.table.item(at, 3)
            if item is not None:
                item.setText(f"{true_ul:.2f}")
        self.table.blockSignals(False)
        plus = f" ± {result.factor_se:.4f}" if result.factor_se is not None else ""
        offset = f" ± {result.offset_se_ul:.2f}" if result.offset_se_ul is not None else ""
        lines = [
            f"True volume = {result.factor:.4f}{plus} × asked {result.offset_ul:+.2f}{offset} µL",
            f"As it was, doses were off by {result.bias_percent:+.2f} %.",
        ]
        if result.cv_percent is not None:
            lines.append(f"Repeatability: {result.cv_percent:.2f} % (coefficient of variation).")
        self.result.setText("\n".join([*lines, "", *result.advice]))

    def _dose(self) -> None:
        self.ask("weigh_dose", self.role.currentText(), self.volume.value(), self.rate.value())

    def _save(self) -> None:
        if self._result is not None:
            note = f"{len(self._result.true_ul)} weighed doses"
            self.ask("save_calibration", self.role.currentText(), values(self._result), note)

    def fit(self) -> None:
        may = self.refused is None and not self.going and self.role.count() > 0
        self.dose.setEnabled(may)
        self.dose.setToolTip(self.refused or "Dose once, into what stands under the nozzles")
        for each in (self.role, self.volume, self.rate, self.again):
            each.setEnabled(not self.going)
        self.save.setEnabled(self._result is not None and self._result.usable and not self.going)
