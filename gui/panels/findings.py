"""What the campaign has come to: the best that may be announced, whether to go on, whether to trust the model.

Three lines that are always in sight, and all of it to be read in a tab. It paints `campaign.insight.Insight`.
"""

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QTextEdit, QVBoxLayout, QWidget

from campaign.insight import LIGHTS, Insight, standing
from campaign.words import say_point
from gui.icons import pixmap
from gui.theme import DARK, GRID_PX, Theme
from gui.widgets import digits
from gui.widgets.card import label
from gui.widgets.elided import Elided

ICON_PX = 14
WORD_PX = 148
"""Room for the longest word, so that nothing moves when it changes."""
_LIGHT_LOOKS = {
    "grey": ("wait", "muted"),
    "green": ("check", "ok"),
    "yellow": ("warn", "warn"),
    "red": ("cross", "fail"),
}
_ADVICE_LOOKS = {"go on": ("play", "run"), "consider stopping": ("pause", "warn"), "stop": ("stop_after", "warn")}
_ADVICE_WORDS = {"consider stopping": "maybe stop"}
_NONE_YET = (
    ("info", "muted", "Best", "Told as soon as there is a model, after the second result."),
    ("info", "muted", "Advice", "Whether it is worth going on is told with the model."),
    ("wait", "muted", "Model", "Nothing to judge yet."),
)
CAN_REPEAT = (
    "Takes {point}, the measured point most worth another reading, for the next experiment; then press Use mine"
)
CANNOT_REPEAT = (
    "While a suggestion waits for you (Approve each), this takes the point most worth another reading instead"
)
NOTHING_TO_REPEAT = "Nothing is measured yet that could be repeated"

Line = tuple[str, str, str, str]
"""Icon, tone, word, sentence."""


def best_in_words(insight: Insight, unit: str) -> str:
    """The best with its interval and readings, what may be announced of it and what not."""
    head, best = insight.headline, insight.headline.best
    if best is None or head.announced is not None:
        return head.sentence
    value = digits.with_unit(digits.number(best.mean, digits.decimals_of([best.mean])), unit)
    return f"{value}, {standing(best)}. {head.sentence}"


def lines(insight: Insight | None, unit: str) -> Sequence[Line]:
    """Best, advice, model."""
    if insight is None:
        return _NONE_YET
    found = ("check", "ok") if insight.headline.announced is not None else ("info", "warn")
    advice, health = insight.advice, insight.health
    why = advice.sentence.removeprefix(f"{advice.verdict.capitalize()}: ")
    return (
        (*found, "Best", best_in_words(insight, unit)),
        (
            *_ADVICE_LOOKS[advice.verdict],
            f"Advice: {_ADVICE_WORDS.get(advice.verdict, advice.verdict)}",
            why[:1].upper() + why[1:],
        ),
        (
            *_LIGHT_LOOKS[health.light],
            f"Model: {LIGHTS[health.light].lower()}",
            " ".join((health.sentence, *health.hints)),
        ),
    )


class FindingsStrip(QWidget):
    """`repeat_wanted` carries the point that a person wants to measure once more."""

    repeat_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.icons: list[QLabel] = []
        self.words: list[QLabel] = []
        self.sentences: list[Elided] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID_PX)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(2, 1)
        for row, name in enumerate(("The best", "Whether to go on", "Whether to trust the model")):
            icon, word, sentence = label(), label(), Elided("caption")
            word.setStyleSheet("font-weight: 600;")
            word.setAccessibleName(name)
            sentence.setAccessibleName(f"{name}, in words")
            for column, (part, parts) in enumerate(
                ((icon, self.icons), (word, self.words), (sentence, self.sentences))
            ):
                grid.addWidget(part, row, column)
                parts.append(part)  # type: ignore[attr-defined]
        self.repeat = QPushButton("Repeat it")
        self.repeat.setAccessibleName("Repeat the best")
        self.repeat.clicked.connect(self._repeat)
        grid.addWidget(self.repeat, 0, 3, 3, 1)
        self.insight: Insight | None = None
        self.theme: Theme = DARK
        self._unit = ""
        self._open = False
        self._refresh()

    def show_insight(self, insight: Insight | None, unit: str) -> None:
        self.insight, self._unit = insight, unit
        self._refresh()

    def show_open(self, *, waits: bool) -> None:
        """waits: a suggestion waits for a person, who may take another point instead."""
        if waits != self._open:
            self._open = waits
            self._refresh()

    def _refresh(self) -> None:
        shown = lines(self.insight, self._unit)
        for row, (icon, tone, word, sentence) in enumerate(shown):
            self.icons[row].setPixmap(pixmap(icon, getattr(self.theme, tone), self.theme.px(ICON_PX)))
            self.words[row].setText(word)
            self.words[row].setToolTip(sentence)
            self.sentences[row].say(sentence)
        point = self.insight.repeat if self.insight is not None else None
        self.repeat.setEnabled(self._open and point is not None)
        if point is None:
            self.repeat.setToolTip(NOTHING_TO_REPEAT)
        else:
            self.repeat.setToolTip(CAN_REPEAT.format(point=say_point(point)) if self._open else CANNOT_REPEAT)

    def _repeat(self) -> None:
        if self.insight is not None and self.insight.repeat is not None:
            self.repeat_wanted.emit(dict(self.insight.repeat))

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        for word in self.words:
            word.setMinimumWidth(theme.px(WORD_PX))
        self._refresh()


class FindingsPanel(QWidget):
    """The same in full, with every reading that is not to be announced and every hint. It can be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QTextEdit()
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setStyleSheet("QTextEdit { border: none; background: transparent; }")
        self.text.setAccessibleName("What the campaign has come to")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.addWidget(self.text)
        self.show_insight(None, "")

    def show_insight(self, insight: Insight | None, unit: str) -> None:
        if insight is None:
            self.text.setPlainText("Told as soon as there is a model, after the second result.")
            return
        refused = [r.why for r in insight.headline.refused]
        self.text.setHtml(
            _section("What may be announced", best_in_words(insight, unit), refused if len(refused) > 1 else ())
            + _section("Whether to go on", insight.advice.sentence, ())
            + _section(
                "Whether to trust the model",
                f"{LIGHTS[insight.health.light]}. {insight.health.sentence}",
                insight.health.hints,
            )
        )


def _section(title: str, sentence: str, points: Sequence[str]) -> str:
    listed = "".join(f"<li>{escape(point)}</li>" for point in points)
    return f"<p><b>{escape(title)}</b><br>{escape(sentence)}</p>" + (f"<ul>{listed}</ul>" if listed else "")


if __name__ == "__main__":
    from gui.preview import alone

    alone(FindingsPanel)
