"""XY(Z) stages on a Marlin controller (RepRap G-code over USB serial).

Manual: marlinfw.org, G-code index, and MarlinFirmware/Marlin 1.1.9 to 2.1.2 (gcode/queue.cpp, feature/e_parser.h,
module/motion.cpp, MarlinCore.cpp). Verified against the virtual bench and scripted conversations; never yet the
real thing.

Easy to get wrong: "ok" means queued, not done, and has no name; M114 tells the place planned, so it is asked only
after M400; soft end stops do not work before homing, so nothing moves before it; an end switch in mid-move is told
as an echo; opening the port may restart the board; M410 drops steps, so a stage that was stopped must be homed.

Lost steps. Homed anew while it knows its place, it first goes slowly to the switches of X and Y (`marlin_touch`)
and compares where they close by its count with where they are: beyond `drift_mm` of the stage it is homed all the
same, and `home` raises. Only for axes that home to a switch at their lower end: without switches say drift_mm = 0.

Stopping. M410 and M112 go out without a line number: firmware with EMERGENCY_PARSER acts on them as the bytes come
in, firmware without it as it reads the line, which it does at once while its queue of four lines has room. So there
is never more in that queue than one move or one M400. While homing, M410 would end one leg and let the next begin:
there the stop is M112, the kill, after which the board answers again only once it was reset (by opening its port,
or by hand). A quick stop that is not confirmed within 0.3 s is followed by the kill too.
"""

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from hardware.devices import StageRange, Traffic
from hardware.dialects import marlin as says
from hardware.dialects.marlin import Firmware, Position, Word
from hardware.drivers import Probe
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    ReplyError,
    StoppedError,
)
from hardware.parts.marlin_touch import Touch, in_words
from hardware.parts.numbered_lines import ANSWER_S, NumberedLines
from hardware.parts.travel import longest_s, target_within
from hardware.spec import NOZZLES_UP_MM, FeedMmMin, StageSpec
from hardware.wire import Link

