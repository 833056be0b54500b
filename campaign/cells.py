"""Cells of CSV files: strict numbers in, no formulae out."""

import math
import re

TRIGGERS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins with one of these is a formula to a spreadsheet."""
_WIDE = ("\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The same signs in full width, which some spreadsheets take for them."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def number_of(cell: str) -> float | None:
    """A plain decimal number, or None: no words such as nan, no digits of other scripts, no 1_000."""
    if not _NUMBER.fullmatch(cell):
        return None
    value = float(cell)
    return value if math.isfinite(value) else None


def neutral(cell: str) -> str:
    """The cell as plain text for a spreadsheet: an apostrophe before what it would compute. Numbers stay."""
    if number_of(cell) is not None:
        return cell
    begin = cell.lstrip(" \n\x00\ufeff\u00a0")
    return f"'{cell}" if cell.startswith(TRIGGERS) or begin.startswith((*TRIGGERS, *_WIDE)) else cell


def plain(cell: str) -> str:
    """What `neutral` was given."""
    return cell[1:] if cell.startswith("'") and neutral(cell[1:]) == cell else cell
