"""A number that a person types: plain digits with a point, its unit or none, and between what can be true."""

import math
import re

_TYPED = re.compile(
    r"\s*([+-]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})(?:[eE][+-]?\d{1,3})?)\s*([^\d\s.,][^\s]*)?\s*", re.ASCII
)


def typed_number(typed: str, unit: str, lowest: float | None = None, highest: float | None = None) -> float:
    """The number, in `unit`. Raises ValueError with what is wrong and what to type."""
    match = _TYPED.fullmatch(typed)
    if match is None or not math.isfinite(value := float(match[1])):
        advice = "; write decimals with a point" if "," in typed else ""
        raise ValueError(f"{typed!r} is no number{advice}")
    if match[2] not in (None, unit):
        raise ValueError(f"{typed!r} is in {match[2]}, but {unit or 'no unit'} is asked for")
    least = -math.inf if lowest is None else lowest
    most = math.inf if highest is None else highest
    if not least <= value <= most:
        raise ValueError(f"{value:g} cannot be right; it is between {least:g} and {most:g}")
    return value
