"""Stages of Zaber Technologies in its ASCII protocol: X, Y and Z are axes of one or several devices on a port.

Manual: ASCII Protocol Manual for firmware 6.09 (message format, commands, settings), and for firmware 7 as far as
the maker's own library `zaber-motion` 10.3 speaks it. Checked against conversations taken from the manual and the
virtual bench, which `zaber-motion` drives too; never yet against the real thing.

This driver speaks the protocol itself and not through `zaber-motion`: that opens the port on its own, past our log,
lock and stop, and asks a database on the maker's server for the size of a microstep, which a bench without network
has not. Hence `step_um` in the rig file, from the stage's data sheet, at the default resolution; another resolution
set in the device is read from it, and its limits are compared with the rig's travel.

What the manual makes easy to get wrong: lengths are microsteps and speeds 1.6384 times microsteps per second; the
flag in a reply is only the gravest, `warnings` lists all; FS stays until it is cleared, and hides that the place is
lost; a second `stop` while the first brakes is an emergency stop, which a motor without encoder answers with lost
steps; a move without a reference is refused as BADDATA; replies carry checksums only when comm.checksum is 1, to
which opening sets it for good. Home is 0 at the motor's end: mount Z so that the nozzles are up there.
"""

import math
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hardware.devices import StageRange, Traffic
from hardware.dialects.zaber import (
    MOTOR_OFF,
    PLACE_LOST,
    UNREFERENCED,
    Word,
    in_words,
)
from hardware.drivers import Probe
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    Outcome,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.parts.zaber_chain import Axis, Chain
from hardware.spec import NotNegative, Positive, StageSpec
from hardware.wire import Link

STOP_S = 0.5
BRAKING_S = 0.3
"""Who has not come to a stand by then is stopped hard."""
STILL_S = 0.3
ARRIVED_MM = 0.01
UNKNOWN_SPEED_MM_S = 10.0
_WHO = re.compile(rb"@(\d\d) \d (?:\d\d )?OK (?:IDLE|BUSY) [-A-Z0-9]{2} (\d{1,9})(?::[0-9A-F]{2})?\r?\n")

Place = Annotated[str, Field(pattern=r"^[1-9]\d?\.[1-9]$")]


def _who(answer: bytes) -> str | None:
    found = _WHO.search(answer)
    return None if found is None else f"Zaber device {found[2].decode()}, address {int(found[1])}"


