"""SCPI-1999 and IEEE 488.2 as a meter speaks them: identity, one number, the error queue.

+-9.9E37 stands for infinity, which is an overload, and 9.91E37 for not a number (SCPI-1999 volume 1, 7.2.1).
"""

import re

IDENTIFY, CLEAR, ERROR = "*IDN?", "*CLS", "SYST:ERR?"
OVERLOAD = 9.9e37
IDENTITY = re.compile(r"[A-Za-z][^,]*(?:,[^,]*){2,4}")
"""Maker, model, serial number, firmware: like no reading, so that it tells late readings from new ones."""
ERROR_LINE = re.compile(r"([+-]?\d{1,5}) *(?:, *(.*))?")
ANYTHING = re.compile(r".+")

_NUMBER = re.compile(r"([+-]?(?:\d{1,17}\.?\d{0,17}|\.\d{1,17})(?:[eE][+-]?\d{1,3})?) *([^\d\s.,;+-][^\s,;]*)?")


def lines_in(data: bytes, end: bytes) -> list[str]:
    """The whole lines in `data`, without spaces around them; a byte that is no ASCII spoils its line."""
    *lines, _ = data.split(end)
    return [line.decode("ascii", "replace").strip() for line in lines]


def number_of(text: str, unit: str) -> float | None:
    """The number in an answer, whose own unit, if it has one, must be `unit`; None for anything else."""
    match = _NUMBER.fullmatch(text)
    if match is None or (match[2] or unit).casefold() != unit.casefold():
        return None
    return float(match[1])
