"""What the journal says now: a fold of its events. The window draws this and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from campaign.events import Asked, At, Json, Phase, Point, StepFailed, Suggested
from campaign.spec import CampaignSpec
from campaign.steps import Step
from optimiser.history import Label

ExperimentStatus = Literal["suggested", "running", "done", "failed", "given_up"]
VialStatus = Literal["clean", "in_use", "done", "given_up"]


@dataclass(frozen=True)
class Experiment:
    """One experiment as the table shows it. mean, sd: what was believed before it was measured. started_s,
    ended_s: on the campaign's own clock, `CampaignState.seconds`. label: what a person makes of it once it is over;
    one without a value has failed unless told otherwise. reading: the eye's, at the last look. corrected: what a
    person has seen in the vial since (state, surface_row, volume_ul); the value does not follow it."""

    number: int
    point: Point
    status: ExperimentStatus
    source: Literal["initial", "strategy", "person"]
    slot: str | None = None
    attempt: int = 0
    mean: float | None = None
    sd: float | None = None
    value: float | None = None
    value_sd: float | None = None
    reason: str = ""
    note: str = ""
    label: Label = "measured"
    image: str | None = None
    reading: Mapping[str, object] | None = None
    corrected: Mapping[str, object] | None = None
    started_s: float | None = None
    ended_s: float | None = None

    @property
    def over(self) -> bool:
        return self.status in ("done", "failed")

    @property
    def include(self) -> bool:
        """Whether its value counts for the surrogate and for the best."""
        return self.label == "measured"


@dataclass(frozen=True)
class Attempt:
    """The vial in work. done: data of the steps that were carried out, from the first. intended: a step that was
    intended and has no outcome yet. failed: how the last step ended, if it failed."""

    experiment: int
    number: int
    slot: str | None
    steps: tuple[Step, ...]
    done: tuple[Mapping[str, Json], ...] = ()
    intended: int | None = None
    failed: StepFailed | None = None


@dataclass(frozen=True)
class CampaignState:
    """spec: the revision in force. waiting: the suggestion that waits for a decision. question: what a person
    is asked. step, step_index, step_count: where the current attempt is. dosed_ul: by stock, whole campaign.
    in_doubt: the step that was intended before a crash and whose outcome nobody knows. skipped: points that were
    suggested for the next experiment and turned down. attempt: the vial in work. seconds: how long the campaign
    has been open, all sessions together. last: when the newest event was recorded."""

    spec: CampaignSpec
    seed: int = 0
    simulated: bool = False
    phase: Phase = "Idle"
    why: str = ""
    experiments: tuple[Experiment, ...] = ()
    waiting: Suggested | None = None
    question: Asked | None = None
    step: Step | None = None
    step_index: int = 0
    step_count: int = 0
    vials: Mapping[str, VialStatus] | None = None
    dosed_ul: Mapping[str, float] | None = None
    in_doubt: str | None = None
    events: int = 0
    skipped: tuple[Point, ...] = ()
    attempt: Attempt | None = None
    seconds: float = 0.0
    opened: At | None = None
    last: At | None = None

    @property
    def observed(self) -> tuple[Experiment, ...]:
        """Experiments with a value, oldest first."""
        return tuple(e for e in self.experiments if e.value is not None)

    @property
    def made(self) -> int:
        """Experiments that are over, observed or failed."""
        return sum(e.over for e in self.experiments)

    @property
    def open_experiment(self) -> Experiment | None:
        """The one that was suggested and is not over."""
        last = self.experiments[-1] if self.experiments else None
        return None if last is None or last.over else last

    @property
    def finished(self) -> bool:
        return self.phase in ("Complete", "Stopped", "Aborted")
