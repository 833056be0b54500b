"""The conversation with one GRBL 1.1 or grblHAL controller, for every driver that moves one of its axes.

Manual: gnea/grbl, doc/markdown/interface.md, revision 1.1h; grblHAL, wiki "For sender developers".

What the manual makes easy to get wrong: "ok" means understood, not done; a line that is sent in Hold gets no ok
until it is resumed, and `~` is dropped while it still brakes; alarms 1 and 2 answer nothing but a reset, and for
half a second not even that; a reset in motion loses the position, one at standstill keeps it; homing answers no `?`
in GRBL. An answer that did not come in time is never waited for again: a reset at standstill draws a line below it.
"""

import threading
import time
from contextlib import suppress
from typing import NoReturn

from hardware.dialects.grbl import Axes, Status, Word, build_of, setting_of
from hardware.dialects.grbl_codes import NEEDS_RESET, alarm_in_words, error_in_words
from hardware.dialects.grbl_settings import Told
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts.grbl_state import Controller, Mark
from hardware.wire import Link, Wire

ANSWER_S = 1.0
STOP_S = 0.5
BRAKED_S = 0.3
"""Of the time for a stop, how much braking may take before the motors are cut off."""
QUIET_S = 0.1
TRIES = 3
_SLICE_S = 0.02
_STANDS = (("Idle", ""), ("Hold", "0"), ("Door", "0"), ("Door", "1"))
WHY_NOT = {
    "Hold": "is on hold; press resume at the machine, or stop it here",
    "Door": "has its door open; close it",
    "Check": "is in check mode and would only pretend to move; switch it off and on, or send $C",
    "Sleep": "sleeps with its motors off; home it",
    "Run": "moves for somebody else; end other programs and pendants that use it",
    "Jog": "is being jogged; let go of the jog keys",
    "Home": "is homing; wait",
    "Tool": "waits for a change of tool; acknowledge it at the machine",
}


