"""What comes next: the suggestion, what is expected of it, why, and the three things to do with it."""

from math import erf, sqrt

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QWidget

from campaign.events import Suggested
from campaign.state import CampaignState, Experiment
from gui.models.next_point import Point, same
from gui.style import mark
from gui.theme import CARD_TITLE_PX, GRID_PX, MAIN_CONTROL_PX, Theme
from gui.widgets import digits
from gui.widgets.card import Card, label
from gui.widgets.controls import Toggle
from gui.widgets.point_form import PointForm

ROWS_PX = 184
"""Room for four rows and the total; more rows scroll."""


def chance(mean: float, sd: float, best: float, direction: str) -> float:
    """Probability that the true value beats the best."""
    gain = mean - best if direction == "maximise" else best - mean
    return 0.5 * (1.0 + erf(gain / sqrt(2.0) / max(sd, 1e-12)))


def _percent(part: float) -> str:
    words = "under 1" if part < 0.005 else "over 99" if part > 0.995 else f"{part * 100:.0f}"
    return digits.with_unit(words, "%")


def _short(reason: str) -> str:
    """The reason without the expectation, which stands above it already."""
    head, colon, rest = reason.partition(": ")
    return rest if colon and head.startswith("Expected ") and rest else reason


class NextExperiment(Card):
    """`edited` tells of every change by hand; `decided` carries accept, override or skip, the point, and why."""

    decided = Signal(str, object, str)
    edited = Signal(object)
    mode_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Next experiment", parent)
        self.mode = Toggle("How suggestions are taken", {"automatic": "Automatic", "approve": "Approve each"})
        self.mode.buttons["automatic"].setToolTip("Every suggestion is made without asking")
        self.mode.buttons["approve"].setToolTip("Every suggestion waits for you: accept it, change it or skip it")
        self.mode.chosen.connect(self.mode_changed)
        self.header.addWidget(self.mode)
        self.form = PointForm()
        self.form.edited.connect(self._edited)
        self.form.installEventFilter(self)
        area = self.area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.form)
        area.viewport().setAutoFillBackground(False)
        self.form.setAutoFillBackground(False)
        self.body.addWidget(area, 100)
        self.expect = label("", name="expect")
        self.body.addWidget(self.expect)
        self.why = label("", "caption", wrap=True)
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.why, 1)
        self.accept_button = self._button("Accept", "Make the suggested experiment (Enter)", self.accept)
        self.mine_button = self._button("Use mine", "Make the experiment as you changed it", self.use_mine)
        self.skip_button = self._button("Skip", "Drop this suggestion and ask for another one (S)", self.skip)
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        for button in (self.accept_button, self.mine_button, self.skip_button):
            row.addWidget(button, 1)
        self.body.addLayout(row)
        self.state: CampaignState | None = None
        self.waiting: Suggested | None = None
        self.point: Point | None = None
        self._sent = False
        self._how = "typed"
        self._facts = ""
        self._shown: object = None
        self._refresh()

    def _button(self, words: str, tip: str, act: object) -> QPushButton:
        button = QPushButton(words)
        button.setToolTip(tip)
        button.setMinimumHeight(MAIN_CONTROL_PX)
        button.clicked.connect(act)
        return button

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The rows get the height they ask for, up to four of them; more scroll."""
        if watched is self.form and event.type() == QEvent.Type.LayoutRequest:
            height = self.form.sizeHint().height()
            self.area.setMaximumHeight(height)
            self.area.setMinimumHeight(min(height, self.theme.px(ROWS_PX)))
        return super().eventFilter(watched, event)

    @property
    def is_open(self) -> bool:
        """Whether a decision is wanted now."""
        return (
            self.waiting is not None
            and not self._sent
            and self.state is not None
            and self.state.spec.mode == "approve"
            and self.state.phase == "Running"
        )

    @property
    def is_moved(self) -> bool:
        """Whether the point shown is no longer the one suggested."""
        return (
            self.state is not None
            and self.waiting is not None
            and self.point is not None
            and not same(self.point, self.waiting.point, self.state.spec.space)
        )

    def show_state(self, state: CampaignState) -> None:
        if self.state is None or self.state.spec.space != state.spec.space:
            self.point, self.waiting, self._shown = None, None, None
        self.state = state
        self.form.set_space(state.spec.space)
        self.mode.set_value(state.spec.mode)
        if state.waiting != self.waiting:
            self.waiting, self._sent = state.waiting, False
        current = self._current()
        subject: object = state.waiting or ((current.number, current.point) if current else None)
        if subject != self._shown:
            self._shown = subject
            if (point := self.subject_point) is not None:
                self.show_point(point)
        self.form.set_wish(state.waiting.point if state.waiting else None)
        self._refresh()

    @property
    def subject_point(self) -> Point | None:
        """The point this card is about: the suggestion that waits, or the experiment in work."""
        if self.waiting is not None:
            return self.waiting.point
        current = self._current()
        return current.point if current is not None else None

    def _current(self) -> Experiment | None:
        """The experiment in work."""
        if self.state is None:
            return None
        return next((e for e in reversed(self.state.experiments) if e.status in ("running", "suggested")), None)

    def show_point(self, point: Point, how: str = "typed") -> None:
        """A point from elsewhere (the map, a slice)."""
        self.point, self._how = dict(point), how
        self.form.show_point(point)
        self._refresh()

    def show_expectation(self, mean: float | None, sd: float | None, best: float | None) -> None:
        """What the model believes at the point shown."""
        if self.state is None:
            return
        objective = self.state.spec.objective
        if mean is None or sd is None:
            self.expect.setText("No prediction yet")
        else:
            self.expect.setText(f"Expect {digits.with_sd(mean, sd, objective.unit)}")
        words = []
        if best is not None:
            words.append(
                f"best so far {digits.with_unit(digits.number(best, digits.decimals_of([best])), objective.unit)}"
            )
            if mean is not None and sd is not None:
                words.append(f"chance to beat it {_percent(chance(mean, sd, best, objective.direction))}")
        self._facts = " · ".join(words)
        self._say()

    def _say(self) -> None:
        current = self._current()
        told = "best so far" in (self.waiting.reason if self.waiting else current.reason if current else "")
        lines = [self._facts] if self._facts and (self.is_moved or not told) else []
        if self._sent:
            lines.append("Sent: the campaign goes on with it.")
        elif self.state is not None and self.state.phase in ("Aborting", "Aborted"):
            lines.append("Stopped: re-arm, then resume.")
        elif self.waiting is not None and self.state is not None and self.state.phase in ("Holding", "Held"):
            lines.append("Paused: resume, then decide.")
        elif self.is_moved:
            table = self.state is not None and self.state.spec.space.candidates is not None
            row = " Use mine takes the nearest row of the table." if table else ""
            lines.append(f"Changed by you; Accept makes the optimiser's own wish instead.{row}")
        elif self.waiting is not None:
            lines.append(f"Why: {_short(self.waiting.reason)}")
        elif self.state is None or self.state.phase == "Idle":
            lines.append("Nothing waits yet: press Start.")
        elif self.state.finished:
            lines.append("The campaign is over; nothing waits for you.")
        elif self.state.question is not None:
            lines.append("Waits for your answer, above.")
        elif self.state.phase in ("Holding", "Held"):
            lines.append("Paused: resume to go on.")
        elif current is not None:
            lines.append(f"In work, nothing waits for you. Why: {_short(current.reason)}")
        else:
            lines.append("The optimiser is choosing; nothing waits for you.")
        self.why.setText("\n".join(lines))
        self.why.setToolTip(self.waiting.reason if self.waiting else current.reason if current else "")

    def _refresh(self) -> None:
        open_ = self.is_open
        self.form.setEnabled(open_)
        self.accept_button.setEnabled(open_)
        self.skip_button.setEnabled(open_)
        self.mine_button.setEnabled(open_ and self.is_moved)
        mark(self.accept_button, "plain" if self.is_moved else "filled")
        mark(self.mine_button, "filled" if self.is_moved else "plain")
        number = self.waiting.experiment if self.waiting else None
        current = self._current()
        if number is not None:
            self.title.setText(f"Experiment {number}")
        elif current is not None:
            self.title.setText(f"Experiment {current.number}")
        else:
            self.title.setText("Next experiment")
        self._say()

    def _edited(self, point: Point) -> None:
        self.point, self._how = dict(point), "typed"
        self._refresh()
        self.edited.emit(point)

    def accept(self) -> None:
        """Make the optimiser's own suggestion."""
        if self.accept_button.isEnabled() and self.waiting is not None:
            self._send("accept", self.waiting.point, "")

    def use_mine(self) -> None:
        """Make the point as it was changed by hand."""
        if self.mine_button.isEnabled() and self.point is not None:
            assert self.state is not None  # noqa: S101  a point is shown only of a state
            self._send("override", self.state.spec.space.snap(self.point), f"{self._how} by hand")

    def skip(self) -> None:
        if self.skip_button.isEnabled() and self.waiting is not None:
            self._send("skip", self.waiting.point, "skipped by hand")

    def _send(self, action: str, point: Point, why: str) -> None:
        self._sent = True
        self._refresh()
        self.decided.emit(action, dict(point), why)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.form.set_theme(theme)
        self.expect.setStyleSheet(f"font-size: {theme.px(CARD_TITLE_PX)}px; font-weight: 600;")
        self.why.setMinimumHeight(theme.px(4 * 14))


if __name__ == "__main__":
    from gui.preview import alone

    alone(NextExperiment)
