"""What became of each operation: one that comes again is told what it came to, and is not done again."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from hardware.host.messages import Message

KEPT = 512


class Operations:
    """By operation id. `once` runs an operation on the calling thread the first time; later callers wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Message | None] = OrderedDict()
        self._news = threading.Condition(self._lock)

    def once(self, op: str, run: Callable[[], Message]) -> Message:
        """The answer of `run`, made now or earlier."""
        with self._news:
            if op in self._answers:
                self._news.wait_for(lambda: self._answers.get(op, {}) is not None)
                return dict(self._answers.get(op) or {})
            self._answers[op] = None
            self._forget()
        answer = run()
        with self._news:
            self._answers[op] = answer
            self._news.notify_all()
        return answer

    def running(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(op for op, answer in self._answers.items() if answer is None)

    def _forget(self) -> None:
        done = [op for op, answer in self._answers.items() if answer is not None]
        for op in done[: max(0, len(self._answers) - KEPT)]:
            del self._answers[op]
