"""Table of experiments, newest first."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStackedLayout, QTableView, QWidget

from campaign.state import CampaignState
from gui.models.experiments_model import ExperimentsModel
from gui.theme import BODY_PX, CAPTION_PX, Theme
from gui.widgets.card import Empty

ROW_PX = 28
SMALLER = CAPTION_PX / BODY_PX
WIDTHS = {"number": 34, "status": 86, "source": 76, "measured": 80, "predicted": 84, "include": 50}


class ExperimentsPanel(QWidget):
    noted = Signal(int, str)
    included = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ExperimentsModel()
        self.model.noted.connect(self.noted)
        self.model.included.connect(self.included)
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
        self.empty = Empty("No experiment yet: press Start, and the first one appears here.")
        self.pages = QStackedLayout(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table)
        self._keys: tuple[str, ...] = ()

    def show_state(self, state: CampaignState) -> None:
        self.model.show_state(state)
        if self.model.keys != self._keys:
            self._keys = self.model.keys
            self._size_columns()
        self.pages.setCurrentIndex(1 if state.experiments else 0)

    def edit_newest_note(self) -> None:
        if self.model.rows:
            index = self.model.index(0, self._keys.index("note"))
            self.table.setFocus()
            self.table.setCurrentIndex(index)
            self.table.edit(index)

    def _size_columns(self) -> None:
        header = self.table.horizontalHeader()
        metrics = self.table.fontMetrics()
        for column, key in enumerate(self._keys):
            words = str(self.model.headerData(column, Qt.Orientation.Horizontal) or "")
            self.table.setColumnWidth(
                column, max(WIDTHS.get(key, 60), round(metrics.horizontalAdvance(words) * SMALLER) + 13)
            )
        header.setSectionResizeMode(self._keys.index("note"), QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(40)

    def set_theme(self, theme: Theme) -> None:
        self.model.set_theme(theme)
        self.table.verticalHeader().setDefaultSectionSize(theme.px(ROW_PX))
        if self._keys:
            self._size_columns()


if __name__ == "__main__":
    from gui.preview import alone

    alone(ExperimentsPanel)
