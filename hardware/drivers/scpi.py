"""Meters that speak SCPI over a serial port or TCP: multimeters, conductivity and pH meters, power meters.

Standard: SCPI-1999 volume 1 and IEEE 488.2-1992; what a meter measures is asked by `query`, from its own manual.
Checked against scripted conversations and the virtual bench; never yet against the real thing.

What manuals make easy to get wrong: an overload is answered as the number 9.9E37; a refused command is not answered
at all but lies in the error queue; an answer that comes after its time-out would be taken for the next one's, so
the next question is preceded by `*IDN?`, whose answer is like no reading; some meters listen on RS-232 only after
`SYST:REM`, which belongs into `setup`, as does the choice of range.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean
from typing import Annotated, Literal

from pydantic import Field

from hardware.devices import Traffic
from hardware.dialects.scpi import (
    ANYTHING,
    CLEAR,
    ERROR,
    ERROR_LINE,
    IDENTIFY,
    IDENTITY,
    OVERLOAD,
    lines_in,
    number_of,
)
from hardware.drivers import Probe
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts.conversation import Conversation, Shape
from hardware.spec import MeterSpec
from hardware.wire import Link, Mode

ANSWER_S = 1.0
MOST_ERRORS = 20
_ENDS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def _who(answer: bytes) -> str | None:
    named = (line for line in lines_in(answer, b"\n") if IDENTITY.fullmatch(line))
    return next((", ".join(part.strip() for part in line.split(",")[:2]) for line in named), None)


PROBES = tuple(Probe(baud, b"*IDN?\n", _who, (("baud", baud),), wait_s=0.5) for baud in (9600, 115200))


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. query: asks for one number. unit: of that number. setup: sent when
    it is opened. readings: how many are averaged, after settle_s. answer_s: for one reading. end: of a line."""

    query: Annotated[str, Field(pattern=r"^[!-~][ -~]*\?[ -~]*$", max_length=200)] = "READ?"
    unit: Annotated[str, Field(max_length=20)] = "V"
    setup: Annotated[str, Field(pattern=r"^[ -~]*$", max_length=200)] = ""
    readings: Annotated[int, Field(ge=1, le=1000)] = 1
    settle_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    answer_s: Annotated[float, Field(ge=0.1, le=120)] = 5.0
    end: Literal["LF", "CRLF", "CR"] = "LF"
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    data_bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


class Driver:
    """One meter."""

    def __init__(
        self, name: str, spec: MeterSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        del latch  # a meter moves nothing
        self.name = name
        self._spec, self._settings = spec, settings
        self._settle_s = settings.settle_s / speed
        self._end = _ENDS[settings.end]
        mode = Mode(settings.baud, settings.data_bits, settings.parity, settings.stop_bits)
        self._link = Link(name, spec.port, mode)
        self._halt = threading.Event()
        self._talk = Conversation(
            self._link, self._halt.is_set, self._packet, self._answer_in, (IDENTIFY, IDENTITY), ANSWER_S, self._end
        )
        self._queue = True

    def open(self) -> None:
        if not self._link.is_open:
            self._link.open()
        self._halt.clear()
        try:
            self._link.discard(quiet_s=0.05)
            # an end for what another program had begun to say; its errors are nobody's now
            self._link.send(self._end + self._packet(CLEAR))
            self.identify()
            self._queue = True
            try:
                self._check_errors(CLEAR)
            except DeviceTimeoutError:  # an older meter, without a queue
                self._queue = False
            if self._settings.setup:
                self._link.send(self._packet(self._settings.setup))
                self._check_errors(self._settings.setup)
        except HardwareError:
            self.close()
            raise

    def identify(self) -> str:
        """Maker, model, serial number and firmware. Connects again should the cable have been out."""
        if not self._link.is_open:
            self.open()
        with suppress(DeviceTimeoutError):
            return self._talk.ask(IDENTIFY, IDENTITY, stubborn=True)
        try:
            return self._talk.ask(IDENTIFY, IDENTITY, stubborn=True)
        except DeviceTimeoutError as error:
            where = f"no SCPI meter answers on {self._spec.port} at {self._settings.baud} baud"
            advice = "check power, cable, the speed and line end in its menu, and that it is set to remote"
            raise NotConnectedError(self.name, f"{where}; {advice}") from error

    def about(self) -> Mapping[str, str]:
        told = {"meter": self.identify(), "question": self._settings.query, "unit": self._settings.unit or "none"}
        if self._queue:
            told["error"] = self._talk.ask(ERROR, ERROR_LINE, stubborn=True)
        return told

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    def read(self) -> tuple[float, str]:
        """The mean of all readings, and the unit. Raises ReplyError for an overload and for what is no number."""
        self._halt.clear()
        if self._halt.wait(self._settle_s):
            raise StoppedError(self.name)
        value = fmean(self._value() for _ in range(self._settings.readings))
        self._check_errors(self._settings.query)
        return value, self._settings.unit

    def _value(self) -> float:
        query = self._settings.query
        try:
            answer = self._talk.ask(query, ANYTHING, within_s=self._settings.answer_s)
        except DeviceTimeoutError:
            self._check_errors(query)  # it may have refused, which is not answered
            raise
        value = number_of(answer, self._settings.unit)
        if value is None:
            message = f"did not answer with a number in {self._settings.unit or 'no unit'}"
            raise ReplyError(self.name, query, answer, message)
        if abs(value) >= OVERLOAD:
            raise ReplyError(
                self.name, query, answer, "is overloaded, or has nothing to measure; check range and probe"
            )
        return value

    def _check_errors(self, command: str) -> None:
        """Raises ReplyError for what is in the error queue, and empties it."""
        first = ""
        for _ in range(MOST_ERRORS if self._queue else 0):
            error = self._talk.ask(ERROR, ERROR_LINE, stubborn=True)
            code = ERROR_LINE.fullmatch(error)
            if code is None or int(code[1]) == 0:
                break
            first = first or error
        if first:
            raise ReplyError(self.name, command, first, "reports an error")

    def stop(self) -> None:
        """A meter moves nothing: a reading under way is given up."""
        self._halt.set()

    def close(self) -> None:
        self._link.close()

    def _packet(self, command: str) -> bytes:
        return command.encode("ascii") + self._end

    def _answer_in(self, data: bytes, command: str, shape: Shape, silent: bool) -> str | None:
        """The first whole line of the right shape that is not the echo of the question."""
        del silent  # a line has an end
        for line in lines_in(data, self._end):
            if line and line != command and (shape is None or shape.fullmatch(line)):
                return line
        return None
