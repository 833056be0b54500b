"""Laboratory balances on a serial port or TCP: MT-SICS (Mettler Toledo), SBI (Sartorius), A&D, Ohaus.

Manuals: as of `dialects.balance`. Checked against lines printed in them and the virtual bench; never yet against
the real thing.

What the manuals make easy to get wrong: a weight may be unstable, in another unit, or a count of pieces; an
overload is no number; SBI prints the unit only at rest; the `S` of MT-SICS is answered when the weight has come to
rest, which may be never, and then late: `I4` tells the late answer from a new one. A tare or zero has no answer
except with MT-SICS, so that a weight of nothing is its proof. `@` would reset MT-SICS and forget the tare: it is
never sent.
"""

import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hardware.devices import Traffic
from hardware.dialects.balance import (
    END,
    FORMATS,
    GRAMS,
    NOT_NOW,
    UNKNOWN_COMMAND,
    Reading,
    Weight,
    in_grams,
    lines_in,
)
from hardware.drivers import Probe
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts.conversation import Conversation, Shape
from hardware.spec import MeterSpec
from hardware.wire import Link, Mode

ANSWER_S = 1.5
POLL_S = 0.1
NOTHING_STEPS = 5
"""How many of its smallest steps a balance may show of nothing."""
_NAME = re.compile(r'I[24] A "([^"]*)".*|I[24] [A-Z].*|E[SLT]')
_NULLED = re.compile(r"[TZ] (A|[SD] .*|[I+-])|E[SLT]")
_WORDS = re.compile(r".*[A-Za-z].*")


def _who(answer: bytes) -> str | None:
    named = (re.fullmatch(r'I4 A "([^"]+)"', line) for line in lines_in(answer))
    return next((f"MT-SICS balance, serial number {match[1]}" for match in named if match), None)


