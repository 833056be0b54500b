"""Every command once: key, text, shortcut, icon, and when it may be used.

Buttons, menus, the palette, tool tips and the list of keys are all made from this table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from campaign.events import Phase
from gui.icons import icon
from gui.theme import Theme

Group = Literal["Campaign", "Next experiment", "Go to", "File", "View", "Help"]


@dataclass(frozen=True)
class Situation:
    """What decides whether a command makes sense. phase None: no campaign is open yet."""

    phase: Phase | None = None
    ready: bool = False
    waiting: bool = False
    looking_only: bool = False
    ending: bool = False
    asked: bool = False


def _always(_: Situation) -> bool:
    return True


def _in(*phases: Phase) -> Callable[[Situation], bool]:
    return lambda now: now.phase in phases and not now.looking_only


@dataclass(frozen=True)
class Command:
    """keys: as QKeySequence reads them. owned_keys: shown to people, but caught by the window's own filter."""

    name: str
    text: str
    group: Group
    tip: str
    keys: tuple[str, ...] = ()
    owned_keys: tuple[str, ...] = ()
    icon: str | None = None
    when: Callable[[Situation], bool] = _always


COMMANDS: tuple[Command, ...] = (
    Command("stop_all", "Stop all", "Campaign", "Halt every pump and the stage now, without asking",
            owned_keys=("Pause", "Ctrl+.", "Esc Esc"), icon="stop"),
    Command("start", "Start", "Campaign", "Begin the campaign as it is set up", icon="play",
            when=lambda now: now.ready and now.phase in ("Idle", "Complete", "Stopped")),
    Command("pause", "Pause", "Campaign", "Finish the step in hand, then hold", owned_keys=("Space",), icon="pause",
            when=_in("Running")),
    Command("resume", "Resume", "Campaign", "Go on from where the campaign holds", owned_keys=("Space",),
            icon="play", when=lambda now: _in("Held")(now) and not now.asked),
    Command("stop_after", "Stop after this", "Campaign", "Finish this experiment, then end the campaign",
            icon="stop_after",
            when=lambda now: _in("Running", "Held")(now) and not now.ending),
    Command("accept", "Accept", "Next experiment", "Make the suggested experiment", owned_keys=("Enter",),
            when=lambda now: now.waiting),
    Command("edit_next", "Edit the next point", "Next experiment", "Go to the fields of the next point", ("E",),
            when=lambda now: now.waiting),
    Command("skip", "Skip", "Next experiment", "Drop this suggestion and ask for another one", ("S",),
            when=lambda now: now.waiting),
    Command("note", "Note on this experiment", "Next experiment", "Write a note beside the current experiment",
            ("N",), when=lambda now: now.phase is not None and now.phase != "Idle"),
    Command("label", "Label an experiment…", "Next experiment",
            "Say whether it counts, failed, cannot be made or is an outlier", ("L",),
            when=lambda now: now.phase is not None and now.phase != "Idle" and not now.looking_only),
    Command("go_setup", "Set up", "Go to", "Parameters, target, strategy and budget", ("Ctrl+1",), icon="setup"),
    Command("go_run", "Run", "Go to", "The campaign as it goes", ("Ctrl+2",), icon="run"),
    Command("go_manual", "Manual", "Go to", "Move the stage and use the pumps by hand", ("Ctrl+3",),
            icon="manual"),
    Command("go_devices", "Devices", "Go to", "Find, check and calibrate pumps, stage and camera", ("Ctrl+4",),
            icon="devices"),
    Command("open", "Open a campaign file…", "File", "Read a campaign file into the set-up form", ("Ctrl+O",),
            icon="open", when=lambda now: now.phase in (None, "Idle", "Complete", "Stopped", "Aborted")),
    Command("save", "Save the campaign file…", "File", "Write the set-up as a campaign file", ("Ctrl+S",),
            icon="save"),
    Command("report", "Report", "File", "Write the report and open it in the browser", ("Ctrl+R",), icon="report",
            when=lambda now: now.phase is not None and now.phase != "Idle"),
    Command("quit", "Quit", "File", "Close the window; a campaign in progress is held first", ("Ctrl+Q",)),
    Command("theme_system", "Colours: as the system", "View", "Follow the desktop's light or dark scheme"),
    Command("theme_light", "Colours: light", "View", "Light colours"),
    Command("theme_dark", "Colours: dark", "View", "Dark colours"),
    Command("text_larger", "Larger text", "View", "Up to 160 %", ("Ctrl++", "Ctrl+=")),
    Command("text_smaller", "Smaller text", "View", "Down to 90 %", ("Ctrl+-",)),
    Command("text_normal", "Normal text", "View", "100 %", ("Ctrl+0",)),
    Command("palette", "Find a command…", "Help", "Type a few letters of any command", ("Ctrl+K",)),
    Command("keys", "List of keys", "Help", "Every key of the window", ("?",)),
)  # fmt: skip


class Actions(QObject):
    """The commands as QActions of one window. `wanted` carries the command's name."""

    wanted = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._actions: dict[str, QAction] = {}
        for command in COMMANDS:
            action = QAction(command.text, window)
            action.setShortcuts([QKeySequence(k) for k in command.keys])
            action.setToolTip(tip(command))
            action.setStatusTip(command.tip)
            action.triggered.connect(lambda _=False, name=command.name: self.wanted.emit(name))
            self._actions[command.name] = action
            window.addAction(action)
        self.show_situation(Situation())

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def show_situation(self, now: Situation) -> None:
        """Enable what makes sense now."""
        for command in COMMANDS:
            self._actions[command.name].setEnabled(command.when(now))

    def set_theme(self, theme: Theme) -> None:
        for command in COMMANDS:
            if command.icon is not None:
                self._actions[command.name].setIcon(icon(command.icon, theme.text, theme.muted))


def tip(command: Command) -> str:
    """The tool tip: what it does, and its keys."""
    keys = key_words(command)
    return f"{command.tip} ({keys})" if keys else command.tip


def key_words(command: Command) -> str:
    return ", ".join((*command.owned_keys, *command.keys))


def command(name: str) -> Command:
    return next(c for c in COMMANDS if c.name == name)
