"""A conversation in numbered lines with checksums, one at a time, as RepRap firmwares hold it.

The firmware takes a line only if its number follows the last one, and names the line that it wants again: that,
and nothing else, is ever sent twice. An "ok" has no name, so after a lost, late or doubled one nothing is believed
until an echoed word has come back; the firmware works in order, so all that was sent before it is done by then.
"""

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from hardware.dialects import marlin as says
from hardware.dialects.marlin import END, Word
from hardware.errors import DeviceTimeoutError, ReplyError
from hardware.wire import Link

_log = logging.getLogger(__name__)
ANSWER_S = 2.0
BUSY_S = 10.0
"""How much longer a firmware that says it is busy may take; it says so every two seconds."""
MOST_REPEATS = 20
MOST_UNASKED = 256
_SLICE_S = 0.02
_LATE_S = 0.5
"""What has already come is still read when we were put to sleep past the deadline."""
_AGAIN_S = 0.1
_KILL_AFTER_S = 0.3


class NumberedLines:
    """halted: whether the conversation has to end, for a line that moves something or for one that does not; then
    `unwind` is called, which raises StoppedError. lost: is called when the firmware no longer knows where it is."""

    def __init__(
        self,
        link: Link,
        *,
        halted: Callable[[bool], bool],
        unwind: Callable[[], NoReturn],
        lost: Callable[[], None],
    ) -> None:
        self._link, self._halted, self._unwind, self._lost = link, halted, unwind, lost
        self._number, self._sure = 0, 0
        self._unproven: deque[tuple[int, bytes]] = deque()
        self._tokens = itertools.count(1)
        self._astray, self._uncounted, self.killed = True, True, False

    def begin(self, timeout_s: float = ANSWER_S) -> None:
        """Hear everything that is still to be said about the lines of before, then count them anew.

        The firmware sets its count when it comes to M110, so nothing with a number may follow before that is done.
        """
        self._number, self._sure = 0, 0
        self._unproven.clear()
        with self._link.lock:
            self._link.discard()
        self._echo(timeout_s, counted=False)
        self._converse(lambda: self._link.send(says.numbered(0, f"{Word.NUMBER} N0")), Word.NUMBER, timeout_s)
        self._uncounted = False
        self._echo(timeout_s)

    def settle(self, timeout_s: float = ANSWER_S, *, moves: bool = False, longest_s: float = 0.0) -> list[str]:
        """Make sure that the next "ok" is that of the next line; returns what was said until then.

        The rest as of `ask`; moves: what went before may still move.
        """
        if self._uncounted:
            self.begin(timeout_s)
        elif self._astray:
            return self._echo(timeout_s, moves=moves, longest_s=longest_s)
        return []

    def _echo(
        self, timeout_s: float, *, counted: bool = True, moves: bool = False, longest_s: float = 0.0
    ) -> list[str]:
        token = self._token()
        line = f"{Word.ECHO} {token}"
        send = (lambda: self._send(line, moves)) if counted else (lambda: self._link.send(says.plain(line)))
        said = self._converse(send, line, timeout_s, lambda text: says.echoes(text, token), moves, longest_s)
        self._astray = False
        return said

    def _token(self) -> str:
        return f"sync{next(self._tokens)}"

    def ask(
        self,
        line: str,
        timeout_s: float = ANSWER_S,
        *,
        wanted: Callable[[str], bool] | None = None,
        moves: bool = False,
        longest_s: float = 0.0,
    ) -> list[str]:
        """Send one line; returns what was said before its "ok". `wanted` must have been said by then.

        timeout_s: of a silent firmware; one that says it is busy may take up to `longest_s`.
        """
        return self._converse(lambda: self._send(line, moves), line, timeout_s, wanted, moves, longest_s)

    def ask_all(self, line: str) -> list[str]:
        """Send one line; returns all that is said to it, be its "ok" the first one that comes or not."""
        return [*self.ask(line), *self.settle()]

    def _converse(
        self,
        send: Callable[[], None],
        line: str,
        timeout_s: float,
        wanted: Callable[[str], bool] | None = None,
        moves: bool = False,
        longest_s: float = 0.0,
    ) -> list[str]:
        began = time.monotonic()
        deadline, longest = began + timeout_s, began + max(timeout_s, longest_s)
        with self._link.lock:
            self._absorb()
            send()
        said: list[str] = []
        proven, repeats = False, 0
        while True:
            text = self._hear(deadline, line, moves)
            if text is None:
                continue
            if time.monotonic() > deadline + _LATE_S:
                self._astray = True
                raise DeviceTimeoutError(self._link.device, f"says much, but not the answer to {line}", "unknown")
            is_ok, number = says.ok_of(text)
            proven = proven or (wanted is not None and wanted(text))
            if (again := says.resend_of(text)) is not None:
                repeats += 1
                self._resend(again, line, moves, repeats)
            elif says.is_busy(text):
                deadline = max(deadline, min(time.monotonic() + BUSY_S, longest))
            elif is_ok and number is not None and number < self._number:
                self._astray = True  # of an earlier line
            elif (is_ok or text == "wait") and (wanted is None or proven):
                self._astray = self._astray or not is_ok  # "wait": it has nothing to do, so the ok was lost
                if proven or (number is not None and number == self._number):
                    self._sure = self._number
                    self._unproven.clear()
                return [*said, text] if wanted is not None and wanted(text) else said
            else:
                self._understand(text, line)
                said.append(text)

    def _hear(self, deadline_s: float, line: str, moves: bool) -> str | None:
        """The next line, or None after a moment: in between a stop finds the link free."""
        if self._halted(moves):
            self._astray = True
            self._unwind()
        with self._link.lock:
            try:
                return says.text_of(self._link.read_until(END, time.monotonic() + _SLICE_S))
            except DeviceTimeoutError as error:
                if time.monotonic() <= deadline_s:
                    return None
                self._astray = True
                raise DeviceTimeoutError(self._link.device, f"no answer to {line} in time", "unknown") from error

    def _absorb(self) -> None:
        """Hear what was said unasked, above all that it restarted."""
        for _ in range(MOST_UNASKED):
            if (raw := self._link.waiting(END)) is None:
                return
            text = says.text_of(raw)
            if says.ok_of(text)[0]:
                self._astray = True
            else:
                self._understand(text, "")

    def _send(self, line: str, moves: bool) -> None:
        raw = says.numbered(self._number + 1, line)
        self._link.send(raw, lambda: self._halted(moves))
        self._number += 1
        self._unproven.append((self._number, raw))

    def _resend(self, wanted: int, line: str, moves: bool, repeats: int) -> None:
        self._astray = True  # some versions say "ok" after "Resend", others do not
        if wanted > self._number:
            return  # it has everything
        again = [raw for number, raw in self._unproven if number >= wanted]
        if wanted <= self._sure or len(again) != self._number - wanted + 1:
            self._lost()
            self._uncounted = True
            message = "asks for lines that it has had: it restarted and lost its position; home it"
            raise ReplyError(self._link.device, line, f"Resend: {wanted}", message, "unknown")
        if repeats > MOST_REPEATS:
            raise DeviceTimeoutError(self._link.device, "nothing gets through a noisy line; check cable", "unknown")
        for raw in again:
            self._link.send(raw, lambda: self._halted(moves))

    def _understand(self, text: str, line: str) -> None:
        """Raises ReplyError for what ends every command; all else is for the one who asked, or nobody."""
        if says.is_locked(text):
            self._fail(text, line, "is locked by its passcode; unlock it at its display or with M511")
        if says.is_killed(text):
            self.killed = True
            self._fail(
                text, line, "halted itself: look for the cause, reset it or switch it off and on, then connect"
            )
        if says.is_banner(text):
            self._uncounted = True
            self._fail(text, line, "restarted and lost its position; home it")
        if says.is_endstop_hit(text):
            self._fail(text, line, "ran into an end switch; look for an obstacle, then home it")
        if says.wants_homing(text):
            self._fail(text, line, "wants axes homed first; home it (z_first = false if Z cannot be the first)")
        if text.startswith("Error:") and not says.is_line_error(text):
            self._fail(text, line, "reports an error; home it before the next move")
        _log.debug("%s says %r", self._link.device, text)

    def _fail(self, text: str, line: str, why: str) -> NoReturn:
        self._lost()
        self._astray = True
        raise ReplyError(self._link.device, line, text, why, "unknown")

    def stop(self, *, kill: bool, within_s: float) -> bool:
        """Stop past every queue; True when the firmware has said that it stands. From any thread.

        A quick stop is followed by a word to echo: it comes back when whatever was under way has ended. One that is
        not confirmed is said again, and then followed by the kill, from which only a reset brings it back.
        """
        began = time.monotonic()
        token = self._token()
        quick = says.plain(Word.QUICK_STOP, f"{Word.ECHO} {token}")
        self._uncounted = self._astray = True  # what the stop cut off must never be asked for again
        self.killed = self.killed or kill
        self._link.send_urgent(says.plain(Word.KILL) if kill else quick)
        if not self._link.lock.acquire(timeout=0.15):
            self._link.send_urgent(quick)
            return False
        try:
            due = began
            while (now := time.monotonic()) < began + within_s:
                try:
                    text = says.text_of(self._link.read_until(END, now + _SLICE_S))
                except DeviceTimeoutError:
                    due = self._insist(began, due + _AGAIN_S, quick)
                    continue
                if says.is_killed(text):
                    self.killed = True
                    return True
                if says.is_unknown(text, Word.QUICK_STOP):  # too old for it: the word echoed next proves nothing
                    kill = self.killed = True
                    self._link.send_urgent(says.plain(Word.KILL))
                if says.is_banner(text) or (not kill and says.echoes(text, token)):
                    return True
        finally:
            self._link.lock.release()
        return False

    def _insist(self, began_s: float, due_s: float, quick: bytes) -> float:
        """Say it again when it is due; returns when it was said last."""
        now = time.monotonic()
        if now < due_s:
            return due_s - _AGAIN_S
        self.killed = self.killed or now > began_s + _KILL_AFTER_S
        self._link.send_urgent(says.plain(Word.KILL) if self.killed else quick)
        return now
