"""Set-up page: the campaign as a form. The doorman of campaign files checks every edit."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from campaign.config import CampaignFileError, campaign_to_toml, parse_campaign
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.actions import Actions
from gui.panels.setup_objective import ObjectiveCard
from gui.panels.setup_parameters import ParametersCard
from gui.panels.setup_strategy import StrategyCard
from gui.panels.setup_summary import SummaryCard
from gui.revision import value_at
from gui.style import mark
from gui.theme import GRID_PX, Theme
from gui.widgets.card import Card
from gui.widgets.field import Field, Line, Sentences, shown
from hardware.spec import RigSpec

CHECK_AFTER_MS = 120


class SetupPage(QWidget):
    """`changed` carries the new CampaignSpec, or None while the form has mistakes; `applied` what a person changed
    of the campaign that is going on, by place: {"stop.budget": 30}."""

    changed = Signal(object)
    applied = Signal(object)

    def __init__(self, spec: CampaignSpec, actions: Actions) -> None:
        super().__init__()
        self._spec: CampaignSpec | None = spec
        self._document: dict[str, object] = {}
        self._begun = False
        self._followed: CampaignSpec | None = None
        self._timer = QTimer(self, singleShot=True, interval=CHECK_AFTER_MS)
        self._timer.timeout.connect(self.check)
        self.name = Line("Name of the campaign", self._edited)
        self.about = Line("What it is about", self._edited)
        self.goal = Card("The campaign")
        self.head = [Field("name", "Name", self.name), Field("about", "About", self.about)]
        row = QHBoxLayout()
        row.addWidget(self.head[0], 1)
        row.addWidget(self.head[1], 2)
        self.goal.body.addLayout(row)
        self.sentences = Sentences()
        self.goal.body.addWidget(self.sentences)
        self.parameters = ParametersCard(self._edited)
        self.objective = ObjectiveCard(self._edited)
        self.strategy = StrategyCard(self._edited)
        self.summary = SummaryCard(actions)
        self.summary.apply.clicked.connect(self._apply)
        self._lay_out()
        self.parameters.before = self.about
        self.load(spec)

    def _lay_out(self) -> None:
        column = QWidget()
        mark(column, "page")
        cards = QVBoxLayout(column)
        cards.setContentsMargins(0, 0, 0, 0)
        cards.setSpacing(8)
        for card in (self.goal, self.parameters, self.objective, self.strategy):
            card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
            cards.addWidget(card)
        cards.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(column)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        row.setSpacing(8)
        row.addWidget(scroll, 1)
        row.addWidget(self.summary)

    @property
    def spec(self) -> CampaignSpec | None:
        """The campaign as the form has it; None while it has mistakes."""
        if self._timer.isActive():
            self._timer.stop()
            self.check()
        return self._spec

    def load(self, spec: CampaignSpec) -> None:
        """Fill the form. Whatever it does not show (dosing, checks, candidates) is kept."""
        self._document = dict(tomllib.loads(campaign_to_toml(spec)))
        self.name.setText(shown(self._document.get("name")))
        self.about.setText(shown(self._document.get("about")).replace("\n", " "))
        self.about.setCursorPosition(0)
        for card in (self.parameters, self.objective, self.strategy):
            card.load(self._document)
        self._followed = spec
        self.check()

    def put(self, changes: Mapping[str, object]) -> None:
        """Settings made on another page before a campaign began."""
        self.strategy.put(changes)
        self.check()

    def _follow(self, spec: CampaignSpec) -> None:
        """The campaign that is going on has other settings now; what is typed here and not sent stays."""
        self._followed = spec
        self._document = dict(tomllib.loads(campaign_to_toml(spec)))
        self.strategy.follow(self._document)
        self.check()

    def text(self) -> str:
        """The form as the text of a campaign file."""
        document: dict[str, object] = {**self._document, "name": self.name.text()}
        about = self._document.get("about")
        if self.about.text() != shown(about).replace("\n", " "):
            document["about"] = self.about.text()
        for card in (self.parameters, self.objective, self.strategy):
            card.fill(document)
        return tomlkit.dumps(document)

    def check(self) -> None:
        """Ask the doorman; outline what is wrong, with the sentence below it."""
        mistakes: Mapping[str, str] = {}
        try:
            self._spec = parse_campaign(self.text(), "the form")
        except CampaignFileError as error:
            self._spec = None
            mistakes = dict(_split(line) for line in error.mistakes)
        for field in self.head:
            field.say(mistakes.get(field.place))
        self.sentences.say(f"{f.caption}: {mistakes[f.place]}" for f in self.head if f.place in mistakes)
        for card in (self.parameters, self.objective, self.strategy):
            card.say(mistakes)
        self.parameters.show_space(self._spec.space if self._spec is not None else None)
        self.summary.show_spec(self._spec, tuple(self._words(p, s) for p, s in mistakes.items()))
        self.changed.emit(self._spec)

    def show_supply(self, left_ul: Mapping[str, float], over: int) -> None:
        self.summary.show_supply(left_ul, over if self._begun else 0)

    def show_rig(self, rig: RigSpec | None) -> None:
        self.summary.show_rig(rig)
        self.objective.show_meters(tuple(rig.meters) if rig is not None else ())

    def show_state(self, state: CampaignState, *, looking_only: bool = False) -> None:
        """Once a campaign has begun, only strategy, end and mode may still change: the form shows what is in
        force."""
        begun = going_on(state) and not looking_only
        self._begun = begun
        if begun and state.spec is not self._followed:
            self._follow(state.spec)
        for card in (self.goal, self.parameters, self.objective):
            card.setEnabled(not begun)
        self.summary.show_begun(begun)

    def save(self, path: Path) -> None:
        path.write_text(self.text(), encoding="utf-8")

    def set_theme(self, theme: Theme) -> None:
        for card in (self.goal, self.parameters, self.objective, self.strategy, self.summary):
            card.set_theme(theme)

    def _words(self, place: str, sentence: str) -> str:
        """A mistake for a person: parameters by their name."""
        found = re.match(r"parameters\[(\d+)\]\.?(.*)", place)
        if found and 0 < int(found[1]) <= len(self.parameters.rows):
            name = self.parameters.rows[int(found[1]) - 1].name.text() or f"parameter {found[1]}"
            place = f"{name}, {found[2]}" if found[2] else name
        return f"{place.replace('.', ', ')}: {sentence}" if place else sentence

    def _edited(self) -> None:
        self._timer.start()

    def _apply(self) -> None:
        spec, inforce = self.spec, self._followed
        if spec is None or inforce is None:
            return
        edited = ((place, value_at(spec, place)) for place in self.strategy.edited)
        changes = {place: value for place, value in edited if value != value_at(inforce, place)}
        if changes:
            self.applied.emit(changes)


def going_on(state: CampaignState) -> bool:
    """Whether a campaign has begun and can still be gone on with; after Stop all it can."""
    return state.phase not in ("Idle", "Complete", "Stopped")


def _split(line: str) -> tuple[str, str]:
    """A mistake as its place and its sentence."""
    place, colon, sentence = line.partition(": ")
    return (place, sentence) if colon and " " not in place else ("", line)
