"""One row per parameter: its colour, name, value, unit, and for a mixture a lock."""

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout, QLabel, QToolButton, QWidget

from gui.models.next_point import Point, Value, missing, moved
from gui.style import mark
from gui.theme import DARK, Theme, series_of
from gui.widgets import digits, glyphs
from gui.widgets.card import label
from gui.widgets.controls import combo, spin
from gui.widgets.plot import series
from optimiser.space import Categorical, Parameter, SearchSpace, Stepped


class PointForm(QWidget):
    """`edited` carries the whole new point; in a mixture the unlocked others are rescaled to keep the total."""

    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.theme = DARK
        self.space: SearchSpace | None = None
        self.point: Point = {}
        self.fields: dict[str, QDoubleSpinBox | QComboBox] = {}
        self.locks: dict[str, QToolButton] = {}
        self.swatches: dict[str, QLabel] = {}
        self.total: QLabel | None = None
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setHorizontalSpacing(8)
        self.grid.setVerticalSpacing(4)
        self.grid.setColumnStretch(2, 1)

    def set_space(self, space: SearchSpace) -> None:
        """Rows for the parameters of a space; nothing happens when they are there already."""
        if (
            self.space is not None
            and self.space.parameters == space.parameters
            and self.space.mixture == space.mixture
        ):
            self.space = space
            return
        self.space = space
        while (item := self.grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self.fields, self.locks, self.swatches, self.total = {}, {}, {}, None
        for row, parameter in enumerate(space.parameters):
            swatch = QLabel()
            swatch.setFixedSize(10, 10)
            self.swatches[parameter.name] = swatch
            self.grid.addWidget(swatch, row, 0)
            name = label(parameter.name)
            name.setToolTip(parameter.name)
            name.setMaximumWidth(130)
            self.grid.addWidget(name, row, 1)
            field = self._field(parameter)
            self.fields[parameter.name] = field
            self.grid.addWidget(field, row, 2)
            if space.mixture is not None and parameter.name in space.mixture.names:
                self.grid.addWidget(self._lock(parameter.name), row, 3)
        if space.mixture is not None:
            self.total = label("", "caption")
            self.grid.addWidget(self.total, len(space.parameters), 1, 1, 3, Qt.AlignmentFlag.AlignRight)
        self.grid.setRowStretch(len(space.parameters) + 1, 1)
        self.set_theme(self.theme)

    def _field(self, parameter: Parameter) -> QDoubleSpinBox | QComboBox:
        if isinstance(parameter, Categorical):
            choice = combo(parameter.name)
            choice.addItems(list(parameter.choices))
            choice.textActivated.connect(lambda text, name=parameter.name: self._edit(name, text))
            return choice
        field = spin(parameter.name)
        field.setDecimals(digits.decimals_of_parameter(parameter))
        field.setRange(parameter.low, parameter.high)
        span = parameter.high - parameter.low
        step = parameter.step if isinstance(parameter, Stepped) else _round_step(span / 100)
        field.setSingleStep(step)
        field.setSuffix(f"{digits.THIN}{parameter.unit}" if parameter.unit else "")
        field.valueChanged.connect(lambda value, name=parameter.name: self._edit(name, value))
        return field

    def _lock(self, name: str) -> QToolButton:
        lock = QToolButton()
        lock.setCheckable(True)
        lock.setFixedSize(30, 30)
        lock.setIconSize(QSize(14, 14))
        lock.setAccessibleName(f"Hold {name}")
        lock.setToolTip(f"Hold {name} while the others are rescaled to the total")
        lock.toggled.connect(lambda _: self._locks())
        mark(lock, "quiet")
        self.locks[name] = lock
        return lock

    @property
    def held(self) -> tuple[str, ...]:
        return tuple(name for name, lock in self.locks.items() if lock.isChecked())

    def _edit(self, name: str, value: Value) -> None:
        if self.space is None or name not in self.point:
            return
        point = moved(self.space, self.point, {name: value}, self.held)
        self.show_point(point)
        self.edited.emit(point)

    def show_point(self, point: Point) -> None:
        """Show a point without telling anybody."""
        self.point = dict(point)
        for name, field in self.fields.items():
            value = point.get(name)
            if value is None:
                continue
            field.blockSignals(True)
            if isinstance(field, QComboBox):
                field.setCurrentText(str(value))
            else:
                field.setValue(float(value))
            field.blockSignals(False)
        self._show_total()

    def _show_total(self) -> None:
        if self.total is None or self.space is None or self.space.mixture is None or not self.point:
            return
        mixture = self.space.mixture
        parameter = next(p for p in self.space.parameters if p.name == mixture.names[0])
        decimals, left = digits.decimals_of_parameter(parameter), missing(self.space, self.point)
        total = digits.with_unit(digits.number(mixture.total, decimals), parameter.unit)
        rest = digits.with_unit(digits.number(left, decimals), parameter.unit)
        if abs(left) < 1e-3 * mixture.total:
            self.total.setText(f"sums to {total}; the others follow a change")
        else:
            self.total.setText(f"{rest} left to make {total}")

    def set_wish(self, wish: Mapping[str, Value] | None) -> None:
        """Say beside each field what the optimiser wished, as a tool tip."""
        if self.space is None:
            return
        for parameter in self.space.parameters:
            field = self.fields[parameter.name]
            if wish and parameter.name in wish:
                value = digits.with_unit(digits.setting(parameter, wish[parameter.name]), parameter.unit)
                field.setToolTip(f"{parameter.name}: the optimiser wished {value}")
            else:
                field.setToolTip(parameter.name)

    def _locks(self) -> None:
        for lock in self.locks.values():
            held = lock.isChecked()
            colour = self.theme.accent if held else self.theme.muted
            lock.setIcon(glyphs.icon("lock" if held else "unlock", colour))

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        colours = series_of(list(self.swatches))
        for colour, swatch in zip(colours, self.swatches.values(), strict=True):
            swatch.setStyleSheet(f"background: {series(colour, theme)}; border-radius: 5px;")
        self._locks()


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, near a hundredth of the range."""
    exponent = 0
    while rough * 10**exponent < 1:
        exponent += 1
    while rough * 10**exponent >= 10:
        exponent -= 1
    mantissa = rough * 10**exponent
    nice = 1 if mantissa < 2 else 2 if mantissa < 5 else 5
    return float(nice * 10.0**-exponent)
