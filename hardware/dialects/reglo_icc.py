"""The serial protocol of the Ismatec (Masterflex) Reglo ICC: operating manual 14-036-E rev. D, chapters 14-16.

A command is `channel words CR`. The answer is one status character without any end (`*` done, `#` not done, `+` and
`-` as the command defines them) or `data CR LF`; events, if they are on, are lines that begin with `^` and come at
any time. Volumes are mL and rates mL/min: `1200E-2` when told by the pump, `1200-2` when told to it, both 1.200e-2.
"""

import re
from enum import StrEnum


class Word(StrEnum):
    """What the pump understands. The per-pump ones take any channel."""

    ADDRESS_CHANNELS = "~1"
    ASK_FASTEST = "?"
    ASK_FASTEST_CALIBRATED = "!"
    CHANNELS = "xA"
    CLOCKWISE = "J"
    COUNTERCLOCKWISE = "K"
    DIRECTION = "xD"
    EVENTS_OFF = "xE0"
    MODEL = "#"
    MODE = "xM"
    RATE = "f"
    RATE_IS_FLOW = "xf1"
    RUNS = "E"
    START = "H"
    STOP = "I"
    TUBING = "+"
    VOLUME = "v"
    VOLUME_AT_RATE = "O"
    WHY_NOT = "xe"


_NUMBER = r"(?:(\d)(\d{3})|(\d+\.\d+))E([+-]\d{1,2})"


class Shape:
    """What an answer looks like. DONE and RUNS are single characters; all others are lines, or may be one."""

    DONE = re.compile(r"[*#+-]")
    RUNS = re.compile(r"[+-]")
    CHANNELS = re.compile(r"\d{1,4}")
    DIRECTION = re.compile("[JK]")
    FASTEST = re.compile(r"(\d+\.?\d*) ?ml/min", re.IGNORECASE)
    MODE = re.compile("[LMOGQNP]")
    MODEL = re.compile(r"[\x20-\x7e]*REGLO[\x20-\x7e]*", re.IGNORECASE)
    NUMBER = re.compile(_NUMBER)
    NUMBER_OR_DONE = re.compile(rf"{_NUMBER}|\*")
    TUBING = re.compile(r"(\d+\.\d+) ?mm", re.IGNORECASE)
    WHY_NOT = re.compile(r"([A-Z])[ |](.*)")


MODES = {
    "L": "speed",
    "M": "flow rate",
    "O": "volume at rate",
    "G": "volume over time",
    "Q": "volume and pause",
    "N": "time",
    "P": "time and pause",
}
WHY_NOT = {
    "C": "its number of cycles is zero",
    "R": "the rate is above what tubing and speed allow, or zero",
    "V": "the volume is above what it can count",
}

_EVENT = re.compile(r"\^[^\r\n]*(?:[\r\n]+|$)")
_STATUS = frozenset("*#+-")
_SINGLE = frozenset({Shape.DONE, Shape.RUNS})


def answer_in(data: bytes, shape: re.Pattern[str], silent: bool) -> str | None:
    """The answer of that shape; "#" when the pump refuses; None while there is none. Events are passed over.

    silent: nothing has come for a while, so that a character that stands alone is no line that begins.
    """
    text = _EVENT.sub("", data.decode("ascii", "replace"))
    *lines, rest = (piece.strip() for piece in re.split(r"[\r\n]", text))
    if shape in _SINGLE:
        # of a line, such as 1200E-2, no character is a status
        alone = "".join(piece for piece in (*lines, rest) if set(piece) <= _STATUS)
        found = next((c for c in alone if shape.fullmatch(c)), None)
    else:
        alone = rest or "".join(lines)
        found = next((line for piece in lines if shape.fullmatch(line := piece.lstrip("*#"))), None)
    if found is None and silent and (alone == "#" or (alone == "*" and shape is Shape.NUMBER_OR_DONE)):
        return alone
    return found


def number(text: str) -> float:
    """`text` fits Shape.NUMBER."""
    match = Shape.NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not what was asked for")
    mantissa = match[3] or f"{match[1]}.{match[2]}"
    return float(f"{mantissa}e{match[4]}")


def plain(shape: re.Pattern[str], text: str) -> float:
    """Of a bore (mm) or a fastest rate (mL/min). `text` fits `shape`."""
    match = shape.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not what was asked for")
    return float(match[1])


def four_digits(value: float) -> str:
    """mL or mL/min as the pump takes it. Raises ValueError outside 1e-9 to 9.999e9."""
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    if not value > 0 or abs(int(exponent)) > 9:
        raise ValueError(f"{value} cannot be told to the pump")
    return f"{mantissa.replace('.', '')}{int(exponent):+d}"


def hundredths(bore_mm: float) -> str:
    """A bore as the pump takes it."""
    return f"{round(bore_mm * 100):04d}"
