"""Reading TOML files that people edit: everything that is wrong, at once, with its place and what was expected.

`rig_file` and `campaign.config` are the doormen built on it. Places are dotted paths; items count from 1:
`parameters[2].low`.
"""

import dataclasses
import datetime
import difflib
import json
import math
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from hardware.toml_slips import in_plain_words, lines_of

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_KEYS = 5000

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-]){_PART}(?:\.[ \t]*{_PART}){{{MAX_DEPTH},}}")
_KEY_OR_TABLE = re.compile(r"""^[ \t]*(?:[A-Za-z0-9_"'][^=\n,]{0,200}=|\[[^\n,]{1,400}\][ \t\r]*$)""", re.MULTILINE)

T = TypeVar("T")
Table = dict[str, object]


class TomlFileError(ValueError):
    """A file that cannot be used. `mistakes`: every one of them, one sentence each."""

    def __init__(self, path: str | Path, mistakes: tuple[str, ...]) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{path}: {count}\n" + "\n".join(f"  {m}" for m in mistakes))
        self.path = str(path)
        self.mistakes = mistakes


class Mistakes:
    """Collects mistakes; the first one at a place wins, since later ones follow from it."""

    def __init__(self) -> None:
        self._by_place: dict[str, str] = {}

    def add(self, place: str, message: str) -> None:
        """Note what was expected at a place."""
        self._by_place.setdefault(place, message)

    def instead(self, place: str, message: str) -> None:
        """Say better what is wrong at a place where a mistake may have been noted already, there or below."""
        for told in [p for p in self._by_place if p == place or p.startswith((f"{place}.", f"{place}["))]:
            del self._by_place[told]
        self._by_place[place] = message

    def __contains__(self, place: str) -> bool:
        return place in self._by_place

    def under(self, *places: str) -> bool:
        """Whether there is a mistake at, or anywhere below, one of these places."""
        return any(
            p == place or p.startswith((f"{place}.", f"{place}[")) for p in self._by_place for place in places
        )

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"{place}: {message}" if place else message for place, message in self._by_place.items())

    def lines_in(self, text: str) -> tuple[str, ...]:
        """As `lines`, in the order of the file that has this text, with the line of the key, or else its table."""
        at: dict[str, int] = {}
        for parts, number in lines_of(text).items():
            at.setdefault(_place("", parts), number)
        numbered = []
        for place, message in self._by_place.items():
            ends = [len(place), *(i for i in range(len(place) - 1, 0, -1) if place[i] in ".[")]
            number = next((at[place[:end]] for end in ends if place[:end] in at), 0)
            said = f"{place}: {message}" if place else message
            numbered.append((number, f"{said} (line {number})" if number else said))
        return tuple(said for _, said in sorted(numbered, key=lambda pair: pair[0]))


def did_you_mean(word: str, words: Iterable[str], called: Mapping[str, str] = MappingProxyType({})) -> str:
    """' (did you mean "red"?)', or nothing when no word is near. called: what people also call some of `words`, in
    small letters and digits with spaces between the names; a name may be part of what they write."""
    words = list(words)
    plain = re.sub(r"[^a-z0-9]", "", word.casefold())
    names = {w: (w.replace("_", ""), *called[w].split()) for w in words if w in called}
    near = [w for w in names if any(name in plain for name in names[w])][:1]
    near = near or difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if not near:
        near = [w for w in words if w.lower() == word.lower()][:1]
    return f' (did you mean "{near[0]}"?)' if near else ""


def shown(value: object) -> str:
    """A value of the file in a message, cut when long."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, Mapping):
        text = "a table"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)}"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_text(path: Path) -> str:
    """The text of a small UTF-8 file. Raises TomlFileError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise TomlFileError(path, ("no such file",)) from error
    except OSError as error:
        raise TomlFileError(path, (f"cannot be read: {error.strerror or error}",)) from error
    if len(raw) > MAX_BYTES:
        raise TomlFileError(path, ("larger than 1 MB; such files are a few kB",))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TomlFileError(path, (f"line {line}: not UTF-8 text; save the file as UTF-8",)) from error


