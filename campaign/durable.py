"""Files that are whole on the disk before anything is said about them."""

import os
from pathlib import Path


def keep_file(target: Path, data: bytes) -> None:
    """Write a file of this user's own: beside it first, then renamed, both on the disk. Raises OSError."""
    temp = target.with_name(f".{target.name}.part")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temp.replace(target)
    sync_folder(target.parent)


def append_line(target: Path, line: str) -> None:
    """Add a line of text to a file of this user's own; on the disk when this returns. Raises OSError.

    A line that was cut off by a crash keeps its own place: the new one begins after it.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(fd, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
        whole = not size or file.read(1) == b"\n"
        file.write((("" if whole else "\n") + line + "\n").encode())
        os.fsync(file.fileno())
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows has no way to, and needs none."""
    if os.name == "posix":
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
