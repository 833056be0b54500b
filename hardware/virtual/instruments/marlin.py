"""A stage controller with Marlin 2.1, byte for byte, as far as a stage needs it.

Source: MarlinFirmware/Marlin 2.1.2 (gcode/queue.cpp, gcode/host, module/motion.cpp). Homes towards zero on every
axis. Connecting resets the controller as an Arduino's DTR line does: deaf while it boots, then
"start"; it then believes to be at 0, 0, 0, and its soft end stops do nothing until it is homed.
"""

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from hardware.spec import StageSpec
from hardware.virtual.marlin_lines import LineReader, until_a_switch
from hardware.virtual.motion import Point, axis_limited
from hardware.virtual.server import PortServer
from hardware.virtual.world import SWITCH_MM, World

BOOT_S = 1.5
_LEAST_BOOT_WALL_S = 0.01
PLANNER_BLOCKS = 16
QUEUE_LINES = 4
STEPS_PER_MM = (80.0, 80.0, 400.0)
FASTEST_MM_S = (300.0, 300.0, 30.0)
ACCEL_MM_S2 = (500.0, 500.0, 200.0)
HOMING_MM_S = (50.0, 4.0)
_BUMP_MM = 2.0
_INCH_MM = 25.4
_WORD = re.compile(r"([A-Z])\s*(-?(?:\d+\.?\d*|\.\d+)|)")
_WELCOME = (
    "start", "echo: External Reset", "Marlin 2.1.2", "", "echo: Last Updated: 2023-05-16 | Author: (virtual bench)",
    "echo: Compiled: May 16 2023", "echo: Free Memory: 4096  PlannerBufferBytes: 1232",
    "echo:Hardcoded Default Settings Loaded",
)  # fmt: skip


@dataclass(frozen=True)
class Build:
    """How the firmware was built. ok_after_resend: versions 2.0.8 and 2.0.9 leave that "ok" out."""

    emergency_parser: bool = True
    advanced_ok: bool = False
    ok_after_resend: bool = True
    keepalive_s: float = 2.0


@dataclass(frozen=True)
class Move:
    """One planned line, in the firmware's own coordinates."""

    target: Point
    feed_mm_s: float


