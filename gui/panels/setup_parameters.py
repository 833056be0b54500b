"""Set-up card: what may be varied, one row per parameter, and what must sum to a total."""

from collections.abc import Callable, Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from campaign.config_limits import limits_in_words
from gui.icons import icon
from gui.style import mark
from gui.theme import CONTROL_PX, Theme, series_of
from gui.widgets.card import Card
from gui.widgets.controls import combo
from gui.widgets.field import Line, choose, read, shown
from gui.widgets.plot import series
from optimiser.fraction import feasible_fraction
from optimiser.space import SearchSpace

KINDS = {"continuous": "any value", "stepped": "in steps", "categorical": "one of"}
HEADS = ("", "Name", "Takes", "Low", "High", "Step", "Unit", "In the mixture", "")
_ELSEWHERE = ("mixture", "constraint", "keep_out")
_WIDE = {1: 3, 2: 2, 3: 2, 4: 2, 5: 2, 6: 1}


class Row:
    """The editors of one parameter."""

    def __init__(self, table: Mapping[str, object], mixed: bool, changed: Callable[[], None]) -> None:
        self.name = Line("Name", changed)
        self.kind = combo("Takes")
        for key, words in KINDS.items():
            self.kind.addItem(words, key)
        self.low = Line("Low", changed, number=True)
        self.high = Line("High", changed, number=True)
        self.step = Line("Step", changed, number=True)
        self.unit = Line("Unit", changed)
        self.choices = Line("Choices, with commas between", changed)
        self.choices.setPlaceholderText("choices, with commas between")
        self.mixed = QCheckBox()
        self.mixed.setAccessibleName("In the mixture")
        self.swatch = QLabel()
        self.swatch.setFixedSize(10, 10)
        self.remove = QToolButton()
        mark(self.remove, "quiet")
        self.remove.setToolTip("Take this parameter out")
        self.remove.setAccessibleName("Take this parameter out")
        self.sentence = QLabel(wordWrap=True)
        mark(self.sentence, "bad")
        self.show(table, mixed)
        self.kind.currentIndexChanged.connect(lambda _: self._fit())
        self.kind.currentIndexChanged.connect(lambda _: changed())
        self.mixed.toggled.connect(lambda _: changed())
        self.name.textEdited.connect(lambda _: self._name_all())

    def show(self, table: Mapping[str, object], mixed: bool) -> None:
        for key in ("name", "low", "high", "step", "unit"):
            getattr(self, key).setText(shown(table.get(key)))
        choices = table.get("choices")
        self.choices.setText(", ".join(map(str, choices)) if isinstance(choices, list) else "")
        self._descriptors = table.get("descriptors")
        choose(self.kind, table.get("kind", "continuous"))
        self.mixed.setChecked(mixed)
        self._fit()
        self._name_all()

    def _fit(self) -> None:
        """Show the editors that belong to the kind."""
        kind = self.kind.currentData()
        for editor in (self.low, self.high, self.mixed):
            editor.setVisible(kind != "categorical")
        self.choices.setVisible(kind == "categorical")
        self.step.setEnabled(kind == "stepped")

    def _name_all(self) -> None:
        name = self.name.text() or "this parameter"
        for editor, what in ((self.low, "Low"), (self.high, "High"), (self.step, "Step"), (self.unit, "Unit")):
            editor.setAccessibleName(f"{what} of {name}")

    def table(self) -> dict[str, object]:
        """The row as a [[parameters]] table; empty cells are left out."""
        kind = self.kind.currentData()
        made: dict[str, object] = {"name": self.name.text(), "kind": kind}
        if kind == "categorical":
            made["choices"] = [c.strip() for c in self.choices.text().split(",") if c.strip()]
            if self._descriptors is not None:
                made["descriptors"] = self._descriptors
        else:
            keys = ("low", "high", "step") if kind == "stepped" else ("low", "high")
            made |= {key: read(getattr(self, key).text()) for key in keys if getattr(self, key).text().strip()}
        if self.unit.text().strip():
            made["unit"] = self.unit.text().strip()
        return made

    def widgets(self) -> tuple[QWidget, ...]:
        return (
            self.swatch, self.name, self.kind, self.low, self.high, self.step, self.unit, self.mixed, self.remove,
        )  # fmt: skip

    def say(self, mistakes: Mapping[str, str]) -> None:
        """mistakes: sentence by key of the row's table."""
        for key in ("name", "kind", "low", "high", "step", "unit", "choices"):
            mark(getattr(self, key), "bad" if key in mistakes else "plain")
        text = "\n".join(
            f"{key.capitalize()}: {sentence}" if key else sentence for key, sentence in mistakes.items()
        )
        self.sentence.setText(text)
        self.sentence.setVisible(bool(text))


