"""Pump Chain Commands of Harvard and KD Scientific syringe pumps: PHD ULTRA manual 5419-002 pp. 83-88, Legato 200
manual 5617-002 pp. 58-65, Pump 33 DDS manual 5419-013 pp. 44-52.

A command is `[address[:]]words CR`. The answer is `LF [address:]text CR` for every line, then `LF [address]prompt`,
and an XON when `poll on`. The prompt has no end of its own: `LF 07:` may be an idle prompt or a line that begins.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Word(StrEnum):
    """What the pump understands."""

    ADDRESS = "address"
    CLEAR_INFUSED = "civolume"
    CLEAR_TARGET = "ctvolume"
    CLEAR_WITHDRAWN = "cwvolume"
    DIAMETER = "diameter"
    FORCE = "force"
    INFUSED = "ivolume"
    INFUSE_RATE = "irate"
    INFUSE_LIMITS = "irate lim"
    POLL_ON = "poll on"
    RUN_INFUSE = "irun"
    RUN_WITHDRAW = "wrun"
    STATUS = "status"
    STOP = "stp"
    SYRINGE = "svolume"
    TARGET = "tvolume"
    VERSION = "ver"
    WITHDRAWN = "wvolume"
    WITHDRAW_RATE = "wrate"


class Prompt(StrEnum):
    IDLE = ":"
    INFUSING = ">"
    WITHDRAWING = "<"
    STALLED = "*"
    REACHED = "T*"


MOVING = frozenset({Prompt.INFUSING, Prompt.WITHDRAWING})
IN_WORDS = {
    Prompt.IDLE: "stopped",
    Prompt.INFUSING: "infusing",
    Prompt.WITHDRAWING: "withdrawing",
    Prompt.STALLED: "stalled",
    Prompt.REACHED: "stopped, target reached",
}

_NUMBER = r"((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_VOLUME = _NUMBER + r" ?([munp])l?"
_RATE = _VOLUME + r"/(h|m|s)[a-z]*"
_UL = {"m": 1e3, "u": 1.0, "n": 1e-3, "p": 1e-6}
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PROMPT = re.compile(r"(?:(\d{1,2}):?)?(T\*|[:<>*])")
_TEXT = re.compile(r"(?:(\d{2}):)?(.+)")
_MAKES = re.compile(r"ELITE|ULTRA|LEGATO|PHD|KDS|DDS", re.IGNORECASE)
_NOT_SET = "target volume not set"


class Shape:
    """What a line looks like that answers a question."""

    DIAMETER = re.compile(_NUMBER + r" ?mm")
    FORCE = re.compile(_NUMBER + r" ?%")
    LIMITS = re.compile(_RATE + r" to " + _RATE, re.IGNORECASE)
    RATE = re.compile(_RATE, re.IGNORECASE)
    STATUS = re.compile(r"(-?\d+) (\d+) (-?\d+) ([iw][.iw][.s][.t][.iw][.t]?)", re.IGNORECASE)
    TARGET = re.compile(rf"{_VOLUME}|{_NOT_SET}\.?", re.IGNORECASE)
    VERSION = re.compile(r"[A-Za-z0-9][\w +/().,-]*?[ vV]\d+\.\d+[\w.]*")
    VOLUME = re.compile(_VOLUME, re.IGNORECASE)


TROUBLE = {
    "command error": "cannot do that now; look at its display, close any menu there and put it in Quick Start mode",
    "unknown command": "does not know the command",
    "argument error": "does not accept the value",
    "range error": "says the value is out of its range",
    "out of range": "says the value is out of its range",
}


@dataclass(frozen=True)
class Way:
    """What differs between pushing and drawing."""

    run: Word
    rate: Word
    counter: Word
    clear: Word
    drawn: bool


INFUSE = Way(Word.RUN_INFUSE, Word.INFUSE_RATE, Word.INFUSED, Word.CLEAR_INFUSED, drawn=False)
WITHDRAW = Way(Word.RUN_WITHDRAW, Word.WITHDRAW_RATE, Word.WITHDRAWN, Word.CLEAR_WITHDRAWN, drawn=True)


@dataclass(frozen=True)
class Heard:
    """All of the pump's own lines and prompts so far, in order. sure: the last of them is whole."""

    items: tuple[str | Prompt, ...]
    sure: bool

    def answer(self, shape: re.Pattern[str] | None) -> tuple[str, Prompt] | None:
        """The first line of that shape (any, for None) and the last prompt after it; None while there is none."""
        matched = "" if shape is None else None
        found: tuple[str, Prompt] | None = None
        for item in self.items:
            if isinstance(item, Prompt):
                found = found if matched is None else (matched, item)
            elif matched is None and shape is not None and shape.fullmatch(item):
                matched = item
        return found

    @property
    def trouble(self) -> tuple[str, str] | None:
        """What the pump objects to and what that means, once a prompt has followed."""
        lines = [i for i in self.items if not isinstance(i, Prompt)]
        for at, line in enumerate(lines):
            for start, meaning in TROUBLE.items():
                if line.lower().startswith(start) and isinstance(self.items[-1], Prompt):
                    return " ".join(lines[at:]), meaning
        return None


