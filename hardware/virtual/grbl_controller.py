"""A controller with Grbl 1.1h or grblHAL, byte for byte: its wire, its states, its reports and its motion.

Source: gnea/grbl, doc/markdown (interface, commands, jogging, settings) and grbl/{protocol,report,serial}.c; wiki
of grblHAL. Opening the port resets it as an Arduino's DTR line does: deaf while it boots, then the banner; its
position is unknown, and it is locked until $H or $X. What finds the receive buffer full is dropped without a word,
and so is what comes while its memory is being written.
"""

import math
import queue
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hardware.virtual.gcode import GrblError, Modes
from hardware.virtual.grbl_mechanics import Mechanics
from hardware.virtual.grbl_settings import Axes, Settings
from hardware.virtual.grbl_words import ALARM_S, ALL, BANNERS, CRITICAL, LOCKED, MUST_HOME, TOP_BIT
from hardware.virtual.server import PortServer
from hardware.virtual.world import World

BOOT_S = 0.5
_LEAST_BOOT_WALL_S = 0.05
DEAF_S = 0.05
"""How long writing its memory takes, in which no byte is received."""
LETTERS = "XYZABC"
Firmware = Literal["grbl", "grblHAL"]


@dataclass(frozen=True)
class Move:
    """One planned line in machine coordinates."""

    target: Axes
    feed_mm_min: float | None


