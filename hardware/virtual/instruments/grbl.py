"""A stage controller with Grbl 1.1h, byte for byte.

Source: gnea/grbl, doc/markdown (interface, commands, jogging, settings). Built with HOMING_FORCE_SET_ORIGIN and
homing towards zero on every axis, so that machine positions are 0 to the travel. Connecting resets the controller
as an Arduino's DTR line does: deaf while it boots, then the banner; position unknown, locked until $H or $X.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from hardware.spec import StageSpec
from hardware.virtual.gcode import Block, GrblError, Modes, parse, strip
from hardware.virtual.grbl_settings import Settings
from hardware.virtual.motion import Point, axis_limited
from hardware.virtual.server import PortServer
from hardware.virtual.world import SWITCH_MM, World

BANNER = b"\r\nGrbl 1.1h ['$' for help]\r\n"
BOOT_S = 0.5
_LEAST_BOOT_WALL_S = 0.05
PLANNER_BLOCKS = 15
RX_BYTES = 128
LINE_BYTES = 80
_OFFSETS = ("G54", "G55", "G56", "G57", "G58", "G59", "G28", "G30", "G92")
_LOCKED = "[MSG:'$H'|'$X' to unlock]"


@dataclass(frozen=True)
class Move:
    """One planned line in machine coordinates."""

    target: Point
    feed_mm_min: float | None


class Instrument(PortServer):
    """The controller behind one port; the mechanics are the world's."""

    def __init__(
        self, world: World, parts: Mapping[str, StageSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(next(iter(parts)), host, port)
        self._world = world
        self._settings = Settings(world.spec.stage.travel_mm)
        self._boots_until_s = 0.0
        self._power_up()

    # states

    def _power_up(self) -> None:
        """As after DTR: the motors stop dead, the position is unknown, the lock is on."""
        self._world.halt_stage()
        self._offset: Point = self._world.stage_mm()
        self._state = "Alarm" if self._settings.homing else "Idle"
        self._critical = False
        self._restart()

    def _restart(self) -> None:
        """What every reset forgets."""
        self._modes = Modes()
        self._plan: deque[Move] = deque()
        self._planned: Point = self._machine()
        self._moving: Move | None = None
        self._homing: deque[tuple[Point, float]] = deque()
        self._waits_until_s = 0.0
        self._owed: list[str] = []
        self._lines: deque[str] = deque()
        self._line = ""
        self._wco_in, self._ov_in = 0, 1

    def _machine(self) -> Point:
        """MPos: where the controller believes the stage is."""
        x, y, z = self._world.stage_mm()
        return x - self._offset[0], y - self._offset[1], z - self._offset[2]

    def _say(self, *lines: str) -> None:
        self.send("".join(f"{line}\r\n" for line in lines).encode("ascii"))

    def on_connect(self) -> None:
        self._power_up()
        clock = self._world.clock
        self._boots_until_s = clock.now_s() + max(BOOT_S, _LEAST_BOOT_WALL_S * clock.speed)

    def _boot(self) -> None:
        if self._world.clock.now_s() >= self._boots_until_s:
            self._boots_until_s = 0.0
            self._welcome()

    def _welcome(self) -> None:
        self.send(BANNER)
        if self._state == "Alarm":
            self._say(_LOCKED)

    # bytes

    def on_bytes(self, data: bytes) -> None:
        for byte in data:
            self.on_moment()
            if self._boots_until_s:
                return
            if byte == ord("?"):
                self._report()
            elif byte == ord("!"):
                self._hold()
            elif byte == ord("~"):
                self._resume()
            elif byte == 0x18:
                self._reset()
            elif byte == 0x85:
                self._cancel_jog()
            elif byte in b"\r\n":
                self._lines.append(self._line)
                self._line = ""
            elif byte < 0x80 and self._rx_free() > 0:
                self._line += chr(byte)
        self.on_moment()

    def _rx_free(self) -> int:
        return RX_BYTES - len(self._line) - sum(len(line) + 1 for line in self._lines)

    def moment_s(self) -> float:
        now = self._world.clock.now_s()
        next_s = self._world.stage_ends_in_s()
        for until_s in (self._waits_until_s, self._boots_until_s):
            if until_s > now:
                next_s = min(next_s, until_s - now)
        return min(0.02, self._world.clock.wall_s(next_s) + 0.0003)

    def on_moment(self) -> None:
        """Follow the stage, then read as many lines as the planner takes."""
        if self._boots_until_s:
            self._boot()
        self._watch_switches()
        self._walk()
        while self._lines and self._takes_a_line():
            line = self._lines.popleft()
            try:
                answer = self._obey(line)
            except GrblError as error:
                answer = str(error)
            self._walk()
            if answer:
                self._say(answer)

    def _takes_a_line(self) -> bool:
        if self._critical or self._homing or self._state.startswith("Hold") or self._owed:
            return False
        return self._world.clock.now_s() >= self._waits_until_s and len(self._plan) < PLANNER_BLOCKS

    # real-time commands

    def _report(self) -> None:
        if self._critical or self._state == "Home":
            return
        here = self._machine()
        v_mm_min = self._world.stage_velocity_mm_s() * 60
        fields = [self._state, "MPos:" + ",".join(f"{p:.3f}" for p in here)]
        if self._settings.reports_buffers:
            blocks = PLANNER_BLOCKS - len(self._plan) - (self._moving is not None)
            fields.append(f"Bf:{max(0, blocks)},{self._rx_free()}")
        fields.append(f"FS:{v_mm_min:.0f},0")
        if pressed := self._world.switches():
            fields.append(f"Pn:{pressed}")
        self._wco_in, self._ov_in = self._wco_in - 1, self._ov_in - 1
        if self._wco_in < 0:
            self._wco_in = 29 if self._moving else 9
            self._ov_in = max(self._ov_in, 1)
            fields.append("WCO:0.000,0.000,0.000")
        elif self._ov_in < 0:
            self._ov_in = 19 if self._moving else 9
            fields.append("Ov:100,100,100")
        self._say(f"<{'|'.join(fields)}>")

    def _hold(self) -> None:
        if self._state == "Jog":
            self._cancel_jog()
        elif self._state == "Run":
            self._world.brake_stage()
            self._state = "Hold:1"
        elif self._state == "Idle":
            self._state = "Hold:0"

    def _resume(self) -> None:
        if self._state != "Hold:0":
            return
        self._state = "Idle"
        if self._moving is not None:
            self._plan.appendleft(self._moving)
            self._moving = None
        self._walk()

    def _cancel_jog(self) -> None:
        if self._state == "Jog":
            self._plan.clear()
            self._world.brake_stage()

    def _reset(self) -> None:
        """0x18. In motion the motors stop dead and the count is worth nothing."""
        number = {"Home": 6, "Run": 3, "Jog": 3, "Hold:1": 3}.get(self._state)
        self._world.halt_stage()
        if self._critical:
            self._say(*self._owed)
        if number is not None:
            self._lose_position()
            self._say(f"ALARM:{number}")
            self._state = "Alarm"
        self._critical = False
        self._restart()
        if self._state != "Alarm":
            self._state = "Idle"
        self._welcome()

    def _lose_position(self) -> None:
        lost = self._world.lost_steps_mm()
        self._offset = (self._offset[0] + lost[0], self._offset[1] + lost[1], self._offset[2] + lost[2])

    def _stand_still(self, alarm: int) -> None:
        """Alarms 1 and 2: nothing but a reset is answered from here."""
        self._world.halt_stage()
        self._plan.clear()
        self._moving = None
        self._homing.clear()
        self._state, self._critical = "Alarm", True
        self._say(f"ALARM:{alarm}", "[MSG:Reset to continue]")

    def _watch_switches(self) -> None:
        if self._settings.hard_limits and self._state in ("Run", "Jog", "Hold:1") and self._world.switches():
            self._lose_position()
            self._stand_still(1)

    # motion

    def _walk(self) -> None:
        """Begin what comes next when the stage stands."""
        if self._world.stage_moves():
            return
        if self._homing:
            self._home_on()
        if self._state == "Hold:1":
            self._state = "Hold:0"
        if self._state in ("Run", "Jog"):
            self._moving = None
            if not self._plan:
                self._state = "Idle"
                self._planned = self._machine()
        if self._plan and self._state in ("Idle", "Run", "Jog"):
            move = self._plan.popleft()
            self._state = "Jog" if self._state == "Jog" else "Run"
            self._moving = move
            self._go(move.target, move.feed_mm_min)

    def _go(self, machine: Point, feed_mm_min: float | None) -> None:
        here = self._machine()
        v = axis_limited(here, machine, self._settings.fastest_mm_s)
        accel = axis_limited(here, machine, self._settings.accel_mm_s2)
        if feed_mm_min is not None:
            v = min(v, feed_mm_min / 60)
        o = self._offset
        self._world.start_stage((machine[0] + o[0], machine[1] + o[1], machine[2] + o[2]), v, accel)

    def _home_on(self) -> None:
        """Next leg of homing, in true coordinates; after the last one the position is known."""
        target, feed_mm_min = self._homing.popleft()
        if math.isfinite(feed_mm_min):
            self._world.start_stage(target, feed_mm_min / 60, min(self._settings.accel_mm_s2))
            return
        self._offset = self._world.stage_mm()
        self._state, self._planned = "Idle", self._machine()
        self._say("ok")

    # lines

    def _obey(self, raw: str) -> str:
        line = strip(raw)
        if len(raw) >= LINE_BYTES:
            raise GrblError(11)
        if not line:
            return "ok"
        if line.startswith("$"):
            return self._system(line)
        if self._state in ("Alarm", "Jog"):
            raise GrblError(9)
        block = parse(line, self._modes)
        if block.dwell_s is not None:
            return self._dwell(block, raw)
        self._modes = block.modes
        if not block.axes_mm:
            return "ok"
        target = self._target(block)
        if self._settings.soft_limits and not self._settings.within_travel(target):
            self._owed = ["ok"]
            self._stand_still(2)
            return ""
        self._add(Move(target, block.feed_mm_min))
        return "ok"

    def _target(self, block: Block) -> Point:
        base = self._planned
        x, y, z = (
            (base[i] + block.axes_mm[a] if block.relative else block.axes_mm[a]) if a in block.axes_mm else base[i]
            for i, a in enumerate("XYZ")
        )
        return x, y, z

    def _add(self, move: Move) -> None:
        if math.dist(move.target, self._planned) > 1e-6:
            self._plan.append(move)
        self._planned = move.target

    def _dwell(self, block: Block, raw: str) -> str:
        """G4 waits for the planner to run empty, then for its time; only then comes the ok."""
        if self._plan or self._moving:
            self._lines.appendleft(raw)
            self._waits_until_s = self._world.clock.now_s() + 0.005
            return ""
        self._modes = block.modes
        self._waits_until_s = self._world.clock.now_s() + (block.dwell_s or 0.0)
        self._lines.appendleft("")
        return ""

    # $ commands

    def _system(self, line: str) -> str:
        if line == "$":
            self._say("[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]")
        elif line.startswith("$J"):
            return self._jog(line)
        elif line == "$$":
            if self._state not in ("Idle", "Alarm"):
                raise GrblError(8)
            self._say(*self._settings.lines())
        elif line == "$G":
            self._say(self._modes.report())
        elif line == "$X":
            if self._state == "Alarm":
                self._state = "Idle"
                self._planned = self._machine()
                self._say("[MSG:Caution: Unlocked]")
        else:
            return self._system_at_rest(line)
        return "ok"

    def _system_at_rest(self, line: str) -> str:
        if self._state not in ("Idle", "Alarm"):
            raise GrblError(8)
        if line == "$H":
            return self._home()
        if line == "$I":
            self._say("[VER:1.1h.20190825:Aliquot virtual bench]", f"[OPT:VZ,{PLANNER_BLOCKS},{RX_BYTES}]")
        elif line == "$#":
            self._say(
                *(f"[{name}:0.000,0.000,0.000]" for name in _OFFSETS), "[TLO:0.000]", "[PRB:0.000,0.000,0.000:0]"
            )
        elif line == "$N":
            self._say("$N0=", "$N1=")
        else:
            self._settings.store(line)
        return "ok"

    def _home(self) -> str:
        """Z first, then X and Y together: seek the switch, back off, find it again slowly, back off."""
        if not self._settings.homing:
            raise GrblError(5)
        seek, feed = self._settings.homing_mm_min
        x, y, _ = self._world.stage_mm()
        at, clear = -SWITCH_MM, self._settings.pull_off_mm - SWITCH_MM
        legs: list[tuple[Point, float]] = []
        for pressed, free in (((x, y, at), (x, y, clear)), ((at, at, clear), (clear, clear, clear))):
            legs += [(pressed, seek), (free, seek), (pressed, feed), (free, feed)]
        self._homing = deque([*legs, ((0.0, 0.0, 0.0), math.inf)])
        self._state = "Home"
        return ""

    def _jog(self, line: str) -> str:
        if self._state not in ("Idle", "Jog"):
            raise GrblError(8)
        if not line.startswith("$J="):
            raise GrblError(16)
        block = parse(line.removeprefix("$J="), self._modes, jog=True)
        target = self._target(block)
        if self._settings.soft_limits and not self._settings.within_travel(target):
            raise GrblError(15)
        self._add(Move(target, block.feed_mm_min))
        if self._plan:
            self._state = "Jog"
        return "ok"
