"""A campaign file as frozen values. `config.load_campaign` is the doorman that makes them from TOML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from optimiser.space import SearchSpace

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class ObjectiveSpec:
    """What is made better.

    kind colour: CIEDE2000 of the vial's colour to `target_lab`. meter: what the rig's meter of the role `meter`
    reads in the vial; a meter that a person reads is asked for. typed: a person makes each experiment and types the
    value (no bench). formula: an expression of the parameters (a rehearsal without a bench). column: a column of a
    replayed table. function: a Python function of the caller, with or without a rig.
    noise: standard deviation added by a formula, in the objective's unit.
    """

    kind: Literal["colour", "meter", "typed", "formula", "column", "function"]
    name: str
    direction: Literal["maximise", "minimise"]
    unit: str = ""
    target_lab: tuple[float, float, float] | None = None
    formula: str | None = None
    column: str | None = None
    meter: str | None = None
    noise: NotNegative = 0.0

    @property
    def needs_rig(self) -> bool:
        """Whether it can be measured only in a vial that a rig has made."""
        return self.kind in ("colour", "meter")


@dataclass(frozen=True)
class StrategySpec:
    """What picks the next point. acquisition: what makes a point worth trying, see `worth.WORTHS`. beta: weight of
    curiosity in UCB, mean + beta * sd; it has no effect on acquisitions without a UCB, nor on "schedule".
    """

    kind: Literal["gp", "random"] = "gp"
    acquisition: Literal["turns", "ucb", "ei", "pi", "uncertainty", "schedule", "thompson"] = "turns"
    beta: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 1.0
    initial: Annotated[int, Field(ge=1, le=200)] = 5


@dataclass(frozen=True)
class StopSpec:
    """budget: experiments at most. target: stop when the best is at least this good. no_gain: stop after so
    many experiments without a better one; 0 means never."""

    budget: Annotated[int, Field(ge=1, le=10_000)] = 25
    target: float | None = None
    no_gain: Annotated[int, Field(ge=0, le=10_000)] = 0


@dataclass(frozen=True)
class DosingSpec:
    """How recipes become aliquots. smallest_ul: aliquots below it are left out (a pump cannot make them)."""

    rate_ul_s: Positive = 100.0
    smallest_ul: NotNegative = 5.0
    settle_s: NotNegative = 1.0


@dataclass(frozen=True)
class ChecksSpec:
    """What the eye must confirm. level_tolerance_ul: dosed and seen volume may differ by so much."""

    presence: bool = True
    level: bool = True
    level_tolerance_ul: Positive = 250.0


@dataclass(frozen=True)
class CampaignSpec:
    name: str
    space: SearchSpace
    objective: ObjectiveSpec
    strategy: StrategySpec = StrategySpec()
    stop: StopSpec = StopSpec()
    dosing: DosingSpec = DosingSpec()
    checks: ChecksSpec = ChecksSpec()
    mode: Literal["automatic", "approve"] = "automatic"
    rig: str | None = None
    about: str = ""
    constants: Mapping[str, float] = field(default_factory=dict)
