"""Questions and answers on a line whose answers carry no number that would tell to which question they belong."""

import re
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from hardware.errors import DeviceTimeoutError, NotConnectedError, Outcome, ReplyError, StoppedError
from hardware.wire import LONGEST_MESSAGE, Link

Answer = TypeVar("Answer")
Shape = re.Pattern[str] | None
"""What an answer looks like; None for a command that is only acknowledged."""
_QUIET_S = 0.03
_LONGEST_REST_S = 0.2


class Conversation(Generic[Answer]):
    """One deadline and one length for each exchange. After an answer that did not come in time, `fence` is asked: a
    question with an answer like no other, behind which the late one cannot come any more.

    packet: the bytes of a command. read: the answer in all bytes since the question, None while it is not whole, or
    ReplyError; it is given the bytes, the command, the shape, and whether the line has fallen silent. end: of a
    line, where a part of one would look like a whole one.
    """

    def __init__(
        self,
        link: Link,
        halted: Callable[[], bool],
        packet: Callable[[str], bytes],
        read: Callable[[bytes, str, Shape, bool], Answer | None],
        fence: tuple[str, Shape],
        answer_s: float,
        end: bytes = b"",
    ) -> None:
        self._link, self._halted, self._packet, self._read = link, halted, packet, read
        self._fence, self._answer_s, self._end = fence, answer_s, end
        self._urgent = 0

    def ask(
        self, command: str, shape: Shape = None, *, stubborn: bool = False, within_s: float | None = None
    ) -> Answer:
        """A stop ends the wait with StoppedError, unless `stubborn`. A connection that was lost before the command
        left has the outcome "not_done"."""
        known: Outcome | None = "not_done"
        try:
            with self._link.lock:
                whole = self._drop_unasked()
                if self._link.late or not whole:
                    self._link.discard(quiet_s=_QUIET_S)
                    self._send(self._fence[0], stubborn)
                    self._answer(*self._fence, stubborn)
                    self._drop_unasked()
                known = None  # the line itself tells whether anything left
                self._send(command, stubborn)
                known = "unknown"
                return self._answer(command, shape, stubborn, within_s)
        except NotConnectedError as error:
            error.outcome = known or error.outcome
            raise

    def _drop_unasked(self) -> bool:
        """Drop what is there already, and the rest of a line that is still coming; whether its end came."""
        dropped, give_up = self._link.take(), time.monotonic() + _LONGEST_REST_S
        while dropped and not dropped.endswith(self._end):
            dropped = self._link.take(time.monotonic() + _QUIET_S)
            if not dropped or time.monotonic() > give_up:
                return False
        return True

    def reply(self, command: str, shape: Shape, deadline_s: float, *, stubborn: bool = True) -> Answer:
        """The answer to a command that was sent. Raises DeviceTimeoutError, ReplyError, NotConnectedError."""
        data, silent = b"", False
        while (answer := self._read(data, command, shape, silent)) is None:
            if time.monotonic() > deadline_s:
                heard = f"only {data!r}" if data else "nothing"
                message = f"no answer to {command} on {self._link.port} in time, heard {heard}"
                raise DeviceTimeoutError(self._link.device, message, "unknown")
            if not stubborn and self._halted():
                raise StoppedError(self._link.device)
            more = self._link.take(min(deadline_s, time.monotonic() + _QUIET_S))
            silent, data = not more, data + more
            if len(data) > LONGEST_MESSAGE:
                message = "talks without end: wrong baud rate, or another device"
                raise ReplyError(self._link.device, command, repr(data[:40]), message, "unknown")
        return answer

    def _send(self, command: str, stubborn: bool) -> None:
        self._link.late = True
        self._urgent = self._link.urgent
        self._link.send(self._packet(command), (lambda: False) if stubborn else self._halted)

    def _answer(self, command: str, shape: Shape, stubborn: bool, within_s: float | None = None) -> Answer:
        try:
            deadline_s = time.monotonic() + (within_s or self._answer_s)
            answer = self.reply(command, shape, deadline_s, stubborn=stubborn)
        except ReplyError:
            self._settle()
            raise
        self._settle()
        return answer

    def _settle(self) -> None:
        """All is answered, unless a stop went out meanwhile."""
        self._link.late = self._link.urgent != self._urgent
