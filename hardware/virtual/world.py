"""The physics of the virtual bench: syringes, vials, stage. One state, one lock, advanced when anyone looks.

Geometry: the stage carries the rack; the nozzles of all pumps end above one station. Whatever leaves a nozzle
falls into the vial that stands there, and beside it when none does or when it is full. Every syringe has a dual
check valve: it is refilled from its stock bottle by withdrawing. The tubing is primed.
"""

import math
import random
import threading
from collections import defaultdict

from hardware.spec import RigSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.dyes import is_known
from hardware.virtual.motion import Point, Travel
from hardware.virtual.scene import Scene, SeenVial
from hardware.virtual.syringe import Direction, Ended, Path, Stroke, Syringe
from hardware.virtual.truth_log import TruthLog

GAIN_SD = 0.005
"""Of a pump: its true volume by its counted volume, for ever."""
DOSE_SD = 0.002
"""Of one dose."""
SWITCH_MM = 1.0
"""How far beyond the travel a limit switch closes."""
HARD_STOP_MM = 1.5
_STEP_S = 0.005


class World:
    """State of the bench. Every method may be called from any thread."""

    def __init__(self, spec: RigSpec, clock: VirtualClock, *, seed: int = 0, log: TruthLog | None = None) -> None:
        self.spec = spec
        self.clock = clock
        self.log = log if log is not None else TruthLog()
        self._lock = threading.RLock()
        self._random = random.Random(seed)
        self._t_s = 0.0
        self._syringes = {
            role: Syringe(
                role, pump.stock or role, pump.capacity_ul, pump.capacity_ul, 1 + self._random.gauss(0, GAIN_SD)
            )
            for role, pump in spec.pumps.items()
        }
        self._vials: dict[str, dict[str, float]] = {slot: {} for slot in spec.rack.slots}
        self._stand: Point = (
            self._random.uniform(0.05, 0.2) * spec.stage.travel_mm[0],
            self._random.uniform(0.3, 0.6) * spec.stage.travel_mm[1],
            self._random.uniform(0.1, 0.5) * spec.stage.travel_mm[2],
        )
        self._travel: Travel | None = None
        self._spilled: dict[str, float] = defaultdict(float)
        self._wasted: dict[str, float] = defaultdict(float)

    @property
    def colourless(self) -> tuple[str, ...]:
        """Roles whose stock is of no known dye: they are clear in every picture, whatever they are called."""
        return tuple(role for role, syringe in self._syringes.items() if not is_known(syringe.stock))

    # time

    def sync(self) -> float:
        """Advance to now; returns the virtual time."""
        with self._lock:
            now = self.clock.now_s()
            while self._t_s < now:
                strokes = [s for s in self._syringes.values() if s.stroke is not None]
                until = now
                if strokes:
                    until = min(until, *(s.stroke.end_s for s in strokes if s.stroke is not None))
                    if self._travel is not None:
                        until = min(until, self._t_s + _STEP_S)
                until = max(until, self._t_s)
                slot = self._slot_at((self._t_s + until) / 2)
                for syringe in strokes:
                    self._pour(syringe, until, slot)
                self._t_s = until
                if self._travel is not None and until >= self._travel.end_s:
                    self._stand, self._travel = self._travel.target, None
                for syringe in strokes:
                    if syringe.stroke is not None and until >= syringe.stroke.end_s:
                        self._end(syringe, "stalled" if syringe.stroke.stalls else "target")
                if until >= now:
                    break
            return self._t_s

    def _pour(self, syringe: Syringe, t_s: float, slot: str | None) -> None:
        stroke = syringe.stroke
        if stroke is None:
            return
        true_ul = syringe.move(t_s)
        if true_ul <= 0.0 or stroke.direction == "withdraw" or stroke.path == "bottle":
            return
        if stroke.path == "waste":
            self._wasted[syringe.stock] += true_ul
            return
        fits_ul = 0.0
        if slot is not None:
            vial = self._vials[slot]
            fits_ul = min(true_ul, max(0.0, self.spec.rack.vial.capacity_ul - sum(vial.values())))
            if fits_ul > 0.0:
                vial[syringe.stock] = vial.get(syringe.stock, 0.0) + fits_ul
                stroke.into[slot] += fits_ul
        if true_ul > fits_ul:
            stroke.beside[slot or ""] += true_ul - fits_ul
            self._spilled[syringe.stock] += true_ul - fits_ul

    def _end(self, syringe: Syringe, ended: Ended) -> None:
        stroke, syringe.stroke, syringe.ended = syringe.stroke, None, ended
        if stroke is None:
            return
        who = {"role": syringe.role, "stock": syringe.stock}
        for slot, ul in stroke.into.items():
            self.log.write(self._t_s, "dose", slot=slot, ul=round(ul, 4), **who)
        for slot, ul in stroke.beside.items():
            self.log.write(self._t_s, "spill", slot=slot or None, ul=round(ul, 4), **who)
        if stroke.direction == "withdraw":
            self.log.write(self._t_s, "refill", slot=None, ul=round(stroke.counted_ul * stroke.gain, 4), **who)

    # pumps

    def start_pump(
        self,
        role: str,
        direction: Direction,
        rate_ul_s: float,
        target_ul: float = math.inf,
        path: Path | None = None,
    ) -> None:
        """Set a plunger going; a stroke under way ends here and now.

        path: what a valve connects the syringe to; a check valve, without one, infuses to the nozzle and draws from
        the bottle.
        """
        path = path or ("nozzle" if direction == "infuse" else "bottle")
        with self._lock:
            now = self.sync()
            syringe = self._syringes[role]
            self._end(syringe, "stopped")
            gain = syringe.gain * (1 + self._random.gauss(0, DOSE_SD))
            syringe.begin(now, direction, rate_ul_s, target_ul, gain, path)

    def stop_pump(self, role: str) -> float:
        """Halt a plunger; returns what was still to be counted of its target, in µL."""
        with self._lock:
            self.sync()
            stroke = self._syringes[role].stroke
            if stroke is None:
                return 0.0
            self._end(self._syringes[role], "stopped")
            return stroke.target_ul - stroke.counted_ul

    def pump_moves(self, role: str) -> bool:
        with self._lock:
            self.sync()
            return self._syringes[role].stroke is not None

    def pump_ended(self, role: str) -> Ended:
        """How the last stroke of this pump ended."""
        with self._lock:
            return self._syringes[role].ended

    def pump_ends_in_s(self, role: str) -> float:
        """Virtual seconds until the stroke under way ends by itself; infinite when none is."""
        with self._lock:
            stroke = self._syringes[role].stroke
            return math.inf if stroke is None else max(0.0, stroke.end_s - self.clock.now_s())

    def counted_ul(self, role: str) -> tuple[float, float]:
        """What the pump has counted since power-up: (infused, withdrawn), µL."""
        with self._lock:
            self.sync()
            return self._syringes[role].infused_ul, self._syringes[role].withdrawn_ul

    def stall(self, role: str) -> None:
        """Jam a plunger that moves."""
        with self._lock:
            self.sync()
            self._end(self._syringes[role], "stalled")

    def left_ul(self, role: str) -> float:
        """True volume in the syringe."""
        with self._lock:
            self.sync()
            return self._syringes[role].left_ul

    def set_left(self, role: str, left_ul: float) -> None:
        """Where a plunger stands before anybody has moved it."""
        with self._lock:
            self._syringes[role].left_ul = left_ul

    def wasted_ul(self) -> dict[str, float]:
        """What went to waste, by stock."""
        with self._lock:
            self.sync()
            return dict(self._wasted)

    def weight_mg(self) -> float:
        """Of the liquid in the vial at the station; 1 mg/µL. 0 when no vial stands there."""
        with self._lock:
            slot = self._slot_at(self.sync())
            return sum(self._vials[slot].values()) if slot is not None else 0.0

    def refill(self, role: str) -> None:
        """A person puts in a full syringe of the same stock."""
        with self._lock:
            self.sync()
            syringe = self._syringes[role]
            added, syringe.left_ul = syringe.capacity_ul - syringe.left_ul, syringe.capacity_ul
            self.log.write(self._t_s, "refill", role=role, stock=syringe.stock, slot=None, ul=round(added, 4))

    def stroke(self, role: str) -> Stroke | None:
        with self._lock:
            self.sync()
            return self._syringes[role].stroke

    # stage

    def start_stage(self, target: Point, v_mm_s: float, accel_mm_s2: float) -> Travel:
        """Set the stage going from where it stands; hard stops bound the target."""
        with self._lock:
            now = self.sync()
            bounds = self.spec.stage.travel_mm
            inside = tuple(
                min(max(p, -HARD_STOP_MM), b + HARD_STOP_MM) for p, b in zip(target, bounds, strict=True)
            )
            here = self.stage_mm()
            self._travel = Travel(here, (inside[0], inside[1], inside[2]), now, v_mm_s, accel_mm_s2)
            return self._travel

    def brake_stage(self) -> Travel | None:
        """Slow down to a stand; returns the travel that does it."""
        with self._lock:
            now = self.sync()
            if self._travel is not None:
                self._travel = self._travel.braked(now)
            return self._travel

    def halt_stage(self) -> None:
        """The motors stop dead."""
        with self._lock:
            self.sync()
            self._stand, self._travel = self.stage_mm(), None

    def push_stage(self, by_mm: Point) -> None:
        """A knock, or a belt that jumped, while it stands: the stage is elsewhere, and no motor has turned."""
        with self._lock:
            self.sync()
            (x, y, z), (dx, dy, dz) = self._stand, by_mm
            self._stand = (x + dx, y + dy, z + dz)

    def stage_mm(self) -> Point:
        """True position of the stage."""
        with self._lock:
            now = self.sync()
            return self._stand if self._travel is None else self._travel.position(now)

    def stage_moves(self) -> bool:
        with self._lock:
            self.sync()
            return self._travel is not None

    def stage_ends_in_s(self) -> float:
        """Virtual seconds until the stage stands; infinite when it stands."""
        with self._lock:
            return math.inf if self._travel is None else max(0.0, self._travel.end_s - self.clock.now_s())

    def stage_velocity_mm_s(self) -> float:
        with self._lock:
            now = self.sync()
            return 0.0 if self._travel is None else self._travel.velocity_mm_s(now)

    def switches(self) -> str:
        """Letters of the axes whose limit switch is closed."""
        pairs = zip("XYZ", self.stage_mm(), self.spec.stage.travel_mm, strict=True)
        return "".join(a for a, p, travel in pairs if p <= -SWITCH_MM or p >= travel + SWITCH_MM)

    def lost_steps_mm(self) -> Point:
        """How far a motor that was cut off in motion coasts past its count."""
        with self._lock:
            return self._random.gauss(0, 0.3), self._random.gauss(0, 0.3), self._random.gauss(0, 0.1)

    # vials

    def _slot_at(self, t_s: float) -> str | None:
        """The vial that catches what falls from the nozzles at that moment."""
        x, y, _ = self._stand if self._travel is None else self._travel.position(t_s)
        rack = self.spec.rack
        slot = rack.nearest(x, y)
        sx, sy = rack.position_mm(slot)
        if slot not in self._vials or math.hypot(x - sx, y - sy) > rack.vial.bore_mm * 0.35:
            return None
        return slot

    def slot_at_station(self) -> str | None:
        with self._lock:
            return self._slot_at(self.sync())

    def contents_ul(self, slot: str) -> dict[str, float]:
        """True contents by stock; KeyError when no vial stands in the slot."""
        with self._lock:
            self.sync()
            return dict(self._vials[slot])

    def spilled_ul(self) -> dict[str, float]:
        with self._lock:
            self.sync()
            return dict(self._spilled)

    def remove_vial(self, slot: str) -> None:
        with self._lock:
            self.sync()
            del self._vials[slot]
            self.log.write(self._t_s, "vial", slot=slot, present=False)

    def put_vial(self, slot: str, contents_ul: dict[str, float] | None = None) -> None:
        """A vial into a slot, in place of the one that may stand there; clean unless told otherwise."""
        if slot not in self.spec.rack.slots:
            raise KeyError(f"the rack has no slot {slot!r}")
        with self._lock:
            self.sync()
            self._vials[slot] = dict(contents_ul or {})
            self.log.write(self._t_s, "vial", slot=slot, present=True)

    def swap_rack(self) -> None:
        """A person puts in a fresh rack: a clean vial in every slot."""
        with self._lock:
            self.sync()
            self._vials = {slot: {} for slot in self.spec.rack.slots}
            self.log.write(self._t_s, "rack")

    # sight

    def scene(self) -> Scene:
        """What the camera sees now."""
        with self._lock:
            now = self.sync()
            x, y, z = self.stage_mm()
            rack = self.spec.rack
            seen = rack.nearest(x, y)
            vials = []
            for slot in rack.in_line_with(seen):
                held = self._vials.get(slot)
                vials.append(SeenVial(slot, rack.position_mm(slot)[0] - x, None if held is None else dict(held)))
            pouring = tuple(
                (s.stock, s.stroke.rate_ul_s)
                for s in self._syringes.values()
                if s.stroke is not None and s.stroke.direction == "infuse"
            )
            return Scene(tuple(vials), y - rack.position_mm(seen)[1], z, pouring, now)
