"""Set-up card: what is made better, and for a colour the target as it will look."""

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from gui.style import mark
from gui.theme import Theme
from gui.widgets.card import Card
from gui.widgets.controls import combo
from gui.widgets.field import Field, Line, Sentences, choose, read, shown
from vision.colour import bgr_to_lab, lab_to_bgr

KINDS = {
    "colour": "Colour of the vial",
    "meter": "A meter of the rig",
    "typed": "You make it and type it (no bench)",
    "formula": "Formula (no bench)",
}
ELSEWHERE = {"column": "Column of a table", "function": "Function of a script"}
"""Not started from the window: shown when a campaign file has it, and not offered otherwise."""
COLOUR_UNIT = "ΔE00"
DIRECTIONS = {"minimise": "as small as possible", "maximise": "as large as possible"}


class ObjectiveCard(Card):
    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__("What is made better")
        self._changed = changed
        self._noise: object = None
        self.kind = combo("Measured by")
        for key, words in KINDS.items():
            self.kind.addItem(words, key)
        self.direction = combo("Wanted")
        for key, words in DIRECTIONS.items():
            self.direction.addItem(words, key)
        self.name, self.unit = Line("Name", changed), Line("Unit", changed)
        self.formula, self.column = Line("Formula", changed), Line("Column", changed)
        self.meter = combo("Meter of the rig")
        self.meter.setEditable(True)
        self.meter.currentTextChanged.connect(lambda _: changed())
        self.lab = [Line(f"{letter} of the target colour", changed, number=True) for letter in ("L*", "a*", "b*")]
        self.swatch = QPushButton("Pick…")
        self.swatch.setAccessibleName("Target colour")
        self.swatch.setToolTip("Pick the target colour on the screen")
        self.swatch.clicked.connect(self._pick)
        self.fields = [
            Field("objective.kind", "Measured by", self.kind),
            Field("objective.name", "Name", self.name),
            Field("objective.direction", "Wanted", self.direction),
            Field("objective.unit", "Unit", self.unit),
            Field("objective.formula", "Formula of the parameters", self.formula),
            Field("objective.column", "Column of the table", self.column),
            Field("objective.meter", "Meter of the rig, by its name in the rig file", self.meter),
        ]
        grid = QGridLayout()
        grid.setSpacing(8)
        for column, field in enumerate(self.fields[:4]):
            grid.addWidget(field, 0, column)
            grid.setColumnStretch(column, (2, 3, 2, 1)[column])
        grid.addWidget(self.fields[4], 1, 0, 1, 4)
        grid.addWidget(self.fields[5], 1, 0, 1, 4)
        grid.addWidget(self.fields[6], 1, 0, 1, 2)
        self.body.addLayout(grid)
        self.target = self._target_row()
        self.target_field = Field(
            "objective.target_lab", "Target colour: CIELAB (D65, 2°) and as it looks", self.target
        )
        self.fields.append(self.target_field)
        self.body.addWidget(self.target_field)
        self.sentences = Sentences()
        self.body.addWidget(self.sentences)
        self.kind.currentIndexChanged.connect(lambda _: self._kind_changed())
        self.direction.currentIndexChanged.connect(lambda _: changed())

    def _target_row(self) -> QWidget:
        frame = QFrame()
        row = QHBoxLayout(frame)
        row.setContentsMargins(0, 0, 0, 0)
        for letter, line in zip(("L*", "a*", "b*"), self.lab, strict=True):
            row.addWidget(QLabel(letter))
            row.addWidget(line, 1)
            line.textEdited.connect(lambda _: self._paint())
        row.addWidget(self.swatch, 2)
        return frame

    def load(self, document: Mapping[str, object]) -> None:
        table = document.get("objective")
        table = table if isinstance(table, dict) else {}
        kind = str(table.get("kind", "colour"))
        self._offer(kind)
        choose(self.kind, kind)
        choose(self.direction, table.get("direction", "minimise"))
        for key in ("name", "unit", "formula", "column"):
            getattr(self, key).setText(shown(table.get(key)))
        self.meter.blockSignals(True)
        self.meter.setCurrentText(shown(table.get("meter")))
        self.meter.blockSignals(False)
        for line, value in zip(self.lab, table.get("target_lab") or ("", "", ""), strict=False):
            line.setText(f"{value:.4g}" if isinstance(value, float) else shown(value))
        self._noise = table.get("noise")
        self._fit()
        self._paint()

    def show_meters(self, meters: Sequence[str]) -> None:
        """Those of the rig that is open; the only one is taken at once."""
        if list(meters) == [self.meter.itemText(n) for n in range(self.meter.count())]:
            return
        typed = self.meter.currentText()
        self.meter.blockSignals(True)
        self.meter.clear()
        self.meter.addItems(list(meters))
        self.meter.setCurrentText(typed or (meters[0] if len(meters) == 1 else ""))
        self.meter.blockSignals(False)
        if self.meter.currentText() != typed:
            self._changed()

    def _offer(self, kind: str) -> None:
        self.kind.blockSignals(True)
        for other, words in ELSEWHERE.items():
            if (at := self.kind.findData(other)) >= 0:
                self.kind.removeItem(at)
            if other == kind:
                self.kind.addItem(words, other)
        self.kind.blockSignals(False)

    def fill(self, document: dict[str, object]) -> None:
        kind = self.kind.currentData()
        table: dict[str, object] = {
            "kind": kind, "name": self.name.text(), "direction": self.direction.currentData(),
        }  # fmt: skip
        if self.unit.text().strip():
            table["unit"] = self.unit.text().strip()
        if kind == "colour":
            table["target_lab"] = [read(line.text()) for line in self.lab]
        elif kind in ("formula", "column") and getattr(self, kind).text().strip():
            table[kind] = getattr(self, kind).text().strip()
        if kind == "meter" and self.meter.currentText().strip():
            table["meter"] = self.meter.currentText().strip()
        if kind == "formula" and self._noise is not None:
            table["noise"] = self._noise
        document["objective"] = table

    def say(self, mistakes: Mapping[str, str]) -> None:
        said: list[str] = []
        for field in self.fields:
            found = [s for p, s in mistakes.items() if p == field.place or p.startswith(f"{field.place}[")]
            field.say("; ".join(found) or None)
            said.extend(f"{field.caption.split(':')[0]}: {sentence}" for sentence in found)
        mark(self.target, "plain")
        whole = "objective.target_lab" in mistakes
        for number, line in enumerate(self.lab, 1):
            mark(line, "bad" if whole or f"objective.target_lab[{number}]" in mistakes else "plain")
        self.sentences.say(said)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._paint()

    def _kind_changed(self) -> None:
        self._fit()
        if self.kind.currentData() == "colour":
            choose(self.direction, "minimise")
        elif self.unit.text() == COLOUR_UNIT:  # the colour's words fit nothing else
            self.name.clear()
            self.unit.clear()
        self._changed()

    def _fit(self) -> None:
        kind = self.kind.currentData()
        self.fields[4].setVisible(kind == "formula")
        self.fields[5].setVisible(kind == "column")
        self.fields[6].setVisible(kind == "meter")
        self.target_field.setVisible(kind == "colour")

    def _lab(self) -> tuple[float, float, float] | None:
        try:
            lightness, a, b = (float(line.text()) for line in self.lab)
        except ValueError:
            return None
        return (lightness, a, b) if 0 <= lightness <= 100 and abs(a) <= 128 and abs(b) <= 128 else None

    def _paint(self) -> None:
        lab = self._lab()
        if lab is None:
            self.swatch.setStyleSheet("")
            self.swatch.setText("Pick…")
            return
        blue, green, red = (int(v) for v in lab_to_bgr(lab))
        ink = "#10151A" if lab[0] > 55 else "#FFFFFF"
        self.swatch.setText(QColor(red, green, blue).name().upper())
        self.swatch.setStyleSheet(
            f"QPushButton {{ background: rgb({red}, {green}, {blue}); color: {ink}; }}"
            f"QPushButton:focus {{ border: 2px solid {self.theme.text}; }}"
        )

    def _pick(self) -> None:
        dialog = QColorDialog(self.window())
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Target colour")
        lab = self._lab()
        if lab is not None:
            blue, green, red = (int(v) for v in lab_to_bgr(lab))
            dialog.setCurrentColor(QColor(red, green, blue))
        dialog.colorSelected.connect(self.take_colour)
        dialog.show()

    def take_colour(self, colour: QColor) -> None:
        """A colour picked on the screen becomes the target."""
        import numpy as np

        patch = np.array([[[colour.blue(), colour.green(), colour.red()]]], dtype=np.uint8)
        for line, value in zip(self.lab, bgr_to_lab(patch, (255.0, 255.0, 255.0)), strict=True):
            line.setText(f"{value:.1f}")
        self._paint()
        self._changed()
