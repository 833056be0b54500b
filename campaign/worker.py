"""One thread that does one thing after another and hands back futures."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """A daemon, so that a device or a strategy that never returns cannot keep the program from ending."""

    def __init__(self, name: str) -> None:
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function(*arguments)
            except BaseException as error:  # noqa: BLE001  raised again by future.result()
                future.set_exception(error)
            else:
                future.set_result(result)

        self._inbox.put(work)
        return future

    def close(self, timeout_s: float = 0.0) -> bool:
        """End after what is under way; whether it has ended within the time."""
        self._inbox.put(None)
        if timeout_s > 0 and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (work := self._inbox.get()) is not None:
            work()