class Instrument(PortServer):
    """The controller behind one port; the mechanics are the world's.

    swallow: so many of the next "ok" are lost on the way.
    """

    def __init__(
        self, world: World, parts: Mapping[str, StageSpec], *, host: str = "127.0.0.1", port: int = 0,
        build: Build = Build(),
    ) -> None:  # fmt: skip
        super().__init__(next(iter(parts)), host, port)
        self._world, self.build = world, build
        self.swallow = 0
        self._boots_until_s = 0.0
        self.power_cycle()

    def power_cycle(self) -> None:
        """As after DTR too: the motors stop dead, and it believes to be at the origin."""
        self._world.halt_stage()
        self._offset: Point = self._world.stage_mm()
        self._planned: Point = (0.0, 0.0, 0.0)
        self._plan: deque[Move] = deque()
        self._moving, self._going = False, self._planned
        self._homing: deque[tuple[Point, float]] = deque()
        self._homing_axes = ""
        self._homed = ""
        self._relative, self._inches, self._feed_mm_s = False, False, 25.0
        self._soft, self._switches_stop, self._hit, self._hit_line = True, False, "", ""
        self._hits: dict[str, float] = {}  # until it is homed
        self._lines = LineReader()
        self._queue: deque[str] = deque()
        self._working_since_s: float | None = None
        self._busy_at_s = 0.0
        self._killed = False
        clock = self._world.clock
        self._boots_until_s = clock.now_s() + max(BOOT_S, _LEAST_BOOT_WALL_S * clock.speed)

    def on_connect(self) -> None:
        self.power_cycle()

    def garble(self, lines: int, spare: int = 0) -> None:
        """That many lines arrive with a bit turned, after `spare` that do not."""
        self._lines.spare, self._lines.garble = spare, lines

    def slip(self, by_mm: Point) -> None:
        """The stage is knocked, or a belt jumps, while it stands: what it believes stays as it is."""
        self._world.push_stage(by_mm)
        (x, y, z), (dx, dy, dz) = self._offset, by_mm
        self._offset = (x + dx, y + dy, z + dz)

    def _believed(self) -> Point:
        x, y, z = self._world.stage_mm()
        return x - self._offset[0], y - self._offset[1], z - self._offset[2]

    def _say(self, *lines: str) -> None:
        self.send("".join(f"{line}\n" for line in lines).encode("ascii"))

    # bytes

    def on_bytes(self, data: bytes) -> None:
        self.on_moment()
        for byte in data:
            if self._boots_until_s or self._killed:
                return
            emergency = self._lines.take(byte)
            if emergency is not None and self.build.emergency_parser:
                self._at_once(emergency)
        self.on_moment()

    def _at_once(self, word: str) -> None:
        if word == "M112":
            self._kill()
        else:
            self._quick_stop()

    def moment_s(self) -> float:
        now = self._world.clock.now_s()
        next_s = self._world.stage_ends_in_s()
        if self._boots_until_s:
            next_s = min(next_s, self._boots_until_s - now)
        if self._working_since_s is not None:
            next_s = min(next_s, self._busy_at_s - now)
        return min(0.02, max(0.0, self._world.clock.wall_s(next_s)) + 0.0003)

    def on_moment(self) -> None:
        if self._boots_until_s:
            if self._world.clock.now_s() < self._boots_until_s:
                return
            self._boots_until_s = 0.0
            self._say(*_WELCOME)
        progress = True
        while progress and not self._killed:
            self._walk()
            self._read_lines()
            progress = self._work()
            if self._hit_line and self._working_since_s is None:  # told between two commands, after an ok
                self._say(self._hit_line)
                self._hit_line = ""

    def _read_lines(self) -> None:
        """Into the queue while that has room. Without an emergency parser, stops are seen here at the earliest."""
        while len(self._queue) < QUEUE_LINES and (line := self._lines.next_line(self._complain)) is not None:
            if not self.build.emergency_parser and line.strip() in ("M112", "M410"):
                self._at_once(line.strip())
            if self._killed:
                return
            self._queue.append(line)

    def _complain(self, why: str, wanted: int) -> None:
        self._say(f"Error:{why}", f"Resend: {wanted}", *(["ok"] if self.build.ok_after_resend else []))

    # the queue

    def _work(self) -> bool:
        """One line of the queue if it can be done now; False when there is none or it takes its time."""
        if not self._queue or self._killed:
            return False
        now = self._world.clock.now_s()
        line = re.sub(r"^N-?\d+\s*", "", self._queue[0]).partition("*")[0].partition(";")[0].strip()
        first = self._working_since_s is None
        if first:
            self._working_since_s, self._busy_at_s = now, now + self.build.keepalive_s
        if not self._obey(line, first):
            if now >= self._busy_at_s:
                self._say("echo:busy: processing")
                self._busy_at_s = now + self.build.keepalive_s
            return False
        self._working_since_s = None
        if self._queue:
            self._ok(self._queue.popleft())
        return True

    def _ok(self, line: str) -> None:
        if self.swallow > 0:
            self.swallow -= 1
            return
        number = re.match(r"N(-?\d+)", line)
        planner = PLANNER_BLOCKS - 1 - len(self._plan) - self._moving
        room = f" P{planner} B{QUEUE_LINES - len(self._queue)}"
        name = f" N{number[1]}" if number is not None else ""
        self._say(f"ok{name}{room}" if self.build.advanced_ok else "ok")

    def _obey(self, line: str, first: bool) -> bool:
        """Whether the command has ended."""
        words = dict(_WORD.findall(line))
        command = line.split(" ")[0] if " " in line else line
        if command in ("G0", "G1", "G00", "G01"):
            return self._linear(words)
        if command == "G28":
            return self._home(line, first)
        if command in ("M400", "G4"):
            return not self._plan and not self._moving
        if command in ("M112", "M410"):
            self._at_once(command)
            return not self._killed
        self._simple(command, line)
        return True

    def _simple(self, command: str, line: str) -> None:
        if command in ("G90", "G91"):
            self._relative = command == "G91"
        elif command in ("G20", "G21"):
            self._inches = command == "G20"
        elif command == "M114":
            self._report_position()
        elif command == "M118":
            self._say(line.removeprefix("M118").strip())
        elif command == "M110":
            match = re.search(r"N(-?\d+)", line)
            self._lines.last_number = int(match[1]) if match is not None else self._lines.last_number
        elif command in ("M113", "M154", "M155", "M17", "M18", "M84", "M220", "M999"):
            pass
        elif command == "M105":
            self._say("T:21.50 /0.00 B:21.20 /0.00 @:0 B@:0")
        elif command in ("M120", "M121"):
            self._switches_stop = command == "M120"
        elif command == "M211" and "S" in line:
            self._soft = "S1" in line
        elif command in _REPORTS:
            self._say(*_REPORTS[command](self))
        else:
            self._say(f'echo:Unknown command: "{line}"')

    def _report_position(self) -> None:
        x, y, z = self._planned
        steps = (round(p * s) for p, s in zip(self._believed(), STEPS_PER_MM, strict=True))
        count = " ".join(f"{axis}:{n}" for axis, n in zip("XYZ", steps, strict=True))
        self._say(f"X:{x:.2f} Y:{y:.2f} Z:{z:.2f} E:0.00 Count {count}")

    def firmware(self) -> list[str]:
        """The answer to M115."""
        able = {"EEPROM": 0, "AUTOREPORT_POS": 1, "EMERGENCY_PARSER": int(self.build.emergency_parser), "SDCARD": 0}
        name = "FIRMWARE_NAME:Marlin 2.1.2 (May 16 2023 12:00:00) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin"
        return [
            f"{name} PROTOCOL_VERSION:1.0 MACHINE_TYPE:Virtual Stage EXTRUDER_COUNT:1 UUID:cede2a2f-41a2-4748-9b12",
            *(f"Cap:{word}:{on}" for word, on in able.items()),
        ]

    def soft_limits(self) -> list[str]:
        x, y, z = self._world.spec.stage.travel_mm
        least = " ".join(f"{axis}{-SWITCH_MM:.2f}" for axis in "XYZ")
        state = "S1 ; ON" if self._soft else "S0 ; OFF"
        return [f"  M211 {state}", f"  Min: {least}   Max: X{x:.2f} Y{y:.2f} Z{z:.2f}"]

    def switches(self) -> list[str]:
        states = (
            f"{a}_min: {'TRIGGERED' if p <= -SWITCH_MM else 'open'}"
            for a, p in zip("xyz", self._world.stage_mm(), strict=True)
        )
        return ["Reporting endstop status", *states]

    def settings(self) -> list[str]:
        lines = []
        for title, word, values in (
            ("Steps per unit", "M92", STEPS_PER_MM),
            ("Maximum feedrates", "M203", FASTEST_MM_S),
        ):
            axes = " ".join(f"{axis}{value:.2f}" for axis, value in zip("XYZ", values, strict=True))
            lines += [f"echo:; {title}:", f"echo:  {word} {axes} E93.00"]
        return lines

    # motion

    def _linear(self, words: dict[str, str]) -> bool:
        """G0, G1: planned as soon as the planner has room."""
        if len(self._plan) >= PLANNER_BLOCKS - 1:
            return False
        scale = _INCH_MM if self._inches else 1.0
        if words.get("F"):
            self._feed_mm_s = float(words["F"]) * scale / 60
        target = list(self._planned)
        for i, axis in enumerate("XYZ"):
            if words.get(axis):
                value = float(words[axis]) * scale
                target[i] = target[i] + value if self._relative else value
                if axis in self._homed and self._soft:  # soft end stops clamp, and say nothing
                    target[i] = min(max(target[i], -SWITCH_MM), self._world.spec.stage.travel_mm[i])
        planned = (target[0], target[1], target[2])
        if math.dist(planned, self._planned) > 1e-6:
            self._plan.append(Move(planned, self._feed_mm_s))
        self._planned = planned
        return True

    def _walk(self) -> None:
        """Begin what comes next when the stage stands."""
        if self._world.stage_moves():
            return
        if self._moving and not self._homing_axes:
            # a motor that ran into the frame has counted on
            x, y, z = self._world.stage_mm()
            bx, by, bz = self._going
            self._offset = (x - bx, y - by, z - bz)
            if self._hit:
                self._hits[self._hit] = self._going["XYZ".index(self._hit)]
                said = " ".join(f"{axis}:{at_mm:.2f}" for axis, at_mm in self._hits.items())
                self._hit_line, self._hit, self._planned = f"echo:endstops hit:  {said}", "", self._going
        self._moving = False
        if self._homing_axes:
            if self._homing:
                target, v_mm_s = self._homing.popleft()
                self._moving = True
                self._world.start_stage(target, v_mm_s, min(ACCEL_MM_S2))
        elif self._plan:
            move = self._plan.popleft()
            here, o = self._believed(), self._offset
            self._moving = True
            v = min(move.feed_mm_s, axis_limited(here, move.target, FASTEST_MM_S))
            x, y, z = move.target
            ends = (x + o[0], y + o[1], z + o[2])
            if self._switches_stop:
                ends, self._hit = until_a_switch(self._world.stage_mm(), ends)
            self._going = (ends[0] - o[0], ends[1] - o[1], ends[2] - o[2])
            self._world.start_stage(ends, v, axis_limited(here, move.target, ACCEL_MM_S2))

    def _home(self, line: str, first: bool) -> bool:
        """X, then Y, then Z of those asked for: to the switch, off it, and to it again slowly."""
        if first and not self._homing_axes:
            if self._plan or self._moving:
                self._working_since_s = None  # it waits for the planner before it begins
                return False
            self._hits.clear()
            self._homing_axes = "".join(a for a in "XYZ" if re.search(rf"\b{a}", line)) or "XYZ"
            self._homed = "".join(a for a in self._homed if a not in self._homing_axes)
            where = list(self._world.stage_mm())
            for i, axis in enumerate("XYZ"):
                if axis in self._homing_axes:
                    for at, v in (
                        (-SWITCH_MM, HOMING_MM_S[0]),
                        (_BUMP_MM, HOMING_MM_S[0]),
                        (-SWITCH_MM, HOMING_MM_S[1]),
                        (0.0, HOMING_MM_S[1]),
                    ):
                        where[i] = at
                        self._homing.append(((where[0], where[1], where[2]), v))
            self._walk()
        if self._homing or self._moving:
            return False
        true, offset, planned = self._world.stage_mm(), list(self._offset), list(self._planned)
        for i, axis in enumerate("XYZ"):
            if axis in self._homing_axes:
                offset[i], planned[i] = true[i], 0.0
        self._offset, self._planned = (offset[0], offset[1], offset[2]), (planned[0], planned[1], planned[2])
        self._homed += self._homing_axes
        self._homing_axes = ""
        self._report_position()
        return True

    def _quick_stop(self) -> None:
        """The motors stop where they are, and what they coast is not counted. Homing goes on with its next leg."""
        moved = self._world.stage_moves()
        self._world.halt_stage()
        self._plan.clear()
        self._moving = False
        if moved:
            lost = self._world.lost_steps_mm()
            self._offset = (self._offset[0] + lost[0], self._offset[1] + lost[1], self._offset[2] + lost[2])
        self._planned = self._believed()

    def _kill(self) -> None:
        self._world.halt_stage()
        self._plan.clear()
        self._homing.clear()
        self._queue.clear()
        self._moving, self._homed, self._killed = False, "", True
        self._say("echo:M112 Shutdown", "Error:Printer halted. kill() called!")


_REPORTS = {
    "M115": Instrument.firmware,
    "M119": Instrument.switches,
    "M211": Instrument.soft_limits,
    "M503": Instrument.settings,
}