PROBES = (Probe(9600, b"I4\r\n", _who, (("baud", 9600), ("format", "sics"))),)


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. format: of its interface menu: "sics" Mettler Toledo, "sbi"
    Sartorius, "and" A&D, "ohaus". unit: of the values. patience_s: how long a weight may take to come to rest."""

    format: Literal["sics", "sbi", "and", "ohaus"] = "sics"
    unit: Literal["g", "mg"] = "g"
    patience_s: Annotated[float, Field(ge=1, le=120)] = 20.0
    baud: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    data_bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


class Driver:
    """One balance."""

    def __init__(
        self, name: str, spec: MeterSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        del latch  # a balance moves nothing
        self.name = name
        self._spec, self._settings = spec, settings
        self._format = FORMATS[settings.format]
        self._poll_s = max(0.002, POLL_S / speed)
        mode = Mode(settings.baud, settings.data_bits, settings.parity, settings.stop_bits)
        self._link = Link(name, spec.port, mode)
        self._halt = threading.Event()
        fence: tuple[str, Shape] = (self._format.name, _NAME) if self._format.waits else (self._format.ask, None)
        self._talk = Conversation(self._link, self._halt.is_set, self._packet, self._line_in, fence, ANSWER_S, END)

    def open(self) -> None:
        """Make sure that a balance of this format is there. Its tare stays."""
        if not self._link.is_open:
            self._link.open()
        try:
            self._link.discard(quiet_s=0.05)
            with suppress(DeviceTimeoutError):  # what another program had begun to say may have spoilt the first
                self._greet()
                return
            self._greet()
        except DeviceTimeoutError as error:
            self.close()
            where = f"no {self._settings.format} balance answers on {self._spec.port} at {self._settings.baud} baud"
            advice = "check power and cable, and speed, parity and format in its interface menu"
            raise NotConnectedError(self.name, f"{where}; {advice}") from error
        except HardwareError:
            self.close()
            raise

    def _greet(self) -> None:
        if self._format.waits and self._ask_name(self._format.name) is not None:
            return
        reading = self._weigh("SI" if self._format.waits else self._format.ask)
        if reading == UNKNOWN_COMMAND:
            raise ReplyError(self.name, self._format.ask, "", reading)

    def identify(self) -> str:
        """What it tells of itself. Connects again should the cable have been out."""
        if not self._link.is_open:
            self.open()
        if self._format.waits:
            model, serial = self._ask_name("I2"), self._ask_name("I4")
            return f"{model or 'MT-SICS balance'}, serial number {serial or 'not told'}"
        with suppress(DeviceTimeoutError):
            return self._talk.ask(self._format.name, _WORDS, stubborn=True).strip()
        return f"balance, format {self._settings.format}"

    def _ask_name(self, command: str) -> str | None:
        match = _NAME.fullmatch(self._talk.ask(command, _NAME, stubborn=True))
        return match[1] if match is not None else None

    def about(self) -> Mapping[str, str]:
        told = {"balance": self.identify(), "format": self._settings.format}
        now = self._weigh("SI" if self._format.waits else self._format.ask)
        if isinstance(now, Weight):
            now = f"{now.value:g} {now.unit}, {'at rest' if now.stable else 'not at rest'}"
        return {**told, "weight": now}

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    def read(self) -> tuple[float, str]:
        """The weight at rest. Raises DeviceTimeoutError when it finds none, ReplyError for an overload."""
        self._halt.clear()
        weight = self._at_rest()
        grams = in_grams(weight)
        if grams is None:
            message = "does not show a weight in g, mg or kg; change its unit"
            raise ReplyError(self.name, self._format.ask, f"{weight.value:g} {weight.unit}", message)
        return grams / GRAMS[self._settings.unit], self._settings.unit

    def tare(self) -> None:
        """What is on the pan counts for nothing from now on. Raises as `read` does."""
        self._null(self._format.tare)

    def zero(self) -> None:
        """The empty pan is zero. Raises as `read` does."""
        self._null(self._format.zero)

    def _null(self, command: str) -> None:
        self._halt.clear()
        if self._format.answers:
            answer = self._talk.ask(command, _NULLED, within_s=self._settings.patience_s)
            if not answer.startswith((f"{command} A", f"{command} S", f"{command} D")):
                why = self._format.reading(f"S{answer[1:]}" if answer[0] == command else answer)
                raise ReplyError(self.name, command, answer, why if isinstance(why, str) else NOT_NOW)
            return
        self._link.send(self._packet(command))
        weight = self._at_rest()
        if abs(weight.value) > NOTHING_STEPS * weight.step:
            message = "did not go to zero; is something moving on its pan, or more on it than it can tare?"
            raise ReplyError(self.name, command, f"{weight.value:g} {weight.unit}", message, "unknown")

    def _at_rest(self) -> Weight:
        deadline = time.monotonic() + self._settings.patience_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                reading = self._weigh(self._format.ask, left_s if self._format.waits else ANSWER_S, stubborn=False)
            except DeviceTimeoutError:
                if not self._format.waits:
                    raise
                self._weigh("SI")  # raises once more when it does not answer at all
                break
            if isinstance(reading, Weight) and reading.stable:
                return reading
            if isinstance(reading, str) and reading != NOT_NOW:
                raise ReplyError(self.name, self._format.ask, "", reading)
            if self._halt.wait(self._poll_s):
                raise StoppedError(self.name)
        advice = "keep draughts and vibrations away, and the stage still"
        message = f"found no rest in {self._settings.patience_s:g} s; {advice}"
        raise DeviceTimeoutError(self.name, message, "unknown")

    def _weigh(self, command: str, within_s: float = ANSWER_S, *, stubborn: bool = True) -> Reading:
        reading = self._format.reading(
            self._talk.ask(command, None, stubborn=stubborn, within_s=max(within_s, 0.05))
        )
        if reading is None:
            raise AssertionError("the conversation returns only lines that say something of a weight")
        return reading

    def stop(self) -> None:
        """A balance moves nothing: a weighing under way is given up."""
        self._halt.set()

    def close(self) -> None:
        self._link.close()

    @staticmethod
    def _packet(command: str) -> bytes:
        return command.encode("latin-1") + b"\r" + END

    def _line_in(self, data: bytes, command: str, shape: Shape, silent: bool) -> str | None:
        """The first whole line of the right shape; without a shape, one that says something of a weight."""
        del command, silent  # a line has an end
        for line in lines_in(data):
            if shape.fullmatch(line.strip()) if shape is not None else self._format.reading(line) is not None:
                return line.strip() if shape is not None else line
        return None
