"""The bar that is always there: campaign, state, step, progress, and Stop all."""

from datetime import datetime

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout

from campaign.state import CampaignState
from gui.actions import Actions, command, tip
from gui.icons import pixmap
from gui.style import mark
from gui.theme import GRID_PX, MAIN_CONTROL_PX, PADDING_PX, Theme
from gui.widgets.action_button import ActionButton
from gui.widgets.elided import Elided
from gui.words import Badge, badge, done, progress, sentence

HEIGHT_PX = 56
STOP_PX = 150
_PRIMARY = {"Idle": "start", "Complete": "start", "Stopped": "start", "Held": "resume"}


class Chip(QFrame):
    """The state as shape, word and colour."""

    def __init__(self) -> None:
        super().__init__()
        self._badge: Badge | None = None
        self._theme: Theme | None = None
        self._icon = QLabel()
        self.word = QLabel()
        self.setObjectName("chip")
        self.setAccessibleName("State of the campaign")
        self.setMinimumWidth(148)
        self.setFixedHeight(36)
        row = QHBoxLayout(self)
        row.setContentsMargins(PADDING_PX, 0, PADDING_PX, 0)
        row.setSpacing(GRID_PX)
        row.addStretch(1)
        row.addWidget(self._icon)
        row.addWidget(self.word)
        row.addStretch(1)

    def show_badge(self, shown: Badge) -> None:
        if shown != self._badge:
            self._badge = shown
            self._dress()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._dress()

    def _dress(self) -> None:
        if self._badge is None or self._theme is None:
            return
        fill = getattr(self._theme, self._badge.tone)
        on = "#10151A" if self._theme.name == "dark" else "#FFFFFF"
        self._icon.setPixmap(pixmap(self._badge.icon, on, 16))
        self.word.setText(self._badge.word)
        self.setAccessibleDescription(self._badge.word)
        self.setStyleSheet(
            f"QFrame#chip {{ background: {fill}; border-radius: 6px; border: none; }}"
            f"QFrame#chip QLabel {{ color: {on}; font-weight: 700; background: transparent; }}"
        )


class TopBar(QFrame):
    """Stop all acts when the button goes down, not when it comes up."""

    stop_all = Signal()

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        mark(self, "bar")
        self._actions = actions
        self.setFixedHeight(HEIGHT_PX)
        self.name = Elided("cardTitle")
        self.name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.name.setFixedWidth(150)
        self.chip = Chip()
        self.sentence = Elided("sentence")
        self.sentence.setAccessibleName("What happens now")
        self.progress = QProgressBar(textVisible=False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName("Progress of the campaign")
        self.caption = Elided("caption")
        self.primary = ActionButton(actions["start"])
        self.stop_after = ActionButton(actions["stop_after"])
        self.stop = QPushButton("STOP ALL")
        mark(self.stop, "stopAll")
        self.stop.setFixedSize(QSize(STOP_PX, MAIN_CONTROL_PX))
        self.stop.setAccessibleName("Stop all")
        self.stop.setToolTip(tip(command("stop_all")))
        self.stop.setIcon(pixmap("stop", "#FFFFFF"))
        self.stop.pressed.connect(self.stop_all)
        self.stop.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it has three keys of its own; space must not press it
        for button in (self.primary, self.stop_after):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        middle = QVBoxLayout()
        middle.setSpacing(3)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.addStretch(1)
        middle.addWidget(self.sentence)
        middle.addWidget(self.progress)
        middle.addWidget(self.caption)
        middle.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(PADDING_PX, 0, PADDING_PX, 0)
        row.setSpacing(GRID_PX)
        row.addWidget(self.name)
        row.addWidget(self.chip)
        row.addSpacing(4)
        row.addLayout(middle, 1)
        row.addSpacing(4)
        row.addWidget(self.primary)
        row.addWidget(self.stop_after)
        row.addSpacing(24 - GRID_PX)
        row.addWidget(self.stop)

    def show_state(
        self,
        state: CampaignState,
        seconds_left: float | None = None,
        *,
        ending: bool = False,
        filled_elsewhere: bool = False,
    ) -> None:
        """filled_elsewhere: the page or the banner has the one filled button."""
        self.name.say(state.spec.name)
        self.chip.show_badge(badge(state))
        self.sentence.say(sentence(state) + (" The campaign ends after this experiment." if ending else ""))
        self.progress.setMaximum(state.spec.stop.budget)
        self.progress.setValue(min(done(state), state.spec.stop.budget))
        self.caption.say(progress(state, seconds_left, datetime.now().astimezone()))
        which = _PRIMARY.get(state.phase, "pause")
        self.primary.show_action(self._actions[which])
        self.primary.fill(state.phase in ("Idle", "Held") and not filled_elsewhere)

    def show_words(self, shown: Badge, words: str) -> None:
        """Before there is anything to start: connecting, or why not."""
        self.chip.show_badge(shown)
        self.sentence.say(words)

    def set_theme(self, theme: Theme) -> None:
        self.chip.set_theme(theme)
        self.name.setFixedWidth(theme.px(150))
        self.setFixedHeight(max(HEIGHT_PX, theme.px(52)))
        self.stop.setFixedSize(QSize(max(STOP_PX, theme.px(STOP_PX)), max(MAIN_CONTROL_PX, theme.px(40))))
        self.chip.setMinimumWidth(theme.px(148))
        self.chip.setFixedHeight(max(36, theme.px(34)))
