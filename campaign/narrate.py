"""A campaign told line by line, for a terminal or for another program."""

import json
from collections.abc import Mapping
from typing import Any

from campaign.correction import STAYS, say_correction
from campaign.events import (
    Asked,
    Corrected,
    Event,
    Finished,
    Labelled,
    Observed,
    PhaseChanged,
    Point,
    Resumed,
    StepDone,
)
from campaign.insight import LIGHTS, Insight
from campaign.rules import say_readings
from campaign.state import CampaignState, Experiment
from campaign.words import say_label, say_options, what_follows


def number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}g}"


def point_words(point: Point, spec_units: Mapping[str, str]) -> str:
    words = []
    for name, unit in spec_units.items():
        value = point[name]
        said = value if isinstance(value, str) else f"{round(value, 6):g}"
        words.append(f"{name} {said} {unit}".rstrip())
    return "  ".join(words)


def best_so_far(state: CampaignState) -> Experiment | None:
    """The best measured value among those that count."""
    sign = 1.0 if state.spec.objective.direction == "maximise" else -1.0
    counted = [e for e in state.observed if e.include]
    return max(counted, key=lambda e: sign * (e.value or 0.0), default=None)


def experiment_record(state: CampaignState, event: Observed) -> dict[str, Any]:
    """One experiment as a JSON line."""
    experiment = state.experiments[event.experiment - 1]
    best = best_so_far(state)
    return {
        "experiment": event.experiment,
        "point": dict(event.point),
        "predicted": experiment.mean,
        "predicted_sd": experiment.sd,
        "measured": event.value,
        "label": experiment.label,
        "best": best.value if best else None,
        "slot": experiment.slot,
        "source": experiment.source,
        "reason": experiment.reason,
    }


def result_record(state: CampaignState, event: Finished, journal: str, insight: Insight | None) -> dict[str, Any]:
    """The last JSON line."""
    best = best_so_far(state)
    return {
        "result": "stopped" if state.phase in ("Stopping", "Stopped") else "complete",
        "why": event.why,
        "best_point": dict(event.best_point) if event.best_point else None,
        "posterior_mean": event.best_mean,
        "posterior_sd": event.best_sd,
        "best_measured": best.value if best else None,
        "announced": _announced(insight),
        "headline": insight.headline.sentence if insight else None,
        "advice": insight.advice.sentence if insight else None,
        "model_health": {"light": insight.health.light, "sentence": insight.health.sentence} if insight else None,
        "experiments": event.experiments,
        "seconds": round(event.seconds, 3),
        "journal": journal,
    }


def _announced(insight: Insight | None) -> dict[str, Any] | None:
    """What may be announced; None while that is nothing."""
    found = insight.headline.announced if insight else None
    if found is None:
        return None
    return {
        "point": dict(found.point), "mean": found.mean, "low": found.low, "high": found.high, "readings": found.n,
    }  # fmt: skip


def insight_lines(insight: Insight) -> tuple[str, ...]:
    """What the terminal says at the end: the best, the advice, the model's health with its most urgent hint."""
    health = insight.health
    return (
        f"Result: {insight.headline.sentence}",
        f"Advice: {insight.advice.sentence}",
        f"Model: {LIGHTS[health.light].lower()}. {' '.join((health.sentence, *health.hints[:1]))}",
    )


def in_words(state: CampaignState, event: Event) -> str | None:
    """The line for a terminal; None for events that are not worth one."""
    objective = state.spec.objective
    units = {p.name: p.unit for p in state.spec.space.parameters}
    match event:
        case Observed():
            experiment = state.experiments[event.experiment - 1]
            best = best_so_far(state)
            predicted = (
                "no prediction"
                if experiment.mean is None
                else (f"predicted {number(experiment.mean)} ± {number(experiment.sd, 2)}")
            )
            measured = f"measured {number(event.value)}" if event.value is not None else f"failed ({event.note})"
            return (
                f"{event.experiment:3d}  {point_words(event.point, units)}  |  {predicted}  |  {measured}"
                f"  |  best {number(best.value if best else None)}"
            )
        case Asked():
            return f"     needs you: {event.question} [{say_options(event)}]"
        case Labelled():
            return f"     experiment {event.experiment} labelled {say_label(event.label)}"
        case StepDone() if "said" in event.data:
            return f"     look at this: {event.data['said']}"
        case Corrected():
            return f"     corrected by a person: {say_correction(event)}. {STAYS}"
        case PhaseChanged(new="Running"):
            return f"     running: {event.why}"
        case PhaseChanged(new="Held" | "Aborted" | "Stopped"):
            return f"     {event.new.lower()}: {event.why}"
        case Resumed():
            doubt = f"{event.in_doubt}. {what_follows(state)}" if event.in_doubt else "nothing"
            return f"     picked up again; in doubt: {doubt}"
        case Finished() if event.best_point is not None:
            best_value = f"{objective.name} {number(event.best_mean)} ± {number(event.best_sd, 2)} {objective.unit}"
            luckiest = best_so_far(state)
            return (
                f"Done after {event.experiments} experiments ({event.why}). "
                f"Best by the model: {point_words(event.best_point, units)}: {best_value.rstrip()} "
                f"({say_readings(state, event.best_point)}; "
                f"best single measurement: {number(luckiest.value if luckiest else None)})"
            )
        case Finished():
            return f"Done after {event.experiments} experiments ({event.why}). Nothing was measured."
        case _:
            return None


def json_line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
