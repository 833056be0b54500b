"""When a campaign is over, and what its best is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from campaign.events import Point
from campaign.state import CampaignState, Experiment

if TYPE_CHECKING:
    from optimiser.surrogate import Posterior


@dataclass(frozen=True)
class Best:
    """sd None: there is no surrogate, and `mean` is the best value that was measured."""

    point: Point
    mean: float
    sd: float | None


def best(state: CampaignState, model: "Posterior | None") -> Best | None:
    """The measured point with the best posterior mean: never the luckiest value, once there is a surrogate."""
    incumbent = model.incumbent() if model is not None else None
    if incumbent is not None:
        return Best(incumbent.point, incumbent.mean, incumbent.sd)
    measured = [e for e in state.observed if e.include]
    if not measured:
        return None
    top = max(measured, key=lambda e: _gain(state, e))
    return Best(top.point, top.value or 0.0, top.value_sd)


def say_readings(state: CampaignState, point: Point) -> str:
    """How often this very point was measured, of the values that count."""
    key = state.spec.space.key
    count = sum(e.include and key(e.point) == key(point) for e in state.observed)
    if not count:
        return "what was measured there does not count any more"
    return "measured once: unreplicated" if count == 1 else f"{count} readings"


def why_stop(state: CampaignState, model: "Posterior | None") -> str | None:
    """The stop rule that is met, in words; None to go on."""
    stop, objective = state.spec.stop, state.spec.objective
    if state.made >= stop.budget:
        return f"the budget of {stop.budget} experiments is used"
    top = best(state, model)
    if stop.target is not None and top is not None:
        short = stop.target - top.mean if objective.direction == "maximise" else top.mean - stop.target
        if short <= 0:
            return f"the target of {stop.target:g} {objective.unit}".rstrip() + f" is reached ({top.mean:.4g})"
    if stop.no_gain and (waited := _since_best(state)) >= stop.no_gain:
        return f"{waited} experiments brought nothing better"
    return None


def _since_best(state: CampaignState) -> int:
    """Experiments made after the one that measured best."""
    over = [e for e in state.experiments if e.over]
    counted = [i for i, e in enumerate(over) if e.value is not None and e.include]
    if not counted:
        return 0
    return len(over) - 1 - max(counted, key=lambda i: (_gain(state, over[i]), -i))


def _gain(state: CampaignState, experiment: Experiment) -> float:
    value = experiment.value or 0.0
    return value if state.spec.objective.direction == "maximise" else -value
