"""Syringes by make and size: inside diameter and capacity, so that nobody has to type a diameter.

Sources. New Era: table of syringe diameters in the manual of the NE-1000 family (publication 1200-01). Harvard:
syringe table of the Pump 11 and PHD manuals. Scale: bore from the capacity spread over 60 mm, as on the glass of
Hamilton's 700, 1000 and 1700 series and of SGE (1 mL: 4.607 mm; their data sheets round to 4.61). Stroke: the same
from the 60 mm full stroke of a Tecan Cavro XLP 6000 (manual 734237). Tables of different makers differ by up to 1 %
for one plastic syringe, and so do lots of it: calibrate with weighed doses where that matters.
"""

import difflib
import math
import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Syringe:
    """source: whose table the diameter is from."""

    name: str
    diameter_mm: float
    capacity_ul: float
    source: str


class UnknownSyringeError(ValueError):
    """No such syringe; the message names the nearest."""


_NEW_ERA = "New Era manual 1200-01"
_HARVARD = "Harvard Apparatus syringe table"
_SCALE_60 = "capacity over the 60 mm scale of the glass"
_STROKE_60 = "capacity over the 60 mm stroke of the pump"
_SCALE_60_MM = 60.0


def _by_scale(*sizes_ml: float) -> dict[float, float]:
    """Bores of syringes whose whole capacity is spread over 60 mm, mm by mL."""
    return {ml: round(math.sqrt(4000 * ml / (math.pi * _SCALE_60_MM)), 3) for ml in sizes_ml}


_TABLES: tuple[tuple[str, str, dict[float, float]], ...] = (
    ("BD plastic", _NEW_ERA,
     {1: 4.699, 3: 8.585, 5: 11.99, 10: 14.43, 20: 19.05, 30: 21.59, 60: 26.59}),
    ("HSW Norm-Ject", _NEW_ERA,
     {1: 4.69, 3: 9.65, 5: 12.45, 10: 15.9, 20: 20.05, 30: 22.9, 50: 29.2}),
    ("Monoject", _NEW_ERA,
     {1: 5.74, 3: 8.941, 6: 12.7, 12: 15.72, 20: 20.12, 35: 23.52, 60: 26.64, 140: 38.0}),
    ("Terumo", _NEW_ERA,
     {1: 4.7, 3: 8.95, 5: 13.0, 10: 15.8, 20: 20.15, 30: 23.1, 60: 29.7}),
    ("Hamilton Gastight 1000", _SCALE_60, _by_scale(1, 2.5, 5, 10, 25, 50)),
    ("Hamilton Gastight 1700", _SCALE_60, _by_scale(0.01, 0.025, 0.05, 0.1, 0.25, 0.5)),
    ("Hamilton Microliter 700", _SCALE_60, _by_scale(0.01, 0.025, 0.05, 0.1, 0.25, 0.5)),
    ("SGE", _SCALE_60, _by_scale(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)),
    ("Harvard stainless steel", _HARVARD,
     {2.5: 4.851, 8: 9.525, 20: 19.13, 50: 28.6, 100: 34.9}),
    ("Tecan XLP", _STROKE_60, _by_scale(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)),
)  # fmt: skip

_OTHER_WORDS = (
    ("bectondickinson", "bd"), ("becton", "bd"), ("plastipak", "plastic"), ("airtite", "hswnormject"),
    ("hswhenkesasswolf", "hswnormject"), ("henkesasswolf", "hswnormject"), ("sherwoodmonoject", "monoject"),
    ("covidienmonoject", "monoject"), ("series", ""), ("cavroxlp", "xlp"), ("tecancavro", "tecan"),
    ("gastight1000", "1000"), ("gastight1700", "1700"), ("microliter700", "700"), ("microliter", "ul"),
    ("scientificglassengineering", "sge"), ("harvardapparatus", "harvard"), ("stainlesssteel", "steel"),
    ("syringes", ""), ("syringe", ""), ("luerlok", ""), ("luerlock", ""), ("luerslip", ""), ("plastics", "plastic"),
)  # fmt: skip
_ONE_WORD = {"normject": "hswnormject", "xlp": "tecanxlp"}


def _size_words(capacity_ml: float) -> str:
    return f"{capacity_ml:g} mL" if capacity_ml >= 1 else f"{1000 * capacity_ml:g} µL"


SYRINGES: tuple[Syringe, ...] = tuple(
    Syringe(f"{make} {_size_words(ml)}", mm, 1000.0 * ml, source)
    for make, source, sizes in _TABLES
    for ml, mm in sizes.items()
)


def find(name: str) -> Syringe:
    """The syringe of that name: "BD plastic 60 mL", "b-d 60cc plastic" and "Hamilton 1000 2.5 ml" are all known.

    Raises UnknownSyringeError that names the nearest.
    """
    known = _by_key().get(_key(name))
    if known is None:
        near = nearest(name)
        hint = f"did you mean {' or '.join(near)}?" if near else f"makes are {', '.join(t[0] for t in _TABLES)}."
        raise UnknownSyringeError(
            f"no syringe {name!r} is known; {hint} Or give diameter_mm and capacity_ul instead"
        )
    return known


def nearest(name: str) -> tuple[str, ...]:
    """Up to three names that are like `name`, the likest first: of its make, that very size or else the nearest.

    Half a make's name ("BD", "Hamilton") means all that are called so."""
    make, _, ul = _key(name).rpartition(" ")
    own = {key.rpartition(" ")[0]: None for key in _by_key()}
    like = [m for m in own if make and make in m] or difflib.get_close_matches(make, list(own), n=1, cutoff=0.55)
    same = [(key, s) for key, s in _by_key().items() if key.rpartition(" ")[0] in like]
    same = [pair for pair in same if pair[0].rpartition(" ")[2] == ul] or same
    wanted_ul = float(ul) if ul and float(ul) > 0 else 10_000.0
    same.sort(key=lambda pair: abs(math.log(pair[1].capacity_ul / wanted_ul)))
    return tuple(s.name for _, s in same[:3])


@cache
def _by_key() -> dict[str, Syringe]:
    return {_key(s.name): s for s in SYRINGES}


def _key(name: str) -> str:
    """One spelling for one syringe: make first, then the size in µL."""
    text = name[:200].casefold().replace("µ", "u").replace("μ", "u").replace(",", ".")
    size = re.search(r"(\d+(?:\.\d+)?|\.\d+)\s*-?\s*(ml|cc|ul|microlit(?:er|re)s?|millilit(?:er|re)s?)\b", text)
    ul = ""
    if size is not None:
        text = text[: size.start()] + " " + text[size.end() :]
        ul = f"{float(size[1]) * (1.0 if size[2].startswith(('u', 'micro')) else 1000.0):g}"
    word = re.sub(r"[^a-z0-9]", "", text)
    for other, ours in _OTHER_WORDS:
        word = word.replace(other, ours)
    return f"{_ONE_WORD.get(word, word)} {ul}"
