"""One delivery by a New Era pump, from RUN to its end: what may happen on the way, and what it amounts to.

The counter was cleared before. RUN is said once; what became of it, and of everything after, the counter tells.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from hardware.dialects.new_era import TROUBLE, Direction, Shape, Word, counter_ul
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts.new_era_talk import Talk

STRIKES = 3
FASTEST_POLL_S = 0.002
WAS_OFF = "A?R"


@dataclass
class Delivery:
    """halt, latch: stop. standing: the stop has been confirmed. book: what left the syringe, or came in."""

    talk: Talk
    direction: Direction
    volume_ul: float
    expected_s: float
    tolerance_ul: float
    slowest_poll_s: float
    halt: threading.Event
    latch: threading.Event
    standing: threading.Event
    book: Callable[[Direction, float], None]
    _counted_ul: float = field(default=0.0, init=False)
    _ran: bool = field(default=False, init=False)
    """It said so, or was seen to."""

    def carry_out(self) -> float:
        """Returns what the pump counted, in µL. Raises as `Pump.dispense`, with the outcome booked."""
        self._start()
        deadline = time.monotonic() + 1.2 * self.expected_s + 5
        pause_s, silent, unmoved = FASTEST_POLL_S, 0, 0
        while True:
            self.halt.wait(pause_s)
            if self._halted():
                self._cut_short()
            pause_s = min(pause_s * 1.5, self.slowest_poll_s)
            status = self._poll()
            if status is None:
                silent += 1
                if silent == STRIKES:
                    self._give_up("stopped answering while it delivered")
                self._ran = True  # from now on a counter at zero may be one that was lost with the power
                continue
            silent = 0
            if status in "IW":
                if time.monotonic() > deadline:
                    self._give_up(f"still runs after {1.2 * self.expected_s + 5:.0f} s")
            elif status == "S" and self._counted_ul >= self.volume_ul - self.tolerance_ul:
                return self._done()
            elif status == "S" and self._counted_ul == 0 and not self._ran:
                unmoved += 1
                if unmoved == STRIKES:
                    message = "did not start; its counter stands at zero"
                    raise DeviceTimeoutError(self.talk.link.device, message, "not_done")
            elif not self._halted():
                self._ended_early()

    def _start(self) -> None:
        try:
            reply = self.talk.ask(Word.RUN, Shape.NOTHING, unless=self._halted)
            self._ran = reply.status in "IW"
        except DeviceTimeoutError:
            return  # the counter will tell whether RUN was heard
        except NotConnectedError as error:
            self._lost(error)
        except ReplyError as error:
            if error.reply not in TROUBLE:
                return
            if error.reply[0] == "A" and self.talk.safe:
                self._alarmed(error)  # it may have come unasked, after RUN was obeyed
            self.talk.told()
            raise

    def _poll(self) -> str | None:
        """The status, None if it cannot be had; counts. An alarm, or a lost cable, ends the delivery."""
        try:
            reply = self.talk.ask(Word.COUNTER, Shape.COUNTER)
            self.talk.check_untold()
        except DeviceTimeoutError:
            return None
        except NotConnectedError as error:
            self._lost(error)
        except ReplyError as error:
            if error.reply[:1] != "A" or self._halted():
                return None
            self._alarmed(error)
        self._counted_ul = counter_ul(reply.data, self.direction)
        self._ran |= reply.status in "IW" or self._counted_ul > 0
        return reply.status

    def _done(self) -> float:
        self.book(self.direction, self._counted_ul)
        if self._counted_ul > self.volume_ul + self.tolerance_ul:
            message = f"delivered more than the {self.volume_ul:g} µL asked"
            raise ReplyError(self.talk.link.device, Word.COUNTER, f"{self._counted_ul:g} µL", message, "unknown")
        return self._counted_ul

    def _ended_early(self) -> NoReturn:
        """Paused or stopped, and nobody here has done it. Its alarm may have been lost on the way."""
        self._stop_twice()
        if self._counted_ul == 0:
            self.book(self.direction, self.volume_ul)
            message = "stands with its counter at zero although it had started; how much it delivered is not known"
            raise DeviceTimeoutError(self.talk.link.device, message, "unknown")
        self.book(self.direction, self._counted_ul)
        raise StoppedError(
            self.talk.link.device,
            f"was stopped or paused at its own keys after {self._counted_ul:g} of {self.volume_ul:g} µL, or by an "
            "alarm that was lost on the way: see its display",
        )

    def _alarmed(self, error: ReplyError) -> NoReturn:
        counted_ul = None if error.reply == WAS_OFF else self._last_count()
        if counted_ul is None:
            self._stop_twice()
            self.book(self.direction, self.volume_ul)
            far = (
                f"it had counted {self._counted_ul:g} of {self.volume_ul:g} µL when last heard; what followed is "
                "not known"
            )
        else:
            self.book(self.direction, counted_ul)
            remain_ul = max(0.0, self.volume_ul - counted_ul)
            far = f"it had counted {counted_ul:g} of {self.volume_ul:g} µL; {remain_ul:g} µL remain"
        self.talk.told()
        message = f"{TROUBLE[error.reply]}; {far}"
        raise ReplyError(self.talk.link.device, error.command, error.reply, message, "unknown") from error

    def _cut_short(self) -> NoReturn:
        if not self.standing.wait(1.0):
            self._stop_twice()
        counted_ul = self._last_count()
        if counted_ul is None:
            self.book(self.direction, self.volume_ul)
            message = f"stopped; how much of {self.volume_ul:g} µL it delivered is not known"
            raise StoppedError(self.talk.link.device, message)
        self.book(self.direction, counted_ul)
        raise StoppedError(self.talk.link.device, f"stopped after {counted_ul:g} of {self.volume_ul:g} µL")

    def _give_up(self, why: str) -> NoReturn:
        self.talk.sure = not self.talk.safe  # it may have come back from a power cut in Basic mode
        self._stop_twice()
        self.book(self.direction, self.volume_ul)
        message = f"{why}; how much it delivered is not known"
        raise DeviceTimeoutError(self.talk.link.device, message, "unknown")

    def _lost(self, error: NotConnectedError) -> NoReturn:
        self.book(self.direction, self.volume_ul)
        error.outcome = "unknown"
        raise error

    def _last_count(self) -> float | None:
        """What the counter says after a stop; None if it cannot be read, or was lost with the power."""
        for _ in range(STRIKES):
            counted_ul = None
            with suppress(ReplyError, DeviceTimeoutError, NotConnectedError):
                counted_ul = counter_ul(self.talk.ask(Word.COUNTER, Shape.COUNTER).data, self.direction)
            if self.talk.untold and self.talk.alarm == WAS_OFF:
                return None
            if counted_ul is not None:
                return counted_ul
        return None

    def _stop_twice(self) -> None:
        with suppress(HardwareError):  # how it went is told by the error that is on its way already
            self.talk.send_stop()
            self.talk.send_stop()

    def _halted(self) -> bool:
        return self.halt.is_set() or self.latch.is_set()
