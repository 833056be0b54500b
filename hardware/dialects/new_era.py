"""The Basic mode of New Era syringe pumps: manual, publication 1200-01, section 10.2.

A command is `[address]words CR`; the answer is `STX address status [data] ETX`. Numbers have at most four digits
and three decimals.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

STX, ETX = b"\x02", b"\x03"
UL = {"UL": 1.0, "ML": 1000.0}
UL_S = {"UH": 1 / 3600, "UM": 1 / 60, "MM": 1000 / 60}
LARGEST_UL_DIAMETER_MM = 14.0
"""Volumes are µL for syringes up to this diameter, mL above."""

_PACKET = re.compile(r"(\d\d)(?:([IWSPTUX])|(A\?[RSTEO]))([!-~]*)")
_NUMBER = r"(?=[\d.]{1,5}(?![\d.]))(\d{1,4}\.?|\d{0,3}\.\d{1,3})"


class Word(StrEnum):
    """What the pump understands."""

    STATUS = ""
    VERSION = "VER"
    DIAMETER = "DIA"
    PHASE = "PHN"
    FUNCTION_RATE = "FUNRAT"
    FUNCTION_STOP = "FUNSTP"
    RATE = "RAT"
    VOLUME = "VOL"
    DIRECTION = "DIR"
    CLEAR = "CLD"
    COUNTER = "DIS"
    RUN = "RUN"
    STOP = "STP"


class Direction(StrEnum):
    INFUSE = "INF"
    WITHDRAW = "WDR"


SETS = {
    "PHN": "pumping program",
    "FUN": "pumping program",
    "DIA": "syringe diameter",
    "VOL": "volume unit",
    "RAT": "rate",
    "DIR": "direction",
}
"""What a command sets, in a chemist's words."""


class Shape:
    """What the data of an answer looks like."""

    NOTHING = re.compile("")
    VERSION = re.compile(r"NE[0-9A-Z.]+V[0-9.]+")
    LENGTH = re.compile(_NUMBER)
    RATE = re.compile(_NUMBER + "(UM|MM|UH|MH)")
    VOLUME = re.compile(_NUMBER + "(UL|ML)")
    DIRECTION = re.compile("INF|WDR|REV|STK")
    COUNTER = re.compile(f"I{_NUMBER}W{_NUMBER}(UL|ML)")


TROUBLE = {
    "A?R": "was switched off or restarted and has forgotten its program",
    "A?S": "its motor stalled: look for a blocked tube, a closed valve or an empty syringe",
    "A?T": "heard nothing from the computer for too long and stopped itself",
    "A?E": "reports an error in its pumping program",
    "A?O": "reports a program phase out of range",
    "?": "does not know the command",
    "?NA": "cannot do that now",
    "?OOR": "says the value is out of its range",
    "?COM": "received a damaged command; check cable and baud rate",
    "?IGN": "ignored the command",
}


@dataclass(frozen=True)
class Reply:
    """status: I infusing, W withdrawing, S stopped, P paused, T waiting, U waiting for a trigger, X purging,
    A alarm; of an alarm, `data` is the whole of it."""

    status: str
    data: str


def reply_of(packet: bytes, address: int) -> Reply | None:
    """What comes before an ETX, as an answer of the pump on `address`; None for noise and other pumps."""
    _, start, text = packet.rpartition(STX)
    match = _PACKET.fullmatch(text.decode("ascii", "replace"))
    if not start or match is None or int(match[1]) != address:
        return None
    if match[3]:
        return Reply("A", match[3]) if not match[4] else None
    return Reply(match[2], match[4])


def counter_ul(data: str, direction: Direction) -> float:
    """The volume of one direction in an answer to DIS. `data` fits Shape.COUNTER."""
    infused, withdrawn, unit = _groups(Shape.COUNTER, data)
    return float(infused if direction is Direction.INFUSE else withdrawn) * UL[unit]


def same_value(shape: re.Pattern[str], data: str, told: str) -> bool:
    """Whether the pump kept the number and unit that it was told; 5.000 and 5 are the same."""
    if shape is Shape.DIRECTION:
        return data == told
    (number, *unit), (told_number, *told_unit) = _groups(shape, data), _groups(shape, told)
    return float(number) == float(told_number) and unit == told_unit


def in_words(data: str) -> str:
    """A volume as people write it."""
    return data.replace("UL", " µL").replace("ML", " mL")


def four_digits(value: float) -> str:
    """A number as the pump takes it. Raises ValueError above 9999."""
    for decimals in (3, 2, 1, 0):
        text = f"{value:.{decimals}f}"
        if sum(c.isdigit() for c in text) <= 4:
            return text
    raise ValueError(f"{value} needs more than four digits")


def rate_words(rate_ul_s: float) -> str:
    """A rate in the finest unit that fits four digits. Raises ValueError."""
    for unit, ul_s in UL_S.items():
        if rate_ul_s / ul_s < 9999.5:
            return four_digits(rate_ul_s / ul_s) + unit
    raise ValueError(f"{rate_ul_s} µL/s needs more than four digits")


def _groups(shape: re.Pattern[str], data: str) -> tuple[str, ...]:
    match = shape.fullmatch(data)
    if match is None:
        raise ValueError(f"{data!r} is not what was asked for")
    return match.groups()
