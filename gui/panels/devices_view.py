"""Camera view: where the vial stands in the picture, its scale, a white patch and two fills; into the rig file."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from gui.models.view_draft import Box, ViewDraft, inner_bottom
from gui.panels.devices_tab import DevicesTab, IntoRigFile, button
from gui.panels.view_picture import Image, ViewPicture
from gui.theme import CONTROL_PX, Theme
from gui.widgets.card import Card, label
from gui.widgets.controls import Toggle, combo, spin
from gui.widgets.drag_box import DragBox, DragLine
from gui.widgets.field import Field
from gui.widgets.paragraph import Paragraph
from hardware.spec import RigSpec, VialSpec, ViewSpec
from vision.reading import VialReading

_HOW = (
    "Put a vial at the station. Drag the box round its glass and the line to its inner bottom, or have boxes "
    "proposed and click the one at the station. Arrow keys move what was clicked last, with Ctrl they resize it."
)
_NO_RIG = "No rig is open."
_NO_CAMERA = "The rig has no camera: put one into its rig file first."
_SHEETS = "PDF (*.pdf);;SVG (*.svg)"
_SIDE_PX, _WIDEST_SIDE_PX = 316, 380


class ViewTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Where the camera sees the vial")
        self._rig: RigSpec | None = None
        self._image: Image | None = None
        self._filling = 0
        self._asked_once = False
        self.picture = ViewPicture()
        self.take = button("New picture", "Take a picture with the rig's camera")
        self.propose = button("Propose", "Look for vials in the picture and propose a box for each")
        self.which = combo("Proposed box", "Which of the numbered boxes is the vial at the station")
        self.keys = Toggle("Arrow keys move", {"box": "Vial", "bottom": "Inner bottom", "white": "White"})
        self.outer, self.tall = _mm("Outer diameter of the vial"), _mm("Height of the vial")
        self.by = Toggle("Scale by", {"height": "Height", "diameter": "Diameter"})
        self.scale = label("", "muted")
        self.white = QCheckBox("White patch")
        self.white.setToolTip("Plain background beside the vial: colours are seen against it")
        self.fills = QCheckBox("Volume by two fills")
        self.fills.setToolTip("Two volumes that you put in, and the levels at which they are seen")
        self.volumes = [_spin(f"Volume of fill {n}", "\u202fmL", 3, 500.0) for n in (1, 2)]
        self.levels = [_spin(f"Level of fill {n}", "\u202fmm", 2, 500.0) for n in (1, 2)]
        self.reads = [
            button("Read", f"Take a picture and read the level of fill {n}; its line can be dragged")
            for n in (1, 2)
        ]
        self.volume = Paragraph(kind="muted", least=2, most=3)
        self.told = Paragraph(least=2, most=3)
        self.sheet = button("Save marker sheet…", "Markers, a ruler and grey patches to print and glue on the rack")
        self.save = button("Use in the rig file", "Write this view into the rig file", filled=True)
        self.into = IntoRigFile(self, self.save)
        self.parts = (Card("Scale"), Card("Volume"), Card("In the rig file"))
        self._lay_out()
        self._connect()
        self.picture.say_nothing(_NO_RIG)
        self.fit()

    def _lay_out(self) -> None:
        for each in (self.take, self.propose):
            self.card.header.addWidget(each)
        under = QHBoxLayout()
        under.addWidget(label("Arrow keys move", "caption"))
        under.addWidget(self.keys)
        under.addWidget(self.which)
        under.addStretch(1)
        under.addWidget(self.white)
        self.card.body.addWidget(Paragraph(_HOW, "muted", least=2))
        self.card.body.addWidget(self.picture, 1)
        self.card.body.addLayout(under)
        self.card.body.addWidget(self.told)
        scale, volume, file = self.parts
        sizes = QHBoxLayout()
        sizes.addWidget(Field("", "Outer diameter", self.outer, "Of the glass, as the box is drawn"))
        sizes.addWidget(Field("", "Height", self.tall, "Of what the box encloses, from its bottom to its top"))
        scale.body.addLayout(sizes)
        by = QHBoxLayout()
        by.addWidget(label("Scale by", "caption"))
        by.addWidget(self.by)
        by.addStretch(1)
        scale.header.addWidget(self.scale)
        scale.body.addLayout(by)
        volume.body.addWidget(self.fills)
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        for i, name in enumerate(("", "Put in", "Seen at")):
            grid.addWidget(label(name, "caption"), 0, i)
        for n in range(2):
            for column, part in enumerate((label(f"{n + 1}"), self.volumes[n], self.levels[n], self.reads[n])):
                grid.addWidget(part, n + 1, column)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        volume.body.addLayout(grid)
        volume.body.addWidget(self.volume)
        file.body.addWidget(self.sheet)
        file.body.addWidget(self.save)
        side = QWidget()
        right = QVBoxLayout(side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(8)
        for part in self.parts:
            right.addWidget(part)
        right.addStretch(1)
        self._side = side
        self.row.addWidget(side)
        self.row.setStretch(0, 1)

    def _connect(self) -> None:
        self.take.clicked.connect(lambda: self.ask("take_picture"))
        self.propose.clicked.connect(lambda: self.ask("find_vials", self._image))
        self.which.activated.connect(self._pick)
        self.picture.picked.connect(self._pick)
        self.picture.changed.connect(self._drawn)
        self.picture.levelled.connect(self._levelled)
        self.keys.chosen.connect(self._take_keys)
        self.by.chosen.connect(lambda _: self._drawn())
        self.white.toggled.connect(self.picture.use_white)
        self.fills.toggled.connect(lambda _: self._drawn())
        for box in (self.outer, self.tall, *self.volumes, *self.levels):
            box.valueChanged.connect(lambda _: self._drawn())
        for n, read in enumerate(self.reads):
            read.clicked.connect(lambda _=False, n=n: self._read(n))
        self.sheet.clicked.connect(self._save_sheet)
        self.save.clicked.connect(self._save)

    @property
    def vial(self) -> VialSpec | None:
        return self._rig.rack.vial if self._rig is not None else None

    def draft(self) -> ViewDraft:
        """What is drawn and typed now."""
        white = self.picture.white
        fills = tuple((v.value() * 1000, mm.value()) for v, mm in zip(self.volumes, self.levels, strict=True))
        return ViewDraft(
            self.picture.box.box,
            self.picture.bottom.row,
            white.box if white.isVisible() else None,
            self.outer.value(),
            self.tall.value(),
            "diameter" if self.by.value == "diameter" else "height",
            fills if self.fills.isChecked() else (),
        )

    def show_rig(self, rig: RigSpec | None) -> None:
        self._rig, self._image, self._asked_once = rig, None, False
        self.show_vials([])
        self.picture.say_nothing(
            _NO_RIG if rig is None else _NO_CAMERA if rig.camera is None else "No picture yet: take one."
        )
        if rig is not None:
            vial = rig.rack.vial
            for box, value in ((self.outer, vial.outer_mm), (self.tall, vial.height_mm)):
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)
            self.by.set_value("height")
            self.fills.setChecked(False)
            if rig.view is not None:
                self._draw(rig.view.box_px, rig.view.base_row, rig.view.white_px)
        self._drawn()

    def show_once(self) -> None:
        """This page is looked at: have a first picture."""
        if self._rig is not None and self._rig.camera is not None and not self._asked_once and not self.going:
            self._asked_once = True
            self.ask("take_picture")

    def show_picture(self, image: Image) -> None:
        if self._rig is None:  # closed while it was taken
            return
        first = self._image is None
        self._image = image
        self.picture.show_image(image)
        self.show_vials([])
        if first and self._rig is not None and self._rig.view is not None:
            self._draw(self._rig.view.box_px, self._rig.view.base_row, self._rig.view.white_px)
        elif first:
            width, high = image.shape[1], image.shape[0]
            self._use((0.42 * width, 0.15 * high, 0.58 * width, 0.9 * high))
        self._drawn()

    def show_vials(self, boxes: list[Box], view: ViewSpec | None = None) -> None:
        """Boxes that were found, left to right; the one nearest to the middle is taken for the vial. view: what
        markers tell of the one at the station."""
        self.picture.propose(boxes)
        self.which.clear()
        self.which.addItems([f"Box {n + 1}" for n in range(len(boxes))])
        self.which.setVisible(len(boxes) > 1)
        if boxes and self._image is not None:
            middle = self._image.shape[1] / 2
            self._pick(min(range(len(boxes)), key=lambda i: abs(boxes[i][0] + boxes[i][2] - 2 * middle)))
        if view is not None:
            self._draw(view.box_px, view.base_row, view.white_px)
            self._drawn()

    def show_level(self, found: tuple[Image, VialReading]) -> None:
        """A picture of a fill, and what the eye reads in it."""
        self._image, reading = found
        self.picture.show_image(self._image)
        draft = self.draft()
        row = reading.surface_row if reading.surface_row is not None else (draft.box[1] + draft.base_row) / 2
        self.picture.show_level(row)
        if reading.surface_row is not None:
            self._levelled()
        else:  # where the line stands is nobody's reading until it is dragged
            self.levels[self._filling].setValue(0.0)

    def _levelled(self) -> None:
        draft = self.draft()
        self.levels[self._filling].setValue((draft.base_row - self.picture.level.row) / draft.px_per_mm)

    def _pick(self, index: int) -> None:
        self.which.setCurrentIndex(index)
        self._use(self.picture.proposals[index])

    def _use(self, box: Box) -> None:
        """Another box for the vial; its inner bottom and the white patch follow from it."""
        if (vial := self.vial) is None:
            return
        white = self.white.isChecked()
        self.picture.use_white(False)
        self._draw(box, inner_bottom(box, vial), None)
        self.white.setChecked(white)
        self.picture.use_white(white)
        self._drawn()

    def _draw(self, box: Box, base_row: float, white: Box | None) -> None:
        self.white.blockSignals(True)
        self.white.setChecked(white is not None)
        self.white.blockSignals(False)
        self.picture.draw(box, base_row, white)

    def _drawn(self) -> None:
        """Say what the drawing means."""
        vial = self.vial
        if vial is None or self._image is None:
            self.scale.setText("")
            self.told.say("", "muted")
        else:
            draft = self.draft()
            self.scale.setText(f"{draft.px_per_mm:.2f}\u202fpx/mm")
            mistakes, warning = draft.mistakes(vial), draft.warning()
            self.told.say(" ".join(mistakes) or warning, "bad" if mistakes or warning else "muted")
            self.volume.say(self._volume_words(draft, vial), "muted")
        self.fit()

    def _volume_words(self, draft: ViewDraft, vial: VialSpec) -> str:
        try:
            fitted = draft.volume(vial)
        except ValueError:
            return ""  # said below the picture
        if fitted is None:
            return "By the vial's bore or profile. Two fills that you measured make it exact."
        sign = "+" if fitted.offset_ul >= 0 else "\u2212"
        return f"{fitted.factor:.3f} times the vial's own volume {sign} {abs(fitted.offset_ul):.0f}\u202fµL."

    def _read(self, number: int) -> None:
        self._filling = number
        spec = self._spec(fills=False)
        if spec is not None:
            self.ask("read_level", spec)

    def _spec(self, *, fills: bool = True) -> ViewSpec | None:
        """For the rig file, or None when a mistake is told."""
        if (vial := self.vial) is None:
            return None
        draft = self.draft()
        if not fills:
            draft = replace(draft, fills=())
        try:
            return draft.spec(vial)
        except ValueError as error:
            self.told.say(str(error), "bad")
            return None

    def _save(self) -> None:
        spec = self._spec()
        if spec is None:
            return
        go_on, new = self.into.ask()
        if go_on:
            self.ask("save_view", spec, self._image, new)

    def _save_sheet(self) -> None:
        name, kind = QFileDialog.getSaveFileName(self, "Save the marker sheet", "markers.pdf", _SHEETS)
        if name:
            path = Path(name)
            ending = ".svg" if kind.startswith("SVG") else ".pdf"
            self.ask("save_marker_sheet", path if path.suffix else path.with_suffix(ending))

    def _take_keys(self, key: str) -> None:
        items: dict[str, DragBox | DragLine] = {
            "box": self.picture.box, "bottom": self.picture.bottom, "white": self.picture.white
        }  # fmt: skip
        if key == "white":
            self.white.setChecked(True)
        self.picture.view.setFocus()
        items[key].setFocus()

    def fit(self) -> None:
        camera = self._rig is not None and self._rig.camera is not None
        vial, seen = self.vial, self._image is not None
        fit = seen and vial is not None and not self.draft().mistakes(vial)
        idle = not self.going
        self.take.setEnabled(camera and idle)
        self.propose.setEnabled(seen and idle)
        self.save.setEnabled(fit and idle)
        self.sheet.setEnabled(idle)
        drawing: tuple[QWidget, ...] = (self.keys, self.by, self.white, self.outer, self.tall, self.fills)
        for widget in drawing:
            widget.setEnabled(seen)
        by_fills = seen and self.fills.isChecked()
        for box in (*self.volumes, *self.levels):
            box.setEnabled(by_fills)
        for read in self.reads:
            read.setEnabled(by_fills and idle)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        for part in (*self.parts, self.picture):
            part.set_theme(theme)
        self._side.setFixedWidth(min(theme.px(_SIDE_PX), _WIDEST_SIDE_PX))
        self.keys.fit()
        self.by.fit()


def _spin(name: str, suffix: str, decimals: int, most: float) -> QDoubleSpinBox:
    made = spin(name)
    made.setDecimals(decimals)
    made.setRange(0.0, most)
    made.setSuffix(suffix)
    made.setMinimumHeight(CONTROL_PX)
    return made


def _mm(name: str) -> QDoubleSpinBox:
    made = _spin(name, "\u202fmm", 2, 500.0)
    made.setMinimum(0.5)
    return made
