"""The program's end of a process that it started: questions and answers by number, its pulse, its death."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from pathlib import Path
from typing import Any

import hardware
from hardware.errors import NotConnectedError
from hardware.host.lease import BEAT_S
from hardware.host.messages import Channel, ChannelClosedError, Message, raised

log = logging.getLogger(__name__)
HUNG_S = 3.0
START_S = 30.0
"""Until its first word: a cold disk and a virus scanner take their time."""
END_S = 4.0


class OwnerLostError(NotConnectedError):
    """The process is gone or hangs; what it was doing may have been done."""


class Line:
    """`heard(message)` gets what was not asked for, `lost(why)` the end; both on the line's own thread.

    hung_s: a process that is silent for so long is ended, instead of after HUNG_S.
    """

    def __init__(
        self,
        name: str,
        module: str,
        heard: Callable[[Message], None],
        lost: Callable[[str], None],
        hung_s: float | None = None,
    ) -> None:
        self.name = name
        self._hung_s = HUNG_S if hung_s is None else hung_s
        self._heard, self._lost = heard, lost
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Message]] = {}
        self._count = 0
        self._closed = threading.Event()
        self.dead = ""
        self._process = _started(module)
        self._channel = Channel(self._process.stdout, self._process.stdin)  # type: ignore[arg-type]  # both are pipes
        self._silent_s = self._hung_s - START_S
        for work in (self._listen, self._beat, self._watch):
            threading.Thread(target=work, name=f"{name} {work.__name__}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, message: Message, timeout_s: float | None = None) -> Any:
        """The value of the answer. Raises the error that it tells, or OwnerLostError."""
        with self._lock:
            self._count += 1
            op = str(message.get("op") or f"{self.name}-{self._count}")
            answer = self._asked.setdefault(op, Future())
        try:
            if self.dead:
                raise OwnerLostError(self.name, self.dead, "not_done")
            self._channel.send({**message, "op": op})
            told = answer.result(timeout_s)
        except ChannelClosedError as error:
            raise OwnerLostError(self.name, self.dead or "has ended", "not_done") from error
        except LateError as error:
            raise OwnerLostError(self.name, f"gave no answer within {timeout_s:g} s", "unknown") from error
        finally:
            with self._lock:
                self._asked.pop(op, None)
        if isinstance(problem := told.get("error"), dict):
            raise raised(problem)
        return told if "missing" in told else told.get("value")

    def close(self) -> None:
        """Let the process end by itself; after a while, end it."""
        if not self._closed.is_set():
            self._closed.set()
            threading.Thread(target=self._part, name=f"{self.name} parts", daemon=True).start()
        self._reap()
        self.dead = self.dead or "is closed"

    @property
    def closed(self) -> bool:
        """Whether nobody wants it any more."""
        return self._closed.is_set()

    def _part(self) -> None:
        """Aside, since a pipe that the other side does not empty blocks for ever."""
        try:
            self._channel.send({"do": "close"})
        except ChannelClosedError:
            self.dead = self.dead or "closed"
        self._channel.close()

    def _reap(self) -> None:
        """Nothing of it is left behind: no process, no zombie."""
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_S) and not self.dead:
            try:
                self._channel.send({"do": "beat"})
            except ChannelClosedError:
                return

    def _watch(self) -> None:
        """Counted and not timed: while this program is held up itself, the other side is not to blame."""
        while not self._closed.wait(BEAT_S) and not self.dead:
            self._silent_s += BEAT_S
            if self._silent_s > self._hung_s:
                self.dead = f"hung for {self._hung_s:g} s and was ended; look at the bench"
                self._process.kill()  # `_listen` hears it die

    def _listen(self) -> None:
        while (message := self._channel.receive()) is not None:
            self._silent_s = 0.0
            if "answer" in message:
                with self._lock:
                    waiting = self._asked.get(str(message["answer"]))
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            elif "beat" not in message:
                self._tell(self._heard, message)
        closed = self._closed.is_set()
        self.dead = self.dead or ("is closed" if closed else "has ended without being asked to; look at the bench")
        if not closed:
            self._tell(self._lost, self.dead)
        with self._lock:
            left = list(self._asked.values())
        for waiting in left:
            if not waiting.done():
                waiting.set_exception(OwnerLostError(self.name, self.dead, "unknown"))
        self._reap()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _tell(self, function: Callable[[Any], None], what: object) -> None:
        """A mistake of a listener must not end the hearing of answers."""
        try:
            function(what)
        except Exception:
            log.exception("%s: what it said was not taken", self.name)


def _started(module: str) -> "subprocess.Popen[bytes]":
    """A fresh interpreter, whatever system: nothing is forked, and a script needs no guard around its main part."""
    root = str(Path(hardware.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from {module} import main; main()"
    stderr = None if sys.stderr is not None else subprocess.DEVNULL  # a program without a terminal
    apart: dict[str, Any] = {"start_new_session": True}  # Ctrl+C reaches the program, which stops the devices first
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, **apart
    )
