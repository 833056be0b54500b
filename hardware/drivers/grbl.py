"""XY(Z) stages on a GRBL 1.1 or grblHAL controller.

Manual: gnea/grbl, doc/markdown/{interface,commands,jogging,settings}.md, revision 1.1h; grblHAL, wiki "For sender
developers". Verified against the virtual bench and scripted conversations taken from the manual and from what both
firmwares' sources print (protocol.c, report.c, system.c, limits.c); never yet against the real thing.

What the manual makes easy to get wrong: a GRBL as it is built has machine coordinates from minus the travel to 0,
whichever end its switches are at. So by default (`origin = "auto"`) the stage's zero is where G54 was set, if it
was set at all, and otherwise where homing ended, with positions that grow away from the switches: on every axis 0
is then the corner that is known to be free. "ok" means understood, not done: a move has ended when the controller
is Idle at the place asked for. A welcome banner that nobody asked for means that it restarted and no longer knows
where it stands. Opening the port may reset it or not: after it the position counts as unknown either way.

Without switches ($22=0, as GRBL comes) `$H` is an error. Then say `homing = "by_hand"`: a person puts the stage at
its zero corner and says so with "Make ready" (`make_ready`). Nothing moves; where it stands is 0, 0, 0 from then
on, until the port is opened anew, the controller restarts, or an alarm costs the position. Nothing checks that
word, and a motor that lets go at rest ($1 below 255) can be pushed away unseen. Only a person gives it: `home` is
refused, for a campaign that would home it by itself cannot know where it stands.
`directions` says along which axes positions grow with the machine's (+) or against them (-).
"""

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hardware.devices import StageRange, Traffic
from hardware.dialects.grbl import Position, Word, jog, knows, straight
from hardware.dialects.grbl_settings import Frame, frame_of
from hardware.drivers import Probe
from hardware.errors import HardwareError, OutOfRangeError
from hardware.parts.grbl_board import Board
from hardware.parts.grbl_stream import stream
from hardware.parts.grbl_talk import ANSWER_S, BRAKED_S
from hardware.spec import FeedMmMin, StageSpec

PROBES: tuple[Probe, ...] = (Probe(115200, b"$I\n", knows, (), wait_s=0.5, boot_s=2.2),)
BY_HAND = "put it at its zero corner, then make it ready"
SWITCHES = 'fit limit switches and set $22=1, or say homing = "by_hand" in the rig file'
ROUNDED_MM = 0.001


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. feed_mm_min: speed of moves. origin: where 0, 0, 0 is: "work", set
    in G54 by a person; "home", where homing ended; "auto", the first if any was set, else the second. homing: by
    its switches, or "by_hand": zero is where a person says. directions: by hand, of X, Y, Z, "+" when positions
    grow as the machine's do; "++-" for a Z whose machine positions grow upwards."""

    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400, 250000, 460800, 921600, 1000000] = 115200
    feed_mm_min: FeedMmMin = 3000.0
    homing_s: Annotated[float, Field(ge=1, le=600)] = 90.0
    origin: Literal["auto", "work", "home"] = "auto"
    homing: Literal["switches", "by_hand"] = "switches"
    directions: Annotated[str, Field(pattern=r"^[+-]{3}$")] = "+++"


