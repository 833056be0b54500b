"""The conversation with one Cavro pump: who is answering what, in either protocol.

Answers carry neither the pump's address nor a number, so a late one could be taken for the next. After a silence
the pump is therefore asked for its firmware: it answers in order, so whatever comes before that text is old.

In OEM a command whose answer was lost is sent again with the repeat bit, and the pump does not do it twice. In DT
a command is sent once. Reports are asked anew in both: to a repeated one the answer may come without its data.
"""

import itertools
import math
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from hardware.dialects.cavro import (
    ETX,
    Query,
    Reply,
    Shape,
    address_of,
    dt_block,
    dt_reply,
    oem_block,
    oem_reply,
)
from hardware.errors import DeviceTimeoutError, NotConnectedError, ReplyError, StoppedError
from hardware.wire import Link

Protocol = Literal["dt", "oem"]
ANSWER_S = 0.5
REPEAT_S = 0.1
"""In OEM, after which a command is sent again (XLP 6000, section 3.2.1); the time on the wire comes on top."""
OEM_TRIES = 5
ASK_TRIES = 3
MOST_STRAY_ANSWERS = 64


class Talk:
    """number: of the pump, 1 to 15. heard: is told the error of every answer, before whoever asked gets it."""

    def __init__(self, link: Link, number: int, wanted: Protocol) -> None:
        self.protocol: Protocol = wanted
        self.firmware = ""
        self.heard: Callable[[int], None] = _ignore
        self._link, self._number, self._wanted = link, number, wanted
        self._sequences = itertools.cycle(range(1, 8))
        self._marker = Query.FIRMWARE[0]
        self._astray = False

    def greet(self) -> None:
        """Find the pump, in whichever protocol it answers: it keeps to the first that it hears until switched off.

        Raises NotConnectedError.
        """
        self.firmware, self._astray = "", False
        other: Protocol = "dt" if self._wanted == "oem" else "oem"
        with self._link.lock:
            for protocol in (self._wanted, other):
                self.protocol = protocol
                if self._answers():
                    return
        self.protocol = self._wanted
        at = f"address {self._number} ({address_of(self._number)!r}, its switch shows {self._number - 1:X})"
        message = (
            f"no Cavro pump answers on {self._link.port} at {self._link.mode.baud} baud, {at}, neither in DT nor "
            "in OEM; check power, cable, address switch and baud rate (9600 or 38400)"
        )
        raise NotConnectedError(self._link.device, message)

    def _answers(self) -> bool:
        silent, answered = 0, False
        for marker in (Query.FIRMWARE[0], *Query.FIRMWARE):
            try:
                data = self.ask(marker, Shape.TEXT, tries=1).data.strip()
            except DeviceTimeoutError:
                silent += 1
                if silent == 2:
                    break
                continue
            answered = True
            if data:
                self._marker, self.firmware = marker, data
                break
        return answered

    def ask(
        self, query: str, shape: re.Pattern[str], *, until_s: float = math.inf, tries: int = ASK_TRIES
    ) -> Reply:
        """One report. Its data is empty, whatever the shape, when the pump does not know the question.

        Raises DeviceTimeoutError, NotConnectedError.
        """
        with self._link.lock:
            for _ in range(tries):
                with suppress(DeviceTimeoutError, ReplyError):
                    if self._astray:
                        self.settle(until_s)
                    self._link.discard()
                    self._astray = True
                    self._link.send(self._block(query, next(self._sequences)))
                    reply = self._answer(shape, min(until_s, time.monotonic() + ANSWER_S))
                    self._astray = False
                    return reply
                if time.monotonic() > until_s:
                    break
        raise DeviceTimeoutError(self._link.device, f"does not answer {query}", "unknown")

    def tell(self, command: str, unless: Callable[[], bool] = lambda: False) -> Reply:
        """One command, done at most once. Raises StoppedError if `unless()` before it was sent, DeviceTimeoutError,
        whose outcome is "not_done" if it was never sent, NotConnectedError."""
        with self._link.lock:
            if self._astray:
                self.settle()
            self._link.discard()
            sequence = next(self._sequences)
            for attempt in range(OEM_TRIES if self.protocol == "oem" else 1):
                try:
                    block = self._block(command, sequence, repeated=attempt > 0)
                    self._link.send(block, unless)
                except StoppedError:
                    if attempt:
                        break
                    raise
                self._astray = True
                with suppress(DeviceTimeoutError, ReplyError):
                    wait_s = REPEAT_S + 20 * len(block) / self._link.mode.baud
                    wait_s = wait_s if self.protocol == "oem" else ANSWER_S
                    reply = self._answer(Shape.NOTHING, time.monotonic() + wait_s)
                    self._astray = attempt > 0
                    return reply
            with suppress(DeviceTimeoutError, ReplyError):
                self.settle()
        raise DeviceTimeoutError(self._link.device, f"gave no answer to {command}", "unknown")

    def stopping(self) -> bytes:
        """What stops the plunger: T, without an R, which would go on with what T has stopped."""
        self._astray = True
        return self._block("T", next(self._sequences))

    def halt(self) -> None:
        """Send a stop, ahead of everything."""
        self._link.send_urgent(self.stopping())

    def settle(self, until_s: float = math.inf) -> None:
        """Let every older answer pass. Raises DeviceTimeoutError."""
        with self._link.lock:
            self._link.discard(quiet_s=0.0 if self.firmware else 0.05)
            if self.firmware:
                try:
                    self._link.send(self._block(self._marker, next(self._sequences)))
                    told = re.compile(rf" *{re.escape(self.firmware)} *")
                    self._answer(told, min(until_s, time.monotonic() + ANSWER_S))
                except (DeviceTimeoutError, ReplyError) as error:
                    message = "does not answer; check its power and cable"
                    raise DeviceTimeoutError(self._link.device, message, "not_done") from error
            self._astray = False

    def _block(self, data: str, sequence: int, *, repeated: bool = False) -> bytes:
        if self.protocol == "dt":
            return dt_block(self._number, data)
        return oem_block(self._number, data, sequence, repeated=repeated)

    def _answer(self, shape: re.Pattern[str], deadline_s: float) -> Reply:
        """The first answer of that shape; the others are old, or another pump's."""
        for _ in range(MOST_STRAY_ANSWERS):
            reply = self._next(deadline_s)
            if reply is not None and (shape.fullmatch(reply.data) or (reply.error == 2 and not reply.data)):
                self.heard(reply.error)
                return reply
        raise DeviceTimeoutError(self._link.device, "the line carries only what it was not asked", "unknown")

    def _next(self, deadline_s: float) -> Reply | None:
        heard = self._link.read_until(ETX, deadline_s)
        if self.protocol == "dt":
            return dt_reply(heard)
        found = oem_reply(heard)
        if found is None:
            return None
        reply, checksum = found  # it is known before it comes, and nothing may come before it
        return reply if self._link.read_until(checksum, deadline_s) == b"" else None


def _ignore(error: int) -> None:
    """Nobody listens yet."""
