"""What a campaign has come to, reckoned with each fit: the best that may be announced, whether to go on, and
whether the surrogate is to be trusted. It advises; nothing here stops or changes a campaign."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from campaign.events import Point
from campaign.spec import CampaignSpec
from campaign.state import CampaignState

if TYPE_CHECKING:
    from optimiser.advice import Advice
    from optimiser.best import Assessed, Headline
    from optimiser.health import Health
    from optimiser.history import History
    from optimiser.posterior import Posterior

SHORTEST_S = 10.0
"""Experiments that take less are reckoned, not made: a gain per hour would say nothing."""
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, eq=False)
class Insight:
    """repeat: the measured point most worth another replicate; None while nothing is measured."""

    headline: "Headline"
    advice: "Advice"
    health: "Health"
    repeat: Point | None


def think(history: "History", posterior: "Posterior", spec: CampaignSpec, hours: float | None = None) -> Insight:
    """posterior: fitted to this history. hours: what one experiment takes, if that is known."""
    from optimiser.advice import advise
    from optimiser.best import headline, replicates_wanted
    from optimiser.health import examine

    unit, stop = spec.objective.unit, spec.stop
    health = examine(history, posterior, unit)
    advice = advise(
        history,
        posterior,
        target=stop.target,
        budget=stop.budget,
        hours=hours,
        patience=stop.no_gain or None,
        light=health.light,
        unit=unit,
    )
    wanted = replicates_wanted(history, posterior, 1)
    return Insight(headline(history, posterior, unit), advice, health, wanted[0] if wanted else None)


LIGHTS: Mapping[str, str] = {
    "grey": "Too early", "green": "Sound", "yellow": "With care", "red": "Unreliable",
}  # fmt: skip
"""The model's health in a word or two, by the colour of its light."""


def standing(best: "Assessed") -> str:
    """How sure the value of a measured point is: its interval, its readings, and what speaks against it."""
    from optimiser.reason import figures

    readings = "measured once" if best.n == 1 else f"{best.n} readings"
    against = f": {', '.join(best.flags)}" if best.flags else ""
    return f"95 % interval {figures(best.low, 4)} to {figures(best.high, 4)}, {readings}{against}"


def hours_each(state: CampaignState) -> float | None:
    """What an experiment took, the median of those made; None on a simulated bench, whose clock is not ours."""
    took = [e.ended_s - e.started_s for e in state.experiments if e.started_s is not None and e.ended_s is not None]
    if state.simulated or not took or median(took) < SHORTEST_S:
        return None
    return median(took) / SECONDS_PER_HOUR


def insight_of(state: CampaignState, posterior: "Posterior | None" = None) -> Insight | None:
    """Of a campaign as it stands, on this thread; None while there is no surrogate. posterior: if it is fitted."""
    from campaign.decide import history_of
    from optimiser.blas import one_thread
    from optimiser.surrogate import FitError, fit

    history = history_of(state)
    with one_thread():
        try:
            posterior = posterior or fit(history)
        except FitError:
            return None
        return think(history, posterior, state.spec, hours_each(state))
