"""What a function measures, as it is recorded."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence

from campaign.events import Json, Point

Measured = float | tuple[float, float] | None


def takes(function: Callable[..., Measured], names: Sequence[str]) -> str | None:
    """Why the function cannot be called with parameters of these names; None when it can."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions do not tell
        return None
    try:
        signature.bind(**dict.fromkeys(names, 0.0))
    except TypeError as error:
        return f"the function does not take the parameters by name ({', '.join(names)}): {error}"
    return None


def called(function: Callable[..., Measured], point: Point) -> Mapping[str, Json]:
    """Call it with the parameters by name. Raises what it raises; TypeError or ValueError for another result."""
    result = function(**point)
    value, sd = result if isinstance(result, tuple) else (result, None)
    return as_record(None if value is None else float(value), None if sd is None else float(sd))


def as_record(value: float | None, sd: float | None) -> Mapping[str, Json]:
    """JSON of a measurement; what is not finite is a failed one, and says so."""
    if value is None:
        return {"value": None, "note": "no value"}
    if not math.isfinite(value):
        return {"value": None, "note": f"the value was {value}"}
    if sd is None:
        return {"value": value}
    return {"value": value, "sd": sd if math.isfinite(sd) and sd >= 0 else None}
