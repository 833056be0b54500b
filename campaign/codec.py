"""Events and steps to JSON and back, by their `kind`. Strict: what is not understood is refused, never dropped."""

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from campaign import events, steps
from campaign.errors import JournalError
from campaign.events import Event, Json
from campaign.steps import Step

Kinds = Mapping[str, type[Any]]


def _kinds(union: object) -> Kinds:
    return {_default_kind(c): c for c in get_args(union)}


def _default_kind(c: type[Any]) -> str:
    return str(next(f.default for f in fields(c) if f.name == "kind"))


EVENTS: Kinds = _kinds(events.Event)
STEPS: Kinds = _kinds(steps.Step)


def encode(event: Event) -> str:
    """Canonical JSON text: sorted keys, no spaces. Raises JournalError for what JSON cannot hold, as NaN."""
    try:
        return json.dumps(_plain(event), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise JournalError(f"a {event.kind} event cannot be written: {error}") from error


def decode(text: str, where: str = "the event") -> Event:
    """The event that `encode` wrote. Raises JournalError naming `where` and what is wrong with it."""
    if not isinstance(text, str):
        raise JournalError(f"{where} is not readable: it is no text")
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"{where} is not readable: {error}") from error
    event: Event = _known(EVENTS, value, where)
    return event


def as_json(value: object) -> Json:
    """Any result of a device as JSON: numpy numbers become numbers, NaN and infinity become words."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Mapping):
        return {str(k): as_json(v) for k, v in value.items()}
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return as_json(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [as_json(v) for v in value]
    return str(value)


def _plain(value: object) -> object:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        if odd := [k for k in value if not isinstance(k, str)]:
            raise TypeError(f"{odd[0]!r} is no name")
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(out := dict(pairs)) < len(pairs):
        raise ValueError("a name stands there twice")
    return out


def _known(kinds: Kinds, value: object, where: str) -> Any:
    """A dataclass by its kind, every field checked against its annotation."""
    if not isinstance(value, dict):
        raise JournalError(f"{where}: expected an object with a kind, found {value!r:.60}")
    kind = value.get("kind")
    c = kinds.get(kind) if isinstance(kind, str) else None
    if c is None:
        raise JournalError(f"{where}: unknown kind {kind!r}; a newer Aliquot may have written it")
    known = {f.name: f for f in fields(c)}
    if odd := sorted(value.keys() - known.keys()):
        raise JournalError(f"{where} ({kind}): unknown field {odd[0]!r}; a newer Aliquot may have written it")
    missing = [
        n for n, f in known.items() if n not in value and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise JournalError(f"{where} ({kind}): field {missing[0]!r} is missing")
    return c(**{n: _value(known[n].type, v, f"{where} ({kind}), field {n!r}") for n, v in value.items()})


def _value(wanted: object, value: object, where: str) -> Any:
    if wanted == Mapping[str, Json]:  # parsed JSON is JSON
        if not isinstance(value, dict):
            raise JournalError(f"{where}: expected an object, found {value!r:.60}")
        return value
    if wanted == Step:
        return _known(STEPS, value, where)
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _either(args, value, where)
    if origin is Literal:
        if value in args and isinstance(value, str):
            return value
        raise JournalError(f"{where}: expected one of {', '.join(map(str, args))}, found {value!r:.60}")
    if origin is tuple and isinstance(value, list):
        return tuple(_value(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {k: _value(args[1], v, f"{where}[{k!r}]") for k, v in value.items()}
    number = wanted is float and isinstance(value, int | float) and not isinstance(value, bool)
    if number or (isinstance(wanted, type) and type(value) is wanted):
        return value
    name = "nothing" if wanted is NoneType else getattr(wanted, "__name__", str(wanted))
    raise JournalError(f"{where}: expected {name}, found {value!r:.60}")


def _either(options: tuple[object, ...], value: object, where: str) -> Any:
    mistake = JournalError(where)
    for option in options:
        try:
            return _value(option, value, where)
        except JournalError as error:
            mistake = error
    raise mistake
