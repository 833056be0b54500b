"""What happened goes to the panels: the campaign's state, the rig's facts, frames, models and messages."""

import time
from typing import Any

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from campaign.correction import say_correction
from campaign.events import Answered, Corrected, Event, Finished
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.actions import Situation
from gui.bridge import Bridge
from gui.estimate import not_from_here
from gui.facts import Facts
from gui.main_window import MainWindow
from gui.notices import Choice, Notice, notice
from gui.pace import Pace
from gui.session import Session
from gui.words import Badge, Tone
from vision.reading import VialReading

FRAME_MS = 30
DRO_MS = 250
WAKE_MS = 20
READING_HOLDS_S = 1.5
BUSY = ("Running", "Holding", "Restarting", "Stopping", "Completing", "Aborting")


class Showing(QObject):
    """Everything here happens in the GUI thread. `rested`: the campaign came to rest while the window waits to
    close. `asking`: the window asks how to close."""

    rested = Signal()

    def __init__(self, window: MainWindow, session: Session, bridge: Bridge, spec: CampaignSpec) -> None:
        super().__init__(window)
        self._window, self._session = window, session
        self.state = CampaignState(spec=spec)
        self.facts = Facts()
        self.asking = False
        self._message: Notice | None = None
        self._notice: Notice | None = None
        self._ended: Finished | None = None
        self._pace = Pace()
        self._awake = False
        self._frame_number = -1
        self._reading: VialReading | None = None
        self._read_s = 0.0
        bridge.state_changed.connect(self._state_came)
        bridge.facts_changed.connect(self._facts_came)
        bridge.event_happened.connect(self._event_came)
        bridge.model_changed.connect(self._model_came)
        bridge.insight_changed.connect(window.run_page.show_insight)
        bridge.reading_changed.connect(self._reading_came)
        bridge.position_changed.connect(window.manual_page.show_position)
        bridge.position_changed.connect(window.devices_page.show_position)
        bridge.opened.connect(self._opened)
        bridge.told.connect(self.tell)
        bridge.hand_told.connect(window.manual_page.tell)
        bridge.corrected.connect(self._corrected)
        bridge.report_ready.connect(self._report_ready)
        window.setup_page.changed.connect(self._form_changed)
        window.page_shown.connect(lambda _: self.refresh())
        for interval, act in ((FRAME_MS, self._frame), (DRO_MS, self._slow), (1000, self._second)):
            timer = QTimer(self, interval=interval)
            timer.timeout.connect(act)
            timer.start()
        self.refresh()
        QTimer.singleShot(WAKE_MS, self, self._wake)

    @property
    def waiting(self) -> bool:
        """Whether a suggestion waits for a decision."""
        state = self.state
        return state.waiting is not None and state.spec.mode == "approve" and state.phase == "Running"

    @property
    def at_rest(self) -> bool:
        return self.state.phase not in BUSY or self.facts.looking_only

    def tell(self, tone: Tone, words: str) -> None:
        """A short message in the banner, until the next one."""
        self._message = Notice(tone, words, (Choice("dismiss", "Close"),))
        self.refresh()

    def clear_message(self) -> None:
        self._message = None
        self.refresh()

    def show_idle(self, spec: CampaignSpec) -> None:
        """Ready for a campaign that has not begun."""
        self._message = None
        self._ended = None
        self.state = self._idle(spec)
        self._window.run_page.show_model(None)
        self._window.run_page.show_insight(None)
        self.refresh()

    def refresh(self) -> None:
        window, state, facts = self._window, self.state, self.facts
        window.actions_.show_situation(self._situation())
        self._notice = notice(state, facts, closing=self.asking, message=self._message, ended=self._ended)
        self._show_top()
        if self._awake:
            window.run_page.show_state(state)
        window.manual_page.show_state(state, facts)
        window.devices_page.show_state(state, facts)
        window.setup_page.show_state(state, looking_only=facts.looking_only)
        window.banner.show_notice(self._notice)

    def _wake(self) -> None:
        """The plots are made when the window is on the screen already."""
        self._awake = True
        self.refresh()

    def _state_came(self, state: CampaignState) -> None:
        self.state = state
        self._window.status.note_saved()
        self.refresh()
        if self.at_rest:
            self.rested.emit()

    def _facts_came(self, facts: Facts) -> None:
        another_rig = facts.rig is not self.facts.rig
        self.facts = facts
        if another_rig and self.state.phase == "Idle":
            self.state = self._idle(self.state.spec)
        self._window.setup_page.show_rig(facts.rig)
        self._window.show_simulated(facts.simulated)
        self.refresh()

    def _event_came(self, event: Event) -> None:
        self._pace.hear(event)
        if isinstance(event, Answered):
            self._message = None
        elif isinstance(event, Corrected):
            self._corrected(say_correction(event))
        elif isinstance(event, Finished):
            self._ended = event
            self.refresh()
        self._window.run_page.show_event(event)

    def _corrected(self, words: str) -> None:
        """A correction is on the disk."""
        self._window.status.note(f"Saved: {words}.")
        for page in (self._window.run_page, self._window.manual_page):
            page.camera.show_saved(words)

    def _model_came(self, posterior: Any) -> None:
        self._window.status.note_fitted()
        self._window.run_page.show_model(posterior)

    def _reading_came(self, reading: VialReading | None) -> None:
        self._reading, self._read_s = reading, time.monotonic()

    def _opened(self, spec: CampaignSpec) -> None:
        self._pace = Pace()
        self._message = self._ended = None
        self._window.run_page.log.clear()
        self._window.run_page.show_model(None)
        self._window.run_page.show_insight(None)
        self._window.setup_page.load(spec)

    def _form_changed(self, spec: CampaignSpec | None) -> None:
        if spec is not None and self.state.phase == "Idle":
            self.state = self._idle(spec)
        self.refresh()

    def _report_ready(self, path: str) -> None:
        self.tell("ok", f"The report is written: {path}")
        QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def _situation(self) -> Situation:
        facts, state = self.facts, self.state
        wanted = self._window.setup_page.spec
        ready = facts.link == "ready" and wanted is not None and not_from_here(wanted) is None
        return Situation(
            phase=state.phase,
            ready=ready
            and not (facts.latched or facts.starting or facts.busy or facts.looking_only or facts.unfinished),
            waiting=self.waiting,
            looking_only=facts.looking_only,
            ending=facts.ending,
            asked=state.question is not None,
        )

    def _idle(self, spec: CampaignSpec) -> CampaignState:
        rig = self.facts.rig
        vials = dict.fromkeys(rig.rack.slots, "clean") if rig is not None else None
        return CampaignState(spec=spec, simulated=self.facts.simulated, vials=vials)  # type: ignore[arg-type]

    def _show_top(self) -> None:
        top, state, facts = self._window.top, self.state, self.facts
        badge: Badge | None
        if facts.latched and state.phase != "Aborted":
            badge, words = Badge("stop", "STOPPED", "fail"), "Everything is stopped."
        elif state.phase == "Idle" and facts.link == "failed":
            badge, words = Badge("cross", "NO RIG", "fail"), "The rig could not be opened."
        elif state.phase == "Idle" and (facts.link != "ready" or facts.starting):
            word = "STARTING" if facts.starting else "CONNECTING"
            badge, words = Badge("wait", word, "warn"), facts.said or "Opening the rig."
        elif state.phase == "Idle" and facts.unfinished is not None:
            what = "Look at" if facts.unfinished.elsewhere else "Go on with"
            badge, words = Badge("warn", "NEEDS YOU", "warn"), f"{what} the campaign found, or leave it."
        else:
            badge, words = None, ""
        asked = self._notice.choices if self._notice is not None else ()
        filled = self._window.page == "setup" or any(c.filled for c in asked)
        left_s = self._pace.seconds_left(state)
        top.show_state(state, left_s, ending=facts.ending, filled_elsewhere=filled)
        if badge is not None:
            top.show_words(badge, words)

    def _frame(self) -> None:
        frame = self._session.latest_frame()
        if frame is None or frame.number == self._frame_number or not self._awake:
            return
        self._frame_number = frame.number
        reading = self._reading if time.monotonic() - self._read_s < READING_HOLDS_S else None
        if self._window.page == "run":
            self._window.run_page.show_frame(frame.image, reading)
        elif self._window.page == "manual":
            self._window.manual_page.show_frame(frame.image, reading)

    def _slow(self) -> None:
        if self._window.page == "setup":
            self._window.setup_page.show_supply(self._session.supply_ul(), self.state.made)
        if self._window.page == "devices":
            self._session.ask_position()
            self._window.devices_page.rack.show_homed(self._session.homed)
            self._window.devices_page.connected.show_now(self._session.lost(), homed=self._session.homed)
            self._window.devices_page.connected.show_questions(self._session.devices_work.questions())
        if self._window.page == "manual":
            page = self._window.manual_page
            self._session.ask_position()
            page.show_left(self._session.pumps_left_ul(), self._session.homed)
            page.map.show_contents(self._session.contents_ul())

    def _second(self) -> None:
        self._window.status.refresh()
        self._window.status.show_devices(self._session.devices())
        if not self.at_rest:
            self._show_top()
