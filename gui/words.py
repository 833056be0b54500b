"""What the window says about a campaign, in plain words. Pure: no Qt."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from campaign.events import Phase
from campaign.state import CampaignState
from campaign.words import say
from gui.units import duration, plain
from gui.widgets.digits import with_unit

Tone = Literal["ok", "run", "warn", "fail", "muted"]


@dataclass(frozen=True)
class Badge:
    """A state as shape, word and colour."""

    icon: str
    word: str
    tone: Tone


_BADGES: dict[Phase, Badge] = {
    "Idle": Badge("ready", "READY", "ok"),
    "Running": Badge("play", "RUNNING", "run"),
    "Holding": Badge("pause", "PAUSING", "warn"),
    "Held": Badge("pause", "PAUSED", "warn"),
    "Restarting": Badge("play", "RESUMING", "run"),
    "Stopping": Badge("stop_after", "ENDING", "warn"),
    "Stopped": Badge("stop", "ENDED", "muted"),
    "Aborting": Badge("stop", "STOPPING", "fail"),
    "Aborted": Badge("stop", "STOPPED", "fail"),
    "Completing": Badge("check", "FINISHING", "ok"),
    "Complete": Badge("check", "DONE", "ok"),
}


def badge(state: CampaignState) -> Badge:
    """The chip of the top bar."""
    if state.question is not None and state.phase in ("Running", "Holding", "Held"):
        return Badge("warn", "NEEDS YOU", "warn")
    if state.phase == "Running" and state.waiting is not None and state.spec.mode == "approve":
        return Badge("warn", "NEEDS YOU", "warn")
    found = _BADGES[state.phase]
    if state.phase == "Running":
        return Badge(found.icon, f"RUNNING {done(state)}/{state.spec.stop.budget}", found.tone)
    return found


def done(state: CampaignState) -> int:
    """Experiments that are over, with a value or without."""
    return sum(e.status in ("done", "failed") for e in state.experiments)


def sentence(state: CampaignState) -> str:
    """What happens now, for the middle of the top bar."""
    match state.phase:
        case "Idle":
            return "Ready. Nothing has been dosed yet."
        case "Complete" | "Stopped":
            return _sentence(state.why) or "The campaign is over."
        case "Aborted":
            return "Everything stands still. Re-arm first, then resume."
        case "Holding":
            return "Pausing: the step in hand is finished first."
        case "Aborting":
            return "Stopping everything."
        case "Held" if state.question is None:
            why = "" if state.why == "paused" else _sentence(state.why)
            return f"Paused. {why}" if why else "Paused. Nothing moves."
    if state.question is not None:
        return state.question.question
    if state.waiting is not None and state.spec.mode == "approve":
        return f"Experiment {state.waiting.experiment} waits for your decision."
    if state.step is not None:
        current = next((e.number for e in reversed(state.experiments) if e.status == "running"), None)
        head = f"Experiment {current}, step" if current is not None else "Step"
        return f"{head} {state.step_index + 1} of {state.step_count}: {say(state.step)}"
    return "Choosing the next point."


def _sentence(why: str) -> str:
    """A reason as a sentence."""
    return f"{why[:1].upper()}{why[1:].rstrip('.')}." if why else ""


def progress(state: CampaignState, seconds_left: float | None, now: datetime) -> str:
    """12 of 40 · about 1 h 52 min left (done ≈ 16:40) · stops at 40 or no gain in 10."""
    budget = state.spec.stop.budget
    parts = [f"{done(state)} of {budget}"]
    if seconds_left is not None and not state.finished:
        at = now + timedelta(seconds=seconds_left)
        when = f" (done ≈ {at:%H:%M})" if seconds_left > 120 else ""
        parts.append(f"about {duration(seconds_left)} left{when}")
    parts.append(stop_rule(state))
    return " · ".join(parts)


def stop_rule(state: CampaignState) -> str:
    """When the campaign ends by itself."""
    stop, objective = state.spec.stop, state.spec.objective
    rules = [f"{stop.budget} experiments"]
    if stop.target is not None:
        sign = "≥" if objective.direction == "maximise" else "≤"
        rules.append(f"{objective.name} {sign} {with_unit(plain(stop.target), objective.unit)}")
    if stop.no_gain:
        rules.append(f"no gain in {stop.no_gain}")
    return "stops at " + " or ".join(rules)
