"""Syringe pumps of the NE-1000 family, New Era Pump Systems, RS-232 in Basic mode.

Manual: publication 1200-01, NE-1000, V3.9xx, sections 7 and 10.

What the manual makes easy to get wrong: volumes are µL up to a syringe diameter of 14 mm and mL above; numbers have
four digits and at most three decimals; units, phases and direction stay as any program left them, so that
connecting sets them anew; VOL 0 means "for ever"; an alarm is told once, in place of the next answer, and that
command is not done; the first STP pauses and the second stops. The dispensed counter is cleared before every
delivery: it keeps its finest step, and after a lost answer it tells whether RUN was heard. RUN is never sent twice.
"""

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from hardware.devices import PumpAbilities, PumpRange, Traffic
from hardware.dialects.new_era import (
    ETX,
    LARGEST_UL_DIAMETER_MM,
    SETS,
    TROUBLE,
    UL,
    Direction,
    Reply,
    Shape,
    Word,
    counter_ul,
    four_digits,
    in_words,
    rate_words,
    reply_of,
    same_value,
)
from hardware.drivers import Probe
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.spec import Positive, PumpSpec
from hardware.wire import Link, Wire

CHAINED = True
PROBES: tuple[Probe, ...] = ()
ANSWER_S = 0.5
STOP_S = 0.5
MOST_STRAY_PACKETS = 64
MICROSTEP_MM = 0.0002126


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. fastest_mm_s: plunger speed limit of the model."""

    address: Annotated[int, Field(ge=0, le=99)] = 0
    baud: Literal[300, 1200, 2400, 9600, 19200] = 19200
    fastest_mm_s: Positive = 0.85
    slowest_mm_s: Positive = 1.2e-5


class Driver:
    """One pump with one syringe, taken as full when it is opened."""

    def __init__(
        self, name: str, spec: PumpSpec, settings: Settings, *, speed: float, latch: threading.Event,
        wire: Wire | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._spec, self._settings = spec, settings
        self._slowest_poll_s = max(0.002, 0.1 / speed)
        self._unit = "UL" if spec.diameter_mm <= LARGEST_UL_DIAMETER_MM else "ML"
        self._area_mm2 = math.pi / 4 * spec.diameter_mm**2
        self._link = Link(name, spec.port, settings.baud, wire)
        self._latch = latch
        self._halt, self._standing = threading.Event(), threading.Event()
        self._working = threading.Lock()
        self._left_ul = spec.capacity_ul

    def open(self) -> None:
        """Find the pump, stop it should it run for a program that is gone, and undo what any program left in it."""
        if not self._link.is_open:
            self._link.open()
        try:
            status = self._awake()
            self._version()
            if status != "S":
                self.stop()
            self._make_ready()
        except HardwareError:
            self.close()
            raise

    def _make_ready(self) -> None:
        try:
            self._set(f"{Word.PHASE}2")  # phase 1 delivers; without this the pump would run on into an old phase 2
            self._set(Word.FUNCTION_STOP)
            self._program(Direction.INFUSE, rate_words(self.range.max_rate_ul_s / 2))
        except ReplyError as error:
            trouble = TROUBLE.get(error.reply, f"keeps {in_words(error.reply)}")
            message = (
                f"is not ready: its {SETS.get(error.command[:3], 'state')} could not be set, it {trouble}; end "
                "other programs that use the pump, switch it off and on, and connect again"
            )
            raise ReplyError(self.name, error.command, error.reply, message) from error

    def _program(self, direction: Direction, rate: str) -> None:
        """Phase 1 in known units, whatever it was: only the volume is still to be told."""
        diameter = four_digits(self._spec.diameter_mm)
        if not same_value(Shape.LENGTH, self._ask(Word.DIAMETER, Shape.LENGTH).data, diameter):
            self._keep(Word.DIAMETER, diameter, Shape.LENGTH)
        self._set(f"{Word.PHASE}1")
        self._set(Word.FUNCTION_RATE)
        if not self._ask(Word.VOLUME, Shape.VOLUME).data.endswith(self._unit):  # VOLUL by another program stays
            self._set(f"{Word.VOLUME}{self._unit}")
            if not (kept := self._ask(Word.VOLUME, Shape.VOLUME).data).endswith(self._unit):
                message = f"measures volumes in{in_words(kept[-2:])} and did not change to{in_words(self._unit)}"
                raise ReplyError(self.name, Word.VOLUME, kept, message)
        self._keep(Word.RATE, rate, Shape.RATE)
        self._keep(Word.DIRECTION, direction, Shape.DIRECTION)

    def identify(self) -> str:
        """Model and firmware. Connects again should the cable have been out."""
        if self._link.is_open:
            with suppress(NotConnectedError):
                return self._version()
        self.open()
        return self._version()

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def abilities(self) -> PumpAbilities:
        return PumpAbilities()

    def about(self) -> Mapping[str, str]:
        return {}

    def _version(self) -> str:
        try:
            return self._ask(Word.VERSION, Shape.VERSION).data
        except DeviceTimeoutError as error:
            advice = (
                f"no New Era pump answers on {self._spec.port} at {self._settings.baud} baud, address "
                f"{self._settings.address}; check power, address and baud rate (19200 or 9600) in its menu, and "
                "that no other program left it in Safe mode"
            )
            raise NotConnectedError(self.name, advice) from error

    def close(self) -> None:
        self._link.close()

    @property
    def range(self) -> PumpRange:
        step_ul = 0.001 * UL[self._unit]
        return PumpRange(
            capacity_ul=self._spec.capacity_ul,
            min_volume_ul=max(step_ul, MICROSTEP_MM * self._area_mm2),
            min_rate_ul_s=self._settings.slowest_mm_s * self._area_mm2,
            max_rate_ul_s=self._settings.fastest_mm_s * self._area_mm2,
        )

    @property
    def left_ul(self) -> float:
        return self._left_ul

    def loaded(self, volume_ul: float) -> None:
        """Book that the syringe now holds `volume_ul`."""
        if not 0 <= volume_ul <= self._spec.capacity_ul:
            raise OutOfRangeError(self.name, f"a {self._spec.capacity_ul:g} µL syringe cannot hold {volume_ul:g}")
        self._left_ul = volume_ul

    def expressed_ul(self, volume_ul: float) -> float:
        """The nearest volume that the pump can be told. Raises OutOfRangeError for one it cannot."""
        if not math.isfinite(volume_ul) or volume_ul < self.range.min_volume_ul:
            smallest = self.range.min_volume_ul
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL is below the smallest volume, {smallest:.3g} µL")
        if volume_ul > self._spec.capacity_ul:
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL is more than the syringe holds")
        try:
            return float(four_digits(volume_ul / UL[self._unit])) * UL[self._unit]
        except ValueError as error:
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL has too many digits for the pump") from error

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._deliver(Direction.INFUSE, volume_ul, rate_ul_s)

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._deliver(Direction.WITHDRAW, volume_ul, rate_ul_s)

    def stop(self) -> None:
        """Stop, then make sure. The first STP leaves at once; the rest waits at most 0.5 s."""
        deadline = time.monotonic() + STOP_S
        self._halt.set()
        self._standing.clear()
        try:
            self._link.send_urgent(self._packet(Word.STOP))
            if not self._link.lock.acquire(timeout=0.2):
                self._link.send_urgent(self._packet(Word.STOP))
                raise DeviceTimeoutError(self.name, "the stop was sent but not confirmed", "unknown")
            try:
                self._confirm_stop(deadline)
            finally:
                self._link.lock.release()
        finally:
            self._standing.set()

    def _confirm_stop(self, deadline_s: float) -> None:
        self._link.discard(quiet_s=0.02)  # answers to the STP and to whatever it interrupted
        while True:
            self._link.send_urgent(self._packet(Word.STOP))
            if next(self._replies(deadline_s)).status in "SA":
                return

    def _deliver(self, direction: Direction, volume_ul: float, rate_ul_s: float) -> float:
        volume_ul = self.expressed_ul(volume_ul)
        rate = self._rate(rate_ul_s)
        room_ul = self._left_ul if direction is Direction.INFUSE else self._spec.capacity_ul - self._left_ul
        if volume_ul > room_ul + 1e-6:
            what = "left in" if direction is Direction.INFUSE else "room in"
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL asked, only {room_ul:.4g} µL {what} the syringe")
        if not self._working.acquire(blocking=False):
            raise HardwareError(self.name, "is still delivering; wait or stop it first")
        try:
            self._halt.clear()
            self._standing.clear()
            with self._nothing_ran_yet():
                self._prepare(direction, volume_ul, rate)
            try:
                with suppress(DeviceTimeoutError):  # the counter will tell whether RUN was heard
                    self._ask(Word.RUN, Shape.NOTHING, unless=self._halted)
            except NotConnectedError:
                self._book(direction, volume_ul)
                raise
            return self._watch(direction, volume_ul, volume_ul / rate_ul_s)
        finally:
            self._working.release()

    def _prepare(self, direction: Direction, volume_ul: float, rate: str) -> None:
        self._program(direction, rate)
        self._keep(Word.VOLUME, four_digits(volume_ul / UL[self._unit]) + self._unit, Shape.VOLUME)
        self._set(f"{Word.CLEAR}{direction}")
        if (counted := self._counted(direction)[1]) != 0:
            raise ReplyError(self.name, Word.CLEAR, f"{counted:g} µL", "its counter did not go back to zero")

    def _watch(self, direction: Direction, volume_ul: float, expected_s: float) -> float:
        deadline = time.monotonic() + 1.2 * expected_s + 5
        pause_s, silent, unmoved = 0.002, 0, 0
        while True:
            self._halt.wait(pause_s)
            if self._halted():
                self._cut_short(direction, volume_ul)
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)
            try:
                status, counted_ul = self._counted(direction)
            except DeviceTimeoutError:
                silent += 1
                if silent == 3:
                    self._give_up(direction, volume_ul, "stopped answering while it delivered")
                continue
            except NotConnectedError:
                self._book(direction, volume_ul)
                raise
            except ReplyError as error:
                if self._halted():
                    continue
                counted_ul = self._last_count(direction, volume_ul)
                message = (
                    f"{TROUBLE.get(error.reply, 'sent noise')}; it had counted {counted_ul:g} of {volume_ul:g} µL"
                )
                raise ReplyError(self.name, error.command, error.reply, message, "unknown") from error
            silent = 0
            if status in "IW":
                if time.monotonic() > deadline:
                    self._give_up(direction, volume_ul, f"still runs after {1.2 * expected_s + 5:.0f} s")
            elif status == "S" and counted_ul >= volume_ul - self._tolerance_ul(volume_ul):
                self._book(direction, counted_ul)
                if counted_ul > volume_ul + self._tolerance_ul(volume_ul):
                    message = f"delivered more than the {volume_ul:g} µL asked"
                    raise ReplyError(self.name, Word.COUNTER, f"{counted_ul:g} µL", message, "unknown")
                return counted_ul
            elif status == "S" and counted_ul == 0:
                unmoved += 1
                if unmoved == 3:
                    raise DeviceTimeoutError(self.name, "did not start; its counter stands at zero", "not_done")
            elif not self._halted():
                self._link.send_urgent(self._packet(Word.STOP) * 2)
                self._book(direction, counted_ul)
                message = f"was stopped or paused at its own keys after {counted_ul:g} of {volume_ul:g} µL"
                raise StoppedError(self.name, message)

    def _cut_short(self, direction: Direction, volume_ul: float) -> NoReturn:
        if not self._standing.wait(1.0):
            self._link.send_urgent(self._packet(Word.STOP) * 2)
        counted_ul = self._last_count(direction, volume_ul)
        raise StoppedError(self.name, f"stopped after {counted_ul:g} of {volume_ul:g} µL")

    def _give_up(self, direction: Direction, volume_ul: float, why: str) -> NoReturn:
        self._link.send_urgent(self._packet(Word.STOP) * 2)
        self._book(direction, volume_ul)
        raise DeviceTimeoutError(self.name, f"{why}; how much it delivered is not known", "unknown")

    def _last_count(self, direction: Direction, volume_ul: float) -> float:
        """Book what the counter says after a stop, or all that was asked if it cannot be read."""
        for _ in range(3):
            try:
                counted_ul = self._counted(direction)[1]
            except (ReplyError, DeviceTimeoutError):
                continue
            except NotConnectedError:
                break
            self._book(direction, counted_ul)
            return counted_ul
        self._book(direction, volume_ul)
        return volume_ul

    def _book(self, direction: Direction, volume_ul: float) -> None:
        change = -volume_ul if direction is Direction.INFUSE else volume_ul
        self._left_ul = min(max(self._left_ul + change, 0.0), self._spec.capacity_ul)

    def _tolerance_ul(self, volume_ul: float) -> float:
        return max(2 * self.range.min_volume_ul, 0.005 * volume_ul)

    def _counted(self, direction: Direction) -> tuple[str, float]:
        reply = self._ask(Word.COUNTER, Shape.COUNTER)
        return reply.status, counter_ul(reply.data, direction)

    def _rate(self, rate_ul_s: float) -> str:
        limits = self.range
        if not limits.min_rate_ul_s <= rate_ul_s <= limits.max_rate_ul_s:
            span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
            raise OutOfRangeError(self.name, f"{rate_ul_s:g} µL/s is outside what the pump can do, {span}")
        return rate_words(rate_ul_s)

    def _halted(self) -> bool:
        return self._halt.is_set() or self._latch.is_set()

    def _awake(self) -> str:
        """The status, after any alarm has been told: a pump that was just switched on has one."""
        for _ in range(3):
            try:
                return self._ask(Word.STATUS, Shape.NOTHING).status
            except ReplyError:
                continue
            except DeviceTimeoutError:
                break
        return "S"

    def _set(self, command: str) -> None:
        self._ask(command, Shape.NOTHING)

    def _keep(self, word: Word, told: str, shape: re.Pattern[str]) -> None:
        """Set a value and read it back: one digit too many and the pump keeps another."""
        unit = told[-2:] if word is Word.VOLUME else ""
        self._set(f"{word}{told.removesuffix(unit)}")
        kept = self._ask(word, shape).data
        if not same_value(shape, kept, told):
            raise ReplyError(self.name, word, kept, f"was told {told} and kept something else: {kept}")

    def _ask(self, command: str, shape: re.Pattern[str], unless: Callable[[], bool] = lambda: False) -> Reply:
        """One question, one answer of the right shape; answers that come late for an earlier one are dropped."""
        with self._link.lock:
            self._link.discard()
            self._link.send(self._packet(command), unless)
            for reply in self._replies(time.monotonic() + ANSWER_S):
                if reply.data in TROUBLE:
                    raise ReplyError(self.name, command, reply.data, TROUBLE[reply.data])
                if shape.fullmatch(reply.data):
                    return reply
        raise AssertionError("replies end only by an exception")

    def _replies(self, deadline_s: float) -> Iterator[Reply]:
        """Every packet of this pump until the deadline raises; noise and other addresses are skipped."""
        for _ in range(MOST_STRAY_PACKETS):
            reply = reply_of(self._link.read_until(ETX, deadline_s), self._settings.address)
            if reply is not None:
                yield reply
        raise DeviceTimeoutError(self.name, "the line carries only packets that are not its own", "unknown")

    def _packet(self, command: str) -> bytes:
        return f"{self._settings.address or ''}{command}\r".encode("ascii")

    @contextmanager
    def _nothing_ran_yet(self) -> Iterator[None]:
        """Whatever fails in here, no liquid has moved."""
        try:
            yield
        except (DeviceTimeoutError, NotConnectedError, ReplyError) as error:
            if self._halted():
                raise StoppedError(self.name, "stopped before it began") from error
            error.outcome = "not_done"
            raise
