"""A conversation with one New Era pump: its mode, its alarms, and answers that belong to their question.

Manual, publication 1200-01, section 10.2 and 10.3. An alarm takes the place of one answer; in Safe mode it is sent
unasked as well, and then once more in place of an answer. Whoever hears it first, it stays here until it is told.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from hardware.dialects.new_era import (
    ETX,
    LONGEST_ANSWER,
    TROUBLE,
    Reply,
    Shape,
    Word,
    basic,
    reply_of,
    safe,
    same_value,
)
from hardware.errors import DeviceTimeoutError, ReplyError
from hardware.wire import Link

ANSWER_S = 1.0
FIND_S = 0.3
HURRY_S = 0.05
"""How long an answer is awaited, how long while looking for a pump, and how long once a stop is on its way."""
CONFIRM_S = 0.15
QUIET_S = 0.02
TRIES = 3
MOST_STRAY_PACKETS = 64


def _never() -> bool:
    return False


class Talk:
    """safe: the mode that the pump is taken to be in; sure: it has said so since it was last told to change.

    hurry: whether a stop waits for the wire, so that nobody may wait long for an answer.
    """

    def __init__(self, link: Link, address: int, hurry: Callable[[], bool]) -> None:
        self.link = link
        self.safe, self.sure = False, False
        self.alarm = ""
        """The last one, as in TROUBLE."""
        self.untold = False
        self._address, self._hurry = address, hurry
        self._answered_since = False
        self._slow_s = 320 / link.mode.baud

    def find(self) -> Reply | None:
        """Ask for the status in either mode, the likelier one first; None when nobody answers.

        The pump drops half a packet, which a program that died may have left in it, after 0.5 s: hence twice.
        """
        for safe_mode in (self.safe, not self.safe) * 2:
            with self.link.lock, suppress(DeviceTimeoutError, ReplyError):
                self.drain()
                self.link.send(self._packet(Word.STATUS, safe_mode))
                reply = next(self._replies(time.monotonic() + FIND_S + self._slow_s))
                self.safe, self.sure = reply.checked, True
                return reply
        return None

    def arm(self, watchdog_s: int) -> None:
        """Into Safe mode: without a packet for so long, the pump stops by itself. Read back, or an error."""
        if not self.sure:
            self.find()
        self.sure = False
        try:
            self._exchange(f"{Word.SAFE}{watchdog_s}", Shape.NOTHING)
            self.safe, self.sure = True, True
        except DeviceTimeoutError:
            if self.find() is None or not self.safe:
                raise
        kept = self.ask(Word.SAFE, Shape.WHOLE).data
        if int(kept.rstrip(".")) != watchdog_s:
            message = f"was told to watch for {watchdog_s} s and watches for {kept}"
            raise ReplyError(self.link.device, Word.SAFE, kept, message)

    def disarm(self) -> None:
        """Back to Basic mode, in which other programs expect it. Raises when the pump does not say so."""
        for _ in range(TRIES):
            if not self.sure:
                self.find()
            if self.sure and not self.safe:
                return
            self.sure = False
            with suppress(ReplyError, DeviceTimeoutError):  # an alarm in its place: it was not done
                self._exchange(f"{Word.SAFE}0", Shape.NOTHING)
                self.safe, self.sure = False, True
        if not self.sure:
            message = "does not leave Safe mode; switch it off and on"
            raise DeviceTimeoutError(self.link.device, message, "unknown")

    def ask(self, command: str, shape: re.Pattern[str], unless: Callable[[], bool] = _never) -> Reply:
        """One question, one answer of the right shape. Raises ReplyError for an alarm or a refusal."""
        if not self.sure:
            self.find()
        return self._exchange(command, shape, unless)

    def ask_again(self, command: str, shape: re.Pattern[str]) -> Reply:
        """As `ask`, of what may be asked twice; an alarm in place of the answer is kept for whoever must know."""
        for _ in range(TRIES - 1):
            with suppress(ReplyError):
                return self.ask(command, shape)
        return self.ask(command, shape)

    def set(self, command: str) -> None:
        self.ask(command, Shape.NOTHING)

    def keep(self, word: Word, told: str, shape: re.Pattern[str]) -> None:
        """Set a value and read it back: one digit too many and the pump keeps another."""
        unit = told[-2:] if word is Word.VOLUME else ""
        self.set(f"{word}{told.removesuffix(unit)}")
        kept = self.ask(word, shape).data
        if not same_value(shape, kept, told):
            raise ReplyError(self.link.device, word, kept, f"was told {told} and kept something else: {kept}")

    def told(self) -> None:
        """Whoever must know of the alarm does."""
        self.untold = False

    def check_untold(self) -> None:
        """Raise the alarm that somebody heard who could not tell it."""
        if self.untold:
            raise ReplyError(self.link.device, "", self.alarm, TROUBLE[self.alarm])

    def send_stop(self) -> None:
        """A STP on its way, past every conversation; in both modes when it is not sure which one the pump is in."""
        modes = (self.safe,) if self.sure else (False, True)
        self.link.send_urgent(b"".join(self._packet(Word.STOP, safe_mode) for safe_mode in modes))

    def confirm_stop(self, deadline_s: float) -> None:
        """Until the pump says that it stands: the first STP may have been swallowed by an alarm, or only pause it.

        The caller holds the lock of the link.
        """
        self.drain(QUIET_S)  # answers to the first STP and to whatever it interrupted
        while True:
            self.send_stop()
            try:
                reply = next(self._replies(min(deadline_s, time.monotonic() + CONFIRM_S + self._slow_s)))
            except DeviceTimeoutError:
                if time.monotonic() >= deadline_s:
                    raise
                self.sure = self.link.shared  # pumps on a chain stay in Basic mode
                continue
            self.safe, self.sure = reply.checked, True
            if reply.status == "S":
                return
            if time.monotonic() >= deadline_s:
                raise DeviceTimeoutError(
                    self.link.device, "was told to stop and runs on; use its switch", "unknown"
                )

    def drain(self, quiet_s: float = 0.0) -> None:
        """Drop late answers and noise, but no alarm."""
        heard = b""
        with suppress(DeviceTimeoutError, ReplyError):
            for _ in range(MOST_STRAY_PACKETS):
                piece = self.link.read_until(ETX, time.monotonic() + quiet_s) if quiet_s else self.link.waiting(ETX)
                if piece is None:
                    break
                heard = heard[-LONGEST_ANSWER:] + piece
                if (reply := reply_of(heard, self._address)) is not None and reply.status == "A":
                    self._note(reply)
                heard += ETX
        self.link.discard()

    def _exchange(self, command: str, shape: re.Pattern[str], unless: Callable[[], bool] = _never) -> Reply:
        """A damaged command is known not to have been done, so it is said again, but for RUN.

        After a stop whose answer nobody awaited, a "?NA" may be that answer, come late: another one counts then.
        """
        for tries_left in reversed(range(TRIES)):
            with self.link.lock:
                self.drain()
                self.link.send(self._packet(command, self.safe), unless)
                strict = self.safe and self.sure  # then the pump says nothing without a CRC
                replies = self._replies(time.monotonic() + ANSWER_S + self._slow_s, self._hurry)
                for reply in self._past_late_stops(replies):
                    if strict and not reply.checked:
                        self.sure = False
                        if reply.status != "A":
                            continue
                    if reply.data == "?COM" and tries_left and command != Word.RUN:
                        break
                    if reply.data in TROUBLE:
                        raise ReplyError(self.link.device, command, reply.data, TROUBLE[reply.data])
                    if shape.fullmatch(reply.data):
                        return reply
        raise AssertionError("the last try ends by an answer or an exception")

    def _past_late_stops(self, replies: Iterator[Reply]) -> Iterator[Reply]:
        """Without the "?NA" of stops that come late, unless that is all that comes."""
        held: Reply | None = None
        while True:
            try:
                reply = next(replies)
            except DeviceTimeoutError:
                if held is None:
                    raise
                self.link.late = False
                yield held
                raise
            if reply.data == "?NA" and self.link.late:
                held = reply
                continue
            self.link.late = False
            yield reply

    def _replies(self, deadline_s: float, hurry: Callable[[], bool] = _never) -> Iterator[Reply]:
        """Every packet of this pump until the deadline raises; noise and other addresses are skipped."""
        heard = b""
        for _ in range(MOST_STRAY_PACKETS):
            heard = heard[-LONGEST_ANSWER:] + self._piece(deadline_s, hurry)
            reply = reply_of(heard, self._address)
            heard += ETX
            if reply is None:
                continue
            if reply.status == "A":
                self._note(reply)
            else:
                self._answered_since = True
            yield reply
        device = self.link.device
        raise DeviceTimeoutError(device, "the line carries only packets that are not its own", "unknown")

    def _piece(self, deadline_s: float, hurry: Callable[[], bool]) -> bytes:
        while True:
            try:
                return self.link.read_until(ETX, min(deadline_s, time.monotonic() + HURRY_S))
            except DeviceTimeoutError:
                if time.monotonic() >= deadline_s or hurry():
                    raise

    def _note(self, reply: Reply) -> None:
        """The same alarm again, before any other answer, is the same alarm."""
        if reply.data != self.alarm or self._answered_since:
            self.alarm, self.untold, self._answered_since = reply.data, True, False

    def _packet(self, command: str, safe_mode: bool) -> bytes:
        return (safe if safe_mode else basic)(command, self._address)
