"""Pictures that a program writes into a folder: a microscope's or a camera maker's own software, a script.

There is no manual; checked with PNG, JPEG, BMP and TIFF files. What is easy to get wrong: a picture may be seen
half written, and OpenCV reads half a JPEG as a picture that is grey below, so that each must have its end before it
counts; files that are copied keep an old date, so that a new one is known by name, date and size together, not by
being the latest; a network share may go away, and what came meanwhile was not taken after the question.
"""

import fnmatch
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from hardware.devices import Image
from hardware.drivers import Probe
from hardware.parts.camera_feed import CameraFeed, NoPictureError, Patience, PictureSource
from hardware.spec import CameraSpec, NotNegative

PROBES: tuple[Probe, ...] = ()
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
_LARGEST_BYTES = 400_000_000
_CONNECT_S = 8.0
_READ_S = 10.0
_POLL_S = 0.05
_RESCAN_S = 1.0
"""Also when the folder's own date has not changed: some network shares do not tell."""
_STEADY_S = 0.3
"""A format without an end mark is whole when it has not grown for so long."""
_BROKEN_S = 2.0
"""A picture that is still not whole by then is passed over."""
_NUMBER = re.compile(r"%0?\d*d")

_log = logging.getLogger(__name__)
_PLAIN = re.compile(r"[^*?%]+")
Stamp = tuple[int, int]
"""Time of the last change (ns) and size of a file."""


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`.

    discard: pictures to drop before one was surely exposed after the question: the next to come may have been taken
    already. 0 for a program that takes a picture only when it is asked. replay_fps: play the pictures that are
    there, in order, at this rate, instead of waiting for new ones; loop: again and again. late_s: age at which the
    newest picture is late; 0: pictures may come seldom. frozen_s: equal pictures for so long are a frozen picture;
    0: they may be equal.
    """

    discard: Annotated[int, Field(ge=0, le=30)] = 1
    replay_fps: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    loop: bool = False
    late_s: NotNegative = 0.0
    frozen_s: NotNegative = 0.0


class Driver(CameraFeed):
    """`source` is a folder, a picture in it that is written anew each time, or a pattern: `shots/*.png`,
    `shots/img_%04d.tif` (in the order of its numbers)."""

    def __init__(
        self, name: str, spec: CameraSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        del speed, latch  # neither waits for others nor moves
        self._settings = settings
        self._source = spec.source
        self._seen: dict[str, Stamp] = {}
        waits = settings.replay_fps == 0
        patience = Patience(_CONNECT_S, _READ_S, settings.late_s, settings.frozen_s, picture=not waits)
        super().__init__(name, spec.source, self._connect_to, settings.discard, patience)

    def identify(self) -> str:
        self.open()
        frame = self.latest()
        size = f", {frame.image.shape[1]}x{frame.image.shape[0]}" if frame is not None else ", no picture yet"
        return f"pictures in {self.shown}{size}"

    def _connect_to(self, gone: threading.Event) -> PictureSource:
        place = Place(self._source)
        if not place.folder.is_dir():
            raise NoPictureError(f"there is no folder {place.folder}; correct `source` in the rig file")
        if self._settings.replay_fps:
            return _Replay(place, gone, self._settings.replay_fps, loop=self._settings.loop)
        return _Newcomers(place, gone, self._seen)


class Place:
    """A folder, and which of its files are meant, in which order."""

    def __init__(self, source: str) -> None:
        path = Path(source)
        plain = _PLAIN.fullmatch(path.name) is not None
        whole = path.is_dir() or (plain and path.suffix.lower() not in PICTURES)
        self.folder = path if whole else path.parent
        self._pattern = None if whole else path.name
        self.single = plain and not whole
        self._number: re.Pattern[str] | None = None
        if not whole and (field := _NUMBER.search(path.name)):
            before, after = path.name[: field.start()], path.name[field.end() :]
            self._number = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))

    def files(self) -> list[tuple[str, Stamp]]:
        """Names of the pictures, in order. Raises NoPictureError when the folder is gone."""
        found = []
        try:
            if self.single and self._pattern is not None:
                self.folder.stat()
                stamp = stamp_of(self.folder / self._pattern)
                return [(self._pattern, stamp)] if stamp else []
            with os.scandir(self.folder) as entries:
                for name in (entry.name for entry in entries if self._meant(entry.name)):
                    if stamp := stamp_of(self.folder / name):
                        found.append((name, stamp))
        except OSError as error:
            raise NoPictureError(f"the folder {self.folder} cannot be read: {error.strerror}") from error
        return sorted(found, key=self._order)

    def _meant(self, name: str) -> bool:
        if self._number is not None:
            return self._number.fullmatch(name) is not None
        if self._pattern is not None and not fnmatch.fnmatchcase(name, self._pattern):
            return False
        return not name.startswith(".") and Path(name).suffix.lower() in PICTURES

    def _order(self, file: tuple[str, Stamp]) -> tuple[int, list[int | str]]:
        name, (changed_ns, _) = file
        if self._number is not None and (match := self._number.fullmatch(name)):
            return int(match[1]), []
        # img9 before img10
        parts: list[int | str] = [int(p) if n % 2 else p for n, p in enumerate(re.split(r"(\d+)", name))]
        return changed_ns, parts


class _Newcomers:
    """Each picture that is written from now on, and first the newest that is there. seen: outlives a connection."""

    stamp_ms: float | None = None

    def __init__(self, place: Place, gone: threading.Event, seen: dict[str, Stamp]) -> None:
        self._place, self._gone, self._seen = place, gone, seen
        self.old = False
        self._waiting: deque[_Waiting] = deque()
        self._queued: dict[str, Stamp] = {}
        self._folder_ns, self._scanned_s = -1, 0.0
        there = self._scan()
        self._seen.update(there[:-1])
        self._queue(there[-1:], old=True)

    def read(self) -> Image | None:
        if not self._waiting:
            self._queue(self._scan(), old=False)
        while self._waiting:
            next_one = self._waiting[0]
            image = next_one.look(self._place.folder)
            if image is None and next_one.pending:
                break
            self._waiting.popleft()
            if self._gone.is_set():
                break
            self._seen[next_one.name] = next_one.stamp
            if image is not None:
                self.old = next_one.old
                return image
        self._gone.wait(_POLL_S)
        return None

    def release(self) -> None:
        """Nothing is held."""

    def _queue(self, files: list[tuple[str, Stamp]], *, old: bool) -> None:
        for name, stamp in files:
            if stamp not in (self._seen.get(name), self._queued.get(name)):
                self._queued[name] = stamp
                self._waiting.append(_Waiting(name, stamp, old))

    def _scan(self) -> list[tuple[str, Stamp]]:
        now_s = time.monotonic()
        folder = stamp_of(self._place.folder)
        changed = folder is None or self._place.single or folder[0] != self._folder_ns
        if not changed and now_s - self._scanned_s < _RESCAN_S:
            return []
        self._folder_ns, self._scanned_s = folder[0] if folder else -1, now_s
        return self._place.files()


class _Waiting:
    """A file that is there but perhaps not whole yet."""

    def __init__(self, name: str, stamp: Stamp, old: bool) -> None:
        self.name, self.stamp, self.old = name, stamp, old
        self.pending = True
        self._since_s = time.monotonic()

    def look(self, folder: Path) -> Image | None:
        """The picture, or None: then `pending` says whether it may still become one."""
        stamp, now_s = stamp_of(folder / self.name), time.monotonic()
        if stamp is None:
            self.pending = False
            return None
        if stamp != self.stamp:
            self.stamp, self._since_s = stamp, now_s
        image = whole_picture(folder / self.name, stamp, now_s - self._since_s)
        if image is None and now_s - self._since_s > _BROKEN_S:
            _log.warning("%s is no whole picture and is passed over", self.name)
            self.pending = False
        return image


class _Replay:
    """The pictures that are there, at a rate."""

    stamp_ms: float | None = None
    old = False

    def __init__(self, place: Place, gone: threading.Event, fps: float, *, loop: bool) -> None:
        self._place, self._gone, self._loop = place, gone, loop
        self._beat_s = 1 / fps
        self._due_s = time.monotonic()
        self._files = self._listed()

    def read(self) -> Image | None:
        wait_s = self._due_s - time.monotonic()
        if wait_s > 0 and (self._gone.wait(min(wait_s, 0.5)) or wait_s > 0.5):
            return None
        file = next(self._files, None)
        if file is None:
            if not self._loop:
                raise NoPictureError(f"the pictures of {self._place.folder} have ended", final=True)
            self._files = self._listed()
            return None
        self._due_s += self._beat_s
        image = whole_picture(self._place.folder / file[0], file[1], _STEADY_S)
        if image is None:
            _log.warning("%s is no whole picture and is passed over", file[0])
        return image

    def release(self) -> None:
        """Nothing is held."""

    def _listed(self) -> Iterator[tuple[str, Stamp]]:
        files = self._place.files()
        if not files:
            raise NoPictureError(f"there is no picture in {self._place.folder}; correct `source` in the rig file")
        return iter(files)


def stamp_of(path: Path) -> Stamp | None:
    """None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def whole_picture(path: Path, stamp: Stamp, steady_s: float) -> Image | None:
    """The picture as (h, w, 3) uint8 BGR, or None while it is not all there.

    stamp: as the file was found, steady_s ago.
    """
    import cv2
    import numpy as np

    if not 0 < stamp[1] <= _LARGEST_BYTES:
        return None
    try:
        data = path.read_bytes()
    except OSError:  # gone again, or its writer still holds it (Windows)
        return None
    if stamp_of(path) != stamp or len(data) != stamp[1] or not has_its_end(data, steady_s):
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # larger than OpenCV allows
        return None
    return None if image is None else np.asarray(image, np.uint8)


def has_its_end(data: bytes, steady_s: float) -> bool:
    """Whether the last bytes of the picture are there, as far as its format tells."""
    if data.startswith(b"\xff\xd8"):
        # some cameras write more behind the end mark
        return data.rstrip(b"\0").endswith(b"\xff\xd9") or (steady_s >= _STEADY_S and b"\xff\xd9" in data[-4096:])
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-64:]
    if data.startswith(b"RIFF"):
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    if data.startswith(b"BM"):
        return len(data) >= int.from_bytes(data[2:6], "little")
    return steady_s >= _STEADY_S
