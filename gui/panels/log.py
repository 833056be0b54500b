"""What happened, one plain sentence a line, newest at the bottom."""

import re
from datetime import datetime

from PySide6.QtGui import QFont
from PySide6.QtWidgets import QPlainTextEdit, QStackedLayout, QWidget

from campaign.correction import STAYS, say_correction
from campaign.events import (
    Answered,
    Asked,
    AttemptStarted,
    CampaignOpened,
    Corrected,
    Decided,
    Event,
    Finished,
    Included,
    Labelled,
    Noted,
    Observed,
    PhaseChanged,
    Resumed,
    SettingsChanged,
    StepDone,
    StepFailed,
    StepIntended,
    Suggested,
    VialGivenUp,
)  # fmt: skip
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from campaign.words import say, say_label
from gui.theme import CAPTION_PX, Theme
from gui.widgets import digits
from gui.widgets.card import Empty

LINES = 2000


def sentence(event: Event, spec: CampaignSpec | None) -> str:
    """The event in words, one full stop at its end; empty for those that only matter to the journal."""
    words = _words(event, spec)
    return re.sub(r"\.{2,}$", ".", words.rstrip())


def _words(event: Event, spec: CampaignSpec | None) -> str:
    unit = spec.objective.unit if spec else ""
    name = spec.objective.name if spec else "value"
    match event:
        case CampaignOpened():
            return f"Campaign {event.name} opened{' on the virtual bench' if event.simulated else ''}."
        case PhaseChanged():
            return f"{event.new}{f': {event.why}' if event.why else ''}."
        case Suggested():
            return f"Experiment {event.experiment} suggested: {event.reason}"
        case Decided():
            who = "You" if event.by == "person" else "The strategy"
            did = {"accept": "accepted", "override": "changed", "skip": "skipped"}[event.action]
            why = f": {event.why}" if event.why and event.by == "person" else ""
            return f"{who} {did} experiment {event.experiment}{why}."
        case AttemptStarted():
            where = f" in vial {event.slot}" if event.slot else ""
            return f"Experiment {event.experiment} began{where}, attempt {event.attempt}."
        case StepIntended():
            return f"Experiment {event.experiment}: {say(event.step)}."
        case StepFailed():
            return f"Experiment {event.experiment}, step {event.index + 1} failed: {event.message}"
        case VialGivenUp():
            return f"Vial {event.slot or ''} given up: {event.why}"
        case Asked():
            return f"A question for you: {event.question}"
        case Answered():
            return f"You answered: {event.choice}."
        case Observed(value=None):
            return f"Experiment {event.experiment} failed. {event.note}".strip()
        case Observed():
            return f"Experiment {event.experiment}: {name} {digits.with_sd(event.value, event.sd, unit)}."
        case SettingsChanged():
            return f"Settings changed: {event.why}."
        case Noted():
            return f"Note on experiment {event.experiment}: {event.text}"
        case Labelled():
            return f"Experiment {event.experiment} labelled {say_label(event.label)}."
        case Corrected():
            return f"You corrected the eye for {say_correction(event)}. {STAYS}."
        case Included():
            return f"Experiment {event.experiment} {'counts again' if event.include else 'left out of the model'}."
        case Resumed():
            doubt = f"; nobody knows whether this was done: {event.in_doubt}" if event.in_doubt else ""
            return f"Picked up again from the journal{doubt}."
        case Finished():
            best = f", best {name} {digits.with_sd(event.best_mean, event.best_sd, unit)}"
            return (
                f"Finished after {event.experiments} experiments ({event.why}){best if event.best_point else ''}."
            )
        case StepDone():
            return str(event.data.get("said", ""))


class LogPanel(QWidget):
    """Text that can be selected and copied; it follows the end unless a person has scrolled up."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(LINES)
        self.text.setAccessibleName("Log")
        self.text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.text.setStyleSheet("QPlainTextEdit, QPlainTextEdit:focus { border: none; background: transparent; }")
        self.spec: CampaignSpec | None = None
        self.pages = QStackedLayout(self)
        self.pages.addWidget(Empty("Nothing has happened yet."))
        self.pages.addWidget(self.text)

    def show_state(self, state: CampaignState) -> None:
        self.spec = state.spec

    def clear(self) -> None:
        """Another campaign: nothing has happened in it yet."""
        self.text.clear()
        self.pages.setCurrentIndex(0)

    def show_event(self, event: Event) -> None:
        words = sentence(event, self.spec)
        if words:
            self.text.appendPlainText(f"{datetime.now():%H:%M:%S}  {words}")
            self.pages.setCurrentIndex(1)

    def set_theme(self, theme: Theme) -> None:
        font = QFont(self.font())
        font.setPixelSize(theme.px(CAPTION_PX + 1))
        self.text.setFont(font)


if __name__ == "__main__":
    from gui.preview import alone

    alone(LogPanel)
