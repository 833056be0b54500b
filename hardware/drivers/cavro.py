"""Syringe pumps with a valve: Tecan Cavro XLP 6000, XCalibur, XP 3000, and clones (TriContinent C-Series, Runze).

Manuals: XLP 6000, 734237-C, sections 3.2 to 3.6 and appendix G; XP 3000, 725730C, section 3; TriContinent C-Series,
chapter 5. Verified against the virtual bench and recorded conversations; never yet against the real thing.

What the manuals make easy to get wrong. Only Q says whether the pump is busy, and the error that it tells is then
forgotten by the pump, while moves go on failing: so errors are kept here. Errors come late: `A9999R` is accepted
and the next Q tells 3. After 9 and 10 the pump must be initialised, after 15 not. Initialising drives the plunger
to the top and so pushes out what is in the syringe: only a person may ask for it, and `open` never does. T stops
plungers, not valves and not an initialisation; it may lose steps, so that the position counts for nothing after it.
An R after T goes on with what T stopped: the stop is T alone. A pump just switched on may say "no error, position
0" like one that stands at the top; it tells error 7 only when it is to move. Moves are absolute here, so that none
can be done twice, and a lost answer is settled by position and Q. A pump obeys the first protocol that it hears
until it is switched off.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from hardware.devices import PumpAbilities, PumpRange, Traffic
from hardware.dialects.cavro import (
    Query,
    dt_block,
    heard_dt,
    heard_oem,
    oem_block,
    trouble,
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
from hardware.parts.cavro_pump import INITIALISE_S, CavroPump
from hardware.parts.cavro_scale import Scale
from hardware.parts.cavro_talk import Protocol, Talk
from hardware.parts.cavro_valve import Valve
from hardware.parts.delivery import Halting, check_range, connect
from hardware.spec import PumpSpec
from hardware.wire import Link, Wire

CHAINED = True
MOST_POLLS_UNMOVED = 4
NAMELESS = "Cavro pump that does not tell its firmware"

PROBES: tuple[Probe, ...] = tuple(
    Probe(baud, block, knows, (("address", number), ("protocol", protocol), ("baud", baud)))
    for baud, numbers in ((9600, (1, 2, 3, 4)), (38400, (1,)))
    for number in numbers
    # OEM first: a pump that was just switched on keeps to what it hears first
    for protocol, block, knows in (
        ("oem", oem_block(number, Query.FIRMWARE[0], 1), heard_oem),
        ("dt", dt_block(number, Query.FIRMWARE[0]), heard_dt),
    )
)


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`.

    address: 1 to 15, one more than the pump's switch shows. full_stroke: steps of the whole stroke without
    microsteps (N0): 6000 of an XLP 6000, 3000 of an XCalibur, XP 3000 or C3000. microstep: the pump's N; 1 makes
    positions 8 times finer, 2 also speeds. stroke_pulses: whole stroke in the unit of the speed, at N0.
    slowest_pulses_s, fastest_pulses_s: limits of V, at N0. valve_ports: of a distribution valve. initialise: Z, or
    Y where the output is on the left.
    """

    address: Annotated[int, Field(ge=1, le=15)] = 1
    baud: Literal[9600, 38400] = 9600
    protocol: Protocol = "dt"
    full_stroke: Annotated[int, Field(ge=100, le=120_000)] = 6000
    microstep: Literal[0, 1, 2] = 0
    stroke_pulses: Annotated[int, Field(ge=100, le=120_000)] = 6000
    slowest_pulses_s: Annotated[int, Field(ge=1)] = 5
    fastest_pulses_s: Annotated[int, Field(ge=1, le=6000)] = 6000
    valve: Literal["none", "3-port", "4-port", "distribution"] = "3-port"
    valve_ports: Annotated[int, Field(ge=2, le=12)] = 6
    initialise: Literal["Z", "Y"] = "Z"


def range_of(spec: PumpSpec, settings: Settings) -> PumpRange:
    return _scale(spec, settings).range


def check_ports(spec: PumpSpec, settings: Settings) -> None:
    """Raises OutOfRangeError for a port of the rig file that the valve does not have."""
    Valve(spec.kind, settings.valve, settings.valve_ports, spec.ports).check()


def _scale(spec: PumpSpec, settings: Settings) -> Scale:
    micro, finer = (8 if settings.microstep else 1), (8 if settings.microstep == 2 else 1)
    return Scale(
        spec.capacity_ul, settings.full_stroke * micro, settings.stroke_pulses * finer,
        settings.slowest_pulses_s * finer, settings.fastest_pulses_s * finer,
    )  # fmt: skip


