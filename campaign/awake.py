"""While something real is under way, the computer must not go to sleep by itself.

Linux (logind) and macOS lend a lock to a child process: `cat`, which ends when its input closes, so that no lock
outlives this program however that ends. Windows lends it to a thread. Closing a laptop's lid sleeps all the same.
"""

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable

from campaign.worker import Worker

log = logging.getLogger(__name__)
UNABLE = "cannot keep this computer awake: switch its automatic sleep off while experiments are running"
END_S = 1.0
_WORD = b"held\n"
"""Sent to `cat`, which says it back once the lock is there."""


class Awake:
    """Asked for from any thread; everything is done on a thread of its own, so that nobody waits for it."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._wanted: str | None = None
        self._end: Callable[[], None] | None = None
        self._told = False

    def hold(self, why: str) -> None:
        """Keep the computer awake until `release`. Where that is impossible, the log says so once."""
        if self._wanted is None:
            self._wanted = why
            self._worker = self._worker or Worker("aliquot-awake")
            self._worker.submit(self._settle)

    def release(self) -> None:
        """Let it sleep again."""
        if self._wanted is not None:
            self._wanted = None
            if self._worker is not None:
                self._worker.submit(self._settle)

    def close(self) -> None:
        """Release, and end the thread."""
        self.release()
        if self._worker is not None:
            self._worker.close(timeout_s=2 * END_S)

    def _settle(self) -> None:
        """On the thread: make it as was asked for last."""
        why = self._wanted
        try:
            if why is None and self._end is not None:
                end, self._end = self._end, None
                end()
            elif why is not None and self._end is None:
                self._end = _held(why)
        except OSError as error:
            log.log(logging.DEBUG if self._told else logging.WARNING, "Aliquot %s (%s)", UNABLE, error)
            self._told = True
        except Exception:
            log.exception("Aliquot %s", UNABLE)


def able() -> bool:
    """Whether this computer has something to ask."""
    return sys.platform == "win32" or _command("") is not None


def _held(why: str) -> Callable[[], None]:
    """Take the lock; returns what gives it back. Raises OSError when it is not to be had."""
    if sys.platform == "win32":
        return _held_by_thread()
    command = _command(why)
    if command is None:
        raise OSError("neither systemd-inhibit nor caffeinate is there")
    child = subprocess.Popen(  # noqa: S603 - the system's own tool, found on PATH
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )  # a session of its own: Ctrl+C is for the program, which may go on for a while
    try:
        _said(child)
    except OSError:
        _ended(child)
        raise
    return lambda: _ended(child)


def _command(why: str) -> list[str] | None:
    cat = shutil.which("cat")
    if cat is not None and (inhibit := shutil.which("systemd-inhibit")) is not None:
        return [inhibit, "--what=sleep:idle", "--who=Aliquot", f"--why={why}", "--mode=block", cat]
    if cat is not None and (caffeinate := shutil.which("caffeinate")) is not None:
        return [caffeinate, "-i", "-s", cat]
    return None


def _said(child: "subprocess.Popen[bytes]") -> None:
    """Until it says the word. Raises OSError with what it says instead."""
    if child.stdin is None or child.stdout is None:
        raise OSError("it has no pipes")
    try:
        child.stdin.write(_WORD)
        child.stdin.flush()
    except BrokenPipeError:
        log.debug("it has ended; what it said tells why")
    if (said := child.stdout.readline()) != _WORD:
        raise OSError(said.decode("utf-8", "replace").strip() or "it ended without a word")


def _ended(child: "subprocess.Popen[bytes]") -> None:
    """Close its input and see it end."""
    try:
        child.communicate(timeout=END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def _held_by_thread() -> Callable[[], None]:
    if sys.platform != "win32":
        raise OSError("only Windows does that")
    import ctypes

    continuous, system_required = 0x80000000, 0x00000001
    set_state = ctypes.windll.kernel32.SetThreadExecutionState
    if not set_state(continuous | system_required):
        raise OSError("SetThreadExecutionState refused it")

    def end() -> None:
        set_state(continuous)

    return end
