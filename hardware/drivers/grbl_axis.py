"""Syringe pumps made of an axis of a GRBL 1.1 or grblHAL controller that drives a plunger.

Manual: gnea/grbl, doc/markdown/{interface,commands,settings}.md, revision 1.1h; grblHAL, wiki "For sender
developers". Verified against the virtual bench and scripted conversations taken from the manual; never yet against
the real thing.

What the manual makes easy to get wrong: a feed below 1 mm/min is raised to that without a word, one above $11x is
lowered. A dose is one straight move to an absolute target, finite by itself: whether a line whose "ok" was lost was
done, the position tells, and nothing is sent twice. The position counts steps, not liquid: a plunger that jams is
not noticed. Several axes of one board are several pumps on one port, each with its letter as its address: they dose
one after the other, **a stop of one stops them all**, and homing one homes them all.

The syringe of a plunger without a switch is taken as full when the pump is opened first, and a person says when it
is filled. With a switch its content follows from the position, once a person had it homed (`make_ready`).
"""

import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hardware.devices import PumpAbilities, PumpRange, Traffic
from hardware.dialects.grbl import is_banner
from hardware.dialects.grbl_settings import SLOWEST_MM_MIN
from hardware.drivers import Probe
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.parts.delivery import Book
from hardware.parts.grbl_board import SAME_PLACE_MM, Board
from hardware.parts.grbl_state import Mark
from hardware.spec import FeedMmMin, Positive, PumpSpec
from hardware.wire import Wire

CHAINED = True
PROBES: tuple[Probe, ...] = ()
"""None: the same board is found as a stage; that it drives plungers, only a person knows."""
LEAST_MOVE_MM = 0.0025
"""Below this a report of three decimals does not tell whether it moved."""
RUNAWAY_MM = 0.05
STEP_MM, FASTEST_MM_MIN = 0.0125, 300.0
"""While the controller has not told its own."""


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. address: the axis. mm_per_ul: plunger travel; without it, that of
    the syringe's diameter. travel_mm: the whole stroke; without it, what capacity_ul takes. infuses: which way the
    plunger pushes. switch: where the axis has its homing switch. fastest_mm_min: a limit below the board's $11x."""

    address: Literal["X", "Y", "Z", "A", "B", "C"] = "X"
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400, 250000, 460800, 921600, 1000000] = 115200
    mm_per_ul: Positive | None = None
    travel_mm: Positive | None = None
    infuses: Literal["+", "-"] = "+"
    switch: Literal["none", "empty", "full"] = "none"
    fastest_mm_min: FeedMmMin | None = None
    homing_s: Annotated[float, Field(ge=1, le=1200)] = 180.0


