"""One byte link to one device: a serial port, a pseudo-terminal or TCP, all through pyserial.

Measured with pyserial 3.5: `write()` blocks for ever without a write time-out, the time-out of `readline()` does
not bound a stream of garbage, and an unplugged cable raises any of three unrelated exception classes. So every
wait here has one deadline, every message a length cap, and callers see only the errors of `hardware.errors`.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import serial

from hardware import ports
from hardware.devices import Traffic
from hardware.errors import DeviceTimeoutError, NotConnectedError, Outcome, ReplyError, StoppedError

if sys.platform == "win32":
    _FAILURES: tuple[type[Exception], ...] = (OSError,)
else:
    import fcntl
    import termios

    _FAILURES = (OSError, termios.error)

LONGEST_MESSAGE = 1024
_WRITE_TIMEOUT_S = 0.5
_READ_SLICE_S = 0.02


@dataclass(frozen=True)
class Mode:
    """How a port is set. stop_bits 2: some older instruments."""

    baud: int
    data_bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


@dataclass(eq=False)
class Wire:
    """What all links to one port share: the port itself, its locks, what came in and what crossed it."""

    port: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    write_lock: threading.Lock = field(default_factory=threading.Lock)
    serial: Any = None
    opened: str = ""
    received: bytearray = field(default_factory=bytearray)
    traffic: deque[Traffic] = field(default_factory=lambda: deque(maxlen=2048))
    users: set[int] = field(default_factory=set)
    links: int = 0
    sessions: int = 0
    """How often it was opened: what was known of the instrument before may no longer be so."""
    known: Any = None
    """What the drivers of the one instrument behind it keep together."""
    late: bool = False
    """An answer may still come that nobody waits for any more: one that was too late, or that of a stop."""
    urgent: int = 0
    """How many stops were sent."""


class Link:
    """Whoever holds `lock` owns the conversation: it sends, then reads its own answer.

    `send_urgent` does not take that lock, so a stop never waits for an answer that somebody else awaits.
    Devices that are chained on one port have a link each and one `wire` between them.
    """

    def __init__(self, device: str, port: str, mode: Mode | int, wire: Wire | None = None) -> None:
        self.device = device
        self.port = port
        self.mode = Mode(mode) if isinstance(mode, int) else mode
        self._wire = wire if wire is not None else Wire(port)
        self._wire.links += 1

    @property
    def lock(self) -> threading.RLock:
        return self._wire.lock

    @property
    def is_open(self) -> bool:
        return self._wire.serial is not None and id(self) in self._wire.users

    @property
    def shared(self) -> bool:
        """Whether other devices are chained on this port."""
        return self._wire.links > 1

    @property
    def urgent(self) -> int:
        """How many stops were sent on this port."""
        return self._wire.urgent

    @property
    def late(self) -> bool:
        """Whether an answer may still come that nobody waits for, of this device or of one chained with it."""
        return self._wire.late

    @late.setter
    def late(self, late: bool) -> None:
        self._wire.late = late

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        """The last few hundred pieces of the conversation, oldest first."""
        return tuple(self._wire.traffic)

    def open(self) -> None:
        """Raises NotConnectedError that says what was tried and what to do."""
        with self._wire.lock:
            if self._wire.serial is None:
                self._open()
            self._wire.users.add(id(self))

    def _open(self) -> None:
        real = "://" not in self.port
        options: dict[str, Any] = {"timeout": _READ_SLICE_S, "write_timeout": _WRITE_TIMEOUT_S}
        if real:
            options |= {"exclusive": True, "bytesize": self.mode.data_bits, "parity": self.mode.parity,
                        "stopbits": self.mode.stop_bits}  # fmt: skip
        wire = self._wire
        try:
            wire.opened = ports.resolved(self.port)
            wire.serial = serial.serial_for_url(wire.opened, self.mode.baud, **options)
            if real and sys.platform != "win32":
                # pyserial's flock binds only programs that ask for it; this one binds all
                fcntl.ioctl(wire.serial.fileno(), termios.TIOCEXCL)
        except (*_FAILURES, ValueError) as error:
            self._drop()
            tried = f"cannot open {self.port} at {self.mode.baud} baud"
            raise NotConnectedError(self.device, f"{tried}: {ports.advice(self.port, error)}") from error
        wire.received.clear()
        wire.sessions += 1
        wire.late = False

    def close(self) -> None:
        """Let go of the port once nobody else on it needs it. Never raises: it may be gone already."""
        self._wire.users.discard(id(self))
        if not self._wire.users:
            self._drop()

    def send(self, data: bytes, unless: Callable[[], bool] = lambda: False) -> None:
        """Write `data`, or raise StoppedError if `unless()` is true at the last moment.

        The question is asked inside the write lock: a stop that comes earlier prevents the command, one that
        comes later follows it on the wire.
        """
        with self._wire.write_lock:
            if unless():
                raise StoppedError(self.device)
            self._write(data, ">")

    def send_urgent(self, data: bytes) -> None:
        """Write a stop. Waits for no conversation and at most 0.7 s for a port that takes no bytes."""
        if not self._wire.write_lock.acquire(timeout=0.1):
            # a command is stuck in a full output queue: empty it, so that the stop goes out next
            with self._failures("unknown"):
                self._port().reset_output_buffer()
            if not self._wire.write_lock.acquire(timeout=_WRITE_TIMEOUT_S + 0.1):
                raise DeviceTimeoutError(self.device, f"{self.port} takes no bytes; use the emergency stop")
        try:
            self._wire.urgent, self._wire.late = self._wire.urgent + 1, True
            self._write(data, "!")
        finally:
            self._wire.write_lock.release()

    def read_until(self, end: bytes, deadline_s: float) -> bytes:
        """The next message without its end. `deadline_s` is on the monotonic clock."""
        # what has already arrived is read even when we were put to sleep past the deadline
        deadline_s = max(deadline_s, time.monotonic() + _READ_SLICE_S)
        while (message := self._next(end)) is None:
            if not self._receive() and time.monotonic() > deadline_s:
                heard = f"only {bytes(self._wire.received)!r}" if self._wire.received else "nothing"
                raise DeviceTimeoutError(self.device, f"no answer on {self.port} in time, heard {heard}", "unknown")
            if time.monotonic() > deadline_s + _READ_SLICE_S:
                raise DeviceTimeoutError(self.device, f"{self.port} talks without end", "unknown")
        return message

    def waiting(self, end: bytes) -> bytes | None:
        """A complete message that is already here, without waiting for one."""
        while (message := self._next(end)) is None and self._has_more():
            self._receive()
        return message

    def take(self, deadline_s: float = 0.0) -> bytes:
        """All that has come in, of whatever messages; nothing at all is waited for until the deadline."""
        if not self._wire.received and (time.monotonic() < deadline_s or self._has_more()):
            while not self._receive() and time.monotonic() < deadline_s:
                pass
        data = bytes(self._wire.received)
        self._wire.received.clear()
        return data

    def discard(self, quiet_s: float = 0.0) -> None:
        """Drop what nobody asked for: late answers, noise. Ends after `quiet_s` of silence, or 0.2 s."""
        give_up = time.monotonic() + 0.2
        silent_since = time.monotonic()
        while time.monotonic() < give_up:
            if (quiet_s or self._has_more()) and self._receive():
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since >= quiet_s:
                break
        self._wire.received.clear()

    def _next(self, end: bytes) -> bytes | None:
        at = self._wire.received.find(end)
        if at < 0 and len(self._wire.received) <= LONGEST_MESSAGE:
            return None
        if at < 0 or at > LONGEST_MESSAGE:
            start = bytes(self._wire.received[:40])
            self._wire.received.clear()
            advice = f"more than {LONGEST_MESSAGE} bytes without an end: wrong baud rate, or another device"
            raise ReplyError(self.device, "", repr(start), f"{self.port}: {advice}", "unknown")
        message = bytes(self._wire.received[:at])
        del self._wire.received[: at + len(end)]
        return message

    def _has_more(self) -> bool:
        with self._failures("not_done"):
            return bool(self._port().in_waiting)

    def _receive(self) -> bytes:
        with self._failures("unknown"):
            port = self._port()
            data: bytes = port.read(1)
            if data and (more := port.in_waiting):
                data += port.read(more)
        if data:
            self._wire.received += data
            self._wire.traffic.append(Traffic(time.monotonic(), "<", data))
        return data

    def _write(self, data: bytes, direction: Literal[">", "!"]) -> None:
        with self._failures("unknown"):
            self._port().write(data)
        self._wire.traffic.append(Traffic(time.monotonic(), direction, data))

    def _port(self) -> Any:
        if self._wire.serial is None:
            raise NotConnectedError(self.device, f"{self.port} is not open; check the cable and connect again")
        return self._wire.serial

    @contextmanager
    def _failures(self, outcome: Outcome) -> Iterator[None]:
        try:
            yield
        except NotConnectedError:
            raise
        except serial.SerialTimeoutException as error:
            message = f"{self.port} takes no bytes; is the device switched on?"
            raise DeviceTimeoutError(self.device, message, outcome) from error
        except (*_FAILURES, TypeError, AttributeError) as error:
            # TypeError, AttributeError: pyserial's own, when another thread closes the port under a read
            self._drop()
            other = "close any other program that uses it, " if "://" in self.port else ""
            message = f"lost {self.port} ({error}); {other}check cable and power, then connect again"
            raise NotConnectedError(self.device, message, outcome) from error

    def _drop(self) -> None:
        port, self._wire.serial = self._wire.serial, None
        self._wire.users.clear()
        if port is None:
            return
        with suppress(*_FAILURES, ValueError):
            if "://" not in self._wire.opened and sys.platform != "win32":
                fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
        with suppress(*_FAILURES, ValueError):
            port.close()
