"""XY(Z) stages on a GRBL 1.1 controller.

Manual: gnea/grbl, doc/markdown/interface.md and commands.md, revision 1.1h. Checked against scripted conversations
taken from them and against the virtual bench; not yet against a controller on a table.

Positions are work coordinates: set G54 once so that the near left corner of the travel is 0, 0, 0 after homing.
"ok" means understood, not done: a move has ended when the controller is Idle at the place asked for. A welcome
banner that nobody asked for means that the controller restarted and no longer knows where it stands.
"""

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hardware.devices import StageRange, Traffic
from hardware.dialects.grbl import ALARMS, END, ERRORS, Position, Word, is_banner, move_words, status_of, text_of
from hardware.drivers import Probe
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.spec import Positive, StageSpec
from hardware.wire import Link

PROBES: tuple[Probe, ...] = ()
ANSWER_S = 1.0
STOP_S = 0.5
ARRIVED_MM = 0.02
MOST_STRAY_LINES = 64


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. feed_mm_min: speed of moves."""

    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400] = 115200
    feed_mm_min: Positive = 3000.0
    homing_s: Annotated[float, Field(ge=1, le=600)] = 90.0


@dataclass(frozen=True)
class Report:
    state: str
    substate: str
    position_mm: Position | None


class Driver:
    """One stage."""

    def __init__(
        self, name: str, spec: StageSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        self.name = name
        self._spec, self._settings = spec, settings
        self._slowest_poll_s = max(0.002, 0.1 / speed)
        self._link = Link(name, spec.port, settings.baud)
        self._latch = latch
        self._halt, self._standing = threading.Event(), threading.Event()
        self._working = threading.Lock()
        self._offset: Position | None = None
        self._homed = False

    def open(self) -> None:
        """Reset the controller and wait for its banner. Nothing moves; the position is unknown until homed."""
        if not self._link.is_open:
            self._link.open()
        self._homed, self._offset = False, None
        try:
            for _ in range(3):  # an Arduino that was reset by opening the port is deaf for two seconds
                if self._reset(time.monotonic() + ANSWER_S):
                    self._link.discard(quiet_s=0.1)  # opening the port may have caused a banner of its own
                    return
        except HardwareError:
            self.close()
            raise
        self.close()
        advice = f"no GRBL 1.1 answers on {self._spec.port} at {self._settings.baud} baud; check power and port"
        raise NotConnectedError(self.name, advice)

    def identify(self) -> str:
        """Firmware and its options. Connects again should the cable have been out; then home it."""
        if self._link.is_open:
            with suppress(NotConnectedError):
                return self._version()
        self.open()
        return self._version()

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def range(self) -> StageRange:
        return StageRange(self.travel_mm, (0.01, 0.01, 0.01), self._settings.feed_mm_min / 60)

    def about(self) -> Mapping[str, str]:
        return {"state": self._report().state}

    def _version(self) -> str:
        return " ".join(self._command(Word.VERSION, ANSWER_S))

    def close(self) -> None:
        self._homed = False
        self._link.close()

    @property
    def travel_mm(self) -> Position:
        return self._spec.travel_mm

    @property
    def homed(self) -> bool:
        return self._homed

    def home(self) -> None:
        with self._work():
            self._homed = False
            self._link.discard()  # whatever was said of a lost position is answered by homing
            self._command(Word.HOME, self._settings.homing_s)
            self._homed = True

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        target_mm = (x_mm, y_mm) if z_mm is None else (x_mm, y_mm, z_mm)
        for axis, value, travel in zip("XYZ", target_mm, self._spec.travel_mm, strict=False):
            if not math.isfinite(value) or not 0 <= value <= travel:
                raise OutOfRangeError(self.name, f"{axis} {value:g} mm is outside its travel, 0 to {travel:g} mm")
        with self._work():
            self._require_homed()
            with suppress(DeviceTimeoutError):  # a lost "ok" says nothing; the position will
                self._command(move_words(target_mm, self._settings.feed_mm_min), ANSWER_S)
            self._wait_until_at(target_mm)

    def position_mm(self) -> Position:
        self._require_homed()
        deadline = time.monotonic() + 5
        while (position := self._report().position_mm) is None:  # the offset comes with every 10th report or so
            if time.monotonic() > deadline:
                raise DeviceTimeoutError(self.name, "never reports its work offset (WCO); set $10=1")
            time.sleep(self._slowest_poll_s)
        self._require_homed()
        return position

    def stop(self) -> None:
        """Brake, then reset: a reset at standstill keeps the position. All within 0.5 s."""
        began = time.monotonic()
        self._halt.set()
        self._standing.clear()
        try:
            self._link.send_urgent(Word.HOLD.encode())
            if not self._link.lock.acquire(timeout=0.15):
                self._homed = False
                self._link.send_urgent(Word.RESET.encode())
                raise DeviceTimeoutError(self.name, "the stop was sent but not confirmed", "unknown")
            try:
                self._brake_and_reset(began + 0.6 * STOP_S, began + STOP_S)
            finally:
                self._link.lock.release()
        finally:
            self._standing.set()

    def _brake_and_reset(self, braked_s: float, deadline_s: float) -> None:
        kept = False
        with suppress(DeviceTimeoutError, ReplyError):
            while not kept and time.monotonic() < braked_s:
                report = self._report(braked_s)
                kept = report.state == "Idle" or (report.state, report.substate) == ("Hold", "0")
                if report.state in ("Alarm", "Home", "Jog"):
                    break
        homed = self._homed and kept
        confirmed = self._reset(deadline_s, urgent=True)
        self._homed = homed and confirmed
        if not confirmed:
            raise DeviceTimeoutError(self.name, "the stop was sent but not confirmed", "unknown")

    def _wait_until_at(self, target_mm: tuple[float, ...]) -> None:
        diagonal_mm = math.hypot(*self._spec.travel_mm)
        deadline = time.monotonic() + 90 * diagonal_mm / self._settings.feed_mm_min + 5
        pause_s, idle_since = 0.002, math.inf
        while True:
            self._halt.wait(pause_s)
            self._raise_if_halted()
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)
            now = time.monotonic()
            try:
                report = self._report()
            except DeviceTimeoutError:
                if now > deadline:
                    self._homed = False
                    raise
                continue
            self._require_homed("unknown")
            if report.state in ("Hold", "Door", "Sleep") and not self._halted():
                raise ReplyError(self.name, "?", report.state, "was halted by its own buttons or door", "unknown")
            there = report.position_mm is not None and all(
                abs(a - b) <= ARRIVED_MM for a, b in zip(report.position_mm, target_mm, strict=False)
            )
            if report.state == "Idle" and there:
                return
            idle_since = min(idle_since, now) if report.state == "Idle" and report.position_mm else math.inf
            if now - idle_since > 0.5:
                self._raise_if_halted()
                raise ReplyError(
                    self.name, "?", f"{report.position_mm}", f"stands still, not at {target_mm}", "unknown"
                )
            if now > deadline:
                with suppress(HardwareError):
                    self.stop()
                raise DeviceTimeoutError(self.name, f"did not reach {target_mm} in time; stopped", "unknown")

    def _report(self, deadline_s: float | None = None) -> Report:
        deadline_s = time.monotonic() + ANSWER_S if deadline_s is None else deadline_s
        with self._link.lock:
            self._absorb()
            self._link.send(Word.STATUS.encode())
            for _ in range(MOST_STRAY_LINES):
                if (report := self._understand(self._link.read_until(END, deadline_s))) is not None:
                    return report
        raise DeviceTimeoutError(self.name, "says much but never its status", "unknown")

    def _command(self, line: str, timeout_s: float) -> list[str]:
        """Send one line and wait for its "ok"; returns the [messages] that came before it.

        The lock is given back between reads, so that a stop finds it free however long homing takes.
        """
        said: list[str] = []
        deadline = time.monotonic() + timeout_s
        with self._link.lock:
            self._absorb()
            self._link.send(f"{line}\n".encode("ascii"), self._halted)
        while True:
            self._raise_if_halted()
            with self._link.lock:
                raw = self._link.waiting(END)
            if raw is None:
                if time.monotonic() > deadline:
                    raise DeviceTimeoutError(self.name, f"no answer to {line} in {timeout_s:g} s", "unknown")
                self._halt.wait(0.005)
                continue
            text = text_of(raw)
            if text == "ok":
                return said
            if (code := text.removeprefix("error:")) != text:
                self._homed = self._homed and code != "9"
                raise ReplyError(self.name, line, text, ERRORS.get(code, "refused the command"))
            if text.startswith("["):
                said.append(text)
            self._understand(raw)

    def _absorb(self) -> None:
        """Hear what was said unasked, above all a banner or an alarm."""
        for _ in range(MOST_STRAY_LINES):
            if (raw := self._link.waiting(END)) is None:
                return
            self._understand(raw)

    def _understand(self, raw: bytes) -> Report | None:
        """A status report, or None for other lines. Raises for a banner or an alarm."""
        text = text_of(raw)
        if text.startswith("ALARM:"):
            code = text.removeprefix("ALARM:")
            self._homed = self._homed and code == "2"
            raise ReplyError(self.name, "", text, ALARMS.get(code, "is in alarm") + "; then home it", "unknown")
        if is_banner(text):
            self._homed, self._offset = False, None
            raise ReplyError(self.name, "", text, "restarted and lost its position; home it", "unknown")
        status = status_of(text)
        if status is None:
            return None
        if status.state == "Alarm":
            self._homed = False
        self._offset = status.offset_mm or self._offset
        position = status.work_mm
        if status.machine_mm is not None and self._offset is not None:
            (x, y, z), (dx, dy, dz) = status.machine_mm, self._offset
            position = (x - dx, y - dy, z - dz)
        return Report(status.state, status.substate, position)

    def _reset(self, deadline_s: float, *, urgent: bool = False) -> bool:
        """Soft reset; True when the banner came."""
        with self._link.lock:
            self._link.discard()
            (self._link.send_urgent if urgent else self._link.send)(Word.RESET.encode())
            with suppress(DeviceTimeoutError):
                for _ in range(MOST_STRAY_LINES):
                    if is_banner(text_of(self._link.read_until(END, deadline_s))):
                        return True
        return False

    def _halted(self) -> bool:
        return self._halt.is_set() or self._latch.is_set()

    def _raise_if_halted(self) -> None:
        if self._halted():
            self._standing.wait(1.0)
            where = "its position is kept" if self._homed else "home it before the next move"
            raise StoppedError(self.name, f"stopped; {where}")

    def _require_homed(self, outcome: Literal["not_done", "unknown"] = "not_done") -> None:
        if not self._homed:
            raise HardwareError(self.name, "does not know its position; home it first", outcome)

    @contextmanager
    def _work(self) -> Iterator[None]:
        if not self._working.acquire(blocking=False):
            raise HardwareError(self.name, "is still moving; wait or stop it first")
        try:
            self._halt.clear()
            self._standing.clear()
            yield
        except ReplyError:
            if self._halted():  # what the stop made the controller say
                self._raise_if_halted()
            raise
        finally:
            self._working.release()
