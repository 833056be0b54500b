"""Any camera that OpenCV opens: a number (USB), a device path, a video file, an http MJPEG or RTSP address.

Documentation: OpenCV 5, VideoCapture. Checked with AVI files, MJPEG over HTTP and the virtual bench. A dead network
camera can hold `read()` for 8 s in spite of its time-out (measured): reading has a thread of its own, which
callers never wait for longer than they asked.
"""

import atexit
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from hardware.devices import Frame, Traffic
from hardware.drivers import Probe
from hardware.errors import DeviceTimeoutError, NotConnectedError
from hardware.spec import CameraSpec

if TYPE_CHECKING:
    import cv2

PROBES: tuple[Probe, ...] = ()
_OPEN_S = 8.0


def _quiet() -> None:
    """OpenCV and its FFmpeg write no warnings of their own on the terminal: our error says what is wrong.

    Who wants to see them sets OPENCV_LOG_LEVEL and OPENCV_FFMPEG_LOGLEVEL. FFmpeg reads its at the first opening.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`.

    discard: frames to drop before one was surely exposed after the question; decoders hold one or two back.
    loop: begin a video file again at its end. width, height: asked of a USB camera; 0 leaves its own.
    """

    discard: Annotated[int, Field(ge=0, le=30)] = 2
    loop: bool = False
    width: Annotated[int, Field(ge=0, le=16384)] = 0
    height: Annotated[int, Field(ge=0, le=16384)] = 0


class Driver:
    """One camera and the thread that empties it."""

    def __init__(
        self, name: str, spec: CameraSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        del speed, latch  # a camera neither waits for others nor moves
        self.name = name
        self._source = spec.source
        self._settings = settings
        self._news = threading.Condition()
        self._frame: Frame | None = None
        self._trouble: str | None = None
        self._ended = False
        self._session = 0
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Begin to read and wait for the first frame."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._news:
            self._session += 1
            self._frame, self._trouble, self._ended = None, None, False
            # daemon: a dead network camera may hold it for seconds after close()
            self._thread = threading.Thread(
                target=self._read, args=(self._session,), name=f"camera {self.name}", daemon=True
            )
            self._thread.start()
            atexit.register(self.close)  # an interpreter that ends under OpenCV's feet aborts
            self._news.wait_for(lambda: self._frame is not None or self._trouble is not None, _OPEN_S)
            trouble = self._trouble if self._frame is None else None
            silent = self._frame is None
        if silent:
            self.close()
            message = trouble or f"{self._source} opens but sends no picture; close other programs that use it"
            raise NotConnectedError(self.name, message)

    def identify(self) -> str:
        self.open()
        frame = self.latest()
        size = f", {frame.image.shape[1]}x{frame.image.shape[0]}" if frame is not None else ""
        return f"OpenCV camera {self._source}{size}"

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return ()

    def about(self) -> Mapping[str, str]:
        frame = self.latest()
        return {"frames": str(self._number)} if frame is not None else {}

    def stop(self) -> None:
        """A camera moves nothing."""

    def close(self) -> None:
        with self._news:
            self._session += 1
            self._news.notify_all()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)
        atexit.unregister(self.close)

    def latest(self) -> Frame | None:
        return self._frame

    def capture(self, timeout_s: float = 5.0) -> Frame:
        with self._news:
            session = self._session
            wanted = self._number + self._settings.discard + 1
            self._news.wait_for(
                lambda: self._number >= wanted or self._ended or self._session != session, timeout_s
            )
            frame, trouble = self._frame, self._trouble
        if frame is not None and frame.number >= wanted:
            return frame
        if self._thread is None:
            raise NotConnectedError(self.name, f"{self._source} is closed")
        if trouble is not None:
            raise NotConnectedError(self.name, trouble)
        age = "none ever came" if frame is None else f"the last is {time.monotonic() - frame.taken_s:.1f} s old"
        raise DeviceTimeoutError(self.name, f"no new picture from {self._source} in {timeout_s:g} s; {age}")

    @property
    def _number(self) -> int:
        return self._frame.number if self._frame is not None else 0

    def _read(self, session: int) -> None:
        pause_s, number = 0.1, 0
        while self._session == session:
            capture = self._connect()
            if capture is not None:
                number = self._empty(capture, session, number)
                pause_s = 0.1
                capture.release()
            with self._news:
                if self._session != session:
                    return
                self._trouble = self._advice()
                self._ended = Path(self._source).is_file()
                self._news.notify_all()
                self._news.wait_for(lambda: self._session != session, None if self._ended else pause_s)
            pause_s = min(2 * pause_s, 2.0)

    def _connect(self) -> "cv2.VideoCapture | None":
        _quiet()
        import cv2  # heavy: only a process that looks needs it

        if self._source.isdigit():
            capture = cv2.VideoCapture(int(self._source))
        elif "://" in self._source:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 3000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 3000]
            capture = cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, limits)
        else:
            capture = cv2.VideoCapture(self._source)
        if not capture.isOpened():
            capture.release()
            return None
        for size, prop in ((self._settings.width, cv2.CAP_PROP_FRAME_WIDTH),
                           (self._settings.height, cv2.CAP_PROP_FRAME_HEIGHT)):  # fmt: skip
            if size:
                capture.set(prop, size)
        return capture

    def _empty(self, capture: "cv2.VideoCapture", session: int, number: int) -> int:
        """Read until the source fails or is closed; returns the number of the last frame."""
        import cv2

        is_file = Path(self._source).is_file()
        beat_s = 1 / (capture.get(cv2.CAP_PROP_FPS) or 25.0) if is_file else 0.0
        due = time.monotonic()
        while self._session == session:
            ok, image = capture.read()
            if not ok and is_file and self._settings.loop and number:
                capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                ok, image = capture.read()
            if not ok:
                break
            number += 1
            with self._news:
                if self._session != session:
                    break
                self._frame = Frame(image, time.monotonic(), number)  # type: ignore[arg-type]
                self._trouble = None
                self._news.notify_all()
                if is_file:
                    due += beat_s
                    self._news.wait_for(lambda: self._session != session, max(0.0, due - time.monotonic()))
        return number

    def _advice(self) -> str:
        if "://" in self._source:
            return f"no picture from {self._source}; is the camera, or the virtual bench, switched on?"
        if self._source.isdigit():
            return f"no picture from camera {self._source}; check its cable and close other programs that use it"
        if Path(self._source).is_file():
            return f"{self._source} has ended or is no video that OpenCV reads"
        return f"{self._source} does not exist; correct `source` in the rig file"
