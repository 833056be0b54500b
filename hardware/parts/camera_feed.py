"""A camera as a feed of pictures: one thread reads, another watches it, and callers wait no longer than they asked.

A network camera that stops answering holds OpenCV's `read()` for 8 s whatever time-out was set (measured). So the
reader is never waited for: when one call takes longer than its patience, the watch gives that thread up, whose late
picture is thrown away, and starts another.
"""

import atexit
import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from hardware.devices import Frame, Image, Traffic
from hardware.errors import DeviceTimeoutError, NotConnectedError
from hardware.parts.camera_address import without_secrets
from hardware.parts.camera_health import Judge

_log = logging.getLogger(__name__)
_TICK_S = 0.1
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 3.0
_MOST_GIVEN_UP = 3
_LATE_INTERVALS = 5
"""A slow camera is late after this many of its usual intervals, whatever `late_s` says."""


class PictureSource(Protocol):
    """One connection, used and released by one thread."""

    stamp_ms: float | None
    """The source's own time of the last picture; None where it tells none."""
    old: bool
    """Whether the last picture was there before the connection: shown, but no answer to `capture`."""

    def read(self) -> Image | None:
        """The next picture; None when there is none yet. Raises NoPictureError when this connection is lost."""
        ...

    def release(self) -> None: ...


