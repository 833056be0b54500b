"""What the program and the port owner say to each other: one JSON object a line, over the owner's stdin and stdout.

A pipe and not a port: nobody else can reach it, and it closes by itself when either side dies.
"""

import json
import threading
from collections.abc import Mapping
from typing import BinaryIO

from hardware import errors
from hardware.errors import HardwareError

Message = dict[str, object]
LONGEST_LINE = 16_000_000
_ERRORS: Mapping[str, type[HardwareError]] = {
    kind.__name__: kind
    for kind in (
        errors.HardwareError,
        errors.NotConnectedError,
        errors.DeviceTimeoutError,
        errors.OutOfRangeError,
        errors.StoppedError,
        errors.ReplyError,
    )
}


class ChannelClosedError(ConnectionError):
    """The other side is gone."""


class Channel:
    """Both ends speak it. `send` may be called from any thread."""

    def __init__(self, reads: BinaryIO, writes: BinaryIO) -> None:
        self._reads, self._writes = reads, writes
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Raises ChannelClosedError, and ValueError or TypeError for what cannot be said."""
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if len(line) > LONGEST_LINE:
            raise ValueError(f"a message of {len(line)} bytes is too long")
        with self._lock:
            try:
                self._writes.write(line)
                self._writes.flush()
            except (OSError, ValueError) as error:  # ValueError: closed by ourselves
                raise ChannelClosedError("the other side is gone") from error

    def receive(self) -> Message | None:
        """The next message; None at the end. What is none, whoever wrote it into the pipe, is passed over."""
        try:
            while line := self._reads.readline(LONGEST_LINE):
                if (message := _parsed(line)) is not None:
                    return message
        except (OSError, ValueError):
            return None
        return None

    def close(self) -> None:
        """Close what we write to: the other side's `receive` ends."""
        with self._lock:
            try:
                self._writes.close()
            except OSError:
                return


def _parsed(line: bytes) -> Message | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def told(error: Exception) -> Message:
    """An error as it travels. What is no HardwareError is a mistake of ours, and its outcome is not known."""
    if not isinstance(error, HardwareError):
        said = f"{type(error).__name__}: {error}"
        error = HardwareError("port owner", f"failed: {said}", "unknown")
    kind = next(k.__name__ for k in type(error).__mro__ if k.__name__ in _ERRORS)
    told: Message = {
        "kind": kind,
        "text": str(error),
        "device": error.device,
        "message": error.message,
        "outcome": error.outcome,
    }
    if isinstance(error, errors.ReplyError):
        told |= {"command": error.command, "reply": error.reply}
    return told


def raised(told: Mapping[str, object]) -> HardwareError:
    """The error that `told` was made of."""
    facts = dict(told)
    kind = _ERRORS[str(facts.pop("kind"))]
    error = kind.__new__(kind)
    Exception.__init__(error, str(facts.pop("text")))
    for name, value in facts.items():
        setattr(error, name, value)
    return error