class Driver:
    """One pump with one syringe, whose contents are where its plunger stands."""

    def __init__(
        self, name: str, spec: PumpSpec, settings: Settings, *, speed: float, latch: threading.Event,
        wire: Wire | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._spec, self._settings = spec, settings
        self._slowest_poll_s = max(0.002, 0.1 / speed)
        self._scale = _scale(spec, settings)
        self._valve = Valve(name, settings.valve, settings.valve_ports, spec.ports)
        self._link = Link(name, spec.port, settings.baud, wire)
        self._talk = Talk(self._link, settings.address, settings.protocol)
        self._halting = Halting(name, self._link, latch)
        self._pump = CavroPump(name, self._talk, self._valve.ports, self._halting, self._slowest_poll_s)

    def open(self) -> None:
        """Find the pump and read where it stands; stop it should it move for a program that is gone."""
        self._valve.check()
        connect(self._link, self._greet)

    def _greet(self) -> None:
        self._talk.greet()
        if not self._pump.is_ready():
            self._talk.halt()
            self._pump.spoil("moved for a program that is gone, and was stopped")
            self._talk.settle()
            self._pump.until_ready(INITIALISE_S, heeds_stop=False)
        self._pump.set_resolution(self._settings.microstep)
        self._pump.look()

    def identify(self) -> str:
        """Model and firmware. Connects again should the cable have been out."""
        if self._link.is_open:
            with suppress(NotConnectedError, DeviceTimeoutError):
                self._talk.settle()
                return self._talk.firmware or NAMELESS
        self.open()
        return self._talk.firmware or NAMELESS

    def about(self) -> Mapping[str, str]:
        state = "ready" if self._pump.is_ready() else "moving"
        protocol = self._talk.protocol.upper()
        if self._talk.protocol != self._settings.protocol:
            wanted = self._settings.protocol.upper()
            protocol += (
                f", although the rig file says {wanted}: it keeps to what it hears first; switch it off and on"
            )
        steps = self._pump.number(Query.PLUNGER)
        said = {
            "firmware": self._talk.firmware or NAMELESS,
            "protocol": protocol,
            "state": f"not ready: {self._pump.spoiled}" if self._pump.spoiled else state,
            "plunger": f"{self._scale.ul(steps):.4g} µL ({steps} of {self._scale.steps} steps)",
            "top speed": f"{self._pump.number(Query.TOP_SPEED)} of {self._scale.pulses} pulses per second",
        }
        return said | ({"valve": valve} if (valve := self._pump.valve()) else {})

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return self._link.traffic

    @property
    def abilities(self) -> PumpAbilities:
        return PumpAbilities(repeats_safely=self._talk.protocol == "oem", ports=self._valve.ports)

    @property
    def range(self) -> PumpRange:
        return self._scale.range

    @property
    def left_ul(self) -> float:
        """By the plunger's position, read from the pump after each move."""
        return self._scale.ul(self._pump.steps)

    def loaded(self, volume_ul: float) -> None:
        """Nothing to book: the plunger says it. Raises OutOfRangeError for a volume that contradicts it."""
        if not abs(volume_ul - self.left_ul) <= max(0.01 * self._spec.capacity_ul, self._scale.ul(2)):
            says = f"its plunger says that the syringe holds {self.left_ul:.4g} µL, not {volume_ul:g}"
            raise OutOfRangeError(self.name, f"{says}; draw up or push out the difference")

    @property
    def port_now(self) -> str | None:
        return self._pump.port

    def select(self, port: str) -> None:
        wanted = self._valve.port(port)
        with self._halting.delivering():
            self._check_ready()
            self._pump.come_to_rest()
            self._pump.turn(wanted)

    @property
    def unready(self) -> str:
        if not self._pump.spoiled:
            return ""
        holds = f"up to {self._spec.capacity_ul:g} µL ({self.left_ul:.4g} µL by the pump's own count)"
        goes = f"drives the plunger to the top and pushes what is in the syringe, {holds}, out {self._valve.outlet}"
        return f"{self._pump.spoiled}. Making it ready {goes}: see to it first that it may go there"

    def make_ready(self) -> None:
        """Initialise. Raises as `dispense` does."""
        with self._halting.delivering():
            command = self._valve.initialising(self._settings.initialise, self._spec.capacity_ul)
            self._pump.initialise(command, self._scale.steps)
            self._pump.set_resolution(self._settings.microstep)
            self._pump.valve()

    def stop(self) -> None:
        """Stop, then make sure. The first T leaves at once; the rest waits at most 0.5 s."""
        self._halting.stop(self._talk.stopping(), self._confirm_stop)

    def _confirm_stop(self, deadline_s: float) -> None:
        self._talk.settle(deadline_s)
        while not self._pump.is_ready(deadline_s):
            if time.monotonic() > deadline_s:
                message = "the stop was sent, but it is still busy: a valve, or initialising, goes on to its end"
                raise DeviceTimeoutError(self.name, message, "unknown")
            self._talk.halt()

    def close(self) -> None:
        self._link.close()

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._stroke("deliver", -1, volume_ul, rate_ul_s)

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._stroke("draw", 1, volume_ul, rate_ul_s)

    def _stroke(self, role: Literal["draw", "deliver"], way: int, volume_ul: float, rate_ul_s: float) -> float:
        check_range(self.name, self.range, volume_ul, rate_ul_s)
        steps, pulses_s = self._scale.steps_of(volume_ul), self._scale.pulses_of(rate_ul_s)
        with self._halting.delivering():
            self._check_ready()
            room = self._pump.steps if way < 0 else self._scale.steps - self._pump.steps
            if steps > room:
                what = "left in" if way < 0 else "room in"
                only = f"only {self._scale.ul(room):.4g} µL {what} the syringe"
                raise OutOfRangeError(self.name, f"{volume_ul:g} µL asked, {only}")
            with self._halting.nothing_ran_yet():
                self._prepare(self._valve.of(role), pulses_s)
            start = self._pump.steps
            target = start + way * steps
            self._begin(start, target)
            try:
                return self._scale.ul(self._watch(start, target, self._scale.lasts_s(steps, pulses_s)))
            except NotConnectedError as error:
                self._doubt(start, target)
                error.outcome = "unknown"
                raise

    def _prepare(self, port: str | None, pulses_s: int) -> None:
        """Valve and speed as wanted, and the plunger still where it was left."""
        self._pump.come_to_rest()
        if self._pump.plunger(self._pump.steps) != self._pump.steps:
            self._pump.look()
        self._check_ready()
        if port is not None:
            self._pump.turn(port)
        self._pump.set_number("V", pulses_s, Query.TOP_SPEED)

    def _begin(self, start: int, target: int) -> None:
        """Send the move, once. A silence after it says nothing: `_watch` finds out."""
        self._pump.error = 0
        try:
            self._talk.tell(f"A{target}R", self._halting.halted)
        except StoppedError as error:
            raise StoppedError(self.name, "stopped before it began") from error
        except (DeviceTimeoutError, NotConnectedError) as error:
            if error.outcome == "not_done":
                raise
            self._doubt(start, target)
            if isinstance(error, NotConnectedError):
                raise

    def _watch(self, start: int, target: int, expected_s: float) -> int:
        """Wait for the end; returns how many steps the plunger went."""
        deadline = time.monotonic() + 1.2 * expected_s + 5
        pause_s, unmoved, last = 0.002, 0, start
        while True:
            if self._halting.pause(pause_s):
                self._cut_short(start, target)
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)
            try:
                ready = self._pump.is_ready()
                steps = self._pump.number(Query.PLUNGER) if ready else start
                if ready and steps != target:
                    self._talk.settle()  # or was that an older answer, or another pump's?
                    ready = self._pump.is_ready()
                    steps = self._pump.plunger(target) if ready else start
            except (DeviceTimeoutError, ReplyError):
                self._give_up(start, target, "told nothing that makes sense while it moved")
            if not ready:
                if time.monotonic() > deadline:
                    self._give_up(start, target, f"still moved after {1.2 * expected_s + 5:.0f} s")
                continue
            if steps == target and not self._pump.error:
                self._pump.book(steps)
                return abs(target - start)
            unmoved, last = (unmoved + 1 if steps == last else 0), steps
            if (self._pump.error or unmoved == MOST_POLLS_UNMOVED) and not self._halting.halted():
                self._failed(start, target, steps)

    def _failed(self, start: int, target: int, steps: int) -> NoReturn:
        """It stands, and not where it should, or not without an error."""
        error = self._pump.error
        self._found(start, target, steps)
        if not error and steps == start:
            raise DeviceTimeoutError(self.name, "did not start; its plunger stands where it stood", "not_done")
        if not self._pump.spoiled and steps not in (start, target):
            self._pump.spoil("stopped on its way: it was switched off, or another program stopped it")
        why = trouble(error) if error else self._pump.spoiled
        outcome: Outcome = "not_done" if steps == start and error not in (9, 10) else "unknown"
        message = f"{why}; it came {self._scale.part(start, target, steps)}"
        raise ReplyError(self.name, f"A{target}R", f"error {error}", message, outcome)

    def _cut_short(self, start: int, target: int) -> NoReturn:
        if not self._halting.stands():
            self._talk.halt()
        steps = -1
        with suppress(DeviceTimeoutError, ReplyError, NotConnectedError):
            self._pump.until_ready(1.0, heeds_stop=False)
            steps = self._pump.plunger(target)
        if self._found(start, target, steps) and steps in (start, target):
            raise StoppedError(self.name, f"stopped after {self._scale.part(start, target, steps)}")
        self._pump.spoil("was stopped on its way, which may have cost it steps")
        raise StoppedError(
            self.name, f"stopped after {self._scale.part(start, target, steps)}; {self._pump.spoiled}"
        )

    def _give_up(self, start: int, target: int, why: str) -> NoReturn:
        self._doubt(start, target)
        self._pump.spoil(f"{why}, and was told to stop")
        self._talk.halt()
        raise DeviceTimeoutError(self.name, f"{why}; how much it moved is not known", "unknown")

    def _found(self, start: int, target: int, steps: int) -> bool:
        """Book a position on the way; in place of any other, the emptier end."""
        if min(start, target) <= steps <= max(start, target):
            self._pump.book(steps)
            return True
        self._doubt(start, target)
        return False

    def _doubt(self, start: int, target: int) -> None:
        self._pump.in_doubt((start, target), min(start, target))

    def _check_ready(self) -> None:
        if why := self.unready:
            raise HardwareError(self.name, why)