class NoPictureError(Exception):
    """Why there is no picture, in words that say what to do. final: trying again by ourselves is no use."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.final = final


@dataclass(frozen=True)
class Patience:
    """connect_s, read_s: longest single call before the reader is given up. late_s: age at which the newest picture
    is late; 0 for a source that may pause. frozen_s: see Judge. picture: an opened source has shown one."""

    connect_s: float
    read_s: float
    late_s: float
    frozen_s: float
    picture: bool = True


class _Reader(threading.Thread):
    """daemon: a dead network camera may hold it for seconds after all have left."""

    def __init__(self, name: str, read: Callable[["_Reader"], None]) -> None:
        super().__init__(name=f"camera {name}", daemon=True)
        self._read = read
        self.gone = threading.Event()
        self.deadline_s: float | None = None

    def run(self) -> None:
        self._read(self)

    @contextmanager
    def patient(self, patience_s: float) -> Iterator[None]:
        self.deadline_s = time.monotonic() + patience_s
        try:
            yield
        finally:
            self.deadline_s = None


class CameraFeed:
    """What all camera drivers share. A driver adds `identify` and its own lines of `about`.

    connect: makes a connection, in the reader's thread; its event is set when that is no longer wanted; raises
    NoPictureError. shown: the source in words that may be shown. discard: frames that may be older than they look.

    `health` is one of "live", "late 1.2 s", "frozen picture", "black", "no picture". A lost source is sought again
    by itself; numbers of frames go on growing.
    """

    def __init__(
        self,
        name: str,
        shown: str,
        connect: Callable[[threading.Event], PictureSource],
        discard: int,
        patience: Patience,
    ) -> None:
        self.name = name
        self.shown = shown
        self._connect, self._discard, self._patience = connect, discard, patience
        self._news = threading.Condition()
        self._judge = Judge(patience.frozen_s)
        self._listeners: tuple[Callable[[Frame], None], ...] = ()
        self._times: deque[float] = deque(maxlen=30)
        self._frame: Frame | None = None
        self._fresh: Frame | None = None
        self._number = self._fresh_count = self._losses = self._session = 0
        self._connected = self._sees = self._ended = False
        self._trouble: str | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._reader: _Reader | None = None
        self._given_up: list[_Reader] = []
        self._closing = threading.Event()

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return ()

    def stop(self) -> None:
        """A camera moves nothing."""

    def open(self) -> None:
        """Begin to read and wait for a picture. An open camera that has lost its source seeks it at once."""
        with self._news:
            fresh, first = self._reader is None, self._number
            if self._sees and not self._ended:
                return
            self._trouble = None
            if fresh or self._ended or self._reader_rests():
                self._start_reader()
            if fresh:
                self._closing = threading.Event()
                threading.Thread(
                    target=self._watch, args=(self._closing,), name=f"watch {self.name}", daemon=True
                ).start()
                atexit.register(self.close)  # an interpreter that ends under OpenCV's feet aborts
            self._news.wait_for(lambda: self._is_there(first) or self._trouble, self._patience.connect_s)
            there, trouble = self._is_there(first), self._trouble
        if there:
            return
        if fresh:
            self.close()
        message = trouble or f"{self.shown} opens but sends no picture; close other programs that use it"
        raise NotConnectedError(self.name, message)

    def close(self) -> None:
        with self._news:
            self._session += 1
            self._closing.set()
            reader, self._reader = self._reader, None
            self._connected = self._sees = False
            if reader is not None:
                reader.gone.set()
            self._news.notify_all()
        if reader is not None and reader is not threading.current_thread():
            reader.join(1.0)
        atexit.unregister(self.close)

    def latest(self) -> Frame | None:
        return self._frame

    def capture(self, timeout_s: float = 5.0) -> Frame:
        """The first picture that was surely exposed after this call. Waits `timeout_s` and no longer."""
        with self._news:
            session, wanted = self._session, self._fresh_count + self._discard + 1
            self._news.wait_for(
                lambda: self._fresh_count >= wanted or self._ended or self._session != session, timeout_s
            )
            frame, trouble, closed = self._frame, self._trouble, self._reader is None
            if self._fresh_count >= wanted and self._fresh is not None:
                return self._fresh
        if closed:
            raise NotConnectedError(self.name, f"{self.shown} is closed")
        if trouble is not None:
            raise NotConnectedError(self.name, trouble)
        age = "none ever came" if frame is None else f"the last is {time.monotonic() - frame.taken_s:.1f} s old"
        raise DeviceTimeoutError(self.name, f"no new picture from {self.shown} in {timeout_s:g} s; {age}")

    def listen(self, callback: Callable[[Frame], None]) -> Callable[[], None]:
        """Be told every new frame, in order, in the reader's thread; be quick. Returns what ends it."""
        with self._news:
            self._listeners = (*self._listeners, callback)

        def leave() -> None:
            with self._news:
                self._listeners = tuple(each for each in self._listeners if each is not callback)

        return leave

    @property
    def health(self) -> str:
        with self._news:
            frame = self._frame
            if frame is None or not self._sees:
                return "no picture"
            age_s, late_s = time.monotonic() - frame.taken_s, self._patience.late_s
            if late_s and age_s > max(late_s, _LATE_INTERVALS * self._interval_s()):
                return f"late {age_s:.1f} s"
            return self._judge.sight

    def about(self) -> Mapping[str, str]:
        with self._news:
            frame, trouble, losses, interval_s = self._frame, self._trouble, self._losses, self._interval_s()
        told = {"source": self.shown, "state": self.health}
        if trouble is not None:
            told["trouble"] = trouble
        if frame is not None:
            height, width = frame.image.shape[:2]
            told |= {"picture": f"{width}x{height}", "frames": str(frame.number)}
            told["age"] = f"{time.monotonic() - frame.taken_s:.2f} s"
        if interval_s:
            told["rate"] = f"{1 / interval_s:.3g} per s"
        if losses:
            told["lost"] = f"{losses} times"
        return told

    def _is_there(self, first: int) -> bool:
        return self._number > first or (self._connected and not self._patience.picture)

    def _interval_s(self) -> float:
        times = self._times
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0

    def _reader_rests(self) -> bool:
        return self._reader is not None and self._reader.deadline_s is None and not self._connected

    def _start_reader(self) -> None:
        """With the lock held."""
        if self._reader is not None:
            self._reader.gone.set()
        self._trouble, self._ended, self._connected, self._sees = None, False, False, False
        self._reader = _Reader(self.name, self._read)
        self._reader.start()

    def _watch(self, closing: threading.Event) -> None:
        said = ""
        while not closing.wait(_TICK_S):
            with self._news:
                if closing.is_set() or (reader := self._reader) is None:
                    return
                deadline_s = reader.deadline_s
                if not reader.gone.is_set() and deadline_s is not None and time.monotonic() > deadline_s:
                    self._give_up(reader)
                self._given_up = [each for each in self._given_up if each.is_alive()]
                if reader.gone.is_set() and len(self._given_up) < _MOST_GIVEN_UP:
                    trouble = self._trouble
                    self._start_reader()
                    self._trouble = trouble
            state = self.health.partition(" ")[0]
            if state != said:
                _log.log(logging.INFO if state == "live" else logging.WARNING, "%s: %s", self.name, self.health)
                said = state

    def _give_up(self, reader: _Reader) -> None:
        reader.gone.set()
        self._given_up.append(reader)
        self._lost(f"{self.shown} has stopped answering; is it switched on, and its cable in?")

    def _lost(self, why: str, *, ended: bool = False) -> None:
        """With the lock held."""
        self._losses += self._sees
        self._connected = self._sees = False
        self._trouble, self._ended = why, ended
        self._news.notify_all()

    def _read(self, reader: _Reader) -> None:
        while not reader.gone.is_set():
            ended = False
            try:
                self._empty(reader)
                why = "closed"
            except NoPictureError as error:
                why, ended = error.message, error.final
            except Exception as error:  # noqa: BLE001  OpenCV's own, and what a broken picture may raise
                _log.error("%s: reading failed: %s", self.name, without_secrets(traceback.format_exc()))
                why = f"{self.shown} cannot be read ({type(error).__name__}); connect the camera again"
            with self._news:
                if reader.gone.is_set():
                    return
                self._lost(why, ended=ended)
                pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, _LONGEST_PAUSE_S)
            if ended:
                return
            reader.gone.wait(pause_s)

    def _empty(self, reader: _Reader) -> None:
        """Read from one connection until it is lost or the reader is no longer wanted."""
        with reader.patient(self._patience.connect_s):
            source = self._connect(reader.gone)
        try:
            with self._news:
                if reader.gone.is_set():
                    return
                self._judge.forget()
                self._times.clear()
            while not reader.gone.is_set():
                with reader.patient(self._patience.read_s):
                    image = source.read()
                if image is not None:
                    self._publish(reader, image, source)
                elif not self._connected:
                    self._say_connected(reader)
        finally:
            with reader.patient(self._patience.read_s):
                source.release()

    def _say_connected(self, reader: _Reader) -> None:
        with self._news:
            if reader.gone.is_set():
                return
            self._connected = True
            if not self._patience.picture:  # it may be long until one comes
                self._sees, self._trouble, self._pause_s = self._frame is not None, None, _FIRST_PAUSE_S
            self._news.notify_all()

    def _publish(self, reader: _Reader, image: Image, source: PictureSource) -> None:
        taken_s = time.monotonic()
        with self._news:
            if reader.gone.is_set():
                return
            self._judge.saw(image, taken_s, source.stamp_ms)
            self._number += 1
            self._frame = frame = Frame(image, taken_s, self._number)
            if not source.old:
                self._fresh, self._fresh_count = frame, self._fresh_count + 1
            self._times.append(taken_s)
            self._connected = self._sees = True
            self._trouble, self._pause_s = None, _FIRST_PAUSE_S
            listeners = self._listeners
            self._news.notify_all()
        for tell in listeners:
            try:
                tell(frame)
            except Exception:  # noqa: BLE001  a listener's bug must not stop the pictures
                _log.exception("%s: a listener failed", self.name)
