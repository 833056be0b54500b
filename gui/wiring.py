"""What follows from what: a person's wish goes to the session, what happened goes to the panels."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from campaign.config import CampaignFileError, load_campaign
from campaign.events import Answered, Event
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.actions import Situation
from gui.bridge import Bridge
from gui.facts import Facts
from gui.main_window import MainWindow
from gui.notices import Choice, Notice, notice
from gui.pace import Pace
from gui.session import Session
from gui.widgets.palette import KeyList, Palette
from gui.words import Badge
from vision.reading import VialReading

FRAME_MS = 30
DRO_MS = 250
READING_HOLDS_S = 1.5
BUSY = ("Running", "Holding", "Restarting", "Stopping", "Completing", "Aborting")


class Wiring(QObject):
    """Everything here happens in the GUI thread."""

    def __init__(self, window: MainWindow, session: Session, bridge: Bridge, spec: CampaignSpec) -> None:
        super().__init__(window)
        self.window, self.session, self.bridge = window, session, bridge
        self.state = CampaignState(spec=spec)
        self.facts = Facts()
        self._pace = Pace()
        self._message: Notice | None = None
        self._closing: str | None = None
        self._frame_number = -1
        self._reading: VialReading | None = None
        self._read_s = 0.0
        self._connect_bridge()
        self._connect_window()
        for interval, act in ((FRAME_MS, self._frame), (DRO_MS, self._slow), (1000, self._second)):
            timer = QTimer(self, interval=interval)
            timer.timeout.connect(act)
            timer.start()
        self._refresh()

    def _connect_bridge(self) -> None:
        bridge = self.bridge
        bridge.state_changed.connect(self._state_came)
        bridge.facts_changed.connect(self._facts_came)
        bridge.event_happened.connect(self._event_came)
        bridge.model_changed.connect(self._model_came)
        bridge.reading_changed.connect(self._reading_came)
        bridge.position_changed.connect(self.window.manual_page.show_position)
        bridge.opened.connect(self._opened)
        bridge.told.connect(self.tell)
        bridge.report_ready.connect(self._report_ready)
        bridge.closed.connect(self.window.let_go)

    def _connect_window(self) -> None:
        window, session = self.window, self.session
        window.actions_.wanted.connect(self.do)
        window.top.stop_all.connect(session.stop_all)
        window.keys.stop_all.connect(session.stop_all)
        window.keys.space.connect(self._space)
        window.keys.enter.connect(self._enter)
        window.banner.chosen.connect(self.choose)
        window.rail.page_wanted.connect(window.show_page)
        window.closing.connect(self.close)
        window.page_shown.connect(lambda _: self._refresh())
        window.setup_page.changed.connect(self._form_changed)
        window.setup_page.applied.connect(lambda spec: self._change(spec, "changed on the Set-up page"))
        window.manual_page.wanted.connect(lambda said, act, values: session.by_hand(said, act, *values))
        page = window.run_page
        page.decided.connect(lambda action, point, why: session.command("decide", action, point, why))
        page.answered.connect(lambda choice: session.command("answer", choice))
        page.noted.connect(lambda number, text: session.command("note", number, text))
        page.included.connect(lambda number, include: session.command("include", number, include))
        page.beta_changed.connect(lambda beta: self._strategy(beta=beta))
        page.acquisition_changed.connect(lambda name: self._strategy(acquisition=name))
        page.mode_changed.connect(lambda mode: self._change(replace(self.state.spec, mode=mode), "mode"))

    # -- what a person wants

    def do(self, name: str) -> None:
        """Carry out a command of `gui.actions`."""
        window, session = self.window, self.session
        match name:
            case "stop_all":
                session.stop_all()
            case "start":
                self.start()
            case "pause" | "resume":
                session.command(name)
            case "stop_after":
                session.stop_after()
            case "accept" | "skip" | "edit_next":
                window.show_page("run")
                getattr(window.run_page, name)()
            case "note":
                window.show_page("run")
                window.run_page.note_current()
            case "go_setup" | "go_run" | "go_manual":
                window.show_page(name.removeprefix("go_"))
            case "open":
                self._ask_open()
            case "save":
                self._ask_save()
            case "report":
                session.report()
            case "quit":
                window.close()
            case "theme_system" | "theme_light" | "theme_dark":
                window.choose_theme(name.removeprefix("theme_"))  # type: ignore[arg-type]
            case "text_larger" | "text_smaller" | "text_normal":
                window.scale_text({"text_larger": 1, "text_smaller": -1}.get(name, 0))
            case "palette":
                Palette(window, window.actions_).show()
            case "keys":
                KeyList(window).show()

    def start(self) -> None:
        """Begin the campaign that the form describes."""
        spec = self.window.setup_page.spec
        if spec is None:
            self.window.show_page("setup")
            return
        self._message = None
        self.session.begin(spec)
        self.window.show_page("run")

    def choose(self, name: str) -> None:
        """A button of the banner."""
        head, _, rest = name.partition(":")
        found = self.facts.unfinished
        match head:
            case "answer":
                self.session.command("answer", rest)
            case "close":
                self._close_chosen(rest)
            case "rearm":
                self.session.rearm()
            case "resume" | "stop":
                self.session.command(head)
            case "retry":
                self.session.connect(self.state.spec)
            case "dismiss":
                self._message = None
                self.session.dismiss()
            case "report":
                self.session.report()
            case "again":
                self._fresh()
            case "unfinished" if rest == "leave":
                self.session.leave_unfinished()
                self._fresh()
            case "unfinished" if found is not None:
                (self.session.go_on if rest == "go_on" else self.session.look_at)(found.folder)
        self._refresh()

    def tell(self, tone: str, words: str) -> None:
        """A short message in the banner, until the next one."""
        self._message = Notice(tone, words, (Choice("dismiss", "Close"),))  # type: ignore[arg-type]
        self._refresh()

    def close(self) -> None:
        """The window wants to close: a campaign in progress asks first, and nothing is cut short unasked."""
        if self.state.phase in BUSY and not self.facts.looking_only:
            self._closing = self._closing or "ask"
            self._refresh()
        else:
            self.session.close()

    def _close_chosen(self, how: str) -> None:
        self._closing = None if how == "no" else "wait"
        if how in ("hold", "end"):
            self.session.command("pause" if how == "hold" else "stop")

    def _fresh(self) -> None:
        """Ready for another campaign, as the form describes it."""
        spec = self.window.setup_page.spec or self.state.spec
        self._message = None
        self.state = self._idle(spec)
        self.window.run_page.show_model(None)
        self.window.show_page("setup")
        self._refresh()

    def _space(self) -> None:
        if self.state.phase in ("Running", "Held"):
            self.do("pause" if self.state.phase == "Running" else "resume")

    def _enter(self) -> None:
        if self._waiting and self.window.page == "run":
            self.do("accept")

    def _change(self, spec: CampaignSpec, why: str) -> None:
        if self.state.phase == "Idle" or self.state.finished:
            self.window.setup_page.load(spec)
        else:
            self.session.command("change", spec, why)

    def _strategy(self, **changes: float | str) -> None:
        strategy = replace(self.state.spec.strategy, **changes)  # type: ignore[arg-type]
        said = ", ".join(f"{name} {value}" for name, value in changes.items())
        self._change(replace(self.state.spec, strategy=strategy), said)

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.window, "Open a campaign", "", "Campaign files (*.toml)")
        if path:
            self.open(Path(path))

    def open(self, path: Path) -> None:
        try:
            spec = load_campaign(path)
        except CampaignFileError as error:
            self.tell("fail", "\n".join((f"{path.name} cannot be used:", *error.mistakes)))
            return
        self._message = None
        self.window.setup_page.load(spec)
        self._fresh()
        self.session.connect(spec)

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self.window, "Save the campaign", "campaign.toml", "Campaign files (*.toml)"
        )
        if path:
            try:
                self.window.setup_page.save(Path(path))
            except OSError as error:
                self.tell("fail", f"{path} could not be written: {error.strerror}.")
            else:
                self.tell("ok", f"Saved as {path}.")

    # -- what happened

    def _state_came(self, state: CampaignState) -> None:
        self.state = state
        self.window.status.note_saved()
        if self._closing == "wait" and state.phase not in BUSY:
            self.session.close()
        self._refresh()

    def _facts_came(self, facts: Facts) -> None:
        first = facts.rig is not self.facts.rig
        self.facts = facts
        if first and self.state.phase == "Idle":
            self.state = self._idle(self.state.spec)
        self.window.setup_page.show_rig(facts.rig)
        self.window.show_simulated(facts.simulated)
        self._refresh()

    def _event_came(self, event: Event) -> None:
        self._pace.hear(event)
        if isinstance(event, Answered):
            self._message = None
        self.window.run_page.show_event(event)

    def _model_came(self, posterior: Any) -> None:
        self.window.status.note_fitted()
        self.window.run_page.show_model(posterior)

    def _reading_came(self, reading: VialReading | None) -> None:
        self._reading, self._read_s = reading, time.monotonic()

    def _opened(self, spec: CampaignSpec) -> None:
        self._pace = Pace()
        self.window.run_page.show_model(None)
        self.window.setup_page.load(spec)

    def _form_changed(self, spec: CampaignSpec | None) -> None:
        if spec is not None and self.state.phase == "Idle":
            self.state = self._idle(spec)
        self._refresh()

    def _report_ready(self, path: str) -> None:
        self.tell("ok", f"The report is written: {path}")
        QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    # -- what is shown

    @property
    def _waiting(self) -> bool:
        return (
            self.state.waiting is not None and self.state.spec.mode == "approve" and self.state.phase == "Running"
        )

    def _situation(self) -> Situation:
        facts, state = self.facts, self.state
        ready = facts.link == "ready" and self.window.setup_page.spec is not None
        return Situation(
            phase=state.phase,
            ready=ready and not (facts.latched or facts.starting),
            waiting=self._waiting,
            looking_only=facts.looking_only,
            ending=facts.ending,
            asked=state.question is not None,
        )

    def _idle(self, spec: CampaignSpec) -> CampaignState:
        rig = self.facts.rig
        vials = dict.fromkeys(rig.rack.slots, "clean") if rig is not None else None
        return CampaignState(spec=spec, simulated=self.facts.simulated, vials=vials)  # type: ignore[arg-type]

    def _refresh(self) -> None:
        window, state, facts = self.window, self.state, self.facts
        window.actions_.show_situation(self._situation())
        window.top.show_state(state, self._pace.seconds_left(state), ending=facts.ending)
        if state.phase == "Idle" and facts.link in ("none", "connecting", "failed"):
            failed = facts.link == "failed"
            shown = Badge("cross", "NO RIG", "fail") if failed else Badge("wait", "CONNECTING", "warn")
            window.top.show_words(
                shown, "The rig could not be opened." if failed else facts.said or "Opening the rig."
            )
        elif facts.latched and state.phase != "Aborted":
            window.top.show_words(Badge("stop", "STOPPED", "fail"), "Everything is stopped.")
        window.run_page.show_state(state)
        window.manual_page.show_state(state, facts)
        window.setup_page.show_state(state)
        window.banner.show_notice(notice(state, facts, self._closing == "ask") or self._message)

    def _frame(self) -> None:
        frame = self.session.latest_frame()
        if frame is None or frame.number == self._frame_number:
            return
        self._frame_number = frame.number
        reading = self._reading if time.monotonic() - self._read_s < READING_HOLDS_S else None
        if self.window.page == "run":
            self.window.run_page.show_frame(frame.image, reading)
        elif self.window.page == "manual":
            self.window.manual_page.show_frame(frame.image, reading)

    def _slow(self) -> None:
        if self.window.page == "manual":
            self.session.ask_position()
            self.window.manual_page.show_left(self.session.pumps_left_ul(), self.session.homed)
            self.window.manual_page.map.show_contents(self.session.contents_ul())

    def _second(self) -> None:
        self.window.status.refresh()
        self.window.status.show_devices(self.session.devices())
        if self.state.phase in BUSY:
            self.window.top.show_state(self.state, self._pace.seconds_left(self.state), ending=self.facts.ending)
