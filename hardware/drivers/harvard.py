"""Syringe pumps with the Pump Chain Commands of Harvard Apparatus and KD Scientific, RS-232 or USB.

Makers and manuals: Harvard Apparatus PHD ULTRA, publication 5419-002, pp. 83-88, and Pump 33 DDS, 5419-013,
pp. 44-52 (poll); KD Scientific Legato 200, 5617-002, pp. 58-65; Pump 11 Elite speaks the same. Verified against the
virtual bench and recorded conversations; never yet the real thing.

What the manuals make easy to get wrong: some models want `12:irate`, others `12irate`, and both answer `12:text`
but `12>` without a colon for the prompt; the prompt has no end unless `poll on`, and without that it also comes
unasked; an empty line stops a whole chain of some models, so none is ever sent; a target above the syringe volume
is an error; a target that was reached ends the next run at once unless target and counter are cleared; `status` has
five flags on some models and six on others, and only the six tell by a capital that the motor runs. A stall stays
in the prompt, on some models until somebody touches the display. A line cut off in the cable waits in the pump for
its end: connecting sends something harmless first and a stop next. irun and wrun are never sent twice.
"""

import math
import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from hardware.devices import PumpAbilities, PumpRange, Traffic
from hardware.dialects.harvard import (
    IN_WORDS,
    INFUSE,
    MOVING,
    WITHDRAW,
    Prompt,
    Shape,
    State,
    Way,
    Word,
    hear,
    limits_ul_s,
    maker_of,
    rate_words,
    state_of,
    strangers,
    value_of,
    volume_words,
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
from hardware.spec import PumpSpec, SpeedMmS
from hardware.wire import Link, Wire

CHAINED = True
ANSWER_S = 0.8
START_S = 0.5
"""A pump that stands with an empty counter for so long after irun did not hear it."""
MICROSTEP_MM = 0.000165
KEPT = 1e-3
"""Pumps round what they are told to some digits; by more than this it is another value."""

PROBES = tuple(Probe(baud, b"ver\r", maker_of, (("baud", baud),)) for baud in (115200, 9600, 19200, 38400))


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. address_style: "plain" 7irate, "colon" 7:irate. force_percent:
    its own when left out. fastest_mm_s, slowest_mm_s: of the plunger, until the pump has told its limits."""

    address: Annotated[int, Field(ge=0, le=99)] = 0
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 115200
    address_style: Literal["detect", "plain", "colon"] = "detect"
    force_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    fastest_mm_s: SpeedMmS = 3.18
    slowest_mm_s: SpeedMmS = 3.0e-6


def range_of(spec: PumpSpec, settings: Settings) -> PumpRange:
    """Before the pump has told its own limits, which are narrower."""
    area_mm2 = math.pi / 4 * spec.diameter_mm**2
    slowest, fastest = settings.slowest_mm_s * area_mm2, settings.fastest_mm_s * area_mm2
    return PumpRange(spec.capacity_ul, MICROSTEP_MM * area_mm2, slowest, fastest, MICROSTEP_MM * area_mm2)


class Driver:
    """One pump with one syringe, taken as full when it is opened."""

    def __init__(
        self, name: str, spec: PumpSpec, settings: Settings, *, speed: float, latch: threading.Event,
        wire: Wire | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._spec, self._settings = spec, settings
        self._slowest_poll_s = max(0.002, 0.1 / speed)
        self._area_mm2 = math.pi / 4 * spec.diameter_mm**2
        self._limits_ul_s = settings.slowest_mm_s * self._area_mm2, settings.fastest_mm_s * self._area_mm2
        self._link = Link(name, spec.port, settings.baud, wire)
        self._halting = Halting(name, self._link, latch)
        self._book = Book(name, "syringe", spec.capacity_ul)
        self._styles = {"detect": ("", ":"), "plain": ("",), "colon": (":",)}[settings.address_style]
        self._style = self._styles[0]
        self._talk = Conversation(
            self._link, self._halting.cuts, self._packet, self._read, (Word.VERSION, Shape.VERSION), ANSWER_S
        )
        self._version, self._has_status = "", True

    def open(self) -> None:
        """Find the pump, stop it should it run for a program that is gone, and tell it what syringe it holds."""
        connect(self._link, self._greet)

    def _greet(self) -> None:
        for style in self._styles if self._settings.address else self._styles[:1]:
            self._style = style
            self._link.late = self._link.shared and self._link.late
            with suppress(DeviceTimeoutError, ReplyError):  # it may end a line that was cut off, or be unknown
                self._talk.ask(Word.POLL_ON, within_s=ANSWER_S / 4)
            self._link.late = self._link.shared and self._link.late
            try:
                self._ask(Word.STOP)
                self._version = self._ask(Word.VERSION, Shape.VERSION)[0]
            except (DeviceTimeoutError, ReplyError):
                continue
            self._styles = (style,)
            return self._make_ready()
        heard = b"".join(t.data for t in self._link.traffic[-16:] if t.direction == "<")
        others = strangers(heard, self._settings.address)
        found = f"; there is one with address {', '.join(map(str, others))}" if others else ""
        advice = (
            f"no Harvard or KD Scientific pump answers on {self._spec.port} at {self._settings.baud} baud, address "
            f"{self._settings.address}{found}; check power, address and baud rate in its menu"
        )
        raise NotConnectedError(self.name, advice)

    def _make_ready(self) -> None:
        self._has_status = self._answers(Word.STATUS, Shape.STATUS) is not None
        if self._state(INFUSE).moving:
            raise ReplyError(
                self.name, Word.STOP, "it moves", "runs on although it was told to stop; switch it off"
            )
        self._keep_diameter()
        self._keep(Word.SYRINGE, Shape.VOLUME, self._spec.capacity_ul, volume_words(self._spec.capacity_ul))
        if (force := self._settings.force_percent) is not None:
            self._keep(Word.FORCE, Shape.FORCE, force, (str(force),))
        if (limits := self._answers(Word.INFUSE_LIMITS, Shape.LIMITS)) is not None:
            self._limits_ul_s = limits_ul_s(limits)

    def _keep_diameter(self) -> None:
        diameter = self._spec.diameter_mm
        kept = value_of(Shape.DIAMETER, self._ask(Word.DIAMETER, Shape.DIAMETER)[0])
        if abs(kept - diameter) > KEPT * diameter:
            self._keep(Word.DIAMETER, Shape.DIAMETER, diameter, (f"{diameter:.4f}", f"{diameter:.4f} mm"))

    def identify(self) -> str:
        """Model and firmware. Connects again should the cable have been out."""
        if self._link.is_open:
            with suppress(NotConnectedError):
                return self._ask(Word.VERSION, Shape.VERSION)[0]
        self.open()
        return self._version

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def abilities(self) -> PumpAbilities:
        # an 11 Elite says in its version whether it draws; others are taken to
        return PumpAbilities(aspirates="ELITE" not in self._version or "I/W" in self._version)

    def about(self) -> Mapping[str, str]:
        told = {"model": self.identify()}
        questions = {
            "diameter": (Word.DIAMETER, Shape.DIAMETER),
            "syringe": (Word.SYRINGE, Shape.VOLUME),
            "force": (Word.FORCE, Shape.FORCE),
            "rates": (Word.INFUSE_LIMITS, Shape.LIMITS),
            "target": (Word.TARGET, Shape.TARGET),
        }
        told |= {name: text for name, asked in questions.items() if (text := self._answers(*asked)) is not None}
        return told | {"state": IN_WORDS[self._state(INFUSE).prompt]}

    def close(self) -> None:
        self._link.close()

    @property
    def range(self) -> PumpRange:
        step_ul = MICROSTEP_MM * self._area_mm2
        return PumpRange(self._spec.capacity_ul, step_ul, *self._limits_ul_s, step_ul)

    @property
    def left_ul(self) -> float:
        return self._book.left_ul

    def loaded(self, volume_ul: float) -> None:
        self._book.loaded(volume_ul)

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._deliver(INFUSE, volume_ul, rate_ul_s)

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        if not self.abilities.aspirates:
            raise OutOfRangeError(self.name, f"{self._version} only infuses; fill its syringe by hand and say so")
        return self._deliver(WITHDRAW, volume_ul, rate_ul_s)

    def stop(self) -> None:
        """Stop, then make sure. stp leaves at once; the rest waits at most 0.5 s."""
        self._halting.stop(self._stop_bytes(), self._confirm_stop)

    def _stop_bytes(self) -> bytes:
        return b"".join(self._packet(Word.STOP, style) for style in self._styles)

    def _confirm_stop(self, deadline_s: float) -> None:
        self._link.discard(quiet_s=0.02)  # answers to the stop and to whatever it interrupted
        word, shape = (Word.STATUS, Shape.STATUS) if self._has_status else (Word.INFUSED, Shape.VOLUME)
        while True:
            self._link.send_urgent(self._packet(word))
            text, prompt = self._talk.reply(word, shape, deadline_s)
            if prompt not in MOVING and not (self._has_status and state_of(text, prompt).moving):
                return
            self._link.send_urgent(self._stop_bytes())

    def _deliver(self, way: Way, asked_ul: float, rate_ul_s: float) -> float:
        limits = self.range
        check_range(self.name, limits, asked_ul, rate_ul_s)
        rate_ul_s = min(max(rate_ul_s, limits.min_rate_ul_s * 1.0001), limits.max_rate_ul_s * 0.9999)
        self._book.check(asked_ul, drawn=way.drawn)
        with self._halting.delivering():
            with self._halting.nothing_ran_yet():
                self._prepare(way, asked_ul, rate_ul_s)
            return self._watch(way, asked_ul, asked_ul / rate_ul_s, self._run(way, asked_ul))

    def _prepare(self, way: Way, asked_ul: float, rate_ul_s: float) -> None:
        state = self._state(way)
        if state.prompt is Prompt.STALLED:
            self._ask(Word.STOP)
            state = self._state(way)
        if state.prompt is Prompt.STALLED:
            raise ReplyError(self.name, Word.STOP, state.prompt, "has stalled; clear that on its display by hand")
        if state.moving:
            raise HardwareError(self.name, f"is {IN_WORDS[state.prompt]} already; stop it first")
        self._keep_diameter()
        self._keep(way.rate, Shape.RATE, rate_ul_s, rate_words(rate_ul_s))
        self._ask(Word.CLEAR_TARGET)
        self._keep(Word.TARGET, Shape.TARGET, asked_ul, volume_words(asked_ul))
        self._ask(way.clear)
        if value_of(Shape.VOLUME, counted := self._ask(way.counter, Shape.VOLUME)[0]) != 0:
            raise ReplyError(self.name, way.clear, counted, "its counter did not go back to zero")

    def _run(self, way: Way, asked_ul: float) -> ReplyError | None:
        """Start; what the pump objects to. Whether it runs, and a stop in between, is for its counter to tell."""
        try:
            self._ask(way.run)
        except ReplyError as error:
            return error
        except NotConnectedError as error:
            if error.outcome != "not_done":
                self._book.moved(asked_ul, drawn=way.drawn)
            raise
        except (DeviceTimeoutError, StoppedError):
            pass
        return None

    def _watch(self, way: Way, asked_ul: float, expected_s: float, refused: ReplyError | None) -> float:
        allowed_s, began = 1.2 * expected_s + 5, time.monotonic()
        tolerance_ul = max(2 * self.range.step_ul, 0.005 * asked_ul)
        pause_s, silent = 0.002, 0
        while True:
            if self._halting.pause(pause_s):
                self._cut_short(way, asked_ul)
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)
            try:
                state = self._state(way)
            except StoppedError:
                continue
            except (DeviceTimeoutError, ReplyError):
                silent += 1
                if silent == 3:
                    self._give_up(way, asked_ul, "stopped answering while it delivered")
                continue
            except NotConnectedError as error:
                error.outcome = "unknown"
                self._book.moved(asked_ul, drawn=way.drawn)
                raise
            silent, so_far = 0, f"{state.counted_ul:g} of {asked_ul:g} µL"
            if state.stalled or state.counted_ul > asked_ul + tolerance_ul:
                self._book.moved(state.counted_ul, drawn=way.drawn)
                self._halt()
                why = (
                    "stalled: blocked tube, closed valve or empty syringe?" if state.stalled else "ran on too far;"
                )
                raise ReplyError(self.name, way.run, state.prompt, f"{why} It counted {so_far}", "unknown")
            if state.moving:
                if time.monotonic() - began > allowed_s:
                    self._give_up(way, asked_ul, f"still runs after {allowed_s:.0f} s")
            elif state.counted_ul >= asked_ul - tolerance_ul:
                self._book.moved(state.counted_ul, drawn=way.drawn)
                return state.counted_ul
            elif state.counted_ul > 0 or time.monotonic() - began > START_S:
                counted_ul = self._settled(way, asked_ul)
                self._book.moved(counted_ul, drawn=way.drawn)
                if counted_ul >= asked_ul - tolerance_ul:  # it ended between its counter and its prompt
                    return counted_ul
                if counted_ul > 0:
                    raise StoppedError(self.name, f"was stopped at its own display after {so_far}")
                raise refused or DeviceTimeoutError(
                    self.name, "did not start; its counter stands at zero", "not_done"
                )

    def _settled(self, way: Way, asked_ul: float) -> float:
        """The counter after a stop of our own, so that nothing goes on after we have said that it ended."""
        try:
            self._talk.ask(Word.STOP, stubborn=True)
            return self._state(way, stubborn=True).counted_ul
        except NotConnectedError as error:
            error.outcome = "unknown"
            self._book.moved(asked_ul, drawn=way.drawn)
            raise
        except (DeviceTimeoutError, ReplyError):
            self._give_up(way, asked_ul, "does not answer after it stood still")

    def _cut_short(self, way: Way, asked_ul: float) -> NoReturn:
        with suppress(NotConnectedError):
            if not self._halting.stands():
                self._halt()
            for _ in range(5):
                with suppress(ReplyError, DeviceTimeoutError):
                    state = self._state(way, stubborn=True)
                    if not state.moving:
                        self._book.moved(state.counted_ul, drawn=way.drawn)
                        raise StoppedError(self.name, f"stopped after {state.counted_ul:g} of {asked_ul:g} µL")
                self._halt()
        self._book.moved(asked_ul, drawn=way.drawn)
        raise StoppedError(self.name, f"stopped; how much of {asked_ul:g} µL it moved is not known, all is booked")

    def _give_up(self, way: Way, asked_ul: float, why: str) -> NoReturn:
        self._book.moved(asked_ul, drawn=way.drawn)
        self._halt()
        raise DeviceTimeoutError(self.name, f"{why}; how much it delivered is not known", "unknown")

    def _halt(self) -> None:
        try:
            self._link.send_urgent(self._stop_bytes())
        except NotConnectedError as error:
            error.outcome = "unknown"
            raise

    def _state(self, way: Way, *, stubborn: bool = False) -> State:
        if self._has_status:
            state = state_of(*self._talk.ask(Word.STATUS, Shape.STATUS, stubborn=stubborn))
            if state.drawn is way.drawn:
                return state
        text, prompt = self._talk.ask(way.counter, Shape.VOLUME, stubborn=stubborn)
        return State(prompt, value_of(Shape.VOLUME, text), prompt in MOVING, prompt is Prompt.STALLED, way.drawn)

    def _keep(self, word: Word, shape: re.Pattern[str], value: float, texts: Sequence[str]) -> None:
        """Set a value and read it back. `texts`: ways of writing it, should the pump not understand the first."""
        for at, text in enumerate(texts, 1):
            try:
                self._ask(f"{word} {text}")
                break
            except ReplyError:
                if at == len(texts):
                    raise
        kept = self._ask(word, shape)[0]
        if abs(value_of(shape, kept) - value) > KEPT * value:
            raise ReplyError(self.name, word, kept, f"was told {texts[0]} and kept something else: {kept}")

    def _answers(self, word: Word, shape: re.Pattern[str]) -> str | None:
        """None from a pump that does not know the question."""
        try:
            return self._ask(word, shape)[0]
        except (ReplyError, DeviceTimeoutError):
            return None

    def _ask(self, command: str, shape: re.Pattern[str] | None = None) -> tuple[str, Prompt]:
        return self._talk.ask(command, shape)

    def _read(
        self, data: bytes, command: str, shape: re.Pattern[str] | None, silent: bool
    ) -> tuple[str, Prompt] | None:
        heard = hear(data, self._settings.address)
        if (trouble := heard.trouble) is not None and (heard.sure or silent):
            raise ReplyError(self.name, command, trouble[0], trouble[1])
        answer = heard.answer(shape)
        return answer if heard.sure or silent or shape is not None else None

    def _packet(self, command: str, style: str | None = None) -> bytes:
        address = self._settings.address
        before = f"{address}{self._style if style is None else style}" if address else ""
        return f"{before}{command}\r".encode("ascii")
