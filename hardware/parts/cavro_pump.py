"""Plunger and valve of a Cavro pump: where they stand, whether that can be trusted, and what went wrong.

The pump forgets an error once it has told it, and tells some only after it has accepted the command: so an error is
kept here until the pump is initialised, and a movement is done only when the position says so.
"""

import math
import time
from contextlib import suppress

from hardware.dialects.cavro import SPOILS, Query, Shape, port_named, trouble, turning
from hardware.errors import DeviceTimeoutError, HardwareError, ReplyError, StoppedError
from hardware.parts.cavro_talk import Talk
from hardware.parts.delivery import Halting

SET_S, VALVE_S, INITIALISE_S = 2.0, 15.0, 90.0
"""How long setting a value, turning the valve, and initialising may take."""
_SAME = 6


class CavroPump:
    """steps: where the plunger stands. spoiled: why the pump must be initialised first; empty when it need not.
    error: the last that it told since a command began. port: where the valve stands, None while that is not known.
    """

    def __init__(
        self, name: str, talk: Talk, ports: tuple[str, ...], halting: Halting, slowest_poll_s: float
    ) -> None:
        self.name, self.talk, self.ports = name, talk, ports
        talk.heard = self._heard
        self.steps, self.error, self.spoiled = 0, 0, ""
        self.port: str | None = None
        self._between: tuple[int, int] | None = None
        self._halting, self._slowest_poll_s = halting, slowest_poll_s

    def _heard(self, error: int) -> None:
        if error:
            self.error = error
        if error in SPOILS:
            self.spoil(trouble(error))

    def spoil(self, why: str) -> None:
        """From now on the position counts for nothing."""
        self.spoiled = why

    def book(self, steps: int) -> None:
        self.steps, self._between = steps, (steps, steps)

    def in_doubt(self, between: tuple[int, int], steps: int) -> None:
        """The plunger is, or will be, somewhere between; until it can be asked, book `steps`."""
        self.steps, self._between = steps, (min(between), max(between))

    # reports

    def is_ready(self, until_s: float = math.inf) -> bool:
        return self.talk.ask(Query.STATUS, Shape.NOTHING, until_s=until_s).ready

    def number(self, query: str) -> int:
        return int(self._told(query, self.talk.ask(query, Shape.NUMBER).data))

    def plunger(self, expected: int) -> int:
        """Its position. One that is not expected is believed only if the pump says it twice."""
        last = None
        for _ in range(_SAME):
            steps = self.number(Query.PLUNGER)
            if steps in (expected, last):
                return steps
            last = steps
            self.talk.settle()
        raise ReplyError(self.name, Query.PLUNGER, str(last), "tells another position each time", "unknown")

    def valve(self) -> str | None:
        if not self.ports:
            return None
        told = self._told(Query.VALVE, self.talk.ask(Query.VALVE, Shape.VALVE).data)
        self.port = port_named(told, self.ports)
        if self.port is None and not self.spoiled:
            message = (
                f"tells a valve position that its valve does not have ({', '.join(self.ports)}); correct the rig"
            )
            raise ReplyError(self.name, Query.VALVE, told, f"{message} file's valve and valve_ports")
        return self.port

    def _told(self, query: str, data: str) -> str:
        if not data.strip():
            raise ReplyError(self.name, query, "no data", "does not know a question that every Cavro pump knows")
        return data.strip()

    def look(self) -> None:
        """Where plunger and valve stand now, and whether the plunger stands where it was left."""
        steps = self.plunger(self.steps)
        if self._between is None:
            known = self.talk.ask(Query.INITIALISED, Shape.PERHAPS, tries=1).data.strip()
            self.is_ready()  # the error of a question that it does not know is not kept
            if known == "0" or (steps == 0 and known != "1"):
                self.spoil("may have been switched on just now, and then does not know where its plunger stands")
        elif not self._between[0] <= steps <= self._between[1]:
            self.spoil("does not stand where it was left: it was switched off, or another program moved it")
        self.book(steps)
        self.valve()

    # commands

    def obey(self, command: str, limit_s: float, *, heeds_stop: bool = True) -> None:
        """One command that moves no liquid, until it is done; its errors may come only then."""
        self.error = 0
        with suppress(DeviceTimeoutError):  # Q, and what was set, will tell whether it was heard
            self.talk.tell(command, self._halting.halted if heeds_stop else lambda: False)
        self.until_ready(limit_s, heeds_stop=heeds_stop)
        if self.error:
            raise ReplyError(self.name, command, f"error {self.error}", trouble(self.error))

    def until_ready(self, limit_s: float, *, heeds_stop: bool = True) -> None:
        """Raises StoppedError, DeviceTimeoutError."""
        deadline, pause_s = time.monotonic() + limit_s, 0.002
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise DeviceTimeoutError(self.name, f"is still busy after {limit_s:g} s", "unknown")
            if not heeds_stop:
                time.sleep(pause_s)
            elif self._halting.pause(pause_s):
                raise StoppedError(self.name)
            pause_s = min(pause_s * 1.5, self._slowest_poll_s)

    def come_to_rest(self) -> None:
        """Raises HardwareError when it moves. Forgets errors that no longer matter."""
        for _ in range(3):
            self.error = 0
            if not self.is_ready():
                raise HardwareError(self.name, "is busy, and not by our doing; wait until it stands")
            if not self.error:
                return

    def set_number(self, command: str, value: int, query: str) -> None:
        """Set and read back. Speeds may be kept to one part in fifty."""
        self.obey(f"{command}{value}R", SET_S)
        kept = self.number(query)
        if abs(kept - value) > value // 50:
            raise ReplyError(self.name, command, str(kept), f"was told {value} and kept {kept}")

    def set_resolution(self, mode: int) -> None:
        """N: whether positions and speeds are in microsteps. Power-up undoes it."""
        kept = self.talk.ask(Query.RESOLUTION, Shape.PERHAPS, tries=2).data.strip()
        self.is_ready()  # as in `look`
        if kept == str(mode):
            return
        try:
            self.obey(f"N{mode}R", SET_S, heeds_stop=False)
        except ReplyError:
            if mode or kept:  # one that has no microsteps need not know the command
                raise
        if kept and (kept := str(self.number(Query.RESOLUTION))) != str(mode):
            raise ReplyError(self.name, f"N{mode}", kept, f"was told resolution N{mode} and kept N{kept}")

    def turn(self, port: str) -> None:
        """Turn the valve and make sure. Nothing is sent when it stands there already."""
        if (now := self.valve()) == port:
            return
        self.port = None
        self.obey(f"{turning(port, now, self.ports)}R", VALVE_S)
        if self.valve() != port:
            self.talk.settle()  # or was it another pump that was ready?
            self.until_ready(VALVE_S)
            self.valve()
        if self.port != port:
            raise ReplyError(self.name, port, str(self.port), f"turned its valve to {self.port}, not to {port}")

    def initialise(self, command: str, full: int) -> None:
        """Drive the plunger to the top, pushing out what is in the syringe; spoiled until that is done."""
        self.come_to_rest()
        if self._halting.halted():
            raise StoppedError(self.name)
        why = self.spoiled or "did not end initialising"
        self.port = None
        self.in_doubt((0, full), self.steps)
        self.spoil(why)
        heard = False
        with suppress(DeviceTimeoutError):
            self.talk.tell(command, self._halting.halted)
            heard = True
        if not heard and self.is_ready():
            raise DeviceTimeoutError(
                self.name, "may not have heard that it shall initialise; look at it", "unknown"
            )
        self.until_ready(INITIALISE_S)
        self.talk.settle()
        self.until_ready(INITIALISE_S)
        self.error = 0
        if not self.is_ready() or self.error or self.plunger(0) != 0:
            self.spoil(why)
            message = f"could not be made ready: it {trouble(self.error or 1)}"
            raise ReplyError(self.name, command, f"error {self.error}", message, "unknown")
        self.spoiled = ""
        self.book(0)
