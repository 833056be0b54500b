"""XY(Z) stages on RepRapFirmware 3 over HTTP: Duet 2 and 3, alone or with a single-board computer; Jubilee.

Manual: docs.duet3d.com, G-code dictionary and Object model; Duet3D/RepRapFirmware wiki, "HTTP requests";
DuetSoftwareFramework, DuetWebServer. Verified against the virtual bench and recorded conversations; never yet the
real thing.

Easy to get wrong: rr_gcode only queues, and drops in silence what does not fit its buffer; a reply is shared by all
who are connected; machinePosition is up to 0.2 s old, also after M400 (RepRapFirmware issue 921), so a stage has
arrived when it is idle and says so; userPosition is where the plan ends, not where the stage is; a session ends
after 8 s of silence. Positions here are G-code coordinates: their offset to the machine's own (tool, workplace) is
read before each move, at rest.

Stopping. Of all commands only M112 goes ahead of those sent before (GCodeInput.cpp; the SBC sends it past its
queues too); M0, M25 and M226 wait for their turn. M112 switches the motors off and halts the board: its position is
lost, and homing restarts it first (M999). A board that somebody else halted is left alone until a person has reset
it. A stop while the stage stands halts nothing: it only makes sure that it stands.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from hardware.devices import StageRange, Traffic
from hardware.dialects import rrf as says
from hardware.dialects.rrf import DEAD, STANDING, Axis, Position, Word
from hardware.drivers import Probe
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.parts.duet import ANSWER_S, Api, Sbc, Standalone, answering
from hardware.parts.http_link import HttpLink
from hardware.parts.travel import longest_s, target_within
from hardware.spec import FeedMmMin, StageSpec

PROBES: tuple[Probe, ...] = ()
STOP_S = 0.5
ARRIVED_MM = 0.02
STILL_S = 1.0
"""Standing elsewhere for so long is not going there any more."""
STALE_S = 0.25
RESTART_S = 60.0
STEPS_PER_MM = 80.0
"""What is assumed of a firmware that does not tell."""
Arrived = Callable[[tuple[Axis, Axis, Axis]], bool]


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. feed_mm_min: speed of moves. password: of the machine, if it has
    one. api: how to ask it; found out by itself unless told."""

    feed_mm_min: FeedMmMin = 3000.0
    homing_s: Annotated[float, Field(ge=1, le=900)] = 180.0
    password: str = "reprap"  # noqa: S105  the firmware's own default
    api: Api = "auto"