class Driver:
    """One plunger with one syringe."""

    def __init__(
        self, name: str, spec: PumpSpec, settings: Settings, *, speed: float, latch: threading.Event,
        wire: Wire | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._spec, self._settings = spec, settings
        self._board = Board(name, spec.port, settings.baud, wire, speed=speed, latch=latch)
        self._board.again = "make it ready, and say what its syringe holds"
        self._board.homes = settings.switch != "none"
        self._ul_per_mm = 1 / settings.mm_per_ul if settings.mm_per_ul else math.pi / 4 * spec.diameter_mm**2
        self._sign = 1.0 if settings.infuses == "+" else -1.0
        self._book = Book(name, "syringe", spec.capacity_ul)
        self._homings, self._unsure = 0, ""
        self._exact_mm: float | None = None

    def open(self) -> None:
        """Reset the board, unless another pump on it has. Nothing moves."""
        if self._board.open():
            self._exact_mm = None
        told, letters = self._board.controller.told, self._board.controller.letters
        if self._settings.address not in letters:
            self.close()
            raise HardwareError(self.name, f"its controller has axes {', '.join(letters)}, none {self._letter}")
        stroke_mm, its_mm = self._stroke_mm, told.travel_mm(self._axis)
        if its_mm is not None and stroke_mm > its_mm + 1e-3 and self._settings.switch != "none":
            self.close()
            both = f"a full stroke is {stroke_mm:g} mm, its ${130 + self._axis} says {its_mm:g} mm"
            raise HardwareError(self.name, f"{both}; correct the one that is wrong")

    def identify(self) -> str:
        """Firmware and revision. Connects again should the cable have been out."""
        return self._board.version()

    def close(self) -> None:
        self._board.close()

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._board.link.traffic

    @property
    def abilities(self) -> PumpAbilities:
        return PumpAbilities(aspirates=True, counts=True)

    @property
    def range(self) -> PumpRange:
        per_mm = self._ul_per_mm
        return PumpRange(
            capacity_ul=self._spec.capacity_ul,
            min_volume_ul=max(self._step_mm, LEAST_MOVE_MM) * per_mm,
            min_rate_ul_s=SLOWEST_MM_MIN / 60 * per_mm,
            max_rate_ul_s=self._fastest_mm_min / 60 * per_mm,
            step_ul=self._step_mm * per_mm,
        )

    def about(self) -> Mapping[str, str]:
        """Asks only for a status; what the board is set to was read when it was opened."""
        state, c = self._board.state(), self._board.controller
        told, at_mm = c.told, c.machine_mm
        found = {
            "firmware": str(told.build),
            "state": state,
            "axis": f"{self._letter}, {self._ul_per_mm:.5g} µL a mm, pushes towards {self._settings.infuses}",
            "step": f"{self._step_mm * self._ul_per_mm:.3g} µL",
            "fastest": f"{self._fastest_mm_min:g} mm/min",
        }
        if at_mm is not None and len(at_mm) > self._axis:
            found["plunger"] = f"at {at_mm[self._axis]:.3f} mm of the machine"
        if told:
            found["own soft limits"] = "on" if told.soft_limits else "off"
        if self.unready:
            found["not ready"] = self.unready
        return found

    @property
    def left_ul(self) -> float:
        self._heed_homing()
        return self._book.left_ul

    def loaded(self, volume_ul: float) -> None:
        """Book that the syringe now holds `volume_ul`."""
        self._heed_homing()
        self._book.loaded(volume_ul)
        self._unsure = ""

    @property
    def unready(self) -> str:
        """Why it is not ready, and what making it ready does. Empty when it is ready."""
        c = self._board.controller
        if self._settings.switch != "none" and not c.homed:
            does = (
                "pushing out what the syringe holds" if self._settings.switch == "empty" else "filling the syringe"
            )
            others = "; every other axis of its board moves to its switch too"
            return f"it does not know where its plunger is: homing moves it to its switch, {does}{others}"
        if c.alarm or (c.status is not None and c.status.state == "Alarm"):
            return f"its board is locked, {c.why_lost}; unlocking moves nothing, but see what the syringe holds"
        return ""

    def make_ready(self) -> None:
        """Home all axes of the board, or, without a switch, unlock it. Raises as `dispense` does."""
        board = self._board
        with board.work() as mark:
            if self._settings.switch == "none":
                board.unlock(mark)
            else:
                board.home(mark, self._settings.homing_s)
        self._heed_homing()

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._deliver(volume_ul, rate_ul_s, drawn=False)

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._deliver(volume_ul, rate_ul_s, drawn=True)

    def stop(self) -> None:
        """Brake, then reset: this stops every axis of the board. Within 0.5 s; what was delivered is counted."""
        self._board.stop()

    def _deliver(self, volume_ul: float, rate_ul_s: float, *, drawn: bool) -> float:
        limits = self.range
        if not math.isfinite(volume_ul) or not limits.min_volume_ul <= volume_ul <= limits.capacity_ul:
            span = f"{limits.min_volume_ul:.3g} to {limits.capacity_ul:g} µL"
            raise OutOfRangeError(self.name, f"{volume_ul:g} µL is outside what it can deliver, {span}")
        if not limits.min_rate_ul_s * 0.999 <= rate_ul_s <= limits.max_rate_ul_s * 1.001:
            span = f"{limits.min_rate_ul_s:.3g} to {limits.max_rate_ul_s:.3g} µL/s"
            raise OutOfRangeError(self.name, f"{rate_ul_s:g} µL/s is outside what it can do, {span}")
        self._heed_homing()
        self._book.check(volume_ul, drawn=drawn)
        if self._unsure:
            raise HardwareError(self.name, self._unsure)
        if self._settings.switch != "none" and not self._board.controller.homed:
            raise HardwareError(self.name, f"is not ready: {self.unready}")
        with self._board.work() as mark:
            start_mm = self._start_mm(mark)
            away = -self._sign if drawn else self._sign
            target_mm = self._on_a_step(start_mm + away * volume_ul / self._ul_per_mm)
            self._check_window(target_mm)
            return self._push(mark, start_mm, target_mm, rate_ul_s, drawn=drawn)

    def _push(self, mark: Mark, start_mm: float, target_mm: float, rate_ul_s: float, *, drawn: bool) -> float:
        board, whole_mm = self._board, abs(target_mm - start_mm)
        way = math.copysign(1.0, target_mm - start_mm)
        self._exact_mm = None

        def watch(at_mm: tuple[float, ...]) -> None:
            gone_mm = (at_mm[self._axis] - start_mm) * way
            if not -RUNAWAY_MM <= gone_mm <= whole_mm + RUNAWAY_MM:
                with suppress(DeviceTimeoutError):
                    board.halt()
                raise ReplyError(
                    self.name, "?", f"{gone_mm:.3f} mm", "goes where it was not sent; stopped", "unknown"
                )

        try:
            board.go(mark, {self._axis: target_mm}, rate_ul_s / self._ul_per_mm * 60, watch)
        except HardwareError as error:
            gone_mm = self._gone_mm(error, start_mm, way)
            counted_ul = whole_mm * self._ul_per_mm if gone_mm is None else gone_mm * self._ul_per_mm
            self._book.moved(counted_ul, drawn=drawn)
            if isinstance(error, StoppedError) and gone_mm is not None:
                words = f"{error.message}, after {counted_ul:.4g} of {whole_mm * self._ul_per_mm:.4g} µL"
                raise StoppedError(self.name, words) from error
            raise
        self._exact_mm = target_mm
        self._book.moved(whole_mm * self._ul_per_mm, drawn=drawn)
        return whole_mm * self._ul_per_mm

    def _gone_mm(self, error: HardwareError, start_mm: float, way: float) -> float | None:
        """How far a cut move came, by the board's own count; None when nobody knows."""
        c = self._board.controller
        if error.outcome == "not_done":
            return 0.0
        if isinstance(error, NotConnectedError) or (isinstance(error, ReplyError) and is_banner(error.reply)):
            return None
        with suppress(HardwareError):
            self._board.recover()
            gone_mm = (self._board.machine_mm()[self._axis] - start_mm) * way
            c.rest_mm = c.machine_mm
            return max(0.0, gone_mm)
        return None

    def _start_mm(self, mark: Mark) -> float:
        """Where the plunger is: as exactly as it was sent there, if it still is there."""
        board = self._board
        try:
            at_mm = board.ready(mark)[self._axis]
        except HardwareError:
            if not board.controller.homed and board.controller.why_lost == "its position jumped":
                self._unsure = "its plunger was moved by others; see what its syringe holds and say so"
            raise
        exact_mm, self._exact_mm = self._exact_mm, None
        near = exact_mm is not None and abs(exact_mm - at_mm) <= board.same_mm(self._axis)
        return exact_mm if exact_mm is not None and near else self._on_a_step(at_mm)

    def _heed_homing(self) -> None:
        """What homing, by whichever pump of the board, means for this plunger."""
        c = self._board.controller
        if c.homings == self._homings:
            return
        self._homings, self._exact_mm = c.homings, None
        if self._settings.switch == "none":
            self._unsure = (
                "its board was homed and may have moved its plunger; see what its syringe holds and say so"
            )
        else:
            self._book.loaded(0.0 if self._settings.switch == "empty" else self._spec.capacity_ul)

    def _check_window(self, target_mm: float) -> None:
        told = self._board.controller.told
        window = told.window_mm(self._axis)
        if told.soft_limits and window and not window[0] - 1e-3 <= target_mm <= window[1] + 1e-3:
            space = f"{window[0]:g} to {window[1]:g} mm (${130 + self._axis}); home it, or set $20=0"
            raise OutOfRangeError(
                self.name, f"would go to {target_mm:.3f} mm, outside its own soft limits, {space}"
            )

    def _on_a_step(self, mm: float) -> float:
        return round(mm / self._step_mm) * self._step_mm

    @property
    def _letter(self) -> str:
        return self._settings.address

    @property
    def _axis(self) -> int:
        return self._board.controller.letters.find(self._settings.address)

    @property
    def _stroke_mm(self) -> float:
        return self._settings.travel_mm or self._spec.capacity_ul / self._ul_per_mm

    @property
    def _step_mm(self) -> float:
        told = self._board.controller.told
        return (told.step_mm(self._axis) if self._axis >= 0 else None) or (SAME_PLACE_MM if told else STEP_MM)

    @property
    def _fastest_mm_min(self) -> float:
        told = self._board.controller.told
        its_own = (told.fastest_mm_min(self._axis) if self._axis >= 0 else None) or FASTEST_MM_MIN
        return min(its_own, self._settings.fastest_mm_min or its_own)
