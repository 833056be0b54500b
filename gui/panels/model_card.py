"""What the model believes: maps or slices, the next point on them to be taken by the mouse, and the curiosity."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedLayout, QWidget

from campaign.decide import history_of
from campaign.state import CampaignState
from campaign.worth import NO_BETA, WORTHS, policy
from gui.models.next_point import Point, Value, middle, moved, same
from gui.panels.findings import FindingsStrip
from gui.panels.maps import Maps, outline
from gui.panels.slices import Slices
from gui.theme import Theme
from gui.widgets import digits
from gui.widgets.card import Card, Empty, label
from gui.widgets.controls import QuietSlider, Toggle, combo, explain, spin
from optimiser.space import Categorical, SearchSpace

if TYPE_CHECKING:
    from optimiser.surrogate import Posterior

Others = Literal["next", "best", "mean"]
MAP_CELLS = 48
BETA_MOST = 5.0
SETTLE_MS = 250
OTHERS: dict[Others, str] = {"next": "others: at next", "best": "others: at best", "mean": "others: in the middle"}


def numeric(space: SearchSpace) -> tuple[str, ...]:
    """Parameters that can be an axis of a map."""
    return tuple(p.name for p in space.parameters if not isinstance(p, Categorical) and p.high > p.low)


class ModelCard(Card):
    """`probed` carries the point under the target while it moves, `placed` where it was let go."""

    probed = Signal(object)
    placed = Signal(object)
    beta_changed = Signal(float)
    acquisition_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("What the model believes", parent)
        self.face = Toggle("What is shown", {"map": "Map", "slices": "Slices"})
        self.face.set_value("map")
        self.face.chosen.connect(lambda _: self._redraw())
        self.x_box, self.y_box = combo("Parameter along x"), combo("Parameter along y")
        self.others = combo("Where the other parameters are fixed")
        for key, words in OTHERS.items():
            self.others.addItem(words, key)
        self.x_box.activated.connect(lambda _: self._axes_chosen(self.x_box, self.y_box))
        self.y_box.activated.connect(lambda _: self._axes_chosen(self.y_box, self.x_box))
        self.others.activated.connect(lambda _: self._redraw())
        for box in (self.x_box, self.y_box, self.others):
            box.setMinimumWidth(84)
        for widget in (self.face, self.x_box, self.y_box, self.others):
            self.header.addWidget(widget)
        self.maps, self.slices = Maps(), Slices()
        for part in (self.maps, self.slices):
            part.moved.connect(self._moved)
            part.released.connect(self._released)
        self.empty = Empty("")
        stage = QWidget()
        self.pages = QStackedLayout(stage)
        for page in (self.empty, self.maps, self.slices):
            self.pages.addWidget(page)
        self.body.addWidget(stage, 1)
        self.body.addLayout(self._footer())
        self.findings = FindingsStrip()
        self.body.addWidget(self.findings)
        self.state: CampaignState | None = None
        self.posterior: Posterior | None = None
        self.point: Point | None = None
        self.wish: Point | None = None
        self.word = "NEXT"
        self._drawn: object = None
        self._start: Point | None = None

    def _footer(self) -> QHBoxLayout:
        self.rule = combo("Acquisition function", "What makes a point worth trying")
        for key, worth in WORTHS.items():
            self.rule.addItem(worth.title, key)
        explain(self.rule, (worth.why for worth in WORTHS.values()))
        self.rule.setMaximumWidth(220)
        self.rule.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.rule.setMinimumContentsLength(16)
        self.rule.activated.connect(lambda _: self._rule_chosen())
        self.curious = label("Curiosity β", "muted")
        self.slider, self.beta = QuietSlider("Curiosity beta"), spin("Curiosity beta as a number")
        self.slider.setRange(0, round(BETA_MOST * 20))
        self.slider.setMinimumWidth(90)
        self.slider.setMaximumWidth(180)
        self.beta.setRange(0.0, 10.0)
        self.beta.setSingleStep(0.1)
        self.beta.setMaximumWidth(72)
        self.slider.valueChanged.connect(lambda at: self._beta_chosen(at / 20))
        self.beta.valueChanged.connect(self._beta_chosen)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(lambda: self.beta_changed.emit(self.beta.value()))
        self.expect = label("")
        self.expect.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.expect.setMinimumWidth(170)
        row = QHBoxLayout()
        row.setSpacing(8)
        for part in (self.rule, self.curious, self.slider, self.beta):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.expect)
        return row

    def show_state(self, state: CampaignState) -> None:
        before, self.state = self.state, state
        if before is None or before.spec.space != state.spec.space:
            self._space_changed(state.spec.space)
        if before is None or before.spec.space != state.spec.space or before.spec.objective != state.spec.objective:
            self.maps.set_names(state.spec.objective.name, state.spec.objective.unit)
        if before is None or before.spec.strategy != state.spec.strategy:
            self._show_strategy()
        if before is None or before.observed != state.observed:
            self.maps.show_measured(state.observed, state.spec.objective.unit)
            self._draw_slices(rescale=False)
        elif (before.made, before.open_experiment, before.skipped) != (
            state.made, state.open_experiment, state.skipped,
        ):  # fmt: skip
            self._draw_slices(rescale=False)  # another acquisition may be in turn
        self._choose_page()

    def _space_changed(self, space: SearchSpace) -> None:
        names = numeric(space)
        for box, start, prefix in ((self.x_box, 0, "x: "), (self.y_box, 1, "y: ")):
            box.clear()
            for name in names:
                box.addItem(prefix + name, name)
            box.setCurrentIndex(min(start, len(names) - 1))
        mapped = len(names) > 1
        self.face.setVisible(mapped)
        if mapped:
            self.maps.set_axes(space, names[0], names[1])
        else:
            self.face.set_value("slices")
        self.posterior, self._drawn = None, None

    def _show_strategy(self) -> None:
        if self.state is None:
            return
        strategy = self.state.spec.strategy
        model = strategy.kind == "gp"
        self.rule.setCurrentIndex(self.rule.findData(strategy.acquisition))
        if not self._settle.isActive():
            self._set_beta(strategy.beta)
        for widget in (self.rule, self.curious, self.slider, self.beta):
            widget.setVisible(model)
        self._explain_rule()

    def _explain_rule(self) -> None:
        """What is chosen, in a sentence; beta can be changed where it has an effect."""
        worth = WORTHS[str(self.rule.currentData())]
        self.rule.setToolTip(f"What makes a point worth trying. {worth.why}")
        for widget in (self.curious, self.slider, self.beta):
            widget.setEnabled(bool(worth.beta))
            widget.setToolTip(worth.beta or NO_BETA)

    def _set_beta(self, beta: float) -> None:
        for widget, value in ((self.slider, round(beta * 20)), (self.beta, beta)):
            widget.blockSignals(True)
            widget.setValue(value)  # type: ignore[arg-type]
            widget.blockSignals(False)

    def _beta_chosen(self, beta: float) -> None:
        self._set_beta(beta)
        self._settle.start()
        self._draw_slices(rescale=False)

    def _rule_chosen(self) -> None:
        kind = str(self.rule.currentData())
        self._explain_rule()
        self.acquisition_changed.emit(kind)
        self._draw_slices(rescale=False)

    def _axes_chosen(self, changed: QComboBox, other: QComboBox) -> None:
        """Two different axes: choosing one parameter for both exchanges them."""
        if self.state is None:
            return
        if changed.currentData() == other.currentData():
            before = self.maps.x_name if changed is self.x_box else self.maps.y_name
            other.setCurrentIndex(other.findData(before))
        self.maps.set_axes(self.state.spec.space, str(self.x_box.currentData()), str(self.y_box.currentData()))
        self.maps.show_measured(self.state.observed, self.state.spec.objective.unit)
        self.show_model(self.posterior)
        self.show_point(self.point, self.wish, self.word)

    def show_model(self, posterior: "Posterior | None") -> None:
        self.posterior, self._drawn = posterior, None
        best = posterior.incumbent() if posterior is not None else None
        self.maps.show_best(best.point if best else None)
        self._choose_page()
        self._redraw()

    def show_point(
        self, point: Point | None, wish: Point | None, word: str = "NEXT", *, live: bool = False
    ) -> None:
        """Where the target is. live: it is being dragged, so the maps stay as they are."""
        self.point, self.wish, self.word = point, wish, word
        moved_away = self.state is not None and wish is not None and not same(point, wish, self.state.spec.space)
        self.maps.show_next(point, wish if moved_away else None, word)
        if live:
            self._draw_slices(rescale=False)
        else:
            self._redraw()

    def show_expectation(self, mean: float | None, sd: float | None) -> None:
        unit = self.state.spec.objective.unit if self.state else ""
        self.expect.setText("" if mean is None else f"Expect {digits.with_sd(mean, sd, unit)}")

    def _at(self) -> Point | None:
        """Where the parameters that a map does not show are fixed."""
        if self.state is None:
            return None
        kind = self.others.currentData()
        best = self.posterior.incumbent() if self.posterior is not None else None
        if kind == "best" and best is not None:
            return best.point
        if kind == "next" and self.point is not None:
            return self.point
        return middle(self.state.spec.space)

    def _choose_page(self) -> None:
        if self.posterior is None or self.state is None:
            self.empty.setText(self._nothing())
            self.pages.setCurrentWidget(self.empty)
        else:
            mapped = self.face.value == "map" and self.x_box.count() > 1
            self.pages.setCurrentWidget(self.maps if mapped else self.slices)
        shown = self.pages.currentWidget()
        for box in (self.x_box, self.y_box):
            box.setVisible(shown is self.maps)
        has_others = self.state is not None and len(self.state.spec.space.parameters) > 2
        self.others.setVisible(shown is self.maps and has_others)

    def _nothing(self) -> str:
        if self.state is None or self.state.phase == "Idle":
            return "No experiment yet: press Start, the model appears after the second result."
        if len(self.state.observed) < 2:
            return "The model appears after the second result."
        return "The model is being fitted."

    def _redraw(self) -> None:
        """Draw what is shown, if anything about it changed."""
        self._choose_page()
        if self.posterior is None or self.state is None:
            return
        if self.pages.currentWidget() is self.maps:
            self._draw_maps()
        else:
            self._draw_slices(rescale=True)

    def _draw_maps(self) -> None:
        at = self._at()
        if self.posterior is None or self.state is None or at is None:
            return
        x, y, space = str(self.x_box.currentData()), str(self.y_box.currentData()), self.state.spec.space
        rest = tuple(sorted((k, v) for k, v in at.items() if k not in (x, y)))
        key = (id(self.posterior), x, y, rest)
        if key == self._drawn:
            return
        from optimiser.views import map_2d  # not before a model needs it

        self._drawn = key
        self.maps.draw(map_2d(self.posterior, x, y, at, MAP_CELLS), outline(space, x, y))

    def _draw_slices(self, *, rescale: bool) -> None:
        if self.posterior is None or self.state is None or self.pages.currentWidget() is not self.slices:
            return
        at = self.point or self._at()
        best = self.posterior.incumbent()
        if at is None:
            return
        self.slices.set_parameters(self.state.spec.space.parameters, self.state.spec.objective)
        self.slices.show_measured(self.state.observed)
        rule = policy(str(self.rule.currentData()), self.beta.value())
        worth = rule.at(history_of(self.state)) if rule is not None else None
        self.slices.draw(self.posterior, at, worth, best.mean if best else 0.0, rescale=rescale)

    def _target(self, changes: Mapping[str, Value]) -> Point | None:
        """The point under the target. It starts from where the dragging began, so that the shares of a
        mixture are not lost on the way along an edge."""
        self._start = self._start or self.point or self._at()
        if self.state is None or self._start is None:
            return None
        return moved(self.state.spec.space, self._start, changes)

    def _moved(self, changes: Mapping[str, Value]) -> None:
        if (point := self._target(changes)) is not None:
            self.probed.emit(point)

    def _released(self, changes: Mapping[str, Value]) -> None:
        point, self._start = self._target(changes), None
        if point is not None:
            self.placed.emit(point)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.maps.set_theme(theme)
        self.slices.set_theme(theme)
        self.findings.set_theme(theme)
        if self.state is not None:
            self.maps.set_names(self.state.spec.objective.name, self.state.spec.objective.unit)
            self.slices.show_measured(self.state.observed)


if __name__ == "__main__":
    from gui.preview import alone

    alone(ModelCard, (812, 440))
