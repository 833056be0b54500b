"""Set-up card: what picks the next point, when it ends, and who decides."""

from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QComboBox, QGridLayout

from campaign.worth import NO_BETA, WORTHS
from gui.widgets.card import Card
from gui.widgets.controls import combo, explain
from gui.widgets.field import Field, Line, Sentences, choose, read, shown
from gui.widgets.paragraph import Paragraph

STRATEGIES = {"gp": "Gaussian process", "random": "Random search"}
NO_MODEL = "Random search heeds no model: points are drawn evenly from all that can be made."
MODES = {"automatic": "Automatic: goes on by itself", "approve": "Approve each: waits for you"}
_DEFAULTS: dict[str, object] = {
    "strategy.kind": "gp", "strategy.acquisition": "turns", "mode": "automatic", "strategy.beta": 1.0,
    "strategy.initial": 5, "stop.budget": 25, "stop.target": None, "stop.no_gain": 0,
}  # fmt: skip
_TIPS = {
    "strategy.beta": "Weight of the uncertainty",
    "strategy.initial": "Points spread over the space before the model picks",
    "stop.budget": "Experiments at most",
    "stop.target": "Ends when the best is at least this good; empty: never for this reason",
    "stop.no_gain": "Ends after so many experiments without a better one; 0: never for this reason",
}


class StrategyCard(Card):
    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__("What picks the next point, and when it ends")
        self.kind = self._combo("Strategy", STRATEGIES, changed)
        self.acquisition = self._combo("A point is worth", {k: w.title for k, w in WORTHS.items()}, changed)
        explain(self.acquisition, (w.why for w in WORTHS.values()))
        self.mode = self._combo("Who decides", MODES, changed)
        self.beta = Line("Curiosity, beta", changed, number=True)
        self.initial = Line("Initial experiments", changed, number=True)
        self.budget = Line("Budget", changed, number=True)
        self.target = Line("Target", changed, number=True)
        self.no_gain = Line("No gain in", changed, number=True)
        self.target.setPlaceholderText("none")
        self._given: dict[str, str] = {}
        self._lines = {
            "strategy.beta": self.beta, "strategy.initial": self.initial, "stop.budget": self.budget,
            "stop.target": self.target, "stop.no_gain": self.no_gain,
        }  # fmt: skip
        self._boxes = {
            "strategy.kind": self.kind, "strategy.acquisition": self.acquisition, "mode": self.mode,
        }  # fmt: skip
        captions = ("Curiosity, beta", "Initial experiments", "Budget", "Good enough at", "Stop without gain in")
        self.fields = [
            Field("strategy.kind", "Strategy", self.kind),
            Field("strategy.acquisition", "A point is worth", self.acquisition),
            Field("mode", "Who decides", self.mode),
            *(
                Field(place, caption, line, _TIPS[place])
                for (place, line), caption in zip(self._lines.items(), captions, strict=True)
            ),
        ]
        self._by_place = {field.place: field for field in self.fields}
        grid = QGridLayout()
        grid.setSpacing(8)
        places = ((0, 0), (0, 2), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4))
        for (row, column), field in zip(places, self.fields, strict=True):
            grid.addWidget(field, row, column, 1, 2 if row == 0 or column == 4 else 1)
        for column in range(6):
            grid.setColumnStretch(column, 1)
        self.body.addLayout(grid)
        self.worth = Paragraph("", "caption")
        self.body.addWidget(self.worth)
        self.sentences = Sentences()
        self.body.addWidget(self.sentences)

    def _combo(self, name: str, choices: Mapping[str, str], changed: Callable[[], None]) -> QComboBox:
        box = combo(name)
        for key, words in choices.items():
            box.addItem(words, key)
        box.currentIndexChanged.connect(lambda _: self._fit())
        box.currentIndexChanged.connect(lambda _: changed())
        return box

    def load(self, document: Mapping[str, object]) -> None:
        """Show a campaign; whatever was typed before is gone."""
        self._given = _texts(document)
        for place, text in self._given.items():
            self._show(place, text)
        self._fit()

    def follow(self, document: Mapping[str, object]) -> None:
        """The campaign changed elsewhere: show what differs, and leave alone what is typed here otherwise."""
        before, self._given = self._given, _texts(document)
        for place, text in self._given.items():
            line = self._lines.get(place)
            typing = line is not None and line.hasFocus() and line.isVisible() and line.text() != before[place]
            if text != before[place] and not typing:
                self._show(place, text)
        self._fit()

    def put(self, changes: Mapping[str, object]) -> None:
        """Settings made elsewhere before the campaign began."""
        for place, value in changes.items():
            self._show(place, shown(value))
        self._fit()

    @property
    def edited(self) -> tuple[str, ...]:
        """Places that a person changed here since the campaign was shown."""
        return tuple(place for place, text in self._given.items() if self._text(place) != text)

    def _text(self, place: str) -> str:
        line = self._lines.get(place)
        return line.text().strip() if line is not None else str(self._boxes[place].currentData())

    def _show(self, place: str, text: str) -> None:
        line = self._lines.get(place)
        if line is None:
            choose(self._boxes[place], text)
        elif line.text() != text:
            line.setText(text)

    def fill(self, document: dict[str, object]) -> None:
        strategy = {"kind": self.kind.currentData(), "acquisition": self.acquisition.currentData()}
        tables: dict[str, dict[str, object]] = {"strategy": strategy, "stop": {}}
        for place, line in self._lines.items():
            table, key = place.split(".")
            if line.text().strip():
                tables[table][key] = read(line.text())
        document["mode"] = self.mode.currentData()
        document |= tables

    def say(self, mistakes: Mapping[str, str]) -> None:
        for field in self.fields:
            field.say(mistakes.get(field.place))
        self.sentences.say(f"{f.caption}: {mistakes[f.place]}" for f in self.fields if f.place in mistakes)

    def _fit(self) -> None:
        gp = self.kind.currentData() == "gp"
        self.acquisition.setEnabled(gp)
        self.initial.setEnabled(gp)
        worth = WORTHS[str(self.acquisition.currentData())]
        self.beta.setEnabled(gp and bool(worth.beta))
        self._by_place["strategy.beta"].set_tip((worth.beta or NO_BETA) if gp else NO_MODEL)
        self._by_place["strategy.acquisition"].set_tip(worth.why if gp else NO_MODEL)
        self.worth.say(worth.why if gp else NO_MODEL)


def _texts(document: Mapping[str, object]) -> dict[str, str]:
    """What each editor shows, by place in the campaign file."""
    made = {}
    for place, default in _DEFAULTS.items():
        table, _, key = place.rpartition(".")
        inner = document.get(table) if table else document
        made[place] = shown(inner.get(key, default) if isinstance(inner, Mapping) else default)
    return made
