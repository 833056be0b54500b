"""The window: top bar, rail, pages, banner and status bar in one frame. It paints; `wiring` decides."""

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from campaign.spec import CampaignSpec
from gui import theme as themes
from gui.actions import Actions
from gui.icons import icon
from gui.keys import InputFilter
from gui.panels.banner import Banner
from gui.panels.devices import DevicesPage
from gui.panels.manual import ManualPage
from gui.panels.mode_rail import PAGES, ModeRail
from gui.panels.run_page import RunPage
from gui.panels.setup import SetupPage
from gui.panels.status_bar import StatusBar
from gui.panels.top_bar import TopBar
from gui.style import mark
from gui.theme import SCALES, Choice, Theme

SMALLEST = QSize(1176, 714)
WANTED = QSize(1440, 860)
TITLE_BAR_PX = 32


class MainWindow(QMainWindow):
    """`closing` asks whether the window may close: `wiring` calls `let_go` when all is at rest."""

    closing = Signal()
    page_shown = Signal(str)

    def __init__(self, app: QApplication, spec: CampaignSpec, choice: Choice = "system") -> None:
        super().__init__()
        self._app = app
        self._choice: Choice = choice
        self._scale = 1.0
        self._may_close = False
        self.setWindowTitle("Aliquot")
        self.setMinimumSize(SMALLEST)
        screen = app.primaryScreen().availableGeometry()
        room = screen.height() - TITLE_BAR_PX
        self.resize(min(WANTED.width(), screen.width()), min(WANTED.height(), room))
        self.actions_ = Actions(self)
        self.top = TopBar(self.actions_)
        self.stripe = QFrame()
        self.stripe.setFixedHeight(3)
        self.stripe.setStyleSheet(f"background: {themes.SIMULATED}; border: none;")
        self.stripe.hide()
        self.banner = Banner()
        self.rail = ModeRail(self.actions_)
        self.run_page = RunPage()
        self.setup_page = SetupPage(spec, self.actions_)
        self.manual_page = ManualPage()
        self.devices_page = DevicesPage()
        self.pages = QStackedWidget()
        self._parts: tuple[QWidget, ...] = (self.setup_page, self.run_page, self.manual_page, self.devices_page)
        for page in self._parts:
            mark(page, "page")
            self.pages.addWidget(_scrolled(page))
        self.status = StatusBar()
        self.keys = InputFilter(self)
        app.installEventFilter(self.keys)
        self.setCentralWidget(self._frame())
        app.styleHints().colorSchemeChanged.connect(lambda _: self.redress())
        app.focusChanged.connect(self._focus_moved)
        self.show_page("run")
        self.redress()

    def _frame(self) -> QWidget:
        frame = QWidget()
        mark(frame, "page")
        outer = QVBoxLayout(frame)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.top)
        outer.addWidget(self.stripe)
        outer.addWidget(_line())
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addWidget(_line(vertical=True))
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.banner)
        right.addWidget(self.pages, 1)
        middle.addLayout(right, 1)
        outer.addLayout(middle, 1)
        outer.addWidget(_line())
        outer.addWidget(self.status)
        return frame

    @property
    def theme(self) -> Theme:
        return themes.wanted(self._choice, self._scale)

    @property
    def page(self) -> str:
        return PAGES[self.pages.currentIndex()]

    def show_page(self, page: str) -> None:
        focus, another = self.focusWidget(), page != self.page
        self.pages.setCurrentIndex(PAGES.index(page))
        if focus is None or (another and self.pages.isAncestorOf(focus)):
            self._rest_focus(None)  # Qt would give it to the first button of the page
        self.rail.show_page(page)
        self.page_shown.emit(page)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: N802  # Qt's own name
        """Qt moves on by itself when what has the focus is disabled or hidden; no button is to get it so, and the
        space bar with it. The Tab key goes on as ever."""
        focus = self.focusWidget()
        if focus is None or _usable(focus):
            return super().focusNextPrevChild(next)
        self._rest_focus(focus)
        return True

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._keep_focus()  # or Qt would give it to the first button of the window

    def _focus_moved(self, _: QWidget | None, now: QWidget | None) -> None:
        if now is None:
            QTimer.singleShot(0, self, self._keep_focus)

    def _keep_focus(self) -> None:
        focus = self.focusWidget()
        if focus is None or not _usable(focus):
            self._rest_focus(focus)

    def _rest_focus(self, lost: QWidget | None) -> None:
        """To what lies around the widget that lost it, or to the page."""
        page = self._parts[self.pages.currentIndex()]
        part: QWidget | None = lost.parentWidget() if lost is not None and page.isAncestorOf(lost) else page
        while part is not None and part is not page and not _usable(part):
            part = part.parentWidget()
        (part or page).setFocus(Qt.FocusReason.OtherFocusReason)

    def show_simulated(self, simulated: bool) -> None:
        self.stripe.setVisible(simulated)
        self.status.show_simulated(simulated)

    def choose_theme(self, choice: Choice) -> None:
        self._choice = choice
        self.redress()

    def scale_text(self, step: int) -> None:
        """One size up or down; 0 goes back to 100 %."""
        at = SCALES.index(self._scale) + step if step else SCALES.index(1.0)
        self._scale = SCALES[min(max(at, 0), len(SCALES) - 1)]
        self.redress()

    def redress(self) -> None:
        """Dress everything in the theme in force; live."""
        theme = self.theme
        themes.apply(self._app, theme)
        self.setWindowIcon(icon("app", theme.accent))
        for part in (
            self.actions_, self.top, self.rail, self.banner, self.status, self.setup_page, self.run_page,
            self.manual_page, self.devices_page,
        ):  # fmt: skip
            part.set_theme(theme)

    def let_go(self) -> None:
        """All is at rest: close for good."""
        self._may_close = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        if self._may_close:
            self._app.removeEventFilter(self.keys)
            self._app.focusChanged.disconnect(self._focus_moved)
            event.accept()
        else:
            event.ignore()
            self.closing.emit()


class _Holder(QWidget):
    """Lets a page be as small as it can; a scroll area would ask a layout with wrapped text for its best height."""

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self._page = page
        page.setParent(self)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return self._page.minimumSizeHint()

    def sizeHint(self) -> QSize:  # noqa: N802
        return self._page.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._page.resize(event.size())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)


def _scrolled(page: QWidget) -> QScrollArea:
    """Large text on a small screen scrolls instead of growing the window beyond it."""
    area = QScrollArea(widgetResizable=True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(_Holder(page))
    return area


def _usable(widget: QWidget) -> bool:
    return widget.isEnabled() and widget.isVisible()


def _line(*, vertical: bool = False) -> QFrame:
    line = QFrame()
    mark(line, "line")
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    return line
