"""Rack: from a labware file, or by two corners to which the stage was driven; the result goes into the rig file."""

import dataclasses
from pathlib import Path
from typing import Any

import tomlkit
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
)

from gui.panels.deck_map import DeckMap
from gui.panels.devices_tab import DevicesTab, IntoRigFile, button, typewriter
from gui.panels.dose_result import signed
from gui.panels.jog_pad import StageCard
from gui.theme import CONTROL_PX, Theme
from gui.widgets.card import Card
from gui.widgets.field import Field
from gui.widgets.paragraph import Paragraph
from hardware.labware import rack_from_corners
from hardware.spec import RackSpec, RigSpec

_HOW = (
    "Drive the first vial, A1, under the nozzles and press “A1 is here”; then the last one, across the corner. Or "
    "take the places from an Opentrons labware file. Click a vial of the picture to drive there and see."
)
Place = tuple[float, float]


class RackTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Where the vials stand")
        self._rig: RigSpec | None = None
        self._here: Place | None = None
        self._corners: dict[str, Place] = {}
        self.result: RackSpec | None = None
        self._labware: Path | None = None
        self.rows, self.columns = _count("Rows", 26), _count("Columns", 48)
        self.first = button("A1 is here", "Take the stage's position as that of the first vial")
        self.last = button("The last is here", "Take the stage's position as that of the last vial")
        self.file = button("Labware file…", "Take places, depth and volume from an Opentrons labware file")
        self.save = button("Use in the rig file", "Write this rack into the rig file", filled=True)
        self.into = IntoRigFile(self, self.save)
        self.copy = button("Copy", "The [rack] part of a rig file, as text")
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setAccessibleName("The rack as it stands in a rig file")
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setMinimumHeight(80)
        self.told = Paragraph(kind="", least=1, most=3)
        self.map, self.stage, self.part = DeckMap(), StageCard(), Card("In the rig file")
        self._lay_out()
        self._connect()
        self.fit()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(Field("", "Rows", self.rows, "How many rows, A to Z"))
        row.addWidget(Field("", "Columns", self.columns, "How many columns"))
        self.card.header.addWidget(self.file)
        for each in (self.first, self.last):
            row.addWidget(each, 0, Qt.AlignmentFlag.AlignBottom)
        row.addStretch(1)
        self.card.body.addWidget(Paragraph(_HOW, "muted"))
        self.card.body.addLayout(row)
        self.card.body.addWidget(self.told)
        self.card.body.addWidget(self.map, 1)
        acts = QGridLayout()
        acts.addWidget(self.copy, 0, 0)
        acts.addWidget(self.save, 0, 1)
        acts.setColumnStretch(1, 1)
        self.part.body.addWidget(self.text, 1)
        self.part.body.addLayout(acts)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.stage)
        right.addWidget(self.part, 1)
        self.row.addLayout(right)
        self.row.setStretch(0, 1)

    def _connect(self) -> None:
        self.first.clicked.connect(lambda: self._corner("first"))
        self.last.clicked.connect(lambda: self._corner("last"))
        self.file.clicked.connect(self._open)
        self.save.clicked.connect(self._save)
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(self.text.toPlainText()))
        for box in (self.rows, self.columns):
            box.valueChanged.connect(lambda _: self._reckon())
        self.stage.go.connect(lambda x, y, z: self.moved.emit("Moving the stage", "move_to", (x, y, z)))
        self.stage.home.connect(lambda: self.moved.emit("Homing the stage", "home", ()))
        self.stage.refused.connect(self.told.say)
        self.map.slot_clicked.connect(self._go)

    def show_rig(self, rig: RigSpec | None) -> None:
        self._rig = rig
        self._corners, self._labware, self.result = {}, None, None
        self.stage.show_travel(rig.stage.travel_mm if rig is not None else None)
        if rig is not None:
            for box, value in ((self.rows, rig.rack.rows), (self.columns, rig.rack.columns)):
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)
            self._show(rig.rack)
        self.told.say("This is the rack of the rig that is open.", "")
        self.fit()

    def show_position(self, position_mm: tuple[float, float, float] | None) -> None:
        here = (round(position_mm[0], 3), round(position_mm[1], 3)) if position_mm is not None else None
        known_before, self._here = self._here is not None, here
        self.map.show_position(position_mm)
        self.stage.show_position(position_mm)
        if known_before != (here is not None):
            self.fit()

    def show_homed(self, homed: bool) -> None:
        self.stage.show_homed(homed)

    def show_rack(self, found: Any) -> None:
        """found: the labware file, and the rack that it describes."""
        self._labware, rack = found
        self._corners = {}
        self.told.say(f"{self._labware.name if self._labware else ''}: its first place is where A1 stands now.", "")
        self._take(rack)

    def _corner(self, which: str) -> None:
        if self._here is not None:
            self._corners[which] = self._here
            self._labware = None
            self._reckon()

    def _reckon(self) -> None:
        if self._rig is None or not self._corners:
            return
        first, last = self._corners.get("first"), self._corners.get("last")
        if first is None or last is None:
            at = first or last or (0.0, 0.0)
            done, missing = ("vial A1", "the last vial") if last is None else ("the last vial", "vial A1")
            self.told.say(
                f"{_capital(done)} stands at X {at[0]:g}, Y {at[1]:g}\u202fmm. Now drive to {missing}.", ""
            )
            return
        try:
            rack = rack_from_corners(first, last, self.rows.value(), self.columns.value(), self._rig.rack.vial)
        except ValueError as error:
            self.result = None
            self.told.say(f"That is no rack: {error}.", "bad")
            self.fit()
            return
        askew = f", turned by {signed(rack.angle_deg)}°" if abs(rack.angle_deg) > 0.005 else ""
        self.told.say(f"Vials stand {rack.pitch_mm:.2f}\u202fmm apart{askew}. Click some to see.", "")
        self._take(rack)

    def _take(self, rack: RackSpec) -> None:
        self.result = rack
        self._show(rack)
        self.fit()

    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Labware file", "", "Labware (*.json)")
        if path and self._rig is not None:
            a1_mm = self._corners.get("first", self._rig.rack.a1_mm)
            self.ask("read_labware", Path(path), a1_mm)

    def _save(self) -> None:
        go_on, new = self.into.ask() if self.result is not None else (False, None)
        if go_on:
            self.ask("save_rack", self.result, self._labware, new)

    def _go(self, slot: str) -> None:
        rack = self.result or (self._rig.rack if self._rig is not None else None)
        if rack is not None:
            self.moved.emit(f"Driving to vial {slot}", "move_to", (*rack.position_mm(slot), self.stage.z_mm))

    def _show(self, rack: RackSpec) -> None:
        document = tomlkit.document()
        document.add("rack", _plain(dataclasses.asdict(rack)))
        self.text.setPlainText(tomlkit.dumps(document))
        if self._rig is not None:
            self.map.show_rig(dataclasses.replace(self._rig, rack=rack))

    def fit(self) -> None:
        self.able(self.first, self.last, when=self._here is not None)
        self.file.setEnabled(self._rig is not None and not self.going)
        self.save.setEnabled(self.result is not None and not self.going)
        self.copy.setEnabled(bool(self.text.toPlainText()))
        self.map.allow(self.free)
        self.stage.allow(self.free)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        for part in (self.map, self.stage, self.part):
            part.set_theme(theme)
        self.text.setFont(typewriter(theme))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and v not in ({}, (), [])}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _count(name: str, most: int) -> QSpinBox:
    made = QSpinBox(minimum=1, maximum=most)
    made.setAccessibleName(name)
    made.setAlignment(Qt.AlignmentFlag.AlignRight)
    made.setMinimumHeight(CONTROL_PX)
    made.setMinimumWidth(72)
    return made
