"""What is connected: each device in its own words, and what a person can have it do."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QTableWidgetItem, QVBoxLayout, QWidget

from gui.device_rows import DeviceRow, kind_words
from gui.icons import icon, pixmap
from gui.panels.device_acts import DeviceActs
from gui.panels.devices_tab import DevicesTab, add_row, button, table
from gui.theme import Theme
from gui.widgets.card import label
from gui.widgets.paragraph import Paragraph

_EMPTY = (
    "No device has been asked yet. “Ask them all” has each one tell who it is and how it is set; nothing moves."
)


class ConnectedTab(DevicesTab):
    """The list on the left, the one that is chosen on the right."""

    def __init__(self) -> None:
        super().__init__("Connected devices")
        self.devices: tuple[DeviceRow, ...] = ()
        self._lost: Mapping[str, str] = {}
        self._homed = True
        self.table = table("Connected devices", ("Device", "State", "Kind"), 2)
        self.ask_all = button("Ask them all", "Every device tells who it is and how it is set; nothing moves")
        self.asked = label("", "caption")
        self.asked.setAccessibleName("When they were asked")
        self.name, self.identity = label("", "cardTitle"), Paragraph(_EMPTY, "muted")
        self.about = table("What the chosen device tells of itself", ("", ""), 1)
        self.about.horizontalHeader().hide()
        self.about.setWordWrap(True)
        self.about.setSelectionMode(self.about.SelectionMode.NoSelection)
        self.about.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.acts = DeviceActs(self)
        self._lay_out()
        self.ask_all.clicked.connect(lambda: self.ask("list_devices"))
        self.table.itemSelectionChanged.connect(self._chosen)
        self.fit()

    def _lay_out(self) -> None:
        self.card.header.addWidget(self.asked)
        self.card.header.addWidget(self.ask_all)
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.name)
        column.addWidget(self.identity)
        column.addWidget(self.about, 1)
        column.addWidget(self.acts)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(left, 2)
        row.addWidget(right, 3)
        self.card.body.addLayout(row, 1)

    def clear(self) -> None:
        """Another rig is open: its devices have not been asked yet."""
        self.show_devices(())

    def show_devices(self, devices: Any) -> None:
        chosen = self.chosen
        self.devices = devices
        self._homed = all(device.homed for device in devices)
        answer = "not all answered" if any(device.trouble for device in devices) else "every device answered"
        self.asked.setText(f"{datetime.now().astimezone():%H:%M:%S}: {answer}" if devices else "")
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        for device in devices:
            add_row(self.table, device.role, self._state(device), kind_words(device.kind))
        roles = [device.role for device in devices]
        self.table.setCurrentCell(roles.index(chosen.role) if chosen and chosen.role in roles else 0, 0)
        self.table.blockSignals(False)
        self._paint()
        self._chosen()

    @property
    def chosen(self) -> DeviceRow | None:
        row = self.table.currentRow()
        return self.devices[row] if 0 <= row < len(self.devices) else None

    def show_now(self, lost: Mapping[str, str], *, homed: bool) -> None:
        """What is known without asking. lost: which devices are disconnected, and why."""
        if lost == self._lost and homed == self._homed:
            return
        self._lost, self._homed = dict(lost), homed
        self.devices = tuple(replace(d, homed=homed) if d.role == "stage" else d for d in self.devices)
        for at, device in enumerate(self.devices):
            item = self.table.item(at, 1)
            if item is not None:
                item.setText(self._state(device))
                item.setToolTip(self._lost.get(device.role, item.text()))
        self._paint()
        self._chosen()

    def _state(self, device: DeviceRow) -> str:
        return "disconnected" if device.role in self._lost else device.state

    def show_questions(self, questions: dict[str, str]) -> None:
        """What persons who read meters are asked."""
        self.acts.show_questions(questions)

    def show_read(self, read: Any) -> None:
        self.acts.show_read(*read)

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._paint()

    def fit(self) -> None:
        self.able(self.ask_all)
        self.acts.fit()

    def _chosen(self) -> None:
        device = self.chosen
        self.about.setRowCount(0)
        self.name.setText(device.role if device is not None else "")
        if device is None:
            self.identity.say(_EMPTY, "muted")
        else:
            trouble = self._lost.get(device.role) or device.trouble
            self.identity.say(trouble or device.identity, "bad" if trouble else "muted")
            for name, value in {"port": device.port, **device.about}.items():
                at = add_row(self.about, name, value)
                item = self.about.item(at, 0)
                if item is not None:
                    item.setForeground(self.palette().placeholderText())
                    item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.acts.show_device(device)

    def _paint(self) -> None:
        """A shape and a colour beside the word."""
        theme = self.card.theme
        for at, device in enumerate(self.devices):
            item: QTableWidgetItem | None = self.table.item(at, 1)
            if item is not None:
                bad = bool(device.trouble) or device.role in self._lost
                odd = bool(device.unready or device.locked) or not device.homed
                shape = "cross" if bad else "warn" if odd else "check"
                made = icon(shape, theme.fail if bad else theme.warn if odd else theme.ok)
                made.addPixmap(pixmap(shape, theme.on_accent), QIcon.Mode.Selected)
                item.setIcon(made)
        self.table.scheduleDelayedItemsLayout()  # the columns make room for what was drawn just now
