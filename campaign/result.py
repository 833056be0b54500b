"""What a campaign came to, and driving one to its end without a window."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from campaign.events import Asked, Event, Finished, Point
from campaign.loop import Campaign
from campaign.state import CampaignState, Experiment
from campaign.words import say_options

STOPPED_S = 8.0
"""After a keyboard interrupt: how long what the devices say to the stop is waited for."""
Listener = Callable[[Event, CampaignState], None]
Person = Callable[[Asked], str | None]
"""Answers a question with one of its choices; None: nobody is there."""


class HeldError(RuntimeError):
    """The campaign waits in Held for a person. Nothing is lost: it can be resumed from its journal."""

    def __init__(self, state: CampaignState, journal: Path) -> None:
        asked = state.question
        said = f"{asked.question} [{say_options(asked)}]" if asked else state.why
        super().__init__(f"the campaign is {state.phase.lower()}: {said}")
        self.state = state
        self.journal = journal
        self.add_note(
            f"Nothing is lost: go on with aliquot.run(..., out={str(journal.parent)!r}, resume=True, person=told); "
            "told(asked) returns one of asked.choices, or a number as text."
        )


@dataclass(frozen=True)
class Result:
    """best_mean, best_sd: the surrogate's belief at the best measured point, in the objective's unit."""

    best_point: Point | None
    best_mean: float | None
    best_sd: float | None
    experiments: tuple[Experiment, ...]
    why: str
    seconds: float
    state: CampaignState
    journal: Path


def to_the_end(
    campaign: Campaign,
    journal: Path,
    *,
    resumed: bool = False,
    listen: Listener | None = None,
    person: Person | None = None,
) -> Result:
    """Start or resume the campaign and wait for its end.

    Raises HeldError when it needs a person and `person` has no answer. A keyboard interrupt stops all devices and
    is raised again with what they said.
    """
    ends: list[Finished] = []

    def keep(event: Event, state: CampaignState) -> None:
        if isinstance(event, Finished):
            ends.append(event)
        if listen:
            listen(event, state)

    campaign.listen(keep)
    try:
        if resumed:
            campaign.resume()
        else:
            campaign.start()
        while not campaign.state.finished:
            if campaign.wait(timeout=0.2) and not campaign.state.finished:
                _answer(campaign, journal, person)
    except KeyboardInterrupt:
        campaign.stop_all("hand")
        campaign.wait(STOPPED_S)
        raise KeyboardInterrupt(campaign.state.why) from None
    if not ends:
        raise HeldError(campaign.state, journal)
    end, state = ends[-1], campaign.state
    return Result(
        end.best_point, end.best_mean, end.best_sd, state.experiments, end.why, end.seconds, state, journal
    )


def _answer(campaign: Campaign, journal: Path, person: Person | None) -> None:
    asked = campaign.state.question
    choice = person(asked) if asked and person else None
    if choice is None:
        raise HeldError(campaign.state, journal)
    campaign.answer(choice)