PROBES = tuple(
    Probe(baud, b"\nM115\n", says.knows, (("baud", baud),), wait_s=0.6, boot_s=2.5) for baud in (115200, 250000)
)
BOOT_S = 12.0
SHAKE_S = 1.0
STOP_S = 0.5
ARRIVED_MM = 0.02
STEPS_PER_MM = 80.0
"""What is assumed of a firmware that does not tell."""


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. feed_mm_min: speed of moves. z_first: home Z before X and Y, so
    that the nozzles are up before the stage travels; off for a Z that can only be homed after X and Y.
    switches_always_on: built with ENDSTOPS_ALWAYS_ON_DEFAULT, so that they need not be switched on and off."""

    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400, 250000, 500000, 1000000] = 115200
    feed_mm_min: FeedMmMin = 3000.0
    homing_s: Annotated[float, Field(ge=1, le=600)] = 90.0
    z_first: bool = True
    switches_always_on: bool = False


class Driver:
    """One stage."""

    def __init__(
        self, name: str, spec: StageSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        del speed  # nothing is polled: M400 answers when the stage stands
        self.name = name
        self._spec, self._settings = spec, settings
        self._link = Link(name, spec.port, settings.baud)
        self._lines = NumberedLines(self._link, halted=self._halted, unwind=self._unwind, lost=self._lose)
        self._touch = Touch(self._lines, self._moved, self._position)
        self._home_mm: Position | None = None
        self._untold = ""
        self._latch = latch
        self._halt, self._calm = threading.Event(), threading.Event()
        self._calm.set()
        self._working = threading.RLock()
        self._homed, self._homing, self._travelling = False, False, False
        self._firmware = Firmware("", is_marlin=False)
        self._able: dict[str, bool] = {}
        self._steps_per_mm: dict[str, float] = {}
        self._fastest_mm_s: dict[str, float] = {}

    def open(self) -> None:
        """Connect, stop what a program that is gone left moving, and learn who answers. Then it must be homed."""
        if self._lines.killed:
            self._link.close()  # only a reset brings it back, and opening the port is one on most boards
        if not self._link.is_open:
            self._link.open()
        self._lines.killed = self._homed = False
        try:
            with self._work():
                self._shake_hands()
                self._meet()
        except HardwareError:
            self.close()
            raise

    def _shake_hands(self) -> None:
        give_up = time.monotonic() + BOOT_S
        while time.monotonic() < give_up:  # a board that was reset by opening its port is deaf for seconds
            try:
                self._link.send(says.plain(Word.QUICK_STOP))
                self._lines.begin(SHAKE_S)
                return
            except (DeviceTimeoutError, ReplyError) as error:
                if isinstance(error, ReplyError) and says.is_locked(error.reply):
                    raise
            # it has just started, or is not there yet
            self._link.discard(quiet_s=0.02)
        advice = f"no Marlin answers on {self._spec.port} at {self._settings.baud} baud"
        causes = "check power, port and baud rate (115200 or 250000); a board that was stopped hard must be reset"
        raise NotConnectedError(self.name, f"{advice}; {causes}")

    def _meet(self) -> None:
        said = self._lines.ask(Word.FIRMWARE, wanted=lambda text: says.firmware_of(text) is not None)
        self._firmware = next(filter(None, map(says.firmware_of, said)))
        if not self._firmware.is_marlin:
            found = f"{self._firmware.name!r} answers on {self._spec.port}, not Marlin"
            raise NotConnectedError(self.name, f"{found}; correct the port or the kind in the rig file")
        self._able = dict(filter(None, map(says.capability_of, said)))
        if self._able.get("AUTOREPORT_POS"):
            self._lines.ask(Word.NO_POSITION_REPORTS)  # they would pass for answers
        settings = self._lines.ask_all(Word.SETTINGS)
        self._steps_per_mm, self._fastest_mm_s = (
            {axis: value for text in settings for axis, value in says.axes_of(word, text).items() if value > 0}
            for word in ("M92", "M203")
        )

    def identify(self) -> str:
        """Firmware and version. Connects again should the cable have been out; then home it."""
        if self._link.is_open and not self._lines.killed:
            with suppress(NotConnectedError), self._work():
                self._lines.settle()
                self._meet()
                return self._firmware.name
        self.open()
        return self._firmware.name

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def range(self) -> StageRange:
        x, y, z = (1 / self._steps_per_mm.get(axis, STEPS_PER_MM) for axis in "XYZ")
        fastest = min(self._fastest_mm_s.get(axis, math.inf) for axis in "XY")
        return StageRange(
            self.travel_mm, (x, y, z), min(self._settings.feed_mm_min / 60, fastest), self._spec.drift_mm or None
        )

    def about(self) -> Mapping[str, str]:
        with self._work():
            self._lines.settle()
            soft = says.soft_limits_of(self._lines.ask_all(Word.SOFT_LIMITS))
            switches = says.switches_of(self._lines.ask_all(Word.SWITCHES))
            x, y, z = self._position()
        at_once = "at once" if self._able.get("EMERGENCY_PARSER") else "as soon as the line is read"
        return {
            "firmware": self._firmware.name,
            "state": "ready" if self._homed else "not homed",
            "position": f"X {x:g}, Y {y:g}, Z {z:g} mm" if self._homed else "not known",
            "soft limits": soft or "not told",
            "end switches": ", ".join(f"{n} {'pressed' if on else 'free'}" for n, on in switches.items())
            or "not told",
            "steps": ", ".join(f"{a} {v:g} per mm" for a, v in self._steps_per_mm.items() if a in "XYZ")
            or "not told",
            "acts on a stop": at_once,
        }

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
        """Find the switches. Raises HardwareError, homed all the same, when it was not where it believed to be."""
        words = (Word.HOME_Z, Word.HOME_XY) if self._settings.z_first else (Word.HOME,)
        with self._work(moves=True):
            if self._homed and self._spec.drift_mm:
                self._untold = in_words(self._drift_mm(), self._spec.drift_mm)
            self._homed = False
            with self._outcome("not_done"):
                self._lines.begin()  # whatever was said of a lost position is answered by homing
                self._set_modes()
                self._touch.undo()
            self._homing = True
            try:
                with self._outcome("unknown"):
                    for word in words:
                        self._end_of(word, self._settings.homing_s, 3 * self._settings.homing_s)
                    self._home_mm = self._position()
            finally:
                self._homing = False
            self._homed = True
            if untold := self._untold:  # perhaps found before a homing that failed
                self._untold = ""
                raise HardwareError(self.name, untold)

    def _drift_mm(self) -> dict[str, float]:
        """How far X and Y are from where it believes them. It must be homed after it."""
        if self._home_mm is None:
            return {}
        feed_mm_min = self._settings.feed_mm_min
        with self._outcome("not_done"):
            self._lines.settle()
            self._set_modes()
        with self._outcome("unknown"):
            self._travelling = True
            self._moved(f"G1 Z{NOZZLES_UP_MM:.3f} F{feed_mm_min:.0f}", 0.0)
            always = self._settings.switches_always_on
            return self._touch.drift_mm(self._home_mm, self._spec.drift_mm, feed_mm_min, always=always)

    def _moved(self, line: str, lasts_s: float) -> None:
        """Send a move and wait for its end. lasts_s: what it takes at a speed of its own."""
        expected_s = lasts_s + self._expected_s(self._spec.travel_mm)
        with suppress(DeviceTimeoutError):  # a lost "ok" says nothing; the end of the motion will
            self._lines.ask(line, moves=True)
        self._end_of(Word.FINISH, 1.5 * expected_s + 5, 4 * expected_s + 60)

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        target_mm = target_within(self.name, self._spec.travel_mm, x_mm, y_mm, z_mm)
        with self._work(moves=True):
            self._require_homed()
            with self._outcome("not_done"):
                self._lines.settle()
                self._set_modes()
            self._travelling = True  # until it is known to have arrived
            with self._outcome("unknown"):
                self._moved(says.move_words(target_mm, self._settings.feed_mm_min), 0.0)
                here_mm = self._position()
            self._require_homed("unknown")
            if any(abs(a - b) > ARRIVED_MM for a, b in zip(here_mm, target_mm, strict=False)):
                why = "stands still, not at"
                raise ReplyError(self.name, Word.POSITION, f"{here_mm}", f"{why} {target_mm}", "unknown")
            self._travelling = False

    def _set_modes(self) -> None:
        """Millimetres, counted from the origin: another program may have left it otherwise."""
        self._lines.ask(Word.MILLIMETRES)
        self._lines.ask(Word.ABSOLUTE)

    def _end_of(self, word: Word, timeout_s: float, longest_s: float) -> None:
        """Wait for what answers when its motion has ended."""
        began = time.monotonic()
        with suppress(DeviceTimeoutError):  # its "ok" may be lost
            self._lines.ask(word, timeout_s, moves=True, longest_s=longest_s)
        spent_s = time.monotonic() - began  # next to nothing, if it took an older "ok" for its own
        self._lines.settle(max(ANSWER_S, timeout_s - spent_s), moves=True, longest_s=longest_s - spent_s)

    def _expected_s(self, target_mm: tuple[float, ...]) -> float:
        """The longest that a move to there may take, from the far end of each axis."""
        feed_mm_s = self._settings.feed_mm_min / 60
        speeds = [min(feed_mm_s, self._fastest_mm_s.get(axis, feed_mm_s)) for axis in "XYZ"]
        return longest_s(target_mm, self._spec.travel_mm, speeds)

    def position_mm(self) -> Position:
        self._require_homed()
        with self._work():
            self._lines.settle()
            position_mm = self._position()
        self._require_homed()
        return position_mm

    def _position(self) -> Position:
        with suppress(DeviceTimeoutError):  # a lost answer; asking again moves nothing
            return self._told_position()
        self._lines.settle()
        return self._told_position()

    def _told_position(self) -> Position:
        said = self._lines.ask(Word.POSITION, wanted=lambda text: says.position_of(text) is not None)
        return next(filter(None, map(says.position_of, reversed(said))))

    def stop(self) -> None:
        """Stop past every queue. A stage that moved must be homed after it; one that stood keeps its position."""
        self._halt.set()
        self._calm.clear()
        try:
            kill = self._homing
            self._homed = self._homed and not self._travelling
            if not self._lines.stop(kill=kill, within_s=STOP_S):
                self._homed = False
                raise DeviceTimeoutError(self.name, "the stop was sent but not confirmed", "unknown")
            self._homed = self._homed and not self._lines.killed
        except NotConnectedError:
            self._homed = False
            raise
        finally:
            self._calm.set()

    def _lose(self) -> None:
        self._homed = False

    def _halted(self, moves: bool) -> bool:
        return not self._calm.is_set() or (moves and (self._halt.is_set() or self._latch.is_set()))

    def _unwind(self) -> NoReturn:
        if not self._halt.wait(1.0):  # everything is to stop, and nobody has told this stage
            with suppress(HardwareError):
                self.stop()
        self._calm.wait(1.0)
        where = "its position is kept" if self._homed else "home it before the next move"
        raise StoppedError(self.name, f"stopped; {where}")

    def _require_homed(self, outcome: Literal["not_done", "unknown"] = "not_done") -> None:
        self._require_alive()
        if not self._homed:
            raise HardwareError(self.name, "does not know its position; home it first", outcome)

    def _require_alive(self) -> None:
        if self._lines.killed:
            raise HardwareError(self.name, "was stopped hard: reset it or switch it off and on, then connect again")

    @contextmanager
    def _outcome(self, outcome: Literal["not_done", "unknown"]) -> Iterator[None]:
        """What is known of a move when anything fails in here. One that may go on unseen is stopped."""
        try:
            yield
        except DeviceTimeoutError as error:
            if outcome == "not_done":
                error.outcome = outcome
                raise
            self._homed = False
            with suppress(HardwareError):
                self.stop()
            raise DeviceTimeoutError(self.name, f"{error.message}; it was told to stop", outcome) from error
        except (NotConnectedError, ReplyError) as error:
            error.outcome = outcome
            raise

    @contextmanager
    def _work(self, *, moves: bool = False) -> Iterator[None]:
        """One conversation at a time; a question waits for another, but not for a move."""
        if not self._working.acquire(timeout=1.0):
            raise HardwareError(self.name, "is still moving; wait or stop it first")
        try:
            self._require_alive()
            if moves:
                self._halt.clear()
                if self._latch.is_set():
                    raise StoppedError(self.name, "everything is stopped; release the stop before going on")
                self._travelling = False
            yield
        except (ReplyError, NotConnectedError) as error:
            self._homed = self._homed and not isinstance(error, NotConnectedError)
            if moves and isinstance(error, ReplyError) and self._halted(moves):  # what the stop made it say
                self._unwind()
            raise
        finally:
            self._working.release()
