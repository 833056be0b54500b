"""Find my devices: free ports are asked who is there, and a rig file is proposed, completed, checked and opened."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QProgressBar, QVBoxLayout

from gui.device_rows import kind_words
from gui.panels.devices_tab import RIG_FILES, DevicesTab, add_row, button, table, typewriter
from gui.panels.setup import CHECK_AFTER_MS
from gui.theme import GRID_PX, Theme
from gui.widgets.card import label
from gui.widgets.elided import Elided
from gui.widgets.paragraph import Paragraph
from hardware.rig_file import RigFileError, parse_rig

_HOW = (
    "Every free port is asked who is there, at the usual speeds, with questions that move and store nothing. Ports "
    "that this rig or another program holds are left alone."
)
_PLACEHOLDER = "The rig file that fits what is found will stand here, to be completed and saved. Or open one."
_FINE = "Nothing is wrong with this text."


class FindTab(DevicesTab):
    """`opened` carries the path of a rig file that is to be opened."""

    opened = Signal(Path)

    def __init__(self) -> None:
        super().__init__("Find my devices")
        self.start = button("Find my devices", "Ask every free port who is there; nothing moves", filled=True)
        self.stop = button("Stop", "Stop asking")
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("How far the search is")
        self.doing = Elided("muted")
        self.doing.setAccessibleName("What the search is doing")
        self.table = table("What was found", ("Port", "Found", "It says"), 2)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("Rig file")
        self.text.setPlaceholderText(_PLACEHOLDER)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.mistakes = Paragraph(kind="muted", least=3, most=8)
        self.mistakes.setAccessibleName("What is wrong with the rig file")
        self.load = button("Open a file…", "Read a rig file into the text, to look at or to change")
        self.save = button("Save as…", "Save the text as a rig file")
        self.use = button("Open this rig", "Connect to the devices of the file that was saved, now")
        self.rig_open = False
        self._path: Path | None = None
        self._fine = False
        self._timer = QTimer(self, singleShot=True, interval=CHECK_AFTER_MS)
        self._timer.timeout.connect(self.look)
        self._lay_out()
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(lambda: self.aside.emit("cancel", ()))
        self.load.clicked.connect(self._load)
        self.save.clicked.connect(self._save)
        self.use.clicked.connect(self._use)
        self.text.textChanged.connect(self._edited)
        self.fit()

    def _lay_out(self) -> None:
        left, right, row, head = QVBoxLayout(), QVBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for each in (left, right, row, head):
            each.setSpacing(GRID_PX)
        row.addWidget(self.start)
        row.addWidget(self.stop)
        row.addWidget(self.bar, 1)
        left.addWidget(Paragraph(_HOW, "muted"))
        left.addLayout(row)
        left.addWidget(self.doing)
        left.addWidget(self.table, 1)
        head.addWidget(label("Rig file", "caption"))
        head.addStretch(1)
        for act in (self.load, self.save, self.use):
            head.addWidget(act)
        right.addLayout(head)
        right.addWidget(self.text, 1)
        right.addWidget(self.mistakes)
        both = QHBoxLayout()
        both.setSpacing(16)
        both.addLayout(left, 1)
        both.addLayout(right, 1)
        self.card.body.addLayout(both, 1)

    def show_progress(self, progress: Any) -> None:
        share, doing = progress
        self.bar.setValue(round(1000 * share))
        self.doing.say(doing if share < 1 else "")

    def show_found(self, found: Any) -> None:
        """found: hardware.discovery.Findings, cameras, the text of the rig file that fits."""
        findings, cameras, text = found
        self.table.setRowCount(0)
        for each in findings.found:
            add_row(self.table, each.port.words, kind_words(each.kind), each.identity)
        for camera in cameras:
            add_row(self.table, camera.source, "camera", camera.name)
        for port in findings.silent:
            add_row(self.table, port.words, "nobody answered", "switched off, or spoken to in another way?")
        for port, why in findings.closed:
            add_row(self.table, port.words, "not asked", why)
        if not self.table.rowCount():
            add_row(self.table, "–", "no port", "Plug a device in, then try again.")
        self.show_file(None, text)

    def show_file(self, path: Path | None, text: str) -> None:
        """A rig file's text; path: where it stands, None for one that is not saved yet."""
        self.text.setPlainText(text)
        self._path = path
        self.look()

    def look(self) -> None:
        """Every mistake of the text, as one types."""
        self._timer.stop()
        text = self.text.toPlainText()
        self._fine = False
        if not text.strip():
            self.mistakes.say("", "muted")
        else:
            try:
                parse_rig(text, self._path or "rig.toml")
            except RigFileError as error:
                self.mistakes.say("\n".join(error.mistakes), "bad")
            else:
                self._fine = True
                unsaved = "" if self._path is not None else " Save it, then open it."
                self.mistakes.say(_FINE + unsaved, "muted")
        self.fit()

    def _edited(self) -> None:
        self._path = None
        self._timer.start()
        self.fit()

    def _start(self) -> None:
        self.table.setRowCount(0)
        self.bar.setValue(0)
        self.ask("find")

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a rig file", "", RIG_FILES)
        if path:
            self.ask("read_rig", Path(path))

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the rig file", "rig.toml", RIG_FILES)
        if path:
            self.ask("save_text", Path(path), self.text.toPlainText())

    def saved(self, path: Path) -> None:
        """The text stands in a file now."""
        self._path = path
        self.look()

    def _use(self) -> None:
        if self._path is not None:
            self.opened.emit(self._path)

    def fit(self) -> None:
        self.start.setEnabled(not self.going)
        self.stop.setEnabled(self.going == "find")
        self.load.setEnabled(not self.going)
        self.save.setEnabled(bool(self.text.toPlainText().strip()) and not self.going)
        unused = self.refused is None or not self.rig_open
        self.use.setEnabled(self._fine and self._path is not None and not self.going and unused)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.text.setFont(typewriter(theme))
