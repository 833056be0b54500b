"""Everything that happens in a campaign, as data. The journal keeps them; `state.fold` reads them.

`experiment` counts from 1. `attempt` counts from 1 within an experiment: a vial that is given up is followed
by a new attempt in a clean one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from campaign.steps import Step
from optimiser.history import Label
from vision.reading import State

Point = Mapping[str, float | str]
By = Literal["strategy", "person"]
Action = Literal["accept", "override", "skip"]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Phase = Literal[
    "Idle", "Running", "Holding", "Held", "Restarting", "Stopping", "Stopped",
    "Aborting", "Aborted", "Completing", "Complete",
]  # fmt: skip


@dataclass(frozen=True)
class At:
    """When an event was recorded. wall_s: seconds since 1970, for people. clock_s: the monotonic clock of that
    session, for durations; it starts anew when the program does."""

    wall_s: float
    clock_s: float


@dataclass(frozen=True)
class CampaignOpened:
    """First event of a journal: both files as text, so that the journal explains itself.

    slots: where vials stand, in the order they are used; empty when no vial is needed.
    """

    name: str
    campaign_toml: str
    rig_toml: str | None
    seed: int
    simulated: bool
    version: str
    slots: tuple[str, ...] = ()
    kind: Literal["campaign_opened"] = "campaign_opened"


@dataclass(frozen=True)
class PhaseChanged:
    old: Phase
    new: Phase
    why: str
    kind: Literal["phase_changed"] = "phase_changed"


@dataclass(frozen=True)
class Suggested:
    experiment: int
    point: Point
    mean: float | None
    sd: float | None
    acquisition: float | None
    reason: str
    strategy: str
    kind: Literal["suggested"] = "suggested"


@dataclass(frozen=True)
class Decided:
    """What becomes of a suggestion. action skip: the suggestion is dropped and another one asked for."""

    experiment: int
    point: Point
    action: Action
    by: By
    why: str
    mean: float | None
    sd: float | None
    kind: Literal["decided"] = "decided"


@dataclass(frozen=True)
class AttemptStarted:
    """The attempt and its vial, in one transaction. first: steps before it were carried out in the same vial by
    the attempt before; 0 for a clean vial."""

    experiment: int
    attempt: int
    slot: str | None
    steps: tuple[Step, ...]
    first: int = 0
    kind: Literal["attempt_started"] = "attempt_started"


@dataclass(frozen=True)
class StepIntended:
    experiment: int
    attempt: int
    index: int
    step: Step
    kind: Literal["step_intended"] = "step_intended"


@dataclass(frozen=True)
class StepDone:
    """data: what came of it (counted volume, position, reading), JSON only."""

    experiment: int
    attempt: int
    index: int
    data: Mapping[str, Json]
    image: str | None = None
    image_sha256: str | None = None
    kind: Literal["step_done"] = "step_done"


@dataclass(frozen=True)
class StepFailed:
    """outcome as in `hardware.errors`: an "unknown" one is never resent."""

    experiment: int
    attempt: int
    index: int
    message: str
    outcome: Literal["not_done", "unknown", "stopped"]
    kind: Literal["step_failed"] = "step_failed"


@dataclass(frozen=True)
class VialGivenUp:
    experiment: int
    attempt: int
    slot: str | None
    why: str
    kind: Literal["vial_given_up"] = "vial_given_up"


@dataclass(frozen=True)
class Asked:
    """The campaign needs a person. choices: words for `Campaign.answer`; image: the evidence, if any.

    number_unit: a number in this unit ("" for none), from lowest to highest, may be typed instead of a choice;
    None: only a choice is an answer.
    """

    experiment: int
    question: str
    choices: tuple[str, ...]
    image: str | None = None
    number_unit: str | None = None
    lowest: float | None = None
    highest: float | None = None
    kind: Literal["asked"] = "asked"


@dataclass(frozen=True)
class Answered:
    experiment: int
    choice: str
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True)
class Observed:
    """value None: the experiment failed."""

    experiment: int
    attempt: int
    point: Point
    value: float | None
    sd: float | None
    note: str = ""
    kind: Literal["observed"] = "observed"


@dataclass(frozen=True)
class SettingsChanged:
    """A new revision of what may change on the way: TOML text of the whole campaign file."""

    campaign_toml: str
    why: str
    kind: Literal["settings_changed"] = "settings_changed"


@dataclass(frozen=True)
class Noted:
    experiment: int
    text: str
    kind: Literal["noted"] = "noted"


@dataclass(frozen=True)
class Labelled:
    """What a person makes of an experiment that is over; the newest label counts."""

    experiment: int
    label: Label
    kind: Literal["labelled"] = "labelled"


@dataclass(frozen=True)
class Corrected:
    """What a person sees in a picture, in place of what the eye said. What was measured stays as it is.

    experiment: the one in work when the picture was taken; None outside of a campaign. box_px: x0, y0, x1, y1 of
    the vial. surface_row, boundary_rows: image rows; None and empty where there is none. image: PNG, relative to
    the journal's folder, on the disk before this is recorded; empty in a correction that is not kept yet. eye: what
    the eye said of the same picture, as `look.reading_to_json` gives it. view: the `VialView` in force, by field;
    None for a rig without one. volume_ul: what the surface means by that view. simulated: of a virtual bench.
    """

    experiment: int | None
    slot: str | None
    box_px: tuple[float, ...]
    state: State
    surface_row: float | None
    boundary_rows: tuple[float, ...] = ()
    image: str = ""
    image_sha256: str = ""
    eye: Mapping[str, Json] | None = None
    view: Mapping[str, Json] | None = None
    volume_ul: float | None = None
    simulated: bool = False
    kind: Literal["corrected"] = "corrected"


@dataclass(frozen=True)
class Included:
    """Whether an observation counts for the surrogate. Only in journals from before there were labels."""

    experiment: int
    include: bool
    kind: Literal["included"] = "included"


@dataclass(frozen=True)
class Resumed:
    """The journal was opened again after the program ended; in_doubt names the step whose outcome is unknown."""

    in_doubt: str | None
    kind: Literal["resumed"] = "resumed"


@dataclass(frozen=True)
class Finished:
    """best: posterior mean at a measured point (never the luckiest value)."""

    why: str
    experiments: int
    best_point: Point | None
    best_mean: float | None
    best_sd: float | None
    seconds: float
    kind: Literal["finished"] = "finished"


Event = (
    CampaignOpened | PhaseChanged | Suggested | Decided | AttemptStarted | StepIntended | StepDone | StepFailed
    | VialGivenUp | Asked | Answered | Observed | SettingsChanged | Noted | Labelled | Corrected | Included
    | Resumed | Finished
)  # fmt: skip
