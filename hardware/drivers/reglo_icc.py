"""The channels of an Ismatec (Masterflex) Reglo ICC peristaltic pump, USB or RS-232.

Maker and manual: Ismatec, operating manual 14-036-E rev. D, chapters 14-16; formats of the replies as other public
drivers tell them. Verified against the virtual bench and recorded conversations; never yet the real thing.

A channel is a device of its own; those of one pump are chained on its port. It doses by its own mode "volume at
rate", so that every dose ends by itself. It counts its rollers' steps, not the liquid: what it delivered is what it
was told, and after a stop what the time says. (The manual has totals, `xG` and `:`; whether they hold a dose under
way it does not say.)

What the manual makes easy to get wrong: on RS-232 the number before a command is the pump's until `~1` makes it the
channel's, and 0 is all channels, so that 0 is never sent; a status is one character without an end; a mode other
than "rate" takes its speed from rpm unless `xf1`; another bore discards the calibration; an empty bottle is not
noticed; reversing would draw what is in the vial into the tubing, so that this driver never does. H is never sent
twice.
"""

import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from hardware.devices import PumpAbilities, PumpRange, Traffic
from hardware.dialects.reglo_icc import (
    MODES,
    WHY_NOT,
    Shape,
    Word,
    answer_in,
    four_digits,
    hundredths,
    number,
    plain,
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
from hardware.parts.conversation import Conversation
from hardware.parts.delivery import Book, Halting, check_range, connect
from hardware.spec import PumpSpec
from hardware.wire import Link, Wire

CHAINED = True
ANSWER_S = 0.5
KEPT = 1e-3
UL_S = 1000 / 60
"""Of a mL/min."""
FASTEST_UL_S = 90.0
"""Of a tubing with 1 mm bore, until the pump has told its own limit."""
TURNS_PER_MIN = 100.0
EARLY = 0.98
EARLY_S = 0.2
"""A dose that took less than EARLY of its time, less EARLY_S, was cut off."""


def _knows(heard: bytes) -> str | None:
    return answer_in(heard, Shape.MODEL, silent=False)


PROBES = (Probe(9600, b"1#\r", _knows),)


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. address: the channel. dispenses: how the rollers turn then."""

    address: Annotated[int, Field(ge=1, le=4)] = 1
    baud: Literal[9600] = 9600
    dispenses: Literal["clockwise", "counterclockwise"] = "clockwise"


def range_of(spec: PumpSpec, settings: Settings) -> PumpRange:
    """Before the channel has told its own limit. The least is a hundredth of a turn, the slowest a thousandth of
    the fastest."""
    del settings
    return _range(spec, FASTEST_UL_S * spec.diameter_mm**2)


def _range(spec: PumpSpec, fastest_ul_s: float) -> PumpRange:
    step_ul = fastest_ul_s * 60 / TURNS_PER_MIN / 100
    return PumpRange(spec.capacity_ul, step_ul, fastest_ul_s / 1000, fastest_ul_s, step_ul)


class Driver:
    """One channel with its tubing and its bottle, taken as full when it is opened."""

    def __init__(
        self, name: str, spec: PumpSpec, settings: Settings, *, speed: float, latch: threading.Event,
        wire: Wire | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._spec, self._settings, self._speed = spec, settings, speed
        self._slowest_poll_s = max(0.002, 0.1 / speed)
        self._fastest_ul_s = FASTEST_UL_S * spec.diameter_mm**2
        self._link = Link(name, spec.port, settings.baud, wire)
        self._halting = Halting(name, self._link, latch)
        self._book = Book(name, "bottle", spec.capacity_ul)
        self._turn = Word.CLOCKWISE if settings.dispenses == "clockwise" else Word.COUNTERCLOCKWISE
        self._talk = Conversation(
            self._link, self._halting.cuts, self._packet, self._read, (Word.MODEL, Shape.MODEL), ANSWER_S
        )

    def open(self) -> None:
        """Find the pump, stop the channel should it run for a program that is gone, and tell it its tubing."""
        connect(self._link, self._greet)

    def _greet(self) -> None:
        channel = self._settings.address
        try:
            for command in (Word.STOP, Word.ADDRESS_CHANNELS):
                self._link.late = self._link.shared and self._link.late
                with suppress(DeviceTimeoutError, ReplyError):  # the first may end a line that was cut off
                    self._talk.ask(command, Shape.DONE, within_s=ANSWER_S / 2)
            self._do(Word.STOP)
            self._do(Word.EVENTS_OFF)
            self._ask(Word.MODEL, Shape.MODEL)
            channels = int(self._ask(Word.CHANNELS, Shape.CHANNELS))
        except (DeviceTimeoutError, ReplyError) as error:
            advice = f"no Reglo ICC answers on {self._spec.port} for channel {channel}; check power and cable"
            raise NotConnectedError(self.name, f"{advice}, and over RS-232 that its address is 1") from error
        if channel > channels:
            message = f"has {channels} channels and none with the number {channel}"
            raise ReplyError(self.name, Word.CHANNELS, str(channels), message)
        self._make_ready()

    def _make_ready(self) -> None:
        if self._runs():
            raise ReplyError(self.name, Word.STOP, "+", "runs on although it was told to stop; switch it off")
        self._keep_tubing()
        for word in (Word.ASK_FASTEST_CALIBRATED, Word.ASK_FASTEST):
            with suppress(ReplyError, DeviceTimeoutError):
                self._fastest_ul_s = plain(Shape.FASTEST, self._ask(word, Shape.FASTEST)) * UL_S
                break
        self._keep_mode()

    def _keep_tubing(self) -> None:
        bore_mm = self._spec.diameter_mm
        if abs(plain(Shape.TUBING, self._ask(Word.TUBING, Shape.TUBING)) - bore_mm) <= 0.006:
            return
        try:
            self._do(f"{Word.TUBING}{hundredths(bore_mm)}")
        except ReplyError as error:
            sizes = "0.13 to 3.17 mm in the sizes on the tubing's box, such as 0.51, 1.02, 1.65, 2.06"
            message = f"knows no tubing of {bore_mm:g} mm bore; diameter_mm is its bore, {sizes}"
            raise ReplyError(self.name, error.command, error.reply, message) from error
        kept = self._ask(Word.TUBING, Shape.TUBING)
        if abs(plain(Shape.TUBING, kept) - bore_mm) > 0.006:
            raise ReplyError(
                self.name, Word.TUBING, kept, f"knows no tubing of {bore_mm:g} mm bore and keeps {kept}"
            )

    def _keep_mode(self) -> None:
        self._do(Word.VOLUME_AT_RATE)
        self._do(Word.RATE_IS_FLOW)
        self._do(self._turn)
        for word, shape, told in (
            (Word.MODE, Shape.MODE, Word.VOLUME_AT_RATE),
            (Word.DIRECTION, Shape.DIRECTION, self._turn),
        ):
            if (kept := self._ask(word, shape)) != told:
                raise ReplyError(self.name, word, kept, f"was told {told} and kept something else: {kept}")

    def identify(self) -> str:
        """Model, firmware and pump head. Connects again should the cable have been out."""
        if self._link.is_open:
            with suppress(NotConnectedError):
                return self._ask(Word.MODEL, Shape.MODEL)
        self.open()
        return self._ask(Word.MODEL, Shape.MODEL)

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def abilities(self) -> PumpAbilities:
        return PumpAbilities(aspirates=False, counts=False)

    def about(self) -> Mapping[str, str]:
        told = {"model": self.identify(), "channel": str(self._settings.address)}
        mode, turns = self._ask(Word.MODE, Shape.MODE), self._ask(Word.DIRECTION, Shape.DIRECTION)
        return told | {
            "tubing": self._ask(Word.TUBING, Shape.TUBING),
            "fastest": f"{self._fastest_ul_s / UL_S:.3g} mL/min",
            "mode": MODES[mode],
            "direction": "clockwise" if turns == Word.CLOCKWISE else "counterclockwise",
            "state": "running" if self._runs() else "stopped",
        }

    def close(self) -> None:
        self._link.close()

    @property
    def range(self) -> PumpRange:
        return _range(self._spec, self._fastest_ul_s)

    @property
    def left_ul(self) -> float:
        """Book-kept volume left in the bottle."""
        return self._book.left_ul

    def loaded(self, volume_ul: float) -> None:
        """Book that the bottle now holds `volume_ul`."""
        self._book.loaded(volume_ul)

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        """Push `volume_ul` out; returns it, since the pump itself counts no liquid."""
        check_range(self.name, self.range, volume_ul, rate_ul_s)
        self._book.check(volume_ul, drawn=False)
        rate_ul_s = min(rate_ul_s, self._fastest_ul_s * 0.9995)  # four digits must not round it up
        with self._halting.delivering():
            with self._halting.nothing_ran_yet():
                self._prepare(volume_ul, rate_ul_s)
            began_s = time.monotonic()
            return self._watch(volume_ul, rate_ul_s, began_s, self._run(volume_ul))

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        """Raises OutOfRangeError: it would draw from the vial."""
        asked = f"{volume_ul:g} µL at {rate_ul_s:g} µL/s"
        raise OutOfRangeError(self.name, f"{asked}: it draws nothing in; its bottle is refilled by hand")

    def stop(self) -> None:
        """Stop, then make sure. I leaves at once; the rest waits at most 0.5 s."""
        self._halting.stop(self._packet(Word.STOP), self._confirm_stop)

    def _confirm_stop(self, deadline_s: float) -> None:
        self._link.discard(quiet_s=0.02)  # answers to the stop and to whatever it interrupted
        self._link.send_urgent(self._packet(Word.MODEL))  # behind its answer none of those can come any more
        self._talk.reply(Word.MODEL, Shape.MODEL, deadline_s)
        while True:
            self._link.send_urgent(self._packet(Word.RUNS))
            if self._talk.reply(Word.RUNS, Shape.RUNS, deadline_s) == "-":
                return
            self._link.send_urgent(self._packet(Word.STOP))

    def _prepare(self, volume_ul: float, rate_ul_s: float) -> None:
        if self._runs():
            raise HardwareError(self.name, "runs already; stop it first")
        self._keep_tubing()
        self._keep_mode()
        for word, told in ((Word.RATE, rate_ul_s / UL_S), (Word.VOLUME, volume_ul / 1000)):
            self._talk.ask(f"{word}{four_digits(told)}", Shape.NUMBER_OR_DONE)
            kept = self._ask(word, Shape.NUMBER)
            if abs(number(kept) - told) > KEPT * told:
                raise ReplyError(self.name, word, kept, f"was told {told:.4g} and kept something else: {kept}")

    def _run(self, volume_ul: float) -> str:
        """Start; what the pump says to that, "" when that was not heard."""
        try:
            return self._talk.ask(Word.START, Shape.DONE)
        except NotConnectedError as error:
            if error.outcome != "not_done":
                self._book.moved(volume_ul, drawn=False)
            raise
        except (DeviceTimeoutError, ReplyError, StoppedError):
            return ""

    def _watch(self, volume_ul: float, rate_ul_s: float, began_s: float, answer: str) -> float:
        expected_s = volume_ul / rate_ul_s
        allowed_s = 1.2 * expected_s + 5
        pause_s, silent, stood = 0.002, 0, 0
        while True:
            if self._halting.pause(pause_s):
                self._cut_short(volume_ul, rate_ul_s, began_s)
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)
            try:
                runs, after_s = self._runs(), self._between_s(began_s, time.monotonic())
            except StoppedError:
                continue
            except (DeviceTimeoutError, ReplyError):
                silent += 1
                if silent == 3:
                    self._give_up(volume_ul, "stopped answering while it delivered")
                continue
            except NotConnectedError as error:
                error.outcome = "unknown"
                self._book.moved(volume_ul, drawn=False)
                raise
            silent, stood = 0, 0 if runs else stood + 1
            answer = "*" if runs else answer
            if runs and time.monotonic() - began_s > allowed_s:
                self._give_up(volume_ul, f"still runs after {allowed_s:.0f} s")
            if stood == 2:  # one character is too little to believe
                return self._ended(volume_ul, after_s / expected_s, after_s < EARLY * expected_s - EARLY_S, answer)

    def _ended(self, volume_ul: float, share: float, early: bool, answer: str) -> float:
        if answer in ("#", "-"):
            raise ReplyError(self.name, Word.START, answer, f"did not start: {self._why_not()}")
        if not early:
            self._book.moved(volume_ul, drawn=False)
            return volume_ul
        if not answer:
            self._give_up(volume_ul, "stands, and whether it heard that it was to start is not known")
        self._halt()
        self._book.moved(volume_ul * share, drawn=False)
        about = f"about {volume_ul * share:.3g} of {volume_ul:g} µL, by the time it took"
        raise StoppedError(self.name, f"was stopped at its own keys, or stopped itself, after {about}")

    def _why_not(self) -> str:
        with suppress(ReplyError, DeviceTimeoutError, StoppedError):
            cause = Shape.WHY_NOT.fullmatch(self._ask(Word.WHY_NOT, Shape.WHY_NOT))
            if cause is not None and cause[1] in WHY_NOT:
                return f"{WHY_NOT[cause[1]]} (limit {cause[2]})"
        return "it does not say why; look at its display for an overload"

    def _cut_short(self, volume_ul: float, rate_ul_s: float, began_s: float) -> NoReturn:
        with suppress(NotConnectedError):
            if not self._halting.stands():
                self._halt()
            cut_s = self._halting.sent_s if self._halting.sent_s > began_s else time.monotonic()
            for _ in range(5):
                with suppress(ReplyError, DeviceTimeoutError):
                    if self._talk.ask(Word.RUNS, Shape.RUNS, stubborn=True) == "-":
                        moved_ul = min(volume_ul, rate_ul_s * self._between_s(began_s, cut_s))
                        self._book.moved(moved_ul, drawn=False)
                        about = f"about {moved_ul:.3g} of {volume_ul:g} µL, by the time it ran"
                        raise StoppedError(self.name, f"stopped after {about}")
                self._halt()
                cut_s = time.monotonic()
        self._book.moved(volume_ul, drawn=False)
        raise StoppedError(self.name, f"stopped; how much of {volume_ul:g} µL it moved is not known, all is booked")

    def _give_up(self, volume_ul: float, why: str) -> NoReturn:
        self._book.moved(volume_ul, drawn=False)
        self._halt()
        raise DeviceTimeoutError(self.name, f"{why}; how much it delivered is not known", "unknown")

    def _halt(self) -> None:
        try:
            self._link.send_urgent(self._packet(Word.STOP))
        except NotConnectedError as error:
            error.outcome = "unknown"
            raise

    def _between_s(self, began_s: float, end_s: float) -> float:
        """In the pump's time, which on the virtual bench may run faster than ours."""
        return (end_s - began_s) * self._speed

    def _runs(self) -> bool:
        return self._ask(Word.RUNS, Shape.RUNS) == "+"

    def _do(self, command: str) -> None:
        if (answer := self._talk.ask(command, Shape.DONE)) != "*":
            message = "did not do it; it does not know the command, cannot do it now, or is overloaded"
            raise ReplyError(self.name, command, answer, message)

    def _ask(self, command: str, shape: re.Pattern[str]) -> str:
        return self._talk.ask(command, shape)

    def _read(self, data: bytes, command: str, shape: re.Pattern[str] | None, silent: bool) -> str | None:
        answer = answer_in(data, shape or Shape.DONE, silent)
        if answer == "#" and shape is not Shape.DONE:
            raise ReplyError(self.name, command, answer, "does not know the question, or is overloaded")
        return answer

    def _packet(self, command: str) -> bytes:
        channel = 1 if command == Word.ADDRESS_CHANNELS else self._settings.address
        return f"{channel}{command}\r".encode("ascii")
