"""The lines that a virtual Grbl understands: G-code and `$` commands."""

import math
from collections import deque

from hardware.virtual.gcode import SYSTEMS, Block, GrblError, parse, strip
from hardware.virtual.grbl_controller import DEAF_S, Controller, Move, _axes
from hardware.virtual.grbl_settings import Axes


class Lines(Controller):
    """A controller that obeys."""

    def answer(self, line: str) -> str:
        try:
            return self._obey(line)
        except GrblError as error:
            return str(error)

    def _obey(self, raw: str) -> str:
        line = strip(raw)
        if len(line if self.firmware == "grbl" else raw) >= self.line_bytes:
            raise GrblError(11)  # GRBL counts what it keeps of the line
        if not line:
            return "ok"
        if line.startswith("$"):
            return self._system(line)
        if self._state in ("Alarm", "Jog"):
            raise GrblError(9)
        block = parse(line, self._modes, axes=self._letters)
        if block.dwell_s is not None:
            return self._dwell(block, raw)
        if block.modes.system != self._modes.system:
            self._wco_in = 0
        self._modes = block.modes
        if block.sets:
            return self._set_zero(block)
        if not block.axes_mm or self._state == "Check":
            return "ok"
        target = self._target(block)
        if self._beyond(target):
            self._owed = ["ok"]
            self._alarm(2)
            return ""
        self._add(Move(target, block.feed_mm_min))
        return "ok"

    def _target(self, block: Block) -> Axes:
        base, wco = self._planned, self._zero if block.machine else self._wco()
        found = []
        for axis, letter in enumerate(self._letters):
            if letter not in block.axes_mm:
                found.append(base[axis])
            else:
                found.append(block.axes_mm[letter] + (base[axis] if block.relative else wco[axis]))
        return tuple(found)

    def _beyond(self, target: Axes) -> bool:
        """Whether its soft limits forbid it."""
        own = self._settings
        off_mm = own.pull_off_mm if self.firmware != "grbl" and own.hard_limits else 0.0
        return own.soft_limits and not own.within_travel(target, off_mm)

    def _add(self, move: Move) -> None:
        on_steps = tuple(round(p / s) * s for p, s in zip(move.target, self._settings.step_mm, strict=True))
        if math.dist(on_steps, self._planned) > 1e-6:
            self._plan.append(Move(on_steps, move.feed_mm_min))
        self._planned = on_steps

    def _set_zero(self, block: Block) -> str:
        """G10 and G92: where work coordinates begin."""
        self._wco_in = 0
        if block.sets == "G92.1":
            self._shift = self._zero
            return "ok"
        system = list(self._systems.get(block.place, self._zero))
        shift, base = list(self._shift), self._systems.get(self._modes.system, self._zero)
        for axis, letter in enumerate(self._letters):
            if letter in block.axes_mm:
                here, mm = self._planned[axis], block.axes_mm[letter]
                if block.sets == "G92":
                    shift[axis] = here - base[axis] - mm
                else:
                    system[axis] = mm if block.sets == "L2" else here - self._shift[axis] - mm
        self._shift = tuple(shift)
        if block.place:
            self._systems[block.place] = tuple(system)
            return self._writes()
        return "ok"

    def _writes(self) -> str:
        """Memory is being written: deaf until that is done, and only then the ok."""
        if self.firmware != "grbl":
            return "ok"
        self._deaf_until_s = self._waits_until_s = self._world.clock.now_s() + DEAF_S
        self._next = ""
        return ""

    def _dwell(self, block: Block, raw: str) -> str:
        """G4 waits for the planner to run empty, then for its time; only then comes the ok."""
        if self._plan or self._moving:
            self._next = raw
            self._waits_until_s = self._world.clock.now_s() + 0.005
            return ""
        self._modes = block.modes
        self._waits_until_s = self._world.clock.now_s() + (block.dwell_s or 0.0)
        self._next = ""
        return ""

    # $ commands

    def _system(self, line: str) -> str:
        if line == "$":
            self._say("[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]")
        elif line.startswith("$J"):
            return self._jog(line)
        elif line == "$$":
            if self._state == "Run":
                raise GrblError(8)
            self._say(*self._settings.lines())
        elif line == "$G":
            self._say(self._modes.report())
        elif line == "$X":
            if self.must_home:
                raise GrblError(46)
            if self._ajar:
                raise GrblError(13)
            if self._state == "Alarm":
                self._state, self._code = "Idle", 0
                self._planned = self._machine()
                self._say("[MSG:Caution: Unlocked]")
        elif line == "$C":
            return self._check_mode()
        else:
            return self._system_at_rest(line)
        return "ok"

    def _check_mode(self) -> str:
        if self._state == "Check":
            self._say("[MSG:Disabled]", "ok")
            self._reset()
            return ""
        if self._state != "Idle":
            raise GrblError(8)
        self._state = "Check"
        self._say("[MSG:Enabled]")
        return "ok"

    def _system_at_rest(self, line: str) -> str:
        if self._state not in ("Idle", "Alarm"):
            raise GrblError(8)
        if line == "$H":
            return self._home()
        if line == "$SLP":
            self._say("ok", "[MSG:Sleeping]")
            self._state = "Sleep"
            return ""
        if line == "$I":
            self._build()
        elif line == "$#":
            zero = _axes(self._zero)
            self._say(*(f"[{name}:{_axes(self._systems.get(name, self._zero))}]" for name in SYSTEMS))
            self._say(
                f"[G28:{zero}]", f"[G30:{zero}]", f"[G92:{_axes(self._shift)}]", "[TLO:0.000]", f"[PRB:{zero}:0]"
            )
        elif line == "$N":
            self._say(*(f"$N{n}={kept}" for n, kept in enumerate(self.startup)))
        elif line.startswith("$N"):
            return self._store_startup(line)
        else:
            self._settings.store(line)
            return self._writes()
        return "ok"

    def _store_startup(self, line: str) -> str:
        """It is obeyed at once, to see whether it can be."""
        number, equals, block = line.removeprefix("$N").partition("=")
        if number not in ("0", "1") or not equals:
            raise GrblError(3)
        if self._state != "Idle":
            raise GrblError(8)
        if block:
            self._obey(block)
        self.startup[int(number)] = block
        return self._writes()

    def _build(self) -> None:
        forced = "Z" if self._settings.forces_origin else ""
        if self.firmware == "grbl":
            self._say("[VER:1.1h.20190830:Aliquot virtual bench]", f"[OPT:V{forced},{self.blocks},{self.rx_bytes}]")
            return
        self._say("[VER:1.1f.20231005:Aliquot virtual bench]",
                  f"[OPT:VNM{forced},{self.blocks},{self.rx_bytes},{len(self._letters)},0]",
                  f"[AXS:{len(self._letters)}:{self._letters}]", "[NEWOPT:ENUMS,RT+,HOME,TC,SED]",
                  "[FIRMWARE:grblHAL]")  # fmt: skip

    def _home(self) -> str:
        """Z first, then X and Y, then what else there is: seek the switch, back off, find it slowly, back off."""
        if not self._settings.homing:
            raise GrblError(5)
        if self._ajar:
            raise GrblError(13)
        seek, feed = self._settings.homing_mm_min
        at = list(self._mechanics.here())
        legs: list[tuple[Axes, float]] = []
        axes = range(len(at))
        for group in ([a for a in axes if a == 2], [a for a in axes if a < 2], [a for a in axes if a > 2]):
            pressed, free = list(at), list(at)
            for axis in group:
                low = self._settings.homes_low(axis)
                pressed[axis] = self._mechanics.switch_mm(axis, low=low)
                free[axis] = pressed[axis] + (1 if low else -1) * self._settings.pull_off_mm
            legs += [(tuple(p), v) for p, v in ((pressed, seek), (free, seek), (pressed, feed), (free, feed))]
            at = free
        self._homing = deque([*legs, (tuple(at), math.inf)])
        self._state = "Home"
        return ""

    def _jog(self, line: str) -> str:
        if self._state not in ("Idle", "Jog"):
            raise GrblError(8)
        if not line.startswith("$J="):
            raise GrblError(3)
        block = parse(line.removeprefix("$J="), self._modes, axes=self._letters, jog=True)
        target = self._target(block)
        if self._beyond(target):
            raise GrblError(15)
        self._add(Move(target, block.feed_mm_min))
        if self._plan:
            self._state = "Jog"
        return "ok"