class Driver:
    """One stage."""

    def __init__(
        self, name: str, spec: StageSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        self.name = name
        self._spec, self._settings = spec, settings
        self._board = Board(name, spec.port, settings.baud, None, speed=speed, latch=latch)
        self._by_hand = settings.homing == "by_hand"
        if self._by_hand:
            self._board.again = BY_HAND
        self._frame: Frame | None = None

    def open(self) -> None:
        """Reset the controller and wait for its banner. Nothing moves; the position is unknown until homed."""
        self._board.open()
        told = self._board.controller.told
        for axis, travel_mm in zip((0, 1, 2), self._spec.travel_mm, strict=True):
            its_mm = told.travel_mm(axis)
            if its_mm is not None and travel_mm > its_mm + ROUNDED_MM and told.soft_limits:
                self.close()
                both = f"travel_mm says {travel_mm:g} mm for {'XYZ'[axis]}, its ${130 + axis} says {its_mm:g} mm"
                raise HardwareError(self.name, f"{both}; correct the one that is wrong")

    def identify(self) -> str:
        """Firmware and revision. Connects again should the cable have been out; then home it."""
        return self._board.version()

    def close(self) -> None:
        self._board.controller.lose("it was disconnected")
        self._board.close()

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._board.link.traffic

    @property
    def travel_mm(self) -> Position:
        return self._spec.travel_mm

    @property
    def range(self) -> StageRange:
        told = self._board.controller.told
        x, y, z = (told.step_mm(axis) or 0.01 for axis in range(3))
        fastest = [self._settings.feed_mm_min, *(told.fastest_mm_min(axis) or math.inf for axis in (0, 1))]
        return StageRange(self.travel_mm, (x, y, z), min(fastest) / 60)

    def about(self) -> Mapping[str, str]:
        """Asks only for a status; what the controller is set to was read when it was opened."""
        state, c = self._board.state(), self._board.controller
        told = c.told
        found = {"firmware": str(told.build), "state": state, "homed": "yes" if self.homed else f"no: {c.why_lost}"}
        if self.homed and self._frame is not None:
            found["zero"] = self._frame.name
        if not told:
            return found
        found["travel"] = (
            ", ".join(f"{told.travel_mm(axis) or math.nan:g}" for axis in range(len(c.letters))) + " mm"
        )
        found["step"] = ", ".join(f"{step:.4g}" for step in self.range.step_mm) + " mm"
        found["own soft limits"] = "on" if told.soft_limits else "off; $20=1 makes it refuse what we refuse"
        found["limit switches"] = "stop it" if told.hard_limits else "do not stop it; see $21"
        found["homing"] = "on" if told.homing else f"off; {SWITCHES}"
        if self._by_hand:
            held = "hold it" if told.values.get(1) == 255 else "let go at rest and do not feel a push; see $1"
            found["homing"] = f"by hand; its motors {held}"
        if (brakes_s := told.brakes_s(self._settings.feed_mm_min)) > BRAKED_S:
            brakes = f"takes {brakes_s:.2g} s from full speed, so that a stop then costs the position"
            found["braking"] = f"{brakes}; raise $120 to $122, or lower feed_mm_min"
        return found

    @property
    def homed(self) -> bool:
        return self._board.controller.homed and self._board.link.is_open and self._frame is not None

    def home(self) -> None:
        """Find the switches. Gets out of whatever alarm or hold the controller is in. By hand: see `make_ready`."""
        if self._by_hand:
            raise HardwareError(self.name, f"has no homing switches: {BY_HAND}")
        with self._board.work() as mark:
            self._frame = None
            told = self._board.controller.told
            if told and not told.homing:
                raise HardwareError(self.name, f"homing is switched off in the controller; {SWITCHES}")
            home_mm = self._board.home(mark, self._settings.homing_s)
            c = self._board.controller
            frame = frame_of(c.told, home_mm, c.offset_mm or home_mm, self._settings.origin)
            if (astray := self._astray(frame, home_mm)) is not None:
                c.lose("its zero is not in its travel")
                raise HardwareError(self.name, f'{astray}; set G54 anew, or say origin = "home" in the rig file')
            self._frame = frame

    @property
    def unready(self) -> str:
        """By hand: why it is not ready, and what making it ready does. Empty when it is, and with switches."""
        if not self._by_hand or self.homed:
            return ""
        does = "making it ready moves nothing: where it then stands is taken for 0, 0, 0"
        return f"it has no homing switches, and {self._board.controller.why_lost}; {BY_HAND}: {does}"

    def make_ready(self) -> None:
        """A person's word that it stands at its zero corner: moves nothing, releases an alarm. With switches, as
        `home`."""
        if not self._by_hand:
            self.home()
            return
        with self._board.work() as mark:
            self._frame = None
            at_mm = self._board.stand_at_home(mark)
            ways = tuple(1.0 if way == "+" else -1.0 for way in self._settings.directions)[: len(at_mm)]
            frame = Frame(at_mm[: len(ways)], ways, "where a person has put it")
            if (astray := self._astray(frame, at_mm)) is not None:
                self._board.controller.lose("its zero is not in its travel")
                raise HardwareError(self.name, f"{astray}; look at directions and travel_mm in the rig file")
            self._frame = frame

    def unlock(self) -> None:
        """Release an alarm ($X), on a person's word that nothing is in the way. Moves nothing. The position is kept
        after an alarm that leaves it known (2: soft limit), and unknown after all others."""
        with self._board.work() as mark:
            self._board.unlock(mark)

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        target_mm = (x_mm, y_mm) if z_mm is None else (x_mm, y_mm, z_mm)
        self._check_travel(target_mm)
        with self._board.work() as mark:
            machine_mm = self._machine_mm(self._known(), target_mm)
            self._board.ready(mark)
            self._known()
            self._board.go(mark, machine_mm, self._settings.feed_mm_min)

    def follow(self, points_mm: Sequence[tuple[float, ...]], speed_mm_s: float | None = None) -> None:
        """Go through all points without stopping between them; returns when the stage stands at the last.

        Each is X, Y or X, Y, Z. Raises as `move_to`; OutOfRangeError before a byte is sent.
        """
        for point in points_mm:
            self._check_travel(point)
        feed_mm_min = self._settings.feed_mm_min if speed_mm_s is None else speed_mm_s * 60
        if not points_mm or not 0 < feed_mm_min <= self._settings.feed_mm_min:
            raise OutOfRangeError(
                self.name, f"needs points, and a speed up to {self._settings.feed_mm_min / 60:g} mm/s"
            )
        board, c = self._board, self._board.controller
        with board.work() as mark:
            frame = self._known()
            path = [self._machine_mm(frame, point) for point in points_mm]
            start_mm, offset_mm = board.ready(mark), c.offset_mm or ()
            self._known()
            lines = [
                straight({c.letters[axis]: mm - offset_mm[axis] for axis, mm in point.items()}, feed_mm_min)
                for point in path
            ]
            c.rest_mm = None
            stream(board, mark, lines)
            longest_s = 5 + 1.5 * (c.told.build.blocks or 15) * self._longest_s(path, feed_mm_min)
            board.wait_at(mark, start_mm, path[-1], time.monotonic() + longest_s, emptied=True)

    def jog(self, x_mm: float, y_mm: float, z_mm: float = 0.0, speed_mm_s: float = 5.0) -> None:
        """Start towards a place that far from here and return at once; `end_jog` ends it early. For a person, also
        before homing; the controller's own soft limits hold. Directions are the machine's. A stop ends it too."""
        by_mm = {letter: mm for letter, mm in zip("XYZ", (x_mm, y_mm, z_mm), strict=True) if mm}
        feed_mm_min = speed_mm_s * 60
        if not by_mm or not all(map(math.isfinite, by_mm.values())) or not 0 < feed_mm_min <= 1e5:
            raise OutOfRangeError(self.name, "a jog needs a way to go and a speed")
        with self._board.work() as mark:
            here_mm = self._board.ready(mark)
            if self.homed and self._frame is not None:
                at_mm = self._frame.stage_mm(here_mm)
                signs = zip(at_mm, (x_mm, y_mm, z_mm), self._frame.sign, strict=False)
                self._check_travel(tuple(at + by * sign for at, by, sign in signs))
            self._board.controller.rest_mm = None
            self._board.command(jog(by_mm, feed_mm_min), ANSWER_S, mark)

    def end_jog(self) -> None:
        """Brake; the position is kept."""
        self._board.link.send(Word.JOG_CANCEL.byte)

    def position_mm(self) -> Position:
        frame = self._known()
        at_mm = frame.stage_mm(self._board.machine_mm())
        self._known()
        x, y, z = (*at_mm, 0.0, 0.0, 0.0)[:3]
        return x, y, z

    def stop(self) -> None:
        """Brake, then reset: a reset at standstill keeps the position. All within 0.5 s."""
        self._board.stop()

    def _astray(self, frame: Frame, home_mm: tuple[float, ...]) -> str | None:
        """Why the travel cannot be where this zero puts it: beyond a switch, or beyond its own soft limits."""
        told = self._board.controller.told
        off_mm = told.pull_off_mm + ROUNDED_MM
        for axis, (letter, travel) in enumerate(zip("XYZ"[: len(home_mm)], self._spec.travel_mm, strict=False)):
            near, far = sorted(frame.machine_mm(axis, end) for end in (0.0, travel))
            span = f"0 to {travel:g} mm of {letter} would be {near:g} to {far:g} mm of the machine"
            switch_mm = home_mm[axis]
            beyond = near < switch_mm - off_mm if told.homes_low(axis) else far > switch_mm + off_mm
            if told and beyond and not self._by_hand:
                return f"{span}, beyond the switch at {switch_mm:g} mm"
            window = told.window_mm(axis)
            if told.soft_limits and window and not window[0] - off_mm <= near <= far <= window[1] + off_mm:
                return f"{span}, whose own limits are {window[0]:g} to {window[1]:g} mm (${130 + axis})"
        return None

    def _longest_s(self, path: Sequence[Mapping[int, float]], feed_mm_min: float) -> float:
        told = self._board.controller.told
        far_mm = {axis: travel for axis, travel in enumerate(self._spec.travel_mm) if axis in path[-1]}
        return max(0.1, told.lasts_s(far_mm, feed_mm_min))

    def _check_travel(self, target_mm: tuple[float, ...]) -> None:
        if len(target_mm) not in (2, 3):
            raise OutOfRangeError(self.name, "a place is X, Y or X, Y, Z")
        for axis, value, travel in zip("XYZ", target_mm, self._spec.travel_mm, strict=False):
            if not math.isfinite(value) or not 0 <= value <= travel:
                raise OutOfRangeError(self.name, f"{axis} {value:g} mm is outside its travel, 0 to {travel:g} mm")

    def _machine_mm(self, frame: Frame, target_mm: tuple[float, ...]) -> dict[int, float]:
        told, has = self._board.controller.told, len(self._board.controller.letters)
        found = {}
        for axis, mm in enumerate(target_mm):
            if axis >= has:
                if mm != 0:
                    raise OutOfRangeError(self.name, f"its controller has no {'XYZ'[axis]} axis")
                continue
            found[axis] = frame.machine_mm(axis, mm)
            window = told.window_mm(axis)
            if window and told.soft_limits and not window[0] - ROUNDED_MM <= found[axis] <= window[1] + ROUNDED_MM:
                space = f"machine space, {window[0]:g} to {window[1]:g} mm (${130 + axis})"
                message = f"{'XYZ'[axis]} {mm:g} mm is {found[axis]:g} mm in its {space}; shorten travel_mm"
                raise OutOfRangeError(self.name, message)
        return found

    def _known(self) -> Frame:
        if self._frame is None or not self._board.controller.homed:
            why = self._board.controller.why_lost
            first = BY_HAND if self._by_hand else "home it first"
            raise HardwareError(self.name, f"does not know its position ({why}); {first}")
        return self._frame
