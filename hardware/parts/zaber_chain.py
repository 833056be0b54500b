"""One serial line of Zaber devices: questions to their axes, each with the answer that carries its number.

A reply counts when device, axis and number are those of the question and its checksum is right; one without a
checksum counts only from a device that could not be made to send them. Manual: as of `drivers.zaber`.
"""

import itertools
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from hardware.dialects.zaber import (
    DEFAULT_RESOLUTION,
    END,
    LAST_ID,
    PLACE_LOST,
    REASONS,
    SPEED_DATA,
    UNREFERENCED,
    Message,
    Word,
    command,
    flags_of,
    in_words,
    message_of,
    number,
)
from hardware.errors import DeviceTimeoutError, ReplyError, StoppedError
from hardware.parts.lines import heard
from hardware.wire import Link

ANSWER_S = 0.5


@dataclass(eq=False)
class Axis:
    """One axis of one device; number 0 is the whole device. referenced: what the device says of itself. trusted:
    the place was not lost by a stall or a hard stop, of which it may know nothing. trouble: why not, in words."""

    letter: str
    device: int
    number: int
    step_mm: float
    speed_mm_s: float
    referenced: bool = False
    trusted: bool = True
    trouble: str = ""

    @property
    def homed(self) -> bool:
        return self.referenced and self.trusted

    def lost(self, why: str) -> None:
        self.trusted, self.trouble = False, why

    def noted(self, flag: str) -> None:
        """What a flag says of the place. It stays lost until homed, even when the flag goes away by itself."""
        if flag in UNREFERENCED:
            self.referenced = False
        elif flag in PLACE_LOST:
            self.lost(in_words(flag))
        elif flag == "--" or flag[0] == "N":  # nothing graver is in force
            self.referenced = True


class Chain:
    def __init__(self, link: Link) -> None:
        self.link = link
        self.free = threading.Event()
        """Cleared by a stop: whoever awaits an answer then lets go of the line."""
        self.free.set()
        self._ids = itertools.cycle(range(LAST_ID + 1))
        self._checked: set[int] = set()

    def greet(self, device: int) -> None:
        """Make sure that a device is there, and have it send checksums."""
        whole = Axis("", device, 0, 1.0, 1.0)
        self._checked.discard(device)
        self.get(whole, Word.DEVICE_ID)
        with suppress(ReplyError, DeviceTimeoutError):  # firmware that knows no such setting
            self.get(whole, Word.CHECKSUM_ON)
            if self.get(whole, Word.CHECKSUM).checked:
                self._checked.add(device)

    def of_device(self, device: int, words: str) -> str:
        """What a device as a whole answers."""
        return self.get(Axis("", device, 0, 1.0, 1.0), words).data

    def look_at(self, axis: Axis, speed_mm_s: float) -> None:
        """Learn the size of its microsteps and its speed, set to `speed_mm_s` unless that is 0, and its flags."""
        with suppress(ReplyError):  # linear motors have no microsteps to set
            axis.step_mm *= DEFAULT_RESOLUTION / max(1.0, self.number(axis, Word.RESOLUTION))
        told = self.number(axis, Word.MAX_SPEED)
        wanted = round(speed_mm_s / axis.step_mm * SPEED_DATA)
        if wanted and abs(told - wanted) > 1e-3 * wanted:  # it is stored for good: only when it differs
            self.get(axis, f"{Word.SET_MAX_SPEED} {wanted}")
            told = wanted
        axis.speed_mm_s = max(told, 1.0) / SPEED_DATA * axis.step_mm
        self.flags(axis)

    def limits_mm(self, axis: Axis) -> tuple[float, float]:
        least, most = (self.number(axis, word) for word in (Word.LIMIT_MIN, Word.LIMIT_MAX))
        return least * axis.step_mm, most * axis.step_mm

    def number(self, axis: Axis, words: str) -> float:
        return self.number_in(words, self.get(axis, words))

    def number_in(self, words: str, reply: Message) -> float:
        if (value := number(reply.data)) is None:
            raise ReplyError(self.link.device, words, reply.data, "did not answer with a number")
        return value

    def flags(self, axis: Axis) -> frozenset[str]:
        """All flags of an axis, noted."""
        reply = self.get(axis, Word.WARNINGS)
        if (flags := flags_of(reply.data)) is None:
            raise ReplyError(self.link.device, Word.WARNINGS, reply.data, "did not answer with its warnings")
        for flag in sorted(flags) or ("--",):
            axis.noted(flag)
        axis.referenced = not flags & UNREFERENCED
        return flags

    def get(self, axis: Axis, words: str) -> Message:
        """Ask what does no harm when it is asked twice, and ask again should the answer be lost."""
        with suppress(DeviceTimeoutError, StoppedError):
            return self.ask(axis, words)
        self.free.wait(1.0)
        return self.ask(axis, words)

    def ask(
        self,
        axis: Axis,
        words: str,
        *,
        unless: Callable[[], bool] = lambda: False,
        cut: Callable[[], bool] | None = None,
        patience_s: float | None = None,
    ) -> Message:
        """One command and its own reply. Raises ReplyError with the reason when it is refused."""
        with self.link.lock:
            ident = next(self._ids)
            self.link.discard()
            self.link.send(command(axis.device, axis.number, ident, words), unless)
            reply = self._reply(
                axis,
                ident,
                time.monotonic() + (ANSWER_S if patience_s is None else patience_s),
                cut or (lambda: not self.free.is_set()),
            )
        axis.noted(reply.flag)
        if not reply.accepted:
            raise ReplyError(self.link.device, words, reply.data, self._refusal(axis, reply))
        return reply

    def shout(self, words: str, axis: Axis | None = None) -> None:
        """To all devices, or to one axis, past whoever awaits an answer; nobody reads the replies."""
        device, number_ = (axis.device, axis.number) if axis is not None else (0, 0)
        self.link.send_urgent(command(device, number_, next(self._ids), words))

    def _reply(self, axis: Axis, ident: int, deadline_s: float, cut: Callable[[], bool]) -> Message:
        reply: Message | None = None
        for line in heard(self.link, END, deadline_s, cut):
            message = message_of(line)
            if message is None or (message.device, message.axis) != (axis.device, axis.number):
                continue
            if message.ident != ident or not (message.checked or axis.device not in self._checked):
                continue
            if message.kind == "reply":
                reply = message
            elif reply is not None:
                reply = replace(reply, data=f"{reply.data} {message.data}", more=message.more)
            if reply is not None and not reply.more:
                return reply
        raise AssertionError("messages end only by an exception")

    @staticmethod
    def _refusal(axis: Axis, reply: Message) -> str:
        who = f"{axis.letter} " if axis.letter else ""
        why = REASONS.get(reply.data.split(" ")[0], "refused the command")
        return f"{who}{why}" + (f"; it {in_words(reply.flag)}" if reply.flag != "--" else "")
