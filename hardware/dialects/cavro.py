"""What Cavro syringe pumps and their clones say: the DT and the OEM protocol.

Manuals: Tecan Cavro XLP 6000, 734237-C, sections 3.2, 3.5 and 3.6; XP 3000, 725730C, section 3; TriContinent
C-Series, chapter 5 and "OEM communication protocol".

DT: `/` address data CR, answered by `/0` status data ETX CR LF, which FFh may precede. OEM: STX address sequence
data ETX checksum, answered by STX `0` status data ETX checksum; the checksum is the XOR of all bytes before it.
Status: bit 6 is always set, bit 5 says ready, bits 0 to 3 are the error. No answer says which pump it comes from.
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor

STX, ETX = b"\x02", b"\x03"
MOST_PUMPS = 15
_MASTER = "0"
_NUMBERED = re.compile(r"(?:[io]|port ?)?([1-9]\d?)", re.IGNORECASE)
_STATUS = re.compile(r"[@-O`-o]")
_REPEATED = 0b1000

LETTERS = {"none": "", "3-port": "IOB", "4-port": "IOBE"}
NAMES = {"I": "input", "O": "output", "B": "bypass", "E": "extra"}


class Query:
    """Reports; none needs an R, none moves anything."""

    STATUS = "Q"
    PLUNGER = "?"
    TOP_SPEED = "?2"
    VALVE = "?6"
    INITIALISED = "?19"
    """TriContinent's; others do not know it."""
    RESOLUTION = "?28"
    """Not of the XP 3000."""
    FIRMWARE = ("&", "?23", "?1")
    """The first of them that is answered; ?1 is the start speed, which nobody changes here."""


class Shape:
    """What the data of an answer looks like."""

    NOTHING = re.compile("")
    NUMBER = re.compile(r" *\d{1,6} *")
    PERHAPS = re.compile(r" *\d* *")
    VALVE = re.compile(r" *(?:[iobeIOBE]|\d{1,2}) *")
    TEXT = re.compile(r"[ -~]*")


TROUBLE = {
    1: "could not initialise: look for a blocked tube and a loose syringe",
    2: "does not know the command",
    3: "says that a number is out of its range: correct full_stroke, microstep or valve in the rig file",
    4: "says that the command came in a wrong order or damaged",
    5: "reports an error of its fluid sensor",
    6: "reports a broken memory; it needs the maker's service",
    7: "has been switched off, or was never initialised, and does not know where its plunger stands",
    8: "reports an internal failure; it needs the maker's service",
    9: "could not move its plunger, which was blocked: look for a blocked tube, a closed valve or a tight syringe",
    10: "could not turn its valve: look for dirt in the valve",
    11: "may not move its plunger with the valve where it is",
    12: "reports an internal failure; it needs the maker's service",
    14: "reports a failure of its converter; it needs the maker's service",
    15: "got a command while it was still busy, and ignored it",
}
SPOILS = frozenset({1, 7, 9, 10})
"""After these the pump does not know where its plunger or its valve stands, and must be initialised again."""


def trouble(error: int) -> str:
    return TROUBLE.get(error, f"reports error {error}")


@dataclass(frozen=True)
class Reply:
    """ready: true only in an answer to Q. error: 0 for none; in every answer."""

    ready: bool
    error: int
    data: str


def address_of(number: int) -> str:
    """The character by which pump 1 to 15 is called; its address switch shows one less."""
    return chr(ord("0") + number)


def dt_block(number: int, data: str) -> bytes:
    return f"/{address_of(number)}{data}\r".encode("ascii")


def oem_block(number: int, data: str, sequence: int, *, repeated: bool = False) -> bytes:
    """sequence: 1 to 7. repeated: the pump does it only if it has not done that sequence number just before."""
    stamp = chr(0x30 | sequence | (_REPEATED if repeated else 0))
    block = STX + f"{address_of(number)}{stamp}{data}".encode("ascii") + ETX
    return block + checksum(block)


def checksum(block: bytes) -> bytes:
    return bytes([reduce(xor, block)])


def dt_reply(heard: bytes) -> Reply | None:
    """What came before an ETX, as an answer; None for noise and echoes."""
    text = re.split(r"[^ -~]", heard.decode("latin-1"))[-1]
    _, start, answer = text.partition("/" + _MASTER)
    return _reply(answer) if start else None


def oem_reply(heard: bytes) -> tuple[Reply, bytes] | None:
    """What came before an ETX, as an answer and the checksum that must follow; None for noise and echoes."""
    _, start, block = heard.rpartition(STX)
    text = block.decode("latin-1")
    reply = _reply(text[1:]) if start and text.startswith(_MASTER) and re.fullmatch(r"[ -~]*", text) else None
    return None if reply is None else (reply, checksum(STX + block + ETX))


def _reply(answer: str) -> Reply | None:
    if not _STATUS.match(answer):
        return None
    status = ord(answer[0])
    return Reply(bool(status & 0x20), status & 0x0F, answer[1:])


def heard_dt(heard: bytes) -> str | None:
    """The firmware that a pump told in DT; None while nobody did."""
    blocks = heard.split(ETX)[:-1]
    return next((reply.data for block in blocks if (reply := dt_reply(block)) and reply.data), None)


def heard_oem(heard: bytes) -> str | None:
    """The firmware that a pump told in OEM; None while nobody did, or with a wrong checksum."""
    for end in (m.start() for m in re.finditer(ETX, heard)):
        found = oem_reply(heard[:end])
        if found is not None and found[0].data and heard[end + 1 : end + 2] == found[1]:
            return found[0].data
    return None


def ports_of(valve: str, count: int) -> tuple[str, ...]:
    """The ports of a valve, as they are named here: letters, or numbers from 1."""
    return tuple(LETTERS[valve]) if valve in LETTERS else tuple(str(n + 1) for n in range(count))


def port_named(text: str, ports: tuple[str, ...]) -> str | None:
    """The port that a person or the pump means by "input", "i", "I"; "3", "I3", "O3". None: there is no such."""
    text = text.strip()
    numbered = _NUMBERED.fullmatch(text)
    letter = next((c for c, name in NAMES.items() if text.casefold() in (name, c.casefold())), "")
    port = numbered[1] if numbered else letter
    return port if port in ports else None


def turning(port: str, now: str | None, ports: tuple[str, ...]) -> str:
    """The command that turns the valve; of a distribution valve, by the shorter way."""
    if not port.isdigit():
        return port
    ahead = (int(port) - int(now or port)) % len(ports)
    return f"{'I' if 2 * ahead <= len(ports) else 'O'}{port}"


def force_of(capacity_ul: float) -> int:
    """How hard a plunger may be driven to the top: 0 full, 1 half, 2 a third of the force (table 3-6)."""
    return 0 if capacity_ul >= 1000 else 1 if capacity_ul >= 250 else 2