@dataclass(frozen=True)
class State:
    """Where a movement stands. counted_ul: of the direction `drawn`."""

    prompt: Prompt
    counted_ul: float
    moving: bool
    stalled: bool
    drawn: bool


def hear(data: bytes, address: int) -> Heard:
    """What the pump on `address` has said. Lines of other pumps, echoes and noise are passed over."""
    pieces = re.split(r"[\r\n\x11\x13]", data.replace(b"\0", b"").decode("ascii", "replace"))
    items: list[str | Prompt] = []
    sure = True
    for at, piece in enumerate(pieces):
        line, whole = piece.strip(), at < len(pieces) - 1
        prompt = _PROMPT.fullmatch(line)
        text = _TEXT.fullmatch(line)
        if prompt is not None and int(prompt[1] or 0) == address:
            items.append(Prompt(prompt[2]))
            sure = whole or not prompt[1] or prompt[2] != Prompt.IDLE
        elif whole and prompt is None and text is not None and int(text[1] or 0) == address:
            items.append(text[2].strip())
    return Heard(tuple(items), sure)


def strangers(data: bytes, address: int) -> tuple[int, ...]:
    """Addresses of other pumps that were heard."""
    found = re.findall(rb"\n(\d\d)(?=[:<>*T])", data)
    return tuple(sorted({int(a) for a in found} - {address}))


def value_of(shape: re.Pattern[str], text: str) -> float:
    """mm, %, µL or µL/s; 0 for a target that is not set. `text` fits `shape`."""
    digits, *units = _groups(shape, text)
    if digits is None:
        return 0.0
    return (
        _ul_s(digits, *units) if shape is Shape.RATE else float(digits) * (_UL[units[0].lower()] if units else 1.0)
    )


def limits_ul_s(text: str) -> tuple[float, float]:
    """Slowest and fastest. `text` fits Shape.LIMITS."""
    found = _groups(Shape.LIMITS, text)
    return _ul_s(*found[:3]), _ul_s(*found[3:])


def state_of(text: str, prompt: Prompt) -> State:
    """Of an answer to `status`; its values are of the direction the plunger had last. `text` fits Shape.STATUS.

    The first flag is a capital while the motor runs, in models with six flags; in others the prompt tells it alone.
    """
    _, _, femtolitres, flags = _groups(Shape.STATUS, text)
    moving = prompt in MOVING or flags[0].isupper()
    stalled = prompt is Prompt.STALLED or flags[2] in "sS"
    return State(prompt, int(femtolitres) / 1e9, moving, stalled, drawn=flags[0] in "wW")


def maker_of(heard: bytes) -> str | None:
    """Model and firmware in what a pump on any address says to `ver`; None for what is no answer of such a pump."""
    for address in (0, *strangers(heard, 0)):
        answer = hear(heard, address).answer(Shape.VERSION)
        if answer is not None and _MAKES.search(answer[0]):
            return answer[0] + (f", address {address}" if address else "")
    return None


def volume_words(volume_ul: float) -> tuple[str, str]:
    """Five digits at most and a unit; the second way of writing it is for pumps that know short units only."""
    for unit in ("ml", "ul", "nl"):
        if volume_ul >= _UL[unit[0]] or unit == "nl":
            digits = _digits(volume_ul / _UL[unit[0]])
            return f"{digits} {unit}", f"{digits} {unit[0]}"
    raise AssertionError("nl takes all that is left")


def rate_words(rate_ul_s: float) -> tuple[str, str]:
    """As `volume_words`, per minute."""
    full, short = volume_words(rate_ul_s * 60)
    return f"{full}/min", f"{short}/m"


def _digits(value: float) -> str:
    decimals = max(0, 4 - max(0, len(str(int(value))) - 1))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ul_s(digits: str, unit: str, per: str) -> float:
    return float(digits) * _UL[unit.lower()] / _SECONDS[per.lower()]


def _groups(shape: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = shape.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not what was asked for")
    return match.groups()
