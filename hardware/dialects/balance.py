"""What balances say: MT-SICS, Sartorius SBI, A&D and Ohaus, each one line for one weight.

MT-SICS: reference manual 11780711, level 0. SBI: Cubis and Practum manuals, data output with 16 and 22 characters;
the unit is printed only when the weight is stable. A&D: EK-L manual, 9-2. Ohaus: RS232 and Explorer manuals, `?` at
the end of a line when unstable. Where the columns are fixed they are held to, so that a lost digit is noticed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

GRAMS = {"g": 1.0, "mg": 1e-3, "kg": 1e3, "ug": 1e-6, "µg": 1e-6, "mcg": 1e-6}
END = b"\n"
NOT_NOW = "cannot weigh now, or found no rest in its own time"
OVER = "is overloaded: too much weight is on the pan"
UNDER = "is below its range: its pan is missing, or something lifts it"
UNKNOWN_COMMAND = "does not know the command; compare `format` in the rig file with its interface menu"


@dataclass(frozen=True)
class Weight:
    """step: the smallest change it shows, in `unit`. An empty unit: the balance tells it only at rest."""

    value: float
    unit: str
    stable: bool
    step: float


Reading = Weight | str
"""A weight, or in words why there is none."""


@dataclass(frozen=True)
class Format:
    """ask: for a weight. name: asks who it is. reading: what a line says of a weight; None: nothing. waits: a
    weight is answered when it is at rest. answers: a tare or a zero is answered too."""

    ask: str
    tare: str
    zero: str
    name: str
    reading: Callable[[str], Reading | None]
    waits: bool = False
    answers: bool = False


def in_grams(weight: Weight) -> float | None:
    """None for carats, pieces, percent and what else a balance can show."""
    factor = GRAMS.get(weight.unit)
    return None if factor is None else weight.value * factor


def sics(line: str) -> Reading | None:
    """`S S     100.00 g`, `S D`, `S +`, `S -`, `S I`, and the errors ES, ET, EL; some answer SI with `SI S`."""
    line = line.strip()
    if (m := re.fullmatch(r"SI? ([SD]) +(-?[\d.]+) +([^\s\d.]{1,5})", line)) is not None:
        return _weight(m[2], m[3], stable=m[1] == "S")
    if (m := re.fullmatch(r"SI? ([I+-])|S S Error (\w+)|E[SLT]", line)) is not None:
        if m[2]:
            return f"reports its error {m[2]}"
        return {"I": NOT_NOW, "+": OVER, "-": UNDER}.get(m[1] or "", UNKNOWN_COMMAND)
    return None


def sbi(line: str) -> Reading | None:
    """`+  123.56 g` in its columns, with or without an identifier of six characters before it."""
    text = line[6:] if re.match(r"[A-Z][A-Za-z ]{5}[ +-]", line) else line
    if (m := re.fullmatch(r"([+ -])([ \d.,[]{9})[] ]([A-Za-zµ%/]{0,3}) *", text)) is not None:
        number = re.sub(r"[ \[]", "", m[2]).replace(",", ".")
        return _weight(m[1].strip() + number, m[3], stable=bool(m[3]))
    if (m := re.fullmatch(r"(?:Stat)? *(High|Low|HH?|LL?|Err ?\d+|Cal\S*|C|off|OFF|--+)\.? *", line)) is not None:
        return {"H": OVER, "L": UNDER, "E": f"reports its error {m[1][3:].strip()}"}.get(m[1][0], NOT_NOW)
    return None


def and_(line: str) -> Reading | None:
    """`ST,+00012.34  g`; US is unstable, OL out of range, QT counted pieces."""
    if (m := re.fullmatch(r"(ST|US|QT|WT),([+-][\d.]{8,9})([A-Za-zµ% ]{3}) *", line)) is not None:
        return _weight(m[2], m[3].strip(), stable=m[1] != "US")
    if (m := re.fullmatch(r"OL,([+-]?)[\d.]+(?:E[+-]?\d+)? *\S* *", line)) is not None:
        return UNDER if m[1] == "-" else OVER
    if (m := re.fullmatch(r"EC, ?(E\d\d) *", line)) is not None:
        return f"reports its error {m[1]}"
    return None


def ohaus(line: str) -> Reading | None:
    """`    192.21 g`, at the right of ten to twelve columns, then `?` when unstable, then a legend such as NET."""
    m = re.fullmatch(
        r"(?=.{10,12} [A-Za-zµ%]) *(- *)?(\d[\d.]*) +([A-Za-zµ%]{1,5})( +\?)?( +[A-Z][A-Za-z/. ]*)? *", line
    )
    if m is not None:
        return _weight(("-" if m[1] else "") + m[2], m[3], stable=not m[4])
    if (m := re.fullmatch(r" *(?:Err(?:or)? ?(\d+\.?\d*)|ES) *", line)) is not None:
        return {None: UNKNOWN_COMMAND, "8.3": OVER, "8.4": UNDER}.get(m[1], f"reports its error {m[1]}")
    return None


def _weight(number: str, unit: str, *, stable: bool) -> Weight | None:
    if not re.fullmatch(r"[+-]?\d{1,9}(?:\.\d{0,8})?", number):
        return None
    decimals = len(number.partition(".")[2])
    return Weight(float(number), unit, stable, 10.0**-decimals)


def lines_in(data: bytes) -> list[str]:
    """The whole lines in `data`; their spaces are part of them."""
    *lines, _ = data.split(END)
    return [line.strip(b"\r\0").decode("latin-1") for line in lines]


FORMATS = {
    "sics": Format("S", "T", "Z", "I4", sics, waits=True, answers=True),
    "sbi": Format("\x1bP", "\x1bU", "\x1bV", "\x1bx1_", sbi),
    "and": Format("Q", "T", "Z", "?TN", and_),
    "ohaus": Format("IP", "T", "Z", "PV", ohaus),
}