class Driver:
    """One stage. `port` of its spec is the address: http://192.168.1.2"""

    def __init__(
        self, name: str, spec: StageSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        self.name = name
        self._spec, self._settings = spec, settings
        self._slowest_poll_s, self._stale_s = max(0.002, 0.1 / speed), STALE_S / speed
        self._link = HttpLink(name, spec.port)
        self._duet: Standalone | Sbc | None = None
        self._latch = latch
        self._halt, self._calm = threading.Event(), threading.Event()
        self._calm.set()
        self._working = threading.Lock()
        self._homed, self._travelling, self._halted_it = False, False, False
        self._offset_mm: Position = (0.0, 0.0, 0.0)
        self._axes: tuple[Axis, Axis, Axis] | None = None

    def open(self) -> None:
        """Log in and learn who answers. Nothing moves; what is homed stays homed."""
        self._homed = False
        deadline = time.monotonic() + 2 * ANSWER_S
        self._duet = answering(self._link, self._settings.password, self._settings.api, deadline)
        try:
            if self._duet is None or says.firmware_of(self._duet.model("boards", deadline)) is None:
                advice = "check the address, and that its firmware is version 3 or later"
                raise NotConnectedError(self.name, f"no RepRapFirmware answers at {self._spec.port}; {advice}")
            stands = self._status(deadline) in STANDING
            self._look(at_rest=stands)
            self._travelling = self._travelling and not stands
        except HardwareError:
            self._duet = None
            raise

    def identify(self) -> str:
        """Firmware, version and board. Connects again should the network have been away."""
        if self._duet is not None:
            with suppress(NotConnectedError):
                return self._firmware()
        self.open()
        return self._firmware()

    def _firmware(self) -> str:
        firmware = says.firmware_of(self._board.model("boards", time.monotonic() + ANSWER_S))
        if firmware is None:
            raise ReplyError(self.name, "boards", "", "does not say who it is")
        return firmware

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def range(self) -> StageRange:
        axes = self._axes or ()
        steps = [axis.steps_per_mm or STEPS_PER_MM for axis in axes] or [STEPS_PER_MM] * 3
        fastest = min((axis.fastest_mm_s or math.inf for axis in axes[:2]), default=math.inf)
        speed_mm_s = min(self._settings.feed_mm_min / 60, fastest)
        return StageRange(self.travel_mm, (1 / steps[0], 1 / steps[1], 1 / steps[2]), speed_mm_s)

    def about(self) -> Mapping[str, str]:
        firmware, status = self._firmware(), self._status(time.monotonic() + ANSWER_S)
        axes = self._look(at_rest=status in STANDING and not self._travelling)
        named = list(zip("XYZ", axes, strict=True))
        here = ", ".join(f"{n} {axis.machine_mm:g}" for n, axis in named if axis.machine_mm is not None)
        return {
            "firmware": firmware,
            "connected to": self._board.name,
            "state": status,
            "homed": ", ".join(n for n, axis in named if axis.homed) or "no axis",
            "machine position": f"{here} mm" if self._homed else "not known",
            "limits": ", ".join(f"{n} {axis.least_mm:g} to {axis.most_mm:g} mm" for n, axis in named),
        }

    def close(self) -> None:
        duet, self._duet, self._homed = self._duet, None, False
        if duet is not None:
            with suppress(HardwareError):
                duet.close()

    @property
    def travel_mm(self) -> Position:
        return self._spec.travel_mm

    @property
    def homed(self) -> bool:
        return self._homed

    def home(self) -> None:
        with self._work():
            status = self._status(time.monotonic() + ANSWER_S)
            if status in DEAD:
                self._restart(status)
            elif status not in STANDING:
                raise HardwareError(self.name, f"is not idle but {status}; wait or stop it first")
            self._homed = False
            number = self._board.reply_number(time.monotonic() + ANSWER_S)
            deadline = time.monotonic() + self._settings.homing_s
            self._travelling = True
            said = self._run(Word.HOME, deadline)
            begun = said is not None and isinstance(self._duet, Sbc)  # which answers at the end
            self._wait(deadline, lambda axes: all(axis.homed for axis in axes), said, number, begun=begun)
            self._halt.wait(self._stale_s)
            self._raise_if_halted()
            self._look(at_rest=True)
            self._require_homed("unknown")
            self._travelling = False

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        target_mm = target_within(self.name, self._spec.travel_mm, x_mm, y_mm, z_mm)
        with self._work():
            with self._nothing_moved_yet():
                number = self._ready_to(target_mm)
            machine_mm = tuple(t + o for t, o in zip(target_mm, self._offset_mm, strict=False))
            deadline = time.monotonic() + 3 * self._expected_s(target_mm) + 10
            self._travelling = True  # until it is known to have arrived
            said = self._run(says.move_words(target_mm, self._settings.feed_mm_min), deadline)
            self._wait(deadline, lambda axes: says.are_at(axes, machine_mm, ARRIVED_MM), said, number, begun=True)
            self._require_homed("unknown")
            self._travelling = False

    def _ready_to(self, target_mm: tuple[float, ...]) -> int | None:
        """Make sure that the firmware will do it; returns the number of its last reply."""
        status = self._status(time.monotonic() + ANSWER_S)
        if status in DEAD:
            self._homed = False
            raise HardwareError(self.name, f"is {status}; home it first" if self._halted_it else self._dead(status))
        if status not in STANDING:
            raise HardwareError(self.name, f"is not idle but {status}; wait or stop it first")
        axes = self._look(at_rest=True)
        self._require_homed()
        for name, axis, value, offset in zip("XYZ", axes, target_mm, self._offset_mm, strict=False):
            if not axis.least_mm - 1e-6 <= value + offset <= axis.most_mm + 1e-6:
                span = f"its own limits, {axis.least_mm - offset:g} to {axis.most_mm - offset:g} mm"
                raise OutOfRangeError(self.name, f"{name} {value:g} mm is outside {span} (M208 in its config.g)")
        return self._board.reply_number(time.monotonic() + ANSWER_S)

    def _run(self, code: str, deadline_s: float) -> str | None:
        """Send it once. None when the answer is lost: the object model will tell what came of it."""
        try:
            return self._board.run(code, deadline_s, self._halted)
        except StoppedError:
            self._unwind()
        except NotConnectedError as error:
            if error.outcome == "not_done":
                self._travelling = False
                raise
        except DeviceTimeoutError:
            pass
        return None

    def _wait(
        self, deadline_s: float, there: Arrived, said: str | None, number: int | None, *, begun: bool
    ) -> None:
        """Until it is idle and there, once it has begun: before that it may seem so too."""
        pause_s, idle_since = 0.002, math.inf
        while True:
            self._halt.wait(pause_s)
            self._raise_if_halted()
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)
            now = time.monotonic()
            with suppress(DeviceTimeoutError):
                status = self._status(now + ANSWER_S)
                if status in DEAD:
                    self._raise_if_halted()
                    self._homed = False
                    raise ReplyError(self.name, "state", status, self._dead(status), "unknown")
                idle_since = min(idle_since, now) if status in STANDING else math.inf
                begun = begun or status not in STANDING or now - idle_since > STILL_S
                if status in STANDING:
                    begun = begun or number != self._board.reply_number(now + ANSWER_S)
                    axes = self._look()
                    if begun and there(axes):
                        return
                    self._complain(said or self._board.reply(number, now + ANSWER_S), axes, now - idle_since)
            if now > deadline_s:
                with suppress(HardwareError):
                    self.stop()
                raise DeviceTimeoutError(self.name, "did not get there in time; it was told to stop", "unknown")

    def _complain(self, said: str, axes: tuple[Axis, Axis, Axis], idle_s: float) -> None:
        """Raise when it will not get there any more."""
        error = says.error_of(said)
        if error is None and idle_s <= STILL_S:
            return
        self._raise_if_halted()
        here = f"{tuple(axis.machine_mm for axis in axes)}"
        why = "stands still, not where it was sent" if error is None else "reports an error"
        lost = "" if all(axis.homed for axis in axes) else "; it does not know its position, home it"
        raise ReplyError(self.name, "move.axes", error or here, why + lost, "unknown")

    def _expected_s(self, target_mm: tuple[float, ...]) -> float:
        """The longest that a move to there may take, from the far end of each axis."""
        feed_mm_s = self._settings.feed_mm_min / 60
        speeds = [min(feed_mm_s, axis.fastest_mm_s or feed_mm_s) for axis in self._axes or ()]
        return longest_s(target_mm, self._spec.travel_mm, speeds)

    def position_mm(self) -> Position:
        axes = self._look()
        self._require_homed()
        x, y, z = (axis.machine_mm for axis in axes)
        if x is None or y is None or z is None:
            raise ReplyError(self.name, "move.axes", "", "does not tell where it is")
        dx, dy, dz = self._offset_mm
        return x - dx, y - dy, z - dz

    def stop(self) -> None:
        """Halt a board whose stage moves, past every queue; make sure that one which stands does stand."""
        began = time.monotonic()
        self._halt.set()
        self._calm.clear()
        try:
            if not self._travelling and self._stands(began + 0.2):
                return
            self._homed, self._halted_it = False, True
            with suppress(DeviceTimeoutError, ReplyError):  # the object model will tell
                self._board.kill(began + 0.3)
            while time.monotonic() < began + STOP_S:
                with suppress(DeviceTimeoutError, ReplyError):
                    if self._status(began + STOP_S) in DEAD:
                        return
                time.sleep(0.005)
            raise DeviceTimeoutError(self.name, "the stop was sent but not confirmed", "unknown")
        finally:
            self._calm.set()

    def _stands(self, deadline_s: float) -> bool:
        with suppress(DeviceTimeoutError, ReplyError):
            return self._status(deadline_s) in STANDING | DEAD
        return False

    def _restart(self, status: str) -> None:
        """Bring back a board that our own stop has halted. Moves nothing."""
        if not self._halted_it:
            raise HardwareError(self.name, self._dead(status))
        with suppress(NotConnectedError):  # its answer may go down with it
            self._run(Word.RESTART, time.monotonic() + ANSWER_S)
        give_up = time.monotonic() + RESTART_S
        while time.monotonic() < give_up:
            self._halt.wait(self._slowest_poll_s)
            self._raise_if_halted()
            with suppress(DeviceTimeoutError, NotConnectedError, ReplyError):
                if self._status(time.monotonic() + ANSWER_S) in STANDING:
                    self._halted_it = False
                    return
        raise DeviceTimeoutError(
            self.name, f"did not come back {RESTART_S:g} s after its restart; reset it", "not_done"
        )

    def _dead(self, status: str) -> str:
        if status == "off":
            return "has no motor power; switch it on, then home it"
        return "was halted by an emergency stop; look for the cause, reset it (M999 in its own page), then home it"

    @property
    def _board(self) -> Standalone | Sbc:
        if self._duet is None:
            raise NotConnectedError(
                self.name, f"{self._spec.port} is not connected; check the network, then connect"
            )
        return self._duet

    def _status(self, deadline_s: float) -> str:
        status = says.status_of(self._board.model("state", deadline_s))
        if status is None:
            raise ReplyError(self.name, "state", "", "does not tell its state", "unknown")
        return status

    def _look(self, *, at_rest: bool = False) -> tuple[Axis, Axis, Axis]:
        """Read the axes. At rest the place that G-code means and the machine's own differ by the offset."""
        axes = says.axes_of(self._board.model("move.axes", time.monotonic() + ANSWER_S))
        if axes is None:
            raise ReplyError(self.name, "move.axes", "", "does not tell its axes X, Y and Z", "unknown")
        self._axes, self._homed = axes, all(axis.homed for axis in axes)
        if at_rest:
            x, y, z = (self._offset(axis) for axis in axes)
            self._offset_mm = (x, y, z)
        return axes

    def _offset(self, axis: Axis) -> float:
        if axis.machine_mm is None or axis.user_mm is None:
            return 0.0
        offset = axis.machine_mm - axis.user_mm
        return offset if abs(offset) > ARRIVED_MM else 0.0

    def _halted(self) -> bool:
        return self._halt.is_set() or self._latch.is_set()

    def _raise_if_halted(self) -> None:
        if self._halted():
            self._unwind()

    def _unwind(self) -> NoReturn:
        if not self._halt.wait(1.0):  # everything is to stop, and nobody has told this stage
            with suppress(HardwareError):
                self.stop()
        self._calm.wait(1.0)
        where = "home it before the next move" if self._halted_it else "its position is kept"
        raise StoppedError(self.name, f"stopped; {where}")

    def _require_homed(self, outcome: Literal["not_done", "unknown"] = "not_done") -> None:
        if not self._homed:
            raise HardwareError(self.name, "does not know its position; home it first", outcome)

    @contextmanager
    def _nothing_moved_yet(self) -> Iterator[None]:
        try:
            yield
        except (DeviceTimeoutError, NotConnectedError, ReplyError) as error:
            error.outcome = "not_done"
            raise

    @contextmanager
    def _work(self) -> Iterator[None]:
        if not self._working.acquire(blocking=False):
            raise HardwareError(self.name, "is still moving; wait or stop it first")
        try:
            self._halt.clear()
            if self._latch.is_set():
                raise StoppedError(self.name, "everything is stopped; release the stop before going on")
            self._travelling = False
            yield
        except NotConnectedError:
            self._homed = False  # as far as we can tell now
            raise
        finally:
            self._working.release()
