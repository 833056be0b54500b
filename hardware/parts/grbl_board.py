"""Motion of a GRBL 1.1 or grblHAL controller, for every driver that moves one of its axes.

A move is told as an absolute target, and has ended when the controller is Idle there: so a lost "ok" is decided by
the position and nothing is ever sent twice. A stop, a hold or a door at the machine, an alarm, a restart and a
silence each end a move with what is known of the position afterwards.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NoReturn

from hardware.dialects.grbl import Axes, Word, straight
from hardware.dialects.grbl_codes import NEEDS_RESET
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts.grbl_state import Mark
from hardware.parts.grbl_talk import ANSWER_S, WHY_NOT, Talk, shown

STANDS_S = 0.5
SILENCES = 3
SAME_PLACE_MM = 0.02
"""Of an axis whose step is not known."""
UNMOVED_MM = 0.0015
"""Two reports of one place: three decimals each."""


class Board(Talk):
    """One driver's side of the conversation, and what it may have the controller do."""

    @contextmanager
    def work(self) -> Iterator[Mark]:
        """One thing moves at a time, of all that the controller drives."""
        c = self.controller
        if not c.work.acquire(blocking=False):
            raise HardwareError(self.name, "its controller is still moving; wait or stop it first")
        mark = c.mark()
        try:
            yield mark
        except NotConnectedError:
            c.lose("the connection was lost")
            raise
        except (ReplyError, DeviceTimeoutError):
            if self.halted(mark):  # what the stop made the controller say
                self.check(mark)
            raise
        finally:
            c.work.release()

    @contextmanager
    def nothing_moved_yet(self) -> Iterator[None]:
        """What fails in here has moved nothing."""
        try:
            yield
        except (NotConnectedError, DeviceTimeoutError, ReplyError) as error:
            error.outcome = "not_done"
            raise

    def ready(self, mark: Mark) -> Axes:
        """Where it stands. Raises HardwareError, with nothing moved, unless it stands and can be moved."""
        c = self.controller
        with self.nothing_moved_yet():
            if self.halted(mark):
                raise StoppedError(self.name)
            if c.alarm in NEEDS_RESET:
                raise HardwareError(self.name, f"is locked: {c.why_lost}; {self.again}")
            status = self.report()
            if (status.state, status.substate) in (("Hold", "0"), ("Door", "0")) or c.stale:
                status = self.recover()
            if status.state == "Alarm":
                raise HardwareError(self.name, f"is locked: {c.why_lost}; {self.again}")
            if status.state != "Idle":
                raise HardwareError(self.name, WHY_NOT.get(status.state, f"is in {status.state}; stop it first"))
            self.learn()
            here_mm, left_mm = self.machine_mm(), c.rest_mm
            if left_mm is not None and not _same(here_mm, left_mm):
                c.lose("its position jumped")
                jump = f"its position jumped from {shown(left_mm)} to {shown(here_mm)} while it stood"
                raise HardwareError(self.name, f"{jump}: it restarted, or was moved at its panel; {self.again}")
            return here_mm

    def go(
        self,
        mark: Mark,
        targets_mm: Mapping[int, float],
        feed_mm_min: float,
        watch: Callable[[Axes], None] = lambda _: None,
    ) -> Axes:
        """Move axes to machine positions and wait until they stand there; returns where they stand.

        Call `ready` before. Raises as `command` does; outcome "not_done" when they stand where they stood.
        """
        c = self.controller
        with self.nothing_moved_yet():
            start_mm, offset_mm = self.machine_mm(), c.offset_mm or ()
            self.begin_lines()
        by_mm = {axis: mm - start_mm[axis] for axis, mm in targets_mm.items()}
        words = {c.letters[axis]: mm - offset_mm[axis] for axis, mm in targets_mm.items()}
        patience_s = 1.5 * c.told.lasts_s(by_mm, feed_mm_min) + 5
        c.rest_mm = None
        with suppress(DeviceTimeoutError):  # a lost "ok" says nothing; the position will
            self.command(straight(words, feed_mm_min), ANSWER_S, mark)
        return self.wait_at(mark, start_mm, targets_mm, time.monotonic() + patience_s, watch)

    def wait_at(
        self, mark: Mark, start_mm: Axes, targets_mm: Mapping[int, float], deadline_s: float,
        watch: Callable[[Axes], None] = lambda _: None, *, emptied: bool = False,
    ) -> Axes:  # fmt: skip
        """Until it is Idle at the targets; emptied: with nothing left in its planner either, where it tells."""
        c, silent, idle_s = self.controller, 0, 0.0
        while True:
            self.check(mark)
            try:
                status, silent = self.report(mark=mark), 0
            except DeviceTimeoutError:
                silent += 1
                if silent == SILENCES:
                    self.give_up("fell silent on its way")
                continue
            now = time.monotonic()
            here_mm = self.machine_mm()
            watch(here_mm)
            if status.state in ("Hold", "Door", "Sleep", "Check", "Tool") and not self.halted(mark):
                self.halted_at_the_machine(status.state)
            full = emptied and c.all_free is not None and status.blocks is not None and status.blocks < c.all_free
            idle_s = (idle_s or now) if status.state == "Idle" and not full else 0.0
            if idle_s and all(abs(here_mm[a] - mm) <= self.same_mm(a) for a, mm in targets_mm.items()):
                c.rest_mm = here_mm
                return here_mm
            if idle_s and now - idle_s > STANDS_S:
                self.check(mark)
                self._stands_elsewhere(start_mm, here_mm, targets_mm)
            if now > deadline_s:
                self.give_up(f"did not reach {shown(tuple(targets_mm.values()))} in time")

    def same_mm(self, axis: int) -> float:
        """How far from its target an axis may be reported that stands at it: half a step, and rounding."""
        step_mm = self.controller.told.step_mm(axis)
        return SAME_PLACE_MM if step_mm is None else step_mm / 2 + 0.001

    def _stands_elsewhere(self, start_mm: Axes, here_mm: Axes, targets_mm: Mapping[int, float]) -> NoReturn:
        c = self.controller
        c.rest_mm = here_mm
        if _same(here_mm, start_mm) and (not c.stale or self.reset(time.monotonic() + ANSWER_S)):
            message = "did not start; it stands where it stood, and the command is no longer in its buffer"
            raise DeviceTimeoutError(self.name, message, "not_done")
        target = shown(tuple(targets_mm.values()))
        raise ReplyError(self.name, "?", shown(here_mm), f"stands still, not at {target}", "unknown")

    def halted_at_the_machine(self, state: str) -> NoReturn:
        with suppress(DeviceTimeoutError):
            self.halt()  # so that a key at the machine does not take up again what nobody waits for any more
        how = {"Door": "its door was opened", "Hold": "hold was pressed at the machine"}.get(
            state, f"is in {state}"
        )
        raise StoppedError(self.name, f"{how}; it was stopped{self.where()}")

    def give_up(self, why: str) -> NoReturn:
        with suppress(DeviceTimeoutError):
            self.halt()
        raise DeviceTimeoutError(self.name, f"{why}; stopped{self.where()}", "unknown")

    def home(self, mark: Mark, timeout_s: float) -> Axes:
        """Find the switches of all axes; returns where that ended."""
        c = self.controller
        with self.nothing_moved_yet():
            self.recover()
            self.learn()
        mark = Mark(mark.stops, c.upsets)
        c.lose("homing was not finished")
        c.homing = True
        try:
            self.command(Word.HOME, timeout_s, mark)
        except DeviceTimeoutError:
            with suppress(DeviceTimeoutError):
                self.halt()
            raise
        finally:
            c.homing = False
        self._stands_idle(mark)
        c.found()
        c.rest_mm = c.home_mm = self.machine_mm()
        c.homings += 1
        self.check(mark)
        return c.home_mm

    def stand_at_home(self, mark: Mark) -> Axes:
        """Where it stands, which a person says is home. Releases an alarm; moves nothing."""
        c = self.controller
        with self.nothing_moved_yet():
            if self.recover().state == "Alarm":
                self.command(Word.UNLOCK, ANSWER_S, mark)
            self.learn()
            self._stands_idle(mark)
            at_mm = self.machine_mm()
        c.found(by_hand=True)
        c.rest_mm = at_mm
        self.check(mark)
        return at_mm

    def _stands_idle(self, mark: Mark) -> None:
        status = self.report(mark=mark)
        self.check(mark)
        if status.state != "Idle":
            raise HardwareError(self.name, WHY_NOT.get(status.state, f"is in {status.state}; stop it first"))

    def unlock(self, mark: Mark) -> None:
        """Release an alarm. Moves nothing; whether the position is still known, the alarm says."""
        if self.recover().state == "Alarm":
            self.command(Word.UNLOCK, ANSWER_S, mark)
            self.report()


def _same(a: Axes, b: Axes) -> bool:
    return all(abs(p - q) <= UNMOVED_MM for p, q in zip(a, b, strict=False))
