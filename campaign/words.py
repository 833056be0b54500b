"""Steps in words, for questions and for the line that says what is being done."""

from collections.abc import Mapping

from campaign.events import Asked, Point
from campaign.state import CampaignState
from campaign.steps import CheckVial, Dose, Look, Measure, Move, Step, Wait
from optimiser.history import Label

LABELS: Mapping[Label, tuple[str, str]] = {
    "measured": ("counts", "the model learns from its value"),
    "failed": ("failed", "something went wrong; the point is not to blame and may be offered again"),
    "infeasible": ("infeasible", "it cannot be made; the model learns to keep away from points like it"),
    "outlier": ("outlier", "the value is not trusted; it stays on record and is ignored"),
}
"""What an experiment may be labelled: in words, and what follows."""


def say(step: Step) -> str:
    match step:
        case Move():
            return f"bring {step.slot} to the station"
        case CheckVial():
            return f"check that an empty vial stands in {step.slot}"
        case Dose():
            return f"dose {step.volume_ul:g} µL of {step.stock} into {step.slot}"
        case Wait():
            return f"wait {step.wait_s:g} s"
        case Look():
            return f"look at {step.slot}"
        case Measure(slot=str(slot), meter=str(meter)):
            return f"read the {meter} at {slot}"
        case Measure(slot=str(slot)):
            return f"measure {slot}"
        case Measure():
            return f"measure at {say_point(step.point)}"


def say_label(label: Label) -> str:
    """The label and what follows from it."""
    word, follows = LABELS[label]
    return f"“{word}”: {follows}"


def say_options(asked: Asked) -> str:
    """What may be answered, between slashes."""
    number = () if asked.number_unit is None else (f"a number in {asked.number_unit}".removesuffix(" in "),)
    return " / ".join((*number, *asked.choices))


def say_point(point: Point) -> str:
    return ", ".join(f"{name} {say_value(value)}" for name, value in point.items())


def say_value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def what_follows(state: CampaignState) -> str:
    """What becomes of the experiment whose step is in doubt."""
    slot = state.attempt.slot if state.attempt is not None else None
    anew = f"vial {slot} is given up and the experiment is repeated in a clean one" if slot else "it is made anew"
    return f"Nobody knows whether this was carried out, so {anew}"
