"""What makes a point worth trying, by the names of campaign files: in words, and as the optimiser's policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimiser.acquisition import Policy

__all__ = ["NO_BETA", "WORTHS", "Worth", "policy"]


@dataclass(frozen=True)
class Worth:
    """title: in a list. short: in a running text. why: one sentence on what it does. beta: whether it heeds beta,
    and what beta does in it.
    """

    title: str
    short: str
    why: str
    beta: str = ""


WORTHS: Mapping[str, Worth] = {
    "turns": Worth(
        "EI and UCB in turn",
        "expected improvement and confidence bound in turn",
        "Expected improvement and the confidence bound one after the other: each finds what the other passes over.",
        "Weight of the uncertainty where it is the confidence bound's turn: 0 goes for what looks best, 5 explores",
    ),
    "ucb": Worth(
        "Confidence bound (UCB)",
        "confidence bound",
        "The expected value and beta times the uncertainty: how good the point may well be.",
        "Weight of the uncertainty: 0 goes only for what looks best, 5 explores",
    ),
    "ei": Worth(
        "Expected improvement",
        "expected improvement",
        "How much better than the best so far the point is on average; what is worse counts as nothing.",
    ),
    "pi": Worth(
        "Chance to improve",
        "chance to improve",
        "How likely the point is to be better than the best so far, by however little.",
    ),
    "uncertainty": Worth(
        "Largest uncertainty",
        "largest uncertainty",
        "Where least is known: to learn the whole space rather than to find its best point.",
    ),
    "schedule": Worth(
        "UCB, growing curiosity",
        "confidence bound of growing curiosity",
        "A confidence bound whose beta grows with the number of results (Srinivas), so that nothing is given up.",
    ),
    "thompson": Worth(
        "A drawn function (Thompson)",
        "Thompson sampling",
        "The best point of one function, drawn at random from those that fit the results. Slices show no curve.",
    ),
}


NO_BETA = "Beta has no effect on this choice."


def policy(acquisition: str, beta: float) -> "Policy | None":
    """The policy of that name; beta counts where `Worth.beta` says so. None for "thompson": it has no formula."""
    from optimiser.acquisition import EI, PI, UCB, Schedule, Turns, Uncertainty

    match acquisition:
        case "ucb":
            return UCB(beta)
        case "ei":
            return EI()
        case "pi":
            return PI()
        case "uncertainty":
            return Uncertainty()
        case "schedule":
            return Schedule()
        case "thompson":
            return None
        case _:
            return Turns(beta)
