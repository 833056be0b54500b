"""Check this rig: a table of what each device said and did, to be attached to a request for help."""

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QCheckBox, QFileDialog, QHBoxLayout

from gui.icons import icon
from gui.panels.devices_tab import DevicesTab, add_row, button, table
from gui.theme import Theme

_COLUMNS = ("Result", "Device", "What", "Detail")
_ICONS = {"ok": "check", "warn": "warn", "fail": "cross", "skipped": "wait"}


class CheckTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Check this rig")
        self.consent = QCheckBox("It may home and move the stage, and dose a little into what stands below")
        self.consent.setAccessibleName("Consent to small moves and doses")
        self.start = button("Check", "Ask, read back, and, if you consent, move, dose and stop", filled=True)
        self.stop = button("Stop", "End after the check under way")
        self.copy = button("Copy", "The table and the exchange log, for a request for help")
        self.save = button("Save…", "The table and the exchange log, for a request for help")
        self.table = table("Checks", _COLUMNS, 3)
        self._text = ""
        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.stop)
        row.addWidget(self.consent, 1)
        row.addWidget(self.copy)
        row.addWidget(self.save)
        self.card.body.addLayout(row)
        self.card.body.addWidget(self.table, 1)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(lambda: self.wanted.emit("cancel", ()))
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(self._text))
        self.save.clicked.connect(self._save)
        self.fit()

    def add_row(self, row: Any) -> None:
        """row: hardware.check.CheckRow."""
        at = add_row(self.table, row.result, row.device, row.what, row.detail)
        self._paint(at)
        self.table.scrollToBottom()

    def show_text(self, text: str) -> None:
        self._text = text
        self.fit()

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
        self.ask("check", self.consent.isChecked())

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the checks", "check.md", "Text (*.md *.txt)")
        if path:
            self.ask("save_text", Path(path), self._text)

    def fit(self) -> None:
        self.start.setEnabled(self.refused is None and not self.going)
        self.start.setToolTip(self.refused or "Ask, read back, and, if you consent, move, dose and stop")
        self.stop.setEnabled(self.going)
        self.consent.setEnabled(not self.going)
        for each in (self.copy, self.save):
            each.setEnabled(bool(self._text) and not self.going)