class Controller(PortServer):
    """Everything but the lines it is sent; those are in `grbl_lines`.

    dropped: bytes that found no room or no ear. asked: how many `?` came. startup: lines it obeys when it starts
    unlocked, and after homing ($N). hands: what a person does to it.
    """

    def __init__(
        self, world: World, mechanics: Mechanics, settings: Settings, name: str, host: str, port: int, *,
        firmware: Firmware = "grbl", resets_on_open: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(name, host, port)
        self.firmware, self.resets_on_open = firmware, resets_on_open
        self.blocks, self.rx_bytes, self.line_bytes = (15, 128, 80) if firmware == "grbl" else (100, 1024, 257)
        self.dropped = self.asked = 0
        self.homing_fails: int = 0
        self.startup = ["", ""]
        self._world, self._mechanics, self._settings = world, mechanics, settings
        self._letters = LETTERS[: settings.axes]
        self._zero: Axes = (0.0,) * settings.axes
        self._systems: dict[str, Axes] = {}
        self._hands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ajar = False
        self._boots_until_s = 0.0
        self._power_up()

    # what a person does to it, from any thread

    def power_cycle(self) -> None:
        self._hands.put(self._switched_on)

    def press_hold(self) -> None:
        self._hands.put(self._hold)

    def press_resume(self) -> None:
        self._hands.put(self._resume)

    def open_door(self, ajar: bool = True) -> None:
        def act() -> None:
            self._ajar = ajar
            if ajar:
                self._door()

        self._hands.put(act)

    def trip(self) -> None:
        """Bump a limit switch."""
        self._hands.put(lambda: self._alarm(1))

    # states

    def _power_up(self) -> None:
        """As after DTR: the motors stop dead, the position is unknown, the lock is on."""
        self._mechanics.halt()
        self._offset: Axes = self._mechanics.here()
        self._state = "Alarm" if self._settings.homing else "Idle"
        self._critical, self._code, self._homed = False, 0, False
        self._shift: Axes = self._zero
        self._restart()

    def _restart(self) -> None:
        """What every reset forgets."""
        self._modes = Modes()
        self._shift = self._zero
        self._plan: deque[Move] = deque()
        self._planned: Axes = self._machine()
        self._moving: Move | None = None
        self._homing: deque[tuple[Axes, float]] = deque()
        self._waits_until_s = self._sleeps_until_s = self._deaf_until_s = 0.0
        self._owed: list[str] = []
        self._rx = bytearray()
        self._line = ""
        self._next: str | None = None
        self._asked = self._tells_all = self._tells_homed = False
        self._wco_in = self._ov_in = 0

    def _machine(self) -> Axes:
        """MPos: where the controller believes it is."""
        return tuple(at - zero for at, zero in zip(self._mechanics.here(), self._offset, strict=True))

    def _say(self, *lines: str) -> None:
        self.send("".join(f"{line}\r\n" for line in lines).encode("ascii"))

    def on_connect(self) -> None:
        if self.resets_on_open:
            self._switched_on()

    def _switched_on(self) -> None:
        self._power_up()
        clock = self._world.clock
        self._boots_until_s = clock.now_s() + max(BOOT_S, _LEAST_BOOT_WALL_S * clock.speed)

    def _boot(self) -> None:
        if self._world.clock.now_s() >= self._boots_until_s:
            self._boots_until_s = 0.0
            self._welcome()

    def _welcome(self) -> None:
        self.send(BANNERS[self.firmware])
        if self.must_home:
            self._state, self._code = "Alarm", 11
            self._say(*MUST_HOME)
        elif self._state == "Alarm":
            self._say(LOCKED)
        elif self._state == "Idle":
            self._start_up()

    @property
    def must_home(self) -> bool:
        """grblHAL with bit 2 of $22, until it was homed."""
        return self.firmware != "grbl" and self._settings.homing_locks and not self._homed

    def _start_up(self) -> None:
        for line in filter(None, self.startup):
            self._say(f">{line}:{self.answer(line)}")

    # bytes

    def on_bytes(self, data: bytes) -> None:
        for byte in data:
            self.on_moment()
            if self.firmware != "grbl":
                self._tells_all = self._tells_all or byte == ALL
                byte = TOP_BIT.get(byte, byte)
            if self._boots_until_s or self._world.clock.now_s() < self._deaf_until_s:
                self.dropped += 1
            elif byte == ord("?"):
                self.asked += 1
                self._asked = True
            elif byte in b"!~\x18\x84\x85":
                self._act_at_once(byte)
            elif byte < 0x80 and len(self._rx) < self.rx_bytes:
                self._rx.append(byte)
            else:
                self.dropped += 1
        self.on_moment()

    def _act_at_once(self, byte: int) -> None:
        if byte == 0x18:
            self._reset()
        elif not self._sleeps_until_s and not self._critical:
            {ord("!"): self._hold, ord("~"): self._resume, 0x84: self._door, 0x85: self._cancel_jog}[byte]()

    def moment_s(self) -> float:
        now = self._world.clock.now_s()
        next_s = self._mechanics.ends_in_s()
        for until_s in (self._waits_until_s, self._boots_until_s, self._sleeps_until_s, self._deaf_until_s):
            if until_s > now:
                next_s = min(next_s, until_s - now)
        return min(0.02, self._world.clock.wall_s(next_s) + 0.0003)

    def on_moment(self) -> None:
        """Follow the motors, then read as many lines as the planner takes."""
        while not self._hands.empty():
            self._hands.get()()
        if self._boots_until_s:
            self._boot()
        if self._boots_until_s or self._dozes():
            return
        self._watch_switches()
        self._walk()
        self._read_lines()
        if self._asked and not (self.firmware == "grbl" and (self._critical or self._state == "Home")):
            self._asked = False
            self._report()

    def _dozes(self) -> bool:
        """Half a second after an alarm, in which it only collects what comes; then it restarts, or is critical."""
        if not self._sleeps_until_s:
            return False
        if self._world.clock.now_s() < self._sleeps_until_s:
            return True
        self._sleeps_until_s = 0.0
        if not self._critical:
            self._say(*self._owed)
            self._restart()
            self._welcome()
        return False

    def _read_lines(self) -> None:
        while self._takes_a_line():
            line = self._next if self._next is not None else self._take_line()
            if line is None:
                return
            self._next = None
            answer = self.answer(line)
            self._walk()
            if answer:
                self._say(answer)

    def answer(self, line: str) -> str:
        """Obey one line; "" when the answer comes later."""
        raise GrblError(20 if line else 1)

    def _take_line(self) -> str | None:
        for at, byte in enumerate(self._rx):
            if byte in b"\r\n":
                line, self._line = self._line + self._rx[:at].decode("ascii"), ""
                del self._rx[: at + 1]
                return line
        self._line += self._rx.decode("ascii")
        self._rx.clear()
        return None

    def _takes_a_line(self) -> bool:
        if self._critical or self._homing or self._owed or self._sleeps_until_s:
            return False
        if self._state.startswith(("Hold", "Door", "Sleep")):
            return False
        return self._world.clock.now_s() >= self._waits_until_s and len(self._plan) < self.blocks

    # reports

    def _wco(self) -> Axes:
        system = self._systems.get(self._modes.system, self._zero)
        return tuple(a + b for a, b in zip(system, self._shift, strict=True))

    def _report(self) -> None:
        here, wco = self._machine(), self._wco()
        state = f"Alarm:{self._code}" if self.firmware != "grbl" and self._state == "Alarm" else self._state
        shown = here if self._settings.reports_machine else tuple(a - b for a, b in zip(here, wco, strict=True))
        fields = [state, f"{'M' if self._settings.reports_machine else 'W'}Pos:{_axes(shown)}"]
        if self._settings.reports_buffers:
            blocks = self.blocks - len(self._plan) - (self._moving is not None)
            fields.append(f"Bf:{max(0, blocks)},{self.rx_bytes - len(self._rx)}")
        fields.append(f"FS:{self._mechanics.velocity_mm_s() * 60:.0f},0")
        pins = self._mechanics.switches() + ("D" if self._ajar else "")
        fields += [f"Pn:{pins}"] if pins else []
        self._wco_in, self._ov_in = self._wco_in - 1, self._ov_in - 1
        if self._wco_in < 0:
            self._wco_in = 29 if self._moving else 9
            self._ov_in = max(self._ov_in, 0)
            fields.append(f"WCO:{_axes(wco)}")
        elif self._ov_in < 0:
            self._ov_in = 19 if self._moving else 9
            fields.append("Ov:100,100,100")
        if self._tells_all or self._tells_homed:
            fields.append(f"H:{self._homed:d}")
        if self._tells_all:
            fields.append("FW:grblHAL")
        self._tells_all = self._tells_homed = False
        self._say(f"<{'|'.join(fields)}>")

    # real-time commands

    def _hold(self) -> None:
        if self._state == "Jog":
            self._cancel_jog()
        elif self._state == "Run":
            self._mechanics.brake()
            self._state = "Hold:1"
        elif self._state == "Idle":
            self._state = "Hold:0"

    def _resume(self) -> None:
        if self._state not in ("Hold:0", "Door:0"):
            return
        self._state = "Idle"
        if self._moving is not None:
            self._plan.appendleft(self._moving)
            self._moving = None
        self._walk()

    def _door(self) -> None:
        if self._state in ("Idle", "Run", "Jog") or self._state.startswith(("Hold", "Door")):
            self._say("[MSG:Check Door]")
        if self._state == "Home":
            self._alarm(7)
        elif self._state in ("Run", "Jog", "Hold:1"):
            self._mechanics.brake()
            self._state = "Door:2"
        elif self._state in ("Idle", "Hold:0"):
            self._state = "Door:1"

    def _cancel_jog(self) -> None:
        if self._state == "Jog":
            self._plan.clear()
            self._mechanics.brake()

    def _reset(self) -> None:
        """0x18. In motion the motors stop dead, and the count is worth nothing; it is dropped after an alarm."""
        if self._sleeps_until_s:
            return
        number = {"Home": 6, "Run": 3, "Jog": 3, "Hold:1": 3, "Door:2": 3}.get(self._state)
        if number is not None:
            self._alarm(number)
            return
        self._say(*self._owed, *(["ok"] if self._holds_a_line() else []))
        self._critical = False
        self._state = "Alarm" if self._state in ("Alarm", "Sleep") else "Door:1" if self._ajar else "Idle"
        self._restart()
        self._welcome()

    def _holds_a_line(self) -> bool:
        """Whether one waits for time or for room; when that is cut short it is answered with an ok all the same."""
        return self._next is not None or (len(self._plan) >= self.blocks and b"\n" in self._rx)

    def _alarm(self, number: int) -> None:
        """All stops dead. After 1 and 2 nothing but a reset is answered, after the others it resets itself."""
        if self._state == "Home" or self._holds_a_line():
            self._owed = ["ok"]
        moved = self._mechanics.moves()
        self._mechanics.halt()
        if moved and number != 2:
            self._offset = tuple(a + lost for a, lost in zip(self._offset, self._mechanics.lost_mm(), strict=True))
        self._plan.clear()
        self._moving = None
        self._homing.clear()
        self._state, self._critical, self._code = "Alarm", number in CRITICAL, number
        self._homed = self._homed and number == 2
        self._sleeps_until_s = self._world.clock.now_s() + ALARM_S[self.firmware]
        self._say(f"ALARM:{number}", *(["[MSG:Reset to continue]"] if self._critical else []))

    def _watch_switches(self) -> None:
        if self._settings.hard_limits and self._state in ("Run", "Jog", "Hold:1") and self._mechanics.switches():
            self._alarm(1)

    # motion

    def _walk(self) -> None:
        """Begin what comes next when the motors stand."""
        if self._mechanics.moves() or self._sleeps_until_s or self._critical:
            return
        if self._homing:
            self._home_on()
        if self._state == "Hold:1":
            self._state = "Hold:0"
        if self._state.startswith("Door"):
            self._state = "Door:1" if self._ajar else "Door:0"
        if self._state in ("Run", "Jog"):
            self._moving = None
            if not self._plan:
                self._state = "Idle"
                self._planned = self._machine()
        if self._plan and self._state in ("Idle", "Run", "Jog"):
            move = self._plan.popleft()
            self._state = "Jog" if self._state == "Jog" else "Run"
            self._moving = move
            target = tuple(a + b for a, b in zip(move.target, self._offset, strict=True))
            v_mm_s = None if move.feed_mm_min is None else max(move.feed_mm_min, 1.0) / 60
            self._mechanics.go(target, v_mm_s, self._settings.fastest_mm_s, self._settings.accel_mm_s2)

    def _home_on(self) -> None:
        """Next leg of homing, in motor coordinates; after the last one the position is known."""
        target, feed_mm_min = self._homing.popleft()
        if math.isfinite(feed_mm_min):
            self._mechanics.go(target, feed_mm_min / 60, (1e6,) * len(target), self._settings.accel_mm_s2)
            return
        if self.homing_fails:
            self._alarm(self.homing_fails)
            return
        ends = zip(self._mechanics.here(), self._settings.home_mm(), strict=True)
        self._offset = tuple(at - machine for at, machine in ends)
        self._state, self._planned, self._homed, self._wco_in = "Idle", self._machine(), True, 0
        self._tells_homed = self.firmware != "grbl"
        self._start_up()
        self._say("ok")


def _axes(at_mm: Axes) -> str:
    return ",".join(f"{p:.3f}" for p in at_mm)
