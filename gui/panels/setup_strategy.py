"""Set-up card: what picks the next point, when it ends, and who decides."""

from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QComboBox, QGridLayout

from gui.widgets.card import Card
from gui.widgets.controls import combo
from gui.widgets.field import Field, Line, Sentences, choose, read, shown

STRATEGIES = {"gp": "Gaussian process", "random": "Random search"}
ACQUISITIONS = {"ucb": "Confidence bound (UCB)", "ei": "Expected improvement", "pi": "Chance to improve"}
MODES = {"automatic": "Automatic: goes on by itself", "approve": "Approve each: waits for you"}
_TIPS = {
    "strategy.beta": "Weight of curiosity: 0 goes only where it looks good, 3 explores widely",
    "strategy.initial": "Points spread over the space before the model picks",
    "stop.budget": "Experiments at most",
    "stop.target": "Ends when the best is at least this good; empty: never for this reason",
    "stop.no_gain": "Ends after so many experiments without a better one; 0: never for this reason",
}


class StrategyCard(Card):
    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__("What picks the next point, and when it ends")
        self.kind = self._combo("Strategy", STRATEGIES, changed)
        self.acquisition = self._combo("A point is worth", ACQUISITIONS, changed)
        self.mode = self._combo("Who decides", MODES, changed)
        self.beta = Line("Curiosity, beta", changed, number=True)
        self.initial = Line("Initial experiments", changed, number=True)
        self.budget = Line("Budget", changed, number=True)
        self.target = Line("Target", changed, number=True)
        self.no_gain = Line("No gain in", changed, number=True)
        self.target.setPlaceholderText("none")
        self._lines = {
            "strategy.beta": self.beta, "strategy.initial": self.initial, "stop.budget": self.budget,
            "stop.target": self.target, "stop.no_gain": self.no_gain,
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
        grid = QGridLayout()
        grid.setSpacing(8)
        places = ((0, 0), (0, 2), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4))
        for (row, column), field in zip(places, self.fields, strict=True):
            grid.addWidget(field, row, column, 1, 2 if row == 0 or column == 4 else 1)
        for column in range(6):
            grid.setColumnStretch(column, 1)
        self.body.addLayout(grid)
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
        choose(self.kind, _get(document, "strategy.kind", "gp"))
        choose(self.acquisition, _get(document, "strategy.acquisition", "ucb"))
        choose(self.mode, document.get("mode", "automatic"))
        defaults = {
            "strategy.beta": 1.0, "strategy.initial": 5, "stop.budget": 25, "stop.target": None, "stop.no_gain": 0,
        }  # fmt: skip
        for place, line in self._lines.items():
            line.setText(shown(_get(document, place, defaults[place])))
        self._fit()

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
        self.beta.setEnabled(gp and self.acquisition.currentData() == "ucb")


def _get(document: Mapping[str, object], place: str, default: object) -> object:
    table, key = place.split(".")
    inner = document.get(table)
    return inner.get(key, default) if isinstance(inner, dict) else default
