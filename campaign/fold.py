"""The state that a journal's events add up to. Pure: the same events give the same state, live or read again."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

from campaign import choices
from campaign.correction import correction_mistakes
from campaign.errors import JournalError
from campaign.events import (
    Answered,
    Asked,
    At,
    AttemptStarted,
    CampaignOpened,
    Corrected,
    Decided,
    Event,
    Finished,
    Included,
    Labelled,
    Noted,
    Observed,
    PhaseChanged,
    Resumed,
    SettingsChanged,
    StepDone,
    StepFailed,
    StepIntended,
    Suggested,
    VialGivenUp,
)  # fmt: skip
from campaign.spec import CampaignSpec
from campaign.state import Attempt, CampaignState, Experiment, VialStatus
from campaign.steps import CheckVial, Dose, Look
from optimiser.history import Label


class Recorded(Protocol):
    """An event with its time, as `journal.Entry`."""

    @property
    def at(self) -> At: ...
    @property
    def event(self) -> Event: ...


def fold(state: CampaignState | None, event: Event, at: At | None = None) -> CampaignState:
    """The state after `event`. Raises JournalError when the event cannot follow from the state."""
    if state is None:
        if not isinstance(event, CampaignOpened):
            raise JournalError(f"the journal begins with {event.kind}, not with the opening of a campaign")
        state = _opened(event)
    else:
        state = _step(state, event)
    if at is not None:
        state = replace(state, seconds=_seconds(state, event, at), opened=state.opened or at, last=at)
    return replace(state, events=state.events + 1)


def fold_all(events: Iterable[Event]) -> CampaignState | None:
    """The state after all events; None when there are none."""
    state = None
    for event in events:
        state = fold(state, event)
    return state


def fold_entries(entries: Iterable[Recorded]) -> CampaignState | None:
    """As `fold_all`, with times."""
    state = None
    for entry in entries:
        state = fold(state, entry.event, entry.at)
    return state


def _spec(toml: str) -> CampaignSpec:
    from campaign.config import parse_campaign

    return parse_campaign(toml, "the campaign in the journal")


def _opened(event: CampaignOpened) -> CampaignState:
    vials: dict[str, VialStatus] = dict.fromkeys(event.slots, "clean")
    return CampaignState(
        spec=_spec(event.campaign_toml), seed=event.seed, simulated=event.simulated, vials=vials, dosed_ul={}
    )


def _seconds(state: CampaignState, event: Event, at: At) -> float:
    if state.last is None or isinstance(event, Resumed):  # another session, another clock
        return state.seconds
    return state.seconds + max(0.0, at.clock_s - state.last.clock_s)


def _step(state: CampaignState, event: Event) -> CampaignState:
    match event:
        case CampaignOpened():
            raise JournalError("the campaign is opened twice in one journal")
        case PhaseChanged():
            # while Aborting it still counts what was asked
            ending = event.new in ("Stopping", "Aborted", "Completing")
            return replace(
                state, phase=event.new, why=event.why, question=None if ending else state.question,
            )  # fmt: skip
        case Suggested():
            return _suggested(state, event)
        case Decided():
            return _decided(state, event)
        case AttemptStarted():
            return _attempt(state, event)
        case StepIntended():
            return replace(
                state, attempt=replace(_work(state, event), intended=event.index, failed=None), step=event.step,
                step_index=event.index,
            )  # fmt: skip
        case StepDone():
            return _done(state, event)
        case StepFailed():
            return replace(state, attempt=replace(_work(state, event), intended=None, failed=event))
        case VialGivenUp():
            state = _vial(_row(state, event.experiment, status="given_up"), event.slot, "given_up")
            return replace(_idle(state), in_doubt=None)
        case Asked():
            return replace(state, question=event)
        case Answered():
            fresh = event.choice == choices.FRESH_RACK
            clean: dict[str, VialStatus] = dict.fromkeys(state.vials or (), "clean")
            return replace(state, question=None, vials=clean if fresh else state.vials)
        case Observed():
            return _observed(state, event)
        case SettingsChanged():
            return replace(state, spec=_spec(event.campaign_toml))
        case Noted():
            return _row(state, event.experiment, note=event.text)
        case Labelled():
            if event.label == "measured" and _experiment(state, event.experiment).value is None:
                raise JournalError(f"experiment {event.experiment} has no value and counts as measured")
            return _row(state, event.experiment, label=event.label)
        case Corrected():
            return _corrected(state, event)
        case Included():
            failed = _experiment(state, event.experiment).status == "failed"
            back: Label = "failed" if failed else "measured"
            return _row(state, event.experiment, label=back if event.include else "outlier")
        case Resumed():
            return replace(state, question=None, in_doubt=event.in_doubt)
        case Finished():
            return replace(_idle(state), why=event.why)


def _suggested(state: CampaignState, event: Suggested) -> CampaignState:
    row = Experiment(
        number=event.experiment, point=event.point, status="suggested", mean=event.mean, sd=event.sd,
        source="initial" if event.strategy == "initial" else "strategy", reason=event.reason,
    )  # fmt: skip
    before = state.experiments[: event.experiment - 1]
    if len(before) != event.experiment - 1:
        raise JournalError(f"experiment {event.experiment} is suggested after experiment {len(before)}")
    return replace(state, waiting=event, experiments=(*before, row))


def _decided(state: CampaignState, event: Decided) -> CampaignState:
    if event.action == "skip":
        left = state.experiments[: event.experiment - 1]
        return replace(state, waiting=None, experiments=left, skipped=(*state.skipped, event.point))
    state = replace(state, waiting=None, skipped=())
    if event.action == "accept":
        return state
    return _row(state, event.experiment, point=event.point, mean=event.mean, sd=event.sd, source="person")


def _attempt(state: CampaignState, event: AttemptStarted) -> CampaignState:
    done = state.attempt.done[: event.first] if state.attempt is not None else ()
    if len(done) != event.first:
        raise JournalError(
            f"attempt {event.attempt} of experiment {event.experiment} goes on where nothing was done"
        )
    attempt = Attempt(event.experiment, event.attempt, event.slot, event.steps, done)
    started = _experiment(state, event.experiment).started_s
    state = _row(
        state, event.experiment, status="running", slot=event.slot, attempt=event.attempt,
        started_s=state.seconds if started is None else started, corrected=None,
    )  # fmt: skip
    state = _vial(state, event.slot, "in_use")
    return replace(state, attempt=attempt, step=None, step_index=event.first, step_count=len(event.steps))


def _work(state: CampaignState, event: StepIntended | StepDone | StepFailed) -> Attempt:
    attempt = state.attempt
    if attempt is None or (attempt.experiment, attempt.number) != (event.experiment, event.attempt):
        raise JournalError(f"{event.kind}: attempt {event.attempt} of experiment {event.experiment} is not in work")
    return attempt


def _done(state: CampaignState, event: StepDone) -> CampaignState:
    attempt = _work(state, event)
    if event.index != len(attempt.done):
        raise JournalError(f"step {event.index} of experiment {event.experiment} is out of order")
    step = attempt.steps[event.index]
    state = replace(state, attempt=replace(attempt, done=(*attempt.done, event.data), intended=None))
    if isinstance(step, Dose):
        counted = event.data.get("volume_ul")
        volume_ul = float(counted) if isinstance(counted, int | float) else step.volume_ul
        dosed_ul = dict(state.dosed_ul or {})
        dosed_ul[step.stock] = dosed_ul.get(step.stock, 0.0) + volume_ul
        state = replace(state, dosed_ul=dosed_ul)
    if isinstance(step, CheckVial | Dose | Look):  # the vial is another, or is seen anew
        state = _row(state, event.experiment, corrected=None)
    if isinstance(step, Look):
        state = _row(state, event.experiment, reading=event.data)
    return state if event.image is None else _row(state, event.experiment, image=event.image)


def _observed(state: CampaignState, event: Observed) -> CampaignState:
    failed = event.value is None
    row = _experiment(state, event.experiment)
    label: Label = "failed" if failed and row.label == "measured" else row.label
    state = _row(
        state, event.experiment, status="failed" if failed else "done", point=event.point, value=event.value,
        value_sd=event.sd, note=event.note or row.note, label=label, ended_s=state.seconds,
    )  # fmt: skip
    if row.slot is not None and (state.vials or {}).get(row.slot) == "in_use":
        state = _vial(state, row.slot, "done")
    return replace(_idle(state), in_doubt=None)


def _corrected(state: CampaignState, event: Corrected) -> CampaignState:
    if mistakes := correction_mistakes(event):
        raise JournalError(f"a correction that cannot be: {'; '.join(mistakes)}")
    if event.experiment is None:
        return state
    seen = {"state": event.state, "surface_row": event.surface_row, "volume_ul": event.volume_ul}
    return _row(state, event.experiment, corrected=seen)


def _idle(state: CampaignState) -> CampaignState:
    return replace(state, attempt=None, step=None, step_index=0, step_count=0)


def _experiment(state: CampaignState, number: int) -> Experiment:
    if not 1 <= number <= len(state.experiments):
        raise JournalError(f"there is no experiment {number}; there are {len(state.experiments)}")
    return state.experiments[number - 1]


def _row(state: CampaignState, number: int, **changes: Any) -> CampaignState:
    row, rows = replace(_experiment(state, number), **changes), state.experiments
    return replace(state, experiments=(*rows[: number - 1], row, *rows[number:]))


def _vial(state: CampaignState, slot: str | None, status: VialStatus) -> CampaignState:
    if slot is None:
        return state
    return replace(state, vials={**(state.vials or {}), slot: status})
