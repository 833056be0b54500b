"""What the window knows beside the campaign's own state: the rig, its devices, the last Stop all."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from gui.words import Tone
from hardware.spec import RigSpec

Link = Literal["none", "connecting", "ready", "failed"]
FREE = ("Idle", "Held", "Complete", "Stopped")
"""Phases in which a person may use the rig by hand."""


@dataclass(frozen=True)
class DeviceFact:
    """One device in the status bar: "pump red, 24.6 mL"."""

    name: str
    word: str
    tone: Tone


@dataclass(frozen=True)
class Unfinished:
    """A campaign that was begun and not ended when the program last closed.

    elsewhere: why it cannot go on on this rig, in a sentence; empty when it can."""

    folder: Path
    name: str
    experiments: int
    in_doubt: str | None
    elsewhere: str = ""


@dataclass(frozen=True)
class Facts:
    """link: to the rig; a campaign that needs none is ready at once. mistakes: what stands in the way, one
    sentence each. stopped_by: who or what did, when it was not this window. unconfirmed: devices that did not
    confirm the last Stop all. busy: what is done by hand now. starting: a campaign was asked for and does not go
    yet. ending: it ends after the experiment in work."""

    link: Link = "none"
    said: str = ""
    mistakes: tuple[str, ...] = ()
    rig: RigSpec | None = None
    simulated: bool = False
    latched: bool = False
    stopped_at: datetime | None = None
    stopped_by: str = ""
    unconfirmed: tuple[str, ...] = ()
    unfinished: Unfinished | None = None
    folder: Path | None = None
    looking_only: bool = False
    busy: str = ""
    starting: bool = False
    ending: bool = False
