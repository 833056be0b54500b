"""The words of New Era syringe pumps: manual, publication 1200-01, section 10.2.

Basic mode: a command is `[address]words CR`, the answer `STX address status [data] ETX`. Safe mode: both are
`STX length data CRC16 ETX`, where the length counts itself and all that follows, and the CRC (CCITT, from 0, high
byte first) is of the data alone. Its bytes may be any, ETX too. Numbers have at most four digits, three of them
decimals.
"""

import binascii
import re
from dataclasses import dataclass
from enum import StrEnum

STX, ETX = b"\x02", b"\x03"
UL = {"UL": 1.0, "ML": 1000.0}
UL_S = {"UH": 1 / 3600, "UM": 1 / 60, "MM": 1000 / 60}
LARGEST_UL_DIAMETER_MM = 14.0
"""Volumes are µL for syringes up to this diameter, mL above."""

LONGEST_ANSWER = 255
"""Of a packet, in bytes."""

_ANSWER = re.compile(r"(\d{1,2})(?:([IWSPTUX])|(A\?[RSTEO]))([!-~]*)")
_NUMBER = r"(\d{1,6}\.?|\d{0,6}\.\d{1,4})"
_VERSION = re.compile(r"([A-Z]{2})-?(\d{2,5})([A-Z0-9-]*?)V(\d[0-9.]*[A-Z]?)")
_WORDS = {"UL": " µL", "ML": " mL", "UM": " µL/min", "MM": " mL/min", "UH": " µL/h", "MH": " mL/h"}


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
    SAFE = "SAF"
    RESTARTS = "PF"


class Direction(StrEnum):
    INFUSE = "INF"
    WITHDRAW = "WDR"


DIRECTIONS = {"INF": "infuse", "WDR": "withdraw", "STK": "as in the phase before"}


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
    VERSION = _VERSION
    WHOLE = re.compile(r"\d{1,3}\.?")
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


STATES = {
    "I": "infusing",
    "W": "withdrawing",
    "S": "stopped",
    "P": "paused",
    "T": "in a timed pause",
    "U": "waiting for a key or trigger",
    "X": "purging",
}

SPEEDS_MM_S = {"NE-4000": (1.2e-5, 3.01)}
"""Slowest and fastest plunger of the models whose limits are known not to be those of the NE-1000. NE-4000: from
3.135 mL/min at 4.699 mm and 100.3 mL/min at 26.59 mm, section 11.7 of its manual."""
SLOWEST_MM_S, FASTEST_MM_S = 1.2e-5, 0.85
"""NE-1000: 0.004205 cm/h to 5.1005 cm/min. A slower model says ?OOR."""


@dataclass(frozen=True)
class Reply:
    """status: a letter of STATES, or A for an alarm, of which `data` is the whole. checked: it came with a CRC."""

    status: str
    data: str
    checked: bool = False


def basic(command: str, address: int) -> bytes:
    """A command in Basic mode. Address 0 needs no name."""
    return f"{address or ''}{command}\r".encode("ascii")


def safe(command: str, address: int) -> bytes:
    """The same in Safe mode."""
    data = f"{address or ''}{command}".encode("ascii")
    return STX + bytes([len(data) + 4]) + data + binascii.crc_hqx(data, 0).to_bytes(2, "big") + ETX


def reply_of(heard: bytes, address: int) -> Reply | None:
    """The answer of the pump on `address` that ends where `heard` ends, which is before an ETX.

    None for noise, for other pumps, and where that ETX is a byte of a CRC and the end is still to come.
    """
    for start in range(max(0, len(heard) - LONGEST_ANSWER), len(heard)):
        packet = heard[start + 1 :]
        if heard[start : start + 1] != STX or not packet:
            continue
        data, crc = packet[1:-2], packet[-2:]
        checked = packet[0] == len(packet) + 1 and binascii.crc_hqx(data, 0).to_bytes(2, "big") == crc
        match = _ANSWER.fullmatch((data if checked else packet).decode("ascii", "replace"))
        if match is None or int(match[1]) != address:
            continue
        if not match[3]:
            return Reply(match[2], match[4], checked)
        if not match[4]:
            return Reply("A", match[3], checked)
    return None


def pump_in(heard: bytes) -> str | None:
    """Who answered VER, on whatever address, in whatever mode. An alarm may have taken the place of the answer."""
    ends = [at for at, byte in enumerate(heard) if byte == ETX[0]]
    replies = [reply for end in ends for address in range(100) if (reply := reply_of(heard[:end], address))]
    for reply in replies:
        if Shape.VERSION.fullmatch(reply.data):
            return reply.data
    return "New Era pump, with an alarm to tell" if any(r.status == "A" for r in replies) else None


def model_and_firmware(version: str) -> tuple[str, str]:
    """Of an answer to VER, as it stands on the box: ("NE-1000", "3.928"). `version` fits Shape.VERSION."""
    maker, number, extra, firmware = _groups(Shape.VERSION, version)
    return f"{maker}-{number}{extra}", firmware


def counter_ul(data: str, direction: Direction) -> float:
    """The volume of one direction in an answer to DIS. `data` fits Shape.COUNTER."""
    infused, withdrawn, unit = _groups(Shape.COUNTER, data)
    return float(infused if direction is Direction.INFUSE else withdrawn) * UL[unit]


def counter_words(data: str) -> str:
    """An answer to DIS as people write it. `data` fits Shape.COUNTER."""
    infused, withdrawn, unit = _groups(Shape.COUNTER, data)
    return in_words(f"{infused}{unit}") + " out, " + in_words(f"{withdrawn}{unit}") + " in"


def same_value(shape: re.Pattern[str], data: str, told: str) -> bool:
    """Whether the pump kept the number and unit that it was told; 5.000 and 5 are the same."""
    if shape is Shape.DIRECTION:
        return data == told
    (number, *unit), (told_number, *told_unit) = _groups(shape, data), _groups(shape, told)
    return float(number) == float(told_number) and unit == told_unit


def in_words(data: str) -> str:
    """A volume or rate as people write it."""
    return data[:-2] + _WORDS[data[-2:]] if data[-2:] in _WORDS else data


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
