"""Check this rig: a table of what each device said and did, to be attached to a request for help."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QHeaderView, QWidget

from gui.icons import icon
from gui.panels.devices_tab import DevicesTab, add_row, button, table
from gui.theme import MAIN_CONTROL_PX, Theme
from gui.widgets.paragraph import Paragraph

_ICONS = {"ok": "check", "warn": "warn", "fail": "cross", "skipped": "wait"}
_HOW = (
    "Each device is asked who it is and how it is set, and must refuse what is beyond its limits. Before anything "
    "moves, flows or is stopped you are asked, and “No” leaves it out. Put clean vials in the rack, and stay there."
)


class CheckTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Check this rig")
        self.start = button("Check", "Ask, read back and, where you say yes, move, dose and stop", filled=True)
        self.stop = button("End", "End after the check under way; to stop a movement use Stop all")
        self.copy = button("Copy", "The table and the exchange log, for a request for help")
        self.save = button("Save…", "The table and the exchange log, for a request for help")
        self.question = Paragraph(_HOW, "muted", least=2)
        self.question.setAccessibleName("What you are asked")
        self.question.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.yes = button("Yes, go on", "Do what is asked on the left", filled=True, height=MAIN_CONTROL_PX)
        self.no = button("No, leave it out", "Go on with the next check", height=MAIN_CONTROL_PX)
        self.table = table("Checks", ("Result", "Device", "What", "Detail"), 3)
        self.table.setWordWrap(True)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._text, self._asked = "", False
        self._lay_out()
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(lambda: self.aside.emit("cancel", ()))
        self.yes.clicked.connect(lambda: self._answer(may=True))
        self.no.clicked.connect(lambda: self._answer(may=False))
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(self._text))
        self.save.clicked.connect(self._save)
        self.fit()

    def _lay_out(self) -> None:
        for each in (self.copy, self.save, self.stop, self.start):
            self.card.header.addWidget(each)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.question, 1)
        for each in (self.no, self.yes):
            row.addWidget(each)
            keeps = each.sizePolicy()
            keeps.setRetainSizeWhenHidden(True)
            each.setSizePolicy(keeps)
        self.card.body.addLayout(row)
        QWidget.setTabOrder(self.question, self.no)
        QWidget.setTabOrder(self.no, self.yes)
        self.card.body.addWidget(self.table, 1)

    def ask_consent(self, question: str) -> None:
        """The check waits for an answer."""
        self._asked = True
        self.question.say(question, "sentence")
        self.fit()
        focus = QApplication.focusWidget()
        if focus is not None and self.isAncestorOf(focus):
            self.question.setFocus()  # the answers come next; none has the space bar unasked

    def _answer(self, *, may: bool) -> None:
        self._asked = False
        self.question.say("Going on…" if may else "Left out.", "muted")
        self.fit()
        self.aside.emit("consent", (may,))

    def add_row(self, row: Any) -> None:
        """row: hardware.check.CheckRow."""
        self._asked = False
        at = add_row(self.table, row.result, row.device, row.what, row.detail)
        self._paint(at)
        self.table.scrollToBottom()
        self.fit()

    def show_text(self, text: str) -> None:
        self._text = text
        self.fit()

    def ended(self) -> None:
        self._asked = False
        self.question.say(_HOW, "muted")
        super().ended()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        for at in range(self.table.rowCount()):
            self._paint(at)

    def _paint(self, at: int) -> None:
        theme = self.card.theme
        colours = {"ok": theme.ok, "warn": theme.warn, "fail": theme.fail}
        item = self.table.item(at, 0)
        if item is not None:
            result = item.text()
            item.setIcon(icon(_ICONS.get(result, "info"), colours.get(result, theme.muted)))

    def _start(self) -> None:
        self.table.setRowCount(0)
        self._text = ""
        self.ask("check")

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the checks", "check.md", "Text (*.md *.txt)")
        if path:
            self.ask("save_text", Path(path), self._text)

    def fit(self) -> None:
        self.able(self.start)
        self.stop.setEnabled(self.going == "check")
        asked = self._asked and self.going == "check"
        self.yes.setVisible(asked)
        self.no.setVisible(asked)
        for each in (self.copy, self.save):
            each.setEnabled(bool(self._text) and not self.going)
