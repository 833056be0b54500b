"""Grbl's `$` settings: numbers, what they read back as, and the few that the mechanics follow."""

from collections.abc import Sequence

from hardware.virtual.gcode import GrblError

Axes = tuple[float, ...]
_DECIMALS = (11, 12, 24, 25, 27)


class Settings:
    """Of a plotter-sized stage: 100 mm/s in X and Y, homing towards zero, soft and hard limits on.

    forces_origin: built so that homing ends at machine zero; otherwise machine space is -travel to 0 on all axes.
    """

    def __init__(self, travel_mm: Sequence[float], *, forces_origin: bool = True) -> None:
        self.forces_origin = forces_origin
        self.axes = len(travel_mm)
        self._values: dict[int, float] = {
            0: 10, 1: 255, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 10: 3, 11: 0.01, 12: 0.002, 13: 0, 20: 1, 21: 1, 22: 1,
            23: 2**self.axes - 1, 24: 300, 25: 4500, 26: 25, 27: 1, 30: 1000, 31: 0, 32: 0,
        }  # fmt: skip
        for first, xy, others in ((100, 80, 400), (110, 6000, 1800), (120, 400, 200)):
            self._values |= {first + axis: xy if axis < 2 else others for axis in range(self.axes)}
        self._values |= {130 + axis: travel for axis, travel in enumerate(travel_mm)}

    def lines(self) -> list[str]:
        """The answer to $$, without its ok."""
        return [f"${n}={v:.3f}" if n in _DECIMALS or n >= 100 else f"${n}={v:.0f}" for n, v in self._values.items()]

    def store(self, line: str) -> None:
        """Obey `$n=value`."""
        number, equals, value = line.removeprefix("$").partition("=")
        if not (number.isdigit() and equals and int(number) in self._values):
            raise GrblError(3)
        try:
            known = float(value)
        except ValueError as error:
            raise GrblError(2) from error
        if known < 0:
            raise GrblError(4)
        if int(number) == 20 and known and not self.homing:
            raise GrblError(10)
        self.set(int(number), known)

    def set(self, number: int, value: float) -> None:
        self._values[number] = value
        if number == 22 and not value:
            self._values[20] = 0  # soft limits need homing

    def _of_axes(self, first: int) -> Axes:
        return tuple(self._values[first + axis] for axis in range(self.axes))

    def _bit(self, number: int, bit: int = 0) -> bool:
        return bool(int(self._values[number]) >> bit & 1)

    @property
    def reports_machine(self) -> bool:
        return self._bit(10)

    @property
    def reports_buffers(self) -> bool:
        return self._bit(10, 1)

    @property
    def soft_limits(self) -> bool:
        return self._bit(20)

    @property
    def hard_limits(self) -> bool:
        return self._bit(21)

    @property
    def homing(self) -> bool:
        return self._bit(22)

    @property
    def homing_locks(self) -> bool:
        return self.homing and self._bit(22, 2)

    def homes_low(self, axis: int) -> bool:
        return self._bit(23, axis)

    @property
    def homing_mm_min(self) -> tuple[float, float]:
        """Of seeking the switch, and of finding it again slowly."""
        return self._values[25], self._values[24]

    @property
    def pull_off_mm(self) -> float:
        return self._values[27]

    @property
    def step_mm(self) -> Axes:
        return tuple(1 / steps for steps in self._of_axes(100))

    @property
    def fastest_mm_s(self) -> Axes:
        return tuple(rate / 60 for rate in self._of_axes(110))

    @property
    def accel_mm_s2(self) -> Axes:
        return self._of_axes(120)

    def home_mm(self) -> Axes:
        """Machine position where homing ends."""
        if self.forces_origin:
            return (0.0,) * self.axes
        ends = zip(range(self.axes), self._of_axes(130), strict=True)
        return tuple(self.pull_off_mm - travel if self.homes_low(i) else -self.pull_off_mm for i, travel in ends)

    def within_travel(self, target: Axes, off_mm: float = 0.0) -> bool:
        """off_mm: how far grblHAL keeps away from switches that stop it."""
        for axis, (at, travel) in enumerate(zip(target, self._of_axes(130), strict=True)):
            low, high = off_mm - travel, -off_mm
            if self.forces_origin:
                low, high = (0.0, travel - off_mm) if self.homes_low(axis) else (low, 0.0)
            if not low - 1e-6 <= at <= high + 1e-6:
                return False
        return True
