"""Frames from one process to others through shared memory: a ring of slots, one writer, many readers, no locks.

A slot's sequence number is odd while it is written, and a reader that finds it changed after copying throws the
copy away, so that no picture is ever torn and a slow or dead reader never holds up the camera. POSIX: a file in
/dev/shm or the folder for temporary files. Windows: named memory, which ends with its last user. `multiprocessing`
is not used: its resource tracker takes shared memory away from other readers in Python 3.11. `taken_s` is the same
clock in all processes of a computer.
"""

import mmap
import os
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from hardware.devices import Frame

_NAME = "aliquot-frames-"
_MAGIC = int.from_bytes(b"ALQRING1", "little")
_HEAD_WORDS, _SLOT_WORDS = 8, 8
_WORD = 8
_NEWEST = 3
"""Word of the head: number of the newest frame plus one; 0 before the first."""
_SEQUENCE, _FRAME, _TAKEN, _HEIGHT, _WIDTH, _CHANNELS = range(6)
"""Words of a slot's head. Channels is 0 for a grey picture of two dimensions."""
_TRIES = 100
_DRAFT_S = 60.0

Description = Mapping[str, str | int]
"""Where a ring is, as a reader in another process needs it; plain values that travel as JSON."""


class FrameWriter:
    """A ring of `slots` frames of at most `capacity_bytes` each, in this process's name.

    A frame that does not fit needs a new ring: `fits`, then `for_frame`, then give the readers its `describe()`.
    """

    def __init__(self, capacity_bytes: int, slots: int = 24) -> None:
        if capacity_bytes < 1 or slots < 2:
            raise ValueError("a ring has room for a frame and at least two slots")
        self.capacity_bytes, self.slots = capacity_bytes, slots
        stride = (_SLOT_WORDS * _WORD + capacity_bytes + 63) // 64 * 64
        size = _HEAD_WORDS * _WORD + slots * stride
        self._fd: int | None = None
        self.path, self._map = self._allocate(size)
        self._ring = _Ring(self._map, slots, stride)
        self._ring.words[0:3] = memoryview(_words(_MAGIC, slots, stride)).cast("Q")

    @classmethod
    def for_frame(cls, frame: Frame, slots: int = 24) -> Self:
        """A ring for frames of this size. Allocates at once; raises OSError when there is no room for it."""
        return cls(frame.image.nbytes, slots)

    def fits(self, frame: Frame) -> bool:
        return frame.image.nbytes <= self.capacity_bytes

    def describe(self) -> Description:
        """What a FrameReader needs."""
        return {"path": self.path, "bytes": len(self._map), "slots": self.slots}

    def put(self, frame: Frame) -> None:
        """Numbers grow from frame to frame. Raises ValueError for a frame that does not fit or comes again."""
        shape, pixels = frame.image.shape, frame.image.data
        if pixels.format != "B" or len(shape) not in (2, 3) or not 0 < pixels.nbytes <= self.capacity_bytes:
            size = f"{'x'.join(map(str, shape))} ({pixels.format})"
            raise ValueError(f"a frame of {size} does not fit slots of {self.capacity_bytes} bytes")
        words, number = self._ring.words, frame.number
        if number < words[_NEWEST]:
            raise ValueError(f"frame {number} comes after frame {words[_NEWEST] - 1}")
        at, start = self._ring.slot(number)
        words[at + _SEQUENCE] += 1
        _fence()
        words[at + _FRAME] = number
        self._ring.times[at + _TAKEN] = frame.taken_s
        words[at + _HEIGHT], words[at + _WIDTH] = shape[0], shape[1]
        words[at + _CHANNELS] = shape[2] if len(shape) == 3 else 0
        flat = pixels.cast("B") if pixels.c_contiguous else pixels.tobytes()
        self._ring.bytes[start : start + pixels.nbytes] = flat
        _fence()
        words[at + _SEQUENCE] += 1
        words[_NEWEST] = number + 1

    def unlink(self) -> None:
        """All readers have it: take its name away, so that nothing is left however this process ends."""
        if self._fd is not None:
            Path(self.path).unlink(missing_ok=True)

    def close(self) -> None:
        """Readers keep what they have."""
        self.unlink()
        self._ring.release()
        self._map.close()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _allocate(self, size: int) -> tuple[str, mmap.mmap]:
        name = _NAME + secrets.token_hex(8)
        if sys.platform == "win32":
            return name, mmap.mmap(-1, size, tagname=name)
        else:  # noqa: RET505  a type checker for Windows passes over it
            folder = Path("/dev/shm")  # noqa: S108  a new file, nobody else's to read
            try:
                _sweep(folder)
                self._fd = _file(folder, name, size)
            except OSError:  # none here, or full: a container's often has 64 MB only
                folder = Path(tempfile.gettempdir())
                _sweep(folder)
                self._fd = _file(folder, name, size)
            return str(folder / name), mmap.mmap(self._fd, size)


