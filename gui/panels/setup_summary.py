"""Set-up card on the right: the campaign in a paragraph, what it needs, and the one filled button."""

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton

from campaign.spec import CampaignSpec
from gui.actions import Actions
from gui.estimate import needs, paragraph
from gui.icons import pixmap
from gui.style import mark
from gui.theme import MAIN_CONTROL_PX, Theme
from gui.widgets.action_button import ActionButton
from gui.widgets.card import Card
from hardware.spec import RigSpec

WIDTH_PX = 384


class SummaryCard(Card):
    def __init__(self, actions: Actions) -> None:
        super().__init__("What will happen")
        self._spec: CampaignSpec | None = None
        self._rig: RigSpec | None = None
        self._left_ul: dict[str, float] = {}
        self._over = 0
        self._mistakes: tuple[str, ...] = ()
        self.setFixedWidth(WIDTH_PX)
        self.words = QLabel(wordWrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.words.setAccessibleName("The campaign in words")
        self.list = QGridLayout()
        self.list.setHorizontalSpacing(8)
        self.list.setVerticalSpacing(6)
        self.list.setColumnStretch(2, 1)
        self.note = QLabel(wordWrap=True)
        mark(self.note, "muted")
        self.start = ActionButton(actions["start"])
        self.start.fill(True)
        self.start.setMinimumHeight(MAIN_CONTROL_PX)
        self.apply = QPushButton("Use this from the next experiment on")
        mark(self.apply, "filled")
        self.apply.setMinimumHeight(MAIN_CONTROL_PX)
        self.apply.hide()
        self.open = ActionButton(actions["open"], "Open…")
        self.save = ActionButton(actions["save"], "Save…")
        self.body.addWidget(self.words)
        self.body.addSpacing(4)
        self.body.addLayout(self.list)
        self.body.addSpacing(4)
        self.body.addWidget(self.note)
        self.body.addStretch(1)
        self.body.addWidget(self.start)
        self.body.addWidget(self.apply)
        row = QHBoxLayout()
        row.addWidget(self.open, 1)
        row.addWidget(self.save, 1)
        self.body.addLayout(row)

    def show_spec(self, spec: CampaignSpec | None, mistakes: tuple[str, ...]) -> None:
        self._spec, self._mistakes = spec, mistakes
        self._fill()

    def show_rig(self, rig: RigSpec | None) -> None:
        if rig is not self._rig:
            self._rig = rig
            self._fill()

    def show_supply(self, left_ul: Mapping[str, float], over: int) -> None:
        """What is left in the syringes, to 10 µL, and how many experiments of the campaign are over."""
        rounded = {name: round(ul, -1) for name, ul in left_ul.items()}
        if (rounded, over) != (self._left_ul, self._over):
            self._left_ul, self._over = rounded, over
            self._fill()

    def show_begun(self, begun: bool) -> None:
        self.start.setVisible(not begun)
        self.apply.setVisible(begun)
        self.note.setText(
            "A campaign is going on: its strategy, its end and its mode may still change." if begun else ""
        )
        self.note.setVisible(begun)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.setFixedWidth(theme.px(WIDTH_PX))
        self._fill()

    def _fill(self) -> None:
        while (item := self.list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.apply.setEnabled(self._spec is not None)
        if self._spec is None:
            count = len(self._mistakes)
            things = "one thing" if count == 1 else f"{count} things"
            self.words.setText(f"Not ready yet: {things} to put right.\n\n" + "\n".join(self._mistakes))
            return
        self.words.setText(paragraph(self._spec))
        for row, (what, text, enough) in enumerate(needs(self._spec, self._rig, self._left_ul, self._over)):
            mark_ = QLabel()
            tone = self.theme.ok if enough else self.theme.warn
            mark_.setPixmap(pixmap("check" if enough else "warn", tone, 14))
            mark_.setAccessibleName("enough" if enough else "look at this")
            name, value = QLabel(what), QLabel(text, wordWrap=True)
            mark(value, "muted")
            self.list.addWidget(mark_, row, 0, Qt.AlignmentFlag.AlignTop)
            self.list.addWidget(name, row, 1, Qt.AlignmentFlag.AlignTop)
            self.list.addWidget(value, row, 2)
