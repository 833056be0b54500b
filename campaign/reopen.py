"""What a journal says when its campaign is picked up again. Nothing that may have been done is done again."""

from collections.abc import Iterable, Mapping

from campaign import choices
from campaign.errors import JournalError
from campaign.events import (
    Answered,
    Event,
    Json,
    PhaseChanged,
    Resumed,
    StepDone,
    StepFailed,
    StepIntended,
    VialGivenUp,
)  # fmt: skip
from campaign.fold import fold_entries
from campaign.journal import Journal
from campaign.state import CampaignState
from campaign.steps import CheckVial, Dose, Step
from campaign.transitions import after, allowed
from campaign.words import say, what_follows
from hardware.spec import RigSpec


def read(journal: Journal) -> CampaignState:
    """The state that a whole and unaltered journal adds up to. Raises JournalError."""
    if (damage := journal.verify()) is not None:
        raise JournalError(
            f"{journal.path}: {damage}. It can be read but not gone on with; keep a copy and begin a new campaign"
        )
    state = fold_entries(journal.entries())
    if state is None:
        raise JournalError(f"{journal.path} is empty: its campaign was never opened. Begin it anew")
    return state


def in_doubt(state: CampaignState) -> str | None:
    """The step whose outcome nobody knows, in words."""
    attempt = state.attempt
    if attempt is None or attempt.intended is None:
        return None
    return f"{say(attempt.steps[attempt.intended])} (experiment {attempt.experiment})"


def not_here(state: CampaignState, begun_on: str, rig: RigSpec) -> str:
    """Why a campaign cannot go on on this rig, in a sentence; empty when it can. begun_on: its own rig's name."""
    spec, lacks = state.spec, []
    if not spec.objective.needs_rig:
        return ""
    if pumps := [p.name for p in spec.space.parameters if p.name not in rig.pumps]:
        lacks.append(f"has no pump {', '.join(pumps)}")
    if (meter := spec.objective.meter) is not None and meter not in rig.meters:
        lacks.append(f"has no meter {meter}")
    if tuple(state.vials or ()) != rig.rack.slots:
        lacks.append("has other places for vials")
    if state.simulated != rig.simulated:
        lacks.append(
            "is a virtual bench and its own is real" if rig.simulated else "is real and its own is a virtual bench"
        )
    return f"It was begun on the rig {begun_on}; this one, {rig.name}, {' and '.join(lacks)}." if lacks else ""


def first_events(state: CampaignState) -> tuple[Event, ...]:
    """What is recorded on opening: Held, the step in doubt named.

    A vial about which a question was open is given up: who was asked may not have seen it. A number that was asked
    for is asked for again.
    """
    doubt = in_doubt(state)
    out: list[Event] = [Resumed(doubt)]
    attempt = state.attempt
    if attempt is not None and state.question is not None and state.question.number_unit is None:
        why = f"nobody answered: {state.question.question}"
        out.append(VialGivenUp(attempt.experiment, attempt.number, attempt.slot, why))
    if allowed(state.phase, "reopen"):
        why = "the program ended and was started again"
        if doubt is not None:
            why += f"; in doubt: {doubt}. {what_follows(state)}"
        out.append(PhaseChanged(state.phase, after(state.phase, "reopen"), why))
    return tuple(out)


def recalled(events: Iterable[Event]) -> tuple[tuple[Step, Mapping[str, Json] | None], ...]:
    """Every step that was or may have been carried out, oldest first, with its data.

    A fresh rack is told as a look that found every vial in use so far empty: what was dosed before is out of the
    vials, and out of the syringes too.
    """
    steps: dict[tuple[int, ...], tuple[Step, Mapping[str, Json] | None]] = {}
    racks = 0
    for event in events:
        match event:
            case StepIntended():
                steps[event.experiment, event.attempt, event.index] = (event.step, None)
            case StepDone():
                key = (event.experiment, event.attempt, event.index)
                steps[key] = (steps[key][0], event.data)
            case StepFailed(outcome="not_done"):
                del steps[event.experiment, event.attempt, event.index]
            case Answered(choice=choices.FRESH_RACK):
                racks += 1
                slots = dict.fromkeys(s.slot for s, _ in steps.values() if isinstance(s, Dose))
                steps |= {(racks, i): (CheckVial(slot), {"state": "empty"}) for i, slot in enumerate(slots)}
            case _:
                pass
    return tuple(steps.values())
