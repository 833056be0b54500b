"""Find my devices: free ports are asked who is there, and a rig file is proposed."""

from pathlib import Path
from typing import Any

from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QProgressBar, QSplitter

from gui.panels.devices_tab import DevicesTab, add_row, button, table
from gui.widgets.card import label

_COLUMNS = ("Port", "Found", "It says")


class FindTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Find my devices")
        self.start = button("Find my devices", "Ask every free port who is there; nothing moves", filled=True)
        self.stop = button("Stop", "Stop asking")
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("How far the search is")
        self.doing = label(kind="muted", wrap=True)
        self.table = table("Found devices", _COLUMNS, 2)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("Proposed rig file")
        self.text.setPlaceholderText(
            "The rig file that fits what is found will stand here. Complete it, then save it."
        )
        font = QFont("monospace")
        font.setStyleHint(QFont.StyleHint.Monospace)
        self.text.setFont(font)
        self.save = button("Save the rig file…", "Save the text on the right; open it with --rig")
        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.stop)
        row.addWidget(self.bar, 1)
        row.addWidget(self.save)
        split = QSplitter()
        split.addWidget(self.table)
        split.addWidget(self.text)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 1)
        self.card.body.addLayout(row)
        self.card.body.addWidget(self.doing)
        self.card.body.addWidget(split, 1)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(lambda: self.wanted.emit("cancel", ()))
        self.save.clicked.connect(self._save)
        self.text.textChanged.connect(self.fit)
        self.fit()

    def show_progress(self, progress: Any) -> None:
        share, doing = progress
        self.bar.setValue(round(1000 * share))
        self.doing.setText(doing)

    def show_found(self, findings: Any) -> None:
        """findings: hardware.discovery.Findings."""
        self.table.setRowCount(0)
        for found in findings.found:
            add_row(self.table, found.port.words, found.kind.replace("_", " "), found.identity)
        for port in findings.silent:
            add_row(self.table, port.words, "nobody answered", "")
        for port, why in findings.closed:
            add_row(self.table, port.words, "not asked", why)
        total = self.table.rowCount()
        self.doing.setText("" if total else "This computer lists no serial port. Plug a device in and try again.")

    def show_proposal(self, toml: str) -> None:
        self.text.setPlainText(toml)

    def _start(self) -> None:
        self.table.setRowCount(0)
        self.bar.setValue(0)
        self.ask("find")

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the rig file", "rig.toml", "Rig files (*.toml)")
        if path:
            self.ask("save_text", Path(path), self.text.toPlainText())

    def fit(self) -> None:
        self.start.setEnabled(not self.going)
        self.stop.setEnabled(self.going)
        self.save.setEnabled(bool(self.text.toPlainText().strip()) and not self.going)
