"""Manual page: deck map, jog pad, pumps and the live picture. Refused, in words, while a campaign is going."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from campaign.state import Attempt, CampaignState
from gui.facts import FREE, Facts
from gui.panels.camera import CameraCard
from gui.panels.deck_map import DeckMap
from gui.panels.devices_tab import button
from gui.panels.jog_pad import Position, StageCard
from gui.panels.pump_card import PumpsCard
from gui.style import mark
from gui.theme import GRID_PX, PADDING_PX, Theme
from gui.units import volume
from gui.widgets.card import Card
from gui.widgets.elided import Elided
from vision.reading import VialReading

GAP_PX = 8
_YOURS = "The rig is yours. Every move stays within the limits of the stage."
_FRESH = "Fresh rack, full syringes"
_FRESH_TIP = "Say that every vial is clean and every syringe or bottle full; nothing moves"
_SURE = "Is every vial in the rack clean, and every syringe or bottle full? The books will say so; nothing moves."
_USES = "A campaign keeps the books of its vials. End it first."
_OVER = ("Idle", "Complete", "Stopped")
_JOG = {
    Qt.Key.Key_Left: (-1, 0, 0), Qt.Key.Key_Right: (1, 0, 0), Qt.Key.Key_Up: (0, -1, 0), Qt.Key.Key_Down: (0, 1, 0),
    Qt.Key.Key_PageUp: (0, 0, -1), Qt.Key.Key_PageDown: (0, 0, 1),
}  # fmt: skip


def refusal(state: CampaignState, facts: Facts) -> str | None:
    """Why nothing can be moved by hand now; None when it can."""
    if facts.latched:
        return "Everything is stopped. Re-arm first."
    if facts.rig is None:
        return {
            "connecting": "Opening the rig…",
            "failed": "The rig could not be opened: see above.",
        }.get(facts.link, "This campaign needs no rig, so none is open.")
    if not facts.looking_only and state.phase not in FREE:
        return "A campaign is using the rig. Press Pause first, then move things by hand."
    if facts.starting:
        return "A campaign is about to begin."
    return f"{facts.busy}…" if facts.busy else None


class ManualPage(QWidget):
    """`wanted` carries what is being done in words, the act and its values."""

    wanted = Signal(str, str, tuple)

    def __init__(self) -> None:
        super().__init__()
        self._facts = Facts()
        self._attempt: Attempt | None = None
        self._refusal: str | None = "Opening the rig…"
        self.map_card = Card("Deck")
        self.map = DeckMap()
        self.map_hint = QLabel("Click a vial to bring it to the station")
        mark(self.map_hint, "caption")
        self.map_card.header.addWidget(self.map_hint)
        self.map_card.body.addWidget(self.map, 1)
        self.stage = StageCard()
        self.pumps = PumpsCard()
        self.camera = CameraCard()
        self._done = _YOURS
        self.words = Elided("muted")
        self.words.setAccessibleName("Whether the rig may be moved by hand")
        self._sure = False
        self.fresh = button(_FRESH, _FRESH_TIP)
        self.no = button("No", "Leave the books as they are")
        self.no.hide()
        grid = QVBoxLayout()
        grid.setSpacing(GAP_PX)
        self._high, self._low = QHBoxLayout(), QHBoxLayout()
        self._high.setSpacing(GAP_PX)
        self._low.setSpacing(GAP_PX)
        self._high.addWidget(self.map_card, 1)
        self._high.addWidget(self.camera, 1)
        self._low.addWidget(self.stage, 2)
        self._low.addWidget(self.pumps, 3)
        grid.addLayout(self._high, 1)
        grid.addLayout(self._low)
        self._narrow = False
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.words, 1)
        for act in (self.fresh, self.no):
            head.addWidget(act)
        column.addLayout(head)
        column.addLayout(grid, 1)
        self.map.slot_clicked.connect(self._go_to_slot)
        self.stage.go.connect(self._go)
        self.stage.refused.connect(self.tell)
        self.stage.home.connect(lambda: self.wanted.emit("Homing the stage", "home", ()))
        self.pumps.wanted.connect(self._pump)
        self.fresh.clicked.connect(self._fresh)
        self.no.clicked.connect(lambda: self._ask_fresh(asked=False))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Of the narrower arrangement; the page takes the one that fits."""
        return QSize(min(self._widths_px()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """Another text size, or another rig, changes what the cards need."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
        return super().event(event)

    def _widths_px(self) -> tuple[int, int]:
        """What it needs with the stage beside the pumps, and with the stage beside the camera."""
        stage, pumps = self.stage.minimumSizeHint().width(), self.pumps.minimumSizeHint().width()
        camera = self.camera.minimumSizeHint().width()
        deck = self.map.minimumSizeHint().width() + 2 * PADDING_PX
        above = max(deck + camera + stage + 2 * GAP_PX, pumps)
        return stage + GAP_PX + pumps + 2 * GRID_PX, above + 2 * GRID_PX

    def _arrange(self) -> None:
        """Large text: the pumps have a row of their own and the stage stands above them."""
        narrow = self.width() < self._widths_px()[0]
        if narrow == self._narrow:
            return
        self._narrow = narrow
        if narrow:
            self._high.addWidget(self.stage)
        else:
            self._low.insertWidget(0, self.stage, 2)
        self.map_hint.setVisible(not narrow)
        self.camera.stack(narrow)

    def show_state(self, state: CampaignState, facts: Facts) -> None:
        """What the campaign allows, and what the rig is."""
        changed_rig = facts.rig is not self._facts.rig
        self._facts = facts
        self._attempt = state.attempt
        self._show_subject()
        if changed_rig:
            self.map.show_rig(facts.rig)
            self.pumps.show_rig(facts.rig)
            self.stage.show_travel(facts.rig.stage.travel_mm if facts.rig is not None else None)
        self._refusal = refusal(state, facts)
        allowed = self._refusal is None
        if not allowed:  # what was done last is over
            self._done = _YOURS
        using = state.phase not in _OVER and not facts.looking_only
        self.fresh.setEnabled(allowed and not using)
        self.fresh.setToolTip(self._refusal or (_USES if using else _FRESH_TIP))
        if self._sure and not self.fresh.isEnabled():
            self._ask_fresh(asked=False)
        self._say()
        for part in (self.map, self.stage, self.pumps):
            part.allow(allowed)

    def tell(self, done: str) -> None:
        """What the last act by hand came to."""
        self._done = done
        self._say()

    def _say(self) -> None:
        self.words.say(self._refusal or (_SURE if self._sure else self._done))

    def _ask_fresh(self, *, asked: bool) -> None:
        """The first press says what it will do, the second does it."""
        self._sure = asked
        text = "Yes, all is clean and full" if asked else _FRESH
        self.fresh.setText(text)
        self.fresh.setAccessibleName(text)
        self.no.setVisible(asked)
        self._say()

    def _fresh(self) -> None:
        sure = self._sure
        self._ask_fresh(asked=not sure)
        if sure:
            self.wanted.emit("Noting that all is clean and full", "fresh", ())

    def show_position(self, position: Position | None) -> None:
        self.map.show_position(position)
        self.stage.show_position(position)
        self.pumps.show_station(self.map.slot_at_station)
        self._show_subject()

    def _show_subject(self) -> None:
        """Whose picture the camera shows."""
        slot, attempt = self.map.slot_at_station, self._attempt
        self.camera.slot = slot
        self.camera.experiment = attempt.experiment if attempt is not None and attempt.slot == slot else None

    def show_left(self, left_ul: Mapping[str, float], homed: bool) -> None:
        self.pumps.show_left(left_ul)
        self.stage.show_homed(homed)

    def show_frame(self, image: npt.NDArray[np.uint8], reading: VialReading | None) -> None:
        self.camera.show_frame(image, reading)

    def set_theme(self, theme: Theme) -> None:
        for part in (self.map_card, self.map, self.stage, self.pumps, self.camera):
            part.set_theme(theme)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = _JOG.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        held = event.modifiers()
        times = 10.0 if held & Qt.KeyboardModifier.ShiftModifier else 1.0
        times = 0.1 if held & Qt.KeyboardModifier.ControlModifier else times
        self.stage.jog(*step, times)

    def _go_to_slot(self, slot: str) -> None:
        rig = self._facts.rig
        if rig is not None:
            x_mm, y_mm = rig.rack.position_mm(slot)
            z_mm = self.stage.z_mm
            self.wanted.emit(f"Bringing vial {slot} to the station", "move_to", (x_mm, y_mm, z_mm))

    def _go(self, x_mm: float, y_mm: float, z_mm: float) -> None:
        self.wanted.emit("Moving the stage", "move_to", (x_mm, y_mm, z_mm))

    def _pump(self, act: str, role: str, volume_ul: float, rate_ul_s: float) -> None:
        verb = "Dispensing" if act == "dispense" else "Drawing in"
        self.wanted.emit(f"{verb} {volume(volume_ul)} {role}", act, (role, volume_ul, rate_ul_s))
