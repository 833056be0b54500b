"""Who carries out steps: a bench, a table, a function. The loop sees only this interface."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from campaign.events import Json, Point
from campaign.spec import CampaignSpec
from campaign.steps import Step
from hardware.devices import Image
from vision.reading import VialReading


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a step.

    data: everything worth keeping, JSON only; `Executor.value` reads nothing else, so that an outcome can be
    made again from the journal. frame: the picture behind it. mismatch: a question for the person when what
    is seen does not fit what was done; the step itself has been carried out. refill: the question is put right by
    full syringes. reading: what the eye saw.
    """

    data: Mapping[str, Json] = field(default_factory=dict)
    frame: Image | None = None
    mismatch: str | None = None
    refill: bool = False
    reading: VialReading | None = None


@dataclass(frozen=True)
class ToType:
    """A number that a person reads somewhere and types. unit: "" for none; lowest, highest: what can be true."""

    question: str
    unit: str
    lowest: float | None = None
    highest: float | None = None


class Executor(Protocol):
    """Makes experiments. A step that fails raises `HardwareError`, whose `outcome` says whether it was done."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Places for vials, in the order they are used; empty when no vial is needed."""
        ...

    @property
    def simulated(self) -> bool:
        """True when nothing real is moved, dosed or measured."""
        ...

    def check(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Everything that stands in the way of this campaign, before anything starts; empty when fit."""
        ...

    def warnings(self, spec: CampaignSpec) -> tuple[str, ...]:
        """What a person should know of this campaign, and what does not stand in its way; a clause each."""
        ...

    def plan(self, point: Point, slot: str | None) -> tuple[Step, ...]:
        """The steps of one experiment. Moves nothing. Raises ValueError when the point cannot be made."""
        ...

    def perform(self, step: Step) -> Outcome:
        """Carry out one step; returns when it is done. Raises HardwareError."""
        ...

    def to_type(self, step: Step) -> ToType | None:
        """What a person is asked in place of `perform`; None for all that is carried out without one."""
        ...

    def value(self, point: Point, outcomes: Sequence[Outcome]) -> tuple[float | None, float | None]:
        """Objective value and its standard deviation from an experiment's outcomes; (None, None) when it failed."""
        ...

    def recall(self, steps: Iterable[tuple[Step, Mapping[str, Json] | None]]) -> None:
        """Steps of an earlier session, oldest first, with their data (None: outcome unknown or cut short).

        A bench learns from it what stands in its vials, a table which of its rows were drawn.
        """
        ...

    def change(self, spec: CampaignSpec) -> None:
        """A new revision of the campaign, in force from the next experiment."""
        ...

    def stop(self) -> tuple[str, ...]:
        """Stop everything now, from any thread; the names of devices that did not confirm."""
        ...

    def listen_stop(self, function: Callable[[str], None]) -> Callable[[], None]:
        """Call `function(why)` when something else than `stop` has stopped the bench; returns what ends it."""
        ...

    def rearm(self, asked: int) -> None:
        """Allow commands again after a `stop` that came before the `latch.moment` asked. Raises HardwareError."""
        ...

    def refilled(self) -> None:
        """A person has filled every syringe."""
        ...

    def fresh_rack(self) -> None:
        """A person has put a clean vial into every slot."""
        ...

    def close(self) -> None: ...
