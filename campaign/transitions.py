"""Phases of a campaign and what leads from one to the next, in the words of ISA-88. There are no others."""

from collections.abc import Mapping
from typing import Literal

from campaign.errors import TransitionError
from campaign.events import Phase

Command = Literal["start", "pause", "resume", "stop", "stop_all", "rearm", "complete", "reopen", "done"]
"""done: what the phase was for has been carried out. complete: a stop rule is met. rearm: ISA-88's clear.
reopen: the program ended and was started again."""

TABLE: Mapping[tuple[Phase, Command], Phase] = {
    ("Idle", "start"): "Running",
    ("Running", "pause"): "Holding",
    ("Holding", "done"): "Held",
    ("Held", "resume"): "Restarting",
    ("Restarting", "done"): "Running",
    ("Running", "complete"): "Completing",
    ("Completing", "done"): "Complete",
    ("Idle", "stop"): "Stopping",
    ("Running", "stop"): "Stopping",
    ("Holding", "stop"): "Stopping",
    ("Held", "stop"): "Stopping",
    ("Aborted", "stop"): "Stopping",
    ("Stopping", "done"): "Stopped",
    ("Idle", "stop_all"): "Aborting",
    ("Running", "stop_all"): "Aborting",
    ("Holding", "stop_all"): "Aborting",
    ("Held", "stop_all"): "Aborting",
    ("Restarting", "stop_all"): "Aborting",
    ("Stopping", "stop_all"): "Aborting",
    ("Completing", "stop_all"): "Aborting",
    ("Aborting", "done"): "Aborted",
    ("Aborted", "rearm"): "Held",
    ("Idle", "reopen"): "Held",
    ("Running", "reopen"): "Held",
    ("Holding", "reopen"): "Held",
    ("Restarting", "reopen"): "Held",
    ("Stopping", "reopen"): "Held",
    ("Completing", "reopen"): "Held",
    ("Aborting", "reopen"): "Held",
    ("Aborted", "reopen"): "Held",
}

_INSTEAD: Mapping[Command, str] = {
    "start": "only a campaign that is idle can be started",
    "pause": "only a running campaign can be paused",
    "resume": "only a held campaign can be resumed",
    "stop": "it is ending already or has ended",
    "stop_all": "it has ended already",
    "rearm": "only after Stop all there is something to rearm",
    "complete": "only a running campaign completes",
    "reopen": "it is where it was left",
    "done": "nothing is under way",
}


def after(phase: Phase, command: Command) -> Phase:
    """The phase that follows. Raises TransitionError when the command is not allowed."""
    try:
        return TABLE[phase, command]
    except KeyError:
        raise TransitionError(f"the campaign is {phase.lower()}: {_INSTEAD[command]}") from None


def allowed(phase: Phase, command: Command) -> bool:
    return (phase, command) in TABLE
