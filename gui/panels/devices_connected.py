"""What is connected: each device in its own words, and the button that makes one ready."""

from typing import Any

from PySide6.QtWidgets import QHBoxLayout

from gui.device_work import DeviceRow
from gui.panels.devices_tab import DevicesTab, add_row, button, table
from gui.widgets.card import label

_COLUMNS = ("Device", "Kind", "Port", "It says", "Settings and state")


class ConnectedTab(DevicesTab):
    def __init__(self) -> None:
        super().__init__("Connected devices")
        self._devices: tuple[DeviceRow, ...] = ()
        self.table = table("Connected devices", _COLUMNS, 4)
        self.ask_all = button("Ask them all", "Every device tells who it is and how it is set; nothing moves")
        self.ready = button("Make ready…", "Initialise a pump that needs it, once you have read what it will do")
        self.warning = label(kind="muted", wrap=True)
        self.warning.setMinimumHeight(40)
        self._asked = ""
        row = QHBoxLayout()
        row.addWidget(self.ask_all)
        row.addWidget(self.ready)
        row.addWidget(self.warning, 1)
        self.card.body.addWidget(self.table, 1)
        self.card.body.addLayout(row)
        self.ask_all.clicked.connect(lambda: self.ask("list_devices"))
        self.ready.clicked.connect(self._ready)
        self.table.itemSelectionChanged.connect(self.fit)
        self.fit()

    def clear(self) -> None:
        """Another rig is open: its devices have not been asked yet."""
        self._devices = ()
        self.table.setRowCount(0)
        self.fit()

    def show_devices(self, devices: Any) -> None:
        self._devices = devices
        self.table.setRowCount(0)
        for device in devices:
            about = " · ".join(f"{name} {value}" for name, value in device.about.items())
            identity = device.trouble or device.identity
            add_row(self.table, device.role, device.kind.replace("_", " "), device.port, identity, about)
        self._asked = ""
        self.fit()

    @property
    def _selected(self) -> DeviceRow | None:
        row = self.table.currentRow()
        chosen = self._devices[row] if 0 <= row < len(self._devices) else None
        if chosen is not None and chosen.unready:
            return chosen
        return next((device for device in self._devices if device.unready), None)

    def _ready(self) -> None:
        """The first click shows what will happen, the second does it."""
        device = self._selected
        if device is None:
            return
        if self._asked != device.role:
            self._asked = device.role
            self.fit()
        else:
            self._asked = ""
            self.ask("make_ready", device.role)

    def fit(self) -> None:
        device = self._selected
        self.ask_all.setEnabled(not self.going)
        self.ready.setEnabled(device is not None and self.refused is None and not self.going)
        sure = device is not None and self._asked == device.role
        self.ready.setText(f"Yes, make {device.role} ready" if sure and device is not None else "Make ready…")
        self.warning.setText(f"{device.role}: {device.unready}" if device is not None else "")
