"""The experiments as a table, newest first. Notes are edited in place; the rest is read."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from campaign.state import CampaignState, Experiment
from campaign.words import LABELS
from gui.theme import DARK, Theme
from gui.widgets import digits, glyphs

SOURCES = {"initial": "design", "strategy": "optimiser", "person": "you"}
Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ExperimentsModel(QAbstractTableModel):
    """Columns: number, state, source, one per parameter, measured, predicted before, note, label."""

    noted = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self.state: CampaignState | None = None
        self.rows: tuple[Experiment, ...] = ()
        self.keys: tuple[str, ...] = ()
        self.headings: tuple[str, ...] = ()
        self.decimals = 2
        self.theme: Theme = DARK
        self.icons = {s: glyphs.icon(shape, DARK.text) for s, (shape, _) in glyphs.EXPERIMENT.items()}

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.icons = {
            status: glyphs.icon(shape, glyphs.colour_of(status, theme))
            for status, (shape, _) in glyphs.EXPERIMENT.items()
        }
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(self.keys) - 1))

    def show_state(self, state: CampaignState) -> None:
        """Take over a state, telling the view only what changed so that selection and scroll stay."""
        rows = tuple(reversed(state.experiments))
        old, self_spec = self.rows, self.state.spec if self.state else None
        objective, parameters = state.spec.objective, state.spec.space.parameters
        sense = max if objective.direction == "maximise" else min
        values = [e.value for e in rows if e.value is not None]
        decimals = digits.decimals_of([sense(values)] if values else [])
        if self_spec is None or self_spec.space != state.spec.space or self_spec.objective != objective:
            self.beginResetModel()
            self.keys = ("number", "status", "source", *(p.name for p in parameters),
                         "measured", "predicted", "note", "label")  # fmt: skip
            self.headings = (
                "#", "State", "Source", *(digits.title(p.name, p.unit) for p in parameters),
                digits.title("measured", objective.unit), "predicted", "Note", "Label",
            )  # fmt: skip
            self.state, self.rows, self.decimals = state, rows, decimals
            self.endResetModel()
            return
        grown = len(rows) - len(old)
        self.state, self.decimals = state, decimals
        if grown < 0:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        if grown > 0:
            self.beginInsertRows(QModelIndex(), 0, grown - 1)
            self.rows = rows
            self.endInsertRows()
        self.rows = rows
        changed = [
            i for i in range(grown, len(rows)) if rows[i] is not old[i - grown] and rows[i] != old[i - grown]
        ]
        if changed:
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], len(self.keys) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.keys)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:  # noqa: N802
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.headings):
            return None
        if role == Role.DisplayRole:
            return self.headings[section]
        if role == Role.TextAlignmentRole:
            return RIGHT if self._numeric(self.keys[section]) else LEFT
        return None

    def _numeric(self, key: str) -> bool:
        return key in ("number", "measured", "predicted") or (
            self.state is not None
            and any(p.name == key and hasattr(p, "low") for p in self.state.spec.space.parameters)
        )

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not index.isValid() or self.state is None:
            return None
        experiment, key = self.rows[index.row()], self.keys[index.column()]
        match role:
            case Role.DisplayRole:
                return self._words(experiment, key)
            case Role.EditRole:
                return experiment.note if key == "note" else None
            case Role.DecorationRole:
                return self.icons[experiment.status] if key == "status" else None
            case Role.TextAlignmentRole:
                return RIGHT if self._numeric(key) else LEFT
            case Role.ForegroundRole:
                if key == "status":
                    return QColor(glyphs.colour_of(experiment.status, self.theme))
                quiet = key in ("predicted", "source") or not experiment.include
                return QColor(self.theme.muted if quiet else self.theme.text)
            case Role.ToolTipRole:
                return self._hint(experiment, key)
        return None

    def _words(self, experiment: Experiment, key: str) -> str:
        state = self.state
        assert state is not None  # noqa: S101  data() asks only then
        match key:
            case "number":
                return str(experiment.number)
            case "status":
                return glyphs.EXPERIMENT[experiment.status][1]
            case "source":
                return SOURCES[experiment.source]
            case "measured":
                waiting = experiment.status in ("suggested", "running")
                return "…" if waiting else digits.number(experiment.value, self.decimals)
            case "predicted":
                return digits.with_sd(experiment.mean, experiment.sd)
            case "note":
                return experiment.note
            case "label":
                return LABELS[experiment.label][0] if experiment.over else ""
        parameter = next(p for p in state.spec.space.parameters if p.name == key)
        return digits.setting(parameter, experiment.point[key]) if key in experiment.point else digits.NOTHING

    def _hint(self, experiment: Experiment, key: str) -> str | None:
        if key == "label" and experiment.over:
            return f"{LABELS[experiment.label][1].capitalize()}. Click, right-click or press L to change it"
        if key == "note":
            return experiment.note or "Double-click to write a note"
        where = f" in vial {experiment.slot}" if experiment.slot else ""
        again = f", attempt {experiment.attempt}" if experiment.attempt > 1 else ""
        return f"Experiment {experiment.number}{where}{again}. {experiment.reason}".strip()

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if not index.isValid():
            return flags
        key = self.keys[index.column()]
        if key == "note":
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:  # noqa: N802
        """Ask for the change; the row changes when the campaign says so."""
        if not index.isValid():
            return False
        experiment, key = self.rows[index.row()], self.keys[index.column()]
        if key == "note" and role == Role.EditRole:
            if str(value).strip() != experiment.note:
                self.noted.emit(experiment.number, str(value).strip())
            return True
        return False
