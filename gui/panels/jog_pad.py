"""Moving the stage by hand: bounded steps, where it stands in large digits, and Home."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout

from gui.icons import icon
from gui.style import mark
from gui.theme import MAIN_CONTROL_PX, Theme
from gui.widgets.card import Card
from gui.widgets.controls import Toggle

STEPS_MM = (0.1, 1.0, 10.0)
_PAD = {
    "up": (0, 1, 0, -1, 0, "Y −"), "left": (1, 0, -1, 0, 0, "X −"), "right": (1, 2, 1, 0, 0, "X +"),
    "down": (2, 1, 0, 1, 0, "Y +"),
}  # fmt: skip
# The stage's Z lowers the nozzles: zero is the top.
_LIFT = {"up": (0, 4, 0, 0, -1, "nozzles up, Z −"), "down": (2, 4, 0, 0, 1, "nozzles down, Z +")}
Position = tuple[float, float, float]


class StageCard(Card):
    """`go` carries an absolute target within the travel; `home` wants the limit switches; `refused` says why a
    step is not made."""

    refused = Signal(str)
    go = Signal(float, float, float)
    home = Signal()

    def __init__(self) -> None:
        super().__init__("Stage")
        self._position: Position | None = None
        self._travel: Position | None = None
        self._allowed = False
        self.digits: list[QLabel] = []
        self.homed = QLabel()
        mark(self.homed, "caption")
        self.header.addWidget(self.homed)
        self.body.addLayout(self._read_out())
        self.step = Toggle("Step of the jog pad", {f"{s:g}": f"{s:g} mm" for s in STEPS_MM})
        self.step.set_value("1")
        self.pad: dict[str, QToolButton] = {}
        row = QHBoxLayout()
        row.addLayout(self._pad())
        row.addSpacing(8)
        right = QVBoxLayout()
        caption = QLabel("Step")
        mark(caption, "caption")
        right.addWidget(caption)
        right.addWidget(self.step)
        right.addStretch(1)
        self.home_button = QPushButton("Home")
        self.home_button.setToolTip("Drive to the limit switches: the position is known after it")
        self.home_button.setMinimumHeight(MAIN_CONTROL_PX)
        self.home_button.clicked.connect(self.home)
        right.addWidget(self.home_button)
        row.addLayout(right, 1)
        self.body.addLayout(row)
        self.body.addStretch(1)
        self.show_position(None)

    def _read_out(self) -> QHBoxLayout:
        row = QHBoxLayout()
        for axis in "XYZ":
            name, value = QLabel(axis), QLabel()
            mark(name, "muted")
            mark(value, "digits")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setAccessibleName(f"Position {axis} in mm")
            self.digits.append(value)
            row.addWidget(name)
            row.addWidget(value, 1)
            row.addSpacing(8)
        unit = QLabel("mm")
        mark(unit, "muted")
        row.addWidget(unit)
        return row

    def _pad(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.setColumnMinimumWidth(3, 12)
        for shape, (row, column, dx, dy, dz, words) in (*_PAD.items(), *_LIFT.items()):
            button = QToolButton()
            button.setFixedSize(QSize(MAIN_CONTROL_PX, MAIN_CONTROL_PX))
            button.setIconSize(QSize(20, 20))
            button.setToolTip(f"One step {words}")
            button.setAccessibleName(f"One step {words}")
            button.setProperty("shape", shape)
            button.clicked.connect(lambda _=False, d=(dx, dy, dz): self.jog(*d))
            self.pad[words] = button
            grid.addWidget(button, row, column)
        for column, words in ((1, "XY"), (4, "Z")):
            label = QLabel(words)
            mark(label, "caption")
            grid.addWidget(label, 1, column, Qt.AlignmentFlag.AlignCenter)
        return grid

    def jog(self, dx: int, dy: int, dz: int, times: float = 1.0) -> None:
        """One step, cut at the limits of the travel."""
        if self._position is None or self._travel is None or not self._allowed:
            return
        step = float(self.step.value) * times
        moved = (p + d * step for p, d in zip(self._position, (dx, dy, dz), strict=True))
        target = tuple(round(min(max(m, 0.0), t), 3) for m, t in zip(moved, self._travel, strict=True))
        if target != tuple(round(p, 3) for p in self._position):
            self.go.emit(*target)
        else:
            self.refused.emit(_at_the_end((dx, dy, dz), self._travel))

    @property
    def z_mm(self) -> float:
        return self._position[2] if self._position is not None else 0.0

    def show_travel(self, travel: Position | None) -> None:
        self._travel = travel
        self._fit()

    def show_position(self, position: Position | None) -> None:
        self._position = position
        for label, value in zip(self.digits, position or (None, None, None), strict=True):
            label.setText("–" if value is None else f"{value + 0.0:.2f}")
        self._fit()

    def show_homed(self, homed: bool) -> None:
        self.homed.setText("homed" if homed else "not homed: press Home first")

    def allow(self, allowed: bool) -> None:
        self._allowed = allowed
        self._fit()

    def _fit(self) -> None:
        for button in self.pad.values():
            button.setEnabled(self._allowed and self._position is not None and self._travel is not None)
        self.home_button.setEnabled(self._allowed)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.step.fit()
        for button in self.pad.values():
            button.setIcon(icon(str(button.property("shape")), theme.text, theme.border))


def _at_the_end(step: tuple[int, int, int], travel: Position) -> str:
    """Why a step goes nowhere."""
    axis = next((n for n, d in enumerate(step) if d), 0)
    at = f"{'XYZ'[axis]} {travel[axis] if step[axis] > 0 else 0.0:g}\u202fmm"
    if axis == 2:
        return f"The nozzles are as {'low' if step[2] > 0 else 'high'} as they go ({at}). Nothing moved."
    return f"The stage is at its limit ({at}). Nothing moved."
