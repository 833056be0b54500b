"""Table of experiments, newest first; what to make of them is said in a menu."""

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QStackedLayout, QTableView, QWidget

from campaign.state import CampaignState, Experiment
from campaign.words import LABELS
from gui.models.experiments_model import ExperimentsModel
from gui.theme import BODY_PX, CAPTION_PX, DARK, Theme
from gui.widgets import digits
from gui.widgets.card import Empty
from optimiser.space import Categorical

ROW_PX, CELL_PX = 28, 18
SMALLER = CAPTION_PX / BODY_PX
WIDTHS = {"number": 34, "status": 86, "source": 76, "measured": 80, "predicted": 84, "label": 76}


class ExperimentsPanel(QWidget):
    noted = Signal(int, str)
    labelled = Signal(object, str)
    """Numbers of experiments, and their label."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ExperimentsModel()
        self.model.noted.connect(self.noted)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName("Experiments, newest first")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.setTabKeyNavigation(False)
        self.table.horizontalHeader().setStyleSheet("QHeaderView::section { padding: 4px 6px; }")
        self.table.setStyleSheet("QTableView::item { padding: 0 3px; }")
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._label_at)
        self.table.clicked.connect(self._clicked)
        self.menu = QMenu(self)
        self.empty = Empty("No experiment yet: press Start, and the first one appears here.")
        self.pages = QStackedLayout(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table)
        self._keys: tuple[str, ...] = ()
        self.theme: Theme = DARK

    def show_state(self, state: CampaignState) -> None:
        self.model.show_state(state)
        if self.model.keys != self._keys:
            self._keys = self.model.keys
            self._size_columns()
        self._widen()
        self.pages.setCurrentIndex(1 if state.experiments else 0)

    def edit_newest_note(self) -> None:
        if self.model.rows:
            index = self.model.index(0, self._keys.index("note"))
            self.table.setFocus()
            self.table.setCurrentIndex(index)
            self.table.edit(index)

    def ask_label(self) -> None:
        """The menu of labels for the selected experiments, or else for the newest that is over."""
        if not self._selected():
            over = next((i for i, e in enumerate(self.model.rows) if e.over), None)
            if over is None:
                return
            self.table.setFocus()
            self.table.setCurrentIndex(self.model.index(over, self._keys.index("label")))
        row = self.table.selectionModel().selectedRows()[0].row()
        where = self.table.visualRect(self.model.index(row, self._keys.index("label")))
        self._label_at(where.bottomLeft())

    def _clicked(self, index: QModelIndex) -> None:
        if self._keys[index.column()] == "label":
            self._label_at(self.table.visualRect(index).bottomLeft())

    def _label_at(self, place: QPoint) -> None:
        """The four labels and what follows from each. place: in the table's view."""
        chosen = self._selected()
        if not chosen:
            return
        self.menu.clear()
        over = tuple(e.number for e in chosen if e.over)
        title = self.menu.addAction(_what_of(chosen, len(over)))
        title.setEnabled(False)
        self.menu.addSeparator()
        for label, (word, follows) in LABELS.items() if over else ():
            action = self.menu.addAction(f"{word.capitalize()}: {follows}")
            action.setCheckable(True)
            action.setChecked(all(e.label == label for e in chosen if e.over))
            action.triggered.connect(lambda _=False, label=label: self.labelled.emit(over, label))
        self.menu.popup(self.table.viewport().mapToGlobal(place))

    def _selected(self) -> list[Experiment]:
        """Oldest first."""
        rows = sorted((i.row() for i in self.table.selectionModel().selectedRows()), reverse=True)
        return [self.model.rows[row] for row in rows]

    def _size_columns(self) -> None:
        header, metrics = self.table.horizontalHeader(), self._metrics()
        for column, key in enumerate(self._keys):
            words = str(self.model.headerData(column, Qt.Orientation.Horizontal) or "")
            heading = round(metrics.horizontalAdvance(words) * SMALLER) + 13
            self.table.setColumnWidth(column, max(self.theme.px(WIDTHS.get(key, 48)), heading, self._value_px(key)))
        header.setSectionResizeMode(self._keys.index("note"), QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(40)

    def _value_px(self, key: str) -> int:
        """The width that the longest value of a parameter needs; 0 for other columns."""
        state = self.model.state
        parameter = next((p for p in state.spec.space.parameters if p.name == key), None) if state else None
        if parameter is None:
            return 0
        ends = parameter.choices if isinstance(parameter, Categorical) else (parameter.low, parameter.high)
        metrics = self._metrics()
        return CELL_PX + max(metrics.horizontalAdvance(digits.setting(parameter, end)) for end in ends)

    def _metrics(self) -> QFontMetrics:
        """Of the text in cells at the theme's scale (the table's own font is only right once it is shown)."""
        font = QFont(self.table.font())
        font.setPixelSize(self.theme.px(BODY_PX))
        return QFontMetrics(font)

    def _widen(self) -> None:
        """Give the columns of values the width of the newest row, where it needs more."""
        if not self.model.rows:
            return
        metrics = self._metrics()
        for key in ("measured", "predicted"):
            column = self._keys.index(key)
            words = str(self.model.data(self.model.index(0, column)) or "")
            needed = metrics.horizontalAdvance(words) + CELL_PX
            if needed > self.table.columnWidth(column):
                self.table.setColumnWidth(column, needed)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.model.set_theme(theme)
        self.table.verticalHeader().setDefaultSectionSize(theme.px(ROW_PX))
        if self._keys:
            self._size_columns()


def _what_of(chosen: list[Experiment], over: int) -> str:
    """The menu's first line."""
    if not over:
        return "Not over yet: there is a label once there is a result"
    finished = [str(e.number) for e in chosen if e.over]
    if over == 1:
        return f"Experiment {finished[0]}"
    return f"Experiments {', '.join(finished)}" if over <= 6 else f"{over} experiments"


if __name__ == "__main__":
    from gui.preview import alone

    alone(ExperimentsPanel)
