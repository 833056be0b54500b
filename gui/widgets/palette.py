"""Finding a command by a few letters, and the list of all keys. Both lie over the page, neither blocks it."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QPushButton,
    QVBoxLayout,
)

from gui.actions import COMMANDS, Actions, key_words
from gui.style import mark
from gui.widgets.overlay import Overlay


def fits(letters: str, text: str) -> bool:
    """Whether the letters occur in the text, in their order."""
    rest = iter(text.lower())
    return all(letter in rest for letter in letters.lower() if not letter.isspace())


class Palette(Overlay):
    def __init__(self, window: QMainWindow, actions: Actions) -> None:
        super().__init__(window, "Find a command")
        self._actions = actions
        self.line = QLineEdit(placeholderText="Type a few letters of a command")
        self.line.setAccessibleName("Command")
        self.list = QListWidget()
        self.list.setAccessibleName("Commands that fit")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self.line.textChanged.connect(self._fill)
        self.line.returnPressed.connect(self._take)
        self.list.itemClicked.connect(lambda _: self._take())
        self.line.installEventFilter(self)
        self._fill("")
        self.open(480, 400)
        self.line.setFocus()

    def _fill(self, letters: str) -> None:
        self.list.clear()
        for command in COMMANDS:
            if command.name != "palette" and fits(letters, f"{command.group} {command.text}"):
                keys = key_words(command)
                item = QListWidgetItem(f"{command.text}    {keys}" if keys else command.text)
                item.setData(Qt.ItemDataRole.UserRole, command.name)
                if not self._actions[command.name].isEnabled():
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                self.list.addItem(item)
        if letters:
            self._step_to(0, 1)

    def _step_to(self, row: int, step: int) -> None:
        """The next command that may be used now, from `row` on."""
        while 0 <= row < self.list.count():
            if self.list.item(row).flags() & Qt.ItemFlag.ItemIsEnabled:
                self.list.setCurrentRow(row)
                return
            row += step

    def _take(self) -> None:
        item = self.list.currentItem()
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            name = item.data(Qt.ItemDataRole.UserRole)
            self.close()
            self._actions[name].trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if watched is self.line and event.type() == QEvent.Type.FocusOut:
            self.close()
        if watched is self.line and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
            if step is not None:
                self._step_to(self.list.currentRow() + step, step)
                return True
        return super().eventFilter(watched, event)


class KeyList(Overlay):
    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window, "List of keys")
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setHorizontalSpacing(24)
        rows = [(c.text, key_words(c)) for c in COMMANDS if key_words(c)]
        rows.append(("Jog the stage (Manual)", "Arrows, Page up, Page down; Shift 10×, Ctrl 0.1×"))
        rows.append(("Correct the eye (Camera)", "Arrows; Shift 10×, Ctrl the box's size; Enter saves"))
        self.words: list[QLabel] = []
        for row, (what, keys) in enumerate(rows):
            name, said = QLabel(what), QLabel(keys)
            mark(said, "muted")
            self.words.append(name)
            grid.addWidget(name, row, 0)
            grid.addWidget(said, row, 1)
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        grid.addWidget(close, len(rows), 1, Qt.AlignmentFlag.AlignRight)
        self.open()
        close.setFocus()
