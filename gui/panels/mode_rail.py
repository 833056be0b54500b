"""The rail on the left: the pages, the report, and everything else behind the dots."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QFrame, QMenu, QSizePolicy, QToolButton, QVBoxLayout

from gui.actions import COMMANDS, Actions
from gui.icons import icon
from gui.style import mark
from gui.theme import Theme

WIDTH_PX = 60
PAGES = ("setup", "run", "manual", "devices")
_IN_MENU = ("File", "View", "Help")


class ModeRail(QFrame):
    page_wanted = Signal(str)

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        mark(self, "bar")
        self._actions = actions
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(4)
        for page in PAGES:
            button = self._button(actions[f"go_{page}"])
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, page=page: self.page_wanted.emit(page))
            self._group.addButton(button)
            self.buttons[page] = button
            column.addWidget(button)
        column.addStretch(1)
        self.report = self._button(actions["report"])
        self.report.clicked.connect(actions["report"].trigger)
        actions["report"].changed.connect(lambda: self.report.setEnabled(actions["report"].isEnabled()))
        column.addWidget(self.report)
        self.more = self._button(QAction("More", self))
        self.more.setToolTip("Files, colours, text size, keys")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(self._menu())
        column.addWidget(self.more)

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton()
        mark(button, "rail")
        button.setText(action.text())
        button.setToolTip(action.toolTip())
        button.setAccessibleName(action.text())
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(22, 22))
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for group in _IN_MENU:
            for command in COMMANDS:
                if command.group == group:
                    menu.addAction(self._actions[command.name])
            menu.addSeparator()
        return menu

    def show_page(self, page: str) -> None:
        self.buttons[page].setChecked(True)

    def set_theme(self, theme: Theme) -> None:
        self.setFixedWidth(max(WIDTH_PX, theme.px(60)))
        for page, button in self.buttons.items():
            button.setIcon(icon(page, theme.muted, checked=theme.accent))
        self.report.setIcon(icon("report", theme.muted, theme.border))
        self.more.setIcon(icon("more", theme.muted))