class Talk:
    """One driver's side of the conversation. What the controller said is shared by all drivers on its port."""

    def __init__(
        self, name: str, port: str, baud: int, wire: Wire | None, *, speed: float, latch: threading.Event
    ) -> None:
        self.name, self.port, self.baud = name, port, baud
        self.again, self.homes = "home it", True
        self._wire = wire if wire is not None else Wire(port)
        self.link = Link(name, port, baud, self._wire)
        if not isinstance(self._wire.known, Controller):
            self._wire.known = Controller()
        self.controller: Controller = self._wire.known
        self._latch = latch
        self.poll_s = max(0.002, 0.1 / speed)

    def open(self) -> bool:
        """Connect and learn the controller's settings; True when it was reset for that, so that nothing moves.

        A controller that another driver has greeted already, or that still answers, is left as it is.
        """
        self.link.open()
        c = self.controller
        try:
            with c.talk:
                if c.session == self._wire.sessions:
                    self._revive()
                    return False
                c.forget()
                c.greeting = True
                try:
                    self._greet()
                finally:
                    c.greeting = False
                c.session = self._wire.sessions
        except HardwareError:
            self.close()
            raise
        return True

    def _revive(self) -> None:
        """Out of an alarm that answers nothing. What another driver has it do is not disturbed."""
        c = self.controller
        if c.work.locked():
            return
        with suppress(DeviceTimeoutError, ReplyError):
            self.report()
            if c.alarm not in NEEDS_RESET:
                return
        self.recover()

    def _greet(self) -> None:
        c = self.controller
        for _ in range(TRIES):  # an Arduino that was reset by opening the port is deaf for two seconds
            if self.reset(time.monotonic() + ANSWER_S):
                break
        else:
            raise self._no_banner()
        for _ in range(TRIES):
            heard, quiet_s = c.banners, time.monotonic() + QUIET_S
            while time.monotonic() < quiet_s:  # opening the port may have caused a banner of its own
                self.hear(quiet_s)
                if c.banners != heard:
                    heard, quiet_s = c.banners, time.monotonic() + QUIET_S
            try:
                status = self.report()
                c.all_free = status.blocks
                if status.state in ("Idle", "Alarm"):
                    self.learn()
            except DeviceTimeoutError:
                self.drain()
                if c.banners == heard:
                    raise
            if c.banners == heard:
                return
            c.asked_settings = False  # the banner of our own reset came late: what was asked is lost

    def _no_banner(self) -> HardwareError:
        """Why it does not answer a reset: a grblHAL does not while its emergency stop is pressed."""
        with suppress(DeviceTimeoutError):
            status = self.report(time.monotonic() + STOP_S)
            if status.state == "Alarm":
                why = alarm_in_words(status.substate or self.controller.alarm or "10")
                return HardwareError(self.name, f"obeys no reset: it {why}")
        advice = f"no GRBL 1.1 answers on {self.port} at {self.baud} baud; check power, port and baud rate"
        return NotConnectedError(self.name, advice)

    def learn(self) -> None:
        """Its version and settings; once, for one that tells none never will."""
        if self.controller.asked_settings:
            return
        self.controller.asked_settings = True
        build, values = build_of([]), {}
        with suppress(ReplyError, DeviceTimeoutError):
            build = build_of(self.command(Word.BUILD, ANSWER_S))
        with suppress(ReplyError, DeviceTimeoutError):
            pairs = (setting_of(line) for line in self.command(Word.SETTINGS, ANSWER_S))
            values = dict(pair for pair in pairs if pair is not None)
        self.controller.learn(Told(values, build))
        if self.controller.told.inches:
            raise ReplyError(self.name, "$$", "$13=1", "reports inches; set $13=0 once, then connect again")

    def close(self) -> None:
        self.link.close()

    def version(self) -> str:
        """Ask who it is. Connects again should the cable have been out."""
        if self.link.is_open:
            with suppress(NotConnectedError):
                return self._version()
        self.open()
        return self._version()

    def _version(self) -> str:
        c = self.controller
        if c.work.locked() and c.told:  # $I is for standstill, and its ok would come between
            self.report()
            return str(c.told.build)
        build = build_of(self.command(Word.BUILD, ANSWER_S))
        return str(build if "hal" not in c.banner.lower() else c.told.build)

    # words

    def hear(self, until_s: float) -> None:
        """Take in what comes next, whoever waits for it; back after 20 ms at the latest."""
        until_s = min(until_s, time.monotonic() + _SLICE_S)
        if not self.link.lock.acquire(timeout=max(0.0, until_s - time.monotonic())):
            return
        try:
            if not self.controller.hear(self.link.take(until_s), time.monotonic()):
                advice = "talks without an end: wrong baud rate, or another device"
                raise ReplyError(self.name, "", "noise", advice, "unknown")
        finally:
            self.link.lock.release()

    def drain(self) -> None:
        """Hear what was said already."""
        self.hear(0.0)

    def check(self, mark: Mark) -> None:
        """Raise what has happened since: a stop, an alarm, a restart."""
        c = self.controller
        if self.halted(mark):
            until_s = time.monotonic() + 2 * STOP_S
            while time.monotonic() < until_s and (c.stops == mark.stops or c.stops_ended < c.stops):
                time.sleep(0.005)
            if c.stops == mark.stops:  # the latch is set, but nobody stopped us
                with suppress(HardwareError):
                    self.halt()
            raise StoppedError(self.name, f"stopped{self.where()}")
        self._check_upset(mark)

    def _check_upset(self, mark: Mark) -> None:
        if self.controller.upsets != mark.upsets:
            text, words = self.controller.upset
            raise ReplyError(self.name, "", text, words, "unknown")

    def where(self) -> str:
        """What a stop means for the position of an axis that has a switch."""
        if not self.homes:
            return ""
        return "; its position is kept" if self.controller.homed else f"; {self.again} before the next move"

    def halted(self, mark: Mark) -> bool:
        return self.controller.stops != mark.stops or self._latch.is_set()

    def command(self, line: str, timeout_s: float, mark: Mark | None = None) -> list[str]:
        """Send one line and wait for its ok; returns what it said before that. With a mark, a stop prevents it.

        Raises ReplyError for an error, an alarm or a restart, DeviceTimeoutError, StoppedError, NotConnectedError.
        """
        c = self.controller
        with c.talk:
            since = mark or c.mark()
            self.begin_lines()
            self.link.send(f"{line}\n".encode("ascii"), lambda: mark is not None and self.halted(mark))
            deadline_s = time.monotonic() + timeout_s
            while not c.answers:
                if mark is not None:
                    self.check(mark)
                self._check_upset(since)
                if time.monotonic() > deadline_s:
                    c.stale = True
                    raise DeviceTimeoutError(self.name, f"no answer to {line} in {timeout_s:g} s", "unknown")
                self.hear(deadline_s)
            if mark is not None:
                self.check(mark)
            self._check_upset(since)  # a line that an alarm or a stop has cut short is still answered with an ok
            answer = c.answers.popleft()
            if answer != "ok":
                code = answer.removeprefix("error:").strip()
                if code == "9" and c.status is not None and c.status.state != "Jog":
                    c.lose("it is locked")
                raise ReplyError(self.name, line, answer, error_in_words(code))
            return list(c.said)

    def begin_lines(self) -> None:
        """Make sure that the next answer is the answer to the next line."""
        c = self.controller
        self.drain()
        self._await_banner()
        if c.stale and not c.greeting:
            status = self.report()
            if status.state not in ("Idle", "Alarm", "Hold", "Door", "Check"):
                raise HardwareError(self.name, WHY_NOT.get(status.state, f"is in {status.state}; stop it first"))
            if not self.reset(time.monotonic() + ANSWER_S):
                raise DeviceTimeoutError(self.name, "does not answer a reset; switch it off and on", "unknown")
        c.answers.clear()
        c.said.clear()
        c.sent_s = time.monotonic()

    def _await_banner(self) -> None:
        """What is sent between an alarm and the banner after it is thrown away."""
        c = self.controller
        while time.monotonic() < c.banner_owed_s:
            self.hear(c.banner_owed_s)

    def report(self, deadline_s: float | None = None, *, at_once: bool = False, mark: Mark | None = None) -> Status:
        """Ask how it is. At most ten times a second: asking more often slows down its steps."""
        c = self.controller
        mark = mark or c.mark()
        if not at_once:
            self._await_banner()
            time.sleep(max(0.0, c.asked_s + self.poll_s - time.monotonic()))
        deadline_s = deadline_s if deadline_s is not None else time.monotonic() + ANSWER_S
        self.drain()
        seen = c.reports
        c.asked_s = time.monotonic()
        self.link.send(Word.STATUS.byte)
        while c.reports == seen or c.status is None:
            self._check_upset(mark)
            if time.monotonic() > deadline_s:
                raise DeviceTimeoutError(self.name, "does not tell its status", "unknown")
            self.hear(deadline_s)
        return c.status

    def state(self) -> str:
        """As it calls it, "Hold:0". Where it would not answer, what is known of it."""
        c = self.controller
        if c.alarm in NEEDS_RESET:
            return f"Alarm:{c.alarm}"
        if c.homing:
            return "Home"
        status = self.report()
        return f"{status.state}:{status.substate}" if status.substate else status.state

    def machine_mm(self) -> Axes:
        """Where it is, in machine coordinates; of a report that is no older than asking again would be."""
        c = self.controller
        fresh = c.heard_s > c.sent_s and time.monotonic() - c.heard_s < self.poll_s
        deadline_s = time.monotonic() + 5
        if not fresh:
            self.report()
        while (at_mm := c.machine_mm) is None or c.offset_mm is None:  # the offset comes with every 10th report
            if time.monotonic() > deadline_s:
                raise DeviceTimeoutError(self.name, "never reports its work offset (WCO); set $10=1")
            self.report()
        return at_mm

    def reset(self, deadline_s: float, *, urgent: bool = False) -> bool:
        """Soft reset; True when its banner came, or the alarm before it. Keeps the position at standstill."""
        c = self.controller
        self.drain()
        before = c.banners + c.alarms
        c.sends_reset(time.monotonic())
        (self.link.send_urgent if urgent else self.link.send)(Word.RESET.byte)
        while c.banners + c.alarms == before:
            if time.monotonic() > deadline_s:
                return False
            self.hear(deadline_s)
        return True

    def recover(self) -> Status:
        """Out of an alarm that answers nothing, a hold, check mode, sleep. Moves nothing."""
        c = self.controller
        for _ in range(TRIES):
            status = None
            if c.alarm not in NEEDS_RESET:
                with suppress(DeviceTimeoutError, ReplyError):
                    status = self.report(time.monotonic() + 0.7)
            if status is not None and c.alarm not in NEEDS_RESET and not c.stale:
                if status.state in ("Idle", "Alarm"):
                    return status
                if status.state == "Door" and status.substate != "0":
                    raise HardwareError(self.name, WHY_NOT["Door"])
            self.reset(time.monotonic() + ANSWER_S)
        why = f"it {alarm_in_words(c.alarm)}" if c.alarm in NEEDS_RESET else "switch it off and on"
        raise DeviceTimeoutError(self.name, f"does not come out of its alarm; {why}", "unknown")

    # stop

    def stop(self) -> None:
        """Brake, then reset: a reset at standstill keeps the position. All within 0.5 s; waits for no lock."""
        self.controller.stop_begins()
        try:
            self.halt()
        finally:
            self.controller.stop_ends()

    def halt(self) -> None:
        """As `stop`, by whoever moves it."""
        c, began_s = self.controller, time.monotonic()
        self.link.send_urgent(Word.RESET.byte if c.homing else Word.HOLD.byte)
        held_s = time.monotonic()
        if not c.stopping.acquire(timeout=STOP_S):
            self._cut_off("another stop has not come to its end")
        try:
            if c.stands_since_s < held_s:  # else another driver's stop came after ours and was confirmed
                self._brake_and_reset(began_s + BRAKED_S, began_s + STOP_S)
        finally:
            c.stopping.release()

    def _brake_and_reset(self, braked_s: float, deadline_s: float) -> None:
        c, kept, homed = self.controller, False, self.controller.homed
        with suppress(DeviceTimeoutError, ReplyError):
            while not kept and not c.homing and time.monotonic() < braked_s:
                status = self.report(braked_s, at_once=True)
                kept = (status.state, status.substate) in (
                    ("Idle", ""),
                    ("Hold", "0"),
                    ("Door", "0"),
                    ("Door", "1"),
                )
                if status.state in ("Alarm", "Home", "Sleep"):
                    break
                if not kept:
                    time.sleep(min(self.poll_s, 0.03))
        alarms = c.alarms
        if not self.reset(deadline_s, urgent=True):
            self._cut_off("the stop was sent but not confirmed")
        c.stands_since_s = c.reset_s
        kept = kept and c.alarms == alarms
        c.homed = c.homed and kept
        with suppress(DeviceTimeoutError, ReplyError):
            self.report(deadline_s, at_once=True)
            c.rest_mm = c.machine_mm
        if homed and not c.homed:
            c.why_lost = "it was stopped in motion"

    def _cut_off(self, why: str) -> NoReturn:
        self.controller.lose("a stop was not confirmed")
        self.controller.sends_reset(time.monotonic())
        self.link.send_urgent(Word.RESET.byte)
        raise DeviceTimeoutError(self.name, f"{why}; use the emergency stop if it still moves", "unknown")


def shown(at_mm: Axes) -> str:
    return "(" + ", ".join(f"{mm:.3f}" for mm in at_mm) + ") mm"
