"""The line at the bottom: one dot with a word per device, what is saved, and whether all of it is simulated."""

import time

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel

from gui.facts import DeviceFact
from gui.icons import pixmap
from gui.style import mark
from gui.theme import PADDING_PX, SIMULATED, Theme
from gui.units import duration
from gui.widgets.elided import Elided

NOTED_S = 20.0
_SHAPES = {"ok": "ready", "run": "play", "warn": "warn", "fail": "cross", "muted": "ready"}


class StatusBar(QFrame):
    def __init__(self) -> None:
        super().__init__()
        mark(self, "bar")
        self._theme: Theme | None = None
        self._devices: tuple[DeviceFact, ...] = ()
        self._labels: list[tuple[QLabel, QLabel]] = []
        self._fitted_s: float | None = None
        self._saved_s: float | None = None
        self._left = QHBoxLayout()
        self._left.setSpacing(4)
        self._noted_s = 0.0
        self.notes = Elided("caption")
        self.notes.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.notes.setAccessibleName("What happened just now")
        self.right = QLabel()
        mark(self.right, "caption")
        self.simulated = QLabel("SIMULATED")
        self.simulated.setToolTip("Nothing real moves: pumps, stage and camera are the virtual bench")
        self.simulated.setStyleSheet(
            f"background: {SIMULATED}; color: #10151A; font-weight: 700; font-size: 10px; padding: 0 8px;"
            "border-radius: 3px;"
        )
        self.simulated.setFixedHeight(16)
        self.simulated.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(PADDING_PX, 0, PADDING_PX, 0)
        row.setSpacing(PADDING_PX)
        row.addLayout(self._left)
        row.addWidget(self.notes, 1)
        row.addWidget(self.right)
        row.addWidget(self.simulated)

    def show_devices(self, devices: tuple[DeviceFact, ...]) -> None:
        if devices == self._devices:
            return
        self._devices = devices
        self._dress()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._dress()

    def show_simulated(self, simulated: bool) -> None:
        self.simulated.setVisible(simulated)

    def note_saved(self) -> None:
        self._saved_s = time.monotonic()

    def note_fitted(self) -> None:
        self._fitted_s = time.monotonic()

    def note(self, words: str) -> None:
        """Something small, shown for a while."""
        self._noted_s = time.monotonic()
        self.notes.say(words)

    def refresh(self) -> None:
        """Called once a second: the ages grow."""
        if time.monotonic() - self._noted_s > NOTED_S:
            self.notes.say("")
        now, parts = time.monotonic(), []
        if self._fitted_s is not None:
            parts.append(f"model fitted {duration(now - self._fitted_s)} ago")
        if self._saved_s is not None:
            parts.append(f"saved {duration(now - self._saved_s)} ago")
        self.right.setText(" · ".join(parts))

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedHeight(max(24, theme.px(24)))
        self._dress()

    def _dress(self) -> None:
        if self._theme is None:
            return
        while len(self._labels) < len(self._devices):
            dot, word = QLabel(), QLabel()
            mark(word, "caption")
            word.setAlignment(Qt.AlignmentFlag.AlignVCenter)
            self._left.addWidget(dot)
            self._left.addWidget(word)
            self._left.addSpacing(8)
            self._labels.append((dot, word))
        for index, (dot, word) in enumerate(self._labels):
            shown = index < len(self._devices)
            dot.setVisible(shown)
            word.setVisible(shown)
            if shown:
                fact = self._devices[index]
                dot.setPixmap(pixmap(_SHAPES[fact.tone], getattr(self._theme, fact.tone), 12))
                word.setText(f"{fact.name} {fact.word}")
                word.setAccessibleName(f"{fact.name}: {fact.word}")
        words = sum(28 + word.sizeHint().width() for _, word in self._labels[: len(self._devices)])
        if words > self.width() - self.simulated.sizeHint().width() * (not self.simulated.isHidden()) - 56:
            for fact, (_, word) in zip(self._devices, self._labels, strict=False):
                word.setText(f"{fact.name.removeprefix('pump ')} {fact.word}")
