"""Grbl's `$` settings: numbers, what they read back as, and the few that the stage follows."""

from hardware.virtual.gcode import GrblError
from hardware.virtual.motion import Point

_DECIMALS = (11, 12, 24, 25, 27)


class Settings:
    """A plotter-sized stage: 100 mm/s in X and Y, homing towards zero, soft and hard limits on."""

    def __init__(self, travel_mm: Point) -> None:
        x, y, z = travel_mm
        self._values: dict[int, float] = {
            0: 10, 1: 255, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 10: 3, 11: 0.01, 12: 0.002, 13: 0, 20: 1, 21: 1, 22: 1,
            23: 7, 24: 300, 25: 4500, 26: 25, 27: 1, 30: 1000, 31: 0, 32: 0, 100: 80, 101: 80, 102: 400,
            110: 6000, 111: 6000, 112: 1800, 120: 400, 121: 400, 122: 200, 130: x, 131: y, 132: z,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The answer to $$, without its ok."""
        return [f"${n}={v:.3f}" if n in _DECIMALS or n >= 100 else f"${n}={v:.0f}" for n, v in self._values.items()]

    def store(self, line: str) -> None:
        """Obey `$n=value`."""
        number, equals, value = line.removeprefix("$").partition("=")
        if not (number.isdigit() and equals and int(number) in self._values):
            raise GrblError(3)
        try:
            self._values[int(number)] = float(value)
        except ValueError as error:
            raise GrblError(2) from error

    @property
    def reports_buffers(self) -> bool:
        return bool(int(self._values[10]) & 2)

    @property
    def soft_limits(self) -> bool:
        return bool(self._values[20])

    @property
    def hard_limits(self) -> bool:
        return bool(self._values[21])

    @property
    def homing(self) -> bool:
        return bool(self._values[22])

    @property
    def homing_mm_min(self) -> tuple[float, float]:
        """Of seeking the switch, and of finding it again slowly."""
        return self._values[25], self._values[24]

    @property
    def pull_off_mm(self) -> float:
        return self._values[27]

    @property
    def fastest_mm_s(self) -> Point:
        return self._values[110] / 60, self._values[111] / 60, self._values[112] / 60

    @property
    def accel_mm_s2(self) -> Point:
        return self._values[120], self._values[121], self._values[122]

    def within_travel(self, target: Point) -> bool:
        return all(-1e-6 <= p <= self._values[130 + i] + 1e-6 for i, p in enumerate(target))
