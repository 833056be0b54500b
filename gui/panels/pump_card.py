"""The pumps by hand, a row each: what is left, a volume, a rate, dispense or withdraw."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton

from gui.style import mark
from gui.theme import CONTROL_PX
from gui.units import volume
from gui.widgets.card import Card
from gui.widgets.controls import spin
from hardware.spec import RigSpec


class _Row:
    def __init__(self, role: str, capacity_ul: float) -> None:
        self.name = QLabel(role.capitalize())
        self.bar = QProgressBar(textVisible=False, maximum=1000)
        self.bar.setFixedHeight(8)
        self.bar.setMinimumWidth(48)
        self.bar.setAccessibleName(f"Left in the syringe of {role}")
        self.left = QLabel("–")
        mark(self.left, "muted")
        self.volume = spin(f"Volume of {role}")
        self.volume.setRange(1, capacity_ul)
        self.volume.setDecimals(0)
        self.volume.setSingleStep(50)
        self.volume.setValue(min(200.0, capacity_ul))
        self.volume.setSuffix("\u202fµL")
        self.rate = spin(f"Rate of {role}")
        self.rate.setRange(1, 1000)
        self.rate.setDecimals(0)
        self.rate.setSingleStep(10)
        self.rate.setValue(100)
        self.rate.setSuffix("\u202fµL/s")
        self.dispense = QPushButton("Dispense")
        self.dispense.setAccessibleName(f"Dispense {role} into the vial at the station")
        self.withdraw = QPushButton("Withdraw")
        self.withdraw.setAccessibleName(f"Draw {role} into the syringe")
        self.capacity_ul = capacity_ul
        for widget in (self.volume, self.rate, self.dispense, self.withdraw):
            widget.setMinimumHeight(CONTROL_PX)


class PumpsCard(Card):
    """`wanted` carries act (dispense or aspirate), role, µL and µL/s."""

    wanted = Signal(str, str, float, float)

    def __init__(self) -> None:
        super().__init__("Pumps")
        self.rows: dict[str, _Row] = {}
        self._allowed = False
        self._slot: str | None = None
        self.where = QLabel()
        mark(self.where, "caption")
        self.header.addWidget(self.where)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)
        self.body.addStretch(1)

    def show_rig(self, rig: RigSpec | None) -> None:
        if rig is None or tuple(rig.pumps) == tuple(self.rows):
            return
        for role, pump in rig.pumps.items():
            row = _Row(role, pump.capacity_ul)
            row.dispense.clicked.connect(lambda _=False, role=role: self._want("dispense", role))
            row.withdraw.clicked.connect(lambda _=False, role=role: self._want("aspirate", role))
            line = len(self.rows)
            for column, widget in enumerate(
                (row.name, row.bar, row.left, row.volume, row.rate, row.dispense, row.withdraw)
            ):
                self._grid.addWidget(widget, line, column)
            self.rows[role] = row
        self._fit()

    def show_left(self, left_ul: Mapping[str, float]) -> None:
        for role, row in self.rows.items():
            if role in left_ul:
                row.left.setText(volume(left_ul[role]))
                row.bar.setValue(round(1000 * left_ul[role] / row.capacity_ul))

    def show_station(self, slot: str | None) -> None:
        self._slot = slot
        self.where.setText(f"into vial {slot}" if slot else "no vial at the station: click one on the map")
        self._fit()

    def allow(self, allowed: bool) -> None:
        self._allowed = allowed
        self._fit()

    def _fit(self) -> None:
        for row in self.rows.values():
            row.dispense.setEnabled(self._allowed and self._slot is not None)
            row.withdraw.setEnabled(self._allowed)
            row.volume.setEnabled(self._allowed)
            row.rate.setEnabled(self._allowed)

    def _want(self, act: str, role: str) -> None:
        row = self.rows[role]
        self.wanted.emit(act, role, row.volume.value(), row.rate.value())
