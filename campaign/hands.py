"""The thread that acts: one step at a time, and none while everything is stopped."""

import logging
import threading
import time
from concurrent.futures import Future, wait

from campaign.executor import Executor, Outcome, ToType
from campaign.steps import Step
from campaign.worker import Worker
from hardware.errors import HardwareError, StoppedError
from hardware.latch import Latch

log = logging.getLogger(__name__)
STOP_PATIENCE_S = 5.0


class Hands:
    """`perform` and `stop` may meet: a step that is under way is cut short, one that comes later is refused."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._worker = Worker("aliquot-hands")
        self._latch = Latch()
        self._stop: Future[tuple[str, ...]] | None = None
        self._stopped_s = 0.0
        self._busy: Future[Outcome] | None = None

    @property
    def stopped(self) -> bool:
        return self._latch.is_set()

    @property
    def busy(self) -> bool:
        """Whether a step is still under way."""
        return self._busy is not None and not self._busy.done()

    def perform(self, step: Step) -> "Future[Outcome]":
        """The future raises HardwareError, whatever went wrong."""
        self._busy = self._worker.submit(self._perform, step)
        return self._busy

    def to_type(self, step: Step) -> ToType | None:
        """What a person is asked in place of `perform`."""
        return self._executor.to_type(step)

    def refilled(self) -> None:
        """A person has filled the syringes."""
        self._executor.refilled()

    def stop(self) -> None:
        """Stop everything now. Any thread, no lock, returns at once; `told` has the answer."""
        self._latch.set()
        self._stopped_s = time.monotonic()
        future: Future[tuple[str, ...]] = Future()
        self._stop = future
        try:
            threading.Thread(target=self._send_stop, args=(future,), name="aliquot-stop", daemon=True).start()
        except RuntimeError:  # no thread to be had: then here
            self._send_stop(future)

    def patience(self) -> float | None:
        """Seconds that a step under way is still waited for; None while nothing is stopped."""
        return self._stopped_s + STOP_PATIENCE_S - time.monotonic() if self.stopped else None

    def told(self, why: str) -> str:
        """`why` and what came of the last stop: devices that did not confirm, a step that did not return."""
        try:
            left = max(0.0, self.patience() or 0.0)
            unconfirmed = self._stop.result(left) if self._stop is not None else ()
        except TimeoutError:
            unconfirmed = ("everything",)
        if unconfirmed:
            why += (
                f". Not confirmed by {', '.join(unconfirmed)}: go and look, switch it off at its plug if it moves"
            )
        if self.busy:
            why += ". The step under way did not return"
        return why

    def rearm(self, asked: int) -> "Future[None]":
        """Allow steps again; a stop after the moment `asked` stays in force. The future raises HardwareError."""
        return self._worker.submit(self._rearm, asked)

    def _rearm(self, asked: int) -> None:
        self._wait_for_stop()
        if self._latch.last_stop <= asked:
            self._executor.rearm(asked)
        if not self._latch.release(asked):
            raise StoppedError("bench", "was stopped again meanwhile")

    def close(self) -> None:
        self._wait_for_stop()
        self._worker.close(timeout_s=STOP_PATIENCE_S if self.busy else 1.0)

    def _wait_for_stop(self) -> None:
        """A stop that is being sent does not come after what follows."""
        if self._stop is not None:
            wait([self._stop], STOP_PATIENCE_S)

    def _send_stop(self, future: "Future[tuple[str, ...]]") -> None:
        try:
            future.set_result(self._executor.stop())
        except Exception as error:
            log.exception("stop failed")
            future.set_result((f"everything ({error})",))

    def _perform(self, step: Step) -> Outcome:
        if self.stopped:
            raise StoppedError("bench", "not begun: everything is stopped")
        try:
            return self._executor.perform(step)
        except HardwareError:
            raise
        except BaseException as error:  # a function may raise anything, and the campaign must know
            log.exception("a step failed in a way that its device does not know")
            raise HardwareError("bench", f"{type(error).__name__}: {error}", "unknown") from error