PROBES = tuple(Probe(baud, b"/get deviceid\n", _who, (("baud", baud),)) for baud in (115200, 9600))


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. step_um: size of a microstep at the default resolution, from the
    data sheet; y_step_um, z_step_um: where they differ from X. x, y, z: device and axis of each, as "1.2"; z may
    be "" for none. speed_mm_s: of moves, 0 for what the device is set to. stop: "stop" brakes, and only who still
    moves after 0.3 s is stopped hard; "estop" stops hard at once. After a hard stop in motion it must be homed."""

    step_um: Positive
    x: Place = "1.1"
    y: Place = "2.1"
    z: Annotated[str, Field(pattern=r"^([1-9]\d?\.[1-9])?$")] = ""
    y_step_um: NotNegative = 0.0
    z_step_um: NotNegative = 0.0
    speed_mm_s: Annotated[float, Field(ge=0, le=1000)] = 0.0
    homing_s: Annotated[float, Field(ge=1, le=600)] = 120.0
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 115200
    stop: Literal["stop", "estop"] = "stop"

    def __post_init__(self) -> None:
        places = [place for place in (self.x, self.y, self.z) if place]
        if len(set(places)) < len(places):
            raise ValueError(f"x, y and z must be different axes, not {', '.join(places)}")


class Driver:
    """One stage of two or three axes."""

    def __init__(
        self, name: str, spec: StageSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        self.name = name
        self._spec, self._settings = spec, settings
        self._slowest_poll_s = max(0.002, 0.1 / speed)
        self._link = Link(name, spec.port, settings.baud)
        self._chain = Chain(self._link)
        self._latch = latch
        self._halt, self._standing = threading.Event(), threading.Event()
        self._working = threading.Lock()
        self._braking = False
        self._axes = tuple(self._axis(letter) for letter in "XYZ" if getattr(settings, letter.lower()))

    def _axis(self, letter: str) -> Axis:
        settings = self._settings
        device, _, axis = str(getattr(settings, letter.lower())).partition(".")
        own_um = {"Y": settings.y_step_um, "Z": settings.z_step_um}.get(letter)
        speed_mm_s = settings.speed_mm_s or UNKNOWN_SPEED_MM_S
        return Axis(letter, int(device), int(axis), (own_um or settings.step_um) / 1000, speed_mm_s)

    def open(self) -> None:
        """Find all devices, compare their limits with the rig's travel, stop what moves for a lost program."""
        if not self._link.is_open:
            self._link.open()
        try:
            for device in self._devices:
                self._greet(device)
            for axis, travel_mm in zip(self._axes, self._spec.travel_mm, strict=False):
                self._look_at(axis, travel_mm)
            if any(self._chain.get(axis, Word.STATUS).busy for axis in self._axes):
                self.stop()
        except HardwareError:
            self.close()
            raise

    @property
    def _devices(self) -> Sequence[int]:
        return tuple(dict.fromkeys(axis.device for axis in self._axes))

    def _greet(self, device: int) -> None:
        try:
            self._chain.greet(device)
        except DeviceTimeoutError as error:
            who = f"no Zaber device {device} answers on {self._spec.port} at {self._settings.baud} baud"
            advice = "check power, cable, its address, and that it is set to ASCII (115200 or 9600 baud)"
            raise NotConnectedError(self.name, f"{who}; {advice}") from error

    def _look_at(self, axis: Axis, travel_mm: float) -> None:
        axis.step_mm = self._axis(axis.letter).step_mm
        self._chain.look_at(axis, self._settings.speed_mm_s)
        least_mm, most_mm = self._chain.limits_mm(axis)
        if least_mm > ARRIVED_MM or most_mm < travel_mm - ARRIVED_MM:
            limits = f"{axis.letter} travels 0 to {travel_mm:g} mm in the rig file, but its own limits are"
            advice = f"{least_mm:.4g} to {most_mm:.4g} mm at {axis.step_mm * 1000:.6g} µm per microstep"
            raise OutOfRangeError(self.name, f"{limits} {advice}; correct travel_mm or step_um")

    def close(self) -> None:
        self._link.close()

    def identify(self) -> str:
        """Devices and firmware. Connects again should the cable have been out."""
        if self._link.is_open:
            with suppress(NotConnectedError):
                return self._versions()
        self.open()
        return self._versions()

    def _versions(self) -> str:
        of = self._chain.of_device
        return "; ".join(
            f"Zaber device {of(d, Word.DEVICE_ID)}, firmware {of(d, Word.VERSION)}, address {d}"
            for d in self._devices
        )

    def about(self) -> Mapping[str, str]:
        told = {"devices": self._versions()}
        for axis in self._axes:
            least_mm, most_mm = self._chain.limits_mm(axis)
            flags = self._chain.flags(axis)
            now = self._chain.get(axis, Word.POSITION)
            at_mm = self._chain.number_in(Word.POSITION, now) * axis.step_mm
            told[axis.letter] = f"{at_mm:.3f} mm of {least_mm:.4g} to {most_mm:.4g} mm, {axis.speed_mm_s:.4g} mm/s"
            words = ["moves" if now.busy else "stands", *(in_words(flag) for flag in sorted(flags))]
            told[f"{axis.letter} state"] = ", ".join(words)
        for device in self._devices:
            with suppress(ReplyError):  # not told by old firmware
                told[f"serial number of {device}"] = self._chain.of_device(device, Word.SERIAL)
        return told

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def travel_mm(self) -> tuple[float, float, float]:
        """Z is 0 when there is none."""
        x, y, z = self._spec.travel_mm
        return x, y, z if self._settings.z else 0.0

    @property
    def range(self) -> StageRange:
        x, y, *z = (axis.step_mm for axis in self._axes)
        return StageRange(self.travel_mm, (x, y, z[0] if z else x), min(axis.speed_mm_s for axis in self._axes))

    @property
    def homed(self) -> bool:
        return all(axis.homed for axis in self._axes)

    def home(self) -> None:
        """Z first, then X and Y together. Clears what the devices remember of a stall, and switches motors on."""
        with self._work():
            with self._outcome("not_done"):
                for axis in self._axes:
                    axis.lost("was not homed to the end")
                    self._chain.get(axis, Word.CLEAR_WARNINGS)
                    if self._chain.flags(axis) & MOTOR_OFF:
                        self._chain.get(axis, Word.ENABLE)
            with self._outcome("unknown"):
                for group in (self._axes[2:], self._axes[:2]):
                    self._home(group)
            for axis in self._axes:
                axis.trusted, axis.trouble = True, ""

    def _home(self, group: Sequence[Axis]) -> None:
        for axis in group:
            self._chain.ask(axis, Word.HOME, unless=self._halted)
        self._wait(dict.fromkeys(group), self._settings.homing_s)
        for axis in group:
            if lost := sorted(self._chain.flags(axis) & (UNREFERENCED | PLACE_LOST)):
                message = f"{axis.letter} did not find its home: it {in_words(lost[0])}"
                raise ReplyError(self.name, Word.HOME, " ".join(lost), message)

    def move_to(self, x_mm: float, y_mm: float, z_mm: float | None = None) -> None:
        target_mm = (x_mm, y_mm) if z_mm is None else (x_mm, y_mm, z_mm)
        for letter, value, travel in zip("XYZ", target_mm, self.travel_mm, strict=False):
            if not math.isfinite(value) or not 0 <= value <= travel:
                raise OutOfRangeError(self.name, f"{letter} {value:g} mm is outside its travel, 0 to {travel:g} mm")
        with self._work():
            with self._outcome("not_done"):
                for axis in self._axes:
                    self._chain.flags(axis)
                self._require_homed()
                targets = {a: round(mm / a.step_mm) for a, mm in zip(self._axes, target_mm, strict=False)}
                starts = {axis: self._chain.number(axis, Word.POSITION) for axis in targets}
            far = [axis for axis, start in starts.items() if start != targets[axis]]
            travel_s = max((abs(targets[a] - starts[a]) * a.step_mm / a.speed_mm_s for a in far), default=0.0)
            for axis in far:
                self._start(axis, targets[axis], first=axis is far[0])
            self._wait(targets, 1.5 * travel_s + 5, starts)

    def _start(self, axis: Axis, target: int, *, first: bool) -> None:
        try:
            with suppress(DeviceTimeoutError):  # a lost answer says nothing; the position will
                self._chain.ask(axis, f"{Word.MOVE} {target}", unless=self._halted)
        except (ReplyError, NotConnectedError) as error:
            if not first:  # another axis is on its way
                error.outcome = "unknown"
                with suppress(HardwareError):
                    self._chain.shout(Word.STOP)
            raise

    def _wait(
        self, targets: Mapping[Axis, int | None], patience_s: float, starts: Mapping[Axis, float] | None = None
    ) -> None:
        """Until these axes stand, and where they were sent; None: wherever. starts: where a move began."""
        deadline = time.monotonic() + patience_s
        pause_s, astray_since = 0.002, math.inf
        while True:
            self._raise_if_halted()
            now = time.monotonic()
            with self._outcome("unknown"):
                at = {axis: self._stands_at(axis, referenced=starts is not None) for axis in targets}
            if all(self._is_at(axis, place, targets[axis]) for axis, place in at.items()):
                return
            astray_since = math.inf if None in at.values() else min(astray_since, now)
            if now - astray_since > STILL_S:
                self._raise_if_halted()
                places = ", ".join(f"{axis.letter} {place:g}, not {targets[axis]}" for axis, place in at.items())
                outcome: Outcome = "not_done" if at == starts else "unknown"
                raise ReplyError(self.name, Word.MOVE, places, "stands still where it was not sent", outcome)
            if now > deadline:
                self._chain.shout(Word.STOP)
                for axis in targets:
                    axis.lost("did not come to its place in time")
                raise DeviceTimeoutError(self.name, "did not come to a stand in time; stopped", "unknown")
            self._halt.wait(pause_s)
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)

    def _stands_at(self, axis: Axis, *, referenced: bool) -> float | None:
        """Microsteps; None while it moves or does not answer. Raises ReplyError when it has lost its place."""
        try:
            reply = self._chain.ask(axis, Word.POSITION)
        except DeviceTimeoutError:
            return None
        if reply.flag in PLACE_LOST or reply.flag == "NC" or (referenced and not axis.referenced):
            self._chain.shout(Word.STOP)
            self._raise_if_halted()
            raise ReplyError(self.name, Word.POSITION, reply.flag, f"{axis.letter} {in_words(reply.flag)}")
        return None if reply.busy else self._chain.number_in(Word.POSITION, reply)

    @staticmethod
    def _is_at(axis: Axis, place: float | None, target: int | None) -> bool:
        return place is not None and (target is None or abs(place - target) * axis.step_mm <= ARRIVED_MM)

    def position_mm(self) -> tuple[float, float, float]:
        """Z is 0 when there is none."""
        self._require_homed()
        x, y, *z = (self._chain.number(axis, Word.POSITION) * axis.step_mm for axis in self._axes)
        self._require_homed()
        return x, y, z[0] if z else 0.0

    def stop(self) -> None:
        """All devices at once, then make sure of each axis; who still moves after 0.3 s is stopped hard."""
        began = time.monotonic()
        self._halt.set()
        self._standing.clear()
        self._chain.free.clear()
        word = Word.ESTOP if self._settings.stop == "estop" else Word.STOP
        hard, self._braking = self._braking or word is Word.ESTOP, True
        try:
            self._chain.shout(word)
            if hard and self._working.locked():
                self._lost_steps(self._axes)
            if not self._link.lock.acquire(timeout=0.15):
                raise DeviceTimeoutError(self.name, "the stop was sent but not confirmed", "unknown")
            try:
                self._confirm(began + BRAKING_S, began + STOP_S)
            finally:
                self._link.lock.release()
        finally:
            self._chain.free.set()
            self._standing.set()

    def _confirm(self, braked_s: float, deadline_s: float) -> None:
        moving = list(self._axes)
        while True:
            for axis in tuple(moving):
                with suppress(DeviceTimeoutError, ReplyError):
                    patience_s = min(0.1, deadline_s - time.monotonic())
                    if not self._chain.ask(axis, Word.STATUS, cut=lambda: False, patience_s=patience_s).busy:
                        moving.remove(axis)
            if not moving:
                self._braking = False
                return
            time.sleep(0.005)
            now = time.monotonic()
            if now > braked_s:
                for axis in moving:
                    self._chain.shout(Word.ESTOP, axis)
                self._lost_steps(moving)
                braked_s = math.inf
            if now > deadline_s:
                names = " and ".join(axis.letter for axis in moving)
                raise DeviceTimeoutError(self.name, f"the stop was sent but {names} did not confirm it", "unknown")

    @staticmethod
    def _lost_steps(axes: Sequence[Axis]) -> None:
        for axis in axes:
            axis.lost("was stopped hard and may have lost steps")

    def _halted(self) -> bool:
        return self._halt.is_set() or self._latch.is_set()

    def _raise_if_halted(self) -> None:
        if self._halted():
            self._standing.wait(1.0)
            where = "its position is kept" if self.homed else "home it before the next move"
            raise StoppedError(self.name, f"stopped; {where}")

    def _require_homed(self) -> None:
        for axis in self._axes:
            if not axis.homed:
                why = axis.trouble or "does not know its position"
                raise HardwareError(self.name, f"{axis.letter} {why}; home it first")

    @contextmanager
    def _outcome(self, outcome: Outcome) -> Iterator[None]:
        """What is known of a movement when something fails in here."""
        try:
            yield
        except (NotConnectedError, DeviceTimeoutError, ReplyError) as error:
            error.outcome = outcome
            raise

    @contextmanager
    def _work(self) -> Iterator[None]:
        if not self._working.acquire(blocking=False):
            raise HardwareError(self.name, "is still moving; wait or stop it first")
        try:
            self._halt.clear()
            self._standing.clear()
            self._braking = False
            yield
        except StoppedError:
            self._raise_if_halted()
            raise
        finally:
            self._working.release()
