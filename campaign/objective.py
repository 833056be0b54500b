"""From what was recorded of an experiment to the number that is made better."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from campaign.events import Json
from campaign.spec import ObjectiveSpec
from vision.colour import delta_e00_array


def objective_value(
    objective: ObjectiveSpec, records: Sequence[Mapping[str, Json]]
) -> tuple[float | None, float | None]:
    """Value and standard deviation from the data of an experiment's steps; (None, None) when it failed.

    Colour: CIEDE2000 of the last look's Lab to the target; its sd is the spread over the frames of that look.
    All others: the last number that was measured. What is not finite counts as failed.
    """
    if objective.kind == "colour":
        return _colour(objective, records)
    for record in reversed(records):
        if "value" in record:
            value = _finite(record["value"])
            sd = _finite(record.get("sd"))
            return value, sd if value is not None and sd is not None and sd >= 0 else None
    return None, None


def _colour(objective: ObjectiveSpec, records: Sequence[Mapping[str, Json]]) -> tuple[float | None, float | None]:
    if objective.target_lab is None:
        raise ValueError("an objective of kind colour needs a target_lab")
    for record in reversed(records):
        if "lab" not in record:
            continue
        lab = _lab(record["lab"])
        if lab is None:
            return None, None
        value = float(delta_e00_array(lab, objective.target_lab))
        frames = record.get("lab_frames")
        labs = [one for f in frames if (one := _lab(f))] if isinstance(frames, list) else []
        if len(labs) < 2:
            return value, None
        return value, float(np.std(delta_e00_array(labs, objective.target_lab), ddof=1))
    return None, None


def _lab(value: Json) -> tuple[float, float, float] | None:
    """Three finite numbers, or None."""
    if not isinstance(value, list) or len(value) != 3:
        return None
    numbers = [_finite(v) for v in value]
    if None in numbers:
        return None
    return tuple(n for n in numbers if n is not None)  # type: ignore[return-value]


def _finite(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
