"""Devices page: what is connected, finding more, checking, weighing doses, and where the vials stand."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from campaign.state import CampaignState
from gui.device_work import Told
from gui.facts import Facts
from gui.panels.devices_calibrate import CalibrateTab
from gui.panels.devices_check import CheckTab
from gui.panels.devices_connected import ConnectedTab
from gui.panels.devices_find import FindTab
from gui.panels.devices_rack import RackTab
from gui.panels.devices_tab import DevicesTab
from gui.panels.manual import refusal
from gui.theme import GRID_PX, Theme
from gui.widgets.elided import Elided

_YOURS = "Nothing here moves or doses before you say so."


class DevicesPage(QWidget):
    """`wanted` carries the name of a method of `gui.device_work.DeviceWork` and its values."""

    wanted = Signal(str, tuple)

    def __init__(self) -> None:
        super().__init__()
        self.words = Elided("muted")
        self.words.setAccessibleName("What came of the last request")
        self.connected, self.finder, self.check = ConnectedTab(), FindTab(), CheckTab()
        self.calibrate, self.rack = CalibrateTab(), RackTab()
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName("Devices")
        self._all: dict[str, DevicesTab] = {
            "Connected": self.connected, "Find": self.finder, "Check": self.check, "Weigh doses": self.calibrate,
            "Rack": self.rack,
        }  # fmt: skip
        for title, tab in self._all.items():
            self.tabs.addTab(tab, title)
            tab.wanted.connect(self.wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.tabs, 1)
        self._rig: object = None
        self.words.say(_YOURS)

    def show_state(self, state: CampaignState, facts: Facts) -> None:
        """What the campaign allows, and what the rig is."""
        refused = refusal(state, facts)
        for tab in self._all.values():
            tab.allow(refused)
        if facts.rig is not self._rig:
            self._rig = facts.rig
            self.calibrate.show_rig(facts.rig)
            self.rack.show_rig(facts.rig)
            self.connected.clear()

    def show_position(self, position_mm: tuple[float, float, float] | None) -> None:
        self.rack.show_position(position_mm)

    def hear(self, what: str, payload: object) -> None:
        """Something came of a request."""
        match what:
            case Told.DONE | Told.REFUSED:
                self.words.say(str(payload) or _YOURS)
                for tab in self._all.values():
                    tab.ended()
            case Told.DEVICES:
                self.connected.show_devices(payload)
            case Told.PROGRESS:
                self.finder.show_progress(payload)
            case Told.FOUND:
                self.finder.show_found(payload)
            case Told.ROW:
                self.check.add_row(payload)
            case Told.CHECKED:
                self.check.show_text(str(payload))
            case Told.DOSED:
                self.calibrate.add_dose(payload)

    def set_theme(self, theme: Theme) -> None:
        for tab in self._all.values():
            tab.set_theme(theme)
