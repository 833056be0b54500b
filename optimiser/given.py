"""What was given where a number is meant: in a message, what it is and what to give instead."""

import difflib
import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any

LONG = 10**20
SHOWN = 60


def shown(value: Any) -> str:
    """As Python writes it, shortened: a whole number of hundreds of digits by its size, the rest cut off."""
    if isinstance(value, str):
        value = str(value)  # numpy's words are written like any other
    if isinstance(value, int) and abs(value) >= LONG:
        return f"{'-' if value < 0 else ''}1e{math.floor(math.log10(abs(value)) + 1e-9)} or so"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def amiss(value: Any, instead: str) -> str:
    """`nan; give a number`, and of a number written as text how to make it one."""
    if not isinstance(value, str):
        return f"{shown(value)}; {instead}"
    try:
        number = math.isfinite(float(value))
    except ValueError:
        number = False
    return f"{shown(value)}: it is text; {'convert it with float()' if number else instead}"


def whole(value: Any, least: int) -> bool:
    """A whole number from `least` up; neither 2.0 nor a truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def check_count(what: str, value: Any, least: int) -> None:
    """Raise ValueError unless it is a whole number from `least` up. what: with its verb, `the seed is`."""
    if not whole(value, least):
        raise ValueError(f"{what} {amiss(value, f'give a whole number from {least} up')}")


def did_you_mean(word: object, words: Iterable[str]) -> str:
    """' (did you mean "yield"?)', or nothing when no word is near."""
    by_small = {w.casefold(): w for w in words}
    near = difflib.get_close_matches(str(word).casefold(), list(by_small), n=1, cutoff=0.6)
    return f' (did you mean "{by_small[near[0]]}"?)' if near else ""