def parse_table(text: str, where: str | Path, mistakes: Mistakes) -> Table:
    """TOML text as a table. Numbers that are not finite and dates go to `mistakes`; what cannot be read at all
    raises TomlFileError."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise TomlFileError(where, ("larger than 1 MB; such files are a few kB",))
    if _LONG_KEY.search(text):  # tomllib takes minutes over a key of some thousand parts
        raise TomlFileError(where, (f"nested deeper than {MAX_DEPTH} levels",))
    if sum(1 for _ in _KEY_OR_TABLE.finditer(text)) > MAX_KEYS:
        raise TomlFileError(where, (f"more than {MAX_KEYS} keys and tables",))
    try:
        table: Table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TomlFileError(where, in_plain_words(text, error)) from error
    except RecursionError as error:
        raise TomlFileError(where, (f"nested deeper than {MAX_DEPTH} levels",)) from error
    except ValueError as error:
        raise TomlFileError(where, ("not TOML: a number or character out of range",)) from error
    stack: list[tuple[str, object, int]] = [("", table, 0)]
    while stack:
        place, value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise TomlFileError(where, (f"nested deeper than {MAX_DEPTH} levels",))
        if isinstance(value, dict):
            stack.extend((joined(place, k), v, depth + 1) for k, v in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend((joined(place, i), v, depth + 1) for i, v in reversed(list(enumerate(value))))
        elif isinstance(value, float) and not math.isfinite(value):
            mistakes.add(place, f"expected a finite number, got {value}")
        elif isinstance(value, int) and abs(value) >= 2**63:
            mistakes.add(place, "the number is out of range")
        elif isinstance(value, datetime.date | datetime.time):
            mistakes.add(place, f"expected no date or time, got {value}")
    return table


def validated(kind: type[T], value: object, place: str, mistakes: Mistakes) -> T | None:
    """`value` as a `kind` (a dataclass or any type that pydantic knows), or None with the reasons in `mistakes`."""
    text = json.dumps(value, default=str)
    key: Any = kind
    try:
        result: T = _adapter(key).validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        for item in error.errors(include_url=False):
            _report(item, kind, place, mistakes)
        return None
    return result


def what_is_good(
    kind: type[T], value: object, place: str, mistakes: Mistakes, instead: Mapping[str, object]
) -> T | None:
    """Like `validated`, but a table with mistakes still gives a value to check further: without the keys that
    have them, and with those of `instead` where a key must be. The mistakes stay on the list."""
    result = validated(kind, value, place, mistakes)
    if result is not None or not isinstance(value, dict):
        return result
    good = {k: v for k, v in value.items() if not mistakes.under(joined(place, k))}
    return validated(kind, {**instead, **good}, place, Mistakes())


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def joined(place: str, part: str | int) -> str:
    """The place of a part: a key of the table, or an item, from 0 on, of the list that is at `place`."""
    if isinstance(part, int):
        return f"{place}[{part + 1}]"
    key = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=False)
    return f"{place}.{key}" if place else key


_EXPECTED = {
    "float_type": "a number", "float_parsing": "a number", "int_type": "a whole number",
    "int_parsing": "a whole number", "int_from_float": "a whole number", "string_type": "text",
    "bool_type": "true or false", "tuple_type": "a list", "list_type": "a list", "dict_type": "a table",
    "dataclass_type": "a table", "finite_number": "a finite number", "mapping_type": "a table",
}  # fmt: skip
_UNION_TAGS = frozenset({"str", "int", "float", "bool"})


def _report(item: Any, kind: Any, place: str, mistakes: Mistakes) -> None:
    """Put one of pydantic's findings into our words."""
    loc: tuple[str | int, ...] = item["loc"]
    loc = loc[:-1] if loc and loc[-1] == "[key]" else loc
    code, given, limits = item["type"], item["input"], item.get("ctx", {})
    if len(loc) > 1 and loc[-1] in _UNION_TAGS and code in _EXPECTED:
        spot = _place(place, loc[:-1])
        mistakes.add(spot, f"expected text, a number, or true or false, got {shown(given)}")
        return
    spot = _place(place, loc)
    if any(spot[:i] in mistakes for i in range(len(spot)) if spot[i] in ".["):
        return
    if code in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _fields(kind, loc[:-1])
        hint = did_you_mean(str(loc[-1]), known)
        mistakes.add(spot, f"is not known here{hint or '; known are ' + ', '.join(known)}")
    elif code == "literal_error":
        words = re.findall(r"'([^']*)'", limits["expected"]) or [limits["expected"]]
        hint = did_you_mean(given, words) if isinstance(given, str) else ""
        mistakes.add(spot, f"expected {' or '.join(words)}, got {shown(given)}{hint}")
    elif code in ("missing", "missing_argument"):
        mistakes.add(spot, "is missing")
    elif code in _EXPECTED:
        mistakes.add(spot, f"expected {_EXPECTED[code]}, got {shown(given)}{_written(loc, code, given)}")
    elif code in ("too_long", "too_short"):
        least, most = limits.get("min_length"), limits.get("max_length")
        bound = f"at most {most}" if code == "too_long" else f"at least {least}"
        mistakes.add(spot, f"expected {bound} items, got {limits['actual_length']}")
    else:
        text = item["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        mistakes.add(spot, f"expected {text}, got {shown(given)}")


def _written(loc: tuple[str | int, ...], code: str, given: object) -> str:
    """How a number that must be a text, or a number with a comma, is to be written."""
    if not loc or not isinstance(loc[-1], str) or isinstance(given, bool):
        return ""
    if code == "string_type" and isinstance(given, int | float):
        return f'; write {loc[-1]} = "{given}"'
    if code == "float_type" and isinstance(given, str) and "," in given:
        number = given.strip().replace(",", ".", 1)
        return f"; write {loc[-1]} = {number}" if re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", number) else ""
    return ""


def _place(place: str, loc: tuple[str | int, ...]) -> str:
    for part in loc:
        place = joined(place, part)
    return place


def _fields(kind: Any, loc: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that the dataclass at `loc` within `kind` knows."""
    for part in loc:
        kind = _without_none(kind)
        if dataclasses.is_dataclass(kind):
            kind = typing.get_type_hints(kind).get(str(part))
        else:
            kind = next(iter(typing.get_args(kind)[::-1]), None)
    kind = _without_none(kind)
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(k for k in typing.get_args(kind) if k is not type(None))
    return kind
