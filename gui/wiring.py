"""What a person wants, turned into calls of the session."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from campaign.config import CampaignFileError, load_campaign
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.bridge import Bridge
from gui.estimate import not_from_here
from gui.facts import Facts
from gui.main_window import MainWindow
from gui.panels.setup import going_on
from gui.plugs import Plugged, Plugs
from gui.session import Session
from gui.showing import Showing
from gui.stall import StallWatch
from gui.theme import Choice
from gui.units import duration
from gui.widgets.palette import KeyList, Palette

_TEXT_STEPS = {"text_larger": 1, "text_smaller": -1, "text_normal": 0}
_BY_HAND = ("manual", "devices")
"""Pages where the space bar presses buttons: it never sets a campaign going there."""
_FILES = "Campaign files (*.toml)"


class Wiring(QObject):
    """The window's commands. It never waits: what comes of them arrives in `showing`."""

    def __init__(self, window: MainWindow, session: Session, bridge: Bridge, spec: CampaignSpec) -> None:
        super().__init__(window)
        self.window, self.session, self.bridge = window, session, bridge
        self.showing = Showing(window, session, bridge, spec)
        self._leaving = False
        self.showing.rested.connect(self._rested)
        bridge.closed.connect(window.let_go)
        window.actions_.wanted.connect(self.do)
        window.top.stop_all.connect(session.stop_all)
        window.keys.stop_all.connect(session.stop_all)
        window.keys.space.connect(self._space)
        window.keys.enter.connect(self._enter)
        window.banner.chosen.connect(self.choose)
        window.rail.page_wanted.connect(window.show_page)
        window.closing.connect(self.close)
        window.setup_page.applied.connect(self._change)
        window.manual_page.wanted.connect(lambda said, act, values: session.by_hand(said, act, *values))
        window.devices_page.wanted.connect(lambda what, values: getattr(session.devices_work, what)(*values))
        window.devices_page.moved.connect(lambda said, act, values: session.by_hand(said, act, *values))
        window.devices_page.opened.connect(lambda path: session.open_rig(path, self.state.spec))
        window.devices_page.show_file(session.devices_work.rig_path)
        bridge.device_told.connect(window.devices_page.hear)
        bridge.hand_told.connect(window.devices_page.tell)
        for camera in (window.run_page.camera, window.manual_page.camera):
            camera.corrected.connect(session.correct)
        self._stall = StallWatch(self)
        self._stall.stalled.connect(self._stalled)
        self._plugs = Plugs(lambda: session.facts.rig, bridge.tell_plugged)
        bridge.plugged.connect(self._plugged)
        bridge.closed.connect(self._end_watches)
        self._connect_run_page()

    def _connect_run_page(self) -> None:
        page, session = self.window.run_page, self.session
        page.decided.connect(
            lambda action, point, why: session.command("decide", action, point, why, self.state.waiting)
        )
        page.answered.connect(lambda choice: session.command("answer", choice, self.state.question))
        page.noted.connect(lambda number, text: session.command("note", number, text))
        page.labelled.connect(self._label)
        page.beta_changed.connect(lambda beta: self._change({"strategy.beta": beta}))
        page.acquisition_changed.connect(lambda name: self._change({"strategy.acquisition": name}))
        page.mode_changed.connect(lambda mode: self._change({"mode": mode}))

    @property
    def state(self) -> CampaignState:
        return self.showing.state

    @property
    def facts(self) -> Facts:
        return self.showing.facts

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
            case "label":
                window.show_page("run")
                window.run_page.label_chosen()
            case "go_setup" | "go_run" | "go_manual" | "go_devices":
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
                window.choose_theme(cast(Choice, name.removeprefix("theme_")))
            case "text_larger" | "text_smaller" | "text_normal":
                window.scale_text(_TEXT_STEPS[name])
            case "palette":
                Palette(window, window.actions_)
            case "keys":
                KeyList(window)

    def start(self) -> None:
        """Begin the campaign that the form describes."""
        spec = self.window.setup_page.spec
        if spec is None or not_from_here(spec) is not None:
            self.window.show_page("setup")
            return
        self.showing.show_idle(spec)
        self.session.begin(spec)
        self.window.show_page("run")

    def choose(self, name: str) -> None:
        """A button of the banner."""
        head, _, rest = name.partition(":")
        found = self.facts.unfinished
        match head:
            case "answer":
                self.session.command("answer", rest, self.state.question)
            case "close":
                self._close_chosen(rest)
            case "rearm":
                self.session.rearm(int(rest))
            case "resume" | "stop":
                self.session.command(head)
            case "retry":
                self.session.connect(self.state.spec)
            case "dismiss":
                self.showing.clear_message()
                self.session.dismiss()
            case "report":
                self.session.report()
            case "again":
                self._another()
            case "unfinished" if rest == "leave":
                self.session.leave_unfinished()
                self._another()
            case "unfinished" if found is not None:
                (self.session.go_on if rest == "go_on" else self.session.look_at)(found.folder)

    def close(self) -> None:
        """The window wants to close: a campaign in progress asks first, and nothing is cut short unasked."""
        if self.showing.at_rest:
            self.session.close()
        elif not self._leaving:
            self.showing.asking = True
            self.showing.refresh()

    def _close_chosen(self, how: str) -> None:
        self.showing.asking = False
        self._leaving = how != "no"
        if self._leaving and self.showing.at_rest:
            self.session.close()
        elif self._leaving:
            self.session.command("pause" if how == "hold" else "stop")
        self.showing.refresh()

    def _stalled(self, stood_s: float) -> None:
        self.showing.tell(
            "warn",
            f"This window stood still for {duration(stood_s)}; what it did then is in the log. The rig does not "
            "depend on it: look what it did meanwhile.",
        )

    def _plugged(self, change: Plugged) -> None:
        """Only a note, unless a device of this rig hangs on that port."""
        if change.devices:
            self.showing.tell("ok" if change.here else "warn", change.words)
        self.window.status.note(change.words)

    def _end_watches(self) -> None:
        self._stall.close()
        self._plugs.close()

    def _rested(self) -> None:
        if self._leaving:
            self.session.close()

    def _another(self) -> None:
        """Ready for another campaign, as the form describes it."""
        self.showing.show_idle(self.window.setup_page.spec or self.state.spec)
        self.window.show_page("setup")

    def _space(self) -> None:
        if self.state.phase == "Running":
            self.do("pause")
        elif self.state.phase == "Held" and self.window.page in _BY_HAND:
            self.window.status.note("The space bar resumes the campaign on the page Run only.")
        elif self.state.phase == "Held":
            self.do("resume")

    def _enter(self) -> None:
        if self.showing.waiting and self.window.page == "run":
            self.do("accept")

    def _change(self, changes: Mapping[str, object]) -> None:
        """Settings that a person changed, by place; every other one stays as the campaign has it."""
        if self.facts.looking_only:
            return
        if going_on(self.state):
            self.session.revise(changes)
        else:
            self.window.setup_page.put(changes)

    def _label(self, numbers: tuple[int, ...], label: str) -> None:
        if self.facts.looking_only:
            self.window.status.note("This campaign is only looked at; go on with it to change a label.")
        else:
            self.session.command("label", numbers, label)

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.window, "Open a campaign", "", _FILES)
        if path:
            self.open(Path(path))

    def open(self, path: Path) -> None:
        """Read a campaign file into the form; all its mistakes are told at once."""
        try:
            spec = load_campaign(path)
        except CampaignFileError as error:
            self.showing.tell("fail", "\n".join((f"{path.name} cannot be used:", *error.mistakes)))
            return
        self.window.setup_page.load(spec)
        self._another()
        self.session.connect(spec)

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self.window, "Save the campaign", "campaign.toml", _FILES)
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        try:
            self.window.setup_page.save(path)
        except OSError as error:
            self.showing.tell("fail", f"{path} could not be written: {error.strerror}.")
        else:
            self.showing.tell("ok", f"Saved as {path}.")
