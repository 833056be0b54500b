"""What the banner says, from what is known. Pure: no Qt."""

from dataclasses import dataclass, replace

from campaign.correction import said_of_question
from campaign.events import Finished
from campaign.rules import say_readings
from campaign.state import CampaignState
from campaign.words import what_follows
from gui.facts import Facts, Unfinished
from gui.units import plain
from gui.widgets.digits import with_sd, with_unit
from gui.words import Tone, sentence


@dataclass(frozen=True)
class Choice:
    """name: what is emitted; hold: the button must be held for a second."""

    name: str
    text: str
    filled: bool = False
    hold: bool = False


@dataclass(frozen=True)
class Notice:
    """number_unit: a number may be typed, in this unit ("" for none); number_for: what it is typed for."""

    tone: Tone
    text: str
    choices: tuple[Choice, ...] = ()
    image: str | None = None
    number_unit: str | None = None
    number_for: str = ""


def notice(
    state: CampaignState,
    facts: Facts,
    *,
    closing: bool = False,
    message: Notice | None = None,
    ended: Finished | None = None,
) -> Notice | None:
    """The one thing that a person must know now; None when all is well. message: what was told last. ended: what
    the campaign came to."""
    if facts.latched or facts.stopped_at is not None or (state.phase == "Aborted" and not facts.looking_only):
        return _stopped(state, facts)
    if closing:
        return Notice(
            "warn",
            "The campaign is in progress. Hold it and close? It can be gone on with next time.",
            (
                Choice("close:hold", "Hold and close", filled=True),
                Choice("close:end", "End the campaign and close"),
                Choice("close:no", "Keep going"),
            ),
        )
    if facts.unfinished is not None:
        return _unfinished(facts.unfinished)
    question = _question(state) if not facts.looking_only else None
    if facts.mistakes:
        if question is not None:  # what went wrong never hides what is asked
            said = "\n".join((*facts.mistakes, question.text))
            close = Choice("dismiss", "Close the message")
            return replace(question, tone="fail", text=said, choices=(*question.choices, close))
        retry = (Choice("retry", "Try again", filled=True),) if facts.link == "failed" else ()
        return Notice("fail", "\n".join(facts.mistakes), (*retry, Choice("dismiss", "Close")))
    if question is not None and question.number_unit is not None and message is not None:  # why it was not taken
        return replace(question, text=f"{question.text}\n{message.text}")
    if question is not None:
        return question
    if facts.looking_only:
        return Notice(
            "muted",
            f"Looking only: {state.spec.name}, {len(state.observed)} measured. Nothing is connected to it.",
            (Choice("unfinished:leave", "Close it"),),
        )
    if state.in_doubt is not None and state.phase == "Held":
        return Notice(
            "warn",
            f"In doubt: {state.in_doubt}. {what_follows(state)}.",
            (Choice("resume", "Go on", filled=True), Choice("stop", "End the campaign")),
        )
    if message is not None:
        return message
    if state.phase in ("Complete", "Stopped"):
        return Notice(
            "ok" if state.phase == "Complete" else "muted",
            f"{sentence(state)} {_best(state, ended)}".rstrip(),
            (Choice("report", "Write the report", filled=True), Choice("again", "Set up another campaign")),
        )
    return None


def _unfinished(found: Unfinished) -> Notice:
    count = found.experiments
    made = f"{count} {'experiment' if count == 1 else 'experiments'} made"
    text = f"An unfinished campaign was found: {found.name}, {made}."
    if found.in_doubt:
        text += f" In doubt: {found.in_doubt}."
    look, leave = Choice("unfinished:look", "Look at it only"), Choice("unfinished:leave", "Leave it")
    if found.elsewhere:
        return Notice("warn", f"{text} {found.elsewhere} Open its own rig to go on with it.", (look, leave))
    return Notice("warn", text, (Choice("unfinished:go_on", "Go on", filled=True), look, leave))


def _question(state: CampaignState) -> Notice | None:
    """What the campaign asks, with a button per answer."""
    asked = state.question
    if asked is None:
        return None
    typed = asked.number_unit is not None
    choices = tuple(
        Choice(f"answer:{word}", _capital(word), n == 0 and not typed) for n, word in enumerate(asked.choices)
    )
    attempt = state.attempt.number if state.attempt is not None else 0
    number_for = f"experiment {asked.experiment}, attempt {attempt}" if typed else ""
    text = " ".join(filter(None, (asked.question, said_of_question(state))))
    return Notice("warn", text, choices, asked.image, asked.number_unit, number_for)


def _best(state: CampaignState, ended: Finished | None) -> str:
    """The incumbent in one sentence."""
    if ended is None or ended.best_point is None or ended.best_mean is None:
        return ""
    objective, units = state.spec.objective, {p.name: p.unit for p in state.spec.space.parameters}
    said = (
        f"{name} {value if isinstance(value, str) else with_unit(plain(value), units[name])}"
        for name, value in ended.best_point.items()
    )
    value = with_sd(ended.best_mean, ended.best_sd, objective.unit)
    return f"Best: {objective.name} {value} with {', '.join(said)} ({say_readings(state, ended.best_point)})."


def _stopped(state: CampaignState, facts: Facts) -> Notice:
    at = f" {facts.stopped_at:%H:%M:%S}" if facts.stopped_at is not None else ""
    if facts.stopped_by:  # a cause is a clause: "the program has ended"; everybody else is a name
        at += f" ({facts.stopped_by})" if facts.stopped_by.startswith("the ") else f" by {facts.stopped_by}"
    if facts.unconfirmed:
        names = ", ".join(facts.unconfirmed)
        text = f"Stopped{at}, but not confirmed by {names}. Switch it off by hand before you go near the rig."
        tone: Tone = "fail"
    elif facts.rig is None:
        text, tone = f"Stopped{at}. No device is connected.", "warn"
    else:
        text, tone = (
            f"Stopped{at}: pumps halted, stage halted. Nothing moves until you re-arm.",
            "warn",
        )
    if state.phase == "Aborted" and facts.stopped_at is None:
        text = f"{state.why}. Nothing moves until you re-arm."
    if facts.said:
        text += f" {facts.said[:1].upper()}{facts.said[1:]}."
    return Notice(tone, text, (Choice("rearm", "Re-arm (hold 1 s)", hold=True),))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
