"""From weighed doses to what a pump truly gives: factor, offset, how sure they are, and how well doses repeat.

Pure. true volume = weight / density, after the buoyancy of air; true = factor * commanded + offset_ul by ordinary
least squares of true on commanded (commanded volumes are exact, weights are not). Repeatability as in ISO 8655-6:
the coefficient of variation of doses of one volume. Ten doses are what that standard asks for.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.spec import PumpSpec

FEWEST = 3
ENOUGH = 10
WATER_20C_MG_UL = 0.9982
_AIR_MG_UL, _STEEL_MG_UL = 0.0012, 8.0
_BUOYANCY = 1 - _AIR_MG_UL / _STEEL_MG_UL
_SPREAD = 1.1
"""Largest by smallest commanded volume from which on a slope and an offset can be told apart."""
_STRANGE = (
    (5, 22.3),
    (6, 10.9),
    (7, 7.8),
    (8, 6.5),
    (9, 5.8),
    (10, 5.4),
    (12, 4.9),
    (15, 4.5),
    (20, 4.3),
    (30, 4.1),
)
"""Studentised residual that one of n good doses passes in 1 of 100 calibrations: Student's t, n - 3, Bonferroni."""
_FACTORS = (0.5, 2.0)


@dataclass(frozen=True)
class Weighed:
    """One dose: what the pump was told, and what it weighed."""

    commanded_ul: float
    weight_mg: float


@dataclass(frozen=True)
class Calibration:
    """factor, offset_ul: for the rig file. *_se: standard errors, None when there are too few doses to tell.

    cv_percent: repeatability, pooled over the volumes that were dosed more than once; None without any.
    bias_percent: of the doses as they were, before this calibration: true by commanded, less one.
    outlier: index of a dose that does not fit the others, None if there is none. advice: sentences for the person.
    usable: whether factor and offset may be put into a rig file.
    """

    factor: float
    offset_ul: float
    factor_se: float | None
    offset_se_ul: float | None
    cv_percent: float | None
    bias_percent: float
    outlier: int | None
    advice: tuple[str, ...]
    usable: bool
    true_ul: tuple[float, ...]


def true_ul(weight_mg: float, density_mg_ul: float = WATER_20C_MG_UL) -> float:
    """Volume of a weighed liquid, from a balance that was adjusted with steel weights in air."""
    return weight_mg * _BUOYANCY / (density_mg_ul - _AIR_MG_UL)