class FrameReader:
    """Reads a ring that another process writes. Any thread; every frame is a copy of its own.

    alone: no other reader will come, so the ring's name is taken away at once and nothing is left behind even if
    both processes are killed. Raises OSError when the ring is gone, ValueError when this is none.
    """

    def __init__(self, description: Description, *, alone: bool = False) -> None:
        path, size, slots = str(description["path"]), int(description["bytes"]), int(description["slots"])
        if sys.platform == "win32":
            self._map = mmap.mmap(-1, size, tagname=path)
        else:
            with Path(path).open("rb") as file:
                self._map = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
            if alone:
                Path(path).unlink(missing_ok=True)
        words = memoryview(self._map).cast("Q")
        magic, found, stride = words[0:3]
        words.release()
        if magic != _MAGIC or found != slots or size != _HEAD_WORDS * _WORD + slots * stride:
            self._map.close()
            raise ValueError(f"{path} holds no frames, or its writer has ended")
        self._ring: _Ring | None = _Ring(self._map, slots, stride)
        self._using = threading.Lock()

    def numbers(self) -> tuple[int, ...]:
        """Of the frames that are there now, oldest first."""
        with self._using:
            return self._ring.numbers() if self._ring is not None else ()

    def latest(self) -> Frame | None:
        """The newest frame; None before the first."""
        for _ in range(_TRIES):  # a writer far ahead may overtake the copy
            with self._using:
                newest = self._ring.words[_NEWEST] if self._ring is not None else 0
            if not newest:
                return None
            if (frame := self.get(newest - 1)) is not None:
                return frame
        return None

    def get(self, number: int) -> Frame | None:
        """The frame of that number; None when it has not come yet or is overwritten already."""
        with self._using:
            return self._ring.get(number) if self._ring is not None and number >= 0 else None

    def close(self) -> None:
        with self._using:
            ring, self._ring = self._ring, None
            if ring is not None:
                ring.release()
                self._map.close()


class _Ring:
    """The same memory as 8-byte words, as times and as bytes: a word is read and written in one piece."""

    def __init__(self, memory: mmap.mmap, slots: int, stride: int) -> None:
        self.bytes = memoryview(memory)
        self.words = self.bytes.cast("Q")
        self.times = self.bytes.cast("d")
        self._slots, self._stride = slots, stride

    def slot(self, number: int) -> tuple[int, int]:
        """First word of the slot's head, first byte of its pixels."""
        first = _HEAD_WORDS * _WORD + number % self._slots * self._stride
        return first // _WORD, first + _SLOT_WORDS * _WORD

    def numbers(self) -> tuple[int, ...]:
        heads = [self.slot(n)[0] for n in range(self._slots)]
        whole = [at for at in heads if self.words[at + _SEQUENCE] and self.words[at + _SEQUENCE] % 2 == 0]
        return tuple(sorted(self.words[at + _FRAME] for at in whole))

    def get(self, number: int) -> Frame | None:
        import numpy as np

        at, start = self.slot(number)
        before = self.words[at + _SEQUENCE]
        if before == 0 or before % 2:
            return None
        _fence()
        head = self.words[at : at + _SLOT_WORDS].tolist()
        taken_s = self.times[at + _TAKEN]
        shape = [side for side in (head[_HEIGHT], head[_WIDTH], head[_CHANNELS]) if side]
        size = head[_HEIGHT] * head[_WIDTH] * max(1, head[_CHANNELS])
        if head[_FRAME] != number or not 0 < size <= self._stride - _SLOT_WORDS * _WORD:
            return None
        image = np.frombuffer(self.bytes, np.uint8, size, start).reshape(shape).copy()
        _fence()
        return Frame(image, taken_s, number) if self.words[at + _SEQUENCE] == before else None

    def release(self) -> None:
        for view in (self.times, self.words, self.bytes):
            view.release()


_lock = threading.Lock()


def _fence() -> None:
    """What was written before is seen before what is written after, also on processors that reorder (ARM).

    A lock's release followed by its next acquisition is such a fence; one pair alone would not be.
    """
    with _lock:
        pass
    with _lock:
        pass


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(_WORD, sys.byteorder) for value in values)


if sys.platform != "win32":
    import fcntl

    def _file(folder: Path, name: str, size: int) -> int:
        """A new file of this size, locked for as long as this process lives.

        All its room is taken now: a folder that is full only later would end the process (SIGBUS).
        """
        draft = folder / f".{name}"
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, size)
            else:
                for start in range(0, size, 1 << 20):
                    os.write(fd, bytes(min(1 << 20, size - start)))
            draft.rename(folder / name)  # only now may a sweep see it
        except OSError:
            draft.unlink(missing_ok=True)
            os.close(fd)
            raise
        return fd

    def _sweep(folder: Path) -> None:
        """Remove what writers left that were killed: nobody holds its lock. A draft may be about to be locked."""
        for path in (*folder.glob(f"{_NAME}*"), *folder.glob(f".{_NAME}*")):
            with suppress(OSError):
                if path.name.startswith(".") and abs(time.time() - path.stat().st_mtime) < _DRAFT_S:
                    continue
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(fd)
