"""One writer per journal, held by the operating system: the lock of a program that was killed is free at once."""

import os
import sys
from pathlib import Path

from campaign.errors import JournalError

_FAR = 1 << 30  # Windows locks bytes; one far behind the text leaves the text readable


class WriterLock:
    """Held from construction to `close`. Raises JournalError naming the program that holds it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _take(self._fd)
        except OSError as error:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise JournalError(
                f"{path.with_suffix('')} is being written by another Aliquot (process {holder}). "
                "Close that one first, or open the journal for reading only"
            ) from error
        os.ftruncate(self._fd, 0)
        os.write(self._fd, str(os.getpid()).encode())

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _take(fd: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(fd, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
