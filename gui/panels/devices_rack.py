"""Rack: from a labware file, or by two corners to which the stage was driven; the text goes into the rig file."""

import dataclasses
from pathlib import Path

import tomlkit
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QGridLayout, QHBoxLayout, QPlainTextEdit, QSpinBox

from gui.panels.deck_map import DeckMap
from gui.panels.devices_tab import DevicesTab, button
from gui.theme import Theme
from gui.widgets.card import label
from hardware.labware import LabwareError, rack_from_corners, rack_of, read_labware
from hardware.spec import RackSpec, RigSpec

_HOW = (
    "Drive the stage by hand (Manual) until vial A1 stands at the station and press “A1 is here”; then the last "
    "vial, across the corner. Or take the places from a labware file (Opentrons JSON)."
)
Place = tuple[float, float]


class RackTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Where the vials stand")
        self._rig: RigSpec | None = None
        self._here: Place | None = None
        self._corners: dict[str, Place] = {}
        self.rows, self.columns = _count("Rows", 4), _count("Columns", 6)
        self.first = button("A1 is here", "Take the stage's position as that of the first vial")
        self.last = button("The last is here", "Take the stage's position as that of the last vial")
        self.file = button("Labware file…", "Take places, depth and volume from an Opentrons labware file")
        self.copy = button("Copy for the rig file", "The [rack] part of the rig file, as text")
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setAccessibleName("The rack as it stands in a rig file")
        self.how = label(_HOW, "muted", wrap=True)
        self.told = label(wrap=True)
        self.map = DeckMap()
        self._lay_out()
        self.first.clicked.connect(lambda: self._corner("first"))
        self.last.clicked.connect(lambda: self._corner("last"))
        self.file.clicked.connect(self._open)
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(self.text.toPlainText()))
        for box in (self.rows, self.columns):
            box.valueChanged.connect(lambda _: self._reckon())
        self.fit()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.addWidget(label("Rows", "caption"), 0, 0)
        grid.addWidget(label("Columns", "caption"), 0, 1)
        grid.addWidget(self.rows, 1, 0)
        grid.addWidget(self.columns, 1, 1)
        for column, each in enumerate((self.first, self.last, self.file), 2):
            grid.addWidget(each, 1, column)
        grid.setColumnStretch(5, 1)
        grid.addWidget(self.copy, 1, 6)
        row = QHBoxLayout()
        row.addWidget(self.map, 3)
        row.addWidget(self.text, 2)
        self.card.body.addWidget(self.how)
        self.card.body.addLayout(grid)
        self.card.body.addWidget(self.told)
        self.card.body.addLayout(row, 1)

    def show_rig(self, rig: RigSpec | None) -> None:
        self._rig = rig
        self._corners = {}
        if rig is not None:
            self.rows.setValue(rig.rack.rows)
            self.columns.setValue(rig.rack.columns)
            self._show(rig.rack)
        self.told.setText("This is the rack of the rig that is open.")
        self.fit()

    def show_position(self, position_mm: tuple[float, float, float] | None) -> None:
        self._here = position_mm[:2] if position_mm is not None else None
        self.map.show_position(position_mm)
        self.fit()

    def _corner(self, which: str) -> None:
        if self._here is not None:
            self._corners[which] = self._here
            self._reckon()

    def _reckon(self) -> None:
        if self._rig is None or not self._corners:
            return
        first, last = self._corners.get("first"), self._corners.get("last")
        if first is None or last is None:
            missing = "the last vial" if last is None else "vial A1"
            self.told.setText(f"Now drive {missing} to the station.")
            return
        try:
            rack = rack_from_corners(first, last, self.rows.value(), self.columns.value(), self._rig.rack.vial)
        except ValueError as error:
            self.told.setText(f"That is no rack: {error}.")
            return
        askew = f", turned by {rack.angle_deg:.2f}°" if abs(rack.angle_deg) > 0.005 else ""
        self.told.setText(f"Vials stand {rack.pitch_mm:.2f} mm apart{askew}.")
        self._show(rack)

    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Labware file", "", "Labware (*.json)")
        if not path or self._rig is None:
            return
        try:
            labware = read_labware(Path(path))
            rack = rack_of(labware, self._corners.get("first", self._rig.rack.a1_mm))
        except (LabwareError, ValueError) as error:
            self.told.setText(str(error))
            return
        self.told.setText(f"{labware.name}: {len(labware.wells)} places. Its A1 is where A1 stands now.")
        self._show(rack)

    def _show(self, rack: RackSpec) -> None:
        document = tomlkit.document()
        document.add("rack", _plain(dataclasses.asdict(rack)))
        self.text.setPlainText(tomlkit.dumps(document))
        if self._rig is not None:
            self.map.show_rig(dataclasses.replace(self._rig, rack=rack))

    def fit(self) -> None:
        for each in (self.first, self.last):
            each.setEnabled(self._here is not None and not self.going)
        self.copy.setEnabled(bool(self.text.toPlainText()))

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.map.set_theme(theme)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and v not in ({}, (), [])}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _count(name: str, value: int) -> QSpinBox:
    made = QSpinBox(minimum=1, maximum=48, value=value)
    made.setAccessibleName(name)
    made.setAlignment(Qt.AlignmentFlag.AlignRight)
    return made