def calibrate(
    doses: Sequence[Weighed], density_mg_ul: float = WATER_20C_MG_UL, spec: PumpSpec | None = None
) -> Calibration:
    """What the weighed doses say of a pump.

    spec: of the pump when it dosed. If it had a calibration already, `commanded_ul` are the true volumes that were
    asked for, and the result is what replaces the old factor and offset. Raises ValueError for fewer than three
    doses and for numbers that cannot be.
    """
    if len(doses) < FEWEST:
        raise ValueError(
            f"{len(doses)} weighed doses are too few: weigh {FEWEST} at the least, {ENOUGH} for a figure"
        )
    if not (math.isfinite(density_mg_ul) and 0.3 <= density_mg_ul <= 20):
        raise ValueError(f"a density of {density_mg_ul:g} mg/µL cannot be; water has {WATER_20C_MG_UL:g}")
    for number, dose in enumerate(doses, 1):
        if not (math.isfinite(dose.commanded_ul) and dose.commanded_ul > 0):
            raise ValueError(f"dose {number}: {dose.commanded_ul:g} µL cannot be dosed")
        if not (math.isfinite(dose.weight_mg) and dose.weight_mg >= 0):
            raise ValueError(f"dose {number}: {dose.weight_mg:g} mg cannot be weighed; was the balance tared?")
    old_factor, old_offset_ul = (spec.factor, spec.offset_ul) if spec is not None else (1.0, 0.0)
    told = [(d.commanded_ul - old_offset_ul) / old_factor for d in doses]
    truth = [true_ul(d.weight_mg, density_mg_ul) for d in doses]
    factor, offset_ul, factor_se, offset_se_ul = _line(told, truth)
    bias_percent = 100 * (sum(truth) / sum(d.commanded_ul for d in doses) - 1)
    cv_percent = _cv_percent([d.commanded_ul for d in doses], truth)
    outlier = _outlier(told, truth)
    advice = tuple(_advice(len(doses), factor, cv_percent, outlier, max(told) / min(told), bias_percent))
    usable = _FACTORS[0] <= factor <= _FACTORS[1] and outlier is None
    return Calibration(
        factor, offset_ul, factor_se, offset_se_ul, cv_percent, bias_percent, outlier, advice, usable, tuple(truth)
    )


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float | None, float | None]:
    """Slope, intercept and their standard errors; through zero when all x are alike."""
    n = len(x)
    if max(x) / min(x) < _SPREAD:
        ratios = [b / a for a, b in zip(x, y, strict=True)]
        slope = sum(ratios) / n
        spread = math.sqrt(sum((r - slope) ** 2 for r in ratios) / (n - 1) / n) if n > 1 else None
        return slope, 0.0, spread, None
    mean_x, mean_y = sum(x) / n, sum(y) / n
    sxx = sum((a - mean_x) ** 2 for a in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sxx
    offset = mean_y - slope * mean_x
    if n < 3:
        return slope, offset, None, None
    variance = sum((b - slope * a - offset) ** 2 for a, b in zip(x, y, strict=True)) / (n - 2)
    return slope, offset, math.sqrt(variance / sxx), math.sqrt(variance * (1 / n + mean_x**2 / sxx))


def _cv_percent(commanded_ul: Sequence[float], truth_ul: Sequence[float]) -> float | None:
    groups: dict[float, list[float]] = defaultdict(list)
    for asked, got in zip(commanded_ul, truth_ul, strict=True):
        groups[round(asked, 6)].append(got)
    squares, freedom = 0.0, 0
    for group in groups.values():
        mean = sum(group) / len(group)
        if len(group) > 1 and mean > 0:
            squares += sum((v / mean - 1) ** 2 for v in group)
            freedom += len(group) - 1
    return 100 * math.sqrt(squares / freedom) if freedom else None


def _outlier(x: Sequence[float], y: Sequence[float]) -> int | None:
    """The dose that lies off the line through all others by more than chance explains."""
    n = len(x)
    if n < _STRANGE[0][0]:
        return None
    worst: tuple[float, int] = (0.0, -1)
    for i in range(n):
        rest_x, rest_y = [*x[:i], *x[i + 1 :]], [*y[:i], *y[i + 1 :]]
        slope, offset, _, _ = _line(rest_x, rest_y)
        variance = sum((b - slope * a - offset) ** 2 for a, b in zip(rest_x, rest_y, strict=True)) / (n - 3)
        mean = sum(rest_x) / (n - 1)
        sxx = sum((a - mean) ** 2 for a in rest_x)
        lever = 1 + 1 / (n - 1) + ((x[i] - mean) ** 2 / sxx if sxx > 0 else 0.0)
        floor = 1e-4 * max(y) + 1e-9  # weights that agree to every digit are no reason to doubt the next
        worst = max(worst, (abs(y[i] - slope * x[i] - offset) / max(math.sqrt(variance * lever), floor), i))
    limit = next(t for least, t in reversed(_STRANGE) if n >= least)
    return worst[1] if worst[0] > limit else None


def _advice(
    count: int, factor: float, cv_percent: float | None, outlier: int | None, spread: float, bias_percent: float
) -> list[str]:
    told = []
    if outlier is not None:
        told.append(
            f"Dose {outlier + 1} does not fit the others: a drop that hung on, a bubble, a slip of the pen? "
            "Weigh it again or leave it out."
        )
    if count < ENOUGH:
        told.append(f"{count} doses are few: weigh {ENOUGH - count} more, so that the errors can be trusted.")
    if spread < _SPREAD:
        told.append("All doses had one volume, so that the offset is taken as 0: weigh some at another volume too.")
    if not _FACTORS[0] <= factor <= _FACTORS[1]:
        told.append(
            f"A factor of {factor:.3g} is no calibration but a mistake: check the syringe's diameter, the unit of "
            "the weights (mg) and the density."
        )
    elif abs(bias_percent) > 10:
        told.append(
            f"Doses were off by {bias_percent:+.1f} %: check first that the syringe in the rig file is right."
        )
    if cv_percent is not None and cv_percent > 5:
        told.append(
            f"Doses repeat to {cv_percent:.1f} % only: look for air, a loose syringe or drops at the nozzle."
        )
    return told


def values(calibration: Calibration) -> dict[str, float]:
    """What goes into the rig file, to the digits that it deserves. Raises ValueError for what may not go there."""
    if not calibration.usable:
        raise ValueError(" ".join(calibration.advice) or "these doses do not make a calibration")
    return {"factor": round(calibration.factor, 5), "offset_ul": round(calibration.offset_ul, 3)}
