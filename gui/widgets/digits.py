"""Numbers as a person would write them: no digit more than is known, a thin space before the unit."""

from collections.abc import Iterable
from math import floor, isfinite, log10

from optimiser.space import Categorical, Parameter, Stepped

THIN = "\u202f"
MINUS = "\u2212"
NOTHING = "–"


def decimals_of_sd(sd: float) -> int:
    """Decimals worth showing beside an uncertainty: two figures of it when it begins with 1 or 2, else one."""
    if not isfinite(sd) or sd <= 0:
        return 3
    exponent = floor(log10(sd))
    leading = int(f"{sd:e}"[0])
    return min(max(0, -exponent + (1 if leading < 3 else 0)), 6)


def decimals_of(values: Iterable[float]) -> int:
    """Decimals for a whole column: three figures of the smallest value that matters in its spread."""
    finite = [abs(v) for v in values if isfinite(v)]
    if not finite:
        return 2
    small = max(min((v for v in finite if v > 0), default=1.0), max(finite) / 1000, 1e-9)
    return min(max(0, 2 - floor(log10(small))), 4)


def decimals_of_parameter(parameter: Parameter) -> int:
    """Decimals of a setting: its step, or a thousandth of its range."""
    if isinstance(parameter, Categorical):
        return 0
    if isinstance(parameter, Stepped):
        text = f"{parameter.step:.6f}".rstrip("0")
        return len(text.split(".")[1])
    return min(max(0, 3 - floor(log10(max(parameter.high - parameter.low, 1e-9)))), 6)


def number(value: float | None, decimals: int = 2) -> str:
    if value is None or not isfinite(value):
        return NOTHING
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def with_unit(text: str, unit: str) -> str:
    return f"{text}{THIN}{unit}" if unit else text


def with_sd(mean: float | None, sd: float | None, unit: str = "") -> str:
    """`1.9 ± 0.4 µL`; only the mean where there is no uncertainty."""
    if mean is None or not isfinite(mean):
        return NOTHING
    if sd is None or not isfinite(sd):
        return with_unit(number(mean, decimals_of([mean])), unit)
    decimals = decimals_of_sd(sd)
    if sd >= 100:  # 113 is known as 110
        places = 1 - floor(log10(sd))
        mean, sd = round(mean, places), round(sd, places)
    return with_unit(f"{number(mean, decimals)} ± {number(sd, decimals)}", unit)


def setting(parameter: Parameter, value: float | str) -> str:
    """A parameter's value without its unit."""
    return value if isinstance(value, str) else number(value, decimals_of_parameter(parameter))


def title(name: str, unit: str) -> str:
    """A quantity as an axis names it: `volume (µL)`."""
    return f"{name} ({unit})" if unit else name
