"""A syringe in a pump: a plunger that moves at a rate until its volume is out, it stops, or it hits an end."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["infuse", "withdraw"]
Ended = Literal["target", "stopped", "stalled"]
Path = Literal["nozzle", "bottle", "waste", "closed"]
"""What the syringe is connected to. Through "closed" nothing flows and the plunger stalls."""


@dataclass
class Stroke:
    """One movement of the plunger. `counted` is what the pump believes; the truth is `gain` times that."""

    direction: Direction
    rate_ul_s: float
    target_ul: float
    gain: float
    began_s: float
    end_s: float
    stalls: bool
    path: Path
    counted_ul: float = 0.0
    into: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    beside: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def advance(self, t_s: float) -> float:
        """Bring the count up to `t_s`; returns the true volume moved since the last call."""
        if t_s >= self.end_s:
            counted = self.rate_ul_s * (self.end_s - self.began_s) if self.stalls else self.target_ul
        else:
            counted = self.rate_ul_s * (t_s - self.began_s)
        moved = max(0.0, counted - self.counted_ul)
        self.counted_ul += moved
        return moved * self.gain


@dataclass
class Syringe:
    """`gain`: true volume by counted volume, fixed for this pump. Volumes are true ones."""

    role: str
    stock: str
    capacity_ul: float
    left_ul: float
    gain: float
    stroke: Stroke | None = None
    ended: Ended = "stopped"
    infused_ul: float = 0.0
    withdrawn_ul: float = 0.0

    def begin(
        self, t_s: float, direction: Direction, rate_ul_s: float, target_ul: float, gain: float, path: Path
    ) -> None:
        """Start the plunger. A target beyond the end of the barrel stalls there."""
        room_ul = self.left_ul if direction == "infuse" else self.capacity_ul - self.left_ul
        room_ul = 0.0 if path == "closed" else room_ul
        reach_ul = room_ul / gain
        stalls = target_ul > reach_ul + 1e-6
        span_s = min(target_ul, reach_ul) / rate_ul_s
        self.stroke = Stroke(direction, rate_ul_s, target_ul, gain, t_s, t_s + span_s, stalls, path)

    def move(self, t_s: float) -> float:
        """Advance the stroke under way to `t_s`; returns the true volume that went out (or came in)."""
        assert self.stroke is not None  # noqa: S101 - the caller looked
        before = self.stroke.counted_ul
        true_ul = self.stroke.advance(t_s)
        counted = self.stroke.counted_ul - before
        if self.stroke.direction == "infuse":
            self.infused_ul += counted
            self.left_ul -= true_ul
        else:
            self.withdrawn_ul += counted
            self.left_ul += true_ul
        return true_ul
