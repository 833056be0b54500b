"""What a person wishes of a campaign, checked against its state. Nothing changes here; a refusal says why."""

from collections.abc import Sequence

from campaign.attempt import number_in
from campaign.correction import correction_mistakes
from campaign.errors import CampaignError
from campaign.events import Action, Asked, Corrected, Labelled, Point, Suggested
from campaign.spec import CampaignSpec
from campaign.state import CampaignState, Experiment
from campaign.words import LABELS
from optimiser.history import Label


def decision(
    state: CampaignState, action: Action, point: Point | None, shown: Suggested | None
) -> tuple[Suggested, Point]:
    """The suggestion that waits, and the point to be made. Raises SpaceError, CampaignError."""
    if (waiting := state.waiting) is None:
        raise CampaignError("no suggestion waits for a decision")
    if shown not in (None, waiting):
        raise CampaignError("another suggestion waits by now; look at it first")
    if action not in ("accept", "override", "skip"):
        raise CampaignError(f"{action!r} is no decision; accept, override or skip")
    if action != "override":
        return waiting, waiting.point
    if point is None:
        raise CampaignError("an override needs a point")
    state.spec.space.validate(point)
    return waiting, dict(point)


def answered(state: CampaignState, choice: str, shown: Asked | None) -> Asked:
    """The question to which `choice` is an answer. Raises CampaignError."""
    if (asked := state.question) is None:
        raise CampaignError("nothing is asked")
    if shown not in (None, asked):
        raise CampaignError(f"{choice!r} is no answer to what is asked by now; read it first")
    if choice in asked.choices:
        return asked
    options = ", ".join(asked.choices)
    if asked.number_unit is None:
        raise CampaignError(f"{choice!r} is no answer to this; choose one of {options}")
    try:
        number_in(choice, asked)
    except ValueError as error:
        raise CampaignError(f"{error}; or choose one of {options}") from error
    return asked


def revision(state: CampaignState, spec: CampaignSpec) -> None:
    """Raises CampaignError when the revision would make what was measured meaningless."""
    now = state.spec
    fixed = {
        "search space": spec.space != now.space,
        "objective": (spec.objective, spec.constants) != (now.objective, now.constants),
    }
    if other := [name for name, differs in fixed.items() if differs]:
        raise CampaignError(
            f"the {' and the '.join(other)} cannot change on the way; begin a new campaign for that"
        )


def known(state: CampaignState, number: int) -> Experiment:
    """Raises CampaignError unless there is such an experiment."""
    if not 1 <= number <= len(state.experiments):
        raise CampaignError(f"there is no experiment {number}; there are {len(state.experiments)}")
    return state.experiments[number - 1]


def labels(state: CampaignState, numbers: Sequence[int], label: Label) -> tuple[Labelled, ...]:
    """What is to be recorded: those whose label differs. Raises CampaignError naming all that are refused."""
    if label not in LABELS:
        raise CampaignError(f"{label!r} is no label; choose {', '.join(LABELS)}")
    chosen = [known(state, n) for n in numbers]
    if unfinished := [e for e in chosen if not e.over]:
        raise CampaignError(f"{_named(unfinished)} not over yet; label it when there is a result")
    if label == "measured" and (without := [e for e in chosen if e.value is None]):
        raise CampaignError(
            f"{_named(without)} without a value and cannot count as measured; choose failed, infeasible or outlier"
        )
    return tuple(Labelled(e.number, label) for e in chosen if e.label != label)


def correction(state: CampaignState, seen: Corrected) -> None:
    """Raises CampaignError for a correction that makes no sense, or of an experiment that is not there."""
    if mistakes := correction_mistakes(seen):
        raise CampaignError(f"this correction cannot be kept: {'; '.join(mistakes)}")
    if seen.experiment is not None:
        known(state, seen.experiment)


def _named(experiments: Sequence[Experiment]) -> str:
    numbers = ", ".join(str(e.number) for e in experiments)
    return f"experiment {numbers} is" if len(experiments) == 1 else f"experiments {numbers} are"
