"""Syringe pumps of the NE-1000 family, New Era Pump Systems (also sold by WPI and Landgraf), RS-232.

Manual: publication 1200-01, NE-1000, V3.9xx, sections 7 and 10; NE-500, NE-1600 and NE-4000 say the same. Verified
against the virtual bench and recorded conversations; never yet against the real thing. NESP-Lib 2.0 talks to the
same virtual pump.

What the manual makes easy to get wrong: volumes are µL up to a syringe diameter of 14 mm and mL above; numbers have
four digits and at most three decimals; units, phases and direction stay as any program left them, so that
connecting sets them anew; VOL 0 means "for ever"; an alarm is told once, in place of the next answer, and that
command is not done; the first STP pauses and the second stops. The dispensed counter is cleared before every
delivery: it keeps its finest step, and after a lost answer it tells whether RUN was heard. RUN is never sent twice.

The watchdog: for the length of a delivery the pump is in Safe mode, where it checks every packet and stops by
itself when it hears none for `watchdog_s`. Otherwise it is in Basic mode, as other programs expect. Pumps that
share a port stay in Basic mode: what a pump there makes of its neighbour's packets no manual tells.
"""

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hardware.devices import PumpAbilities, PumpRange, Traffic
from hardware.dialects.new_era import (
    DIRECTIONS,
    FASTEST_MM_S,
    LARGEST_UL_DIAMETER_MM,
    SETS,
    SLOWEST_MM_S,
    SPEEDS_MM_S,
    STATES,
    TROUBLE,
    UL,
    Direction,
    Shape,
    Word,
    basic,
    counter_ul,
    counter_words,
    four_digits,
    in_words,
    model_and_firmware,
    pump_in,
    rate_words,
    safe,
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
from hardware.parts.new_era_delivery import Delivery
from hardware.parts.new_era_talk import Talk
from hardware.spec import PumpSpec, SpeedMmS
from hardware.wire import Link, Wire

CHAINED = True
PROBES = tuple(
    Probe(baud, asks, pump_in, (("baud", baud),))
    for baud in (19200, 9600)
    for asks in (basic(Word.VERSION, 0), safe(Word.VERSION, 0))
)
STOP_S = 0.5
MICROSTEP_MM = 0.0002126


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. watchdog_s: the pump stops when it hears nothing for so long while
    it delivers; 0 for Basic mode only. fastest_mm_s, slowest_mm_s: of the plunger, when not those of the model."""

    address: Annotated[int, Field(ge=0, le=99)] = 0
    baud: Literal[300, 1200, 2400, 9600, 19200] = 19200
    watchdog_s: Annotated[int, Field(ge=0, le=255)] = 10
    fastest_mm_s: SpeedMmS | None = None
    slowest_mm_s: SpeedMmS | None = None


def range_of(spec: PumpSpec, settings: Settings) -> PumpRange:
    """What the widest of the family does with that syringe; which model it is, the pump says when it is opened."""
    every = ((SLOWEST_MM_S, FASTEST_MM_S), *SPEEDS_MM_S.values())
    area_mm2 = math.pi / 4 * spec.diameter_mm**2
    return PumpRange(
        capacity_ul=spec.capacity_ul,
        min_volume_ul=MICROSTEP_MM * area_mm2,
        min_rate_ul_s=(settings.slowest_mm_s or min(slowest for slowest, _ in every)) * area_mm2,
        max_rate_ul_s=(settings.fastest_mm_s or max(fastest for _, fastest in every)) * area_mm2,
    )


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
        self._standing.set()
        self._talk = Talk(self._link, settings.address, lambda: self._halted() and not self._standing.is_set())
        self._working = threading.Lock()
        self._left_ul = spec.capacity_ul
        self._model, self._firmware = "", ""
        self._no_watchdog = "not connected yet"

    def open(self) -> None:
        """Find the pump, stop it should it run for a program that is gone, and undo what any program left in it."""
        if not self._link.is_open:
            self._link.open()
        try:
            status = self._awake()
            if status != "S":
                self.stop()
            self._talk.disarm()
            self._make_ready()
            self._try_watchdog()
        except HardwareError:
            self._link.close()
            raise
        self._talk.told()  # of being switched on, or of what happened to a program that is gone: see `about`

    def _awake(self) -> str:
        """The status, after any alarm has been told, of a pump that has said who it is."""
        reply = self._talk.find()
        while reply is not None and reply.status == "A":
            reply = self._talk.find()
        if reply is None:
            raise NotConnectedError(self.name, self._nobody())
        self._version()
        return reply.status

    def _make_ready(self) -> None:
        try:
            self._no_restart()
            self._talk.set(f"{Word.PHASE}2")  # phase 1 delivers; without this it would run on into an old phase 2
            self._talk.set(Word.FUNCTION_STOP)
            self._program(Direction.INFUSE, rate_words(self.range.max_rate_ul_s / 2))
        except ReplyError as error:
            trouble = TROUBLE.get(error.reply, f"keeps {in_words(error.reply)}")
            message = (
                f"is not ready: its {SETS.get(error.command[:3], 'state')} could not be set, it {trouble}; end "
                "other programs that use the pump, switch it off and on, and connect again"
            )
            raise ReplyError(self.name, error.command, error.reply, message) from error

    def _no_restart(self) -> None:
        """A pump may be set to begin its program anew, by itself, when the power returns."""
        with suppress(ReplyError, DeviceTimeoutError):
            if self._talk.ask(Word.RESTARTS, Shape.WHOLE).data.startswith("1"):
                self._talk.set(f"{Word.RESTARTS}0")

    def _try_watchdog(self) -> None:
        self._no_watchdog = "switched off in the rig file" if not self._settings.watchdog_s else ""
        if self._link.shared:
            self._no_watchdog = "other pumps share its port"
        if self._no_watchdog:
            return
        try:
            self._talk.arm(self._settings.watchdog_s)
        except (ReplyError, DeviceTimeoutError) as error:
            if isinstance(error, ReplyError) and error.reply in TROUBLE and error.reply[0] == "A":
                raise  # which says nothing of Safe mode
            self._no_watchdog = "the pump has no Safe mode"
        self._talk.disarm()
        if self._no_watchdog:
            with suppress(ReplyError, DeviceTimeoutError):  # should it watch all the same
                self._talk.set(f"{Word.SAFE}0")

    def _program(self, direction: Direction, rate: str) -> None:
        """Phase 1 in known units, whatever it was: only the volume is still to be told."""
        talk, diameter = self._talk, four_digits(self._spec.diameter_mm)
        if not same_value(Shape.LENGTH, talk.ask(Word.DIAMETER, Shape.LENGTH).data, diameter):
            talk.keep(Word.DIAMETER, diameter, Shape.LENGTH)
        talk.set(f"{Word.PHASE}1")
        talk.set(Word.FUNCTION_RATE)
        if not talk.ask(Word.VOLUME, Shape.VOLUME).data.endswith(self._unit):  # VOLUL by another program stays
            talk.set(f"{Word.VOLUME}{self._unit}")
            if not (kept := talk.ask(Word.VOLUME, Shape.VOLUME).data).endswith(self._unit):
                message = f"measures volumes in{in_words(kept[-2:])} and did not change to{in_words(self._unit)}"
                raise ReplyError(self.name, Word.VOLUME, kept, message)
        talk.keep(Word.RATE, rate, Shape.RATE)
        talk.keep(Word.DIRECTION, direction, Shape.DIRECTION)

    def identify(self) -> str:
        """Model and firmware. Connects again should the cable have been out."""
        if self._link.is_open:
            with suppress(NotConnectedError):
                return self._version()
        self.open()
        return self._version()

    def _version(self) -> str:
        try:
            version = self._talk.ask_again(Word.VERSION, Shape.VERSION).data
        except DeviceTimeoutError as error:
            raise NotConnectedError(self.name, self._nobody()) from error
        self._model, self._firmware = model_and_firmware(version)
        return version

    def _nobody(self) -> str:
        return (
            f"no New Era pump answers on {self._spec.port} at {self._settings.baud} baud, address "
            f"{self._settings.address}; check power, address and baud rate (19200 or 9600) in its menu"
        )

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def abilities(self) -> PumpAbilities:
        return PumpAbilities(watchdog=not self._no_watchdog)

    def about(self) -> Mapping[str, str]:
        self._version()
        asked = {
            word: self._talk.ask_again(word, shape).data
            for word, shape in (
                (Word.DIAMETER, Shape.LENGTH),
                (Word.RATE, Shape.RATE),
                (Word.VOLUME, Shape.VOLUME),
                (Word.DIRECTION, Shape.DIRECTION),
                (Word.COUNTER, Shape.COUNTER),
            )
        }
        status = self._talk.ask_again(Word.STATUS, Shape.NOTHING).status
        watchdog = f"{self._settings.watchdog_s} s while it delivers"
        return {
            "model": self._model,
            "firmware": self._firmware,
            "address": str(self._settings.address),
            "state": STATES[status],
            "diameter": f"{asked[Word.DIAMETER]} mm",
            "volume": in_words(asked[Word.VOLUME]),
            "rate": in_words(asked[Word.RATE]),
            "direction": DIRECTIONS.get(asked[Word.DIRECTION], asked[Word.DIRECTION]),
            "counted": counter_words(asked[Word.COUNTER]),
            "mode": "Safe" if self._talk.safe else "Basic",
            "watchdog": f"none: {self._no_watchdog}" if self._no_watchdog else watchdog,
            "last alarm": TROUBLE.get(self._talk.alarm, "none"),
        }

    def close(self) -> None:
        """A pump that still delivers keeps its watchdog: with nobody to hear, it stops."""
        if self._link.is_open and self._working.acquire(blocking=False):
            try:
                with suppress(HardwareError):
                    self._talk.disarm()
            finally:
                self._working.release()
        self._link.close()

    @property
    def range(self) -> PumpRange:
        step_ul = 0.001 * UL[self._unit]
        slowest_mm_s, fastest_mm_s = SPEEDS_MM_S.get(self._model, (SLOWEST_MM_S, FASTEST_MM_S))
        return PumpRange(
            capacity_ul=self._spec.capacity_ul,
            min_volume_ul=max(step_ul, MICROSTEP_MM * self._area_mm2),
            min_rate_ul_s=(self._settings.slowest_mm_s or slowest_mm_s) * self._area_mm2,
            max_rate_ul_s=(self._settings.fastest_mm_s or fastest_mm_s) * self._area_mm2,
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
            self._talk.send_stop()
            # on a chain each pump is confirmed in its turn
            if not self._link.lock.acquire(timeout=0.85 * STOP_S):
                self._talk.send_stop()
                raise DeviceTimeoutError(self.name, "the stop was sent but not confirmed", "unknown")
            try:
                self._talk.confirm_stop(deadline)
            finally:
                self._link.lock.release()
        finally:
            self._standing.set()

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
                self._talk.check_untold()
                if not self._no_watchdog:
                    self._talk.arm(self._settings.watchdog_s)
                self._prepare(direction, volume_ul, rate)
            return Delivery(
                self._talk, direction, volume_ul, volume_ul / rate_ul_s, self._tolerance_ul(volume_ul),
                self._slowest_poll_s, self._halt, self._latch, self._standing, self._book,
            ).carry_out()  # fmt: skip
        finally:
            self._standing.set()
            with suppress(HardwareError):
                self._talk.disarm()
            self._working.release()

    def _prepare(self, direction: Direction, volume_ul: float, rate: str) -> None:
        self._program(direction, rate)
        volume = four_digits(volume_ul / UL[self._unit]) + self._unit
        self._talk.keep(Word.VOLUME, volume, Shape.VOLUME)
        self._talk.set(f"{Word.CLEAR}{direction}")
        counted_ul = counter_ul(self._talk.ask(Word.COUNTER, Shape.COUNTER).data, direction)
        if counted_ul != 0:
            raise ReplyError(self.name, Word.CLEAR, f"{counted_ul:g} µL", "its counter did not go back to zero")

    def _book(self, direction: Direction, volume_ul: float) -> None:
        change = -volume_ul if direction is Direction.INFUSE else volume_ul
        self._left_ul = min(max(self._left_ul + change, 0.0), self._spec.capacity_ul)

    def _tolerance_ul(self, volume_ul: float) -> float:
        return max(2 * self.range.min_volume_ul, 0.005 * volume_ul)

    def _rate(self, rate_ul_s: float) -> str:
        limits = self.range
        if not limits.min_rate_ul_s <= rate_ul_s <= limits.max_rate_ul_s:
            span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
            raise OutOfRangeError(self.name, f"{rate_ul_s:g} µL/s is outside what the pump can do, {span}")
        return rate_words(rate_ul_s)

    def _halted(self) -> bool:
        return self._halt.is_set() or self._latch.is_set()

    @contextmanager
    def _nothing_ran_yet(self) -> Iterator[None]:
        """Whatever fails in here, no liquid has moved."""
        try:
            yield
        except (DeviceTimeoutError, NotConnectedError, ReplyError) as error:
            if self._halted():
                raise StoppedError(self.name, "stopped before it began") from error
            if isinstance(error, ReplyError) and error.reply == self._talk.alarm:
                self._talk.told()
            error.outcome = "not_done"
            raise
