"""Devices page: what is connected, finding more, checking, weighing doses, and where the vials stand."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QApplication, QHBoxLayout, QLabel, QTabWidget, QVBoxLayout, QWidget

from campaign.state import CampaignState
from gui.device_work import Told
from gui.facts import Facts
from gui.icons import pixmap
from gui.panels.devices_calibrate import CalibrateTab
from gui.panels.devices_check import CheckTab
from gui.panels.devices_connected import ConnectedTab
from gui.panels.devices_find import FindTab
from gui.panels.devices_rack import RackTab
from gui.panels.devices_tab import DevicesTab, button
from gui.panels.devices_view import ViewTab
from gui.panels.manual import refusal
from gui.theme import DARK, GRID_PX, Theme
from gui.widgets.paragraph import Paragraph

_YOURS = "Nothing here moves or doses before you say so."
_DOING = {
    "list_devices": "Asking every device…", "find": "Asking every free port who is there…",
    "check": "Checking the rig: answer what the page Check asks.", "make_ready": "Making it ready…",
    "prime": "Priming…", "weigh_dose": "Dosing…", "take_picture": "Taking a picture…",
    "find_vials": "Looking for vials in the picture…", "read_level": "Reading the level…",
}  # fmt: skip


class DevicesPage(QWidget):
    """`wanted` carries the name of a method of `gui.device_work.DeviceWork` and its values; `moved` an act by hand;
    `opened` a rig file to be opened."""

    wanted = Signal(str, tuple)
    moved = Signal(str, str, tuple)
    opened = Signal(Path)

    def __init__(self) -> None:
        super().__init__()
        self._theme: Theme = DARK
        self._bad = self._fresh = False
        self._said = _YOURS
        self._refused: str | None = None
        self._going = ""
        self._rig: object = None
        self._rig_path: Path | None = None
        self._saving: Path | None = None
        self._asked_once = False
        self.mark = QLabel()
        self.words = Paragraph(kind="muted", least=2, most=2)
        self.words.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.words.setAccessibleName("What came of the last request")
        self.again = button("Open the rig again", "Connect anew, with what the rig file says now")
        self.connected, self.finder, self.check = ConnectedTab(), FindTab(), CheckTab()
        self.calibrate, self.rack, self.view = CalibrateTab(), RackTab(), ViewTab()
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName("Devices")
        self.tabs.setStyleSheet("QTabWidget::pane { border: none; background: transparent; }")
        self._all: dict[str, DevicesTab] = {
            "Connected": self.connected, "Find": self.finder, "Check": self.check, "Weigh doses": self.calibrate,
            "Rack": self.rack, "Camera view": self.view,
        }  # fmt: skip
        for title, tab in self._all.items():
            self.tabs.addTab(tab, title)
            tab.wanted.connect(self._want)
            tab.aside.connect(self.wanted)
            tab.moved.connect(self.moved)
        self.tabs.currentChanged.connect(self._tab_shown)
        self.finder.opened.connect(self.opened)
        self.again.clicked.connect(lambda: self._rig_path and self.opened.emit(self._rig_path))
        self._lay_out()
        self._say()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.mark)
        head.addWidget(self.words, 1)
        head.addWidget(self.again)
        keeps = self.again.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.again.setSizePolicy(keeps)
        self.again.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.tabs, 1)

    def _tab_shown(self, _: int) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton) and self.tabs.isAncestorOf(focus):
            self.tabs.setFocus()  # Qt would give it to the first button of the tab
        self._ask_once()

    def show_state(self, state: CampaignState, facts: Facts) -> None:
        """What the campaign allows, and what the rig is."""
        refused = refusal(state, facts)
        self._fresh &= refused == self._refused
        self._refused = refused
        if facts.rig is not self._rig:
            self._rig = facts.rig
            self._asked_once = False
            self.finder.rig_open = facts.rig is not None
            self.calibrate.show_rig(facts.rig)
            self.rack.show_rig(facts.rig)
            self.view.show_rig(facts.rig)
            self.connected.clear()
            self.again.hide()
        for tab in self._all.values():
            tab.allow(self._refused)
        self.again.setEnabled(self._refused is None and not self._going)
        self._say()
        self._ask_once()

    def show_file(self, path: Path | None) -> None:
        """The rig file in use; None for a rig that comes with Aliquot."""
        self._rig_path = path
        self.calibrate.into.show_file(path)
        self.rack.into.show_file(path)
        self.view.into.show_file(path)

    def show_position(self, position_mm: tuple[float, float, float] | None) -> None:
        self.rack.show_position(position_mm)

    def tell(self, words: str) -> None:
        """What an act by hand came to."""
        self._said, self._bad = words, False
        self._say()

    def hear(self, what: str, payload: Any) -> None:
        """Something came of a request."""
        match what:
            case Told.DONE | Told.REFUSED:
                self._end(str(payload), bad=what == Told.REFUSED)
            case Told.DEVICES:
                self.connected.show_devices(payload)
            case Told.PROGRESS:
                self.finder.show_progress(payload)
            case Told.FOUND:
                self.finder.show_found(payload)
            case Told.TEXT:
                self.finder.show_file(*payload)
            case Told.ASK:
                self.check.ask_consent(str(payload))
            case Told.ROW:
                self.check.add_row(payload)
            case Told.CHECKED:
                self.check.show_text(str(payload))
            case Told.DOSED:
                self.calibrate.add_dose(payload)
            case Told.READ:
                self.connected.show_read(payload)
            case Told.RACK:
                self.rack.show_rack(payload)
            case Told.PICTURE:
                self.view.show_picture(payload)
            case Told.VIALS:
                self.view.show_vials(*payload)
            case Told.LEVEL:
                self.view.show_level(payload)
            case Told.FILE:
                self.show_file(payload)
                self.again.show()

    def _want(self, what: str, values: tuple[object, ...]) -> None:
        self._going = what
        text = self.finder.text.toPlainText()
        self._saving = values[0] if what == "save_text" and text in values and isinstance(values[0], Path) else None
        for tab in self._all.values():
            tab.begun(what)
        self._say()
        self.wanted.emit(what, values)

    def _end(self, said: str, *, bad: bool) -> None:
        saved, self._saving, self._going = self._saving, None, ""
        self._said, self._bad, self._fresh = said or _YOURS, bad, bool(said)
        for tab in self._all.values():
            tab.ended()
        if saved is not None and not bad:
            self.finder.saved(saved)
        self.again.setEnabled(self._refused is None)
        self._say()
        if saved is None and not bad:
            self._ask_once()

    def _ask_once(self) -> None:
        """The devices tell of themselves when somebody looks here for the first time."""
        if self._refused is None and not self._going and not self._asked_once and self.isVisible():
            self._asked_once = True
            self._want("list_devices", ())
        elif not self._going and self.view.isVisible():
            self.view.show_once()

    def _say(self) -> None:
        refused = None if self._fresh else self._refused  # what was just asked for is answered first
        words = _DOING.get(self._going, "One moment…") if self._going else refused or self._said
        bad = self._bad and not self._going and not refused
        self.words.say(words, "bad" if bad else "muted")
        theme = self._theme
        shape, colour = (
            ("warn", theme.fail)
            if bad
            else ("wait", theme.warn)
            if self._going or refused
            else ("info", theme.muted)
        )
        self.mark.setPixmap(pixmap(shape, colour, 18))

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for tab in self._all.values():
            tab.set_theme(theme)
        self._say()