class ParametersCard(Card):
    """before: what has the focus before the first row when one tabs through the page."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__("What may be varied")
        self._changed = changed
        self._icon_colour = "#888888"
        self.rows: list[Row] = []
        self._limits = ""
        self._space: SearchSpace | None = None
        self.before: QWidget | None = None
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(6)
        self.grid.setVerticalSpacing(4)
        for column, weight in _WIDE.items():
            self.grid.setColumnStretch(column, weight)
        self._heads = [QLabel(head) for head in HEADS]
        for label in self._heads:
            mark(label, "caption")
        self.body.addLayout(self.grid)
        foot = QHBoxLayout()
        self.add = QPushButton("Add a parameter")
        self.add.clicked.connect(self._add)
        self.total = Line("Total of the mixture", changed, number=True, width=110)
        self.sum_words = QLabel("Those in the mixture sum to")
        self.sum_unit = QLabel()
        foot.addWidget(self.add)
        foot.addStretch(1)
        foot.addWidget(self.sum_words)
        foot.addWidget(self.total)
        foot.addWidget(self.sum_unit)
        self.body.addLayout(foot)
        self.limits = QLabel(wordWrap=True)
        mark(self.limits, "caption")
        self.limits.hide()
        self.body.addWidget(self.limits)
        self.sentence = QLabel(wordWrap=True)
        mark(self.sentence, "bad")
        self.sentence.hide()
        self.body.addWidget(self.sentence)

    def load(self, document: Mapping[str, object]) -> None:
        mixture = document.get("mixture")
        names = mixture.get("names", []) if isinstance(mixture, dict) else []
        parameters = document.get("parameters")
        tables = parameters if isinstance(parameters, list) else []
        for row in self.rows:
            self._drop(row)
        self.rows = [self._row(table, table.get("name") in names) for table in tables]
        self.total.setText(shown(mixture.get("total")) if isinstance(mixture, dict) else "")
        self._limits = limits_in_words(dict(document))
        self.limits.setText(self._limits)
        self.limits.setVisible(bool(self._limits))
        self._space = None
        self._lay_out()

    def fill(self, document: dict[str, object]) -> None:
        """Write the card's values into a campaign document."""
        document["parameters"] = [row.table() for row in self.rows]
        names = [r.name.text() for r in self.rows if r.mixed.isChecked() and r.kind.currentData() != "categorical"]
        document.pop("mixture", None)
        if names:
            document["mixture"] = {"names": names, "total": read(self.total.text())}
        for widget in (self.total, self.sum_words, self.sum_unit):
            widget.setVisible(bool(names))
        units = {r.unit.text() for r in self.rows if r.mixed.isChecked()}
        self._paint()
        self.sum_unit.setText(units.pop() if len(units) == 1 else "")

    def say(self, mistakes: Mapping[str, str]) -> None:
        """mistakes: sentence by place in the file."""
        for number, row in enumerate(self.rows, 1):
            head = f"parameters[{number}]"
            found = {p.removeprefix(head).lstrip("."): s for p, s in mistakes.items() if p.startswith(head)}
            row.say({key.split("[")[0]: sentence for key, sentence in found.items()})
        rest = [s for p, s in mistakes.items() if p == "parameters" or p.startswith(_ELSEWHERE)]
        mark(self.total, "bad" if any(p.startswith("mixture") for p in mistakes) else "plain")
        self.sentence.setText("\n".join(rest))
        self.sentence.setVisible(bool(rest))

    def show_space(self, space: SearchSpace | None) -> None:
        """Tell how much of the space its constraints leave; None while the form has mistakes."""
        if not self._limits or space == self._space:
            return
        self._space = space
        left = f" What is left: {feasible_fraction(space, np.random.default_rng(0))}." if space is not None else ""
        self.limits.setText(self._limits + left)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._icon_colour = theme.muted
        self._paint()
        for row in self.rows:
            row.remove.setIcon(icon("cross", theme.muted))

    def _row(self, table: Mapping[str, object], mixed: bool) -> Row:
        row = Row(table, mixed, self._changed)
        row.remove.setIcon(icon("cross", self._icon_colour))
        row.remove.clicked.connect(lambda: self._remove(row))
        return row

    def _add(self) -> None:
        self.rows.append(self._row({"kind": "continuous"}, False))
        self._lay_out()
        self.rows[-1].name.setFocus()
        self._changed()

    def _remove(self, row: Row) -> None:
        self.rows.remove(row)
        self._drop(row)
        self._lay_out()
        self._changed()

    def _drop(self, row: Row) -> None:
        for widget in (*row.widgets(), row.choices, row.sentence):
            self.grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()

    def _lay_out(self) -> None:
        for column, label in enumerate(self._heads):
            self.grid.addWidget(label, 0, column)
        for number, row in enumerate(self.rows):
            line = 1 + 2 * number
            for column, widget in enumerate(row.widgets()):
                centre = Qt.AlignmentFlag.AlignCenter if column in (0, 7, 8) else Qt.AlignmentFlag(0)
                self.grid.addWidget(widget, line, column, centre)
                if column not in (0, 7, 8):
                    widget.setMinimumHeight(CONTROL_PX)
            self.grid.addWidget(row.choices, line, 3, 1, 3)
            self.grid.addWidget(row.sentence, line + 1, 1, 1, 7)
            row.sentence.setVisible(bool(row.sentence.text()))
        self._paint()
        self._order()

    def _order(self) -> None:
        """Tab goes row by row, then to what stands below them."""
        before = self.before
        if before is None:
            return
        for row in self.rows:
            for widget in (
                row.name, row.kind, row.choices, row.low, row.high, row.step, row.unit, row.mixed, row.remove,
            ):  # fmt: skip
                QWidget.setTabOrder(before, widget)
                before = widget
        QWidget.setTabOrder(before, self.add)
        QWidget.setTabOrder(self.add, self.total)

    def _paint(self) -> None:
        for row, colour in zip(self.rows, series_of([r.name.text() for r in self.rows]), strict=True):
            row.swatch.setStyleSheet(f"background: {series(colour, self.theme)}; border-radius: 5px;")
